//! The fields of JQL that hold ids: what an issue has in them, and what a query's words stand for.

use crate::jql::Operand;
use crate::model::{Issue, State};
use crate::refusal::Refusal;
use crate::scheme;

/// A field whose values are a set of ids.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueField {
    Project,
    Type,
    Status,
    Category,
    Key,
    Labels,
    FixVersion,
    AffectedVersion,
    Component,
    Sprint,
    Parent,
    Reporter,
    Assignee,
    Creator,
    Priority,
    Resolution,
}

impl ValueField {
    /// The field of a name; 400 for a name there is none of.
    pub(crate) fn named(name: &str) -> Result<Self, Refusal> {
        Ok(match name {
            "project" => Self::Project,
            "issuetype" | "type" => Self::Type,
            "status" => Self::Status,
            "statuscategory" => Self::Category,
            "key" | "issuekey" | "issue" | "id" => Self::Key,
            "labels" => Self::Labels,
            "fixversion" => Self::FixVersion,
            "affectedversion" => Self::AffectedVersion,
            "component" => Self::Component,
            "sprint" | "cf[10020]" => Self::Sprint,
            "parent" | "epic link" => Self::Parent,
            "reporter" => Self::Reporter,
            "assignee" => Self::Assignee,
            "creator" => Self::Creator,
            "priority" => Self::Priority,
            "resolution" => Self::Resolution,
            _ => {
                return Err(Refusal::bad(format!(
                    "Field '{name}' does not exist or you do not have permission to view it."
                )));
            }
        })
    }

    /// The ids an issue has in this field.
    pub(crate) fn values(self, state: &State, issue: &Issue) -> Vec<String> {
        let ids = |ids: &[u64]| ids.iter().map(u64::to_string).collect();
        let one = |text: &str| vec![text.to_owned()];
        match self {
            Self::Project => vec![issue.project.to_string()],
            Self::Type => one(issue.kind),
            Self::Status => one(issue.status),
            Self::Category => one(scheme::status(issue.status).category.facts().1),
            Self::Key => vec![issue.id.to_string()],
            Self::Labels => issue
                .labels
                .iter()
                .map(|label| label.to_lowercase())
                .collect(),
            Self::FixVersion => ids(&issue.fix_versions),
            Self::AffectedVersion => ids(&issue.versions),
            Self::Component => ids(&issue.components),
            Self::Sprint => ids(&issue.sprints),
            Self::Parent => issue
                .parent
                .filter(|id| state.issues.contains_key(id))
                .iter()
                .map(u64::to_string)
                .collect(),
            Self::Reporter => one(&issue.reporter),
            Self::Assignee => issue.assignee.iter().cloned().collect(),
            Self::Creator => one(&issue.creator),
            Self::Priority => one(issue.priority),
            Self::Resolution => issue.resolution.iter().map(|id| (*id).to_owned()).collect(),
        }
    }

    /// The ids a value of a query stands for; 400 when it stands for none.
    pub(crate) fn resolve(
        self,
        state: &State,
        viewer: &str,
        operand: &Operand,
    ) -> Result<Vec<String>, Refusal> {
        let text = match operand {
            Operand::Text(text) => text.as_str(),
            Operand::Call(name, _) => return self.call(state, viewer, name),
            Operand::Empty => return Ok(Vec::new()),
        };
        let found = self.ids_of(state, viewer, text);
        if found.is_empty() {
            Err(self.unknown(text))
        } else {
            Ok(found)
        }
    }

    fn call(self, state: &State, viewer: &str, name: &str) -> Result<Vec<String>, Refusal> {
        let sprints = |wanted: &str| {
            let of = state.sprints.iter().filter(|sprint| sprint.state == wanted);
            of.map(|sprint| sprint.id.to_string()).collect()
        };
        let versions = |released: bool| {
            let all = state.projects.iter().flat_map(|project| &project.versions);
            let of = all.filter(|version| version.released == released && !version.archived);
            of.map(|version| version.id.to_string()).collect()
        };
        let person = matches!(self, Self::Reporter | Self::Assignee | Self::Creator);
        let version = matches!(self, Self::FixVersion | Self::AffectedVersion);
        match name {
            "currentuser" if person => Ok(vec![viewer.to_owned()]),
            "opensprints" if self == Self::Sprint => Ok(sprints("active")),
            "closedsprints" if self == Self::Sprint => Ok(sprints("closed")),
            "futuresprints" if self == Self::Sprint => Ok(sprints("future")),
            "releasedversions" if version => Ok(versions(true)),
            "unreleasedversions" if version => Ok(versions(false)),
            _ => Err(Refusal::bad(format!(
                "Unable to find JQL function '{name}()', or it does not fit the field."
            ))),
        }
    }

    fn ids_of(self, state: &State, viewer: &str, text: &str) -> Vec<String> {
        let is = |name: &str| name.eq_ignore_ascii_case(text);
        match self {
            Self::Project => {
                let of = state.projects.iter().filter(|it| {
                    (is(&it.key) || is(&it.name) || is(&it.id.to_string()))
                        && state.may(viewer, it.id, "BROWSE_PROJECTS")
                });
                of.map(|it| it.id.to_string()).collect()
            }
            Self::Type => pick(scheme::ISSUE_TYPES.iter().map(|it| (it.id, it.name)), text),
            Self::Status => pick(scheme::STATUSES.iter().map(|it| (it.id, it.name)), text),
            Self::Priority => pick(scheme::PRIORITIES.iter().map(|it| (it.id, it.name)), text),
            Self::Resolution => pick(scheme::RESOLUTIONS.iter().map(|it| (it.id, it.name)), text),
            Self::Category => {
                let all = [
                    scheme::Category::New,
                    scheme::Category::InProgress,
                    scheme::Category::Done,
                ];
                let of = all
                    .into_iter()
                    .map(scheme::Category::facts)
                    .filter(|(id, key, _, name)| is(key) || is(name) || is(&id.to_string()));
                of.map(|(_, key, _, _)| key.to_owned()).collect()
            }
            Self::Key | Self::Parent => state
                .visible_issue(viewer, text)
                .map(|id| vec![id.to_string()])
                .unwrap_or_default(),
            Self::Labels => vec![text.to_lowercase()],
            Self::FixVersion | Self::AffectedVersion => {
                let all = state.projects.iter().flat_map(|project| &project.versions);
                let of = all.filter(|it| is(&it.name) || is(&it.id.to_string()));
                of.map(|it| it.id.to_string()).collect()
            }
            Self::Component => {
                let all = state
                    .projects
                    .iter()
                    .flat_map(|project| &project.components);
                let of = all.filter(|it| is(&it.name) || is(&it.id.to_string()));
                of.map(|it| it.id.to_string()).collect()
            }
            Self::Sprint => {
                let of = state
                    .sprints
                    .iter()
                    .filter(|it| is(&it.name) || is(&it.id.to_string()));
                of.map(|it| it.id.to_string()).collect()
            }
            Self::Reporter | Self::Assignee | Self::Creator => vec![text.to_owned()],
        }
    }

    fn unknown(self, text: &str) -> Refusal {
        match self {
            Self::Key => Refusal::bad(format!(
                "An issue with key '{text}' does not exist for field 'key'."
            )),
            Self::Resolution if text.eq_ignore_ascii_case("unresolved") => {
                Refusal::bad("Use 'resolution is EMPTY' for issues without one.")
            }
            _ => Refusal::bad(format!("The value '{text}' does not exist for the field.")),
        }
    }
}

fn pick<'a>(all: impl Iterator<Item = (&'a str, &'a str)>, text: &str) -> Vec<String> {
    all.filter(|(id, name)| *id == text || name.eq_ignore_ascii_case(text))
        .map(|(id, _)| id.to_owned())
        .collect()
}
