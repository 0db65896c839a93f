//! Links tests to the issues that a report names.
//!
//! An issue named in a place made for it is believed: when the mirror does not know the key, a
//! placeholder takes the link and Jira is asked for the issue. Something that merely looks like a
//! key links only to an issue the mirror knows.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use super::match_tests::MatchedTest;
use super::prepare::PreparedRun;
use crate::domain::work::{Priority, Work};
use crate::results::model::Certainty;
use crate::store::links::{NewLink, Source};
use crate::store::outbox::NewWork;
use crate::store::{Conn, SiteId, StoreError, issues, links, outbox};

/// Links the tests (one for each run) to the issues their runs name.
pub(super) async fn link(
    on: &impl Conn,
    site: SiteId,
    runs: &[PreparedRun],
    tests: &[MatchedTest],
    now_ms: i64,
) -> Result<(), StoreError> {
    let named = || runs.iter().flat_map(|run| &run.requirements);
    let keys: BTreeSet<&str> = named().map(|named| named.key.as_str()).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let stated: BTreeSet<&str> = named()
        .filter(|named| named.certainty == Certainty::Stated)
        .map(|named| named.key.as_str())
        .collect();
    let issue_ids = mirrored(on, site, &keys, &stated, now_ms).await?;
    links::insert_all(on, site, &wanted(runs, tests, &issue_ids), now_ms).await
}

/// The mirror rows of the issues of these keys. One of the `stated` keys gets a placeholder when the
/// mirror does not know it, and Jira is asked for the issue.
pub(super) async fn mirrored(
    on: &impl Conn,
    site: SiteId,
    keys: &BTreeSet<&str>,
    stated: &BTreeSet<&str>,
    now_ms: i64,
) -> Result<HashMap<String, Uuid>, StoreError> {
    let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    let mut issue_ids = issues::ids_by_keys(on, site, &keys).await?;
    let is_missing = |ids: &HashMap<String, Uuid>| stated.iter().any(|key| !ids.contains_key(*key));
    if is_missing(&issue_ids) {
        // Another import may be making the same placeholders; whoever comes second finds them.
        issues::hold_keys(on, site).await?;
        issue_ids.extend(issues::ids_by_keys(on, site, &keys).await?);
        let missing = stated.iter().filter(|key| !issue_ids.contains_key(**key));
        let missing: Vec<String> = missing.map(|key| (*key).to_owned()).collect();
        issue_ids.extend(issues::insert_placeholders(on, site, &missing, now_ms).await?);
        ask_jira(on, site, &missing, now_ms).await?;
    }
    Ok(issue_ids)
}

/// Has the issues of these keys fetched, each once.
async fn ask_jira(
    on: &impl Conn,
    site: SiteId,
    keys: &[String],
    now_ms: i64,
) -> Result<(), StoreError> {
    for key in keys {
        let work = Work::FetchIssue { key: key.clone() };
        let new = NewWork::new(&work, format!("results name {key}"), now_ms)
            .once(format!("fetch:{key}"))
            .with_priority(Priority::Background);
        outbox::put(on, site, &new).await?;
    }
    Ok(())
}

/// The links, each once: a stated one goes before a guessed one of the same pair.
fn wanted(
    runs: &[PreparedRun],
    tests: &[MatchedTest],
    issue_ids: &HashMap<String, Uuid>,
) -> Vec<NewLink> {
    let mut wanted: HashMap<(Uuid, Uuid), Source> = HashMap::new();
    for (run, matched) in runs.iter().zip(tests) {
        let test = matched.test;
        for named in &run.requirements {
            let Some(issue) = issue_ids.get(&named.key) else {
                continue;
            };
            let source = wanted.entry((*issue, test.id)).or_insert(Source::Guessed);
            if named.certainty == Certainty::Stated {
                *source = Source::Stated;
            }
        }
    }
    let mut links: Vec<NewLink> = wanted
        .into_iter()
        .map(|((issue, test), source)| NewLink {
            issue,
            test,
            source,
        })
        .collect();
    links.sort_unstable_by_key(|link| (link.issue, link.test));
    links
}
