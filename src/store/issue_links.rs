//! Links between issues, as events tell of them: the newest word on each link holds.

use std::collections::BTreeMap;

use sea_orm::FromQueryResult;

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

#[derive(FromQueryResult)]
struct Row {
    source_jira_id: i64,
    destination_jira_id: i64,
    type_id: String,
    type_name: String,
    event_ms: i64,
}

/// The types that links between issues of a site have: id and name, by name.
pub async fn types(on: &impl Conn, site: SiteId) -> Result<Vec<(String, String)>, StoreError> {
    let rows = Sql::new(
        "SELECT type_id, max(type_name) FROM issue_link WHERE NOT is_removed AND site_id = ",
    )
    .bind(site)
    .push(" GROUP BY type_id ORDER BY 2, 1")
    .raw(on)
    .await?;
    rows.iter()
        .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
        .collect()
}

/// The links that these issues (Jira's ids) have at either end, each with the time of the last word on
/// it, milliseconds since the Unix epoch; removed ones are left out.
pub async fn of_issues(
    on: &impl Conn,
    site: SiteId,
    issues: &[i64],
) -> Result<Vec<(IssueLink, i64)>, StoreError> {
    let mut sql = Sql::new("");
    for (n, end) in ["source_jira_id", "destination_jira_id"].iter().enumerate() {
        sql.push(if n == 0 { "" } else { " UNION " })
            .push("SELECT source_jira_id, destination_jira_id, type_id, type_name, event_ms")
            .with(" FROM issue_link WHERE site_id = ", site)
            .push(&format!(" AND NOT is_removed AND {end} IN "))
            .list(issues.iter().copied());
    }
    let rows: Vec<Row> = sql.all(on).await?;
    let link = |row: Row| {
        let link = IssueLink {
            source_jira_id: row.source_jira_id,
            destination_jira_id: row.destination_jira_id,
            type_id: row.type_id,
            type_name: row.type_name,
            is_removed: false,
        };
        (link, row.event_ms)
    };
    Ok(rows.into_iter().map(link).collect())
}
