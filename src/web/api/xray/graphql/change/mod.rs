//! Changes. Each is one transaction, in which the project is held from before what is changed is read.
//!
//! What is asked for of many things is done for those it can be done for, and `warning` says which
//! those are not and why; what cannot be done at all is an error and changes nothing.

use async_graphql::MergedObject;

pub(in crate::web::api::xray) mod document;
pub(in crate::web::api::xray) mod draft;
pub(in crate::web::api::xray) mod evidence;
mod executions;
mod folders;
mod groups;
mod hold;
mod plans;
mod run_steps;
pub(in crate::web::api::xray) mod runs;
mod tests;

/// All of them.
#[derive(Debug, MergedObject, Default)]
pub(super) struct Mutation(
    tests::TestMutation,
    groups::GroupMutation,
    executions::ExecutionMutation,
    plans::PlanMutation,
    runs::RunMutation,
    run_steps::RunStepMutation,
    evidence::EvidenceMutation,
    folders::FolderMutation,
);
