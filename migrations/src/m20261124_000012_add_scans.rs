//! What is compared with Jira, because events get lost: how far each scan of a site is, what it has
//! looked at, and which issues it found out of reach.

use sea_orm_migration::prelude::*;

/// Adds the tables.
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
            "DROP TABLE out_of_reach;
            DROP TABLE scan_note;
            DROP TABLE scan",
        )
        .await
    }
}

const SCHEMA: &str = "
CREATE TABLE scan (
    site_id bigint NOT NULL,
    kind text NOT NULL,
    due_ms bigint NOT NULL,
    checkpoint_ms bigint NOT NULL,
    started_ms bigint,
    place text,
    seen bigint NOT NULL DEFAULT 0,
    total bigint,
    found bigint NOT NULL DEFAULT 0,
    finished_ms bigint,
    PRIMARY KEY (site_id, kind)
) CLUSTERED;
CREATE INDEX scan_by_due ON scan (due_ms);

CREATE TABLE scan_note (
    site_id bigint NOT NULL,
    jira_id bigint NOT NULL,
    updated_ms bigint NOT NULL,
    noted_ms bigint NOT NULL,
    PRIMARY KEY (site_id, jira_id)
) CLUSTERED;
CREATE INDEX scan_note_by_time ON scan_note (site_id, noted_ms);

CREATE TABLE out_of_reach (
    site_id bigint NOT NULL,
    jira_id bigint NOT NULL,
    since_ms bigint NOT NULL,
    PRIMARY KEY (site_id, jira_id)
) CLUSTERED;
";
