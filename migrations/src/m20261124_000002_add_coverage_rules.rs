//! What the rules of coverage need beside the counting runs: the newest results of each test, from
//! which it shows whether the test is flaky.

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::ddl::run(manager, SCHEMA).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::ddl::run(manager, "DROP TABLE test_window").await
    }
}

/// `is_mixed` says whether a test can be flaky at all, so that nobody else's results are read.
const SCHEMA: &str = "
CREATE TABLE test_window (
    site_id bigint NOT NULL,
    test_id UUID NOT NULL,
    is_mixed boolean NOT NULL,
    results text NOT NULL,
    PRIMARY KEY (site_id, test_id)
) CLUSTERED;
";
