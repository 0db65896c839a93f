//! What hangs under an issue, and what people chose to look at.
//!
//! Links between issues are kept as Jira tells of them, each with the time of the last word on it, so
//! that a link and its removal may come in any order.

use sea_orm_migration::prelude::*;

/// Adds links between issues, the indexes that children and lists are found by, when the text of an
/// issue last changed, and the scope each person looks at a project in.
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
            "DROP INDEX issue_by_project;
            DROP INDEX issue_by_parent;
            ALTER TABLE issue DROP COLUMN text_changed_ms;
            DROP TABLE viewer_scope;
            DROP TABLE issue_link",
        )
        .await
    }
}

const SCHEMA: &str = "
CREATE TABLE issue_link (
    site_id bigint NOT NULL,
    source_jira_id bigint NOT NULL,
    destination_jira_id bigint NOT NULL,
    type_id text NOT NULL,
    type_name text NOT NULL,
    event_ms bigint NOT NULL,
    is_removed boolean NOT NULL,
    PRIMARY KEY (site_id, source_jira_id, destination_jira_id, type_id)
) CLUSTERED;
CREATE INDEX issue_link_by_destination ON issue_link (site_id, destination_jira_id);

CREATE TABLE viewer_scope (
    site_id bigint NOT NULL,
    account_id text NOT NULL,
    project_key text NOT NULL,
    scope text NOT NULL,
    environment text,
    changed_ms bigint NOT NULL,
    PRIMARY KEY (site_id, account_id, project_key)
) CLUSTERED;

ALTER TABLE issue ADD COLUMN text_changed_ms bigint;
CREATE INDEX issue_by_parent ON issue (site_id, parent_jira_id) WHERE parent_jira_id IS NOT NULL;
CREATE INDEX issue_by_project ON issue (site_id, project_key);
";
