//! What the panel of a parent shows of its children.
//!
//! Our mirror knows issues that a reader may not see, so Jira is asked for the children on the page.
//! The page that a frame loads asks Jira nothing: there the list comes a moment later by itself.

use std::collections::HashSet;

use actix_web::HttpRequest;
use actix_web::web::{Data, Path};
use askama::Template;

use super::scope::Choice;
use super::view::{Child, Children};
use super::{ROWS, find_facts, look, setting};
use crate::app::App;
use crate::app::issue_coverage::ChildStatus;
use crate::app::issue_panel::IssuePanel;
use crate::domain::coverage::CoverageStatus;
use crate::problem::Problem;
use crate::web::fields::Fields;
use crate::web::fragment::Fragment;
use crate::web::frame::root;
use crate::web::panel::present::{Setting, bar, counted};
use crate::web::project::overview::tally;
use crate::web::viewer::Viewer;

/// Children that Jira is asked for at once; the rest is counted.
const ASKED: usize = 1_000;

#[derive(Debug, Template)]
#[template(path = "panel/children.html")]
pub(super) struct List {
    pub base: String,
    pub children: Children,
}

/// `GET /ui/issue/{issue}/children?scope=&environment=&all-children=`
pub(super) async fn show(
    viewer: Viewer,
    issue: Path<i64>,
    request: HttpRequest,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    viewer.demand_sight(&app, *issue).await?;
    let fields = Fields::parse(request.query_string().as_bytes());
    let choice = Choice::of(&fields)?;
    let found = find_facts(&app, &viewer, *issue, &choice).await?;
    let listed = worst_first(&found, fields.has("all-children"));
    let seen = visible(&app, &viewer, &listed).await?;
    Fragment::of(&List {
        base: format!("{}/ui/issue/{issue}", root(&app.config)),
        children: list(setting(&app, &viewer.site, &found), &found, &listed, &seen),
    })
}

/// The children of an issue, as far as they are shown with the panel; without Jira's word, only how
/// many there are. `None` when it has none.
pub(super) async fn beside(app: &App, viewer: &Viewer, found: &IssuePanel) -> Option<Children> {
    if found.coverage.children.is_empty() {
        return None;
    }
    let listed = worst_first(found, false);
    match visible(app, viewer, &listed).await {
        Ok(seen) => Some(list(
            setting(app, &viewer.site, found),
            found,
            &listed,
            &seen,
        )),
        Err(why) => {
            tracing::info!(
                site.id = viewer.site.id.0,
                "children are not shown: {why:?}"
            );
            Some(later(found))
        }
    }
}

/// How many children there are, for a list that comes later.
pub(super) fn later(found: &IssuePanel) -> Children {
    Children {
        title: counted(found.coverage.children.len(), "child issue"),
        is_later: true,
        ..Children::default()
    }
}

/// The children as far as they are listed.
pub(super) fn worst_first(found: &IssuePanel, is_all: bool) -> Vec<&ChildStatus> {
    let mut listed: Vec<&ChildStatus> = found.coverage.children.iter().collect();
    listed.sort_by_key(|child| (child.left_out.is_some(), urgency(child.status)));
    listed.truncate(if is_all { ASKED } else { ROWS });
    listed
}

/// The worst first.
const fn urgency(status: CoverageStatus) -> u8 {
    match status {
        CoverageStatus::Nok => 0,
        CoverageStatus::Unknown => 1,
        CoverageStatus::NotRun => 2,
        CoverageStatus::Uncovered => 3,
        CoverageStatus::Ok => 4,
        CoverageStatus::Exempt => 5,
    }
}

async fn visible(
    app: &App,
    viewer: &Viewer,
    listed: &[&ChildStatus],
) -> Result<HashSet<i64>, Problem> {
    let Some(asker) = viewer.asker() else {
        return Ok(HashSet::new());
    };
    let ids: Vec<i64> = listed.iter().map(|child| child.jira_id).collect();
    Ok(app.jira.visible_issues(&viewer.site, &asker, &ids).await?)
}

/// The list of those that the reader may see.
pub(super) fn list(
    setting: Setting<'_>,
    found: &IssuePanel,
    listed: &[&ChildStatus],
    seen: &HashSet<i64>,
) -> Children {
    let all = &found.coverage.children;
    let rows: Vec<Child> = listed
        .iter()
        .filter(|child| seen.contains(&child.jira_id))
        .map(|child| row(setting, child))
        .collect();
    let count = |status| {
        all.iter()
            .filter(|child| child.shown_status() == status)
            .count()
    };
    Children {
        title: counted(all.len(), "child issue"),
        is_later: false,
        segments: bar(&[
            ("passed", count(CoverageStatus::Ok), "passing"),
            ("failed", count(CoverageStatus::Nok), "failing"),
            ("unknown", count(CoverageStatus::Unknown), "unknown"),
            ("notrun", count(CoverageStatus::NotRun), "not run"),
            ("uncovered", count(CoverageStatus::Uncovered), "not covered"),
            ("exempt", count(CoverageStatus::Exempt), "exempt"),
        ]),
        hidden: match listed.len() - rows.len() {
            0 => String::new(),
            1 => "1 issue is left out because you may not see it.".to_owned(),
            count => format!("{count} issues are left out because you may not see them."),
        },
        more: all.len() - listed.len(),
        rows,
    }
}

fn row(setting: Setting<'_>, child: &ChildStatus) -> Child {
    let status = child.shown_status();
    Child {
        key: child.key.clone(),
        url: format!("{}/browse/{}", setting.site_url, child.key),
        summary: child.summary.clone(),
        look: look::of_issue(status).0,
        tally: match status {
            CoverageStatus::Exempt => String::new(),
            _ => tally(child.counts),
        },
    }
}
