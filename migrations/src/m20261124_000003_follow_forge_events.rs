//! What Forge's events need: they tell a part of an issue, and nothing of the issues of a project that
//! is taken away.
//!
//! `issue.behind` holds, as JSON, the fields that the newest change did not tell with the change that
//! last did; null where every field is as new as the row.

use sea_orm_migration::prelude::*;

/// Adds the columns.
#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::ddl::run(manager, UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::ddl::run(manager, DOWN).await
    }
}

const UP: &str = "
ALTER TABLE issue ADD COLUMN behind text;
ALTER TABLE issue ADD COLUMN is_gone_with_project boolean NOT NULL DEFAULT false;
ALTER TABLE project ADD COLUMN event_ms bigint NOT NULL DEFAULT 0;
";

const DOWN: &str = "
ALTER TABLE project DROP COLUMN event_ms;
ALTER TABLE issue DROP COLUMN is_gone_with_project;
ALTER TABLE issue DROP COLUMN behind;
";
