//! Linking tests to an issue and taking the links back.

use actix_web::HttpRequest;
use actix_web::web::{Data, Path};
use askama::Template;

use super::scope::Choice;
use super::{Done, TestOfIssue, after, find_facts, test_of};
use crate::app::App;
use crate::app::issue_panel::{IssuePanel, MeetError};
use crate::app::link_test::{LinkError, link_test};
use crate::app::unlink_test::unlink_test;
use crate::domain::keys::TestKey;
use crate::problem::Problem;
use crate::store::tests;
use crate::web::fields::{Fields, SentForm};
use crate::web::fragment::Fragment;
use crate::web::frame::root;
use crate::web::panel::present::counted;
use crate::web::viewer::Viewer;

/// Tests that a search shows at most.
const SHOWN: i64 = 20;
/// Tests linked at once at most.
const LINKED_AT_ONCE: usize = 100;

/// A test that could be linked.
#[derive(Debug)]
struct Candidate {
    key: String,
    name: String,
    is_chosen: bool,
}

#[derive(Debug, Template)]
#[template(path = "panel/link.html")]
struct Form {
    base: String,
    key: String,
    project: String,
    candidates: Vec<Candidate>,
    say: String,
}

#[derive(Debug, Template)]
#[template(path = "panel/candidates.html")]
struct Candidates {
    candidates: Vec<Candidate>,
    say: String,
}

/// `GET /ui/issue/{issue}/link`
pub(super) async fn form(
    viewer: Viewer,
    issue: Path<i64>,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    viewer.demand_sight(&app, *issue).await?;
    let found = find_facts(&app, &viewer, *issue, &Choice::default()).await?;
    let Candidates { candidates, say } = search(&app, &viewer, &found, &Fields::default()).await?;
    let snapshot = &found.coverage.issue.snapshot;
    let form = Form {
        base: format!("{}/ui/issue/{issue}", root(&app.config)),
        key: snapshot.key.clone(),
        project: snapshot.project_key.clone(),
        candidates,
        say,
    };
    Fragment::of(&form)
}

/// `GET /ui/issue/{issue}/candidates?q=&test=…`: what was ticked stays, first and ticked.
pub(super) async fn candidates(
    viewer: Viewer,
    issue: Path<i64>,
    request: HttpRequest,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    viewer.demand_sight(&app, *issue).await?;
    let found = find_facts(&app, &viewer, *issue, &Choice::default()).await?;
    let fields = Fields::parse(request.query_string().as_bytes());
    let candidates = search(&app, &viewer, &found, &fields).await?;
    Fragment::of(&candidates)
}

async fn search(
    app: &App,
    viewer: &Viewer,
    found: &IssuePanel,
    fields: &Fields,
) -> Result<Candidates, Problem> {
    let (on, site) = (app.store.read(), viewer.site.id);
    let project = &found.coverage.issue.snapshot.project_key;
    let text = fields.chosen("q").unwrap_or_default();
    let is_linked = |key: &str| found.coverage.tests.iter().any(|test| test.key == key);
    let mut candidates = Vec::new();
    for key in ticked(fields) {
        if let Some(test) = tests::by_key(on, site, &key).await? {
            candidates.push(Candidate {
                key: test.key.to_string(),
                name: test.name,
                is_chosen: true,
            });
        }
    }
    let linked = i64::try_from(found.coverage.tests.len()).unwrap_or(SHOWN);
    let matching = tests::search(on, site, project, text, SHOWN.saturating_add(linked)).await?;
    let mut shown = 0;
    for test in matching {
        let key = test.key.to_string();
        let is_held = candidates.iter().any(|held| held.key == key);
        if shown < SHOWN && !is_held && !is_linked(&key) {
            shown += 1;
            candidates.push(Candidate {
                key,
                name: test.name,
                is_chosen: false,
            });
        }
    }
    let say = match (shown, text) {
        (0, "") => format!("{project} has no other test to link. Import results to get some."),
        (0, _) => format!("No other test of {project} matches."),
        (SHOWN, _) => format!("The {SHOWN} newest matching tests. Type more to narrow them down."),
        (count, _) => counted(usize::try_from(count).unwrap_or(0), "test"),
    };
    Ok(Candidates { candidates, say })
}

fn ticked(fields: &Fields) -> Vec<TestKey> {
    let keys = fields.all("test").take(LINKED_AT_ONCE);
    keys.filter_map(|key| key.parse().ok()).collect()
}

/// `POST /ui/issue/{issue}/link` with `test=KEY`, any number of times.
pub(super) async fn link(
    viewer: Viewer,
    issue: Path<i64>,
    sent: SentForm,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    let account = viewer.demand_edit(&app, *issue).await?;
    let fields = sent.fields()?;
    let keys = ticked(&fields);
    let Some(first) = keys.first() else {
        return Err(Problem::unprocessable("No test is chosen.").detail("Tick at least one test."));
    };
    let now_ms = app.clock.now_ms();
    for key in &keys {
        link_test(
            &app.store,
            viewer.site.id,
            *issue,
            key,
            Some(account),
            now_ms,
        )
        .await?;
    }
    let done = match keys.len() {
        1 => format!("{first} linked"),
        count => format!("{count} tests linked"),
    };
    let done = Done {
        words: done,
        is_issue_changed: false,
    };
    after(&app, &viewer, *issue, &fields, Some(done)).await
}

/// `POST /ui/issue/{issue}/tests/{test}/unlink`
pub(super) async fn unlink(
    viewer: Viewer,
    path: Path<TestOfIssue>,
    sent: SentForm,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    let account = viewer.demand_edit(&app, path.issue).await?;
    let fields = sent.fields()?;
    let found = find_facts(&app, &viewer, path.issue, &Choice::default()).await?;
    let key = &test_of(&found, path.test)?.key;
    let parsed = key
        .parse()
        .map_err(|why| Problem::internal().because(why))?;
    let now_ms = app.clock.now_ms();
    let (store, site) = (&app.store, viewer.site.id);
    unlink_test(store, site, path.issue, &parsed, Some(account), now_ms).await?;
    let done = format!("{key} unlinked");
    let done = Done {
        words: done,
        is_issue_changed: false,
    };
    after(&app, &viewer, path.issue, &fields, Some(done)).await
}

impl From<LinkError> for Problem {
    fn from(why: LinkError) -> Self {
        match why {
            LinkError::UnknownIssue => Self::not_found("Touchstone does not know this issue yet.")
                .detail("Reload the page and try again."),
            LinkError::UnknownTest(key) => Self::not_found(format!("There is no test {key}.")),
            LinkError::Archived(key) => Self::unprocessable(format!(
                "{key} is archived; an archived test covers nothing."
            )),
            LinkError::Store(why) => why.into(),
        }
    }
}

impl From<MeetError> for Problem {
    fn from(why: MeetError) -> Self {
        match why {
            MeetError::Jira(why) => why.into(),
            MeetError::Store(why) => why.into(),
        }
    }
}
