//! The schema of Touchstone's store.
//!
//! One file per migration, named `mYYYYMMDD_NNNNNN_<verb>_<noun>`; see README.md beside this crate
//! for the rules (expand, then contract: old code runs against the new schema during a deploy).

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::{MigrationTrait, async_trait};

mod ddl;
mod m20261124_000001_create_store;
mod m20261124_000002_add_coverage_rules;
mod m20261124_000003_add_editable_facts;
mod m20261124_000004_add_matrix_snapshots;
mod m20261124_000005_add_readiness;
mod m20261124_000006_add_hierarchy;
mod m20261124_000009_add_rule_facts;
mod m20261124_000010_add_shared_defects;
mod m20261124_000011_add_shown_status;
mod m20261124_000012_add_scans;
mod m20261124_000013_add_test_repository;
mod m20261201_000050_add_sprints;

/// All migrations, oldest first.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261124_000001_create_store::Migration),
            Box::new(m20261124_000002_add_coverage_rules::Migration),
            Box::new(m20261124_000003_add_editable_facts::Migration),
            Box::new(m20261124_000004_add_matrix_snapshots::Migration),
            Box::new(m20261124_000005_add_readiness::Migration),
            Box::new(m20261124_000006_add_hierarchy::Migration),
            Box::new(m20261124_000009_add_rule_facts::Migration),
            Box::new(m20261124_000010_add_shared_defects::Migration),
            Box::new(m20261124_000011_add_shown_status::Migration),
            Box::new(m20261124_000012_add_scans::Migration),
            Box::new(m20261124_000013_add_test_repository::Migration),
            Box::new(m20261201_000050_add_sprints::Migration),
        ]
    }
}
