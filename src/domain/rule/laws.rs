//! The law the rules promise: the marks at the end do not depend on the order in which events and
//! results arrived, nor on how often.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use uuid::Uuid;

use super::tables::{ISSUE, issue};
use super::*;
use crate::domain::coverage::{Latest, RunFact};
use crate::domain::issue::StatusCategory::{Done, Indeterminate};
use crate::domain::issue::{MirroredIssue, StatusCategory};
use crate::domain::run::RunStatus;
use crate::domain::settings::Settings;
use crate::domain::statuses::Statuses;

/// What arrives. Instants are unique: the place in the history times ten.
#[derive(Debug, Clone)]
enum Delivery {
    Moved {
        at_ms: i64,
        from: StatusCategory,
        to: StatusCategory,
        resolution: Option<&'static str>,
    },
    Ran {
        test: usize,
        run: RunFact,
    },
}

/// One issue that two tests cover and that is the defect of both; what the store would hold of it.
struct Model {
    issue: MirroredIssue,
    latest: Vec<Latest>,
    marks: BTreeMap<(Uuid, MarkKind), Mark>,
}

impl Model {
    fn new() -> Self {
        let mut issue = issue(Indeterminate, None);
        (issue.event_ms, issue.snapshot.category_changed_ms) = (0, Some(0));
        Self {
            issue,
            latest: vec![Latest::default(); 2],
            marks: BTreeMap::new(),
        }
    }

    fn receive(&mut self, delivery: &Delivery) {
        let (trigger, reopening) = match delivery {
            Delivery::Ran { test, run } => {
                self.latest[*test].record(run);
                (Trigger::Ran, None)
            }
            Delivery::Moved {
                at_ms,
                from,
                to,
                resolution,
            } => {
                let is_news = *at_ms > self.issue.event_ms;
                let is_from_known = self.issue.snapshot.status_category == *from && is_news;
                if is_news {
                    self.issue = issue(*to, *resolution);
                    self.issue.event_ms = *at_ms;
                    self.issue.snapshot.category_changed_ms = Some(*at_ms);
                }
                let from = is_from_known.then_some(*from);
                let told = Reopening::told_by(&self.issue, from, *to, *at_ms);
                let trigger = if is_news {
                    Trigger::Moved
                } else {
                    Trigger::Linked
                };
                (trigger, told)
            }
        };
        self.follow(trigger, reopening);
    }

    fn follow(&mut self, trigger: Trigger, reopening: Option<Reopening>) {
        let tests: Vec<_> = self.latest.iter().enumerate().map(facts).collect();
        let marks: Vec<_> = self.marks.values().cloned().collect();
        let facts = IssueFacts {
            issue: &self.issue,
            tests: &tests,
            marks: &marks,
        };
        let settings = Settings::default();
        let mut decisions = follow_reopened(&facts, &settings, reopening, trigger);
        decisions.extend(follow_defect(&facts, &settings, trigger));
        decisions.sort_by_key(|decision| !matches!(decision.action, Action::Clear(_)));
        for decision in decisions {
            match decision.action {
                Action::Set(mark) => {
                    self.marks.insert((mark.test_id, mark.kind), mark);
                }
                Action::Clear(kind) => {
                    self.marks.remove(&(decision.test_id.unwrap(), kind));
                }
                _ => {}
            }
        }
    }
}

fn facts((n, latest): (usize, &Latest)) -> TestFacts {
    TestFacts {
        id: Uuid::from_u128(100 + u128::try_from(n).unwrap()),
        key: format!("SHOP-T{n}"),
        evidence: Evidence::of(latest, &Statuses::default()),
    }
}

fn run(at_ms: i64, status: RunStatus, environment: &str) -> RunFact {
    RunFact {
        execution_id: ISSUE,
        execution_key: format!("SHOP-E{at_ms}"),
        number: 1,
        status,
        environments: vec![environment.to_owned()],
        started_ms: None,
        finished_ms: at_ms,
        arrived_ms: at_ms,
        is_flaky: false,
        attempts: 1,
        message: None,
        version: 1,
        revision: None,
        branch: None,
        is_incomplete: false,
    }
}

/// Histories in which the issue goes back and forth between open and done.
fn histories() -> impl Strategy<Value = Vec<Delivery>> {
    let step = (0..8_u8, 0..2_usize, 0..2_usize, any::<bool>());
    proptest::collection::vec(step, 1..9).prop_map(|steps| {
        let mut category = Indeterminate;
        let instants = (10..).step_by(10);
        let told = steps.into_iter().zip(instants);
        told.map(|((what, test, environment, is_fixed), at_ms)| {
            let status = match what {
                0 | 1 => RunStatus::Passed,
                2 | 3 => RunStatus::Failed,
                4 => RunStatus::Skipped,
                _ => {
                    let from = category;
                    category = if from == Done { Indeterminate } else { Done };
                    let resolution = if is_fixed { "Done" } else { "Won't Fix" };
                    return Delivery::Moved {
                        at_ms,
                        from,
                        to: category,
                        resolution: (category == Done).then_some(resolution),
                    };
                }
            };
            let environment = ["chrome", "firefox"][environment];
            Delivery::Ran {
                test,
                run: run(at_ms, status, environment),
            }
        })
        .collect()
    })
}

/// A history, and an order in which every part of it arrives, some of it twice.
fn deliveries() -> impl Strategy<Value = (Vec<Delivery>, Vec<usize>)> {
    histories().prop_flat_map(|history| {
        let all: Vec<usize> = (0..history.len()).collect();
        let again = proptest::collection::vec(0..history.len(), 0..4);
        let order = again.prop_flat_map(move |again| {
            let all: Vec<usize> = all.iter().copied().chain(again).collect();
            Just(all).prop_shuffle()
        });
        (Just(history), order)
    })
}

fn marks_of<'a>(deliveries: impl IntoIterator<Item = &'a Delivery>) -> BTreeSet<Mark> {
    let mut model = Model::new();
    for delivery in deliveries {
        model.receive(delivery);
    }
    model.marks.into_values().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn marks_do_not_depend_on_the_order_of_arrival((history, order) in deliveries()) {
        let in_order = marks_of(&history);
        let shuffled = marks_of(order.iter().map(|&n| &history[n]));
        prop_assert_eq!(in_order, shuffled);
    }
}

#[test]
fn the_walk_of_a_defect_sets_the_mark_and_takes_it_off() {
    let moved = |at_ms, from, to, resolution| Delivery::Moved {
        at_ms,
        from,
        to,
        resolution,
    };
    let ran = |test, at_ms, status| Delivery::Ran {
        test,
        run: run(at_ms, status, "chrome"),
    };
    let walk = [
        ran(0, 10, RunStatus::Failed),
        ran(1, 20, RunStatus::Passed),
        moved(30, Indeterminate, Done, Some("Done")),
        ran(0, 40, RunStatus::Passed),
        ran(1, 50, RunStatus::Passed),
    ];
    let environments = |marks: &BTreeSet<Mark>| -> Vec<Vec<String>> {
        marks.iter().map(|mark| mark.environments.clone()).collect()
    };
    let none = Vec::<String>::new();
    assert_eq!(
        environments(&marks_of(&walk[..3])),
        [vec!["chrome".to_owned()], none.clone()]
    );
    assert_eq!(environments(&marks_of(&walk[..4])), [none.clone(), none]);
    assert!(marks_of(&walk).is_empty());
}
