//! What rules keep: how versions and sprints stood at their end, and when a person said that a test is
//! not flaky any more.

use sea_orm_migration::prelude::*;

/// Adds the endings of versions and sprints, and the moment up to which results are no evidence that
/// a test is flaky.
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
            "ALTER TABLE test_case DROP COLUMN flaky_cleared_ms;
            DROP TABLE readiness_ending",
        )
        .await
    }
}

const SCHEMA: &str = "
CREATE TABLE readiness_ending (
    site_id bigint NOT NULL,
    project_key text NOT NULL,
    scope text NOT NULL,
    cause text NOT NULL,
    at_ms bigint NOT NULL,
    verdict text NOT NULL,
    measures text NOT NULL,
    PRIMARY KEY (site_id, project_key, scope, cause)
) CLUSTERED;

ALTER TABLE test_case ADD COLUMN flaky_cleared_ms bigint;
";
