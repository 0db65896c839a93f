//! The past of a site as far as it is kept, in the order things happened.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use crate::domain::coverage::RunFact;
use crate::domain::issue::{Ended, IssueChanged, JiraEvent, MirroredIssue, StatusCategory};
use crate::domain::keys::TestKey;
use crate::jira::payload;
use crate::store::history::{self, HeldLink};
use crate::store::inbox::OpenEvent;
use crate::store::{Conn, SiteId, StoreError, issues, rules, runs, tests};

/// Events read at once, and at the most.
const PAGE: i64 = 500;
const MOST_EVENTS: usize = 20_000;
/// Tests whose runs are replayed at the most, and how many of them at once.
const MOST_TESTS: i64 = 2_000;
const TESTS_AT_ONCE: usize = 100;

/// Something that happened.
#[derive(Debug)]
pub(super) struct Moment {
    /// When, milliseconds since the Unix epoch.
    pub at_ms: i64,
    pub what: What,
}

/// What happened.
#[derive(Debug)]
pub(super) enum What {
    Changed(Box<(OpenEvent, IssueChanged)>),
    Deleted { jira_id: i64, cause: String },
    Ended { ended: Ended, cause: String },
    Ran(Ran),
}

/// Runs of one execution that came together.
#[derive(Debug)]
pub(super) struct Ran {
    pub execution_key: String,
    pub fix_version: Option<String>,
    /// The tests and their runs, by number.
    pub runs: Vec<(Uuid, RunFact)>,
}

/// The past of a site until the end of a span, and what is needed to follow it.
#[derive(Debug, Default)]
pub(super) struct History {
    pub moments: Vec<Moment>,
    pub links: Vec<HeldLink>,
    /// The issues that are concerned, as they are now.
    pub issues: HashMap<Uuid, MirroredIssue>,
    pub test_keys: HashMap<Uuid, TestKey>,
    /// The category of every status that was ever named.
    pub categories: HashMap<String, StatusCategory>,
    pub own_accounts: Vec<String>,
    /// When somebody said of a test that it is not flaky any more.
    pub flaky_cleared: HashMap<Uuid, i64>,
    /// Since when events are kept; none when there is none.
    pub events_since_ms: Option<i64>,
    /// Whether everything in the span was read.
    pub is_whole: bool,
}

impl History {
    /// Reads what is kept until `until_ms`: events from the first one on, since they tell how issues
    /// stood, and the runs of all tests that ran between `from_ms` and then.
    pub async fn read(
        on: &impl Conn,
        site: SiteId,
        (from_ms, until_ms): (i64, i64),
    ) -> Result<Self, StoreError> {
        let mut history = Self {
            is_whole: true,
            own_accounts: rules::own_accounts(on, site).await?,
            ..Self::default()
        };
        let jira_ids = history.read_events(on, site, until_ms).await?;
        let tests = history.read_runs(on, site, (from_ms, until_ms)).await?;
        history.read_state(on, site, &jira_ids, &tests).await?;
        let place = |moment: &Moment| match &moment.what {
            What::Changed(change) => (0, change.1.changelog_id.unwrap_or(0), String::new()),
            What::Deleted { .. } => (1, 0, String::new()),
            What::Ended { .. } => (2, 0, String::new()),
            What::Ran(ran) => (3, 0, ran.execution_key.clone()),
        };
        history
            .moments
            .sort_by_cached_key(|moment| (moment.at_ms, place(moment)));
        Ok(history)
    }

    async fn read_events(
        &mut self,
        on: &impl Conn,
        site: SiteId,
        until_ms: i64,
    ) -> Result<Vec<i64>, StoreError> {
        let (mut after, mut count) = (None, 0);
        let mut jira_ids = BTreeSet::new();
        loop {
            let page = history::events(on, site, after, until_ms, PAGE).await?;
            let Some(last) = page.last() else {
                break;
            };
            after = Some(last.id);
            count += page.len();
            for event in page {
                self.events_since_ms.get_or_insert(event.received_ms);
                self.take(event, &mut jira_ids);
            }
            if count >= MOST_EVENTS {
                self.is_whole = false;
                break;
            }
        }
        Ok(jira_ids.into_iter().collect())
    }

    /// An event that cannot be read is passed over: it has had no effect either.
    fn take(&mut self, event: OpenEvent, jira_ids: &mut BTreeSet<i64>) {
        let parsed = if payload::forge::is_name(&event.event) {
            payload::forge::parse(&event.body)
        } else {
            payload::parse(&event.body)
        };
        let (at_ms, cause) = (event.event_ms, format!("event:{}", event.id));
        let what = match parsed {
            Ok(JiraEvent::IssueChanged(change)) => {
                jira_ids.insert(change.issue.jira_id);
                let status = &change.issue.status;
                if change.issue.status_category != StatusCategory::Undefined {
                    self.categories
                        .insert(status.id.clone(), change.issue.status_category);
                }
                What::Changed(Box::new((event, change)))
            }
            Ok(JiraEvent::IssueDeleted(last, _)) => What::Deleted {
                jira_id: last.jira_id,
                cause,
            },
            Ok(JiraEvent::Ended(ended)) => What::Ended { ended, cause },
            _ => return,
        };
        self.moments.push(Moment { at_ms, what });
    }

    async fn read_runs(
        &mut self,
        on: &impl Conn,
        site: SiteId,
        span: (i64, i64),
    ) -> Result<Vec<Uuid>, StoreError> {
        let tests = history::tests_run(on, site, span, MOST_TESTS).await?;
        self.flaky_cleared = tests::flaky_cleared(on, site, &tests).await?;
        let is_full = i64::try_from(tests.len()).is_ok_and(|count| count == MOST_TESTS);
        self.is_whole &= !is_full;
        let mut together: HashMap<(Uuid, i64), Vec<(Uuid, RunFact)>> = HashMap::new();
        for few in tests.chunks(TESTS_AT_ONCE) {
            for (test, facts) in runs::facts_of_tests(on, site, few).await? {
                for fact in facts.into_iter().filter(|fact| fact.arrived_ms <= span.1) {
                    let place = (fact.execution_id, fact.arrived_ms);
                    together.entry(place).or_default().push((test, fact));
                }
            }
        }
        let executions: BTreeSet<Uuid> = together.keys().map(|(id, _)| *id).collect();
        let executions: Vec<Uuid> = executions.into_iter().collect();
        let versions = history::versions_of(on, site, &executions).await?;
        for ((execution, at_ms), mut runs) in together {
            runs.sort_unstable_by_key(|(_, fact)| fact.number);
            let Some((_, first)) = runs.first() else {
                continue;
            };
            let ran = Ran {
                execution_key: first.execution_key.clone(),
                fix_version: versions.get(&execution).cloned(),
                runs,
            };
            self.moments.push(Moment {
                at_ms,
                what: What::Ran(ran),
            });
        }
        Ok(tests)
    }

    /// Reads the issues that moved or whose tests ran, and every link of either.
    async fn read_state(
        &mut self,
        on: &impl Conn,
        site: SiteId,
        jira_ids: &[i64],
        tests: &[Uuid],
    ) -> Result<(), StoreError> {
        let places: Vec<(SiteId, i64)> = jira_ids.iter().map(|id| (site, *id)).collect();
        let moved = issues::by_jira_ids(on, &places).await?;
        let mut concerned: BTreeSet<Uuid> = moved.values().map(|issue| issue.id).collect();
        let of_tests = history::links_of_tests(on, site, tests).await?;
        concerned.extend(of_tests.iter().map(|link| link.issue_id));
        let concerned: Vec<Uuid> = concerned.into_iter().collect();
        // These are among them, with the other tests of the same issues.
        self.links = history::links_of_issues(on, site, &concerned).await?;
        for link in &self.links {
            self.test_keys.insert(link.test_id, link.test_key.clone());
        }
        self.issues = issues::by_ids(on, site, &concerned).await?;
        for issue in self.issues.values() {
            let snapshot = &issue.snapshot;
            self.categories
                .insert(snapshot.status.id.clone(), snapshot.status_category);
        }
        Ok(())
    }
}
