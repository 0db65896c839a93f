//! What a person decides beside the results: that an issue needs no test, that a test does not count
//! for a time. Both have a reason, and end by themselves when an end was said.

use actix_web::web::{Data, Path};
use askama::Template;
use uuid::Uuid;

use super::scope::Choice;
use super::{Done, TestOfIssue, after, find_facts, test_of};
use crate::app::App;
use crate::app::exempt_issue::{ExemptionError, end_exemption, exempt_issue};
use crate::app::quarantine_test::{QuarantineError, Wanted, end_quarantine, quarantine_test};
use crate::domain::wording::{LONGEST, WordsError};
use crate::problem::Problem;
use crate::web::fields::{Fields, SentForm};
use crate::web::fragment::Fragment;
use crate::web::frame::root;
use crate::web::times::{day, end_of_day};
use crate::web::viewer::Viewer;

/// How long a quarantine lasts when nobody changes the day offered, in milliseconds.
const OFFERED_MS: i64 = 14 * 86_400_000;

#[derive(Debug, Template)]
#[template(path = "panel/exemption.html")]
struct ExemptionForm {
    base: String,
    key: String,
    reason: String,
    until: String,
    today: String,
    longest: usize,
}

#[derive(Debug, Template)]
#[template(path = "panel/quarantine.html")]
struct QuarantineForm {
    base: String,
    test: Uuid,
    test_key: String,
    name: String,
    reason: String,
    owner: String,
    until: String,
    today: String,
    longest: usize,
}

/// `GET /ui/issue/{issue}/exemption`
pub(super) async fn exemption_form(
    viewer: Viewer,
    issue: Path<i64>,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    viewer.demand_edit(&app, *issue).await?;
    let found = find_facts(&app, &viewer, *issue, &Choice::default()).await?;
    let held = found.coverage.exemption.as_ref();
    Fragment::of(&ExemptionForm {
        base: base(&app, *issue),
        key: found.coverage.issue.snapshot.key.clone(),
        reason: held.map_or_else(String::new, |held| held.reason.clone()),
        until: held
            .and_then(|held| held.ends_ms)
            .map_or_else(String::new, last_day),
        today: day(app.clock.now_ms()),
        longest: LONGEST,
    })
}

/// `POST /ui/issue/{issue}/exemption` with `reason` and `until`, a day or nothing.
pub(super) async fn exempt(
    viewer: Viewer,
    issue: Path<i64>,
    sent: SentForm,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    let account = viewer.demand_edit(&app, *issue).await?;
    let fields = sent.fields()?;
    let found = find_facts(&app, &viewer, *issue, &Choice::default()).await?;
    let id = found.coverage.issue.id;
    let (reason, ends_ms) = (fields.chosen("reason").unwrap_or_default(), end(&fields)?);
    let (site, by, now_ms) = (viewer.site.id, Some(account), app.clock.now_ms());
    exempt_issue(&app.store, site, id, reason, ends_ms, by, now_ms)
        .await
        .map_err(exemption_refused)?;
    let done = format!("{} needs no test", found.coverage.issue.snapshot.key);
    after(&app, &viewer, *issue, &fields, Some(Done::here(done))).await
}

/// `POST /ui/issue/{issue}/exemption/end`
pub(super) async fn unexempt(
    viewer: Viewer,
    issue: Path<i64>,
    sent: SentForm,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    viewer.demand_edit(&app, *issue).await?;
    let fields = sent.fields()?;
    let found = find_facts(&app, &viewer, *issue, &Choice::default()).await?;
    end_exemption(&app.store, viewer.site.id, found.coverage.issue.id).await?;
    let done = format!("{} needs tests again", found.coverage.issue.snapshot.key);
    after(&app, &viewer, *issue, &fields, Some(Done::here(done))).await
}

/// `GET /ui/issue/{issue}/tests/{test}/quarantine`
pub(super) async fn quarantine_form(
    viewer: Viewer,
    path: Path<TestOfIssue>,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    viewer.demand_edit(&app, path.issue).await?;
    let found = find_facts(&app, &viewer, path.issue, &Choice::default()).await?;
    let test = test_of(&found, path.test)?;
    let held = test.quarantine.as_ref();
    let now_ms = app.clock.now_ms();
    Fragment::of(&QuarantineForm {
        base: base(&app, path.issue),
        test: test.id,
        test_key: test.key.clone(),
        name: test.name.clone(),
        reason: held.map_or_else(String::new, |held| held.reason.clone()),
        owner: held.map_or_else(String::new, |held| held.owner.clone()),
        until: held.map_or_else(|| day(now_ms + OFFERED_MS), |held| last_day(held.ends_ms)),
        today: day(now_ms),
        longest: LONGEST,
    })
}

/// `POST /ui/issue/{issue}/tests/{test}/quarantine` with `reason`, `owner` and `until`, a day.
pub(super) async fn quarantine(
    viewer: Viewer,
    path: Path<TestOfIssue>,
    sent: SentForm,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    let account = viewer.demand_edit(&app, path.issue).await?;
    let fields = sent.fields()?;
    let found = find_facts(&app, &viewer, path.issue, &Choice::default()).await?;
    let test = test_of(&found, path.test)?;
    let ends_ms = end(&fields)?.ok_or_else(|| {
        Problem::unprocessable("The last day is missing.")
            .detail("A quarantine ends, so that the test is not forgotten.")
    })?;
    let wanted = Wanted {
        reason: fields.chosen("reason").unwrap_or_default(),
        owner: fields.chosen("owner").unwrap_or_default(),
        ends_ms,
    };
    let (site, now_ms) = (viewer.site.id, app.clock.now_ms());
    quarantine_test(&app.store, site, test.id, &wanted, Some(account), now_ms)
        .await
        .map_err(quarantine_refused)?;
    let done = format!("{} is in quarantine", test.key);
    after(&app, &viewer, path.issue, &fields, Some(Done::here(done))).await
}

/// `POST /ui/issue/{issue}/tests/{test}/quarantine/end`
pub(super) async fn unquarantine(
    viewer: Viewer,
    path: Path<TestOfIssue>,
    sent: SentForm,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    viewer.demand_edit(&app, path.issue).await?;
    let fields = sent.fields()?;
    let found = find_facts(&app, &viewer, path.issue, &Choice::default()).await?;
    let test = test_of(&found, path.test)?;
    end_quarantine(&app.store, viewer.site.id, test.id).await?;
    let done = format!("{} counts again", test.key);
    after(&app, &viewer, path.issue, &fields, Some(Done::here(done))).await
}

fn base(app: &App, issue: i64) -> String {
    format!("{}/ui/issue/{issue}", root(&app.config))
}

/// The last day before an end.
fn last_day(ends_ms: i64) -> String {
    day(ends_ms - 1)
}

/// When the day that was written is over, if one was.
fn end(fields: &Fields) -> Result<Option<i64>, Problem> {
    let Some(text) = fields.chosen("until") else {
        return Ok(None);
    };
    let end = end_of_day(text).ok_or_else(|| {
        Problem::unprocessable("The last day cannot be read.")
            .detail("A day is written like 2026-12-31.")
    })?;
    Ok(Some(end))
}

fn exemption_refused(why: ExemptionError) -> Problem {
    match why {
        ExemptionError::Words(why) => refused(&why),
        ExemptionError::Store(why) => why.into(),
    }
}

fn quarantine_refused(why: QuarantineError) -> Problem {
    match why {
        QuarantineError::Words(why) => refused(&why),
        QuarantineError::Store(why) => why.into(),
    }
}

/// What was written, refused in the words of the form.
fn refused(why: &WordsError) -> Problem {
    let title = match why {
        WordsError::Missing(what) => format!("The {what} is missing."),
        WordsError::TooLong { what, .. } => format!("The {what} is too long."),
        WordsError::Past => "The last day is over.".to_owned(),
        WordsError::TooFar => "The last day is too far ahead.".to_owned(),
    };
    Problem::unprocessable(title).detail(format!("Nothing was changed: {why}."))
}
