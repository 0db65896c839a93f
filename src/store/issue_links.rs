//! Links between issues, as events tell of them: the newest word on each link holds.

use std::collections::BTreeMap;

use super::{Conn, Dialect, SiteId, Sql, StoreError};
use crate::domain::issue::IssueLink;

/// Takes in what was told of links, each with when that was (milliseconds since the Unix epoch);
/// what is older than what is known changes nothing, whatever the order of arrival.
pub async fn learn_all(
    on: &impl Conn,
    told: &[(SiteId, IssueLink, i64)],
) -> Result<(), StoreError> {
    const COLUMNS: usize = 7;
    let mut newest: BTreeMap<_, (&IssueLink, i64)> = BTreeMap::new();
    for (site, link, at_ms) in told {
        let ends = (link.source_jira_id, link.destination_jira_id);
        let held = newest
            .entry((*site, ends, link.type_id.as_str()))
            .or_insert((link, *at_ms));
        if held.1 <= *at_ms {
            *held = (link, *at_ms);
        }
    }
    let newest: Vec<_> = newest.into_iter().collect();
    for chunk in newest.chunks(Dialect::of(on).chunk(COLUMNS)) {
        let mut sql = Sql::new(
            "INSERT INTO issue_link (site_id, source_jira_id, destination_jira_id, type_id, \
             type_name, event_ms, is_removed) ",
        );
        sql.rows::<COLUMNS>(chunk.iter().map(|((site, ..), (link, at_ms))| {
            [
                (*site).into(),
                link.source_jira_id.into(),
                link.destination_jira_id.into(),
                link.type_id.clone().into(),
                link.type_name.clone().into(),
                (*at_ms).into(),
                link.is_removed.into(),
            ]
        }))
        .push(
            " ON CONFLICT (site_id, source_jira_id, destination_jira_id, type_id) DO UPDATE SET \
             type_name = excluded.type_name, event_ms = excluded.event_ms, \
             is_removed = excluded.is_removed WHERE excluded.event_ms >= issue_link.event_ms",
        )
        .run(on)
        .await?;
    }
    Ok(())
}
