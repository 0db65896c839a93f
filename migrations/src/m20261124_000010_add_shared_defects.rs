//! One defect for several tests: failures of one cause, and what is above the limit of an execution.

use sea_orm_migration::prelude::*;

/// Adds what a failure shares with those of other tests, the execution a claim is about, and the
/// tests that wait for the defect of a claim.
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
            "DROP TABLE defect_claim_test;
            DROP INDEX defect_claim_by_execution;
            ALTER TABLE defect_claim DROP COLUMN execution_id;
            DROP INDEX defect_link_by_cause;
            ALTER TABLE defect_link DROP COLUMN cause",
        )
        .await
    }
}

const SCHEMA: &str = "
ALTER TABLE defect_link ADD COLUMN cause BYTES;
CREATE INDEX defect_link_by_cause ON defect_link (site_id, cause) WHERE cause IS NOT NULL;

ALTER TABLE defect_claim ADD COLUMN execution_id UUID;
CREATE INDEX defect_claim_by_execution ON defect_claim (site_id, execution_id)
    WHERE execution_id IS NOT NULL;

CREATE TABLE defect_claim_test (
    site_id bigint NOT NULL,
    marker UUID NOT NULL,
    test_id UUID NOT NULL,
    run_number bigint NOT NULL,
    signature BYTES NOT NULL,
    cause BYTES,
    PRIMARY KEY (site_id, marker, test_id)
) CLUSTERED;
CREATE INDEX defect_claim_test_by_test ON defect_claim_test (site_id, test_id);
";
