//! Stored matrices for people: taking one, the list of them, and what changed since.

use actix_web::HttpRequest;
use actix_web::web::{Data, Path};
use askama::Template;

use super::choice::{Choice, List};
use super::{Head, eyes, page, snapshot_id};
use crate::app::App;
use crate::app::matrix::Page;
use crate::app::matrix::snapshots::{self, Compared, With};
use crate::domain::coverage::CoverageStatus;
use crate::domain::matrix::{Change, Turn};
use crate::problem::Problem;
use crate::store::matrix_snapshots as stored;
use crate::web::fields::{Fields, SentForm};
use crate::web::fragment::Fragment;
use crate::web::panel::look;
use crate::web::panel::view::Look;
use crate::web::times::When;
use crate::web::viewer::Viewer;

/// Longest name, in characters.
const NAME: usize = 120;

/// A stored matrix.
#[derive(Debug)]
pub(super) struct Stored {
    pub id: String,
    pub name: String,
    pub when: When,
    /// What it was asked for: scope, environment, filters.
    pub asked: String,
    /// Where what changed since is told.
    pub address: String,
}

/// What changed since a stored matrix.
#[derive(Debug, Template)]
#[template(path = "project/matrix_compare.html")]
struct Comparison {
    head: Head,
    before: Stored,
    /// The later ones that it can be compared with: id, name, whether it is chosen.
    others: Vec<(String, String, bool)>,
    groups: Vec<Group>,
    hidden: String,
}

/// Issues that turned in one way.
#[derive(Debug)]
struct Group {
    title: &'static str,
    changes: Vec<Turned>,
}

/// An issue that is not what it was.
#[derive(Debug)]
struct Turned {
    key: String,
    url: String,
    summary: String,
    before: Option<(Look, &'static str)>,
    after: Option<(Look, &'static str)>,
}

impl Stored {
    fn of(snapshot: &stored::Snapshot, base: &str, now_ms: i64) -> Self {
        let mut asked = vec![match snapshot.scope.as_str() {
            "latest" => "latest runs".to_owned(),
            scope => scope.replace(':', " "),
        }];
        asked.extend(snapshot.environment.clone());
        let filters = snapshot.filters.said().into_iter();
        asked.extend(filters.map(|(name, value)| format!("{name}: {value}")));
        Self {
            id: snapshot.id.to_string(),
            name: snapshot.name.clone(),
            when: When::new(snapshot.created_ms, now_ms),
            asked: asked.join(" · "),
            address: format!("{base}/snapshots/{}?list=snapshots", snapshot.id),
        }
    }
}

/// A page of stored matrices.
pub(super) async fn find(
    app: &App,
    viewer: &Viewer,
    head: &Head,
    limit: usize,
) -> Result<Page<Stored>, Problem> {
    let before = head.choice.after.parse().ok();
    let more = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let (on, site) = (app.store.read(), viewer.site.id);
    let mut found = stored::of_project(on, site, &head.project, before, more).await?;
    let is_last = found.len() <= limit;
    found.truncate(limit);
    let now_ms = app.clock.now_ms();
    Ok(Page {
        next: found
            .last()
            .filter(|_| !is_last)
            .map(|last| last.id.to_string()),
        hidden: 0,
        items: found
            .iter()
            .map(|snapshot| Stored::of(snapshot, &head.base, now_ms))
            .collect(),
    })
}

/// `POST /ui/project/{project}/matrix/snapshots`: stores the matrix as the reader has chosen it.
pub(super) async fn take(
    viewer: Viewer,
    project: Path<String>,
    form: SentForm,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    let account = viewer.account_id.clone();
    viewer.demand_project(&app, &project).await?;
    let fields = form.fields()?;
    let name = fields.chosen("name").unwrap_or_default();
    if name.is_empty() || name.chars().count() > NAME || name.chars().any(char::is_control) {
        return Err(Problem::unprocessable("The snapshot needs a name.")
            .detail(format!("A line of 1 to {NAME} characters.")));
    }
    let choice = Choice::of(&fields);
    let (asked, site) = (choice.asked(&project), viewer.site.id);
    snapshots::take(&app, site, &asked, name, account.as_deref()).await?;
    let choice = Choice {
        list: List::Snapshots,
        ..choice.at_first()
    };
    page(&app, &viewer, &project, choice, "The snapshot is stored. ").await
}

/// `GET /ui/project/{project}/matrix/snapshots/{id}?with=`: what changed since.
pub(super) async fn compare(
    viewer: Viewer,
    path: Path<(String, String)>,
    request: HttpRequest,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    let (project, id) = path.into_inner();
    let fields = Fields::parse(request.query_string().as_bytes());
    let asker = viewer.demand_project(&app, &project).await?;
    let (on, site) = (app.store.read(), viewer.site.id);
    let unknown = || Problem::not_found("There is no such snapshot in this project.");
    let before = stored::by_id(on, site, &project, snapshot_id(&id)?).await?;
    let before = before.ok_or_else(unknown)?;
    let chosen = fields.chosen("with").filter(|with| *with != "now");
    let chosen = chosen.map(snapshot_id).transpose()?;
    let with = match chosen {
        Some(later) => {
            let later = stored::by_id(on, site, &project, later).await?;
            With::Snapshot(later.ok_or_else(unknown)?.id)
        }
        None => With::Now(Box::new(snapshots::question(&before))),
    };
    let now_ms = app.clock.now_ms();
    let eyes = eyes(&viewer, &asker);
    let found = snapshots::compared(&app, &eyes, before.id, &with, now_ms).await?;
    let later = stored::of_project(on, site, &project, None, 50).await?;
    let later = later.iter().filter(|other| other.id > before.id);
    let choice = Choice {
        list: List::Snapshots,
        ..Choice::default()
    };
    let mut head = Head::of(&app, &viewer, &project, choice).await?;
    let changed = found.changes.len();
    head.say = format!("{changed} issues changed.");
    Fragment::of(&Comparison {
        before: Stored::of(&before, &head.base, now_ms),
        others: later
            .map(|other| {
                let is_chosen = chosen == Some(other.id);
                (other.id.to_string(), other.name.clone(), is_chosen)
            })
            .collect(),
        groups: groups(&found, viewer.site.link_base()),
        hidden: super::view::hidden(found.hidden, "issue"),
        head,
    })
}

fn groups(found: &Compared, site_url: &str) -> Vec<Group> {
    let turned = |change: &Change| {
        let look = |status: Option<CoverageStatus>| status.map(look::of_issue);
        Turned {
            key: change.issue.key.clone(),
            url: format!("{site_url}/browse/{}", change.issue.key),
            summary: change.issue.summary.clone(),
            before: look(change.before),
            after: look(change.after),
        }
    };
    let group = |turn: Turn| {
        let title = match turn {
            Turn::BecameNok => "Became failing",
            Turn::LostCoverage => "Lost their tests",
            Turn::BecameOk => "Became passing",
            Turn::BecameCovered => "Became covered",
            Turn::Changed => "Changed otherwise",
            Turn::Added => "New here",
            Turn::Removed => "Not here any more",
        };
        let changes = found.changes.iter();
        let changes = changes.filter(|change| change.turns().contains(&turn));
        Group {
            title,
            changes: changes.map(turned).collect(),
        }
    };
    let groups = Turn::ALL.map(group).into_iter();
    groups.filter(|group| !group.changes.is_empty()).collect()
}
