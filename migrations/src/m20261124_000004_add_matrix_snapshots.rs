//! Stored matrices: what they were asked for, and one row an issue. Nothing ever changes a row.

use sea_orm_migration::prelude::*;

/// Creates the tables of snapshots.
#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::ddl::run(manager, SCHEMA).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["matrix_snapshot_row", "matrix_snapshot"] {
            crate::ddl::run(manager, &format!("DROP TABLE {table}")).await?;
        }
        Ok(())
    }
}

const SCHEMA: &str = "
CREATE TABLE matrix_snapshot (
    site_id bigint NOT NULL,
    id UUID NOT NULL,
    project_key text NOT NULL,
    name text NOT NULL,
    scope text NOT NULL,
    environment text,
    filters text NOT NULL,
    settings text NOT NULL,
    counts text NOT NULL,
    created_by text,
    created_ms bigint NOT NULL,
    PRIMARY KEY (site_id, id)
);
CREATE INDEX matrix_snapshot_by_project ON matrix_snapshot (site_id, project_key, id);

CREATE TABLE matrix_snapshot_row (
    site_id bigint NOT NULL,
    snapshot_id UUID NOT NULL,
    place bigint NOT NULL,
    issue_id UUID NOT NULL,
    jira_id bigint NOT NULL,
    key text NOT NULL,
    summary text NOT NULL,
    status text NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (site_id, snapshot_id, place, issue_id)
) CLUSTERED;
";
