//! The traceability matrix as far as it is pure: which issues are wanted, in which order, what their
//! defects come to, and what changed between two matrices. Section 6 of `test-management.md`.
//!
//! Statuses are not worked out here: a row carries what `coverage` said of its issue.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::coverage::CoverageStatus;
use super::issue::{Named, StatusCategory, key_number};
use super::severity::Severity;

/// Every coverage status, those first that want to be looked at.
pub const STATUSES: [CoverageStatus; 6] = [
    CoverageStatus::Nok,
    CoverageStatus::Unknown,
    CoverageStatus::NotRun,
    CoverageStatus::Uncovered,
    CoverageStatus::Ok,
    CoverageStatus::Exempt,
];

/// The coverage status with this name, as interfaces write it.
#[must_use]
pub fn status_named(name: &str) -> Option<CoverageStatus> {
    STATUSES.into_iter().find(|status| status.name() == name)
}

/// Which issues of a project a matrix is about; every criterion that is given has to hold. Names are
/// compared without case.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = MatrixFilters)]
pub struct Filters {
    /// Any of these coverage statuses, as interfaces write them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<String>,
    /// Any of these issue types.
    #[serde(rename = "type", skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// One of the issue's fix versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// One of the sprints the issue is or was in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sprint: Option<String>,
    /// Any of these priorities.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub priority: Vec<String>,
    /// Part of the key or of the summary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// What the filters look at.
#[derive(Debug, Clone, Copy)]
pub struct Filtered<'a> {
    /// The issue's key.
    pub key: &'a str,
    /// Its summary.
    pub summary: &'a str,
    /// The name of its type.
    pub type_name: &'a str,
    /// Its priority.
    pub priority: Option<&'a Named>,
    /// Its fix versions.
    pub fix_versions: &'a [Named],
    /// The sprints it is or was in.
    pub sprints: &'a [Named],
}

impl Filters {
    /// Whether everything but the coverage status is as wanted.
    #[must_use]
    pub fn take(&self, issue: &Filtered<'_>) -> bool {
        let among = |wanted: &[String], name: &str| {
            wanted.is_empty() || wanted.iter().any(|one| is_same(one, name))
        };
        let named = |wanted: &Option<String>, held: &[Named]| {
            let wanted = wanted.as_deref();
            wanted.is_none_or(|wanted| held.iter().any(|one| is_same(&one.name, wanted)))
        };
        let priority = issue.priority.map_or("", |priority| &priority.name);
        let says = |text: &String| {
            let text = text.to_lowercase();
            [issue.key, issue.summary]
                .iter()
                .any(|held| held.to_lowercase().contains(&text))
        };
        among(&self.types, issue.type_name)
            && among(&self.priority, priority)
            && named(&self.version, issue.fix_versions)
            && named(&self.sprint, issue.sprints)
            && self.text.as_ref().is_none_or(says)
    }

    /// Whether an issue of this status is wanted.
    #[must_use]
    pub fn take_status(&self, status: CoverageStatus) -> bool {
        self.status.is_empty() || self.status.iter().any(|one| one == status.name())
    }

    /// What was chosen, for people: a name and the values, in the order pages list them.
    #[must_use]
    pub fn said(&self) -> Vec<(&'static str, String)> {
        let one = |value: &Option<String>| value.clone().into_iter().collect();
        let chosen: [(&str, Vec<String>); 6] = [
            ("Status", self.status.clone()),
            ("Type", self.types.clone()),
            ("Version", one(&self.version)),
            ("Sprint", one(&self.sprint)),
            ("Priority", self.priority.clone()),
            ("Text", one(&self.text)),
        ];
        let chosen = chosen.into_iter().filter(|(_, values)| !values.is_empty());
        chosen
            .map(|(name, values)| (name, values.join(", ")))
            .collect()
    }
}

fn is_same(one: &str, other: &str) -> bool {
    one == other || one.to_lowercase() == other.to_lowercase()
}

/// A defect of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    /// The mirror row of the issue.
    pub issue_id: Uuid,
    /// Jira's id of it; none while only its key is known.
    pub jira_id: Option<i64>,
    /// Its key.
    pub key: String,
    /// The key of its project.
    pub project_key: String,
    /// Its summary; empty while only the key is known.
    pub summary: String,
    /// The name of its status; empty while only the key is known.
    pub status_name: String,
    /// The category of its status.
    pub status_category: StatusCategory,
    /// Its priority.
    pub priority: Option<Named>,
}

impl Defect {
    /// Whether it is still to be dealt with.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.status_category != StatusCategory::Done
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        Severity::of(self.priority.as_ref())
    }
}

/// The worst of the open ones, and what its priority is called; `None` when none is open.
#[must_use]
pub fn worst_open<'a>(
    defects: impl IntoIterator<Item = &'a Defect>,
) -> Option<(Severity, Option<&'a str>)> {
    let open = defects.into_iter().filter(|defect| defect.is_open());
    let worst = open.max_by_key(|defect| defect.severity())?;
    let name = worst.priority.as_ref().map(|named| named.name.as_str());
    Some((worst.severity(), name))
}

/// An issue of a matrix, as much of it as a comparison looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brief {
    /// The mirror row of the issue.
    pub issue_id: Uuid,
    /// Jira's id of it.
    pub jira_id: i64,
    /// Its key.
    pub key: String,
    /// Its summary.
    pub summary: String,
    /// Its coverage status.
    pub status: CoverageStatus,
}

/// An issue that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The issue as it is now; as it was, when it is gone.
    pub issue: Brief,
    /// The status before; none of an issue that was not there.
    pub before: Option<CoverageStatus>,
    /// The status after; none of an issue that is not there any more.
    pub after: Option<CoverageStatus>,
}

/// What became of an issue between two matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Turn {
    /// It is NOK and was not.
    BecameNok,
    /// It is OK and was not.
    BecameOk,
    /// Tests cover it and none did.
    BecameCovered,
    /// No test covers it any more.
    LostCoverage,
    /// Its status changed in another way.
    Changed,
    /// It is new here.
    Added,
    /// It is not here any more.
    Removed,
}

impl Turn {
    /// Every one, those first that want to be looked at.
    pub const ALL: [Self; 7] = [
        Self::BecameNok,
        Self::LostCoverage,
        Self::BecameOk,
        Self::BecameCovered,
        Self::Changed,
        Self::Added,
        Self::Removed,
    ];
}

impl Change {
    /// Everything it is an instance of: an uncovered issue whose first test fails has become both
    /// covered and NOK.
    #[must_use]
    pub fn turns(&self) -> Vec<Turn> {
        use CoverageStatus::{Nok, Ok, Uncovered};
        let (before, after) = match (self.before, self.after) {
            (Some(before), Some(after)) => (before, after),
            (None, _) => return vec![Turn::Added],
            (_, None) => return vec![Turn::Removed],
        };
        let mut turns = Vec::new();
        match after {
            Nok => turns.push(Turn::BecameNok),
            Ok => turns.push(Turn::BecameOk),
            Uncovered => turns.push(Turn::LostCoverage),
            _ => {}
        }
        if before == Uncovered && after != CoverageStatus::Exempt {
            turns.push(Turn::BecameCovered);
        }
        if turns.is_empty() {
            turns.push(Turn::Changed);
        }
        turns
    }
}

/// What changed from one matrix to a later one, by key; issues are the same by their id, whatever
/// their key has become.
#[must_use]
pub fn compare(before: &[Brief], after: &[Brief]) -> Vec<Change> {
    use std::collections::HashMap;
    let mut held: HashMap<Uuid, &Brief> = before.iter().map(|one| (one.issue_id, one)).collect();
    let mut changes: Vec<Change> = Vec::new();
    for issue in after {
        let was = held.remove(&issue.issue_id).map(|was| was.status);
        if was != Some(issue.status) {
            changes.push(Change {
                issue: issue.clone(),
                before: was,
                after: Some(issue.status),
            });
        }
    }
    changes.extend(held.into_values().map(|gone| Change {
        issue: gone.clone(),
        before: Some(gone.status),
        after: None,
    }));
    changes.sort_by(|a, b| {
        (key_number(&a.issue.key), &a.issue.key).cmp(&(key_number(&b.issue.key), &b.issue.key))
    });
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Named {
        Named {
            id: "7".to_owned(),
            name: name.to_owned(),
        }
    }

    fn brief(id: u128, key: &str, status: CoverageStatus) -> Brief {
        Brief {
            issue_id: Uuid::from_u128(id),
            jira_id: 1,
            key: key.to_owned(),
            summary: String::new(),
            status,
        }
    }

    #[test]
    fn every_criterion_that_is_given_has_to_hold() {
        let (versions, sprints) = ([named("1.4")], [named("Sprint 7"), named("Sprint 8")]);
        let priority = named("High");
        let issue = Filtered {
            key: "SHOP-7",
            summary: "Pay by Überweisung",
            type_name: "Story",
            priority: Some(&priority),
            fix_versions: &versions,
            sprints: &sprints,
        };
        let all = Filters {
            types: vec!["Epic".into(), "story".into()],
            version: Some("1.4".into()),
            sprint: Some("sprint 7".into()),
            priority: vec!["HIGH".into()],
            text: Some("überw".into()),
            ..Filters::default()
        };
        assert!(Filters::default().take(&issue) && all.take(&issue));
        let spoilt: [fn(&mut Filters); 5] = [
            |filters| filters.types = vec!["Bug".into()],
            |filters| filters.version = Some("1.5".into()),
            |filters| filters.sprint = Some("Sprint 9".into()),
            |filters| filters.priority = vec!["Low".into()],
            |filters| filters.text = Some("SHOP-77".into()),
        ];
        for spoil in spoilt {
            let mut filters = all.clone();
            spoil(&mut filters);
            assert!(!filters.take(&issue), "{filters:?}");
        }
        let nok = Filters {
            status: vec!["NOK".into()],
            ..Filters::default()
        };
        assert!(nok.take_status(CoverageStatus::Nok) && !nok.take_status(CoverageStatus::Ok));
        assert!(Filters::default().take_status(CoverageStatus::Exempt));
    }

    #[test]
    fn only_what_changed_is_told_and_an_issue_may_turn_in_two_ways() {
        use CoverageStatus::{Exempt, Nok, NotRun, Ok, Uncovered, Unknown};
        let before = [
            brief(1, "SHOP-1", Ok),
            brief(2, "SHOP-2", Ok),
            brief(3, "SHOP-3", Uncovered),
            brief(4, "SHOP-4", Uncovered),
            brief(5, "SHOP-5", NotRun),
            brief(6, "SHOP-6", Nok),
            brief(7, "SHOP-7", Uncovered),
            brief(8, "SHOP-8", NotRun),
        ];
        let after = [
            brief(1, "SHOP-1", Ok),
            brief(2, "PAY-1", Nok),
            brief(3, "SHOP-3", Nok),
            brief(4, "SHOP-4", Ok),
            brief(5, "SHOP-5", Unknown),
            brief(7, "SHOP-7", Exempt),
            brief(8, "SHOP-8", Uncovered),
            brief(9, "SHOP-10", Ok),
        ];
        let turned: Vec<_> = compare(&before, &after)
            .iter()
            .map(|change| (change.issue.key.clone(), change.turns()))
            .collect();
        let turned: Vec<_> = turned
            .iter()
            .map(|(key, turns)| (key.as_str(), turns.as_slice()))
            .collect();
        assert_eq!(
            turned,
            [
                ("PAY-1", [Turn::BecameNok].as_slice()),
                ("SHOP-3", &[Turn::BecameNok, Turn::BecameCovered]),
                ("SHOP-4", &[Turn::BecameOk, Turn::BecameCovered]),
                ("SHOP-5", &[Turn::Changed]),
                ("SHOP-6", &[Turn::Removed]),
                ("SHOP-7", &[Turn::Changed]),
                ("SHOP-8", &[Turn::LostCoverage]),
                ("SHOP-10", &[Turn::Added]),
            ]
        );
        assert!(compare(&after, &after).is_empty());
    }

    #[test]
    fn the_worst_open_defect_is_named_and_resolved_ones_are_not_asked() {
        let defect = |priority: &str, status_category| Defect {
            issue_id: Uuid::from_u128(1),
            jira_id: Some(1),
            key: "SHOP-11".into(),
            project_key: "SHOP".into(),
            summary: String::new(),
            status_name: String::new(),
            status_category,
            priority: Some(named(priority)),
        };
        let defects = [
            defect("Low", StatusCategory::New),
            defect("Major", StatusCategory::Undefined),
            defect("Blocker", StatusCategory::Done),
        ];
        assert_eq!(worst_open(&defects), Some((Severity::High, Some("Major"))));
        assert_eq!(worst_open(&defects[2..]), None);
    }
}
