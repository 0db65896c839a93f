//! What the panel shows, in words and signs: the templates' only input.
//!
//! Plain values, already decided and already worded; nothing here asks the store or knows a rule.
//! `present` fills these from the projections, the templates print them.

use std::borrow::Cow;

use crate::web::times::When;

/// A word with the sign and the colour that go with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// What people read.
    pub word: &'static str,
    /// The name of its sign in `icons.html`.
    pub icon: &'static str,
    /// The tone of the sign: `passed`, `failed`, `notrun`, `unknown`, `running`.
    pub tone: &'static str,
}

/// A small word with a tint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lozenge {
    /// What it says.
    pub text: String,
    /// Its tint: `ok`, `nok`, `notrun`, `info`, `flag`, `neutral`.
    pub tint: &'static str,
    /// What it means, on hover; also in the test's details.
    pub title: String,
}

/// How a run or a test stands, with the sign and the colour that go with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunLook {
    /// What people read: a word of ours, or the name a site gave.
    pub word: Cow<'static, str>,
    /// The name of its sign in `icons.html`.
    pub icon: &'static str,
    /// The tone of the sign: `passed`, `failed`, `notrun`, `unknown`, `running`.
    pub tone: &'static str,
    /// The small sign: `check`, `cross`, `dash`, `question`.
    pub sign: &'static str,
}

/// Something the reader must know before reading on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// `warning`, `notice`, `error` or `success`.
    pub kind: &'static str,
    /// One sentence.
    pub title: String,
    /// What it means and what to do.
    pub text: String,
}

/// A stretch of the counts bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// `passed`, `failed`, `notrun` or `unknown`.
    pub tone: &'static str,
    /// For example `9 passed`.
    pub label: String,
    /// Where it begins, in percent of the bar.
    pub start: f64,
    /// How long it is, in percent of the bar.
    pub length: f64,
}

/// A piece of the one-sentence reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The words.
    pub text: String,
    /// Whether they name a test.
    pub is_name: bool,
}

/// One environment of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// What the test's run there came to.
    pub look: RunLook,
}

/// A defect beside a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    /// Its key, for example `SHOP-41`.
    pub key: String,
    /// Its page in Jira; none when it was deleted.
    pub url: Option<String>,
    /// Its summary.
    pub summary: String,
    /// Its status, as Jira names it, or `Deleted`.
    pub status: Lozenge,
    /// Its id in our mirror, to take the link back by.
    pub id: String,
}

/// The last results as a strip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Oldest first: `passed`, `failed`, `notrun`, `unknown`.
    pub bars: Vec<&'static str>,
    /// The same in words.
    pub label: String,
}

/// One test.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one thing the template may show; they are independent"
)]
pub struct Row {
    /// The test's id.
    pub id: String,
    /// Its key, for example `SHOP-T12`.
    pub key: String,
    /// Its name.
    pub name: String,
    /// Its status in scope.
    pub look: RunLook,
    /// Its environments, when it ran in any by name.
    pub environments: Vec<Environment>,
    /// Retest, accepted failure, flaky, outdated, quarantined, manual.
    pub marks: Vec<Lozenge>,
    /// For example `2 attempts`, when there was more than one.
    pub attempts: Option<String>,
    /// Its defects.
    pub defects: Vec<Defect>,
    /// When that ran.
    pub when: Option<When>,
    /// The last results.
    pub history: Option<History>,
    /// The failure's first line.
    pub said: Option<String>,
    /// Whether *Create defect* stands on the row itself.
    pub wants_defect: bool,
    /// Whether a defect can be made or linked at all.
    pub may_have_defect: bool,
    /// Whether the test can be unlinked from this issue.
    pub is_unlinkable: bool,
    /// Whether it is in quarantine.
    pub is_quarantined: bool,
}

/// A child of the issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// Its key.
    pub key: String,
    /// Its page in Jira.
    pub url: String,
    /// Its summary.
    pub summary: String,
    /// Its status.
    pub look: Look,
    /// For example `1 of 4 tests failed`.
    pub tally: String,
}

/// The children of the issue.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Children {
    /// For example `12 child issues`.
    pub title: String,
    /// Whether the list comes by itself after the page.
    pub is_later: bool,
    /// The bar of children by status.
    pub segments: Vec<Segment>,
    /// One per child that is shown.
    pub rows: Vec<Child>,
    /// Says that children are left out; empty when none is.
    pub hidden: String,
    /// Children that are not among the rows.
    pub more: usize,
}

/// A scope to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeChoice {
    /// How an address names it.
    pub value: String,
    /// What people read.
    pub label: String,
    /// Whether it is the chosen one.
    pub is_chosen: bool,
}

/// The issue's tests and what they say.
#[derive(Debug, Clone, PartialEq)]
pub struct Coverage {
    /// The verdict's word, sign and tint.
    pub look: Look,
    /// The tint of the word: `ok`, `nok`, `notrun`, `neutral`, `info`.
    pub tint: &'static str,
    /// For example `2 of 12 tests`.
    pub tally: String,
    /// In what scope, for example ` in version 1.4 on chrome`.
    pub within: String,
    /// Why, in one sentence.
    pub sentence: Vec<Span>,
    /// Why, in full: a line for a test, and when it was.
    pub reasons: Vec<(String, Option<When>)>,
    /// The bar.
    pub segments: Vec<Segment>,
    /// Scopes to choose from.
    pub scopes: Vec<ScopeChoice>,
    /// Environments to choose from, with the chosen one marked.
    pub environments: Vec<(String, bool)>,
    /// One per test.
    pub rows: Vec<Row>,
    /// Tests that are not among the rows.
    pub more: usize,
    /// Whether the reader asked for every test.
    pub is_all: bool,
    /// Whether a person said that the issue needs no test.
    pub is_exempt: bool,
}

/// What a defect's page shows: the tests that found it.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundBy {
    /// What has to happen next, in one sentence.
    pub sentence: String,
    /// The retest's state.
    pub state: Option<Lozenge>,
    /// One per test.
    pub rows: Vec<Row>,
}

/// The panel of one issue.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// The path the service stands under, without a slash at its end; mostly empty.
    pub root: String,
    /// The issue's id in Jira.
    pub jira_id: i64,
    /// The issue's key.
    pub key: String,
    /// The issue's type, as Jira names it.
    pub type_name: String,
    /// What to know first.
    pub notices: Vec<Notice>,
    /// The tests, when the issue's type is covered by tests.
    pub coverage: Option<Coverage>,
    /// Its children, when it has any.
    pub children: Option<Children>,
    /// The tests that found it, when the issue's type is a defect.
    pub found_by: Option<FoundBy>,
    /// Whether the reader may edit the issue; unknown until Jira was asked.
    pub may_edit: Option<bool>,
    /// What to say aloud after a change.
    pub say: String,
    /// What was done, for the product's own flag.
    pub done: Option<String>,
    /// Whether the issue itself changed, so that the product's page should look again.
    pub is_issue_changed: bool,
}

impl Panel {
    /// Where the fragments of this issue live.
    #[must_use]
    pub fn base(&self) -> String {
        format!("{}/ui/issue/{}", self.root, self.jira_id)
    }

    /// Whether there is nothing to say about the issue's tests yet.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        let is_bare = |coverage: &Coverage| coverage.rows.is_empty() && !coverage.is_exempt;
        self.children.is_none() && self.coverage.as_ref().is_some_and(is_bare)
    }

    /// Whether the issue's type means nothing to us here.
    #[must_use]
    pub fn is_unconfigured(&self) -> bool {
        self.coverage.is_none() && self.found_by.is_none()
    }
}
