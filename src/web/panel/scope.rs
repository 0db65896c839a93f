//! In which scope the panel is shown: what the reader chose on this page, or last time in this project.

use actix_web::web::{Data, Path};

use super::view::ScopeChoice;
use super::{after, find_facts};
use crate::app::App;
use crate::app::issue_panel::IssuePanel;
use crate::domain::coverage::{MadeFor, Scope};
use crate::problem::Problem;
use crate::store::viewer_scopes;
use crate::web::fields::{Fields, SentForm};
use crate::web::fragment::Fragment;
use crate::web::viewer::Viewer;

/// What the reader chose to see.
#[derive(Debug, Clone, Default)]
pub(super) struct Choice {
    /// The runs that count; `None` takes what they chose last in this project.
    pub scope: Option<Scope>,
    /// Every test, however many there are.
    pub is_all: bool,
}

impl Choice {
    /// What the fields of a request say.
    pub fn of(fields: &Fields) -> Result<Self, Problem> {
        let is_chosen = fields.has("scope") || fields.has("environment");
        let scope = is_chosen.then(|| {
            let name = fields.chosen("scope").unwrap_or("latest");
            Scope::named(name, fields.chosen("environment"))
        });
        let scope = scope.transpose().map_err(|why| {
            Problem::bad_request("There is no such scope.").detail(format!("Here {why}."))
        })?;
        Ok(Self {
            scope,
            is_all: fields.has("all"),
        })
    }
}

/// Characters of a scope's or an environment's name that are kept.
const LONGEST: usize = 300;

/// `POST /ui/issue/{issue}/scope` with `scope` and `environment`: shows the panel in it, and the next
/// issue of the project too.
pub(super) async fn choose(
    viewer: Viewer,
    issue: Path<i64>,
    sent: SentForm,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    viewer.demand_sight(&app, *issue).await?;
    let fields = sent.fields()?;
    let choice = Choice::of(&fields)?;
    let scope = choice.scope.clone().unwrap_or_default();
    let lengths = [Some(scope.name()), scope.environment.clone()];
    if lengths
        .iter()
        .flatten()
        .any(|name| name.chars().count() > LONGEST)
    {
        return Err(Problem::unprocessable("The name is too long.")
            .detail(format!("It has at most {LONGEST} characters.")));
    }
    if let Some(account) = viewer.account_id.as_deref() {
        let found = find_facts(&app, &viewer, *issue, &choice).await?;
        let project = &found.coverage.issue.snapshot.project_key;
        let now_ms = app.clock.now_ms();
        let txn = app.store.write().await?;
        let site = viewer.site.id;
        viewer_scopes::remember(&*txn, site, account, project, &scope, now_ms).await?;
        txn.commit().await?;
    }
    after(&app, &viewer, *issue, &fields, None).await
}

/// The scopes to choose from: all results, what the issue is planned for, and what the project's last
/// executions were made for. Nothing when there is nothing to choose.
pub(super) fn choices(found: &IssuePanel) -> Vec<ScopeChoice> {
    let snapshot = &found.coverage.issue.snapshot;
    let versions = snapshot.fix_versions.iter();
    let sprints = snapshot.sprints.iter();
    let chosen = found.scope.made_for.as_ref();
    let mut offered: Vec<MadeFor> = Vec::new();
    let all = versions
        .map(|version| MadeFor::Version(version.name.clone()))
        .chain(sprints.map(|sprint| MadeFor::Sprint(sprint.name.clone())))
        .chain(found.made_for.iter().cloned())
        .chain(chosen.cloned());
    for one in all {
        if !one.name().is_empty() && !offered.contains(&one) {
            offered.push(one);
        }
    }
    if offered.is_empty() {
        return Vec::new();
    }
    let latest = ScopeChoice {
        value: "latest".to_owned(),
        label: "Latest results".to_owned(),
        is_chosen: chosen.is_none(),
    };
    let named = offered.iter().map(|made_for| ScopeChoice {
        value: format!("{}:{}", made_for.kind(), made_for.name()),
        label: capitalised(&made_for.to_string()),
        is_chosen: chosen == Some(made_for),
    });
    std::iter::once(latest).chain(named).collect()
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string());
    format!("{}{}", first.unwrap_or_default(), letters.as_str())
}
