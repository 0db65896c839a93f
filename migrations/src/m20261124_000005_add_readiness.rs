//! Readiness: how each version and sprint stood on each day.

use sea_orm_migration::prelude::*;

/// Creates the tables of readiness.
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
            "DROP TABLE readiness_sweep;\nDROP TABLE readiness_day",
        )
        .await
    }
}

/// `day` counts days since 1 January 1970, UTC.
const SCHEMA: &str = "
CREATE TABLE readiness_day (
    site_id bigint NOT NULL,
    project_key text NOT NULL,
    scope text NOT NULL,
    day bigint NOT NULL,
    verdict text NOT NULL,
    measures text NOT NULL,
    computed_ms bigint NOT NULL,
    PRIMARY KEY (site_id, project_key, scope, day)
) CLUSTERED;

CREATE TABLE readiness_sweep (
    site_id bigint NOT NULL,
    day bigint NOT NULL,
    lease_until_ms bigint NOT NULL,
    PRIMARY KEY (site_id)
) CLUSTERED;
";
