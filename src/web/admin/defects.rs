//! How defects are made, for the whole site or for one project: the template, when one is used again,
//! how many an execution may open by itself.
//!
//! What a project has in common with the site is not stored, so that it follows the site; the same
//! holds for the site and the defaults of this build.

use std::collections::BTreeMap;

use actix_web::web::{Data, Query};
use askama::Template;

use super::base;
use super::settings::{Chosen, inherited, project, projects};
use crate::app::App;
use crate::domain::defect_settings::{DefectChoices, DefectSettings, Reuse};
use crate::domain::site::Site;
use crate::problem::Problem;
use crate::store::settings::{self, Decision, Scope};
use crate::store::site_health;
use crate::web::fields::{Fields, SentForm};
use crate::web::fragment::Fragment;
use crate::web::viewer::Viewer;

/// The form.
#[derive(Debug, Template)]
#[template(path = "admin/defects.html")]
pub(super) struct Form {
    base: String,
    /// The project's key; empty for the whole site.
    project: String,
    /// Keys to choose from, and whether a project has settings of its own.
    projects: Vec<(String, bool)>,
    held: DefectSettings,
    has_own: bool,
    say: String,
}

impl Form {
    pub(super) async fn of(app: &App, site: &Site, project: Option<&str>) -> Result<Self, Problem> {
        let on = app.store.read();
        let (decided, kinds) = tokio::try_join!(
            settings::of_site(on, site.id),
            site_health::issue_kinds(on, site.id),
        )?;
        let (held, own) = match project {
            Some(key) => (decided.of_project(key), decided.projects.get(key)),
            None => (decided.of_site(), Some(&decided.site)),
        };
        Ok(Self {
            base: base(app),
            projects: projects(&decided, &kinds),
            held: held.defect,
            has_own: own.is_some_and(|own| own.defect != DefectChoices::default()),
            project: project.unwrap_or_default().to_owned(),
            say: String::new(),
        })
    }

    fn fields(&self) -> String {
        let fields = self.held.fields.iter();
        let lines: Vec<_> = fields.map(|(id, text)| format!("{id} = {text}")).collect();
        lines.join("\n")
    }

    fn is_reused(&self, how: &str) -> bool {
        reuse(how) == Some(self.held.reuse)
    }
}

/// `GET /ui/admin/defects?project=`
pub(super) async fn show(
    viewer: Viewer,
    chosen: Query<Chosen>,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    viewer.demand_administration(&app).await?;
    let project = project(chosen.project.as_deref())?;
    let mut form = Form::of(&app, &viewer.site, project).await?;
    form.say = format!(
        "How defects are made in {}.",
        project.unwrap_or("all projects")
    );
    Fragment::of(&form)
}

/// `POST /ui/admin/defects` with `project` and every field; or with `inherit`, which takes back what
/// the project or the site decided.
pub(super) async fn save(
    viewer: Viewer,
    sent: SentForm,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    let account = viewer.demand_administration(&app).await?;
    let fields = sent.fields()?;
    let project = project(fields.chosen("project"))?;
    let site = viewer.site.id;
    let decided = settings::of_site(app.store.read(), site).await?;
    let choices = if fields.has("inherit") {
        DefectChoices::default()
    } else {
        read(&fields)?.beside(inherited(&decided, project).defect)
    };
    let scope = project.map_or(Scope::Site, Scope::Project);
    let now_ms = app.clock.now_ms();
    let txn = app.store.write().await?;
    let decision = Decision::Defect(choices);
    settings::decide(&*txn, site, scope, &decision, Some(account), now_ms).await?;
    txn.commit().await?;
    let mut form = Form::of(&app, &viewer.site, project).await?;
    "Saved. It holds from now on.".clone_into(&mut form.say);
    Fragment::of(&form)
}

fn read(fields: &Fields) -> Result<DefectChoices, Problem> {
    let refused = |why: &str| {
        Problem::unprocessable("The settings were not saved.").detail(format!("Here {why}."))
    };
    let text = |name: &str| fields.chosen(name).unwrap_or_default();
    let lines = |name: &str| {
        let lines = text(name).lines().map(str::trim);
        lines
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let pair = |line: &String| {
        let (id, value) = line.split_once('=')?;
        Some((id.trim().to_owned(), value.trim().to_owned()))
    };
    let pairs: Option<BTreeMap<String, String>> = lines("fields").iter().map(pair).collect();
    let most = text("mostPerExecution").parse().ok();
    let choices = DefectChoices {
        labels: Some(
            text("labels")
                .split_whitespace()
                .map(str::to_owned)
                .collect(),
        ),
        components: Some(lines("components")),
        assignee: Some(text("assignee").to_owned()),
        fields: Some(pairs.ok_or_else(|| refused("a line of the fields has no ="))?),
        link_type: Some(text("linkType").to_owned()),
        reuse: Some(
            reuse(text("reuse")).ok_or_else(|| refused("it is not said when one is used again"))?,
        ),
        most_per_execution: Some(
            most.ok_or_else(|| refused("the most for an execution is no number"))?,
        ),
        duplicate_resolutions: Some(lines("duplicateResolutions")),
        duplicate_link: Some(text("duplicateLink").to_owned()),
    };
    choices.check().map_err(refused)?;
    Ok(choices)
}

fn reuse(name: &str) -> Option<Reuse> {
    match name {
        "never" => Some(Reuse::Never),
        "execution" => Some(Reuse::Execution),
        "always" => Some(Reuse::Always),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_form_sends_is_read_and_what_is_wrong_is_named() {
        let base = "linkType=Relates&duplicateLink=Duplicate&reuse=always&labels=a+b";
        let sent = format!(
            "{base}&mostPerExecution=3&components=Cart%0D%0APayment&fields=duedate+%3D+2027-01-31\
             &duplicateResolutions=Duplicate"
        );
        let read = |query: &str| super::read(&Fields::parse(query.as_bytes()));
        let own = read(&sent).unwrap().beside(DefectSettings::default());
        assert_eq!(
            serde_json::to_value(own).unwrap(),
            serde_json::json!({
                "labels": ["a", "b"], "components": ["Cart", "Payment"], "reuse": "always",
                "mostPerExecution": 3, "fields": { "duedate": "2027-01-31" },
            })
        );
        for (query, said) in [
            (format!("{base}&mostPerExecution=many"), "no number"),
            (format!("{base}&mostPerExecution=1&fields=duedate"), "no ="),
            ("reuse=x&mostPerExecution=1".to_owned(), "used again"),
            (
                "reuse=never&mostPerExecution=1".to_owned(),
                "name of a link",
            ),
        ] {
            let problem = read(&query).unwrap_err();
            let detail = problem.detail.unwrap_or_default();
            assert!(detail.contains(said), "{query}: {detail}");
        }
    }
}
