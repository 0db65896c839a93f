//! What a repository of tests holds beside tests: the type and definition of a test, sets of tests,
//! preconditions, and folders.
//!
//! Sets and preconditions are groups of tests that differ in what they say, so they share tables. A
//! folder belongs to an owner, a project or a plan, and is its path; the root needs no row.

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

const TABLES: [&str; 4] = ["test_group", "test_group_test", "folder", "folder_item"];

const COLUMNS: [(&str, &str); 5] = [
    ("test_case", "test_type"),
    ("test_case", "definition"),
    ("test_version", "test_type"),
    ("test_version", "definition"),
    ("project", "next_group"),
];

const SCHEMA: &str = "
CREATE TABLE test_group (
    site_id bigint NOT NULL,
    id UUID NOT NULL,
    project_id UUID NOT NULL,
    kind smallint NOT NULL,
    number bigint NOT NULL,
    name text NOT NULL,
    description text,
    test_type text,
    definition text,
    created_by text,
    created_ms bigint NOT NULL,
    changed_ms bigint NOT NULL,
    PRIMARY KEY (site_id, id)
);
CREATE UNIQUE INDEX test_group_by_number ON test_group (site_id, project_id, number);

CREATE TABLE test_group_test (
    site_id bigint NOT NULL,
    group_id UUID NOT NULL,
    test_id UUID NOT NULL,
    PRIMARY KEY (site_id, group_id, test_id)
) CLUSTERED;
CREATE INDEX test_group_test_by_test ON test_group_test (site_id, test_id);

CREATE TABLE folder (
    site_id bigint NOT NULL,
    owner_id UUID NOT NULL,
    path text NOT NULL,
    created_ms bigint NOT NULL,
    PRIMARY KEY (site_id, owner_id, path)
) CLUSTERED;

CREATE TABLE folder_item (
    site_id bigint NOT NULL,
    owner_id UUID NOT NULL,
    item_id UUID NOT NULL,
    is_test boolean NOT NULL,
    path text NOT NULL,
    PRIMARY KEY (site_id, owner_id, item_id)
) CLUSTERED;
CREATE INDEX folder_item_by_path ON folder_item (site_id, owner_id, path);

ALTER TABLE test_case ADD COLUMN test_type text;
ALTER TABLE test_case ADD COLUMN definition text;
ALTER TABLE test_version ADD COLUMN test_type text;
ALTER TABLE test_version ADD COLUMN definition text;
ALTER TABLE project ADD COLUMN next_group bigint NOT NULL DEFAULT 1;
";
