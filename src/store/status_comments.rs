//! Where the one status comment of an issue stands in Jira.

use super::{Conn, SiteId, Sql, StoreError};

/// Jira's id of the status comment of an issue, if there is one.
pub async fn of_issue(
    on: &impl Conn,
    site: SiteId,
    issue_jira_id: i64,
) -> Result<Option<i64>, StoreError> {
    let mut sql = Sql::new("SELECT comment_id FROM status_comment WHERE site_id = ");
    sql.bind(site).with(" AND issue_jira_id = ", issue_jira_id);
    Ok(sql.scalar(on).await?)
}

/// Keeps where it stands, in place of another that is there no more.
pub async fn keep(
    on: &impl Conn,
    site: SiteId,
    issue_jira_id: i64,
    comment_id: i64,
) -> Result<(), StoreError> {
    Sql::new("INSERT INTO status_comment (site_id, issue_jira_id, comment_id) ")
        .rows([[site.into(), issue_jira_id.into(), comment_id.into()]])
        .push(
            " ON CONFLICT (site_id, issue_jira_id) DO UPDATE SET comment_id = excluded.comment_id",
        )
        .run(on)
        .await?;
    Ok(())
}
