//! What Jira is told of issues: the status each was last shown with, and its one status comment.

use sea_orm_migration::prelude::*;

/// Adds which status of an issue Jira was told, which issues may have another by now, where the
/// status comment of an issue stands, and the index that work for Jira is taken in turn by.
#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::ddl::run(manager, SCHEMA).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::ddl::run(
            manager,
            "DROP INDEX outbox_in_turn;
            DROP TABLE status_comment;
            DROP TABLE shown_status",
        )
        .await
    }
}

const SCHEMA: &str = "
CREATE TABLE shown_status (
    site_id bigint NOT NULL,
    issue_id UUID NOT NULL,
    due_ms bigint,
    marks bigint NOT NULL,
    checked_ms bigint NOT NULL DEFAULT 0,
    value text,
    since_ms bigint,
    PRIMARY KEY (site_id, issue_id)
) CLUSTERED;
CREATE INDEX shown_status_due ON shown_status (due_ms) WHERE due_ms IS NOT NULL;

CREATE TABLE status_comment (
    site_id bigint NOT NULL,
    issue_jira_id bigint NOT NULL,
    comment_id bigint NOT NULL,
    PRIMARY KEY (site_id, issue_jira_id)
) CLUSTERED;

CREATE INDEX outbox_in_turn ON outbox (site_id, priority, id) WHERE state = 0;
";
