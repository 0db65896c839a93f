//! When sprints ran, so that results which name none count for the sprint they were made in.

use sea_orm_migration::prelude::*;

/// Adds the table, and the index by which executions without a sprint are found.
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
            "DROP INDEX execution_without_sprint;
            DROP TABLE sprint",
        )
        .await
    }
}

const SCHEMA: &str = "
CREATE TABLE sprint (
    site_id bigint NOT NULL,
    jira_id text NOT NULL,
    name text NOT NULL,
    began_ms bigint,
    ended_ms bigint,
    told_ms bigint NOT NULL,
    PRIMARY KEY (site_id, jira_id)
) CLUSTERED;
CREATE INDEX sprint_by_name ON sprint (site_id, name);

CREATE INDEX execution_without_sprint ON execution (site_id, finished_ms) WHERE sprint IS NULL;
";
