//! Moves an issue through its workflow (`jira-webhooks-rest.md` 10.3).
//!
//! Which transitions there are is asked right before one is made, and asked again when Jira says that
//! it is not to be had: the issue may have moved meanwhile. Chosen by the status it leads to, never
//! by name. Where none leads there, one that goes on along a way that an administrator wrote down is
//! made, and then the next; where no way is known, the issue gets the comment that was written for
//! that case, and the work is parked for a person to see.

use std::collections::BTreeSet;

use super::{Done, Failure};
use crate::app::App;
use crate::domain::issue::IssueSnapshot;
use crate::domain::transition_path::next_steps;
use crate::domain::work::{Block, TransitionTarget};
use crate::jira::{JiraError, SiteClient, Transition};
use crate::store::outbox::ClaimedWork;
use crate::store::{issues, rules, transition_paths};

/// How often the transitions are asked for before giving up for now.
const ROUNDS: usize = 2;
/// Most transitions of one way.
const STEPS: usize = 10;
/// How long the echo of a transition is expected: until Jira's last retry of its event, and more.
const EXPECTED_MS: i64 = 2 * 3600 * 1000;

/// Brings an issue into a wanted status: by one transition, or along a way that was written down.
pub(super) async fn make(
    app: &App,
    client: &SiteClient<'_>,
    work: &ClaimedWork,
    issue: i64,
    target: &TransitionTarget,
    otherwise: &[Block],
) -> Result<Done, Failure> {
    let (mut steps, mut refused) = (0, 0);
    loop {
        let now = client.issue(&issue.to_string()).await?;
        if target.rank(&now.status.id, now.status_category).is_some() {
            return Ok(match steps {
                0 => Done::noting("the issue is in a wanted status"),
                _ => Done::noting(format!("it took {steps} transitions")),
            });
        }
        if steps == STEPS {
            let why = format!("after {STEPS} transitions the issue is in no wanted status");
            return give_up(client, work, issue, otherwise, why).await;
        }
        let offered = client.transitions(issue).await?;
        let chosen = match choose(&offered, target) {
            Ok(chosen) => chosen,
            Err(why) => {
                let onward = onward(app, work, &now, target).await?;
                match step(&offered, &onward) {
                    Some(next) => next,
                    None => return give_up(client, work, issue, otherwise, why).await,
                }
            }
        };
        expect(app, work, issue, &chosen.to.id, steps == 0).await?;
        match client.do_transition(issue, &chosen.id).await {
            Ok(()) if target.rank(&chosen.to.id, chosen.to_category).is_some() && steps == 0 => {
                return Ok(Done::plainly());
            }
            Ok(()) => steps += 1,
            // The issue may have moved meanwhile: look again, and then leave it.
            Err(JiraError::Refused(_) | JiraError::Conflict) if refused + 1 < ROUNDS => {
                refused += 1;
            }
            Err(JiraError::Refused(refusal)) => {
                let why = format!("Jira refuses the transition ({refusal})");
                return give_up(client, work, issue, otherwise, why).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// The statuses that a way to a wanted one may enter next.
async fn onward(
    app: &App,
    work: &ClaimedWork,
    now: &IssueSnapshot,
    target: &TransitionTarget,
) -> Result<Vec<String>, Failure> {
    let on = app.store.read();
    let paths = transition_paths::of_project(on, work.site, &now.project_key).await?;
    let mut wanted = BTreeSet::new();
    for status in paths.iter().flatten() {
        let category = issues::category_of_status(on, work.site, status).await?;
        if target.rank(status, category.unwrap_or_default()).is_some() {
            wanted.insert(status.as_str());
        }
    }
    let next = next_steps(&paths, &now.status.id, |status| wanted.contains(status));
    Ok(next.into_iter().map(str::to_owned).collect())
}

/// The transition that enters one of these statuses and demands nothing.
fn step<'a>(offered: &'a [Transition], onward: &[String]) -> Option<&'a Transition> {
    let mut open = offered.iter().filter(|one| one.demands.is_empty());
    open.find(|one| onward.contains(&one.to.id))
}

/// The transition that serves best, or why there is none.
fn choose<'a>(
    offered: &'a [Transition],
    target: &TransitionTarget,
) -> Result<&'a Transition, String> {
    let rank = |one: &Transition| target.rank(&one.to.id, one.to_category);
    let mut leading: Vec<_> = offered.iter().filter(|one| rank(one).is_some()).collect();
    leading.sort_by_key(|one| rank(one));
    if let Some(open) = leading.iter().find(|one| one.demands.is_empty()) {
        return Ok(open);
    }
    Err(match leading.first() {
        Some(demanding) => format!(
            "the transition to {} demands {}, which Touchstone cannot know",
            demanding.to.name,
            demanding.demands.join(", ")
        ),
        None => "Jira offers the app no transition to a wanted status; the workflow has none from \
                 here, or the app lacks the permission to transition issues"
            .to_owned(),
    })
}

/// Expects the echo, so that no rule takes it for a person's doing. An issue that the mirror does
/// not know has no rules to keep quiet.
async fn expect(
    app: &App,
    work: &ClaimedWork,
    issue: i64,
    status: &str,
    is_first: bool,
) -> Result<(), Failure> {
    let known = issues::by_jira_id(app.store.read(), work.site, issue).await?;
    let Some(known) = known else { return Ok(()) };
    let expires_ms = app.clock.now_ms() + EXPECTED_MS;
    let txn = app.store.write().await?;
    if is_first {
        // What an earlier try expected; the steps of this one come back in any order.
        rules::withdraw(&*txn, work.site, work.id).await?;
    }
    let becomes = ("status", status);
    rules::expect(&*txn, work.site, known.id, becomes, work.id, expires_ms).await?;
    txn.commit().await?;
    Ok(())
}

/// Says on the issue what was to be said in this case, once, and asks for a person.
async fn give_up(
    client: &SiteClient<'_>,
    work: &ClaimedWork,
    issue: i64,
    otherwise: &[Block],
    why: String,
) -> Result<Done, Failure> {
    if !otherwise.is_empty() {
        super::comment(client, work, issue, otherwise).await?;
    }
    Err(Failure::Stuck(why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::issue::{Named, StatusCategory};

    fn leading_to(id: &str, category: StatusCategory, demands: &[&str]) -> Transition {
        Transition {
            id: format!("to-{id}"),
            to: Named {
                id: id.into(),
                name: format!("Status {id}"),
            },
            to_category: category,
            demands: demands.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    #[test]
    fn the_best_transition_that_can_be_made_is_chosen() {
        use StatusCategory::{Done, Indeterminate, New};
        let offered = [
            leading_to("1", New, &[]),
            leading_to("2", Indeterminate, &["Team"]),
            leading_to("3", Indeterminate, &[]),
            leading_to("4", Done, &[]),
        ];
        let reopen = TransitionTarget::Categories(vec![Indeterminate, New]);
        assert_eq!(choose(&offered, &reopen).unwrap().id, "to-3");
        assert_eq!(choose(&offered[..2], &reopen).unwrap().id, "to-1");
        let why = choose(&offered[1..2], &reopen).unwrap_err();
        assert!(why.contains("demands Team"), "{why}");
        let why = choose(&offered[3..], &reopen).unwrap_err();
        assert!(why.contains("offers the app no transition"), "{why}");
        let mapped = TransitionTarget::Statuses(vec!["4".into()]);
        assert_eq!(choose(&offered, &mapped).unwrap().id, "to-4");
    }
}
