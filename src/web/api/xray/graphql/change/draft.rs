//! A run that is being changed: read once its project is held, written once when all is said, so that
//! whatever a client asks of a run in one call happens at once or not at all.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::super::desk::{Answer, Desk, Failure, refused};
use super::super::run::TestRun;
use super::super::run_parts::{part_status, says, with_examples};
use super::document::long;
use super::evidence::{File, Unwanted, attach};
use super::hold;
use crate::app::edit_run::{Occasion, edit_run, is_status_held};
use crate::domain::attempts::{Sequence, aggregate};
use crate::domain::issue::{IssueKey, MirroredIssue};
use crate::domain::run::RunStatus;
use crate::domain::run_detail::{AttemptDetail, RunDetail, StepDetail};
use crate::domain::settings::Settings;
use crate::domain::statuses::Statuses;
use crate::store::evidence::{OfRun, Which};
use crate::store::stored_runs::StoredRun;
use crate::store::{Conn, Txn, evidence, issues, run_defects, stored_tests};

/// Most defects of a run.
const DEFECTS: usize = 500;
/// Most steps of a run, and so of an iteration.
const STEPS: usize = 500;
/// Most iterations whose steps can be told apart in the store.
const RANKS: usize = 1_000_000;

/// A part of a run that files and defects belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web::api::xray) enum Place {
    /// The run itself.
    Run,
    /// A step, from 1.
    Step(usize),
    /// An iteration and a step of it, both from 1.
    IterationStep(usize, usize),
}

impl Place {
    /// The number the store keeps: 0 the run, 3 its third step, 2003 the third step of its second
    /// iteration.
    pub fn number(self) -> i32 {
        let number = match self {
            Self::Run => 0,
            Self::Step(step) => step,
            Self::IterationStep(rank, step) => rank * 1_000 + step,
        };
        i32::try_from(number).unwrap_or(i32::MAX)
    }

    /// A step of a run, or of one of its iterations.
    pub fn step(rank: Option<usize>, step: usize) -> Answer<Self> {
        if !(1..=STEPS).contains(&step) {
            return Err(refused("The run has no such step."));
        }
        match rank {
            None => Ok(Self::Step(step)),
            Some(rank) if (1..=RANKS).contains(&rank) => Ok(Self::IterationStep(rank, step)),
            Some(_) => Err(no_iteration()),
        }
    }
}

/// What is to change in a step; what is not given stays.
#[derive(Debug, Default)]
pub(in crate::web::api::xray) struct StepSaid<'a> {
    pub status: Option<&'a str>,
    pub comment: Option<&'a str>,
    pub actual_result: Option<&'a str>,
}

/// See the module.
pub(in crate::web::api::xray) struct Draft<'a> {
    desk: &'a Desk,
    txn: Txn,
    /// As it was read.
    pub held: TestRun,
    /// As it is to be.
    pub changed: StoredRun,
    settings: Settings,
    /// All of them, once any is added or removed.
    defects: Option<BTreeSet<(i32, Uuid)>>,
    /// What could not be done, and why.
    pub warnings: Vec<String>,
}

impl<'a> Draft<'a> {
    /// Holds the project of the run with this id and reads the run.
    pub async fn open(desk: &'a Desk, id: &str) -> Answer<Self> {
        let (txn, held) = hold::run(desk, id).await?;
        Ok(Self {
            settings: desk.settings(&held.execution.key.project).await?,
            changed: held.run.clone(),
            desk,
            txn,
            held,
            defects: None,
            warnings: Vec::new(),
        })
    }

    /// When the change is made, milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> i64 {
        self.desk.now_ms
    }

    /// Whether the run has a final status.
    pub fn is_over(&self) -> bool {
        self.statuses().is_final(self.changed.status)
    }

    fn statuses(&self) -> &Statuses {
        &self.settings.coverage.statuses
    }

    /// The status that a client means, kept from being deleted.
    async fn status_named(&self, text: &str) -> Answer<RunStatus> {
        let unknown = || {
            let short: String = text.chars().take(80).collect();
            refused(format!("`{short}` is no status of a run."))
        };
        let status = self.settings.coverage.read_status(text);
        let status = status.ok_or_else(unknown)?;
        if !is_status_held(&*self.txn, self.desk.site(), status).await? {
            return Err(unknown());
        }
        Ok(status)
    }

    /// Gives the run another status; returns its name.
    pub async fn status(&mut self, text: &str) -> Answer<String> {
        let status = self.status_named(text).await?;
        self.ends_as(status);
        Ok(self.statuses().name(status).to_owned())
    }

    /// With its first final status a run ends.
    fn ends_as(&mut self, status: RunStatus) {
        let statuses = &self.settings.coverage.statuses;
        let (run, now_ms) = (&mut self.changed, self.desk.now_ms);
        let ends_now = !statuses.is_final(run.status) && statuses.is_final(status);
        let begins_now = run.started_ms.is_none() && status == RunStatus::Executing;
        if begins_now {
            run.started_ms = Some(now_ms);
        }
        if ends_now || begins_now {
            run.finished_ms = now_ms;
        }
        run.status = status;
    }

    /// Gives the run another comment; an empty one takes it away.
    pub fn comment(&mut self, text: &str) -> Answer<()> {
        self.changed.detail.comment = long("comment", Some(text))?;
        Ok(())
    }

    /// Changes what the run says of a step. A status of a step makes that of the run.
    pub async fn step(&mut self, place: Place, said: &StepSaid<'_>) -> Answer<()> {
        let status = match said.status {
            Some(text) => Some(self.status_named(text).await?),
            None => None,
        };
        let all = self.counted_steps().await?;
        let name = status.map(|status| self.statuses().name(status).to_owned());
        let (steps, step) = match place {
            Place::Run => return Err(refused("The run has no such step.")),
            Place::Step(step) => (&mut self.changed.detail.steps, step),
            Place::IterationStep(rank, step) => {
                (&mut iteration(&mut self.changed.detail, rank)?.steps, step)
            }
        };
        let most = all.max(steps.len());
        steps.resize_with(most, || StepDetail {
            status: RunStatus::Todo.name().to_owned(),
            actual: None,
            comment: None,
        });
        let step = step.checked_sub(1).and_then(|n| steps.get_mut(n));
        let step = step.ok_or_else(|| refused("The run has no such step."))?;
        if said.comment.is_some() {
            step.comment = long("comment", said.comment)?;
        }
        if said.actual_result.is_some() {
            step.actual = long("actualResult", said.actual_result)?;
        }
        if let Some(name) = name {
            step.status = name;
            self.follow_steps(place)?;
        }
        Ok(())
    }

    /// Lets the run, or an iteration and then the run, be what the steps come to.
    fn follow_steps(&mut self, place: Place) -> Answer<()> {
        let names = |steps: &[StepDetail]| -> Vec<String> {
            steps.iter().map(|step| step.status.clone()).collect()
        };
        let Place::IterationStep(rank, _) = place else {
            let whole = self.of_parts(&names(&self.changed.detail.steps));
            self.ends_as(whole);
            return Ok(());
        };
        let parts = names(&iteration(&mut self.changed.detail, rank)?.steps);
        let whole = self.of_parts(&parts);
        let name = self.statuses().name(whole).to_owned();
        iteration(&mut self.changed.detail, rank)?.status = name;
        self.follow_iterations();
        Ok(())
    }

    fn of_parts(&self, parts: &[String]) -> RunStatus {
        let (statuses, policy) = (self.statuses(), self.settings.coverage.retries);
        let parts = parts.iter().map(|name| part_status(name, statuses));
        let parts: Vec<RunStatus> = parts.collect();
        aggregate(&parts, Sequence::Iterations, policy, statuses).0
    }

    /// Gives an iteration another status, which makes that of the run.
    pub async fn iteration(&mut self, rank: usize, status: &str) -> Answer<()> {
        let status = self.status_named(status).await?;
        let name = self.statuses().name(status).to_owned();
        iteration(&mut self.changed.detail, rank)?.status = name;
        self.follow_iterations();
        Ok(())
    }

    /// Gives an example of a scenario outline another status, which makes that of the run.
    pub async fn example(&mut self, rank: usize, status: &str) -> Answer<()> {
        let version = self.held.version(self.desk).await?;
        let all = with_examples(
            &says(&version),
            std::mem::take(&mut self.changed.detail.attempts),
        );
        self.changed.detail.attempts = all;
        self.iteration(rank, status).await
    }

    fn follow_iterations(&mut self) {
        let parts = self.changed.detail.attempts.iter();
        let parts: Vec<String> = parts.map(|one| one.status.clone()).collect();
        let whole = self.of_parts(&parts);
        self.changed.is_flaky = false;
        self.ends_as(whole);
    }

    /// How many steps the run has: those of its test's version.
    async fn counted_steps(&self) -> Answer<usize> {
        let version = self.held.version(self.desk).await?;
        Ok(version.version.content.steps.len())
    }

    /// Starts, stops or sets back the clock that a tester works by. The time it ran is the run's duration.
    pub fn timer(&mut self, is_running: Option<bool>, is_reset: bool) {
        let (run, now_ms) = (&mut self.changed, self.desk.now_ms);
        if is_reset {
            run.duration_ms = None;
            run.detail.timer_since_ms = None;
        }
        match is_running {
            Some(true) if run.detail.timer_since_ms.is_none() => {
                run.detail.timer_since_ms = Some(now_ms);
                run.started_ms.get_or_insert(now_ms);
                run.finished_ms = run.finished_ms.max(now_ms);
            }
            Some(false) => {
                if let Some(since_ms) = run.detail.timer_since_ms.take() {
                    let ran_ms = now_ms.saturating_sub(since_ms).max(0);
                    run.duration_ms = Some(run.duration_ms.unwrap_or(0).saturating_add(ran_ms));
                }
            }
            _ => {}
        }
    }

    /// Takes back everything the run says: it is to do again, with the test as it is now.
    pub async fn reset(&mut self) -> Answer<()> {
        let (site, run) = (self.desk.site(), &self.held.run);
        let test = stored_tests::by_ids(&*self.txn, site, &[run.test_id]).await?;
        let test = test.get(&run.test_id);
        self.changed = StoredRun {
            test_version: test.map(|test| test.version).or(run.test_version),
            status: RunStatus::Todo,
            is_flaky: false,
            started_ms: None,
            finished_ms: self.desk.now_ms,
            duration_ms: None,
            message: None,
            detail: RunDetail::default(),
            ..run.clone()
        };
        let place = (self.held.execution.project_id, self.held.execution.id);
        evidence::delete(&*self.txn, site, place, Which::OfRun(run.number)).await?;
        self.defects = Some(BTreeSet::new());
        Ok(())
    }

    /// Adds files; returns their ids.
    pub async fn attach(&self, place: Place, files: &[File]) -> Answer<Vec<String>> {
        self.demand(place)?;
        let of = OfRun {
            project: self.held.execution.project_id,
            execution: self.held.execution.id,
            number: self.held.run.number,
        };
        attach(&*self.txn, self.desk, &of, place.number(), files).await
    }

    /// Removes files; returns their ids.
    pub async fn remove_files(&mut self, unwanted: &Unwanted) -> Answer<Vec<String>> {
        let site = self.desk.site();
        let (removed, warnings) = unwanted.remove(&*self.txn, site, &self.held).await?;
        self.warnings.extend(warnings);
        Ok(removed)
    }

    /// Refuses a step of an iteration that is not there.
    fn demand(&self, place: Place) -> Answer<()> {
        let Place::IterationStep(rank, _) = place else {
            return Ok(());
        };
        let attempts = self.held.run.detail.attempts.iter();
        let iterations = attempts.filter(|one| one.label.is_some()).count();
        if rank > iterations {
            return Err(no_iteration());
        }
        Ok(())
    }

    async fn all_defects(&mut self) -> Answer<BTreeSet<(i32, Uuid)>> {
        if let Some(known) = self.defects.take() {
            return Ok(known);
        }
        let (site, execution) = (self.desk.site(), self.held.execution.id);
        let held = run_defects::of_run(&*self.txn, site, execution, self.held.run.number).await?;
        Ok(held.iter().map(|one| (one.step, one.issue_id)).collect())
    }

    /// Adds defects, named by Jira's ids or keys; returns Jira's ids of those that are new.
    pub async fn add_defects(&mut self, place: Place, given: &[String]) -> Answer<Vec<String>> {
        self.demand(place)?;
        let mut all = self.all_defects().await?;
        let mut added = Vec::new();
        for text in given {
            let short: String = text.chars().take(80).collect();
            let Some(issue) = issue_named(&*self.txn, self.desk, text).await? else {
                self.warnings
                    .push(format!("The issue `{short}` is not known here."));
                continue;
            };
            let type_name = &issue.snapshot.issue_type.name;
            if !self.settings.is_defect(type_name) {
                self.warnings.push(format!(
                    "{short} is a {type_name}, which is no type of defect."
                ));
            } else if all.insert((place.number(), issue.id)) {
                added.push(issue.snapshot.jira_id.to_string());
            } else {
                self.warnings
                    .push(format!("{short} is a defect of it already."));
            }
        }
        if all.len() > DEFECTS {
            return Err(refused(format!("A run has at most {DEFECTS} defects.")));
        }
        self.defects = Some(all);
        Ok(added)
    }

    /// Removes defects, named by Jira's ids or keys; returns Jira's ids of those that are gone.
    pub async fn remove_defects(&mut self, place: Place, given: &[String]) -> Answer<Vec<String>> {
        let mut all = self.all_defects().await?;
        let mut removed = Vec::new();
        for text in given {
            let issue = issue_named(&*self.txn, self.desk, text).await?;
            if let Some(issue) = issue.filter(|issue| all.remove(&(place.number(), issue.id))) {
                removed.push(issue.snapshot.jira_id.to_string());
                continue;
            }
            let short: String = text.chars().take(80).collect();
            self.warnings.push(format!("`{short}` is no defect of it."));
        }
        self.defects = Some(all);
        Ok(removed)
    }

    /// Writes it; returns what could not be done.
    pub async fn save(self) -> Answer<Vec<String>> {
        let occasion = Occasion {
            by: self.desk.by(),
            now_ms: self.desk.now_ms,
        };
        let defects = self.defects.map(|all| all.into_iter().collect::<Vec<_>>());
        let both = (&self.held.run, &self.changed);
        let (site, execution) = (self.desk.site(), &self.held.execution);
        let defects = defects.as_deref();
        edit_run(&*self.txn, site, execution, both, defects, occasion).await?;
        self.desk.commit(self.txn).await?;
        Ok(self.warnings)
    }
}

fn no_iteration() -> Failure {
    refused("The run has no iteration of that rank.")
}

/// The iteration of a rank, from 1.
fn iteration(detail: &mut RunDetail, rank: usize) -> Answer<&mut AttemptDetail> {
    let mut labelled = detail.attempts.iter_mut().filter(|one| one.label.is_some());
    let one = rank.checked_sub(1).and_then(|n| labelled.nth(n));
    one.ok_or_else(no_iteration)
}

/// The issue of the mirror that an id of Jira or a key names.
async fn issue_named(on: &impl Conn, desk: &Desk, text: &str) -> Answer<Option<MirroredIssue>> {
    let site = desk.site();
    let found = match text.trim().parse::<i64>() {
        Ok(id) => issues::by_jira_id(on, site, id).await?,
        Err(_) => match text.parse::<IssueKey>() {
            Ok(key) => issues::by_key(on, site, key.as_str()).await?,
            Err(_) => None,
        },
    };
    Ok(found.filter(|issue| !issue.is_placeholder() && issue.deleted_ms.is_none()))
}
