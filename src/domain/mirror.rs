//! How what is told of an issue is folded into what is known of it.
//!
//! A webhook tells a whole issue, a Forge event a handful of its fields, and neither comes in order
//! (`forge.md` 5.2 and 5.4). So every field is its own register: the newest word on it holds, however
//! old or new the words on other fields are, and what an event leaves out stays. The result does not
//! depend on the order of arrival; `laws` below is the proof by example.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::issue::{IssueSnapshot, StatusCategory};

/// The place of a change in time: when it happened (milliseconds since the Unix epoch), then its
/// changelog's id, 0 when it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Order(pub i64, pub i64);

impl Order {
    /// Before everything: of a field nobody has told of.
    pub const NEVER: Self = Self(0, 0);
}

/// What an event may tell of an issue and another may leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// Key and project: where the issue is.
    Place,
    /// Issue type.
    Type,
    /// Status with its category, and since when it is in that.
    Status,
    /// Summary.
    Summary,
    /// Parent.
    Parent,
    /// Fix versions.
    FixVersions,
    /// Sprints.
    Sprints,
    /// Resolution.
    Resolution,
    /// Priority.
    Priority,
    /// Labels.
    Labels,
}

impl Field {
    /// All of them.
    pub const EACH: [Self; 10] = [
        Self::Place,
        Self::Type,
        Self::Status,
        Self::Summary,
        Self::Parent,
        Self::FixVersions,
        Self::Sprints,
        Self::Resolution,
        Self::Priority,
        Self::Labels,
    ];

    const fn bit(self) -> u16 {
        match self {
            Self::Place => 1,
            Self::Type => 1 << 1,
            Self::Status => 1 << 2,
            Self::Summary => 1 << 3,
            Self::Parent => 1 << 4,
            Self::FixVersions => 1 << 5,
            Self::Sprints => 1 << 6,
            Self::Resolution => 1 << 7,
            Self::Priority => 1 << 8,
            Self::Labels => 1 << 9,
        }
    }
}

/// A set of fields.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Fields(u16);

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = Field::EACH.into_iter();
        f.debug_set()
            .entries(each.filter(|field| self.has(*field)))
            .finish()
    }
}

impl Fields {
    /// None of them.
    pub const NONE: Self = Self(0);
    /// All of them.
    pub const ALL: Self = Self((1 << Field::EACH.len()) - 1);

    /// What only a whole issue tells; Forge events leave it out.
    pub const DETAILS: Self = Self::NONE
        .with(Field::Parent)
        .with(Field::FixVersions)
        .with(Field::Sprints)
        .with(Field::Resolution)
        .with(Field::Priority)
        .with(Field::Labels);

    /// The set with `field` in it.
    #[must_use]
    pub const fn with(self, field: Field) -> Self {
        Self(self.0 | field.bit())
    }

    /// The set with `others` in it.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// The set with `field` not in it.
    #[must_use]
    pub const fn without(self, field: Field) -> Self {
        Self(self.0 & !field.bit())
    }

    /// Whether `field` is in it.
    #[must_use]
    pub const fn has(self, field: Field) -> bool {
        self.0 & field.bit() != 0
    }

    /// Whether all of `others` are in it.
    #[must_use]
    pub const fn has_all(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// Whether nothing is in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// What the mirror holds of an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirroredIssue {
    /// Our id of the row; links refer to it.
    pub id: Uuid,
    /// The newest state known. A placeholder (an issue named by a result file before Jira told us
    /// of it) has the key and nothing else, and a `jira_id` of 0.
    pub snapshot: IssueSnapshot,
    /// When the newest applied change happened, milliseconds since the Unix epoch.
    pub event_ms: i64,
    /// The changelog id of that change, 0 when it had none; breaks ties of `event_ms`.
    pub changelog_id: i64,
    /// Fields the newest change did not tell, with the change that last did; empty while only whole
    /// issues are told.
    pub behind: BTreeMap<Field, Order>,
    /// When we last heard of it, milliseconds since the Unix epoch.
    pub seen_ms: i64,
    /// When it was deleted in Jira, or taken away with its project.
    pub deleted_ms: Option<i64>,
}

impl MirroredIssue {
    /// An issue nothing is known of yet but its ids.
    #[must_use]
    pub fn unknown(id: Uuid, jira_id: i64, now_ms: i64) -> Self {
        Self {
            id,
            snapshot: IssueSnapshot {
                jira_id,
                ..IssueSnapshot::default()
            },
            event_ms: 0,
            changelog_id: 0,
            behind: BTreeMap::new(),
            seen_ms: now_ms,
            deleted_ms: None,
        }
    }

    /// Whether only the key is known.
    #[must_use]
    pub fn is_placeholder(&self) -> bool {
        self.snapshot.jira_id == 0
    }

    /// Since when it is in its status category, milliseconds since the Unix epoch; the time of the
    /// newest change when Jira never told.
    #[must_use]
    pub fn in_category_since_ms(&self) -> i64 {
        self.snapshot.category_changed_ms.unwrap_or(self.event_ms)
    }

    /// Whether Jira would say it is done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.snapshot.status_category == StatusCategory::Done
    }

    /// The newest change that is applied.
    #[must_use]
    pub fn order(&self) -> Order {
        Order(self.event_ms, self.changelog_id)
    }

    /// The change that last told this field.
    #[must_use]
    pub fn told_at(&self, field: Field) -> Order {
        self.behind
            .get(&field)
            .copied()
            .unwrap_or_else(|| self.order())
    }

    /// Folds in what was told of `fields` as of `order`, each field unless a newer word on it is
    /// known; tells whether any of it was news. Of two words of the same order the later holds.
    pub fn learn(&mut self, mut told: IssueSnapshot, fields: Fields, order: Order) -> bool {
        let newest = self.order().max(order);
        let mut behind = BTreeMap::new();
        let mut is_news = false;
        for field in Field::EACH {
            let known = self.told_at(field);
            let is_newer = fields.has(field) && order >= known;
            if is_newer {
                self.take(field, &mut told, known, order);
                is_news = true;
            }
            let told_at = if is_newer { order } else { known };
            if told_at < newest {
                behind.insert(field, told_at);
            }
        }
        if is_news {
            self.snapshot.updated_ms = self.snapshot.updated_ms.max(told.updated_ms);
            if self.deleted_ms.is_some_and(|deleted| deleted < order.0) {
                self.deleted_ms = None;
            }
        }
        (self.event_ms, self.changelog_id) = (newest.0, newest.1);
        self.behind = behind;
        is_news
    }

    /// Takes one field over. `known` and `order` are those of the word it replaces and of its own.
    fn take(&mut self, field: Field, told: &mut IssueSnapshot, known: Order, order: Order) {
        use std::mem::take;
        let since_ms = self.in_category_since_ms();
        let held = &mut self.snapshot;
        match field {
            Field::Place => {
                held.key = take(&mut told.key);
                held.project_key = take(&mut told.project_key);
                held.project_jira_id = told.project_jira_id;
                held.project_name = told.project_name.take();
            }
            Field::Type => {
                held.issue_type = take(&mut told.issue_type);
                held.is_subtask = told.is_subtask;
            }
            Field::Status => {
                let is_in_it = known > Order::NEVER && held.status_category == told.status_category;
                held.category_changed_ms = told
                    .category_changed_ms
                    .or(is_in_it.then_some(since_ms))
                    .or(Some(order.0));
                held.status = take(&mut told.status);
                held.status_category = told.status_category;
            }
            Field::Summary => held.summary = take(&mut told.summary),
            Field::Parent => held.parent_jira_id = told.parent_jira_id,
            Field::FixVersions => held.fix_versions = take(&mut told.fix_versions),
            Field::Sprints => held.sprints = take(&mut told.sprints),
            Field::Resolution => held.resolution = told.resolution.take(),
            Field::Priority => held.priority = told.priority.take(),
            Field::Labels => held.labels = take(&mut told.labels),
        }
    }
}

#[cfg(test)]
mod laws {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::issue::Named;

    #[test]
    fn a_set_has_what_was_put_in_and_not_what_was_taken_out() {
        let set = Fields::NONE.with(Field::Labels).with(Field::Status);
        assert!(set.has(Field::Labels) && set.has(Field::Status) && !set.has(Field::Type));
        assert!(set.without(Field::Labels).without(Field::Status).is_empty());
        assert!(Field::EACH.into_iter().all(|field| Fields::ALL.has(field)));
        let each = Field::EACH.into_iter().fold(Fields::NONE, Fields::with);
        assert_eq!(each, Fields::ALL);
    }

    /// A state in which every field says which change told it.
    fn state(of: i64) -> IssueSnapshot {
        let named = || Named {
            id: of.to_string(),
            name: format!("name {of}"),
        };
        IssueSnapshot {
            jira_id: 10_042,
            key: format!("SHOP-{of}"),
            project_key: "SHOP".to_owned(),
            issue_type: named(),
            status: named(),
            status_category: StatusCategory::Done,
            category_changed_ms: Some(of),
            summary: of.to_string(),
            parent_jira_id: Some(of),
            fix_versions: vec![named()],
            sprints: vec![named()],
            resolution: Some(named()),
            priority: Some(named()),
            labels: vec![of.to_string()],
            updated_ms: of,
            ..IssueSnapshot::default()
        }
    }

    fn told(changes: &[(i64, Fields)]) -> MirroredIssue {
        let mut issue = MirroredIssue::unknown(Uuid::nil(), 10_042, 0);
        for (of, fields) in changes {
            issue.learn(state(*of), *fields, Order(*of, 0));
        }
        issue
    }

    #[test]
    fn what_an_event_leaves_out_stays_and_an_older_word_on_it_is_still_news() {
        let labels = Fields::NONE.with(Field::Labels);
        let issue = told(&[(1, Fields::ALL), (3, Fields::ALL.without(Field::Labels))]);
        assert_eq!(
            (issue.snapshot.summary.as_str(), &issue.snapshot.labels[..]),
            ("3", &["1".to_owned()][..])
        );
        assert_eq!(
            (issue.told_at(Field::Labels), issue.told_at(Field::Summary)),
            (Order(1, 0), Order(3, 0))
        );

        let mut later = issue.clone();
        assert!(later.learn(state(2), labels, Order(2, 0)));
        assert_eq!(
            (
                later.snapshot.summary.as_str(),
                later.snapshot.labels[0].as_str()
            ),
            ("3", "2")
        );
        assert!(
            !later.learn(state(1), Fields::ALL, Order(1, 0)),
            "all of it is old"
        );
        assert!(later.learn(state(4), Fields::ALL, Order(4, 0)));
        assert!(later.behind.is_empty());
    }

    #[test]
    fn the_time_in_a_category_goes_on_and_begins_anew() {
        let status = Fields::NONE.with(Field::Status);
        let mut issue = told(&[(5, Fields::ALL)]);
        let mut same = state(7);
        same.category_changed_ms = None;
        issue.learn(same.clone(), status, Order(7, 0));
        assert_eq!(issue.in_category_since_ms(), 5);
        same.status_category = StatusCategory::New;
        issue.learn(same, status, Order(8, 0));
        assert_eq!(issue.in_category_since_ms(), 8);
    }

    #[test]
    fn only_a_later_word_brings_a_deleted_issue_back() {
        let mut issue = told(&[(5, Fields::ALL)]);
        issue.deleted_ms = Some(6);
        issue.learn(state(6), Fields::ALL, Order(6, 0));
        assert_eq!(issue.deleted_ms, Some(6));
        issue.learn(state(7), Fields::ALL, Order(7, 0));
        assert_eq!(issue.deleted_ms, None);
    }

    fn change() -> impl Strategy<Value = Fields> {
        prop_oneof![Just(Fields::ALL), (1..=Fields::ALL.0).prop_map(Fields)]
    }

    proptest! {
        /// Each field ends with the newest word on it, in whatever order and however often told.
        #[test]
        fn the_end_does_not_depend_on_the_order_of_arrival(
            changes in prop::collection::vec(change(), 1..8),
            order in prop::collection::vec(any::<prop::sample::Index>(), 0..24),
        ) {
            let numbered: Vec<_> = (1..).zip(changes).collect();
            let mut arrivals: Vec<_> = order.iter().map(|at| numbered[at.index(numbered.len())]).collect();
            arrivals.extend(numbered.iter().rev());
            let (in_order, shuffled) = (told(&numbered), told(&arrivals));
            prop_assert_eq!(&in_order.snapshot, &shuffled.snapshot);
            for field in Field::EACH {
                let newest = numbered.iter().rev().find(|(_, fields)| fields.has(field));
                let newest = newest.map_or(Order::NEVER, |(of, _)| Order(*of, 0));
                prop_assert_eq!(in_order.told_at(field), newest);
                prop_assert_eq!(shuffled.told_at(field), newest);
            }
        }
    }
}
