//! The body of an issue, as webhooks and the REST API write it, read into a snapshot.
//!
//! Only the fields the mirror keeps are read.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::lenient::{Many, Scalar, Shape};
use super::sprint::Sprints;
use super::{PayloadError, read};
use crate::domain::issue::{IssueSnapshot, Named, StatusCategory};
use crate::domain::mirror::{self, Field};
use crate::domain::sprint::Sprint;

/// An issue, whole or a reference to one.
#[derive(Deserialize)]
pub(super) struct Issue<'a> {
    #[serde(borrow, default)]
    pub id: Scalar<'a>,
    #[serde(borrow, default)]
    pub key: Scalar<'a>,
    #[serde(borrow, default)]
    pub fields: Shape<Fields<'a>>,
}

/// Anything with an id and a name; a status has a category, a type says whether it is a sub-task's,
/// a project has a key.
#[derive(Deserialize, Default)]
pub(super) struct Reference<'a> {
    #[serde(borrow, default)]
    id: Scalar<'a>,
    #[serde(borrow, default)]
    name: Scalar<'a>,
    #[serde(borrow, default)]
    key: Scalar<'a>,
    #[serde(borrow, default)]
    subtask: Scalar<'a>,
    #[serde(borrow, default, rename = "statusCategory")]
    category: Shape<Category<'a>>,
}

#[derive(Deserialize, Default)]
struct Category<'a> {
    #[serde(borrow, default)]
    key: Scalar<'a>,
}

/// The fields of an issue that are kept.
#[derive(Default)]
pub(super) struct Fields<'a> {
    summary: Scalar<'a>,
    issue_type: Shape<Reference<'a>>,
    project: Shape<Reference<'a>>,
    status: Shape<Reference<'a>>,
    parent: Shape<Reference<'a>>,
    resolution: Shape<Reference<'a>>,
    priority: Shape<Reference<'a>>,
    fix_versions: Many<Shape<Reference<'a>>>,
    labels: Many<Scalar<'a>>,
    updated: Scalar<'a>,
    category_changed: Scalar<'a>,
    sprints: Vec<Sprint>,
    /// Which fields the body names.
    named: mirror::Fields,
}

/// The issue of a body.
#[derive(Debug)]
pub(super) struct Told {
    /// Its state; what the body does not say is empty.
    pub snapshot: IssueSnapshot,
    /// What the body does say.
    pub fields: mirror::Fields,
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the fields of an issue")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut fields = Fields::default();
                while let Some(name) = map.next_key::<Name>()? {
                    if let Some(field) = name.field() {
                        fields.named = fields.named.with(field);
                    }
                    match name {
                        Name::Summary => fields.summary = map.next_value()?,
                        Name::IssueType => fields.issue_type = map.next_value()?,
                        Name::Project => fields.project = map.next_value()?,
                        Name::Status => fields.status = map.next_value()?,
                        Name::Parent => fields.parent = map.next_value()?,
                        Name::Resolution => fields.resolution = map.next_value()?,
                        Name::Priority => fields.priority = map.next_value()?,
                        Name::FixVersions => fields.fix_versions = map.next_value()?,
                        Name::Labels => fields.labels = map.next_value()?,
                        Name::Updated => fields.updated = map.next_value()?,
                        Name::CategoryChanged => fields.category_changed = map.next_value()?,
                        Name::Custom => {
                            let Sprints(sprints) = map.next_value()?;
                            if fields.sprints.is_empty() && !sprints.is_empty() {
                                fields.named = fields.named.with(Field::Sprints);
                                fields.sprints = sprints;
                            }
                        }
                        Name::Other => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(fields)
            }
        }
        from.deserialize_map(Read)
    }
}

/// The name of a field.
enum Name {
    Summary,
    IssueType,
    Project,
    Status,
    Parent,
    Resolution,
    Priority,
    FixVersions,
    Labels,
    Updated,
    CategoryChanged,
    Custom,
    Other,
}

impl Name {
    /// The field of the mirror that this one is; a custom field may be the sprint.
    fn field(&self) -> Option<Field> {
        Some(match self {
            Self::Summary => Field::Summary,
            Self::IssueType => Field::Type,
            Self::Status => Field::Status,
            Self::Parent => Field::Parent,
            Self::Resolution => Field::Resolution,
            Self::Priority => Field::Priority,
            Self::FixVersions => Field::FixVersions,
            Self::Labels => Field::Labels,
            Self::Project | Self::Updated | Self::CategoryChanged | Self::Custom | Self::Other => {
                return None;
            }
        })
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;

        impl Visitor<'_> for Read {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a field")
            }

            fn visit_str<E>(self, name: &str) -> Result<Name, E> {
                Ok(match name {
                    "summary" => Name::Summary,
                    "issuetype" => Name::IssueType,
                    "project" => Name::Project,
                    "status" => Name::Status,
                    "parent" => Name::Parent,
                    "resolution" => Name::Resolution,
                    "priority" => Name::Priority,
                    "fixVersions" => Name::FixVersions,
                    "labels" => Name::Labels,
                    "updated" => Name::Updated,
                    "statuscategorychangedate" => Name::CategoryChanged,
                    name if name.starts_with("customfield_") => Name::Custom,
                    _ => Name::Other,
                })
            }
        }
        from.deserialize_identifier(Read)
    }
}

impl Reference<'_> {
    fn named(self) -> Option<Named> {
        Some(Named {
            id: self.id.into_text()?.into_owned(),
            name: self.name.into_string(),
        })
    }

    /// A status with its category.
    pub fn status(mut self) -> (Named, StatusCategory) {
        let category = std::mem::take(&mut self.category).0.unwrap_or_default();
        let category = StatusCategory::from_key(&category.key.into_string());
        (self.named().unwrap_or_default(), category)
    }
}

impl Issue<'_> {
    /// What the body tells of the issue. `at_ms` stands in for a missing time of change.
    pub fn told(self, event: &str, at_ms: Option<i64>) -> Result<Told, PayloadError> {
        let missing = |what| PayloadError::Missing {
            event: event.to_owned(),
            what,
        };
        let jira_id = self.id.id().ok_or_else(|| missing("issue.id"))?;
        let key = self.key.into_text().ok_or_else(|| missing("issue.key"))?;
        let fields = self.fields.0.ok_or_else(|| missing("issue.fields"))?;
        let project = fields.project.0.unwrap_or_default();
        let project_jira_id = project.id.id();
        let project_name = project.name.into_text().map(Into::into);
        let project_key = match project.key.into_text() {
            Some(key) => key.into_owned(),
            None => key
                .rsplit_once('-')
                .map_or("", |(project, _)| project)
                .to_owned(),
        };
        let issue_type = fields.issue_type.0.unwrap_or_default();
        let (status, status_category) = fields.status.0.unwrap_or_default().status();
        let snapshot = IssueSnapshot {
            jira_id,
            key: key.into_owned(),
            project_key,
            project_jira_id,
            project_name,
            is_subtask: issue_type.subtask.is_true(),
            issue_type: issue_type.named().unwrap_or_default(),
            status,
            status_category,
            summary: fields.summary.into_string(),
            parent_jira_id: fields.parent.0.and_then(|parent| parent.id.id()),
            fix_versions: fields
                .fix_versions
                .0
                .into_iter()
                .filter_map(|version| version.0?.named())
                .collect(),
            sprints: fields.sprints.iter().map(|it| it.named.clone()).collect(),
            sprints_told: fields.sprints,
            resolution: fields.resolution.0.and_then(Reference::named),
            priority: fields.priority.0.and_then(Reference::named),
            labels: fields
                .labels
                .0
                .into_iter()
                .filter_map(|label| label.into_text().map(Into::into))
                .collect(),
            category_changed_ms: fields.category_changed.time_ms(),
            updated_ms: fields.updated.time_ms().or(at_ms).unwrap_or(0),
        };
        // What every issue has and this body does not, is not said.
        let mut named = fields.named.with(Field::Place);
        for (field, is_said) in [
            (Field::Type, !snapshot.issue_type.id.is_empty()),
            (Field::Status, !snapshot.status.id.is_empty()),
            (Field::Summary, !snapshot.summary.is_empty()),
        ] {
            if !is_said {
                named = named.without(field);
            }
        }
        Ok(Told {
            snapshot,
            fields: named,
        })
    }

    /// The same of a body that shows the whole issue: a detail it does not name is not there.
    pub fn whole(self, event: &str, at_ms: Option<i64>) -> Result<Told, PayloadError> {
        let told = self.told(event, at_ms)?;
        Ok(Told {
            fields: told.fields.and(mirror::Fields::DETAILS),
            ..told
        })
    }
}

/// Reads an issue of the REST API.
pub(crate) fn snapshot_of_rest(body: &[u8]) -> Result<IssueSnapshot, PayloadError> {
    Ok(read::<Issue<'_>>(body)?.told("the answer", None)?.snapshot)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(json: &str) -> IssueSnapshot {
        let body = format!(r#"{{"id":"1","key":"SHOP-1","fields":{json}}}"#);
        snapshot_of_rest(body.as_bytes()).unwrap()
    }

    #[test]
    fn sprints_are_found_in_both_forms_and_nothing_else_is_taken_for_one() {
        let named = |id: &str, name: &str| Named {
            id: id.into(),
            name: name.into(),
        };
        let cloud = fields(
            r#"{"customfield_1":[{"id":"10035","value":"High"}],"customfield_2":[3,"x",null],
            "customfield_3":{"id":1,"name":"n","state":"active","boardId":2},
            "customfield_4":[{"id":7,"name":"Sprint 7, part 2","state":"active","boardId":3,"goal":""}]}"#,
        );
        assert_eq!(cloud.sprints, [named("7", "Sprint 7, part 2")]);
        let java = |rest: &str| {
            fields(&format!(
                r#"{{"customfield_9":["com.atlassian.greenhopper.service.sprint.Sprint@1f[id=4,rapidViewId=1,state=ACTIVE,name={rest}]"]}}"#
            ))
            .sprints
        };
        assert_eq!(
            java("A, [b] = c,startDate=2018-05-09T06:39:30.147Z,sequence=1,goal=<null>"),
            [named("4", "A, [b] = c")]
        );
        assert_eq!(java("S,goal=,startDate=x"), [named("4", "S")]);
    }

    #[test]
    fn a_project_not_told_is_read_from_the_key() {
        let issue = fields(r#"{"summary":"s"}"#);
        assert_eq!(
            (issue.project_key.as_str(), issue.project_jira_id),
            ("SHOP", None)
        );
        assert_eq!((issue.resolution, issue.updated_ms), (None, 0));
    }

    #[test]
    fn an_issue_without_fields_is_not_taken_for_an_empty_one() {
        let error = snapshot_of_rest(br#"{"id":"1","key":"SHOP-1"}"#).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the body of the answer has no issue.fields"
        );
    }
}
