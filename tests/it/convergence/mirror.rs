//! What the service knows of Jira, compared with Jira.

use std::collections::{BTreeMap, BTreeSet};

use jira_standin::IssueView;

use super::town::Town;

impl Town {
    /// The links of the mirror, as pairs of keys, each from either end.
    async fn links(&self) -> BTreeSet<(String, String)> {
        let rows = self
            .ask(
                "SELECT a.key, b.key FROM issue_link l \
                 JOIN issue a ON a.site_id = l.site_id AND a.jira_id = l.source_jira_id \
                 JOIN issue b ON b.site_id = l.site_id AND b.jira_id = l.destination_jira_id \
                 WHERE NOT l.is_removed AND a.deleted_ms IS NULL AND b.deleted_ms IS NULL",
            )
            .await;
        let pairs = rows.iter().flat_map(|row| {
            let text = |n: usize| -> String { row.try_get_by_index(n).unwrap() };
            [(text(0), text(1)), (text(1), text(0))]
        });
        pairs.collect()
    }

    /// The keys of the issues that tests refer to.
    async fn tested(&self) -> BTreeSet<String> {
        let rows = self
            .ask(
                "SELECT i.key FROM issue i WHERE EXISTS (SELECT 1 FROM test_link t \
                 WHERE t.site_id = i.site_id AND t.issue_id = i.id) OR EXISTS (SELECT 1 FROM defect_link d \
                 WHERE d.site_id = i.site_id AND d.issue_id = i.id)",
            )
            .await;
        rows.iter()
            .map(|row| row.try_get_by_index(0).unwrap())
            .collect()
    }

    /// Every issue is in the mirror as Jira has it; what was deleted and had tests is known to be.
    pub async fn mirror_is_as_jira(&self) {
        let rows = self
            .ask(
                "SELECT i.key, i.status_name, i.summary, i.labels, i.deleted_ms, (SELECT count(*) FROM test_link t \
                 WHERE t.site_id = i.site_id AND t.issue_id = i.id) FROM issue i",
            )
            .await;
        let (jira, mut seen) = (self.issues(), BTreeSet::new());
        for row in &rows {
            let text = |n: usize| -> String { row.try_get_by_index(n).unwrap() };
            let deleted: Option<i64> = row.try_get_by_index(4).unwrap();
            let links: i64 = row.try_get_by_index(5).unwrap();
            let Some(issue) = jira.get(&text(0)) else {
                assert!(
                    deleted.is_some() || links == 0,
                    "{} is gone in Jira",
                    text(0)
                );
                continue;
            };
            let labels: Vec<String> = serde_json::from_str(&text(3)).unwrap();
            assert_eq!(deleted, None, "{} is there", issue.key);
            assert_eq!(
                (&text(1), &text(2), &labels),
                (&issue.status, &issue.summary, &issue.labels),
                "{}",
                issue.key
            );
            seen.insert(issue.key.clone());
        }
        // Of other issues a link may be hidden by a later event (see `app::reconcile::changes`).
        let tested = self.tested().await;
        let matters = |(a, b): &(String, String)| tested.contains(a) || tested.contains(b);
        let (mut held, mut links) = (self.links().await, links_of(&jira));
        held.retain(matters);
        links.retain(matters);
        assert_eq!(held, links);
        let all: BTreeSet<String> = jira.into_keys().collect();
        assert_eq!(seen, all);
    }
}

fn links_of(jira: &BTreeMap<String, IssueView>) -> BTreeSet<(String, String)> {
    let of_issue = |issue: &IssueView| {
        let key = issue.key.clone();
        let linked = issue
            .links
            .iter()
            .map(move |link| (key.clone(), link.key.clone()));
        linked.collect::<Vec<_>>()
    };
    jira.values().flat_map(of_issue).collect()
}
