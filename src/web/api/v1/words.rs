//! The words that answers use for what `domain` names, as schemas of the description.

use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use crate::domain::coverage::CoverageStatus;
use crate::domain::issue::StatusCategory;
use crate::domain::run::RunStatus;

/// How a run ended: a built-in status, or one of the site's own.
pub(super) fn run_status() -> Object {
    let known = RunStatus::ALL.map(RunStatus::name).join(", ");
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(format!(
            "{known}, or the name of a status of the site's own."
        )))
        .examples([RunStatus::Passed.name()])
        .build()
}

/// The status of an issue.
pub(super) fn coverage_status() -> Object {
    use CoverageStatus::{Exempt, Nok, NotRun, Ok, Uncovered, Unknown};
    one_of([Ok, Nok, NotRun, Unknown, Uncovered, Exempt].map(CoverageStatus::name))
}

/// Jira's category of a status.
pub(super) fn status_category() -> Object {
    use StatusCategory::{Done, Indeterminate, New, Undefined};
    one_of([Undefined, New, Indeterminate, Done].map(StatusCategory::key))
}

/// One of these words.
pub(super) fn one_of<const N: usize>(words: [&'static str; N]) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(words))
        .build()
}
