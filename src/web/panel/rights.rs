//! `GET /ui/issue/{issue}/rights`: whether the reader may make defects, for the panel to show how.
//!
//! The panel itself is drawn without asking Jira, so what is for those who edit stays hidden until
//! this has answered, once a minute. It only decides what is shown: every action asks again.

use actix_web::web::{Data, Path};
use askama::Template;

use crate::app::App;
use crate::jira::permissions::Permission;
use crate::problem::Problem;
use crate::web::fragment::Fragment;
use crate::web::frame::root;
use crate::web::viewer::Viewer;

#[derive(Debug, Template)]
#[template(path = "panel/rights.html")]
struct Rights {
    base: String,
    may_edit: Option<bool>,
}

pub(super) async fn show(
    viewer: Viewer,
    issue: Path<i64>,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    viewer.demand_sight(&app, *issue).await?;
    let may_edit = match viewer.demand_edit(&app, *issue).await {
        Ok(_) => true,
        Err(why) => {
            tracing::debug!(
                site.id = viewer.site.id.0,
                "nothing to edit is shown: {why}"
            );
            false
        }
    };
    Fragment::of(&Rights {
        base: format!("{}/ui/issue/{issue}", root(&app.config)),
        may_edit: Some(may_edit),
    })
}

/// What Jira said about it within the last minute.
pub(super) async fn remembered(app: &App, viewer: &Viewer, issue: i64) -> Option<bool> {
    let Some(asker) = viewer.asker() else {
        return Some(false);
    };
    let edit = Permission::EditIssue(issue);
    app.jira.remembers(&viewer.site, &asker, edit).await
}
