//! What people and scripts may edit: versions of tests, plans, evidence, exemptions, quarantines; and
//! the answers that a repeated request gets again.
//!
//! A test's row holds its current version; `test_version` holds the ones before it. Evidence hangs on
//! a run and points to its bytes in `blob`, which are kept once per project and content.

use sea_orm_migration::prelude::*;

/// Adds the tables and columns.
#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::ddl::run(manager, SCHEMA).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::ddl::run(manager, "DROP INDEX run_by_custom_status").await?;
        for (table, column) in COLUMNS.iter().rev() {
            crate::ddl::run(
                manager,
                &format!("ALTER TABLE {table} DROP COLUMN {column}"),
            )
            .await?;
        }
        for table in TABLES.iter().rev() {
            crate::ddl::run(manager, &format!("DROP TABLE {table}")).await?;
        }
        Ok(())
    }
}

const TABLES: [&str; 9] = [
    "exemption",
    "quarantine",
    "test_version",
    "plan",
    "plan_test",
    "run_defect",
    "blob",
    "evidence",
    "idempotency",
];

const COLUMNS: [(&str, &str); 6] = [
    ("test_case", "steps"),
    ("test_case", "workflow_status"),
    ("test_case", "created_by"),
    ("test_case", "version_ms"),
    ("test_case", "version_by"),
    ("run", "test_version"),
];

const SCHEMA: &str = "
CREATE TABLE exemption (
    site_id bigint NOT NULL,
    issue_id UUID NOT NULL,
    reason text NOT NULL,
    created_by text,
    created_ms bigint NOT NULL,
    ends_ms bigint,
    PRIMARY KEY (site_id, issue_id)
) CLUSTERED;

CREATE TABLE quarantine (
    site_id bigint NOT NULL,
    test_id UUID NOT NULL,
    reason text NOT NULL,
    owner text NOT NULL,
    created_by text,
    created_ms bigint NOT NULL,
    ends_ms bigint NOT NULL,
    PRIMARY KEY (site_id, test_id)
) CLUSTERED;

CREATE TABLE test_version (
    site_id bigint NOT NULL,
    test_id UUID NOT NULL,
    version integer NOT NULL,
    name text NOT NULL,
    description text,
    steps text NOT NULL,
    created_by text,
    created_ms bigint NOT NULL,
    PRIMARY KEY (site_id, test_id, version)
) CLUSTERED;

CREATE TABLE plan (
    site_id bigint NOT NULL,
    id UUID NOT NULL,
    project_id UUID NOT NULL,
    number bigint NOT NULL,
    name text NOT NULL,
    description text,
    created_by text,
    created_ms bigint NOT NULL,
    PRIMARY KEY (site_id, id)
);
CREATE UNIQUE INDEX plan_by_number ON plan (site_id, project_id, number);

CREATE TABLE plan_test (
    site_id bigint NOT NULL,
    plan_id UUID NOT NULL,
    test_id UUID NOT NULL,
    PRIMARY KEY (site_id, plan_id, test_id)
) CLUSTERED;

CREATE TABLE run_defect (
    site_id bigint NOT NULL,
    execution_id UUID NOT NULL,
    run_number bigint NOT NULL,
    step integer NOT NULL,
    issue_id UUID NOT NULL,
    PRIMARY KEY (site_id, execution_id, run_number, step, issue_id)
) CLUSTERED;
CREATE INDEX run_defect_by_issue ON run_defect (site_id, issue_id);

CREATE TABLE blob (
    site_id bigint NOT NULL,
    project_id UUID NOT NULL,
    hash BYTES NOT NULL,
    content BYTES NOT NULL,
    PRIMARY KEY (site_id, project_id, hash)
);

CREATE TABLE evidence (
    site_id bigint NOT NULL,
    execution_id UUID NOT NULL,
    run_number bigint NOT NULL,
    id UUID NOT NULL,
    project_id UUID NOT NULL,
    step integer NOT NULL,
    name text NOT NULL,
    media_type text NOT NULL,
    hash BYTES NOT NULL,
    size bigint NOT NULL,
    created_by text,
    created_ms bigint NOT NULL,
    PRIMARY KEY (site_id, execution_id, run_number, id)
);
CREATE INDEX evidence_by_hash ON evidence (site_id, project_id, hash);

CREATE TABLE idempotency (
    site_id bigint NOT NULL,
    client_id UUID NOT NULL,
    key text NOT NULL,
    request_hash BYTES NOT NULL,
    status smallint NOT NULL,
    etag text,
    location text,
    body text NOT NULL,
    created_ms bigint NOT NULL,
    PRIMARY KEY (site_id, client_id, key)
);
CREATE INDEX idempotency_by_time ON idempotency (site_id, created_ms);

ALTER TABLE test_case ADD COLUMN steps text NOT NULL DEFAULT '[]';
ALTER TABLE test_case ADD COLUMN workflow_status text;
ALTER TABLE test_case ADD COLUMN created_by text;
ALTER TABLE test_case ADD COLUMN version_ms bigint;
ALTER TABLE test_case ADD COLUMN version_by text;
ALTER TABLE run ADD COLUMN test_version integer NOT NULL DEFAULT 1;
CREATE INDEX run_by_custom_status ON run (site_id, status) WHERE status >= 100;
";
