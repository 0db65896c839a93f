//! Changes. Each is one transaction, in which the project is held from before what is changed is read.
//!
//! What is asked for of many things is done for those it can be done for, and `warning` says which
//! those are not and why; what cannot be done at all is an error and changes nothing.

use async_graphql::MergedObject;

mod document;
mod evidence;
mod folders;
mod hold;
mod plans;
mod tests;

/// All of them.
#[derive(Debug, MergedObject, Default)]
pub(super) struct Mutation(
    tests::TestMutation,
    plans::PlanMutation,
    evidence::EvidenceMutation,
    folders::FolderMutation,
);
