//! Issue types and rules, for the whole site or for one project.
//!
//! What a project has in common with the site is not stored, so that it follows the site; the same
//! holds for the site and the defaults of this build.

use std::collections::BTreeSet;

use actix_web::web::{Data, Query};
use askama::Template;
use serde::Deserialize;

use super::base;
use crate::app::App;
use crate::domain::issue::is_project_key;
use crate::domain::settings::{RuleName, Settings, SiteSettings, TypeNames};
use crate::domain::site::Site;
use crate::problem::Problem;
use crate::store::settings::{self, Decision, Scope};
use crate::store::site_health::{self, IssueKind};
use crate::web::fields::{Fields, SentForm};
use crate::web::fragment::Fragment;
use crate::web::viewer::Viewer;

/// The settings of a site or a project, to look at and to change.
#[derive(Debug, Template)]
#[template(path = "admin/settings.html")]
pub(super) struct Form {
    base: String,
    /// The project's key; empty for the whole site.
    project: String,
    /// Keys to choose from, and whether a project has settings of its own.
    projects: Vec<(String, bool)>,
    types: Vec<Type>,
    rules: Vec<Rule>,
    /// Whether anything here is not inherited.
    has_own: bool,
    /// Jira could not be asked for the types of the project.
    is_partial: bool,
    say: String,
}

#[derive(Debug)]
struct Type {
    name: String,
    is_coverable: bool,
    is_defect: bool,
}

#[derive(Debug)]
struct Rule {
    code: &'static str,
    is_on: bool,
    /// Whether this project decides otherwise than the site.
    is_own: bool,
    title: &'static str,
    text: &'static str,
}

#[derive(Debug, Deserialize)]
pub(super) struct Chosen {
    /// The project's key; none for the whole site.
    pub project: Option<String>,
}

impl Form {
    pub(super) async fn of(app: &App, site: &Site, project: Option<&str>) -> Result<Self, Problem> {
        let on = app.store.read();
        let (decided, kinds) = tokio::try_join!(
            settings::of_site(on, site.id),
            site_health::issue_kinds(on, site.id),
        )?;
        let (known, is_partial) = match project {
            // The site's own names of the project's types; the page works without them.
            Some(key) => match app.jira.for_site(site).issue_types(key).await {
                Ok(types) => (types.into_iter().map(|one| one.name).collect(), false),
                Err(why) => {
                    tracing::info!(site.id = site.id.0, "issue types are not known: {why}");
                    (Vec::new(), true)
                }
            },
            None => (Vec::new(), false),
        };
        let held = match project {
            Some(key) => decided.of_project(key),
            None => decided.of_site(),
        };
        let inherited = inherited(&decided, project);
        let own = match project {
            Some(key) => decided.projects.get(key),
            None => Some(&decided.site),
        };
        Ok(Self {
            base: base(app),
            projects: projects(&decided, &kinds),
            types: types(&held, &inherited, &kinds, &known, project),
            rules: rules(&held, &inherited),
            has_own: own.is_some_and(|own| !own.is_empty()),
            project: project.unwrap_or_default().to_owned(),
            is_partial,
            say: String::new(),
        })
    }
}

/// `GET /ui/admin/settings?project=`
pub(super) async fn show(
    viewer: Viewer,
    chosen: Query<Chosen>,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    viewer.demand_administration(&app).await?;
    let project = project(chosen.project.as_deref())?;
    let mut form = Form::of(&app, &viewer.site, project).await?;
    form.say = format!("Settings of {}.", project.unwrap_or("all projects"));
    Fragment::of(&form)
}

/// `POST /ui/admin/settings` with `project`, `coverable`, `defect`, `rule`, each any number of times;
/// or with `inherit`, which takes back what the project or the site decided.
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
    let inherited = inherited(&decided, project);
    let scope = project.map_or(Scope::Site, Scope::Project);
    let now_ms = app.clock.now_ms();
    let txn = app.store.write().await?;
    for decision in decisions(&fields, &inherited) {
        settings::decide(&*txn, site, scope, &decision, Some(account), now_ms).await?;
    }
    txn.commit().await?;
    let mut form = Form::of(&app, &viewer.site, project).await?;
    "Saved. It holds from now on.".clone_into(&mut form.say);
    Fragment::of(&form)
}

/// What holds where the project, or the site, does not decide.
pub(super) fn inherited(decided: &SiteSettings, project: Option<&str>) -> Settings {
    match project {
        Some(_) => decided.of_site(),
        None => Settings::default(),
    }
}

fn decisions(fields: &Fields, inherited: &Settings) -> Vec<Decision> {
    let takes_back = fields.has("inherit");
    let names = |field: &'static str, before: &TypeNames| {
        let chosen = TypeNames::new(fields.all(field));
        (!takes_back && !same(&chosen, before)).then_some(chosen)
    };
    let on: BTreeSet<&str> = fields.all("rule").collect();
    let rules = RuleName::ALL.into_iter().map(|rule| {
        let is_on = on.contains(rule.code());
        let is_own = !takes_back && is_on != inherited.is_on(rule);
        Decision::Rule(rule, is_own.then_some(is_on))
    });
    let types = [
        Decision::Coverable(names("coverable", &inherited.coverable)),
        Decision::Defects(names("defect", &inherited.defects)),
    ];
    types.into_iter().chain(rules).collect()
}

fn same(one: &TypeNames, other: &TypeNames) -> bool {
    one.iter().all(|name| other.contains(name)) && other.iter().all(|name| one.contains(name))
}

/// The project that was chosen; none for the whole site.
pub(super) fn project(key: Option<&str>) -> Result<Option<&str>, Problem> {
    match key.map(str::trim).filter(|key| !key.is_empty()) {
        Some(key) if is_project_key(key) => Ok(Some(key)),
        Some(_) => Err(Problem::bad_request("This is not a project key.")),
        None => Ok(None),
    }
}

/// Projects to choose from, and whether each has settings of its own.
pub(super) fn projects(decided: &SiteSettings, kinds: &[IssueKind]) -> Vec<(String, bool)> {
    let with_issues = kinds.iter().map(|kind| kind.project_key.as_str());
    let with_own = decided.projects.keys().map(String::as_str);
    let keys: BTreeSet<&str> = with_issues.chain(with_own).collect();
    let has_own = |key: &str| decided.projects.get(key).is_some_and(|own| !own.is_empty());
    keys.into_iter()
        .map(|key| (key.to_owned(), has_own(key)))
        .collect()
}

/// Every type that can be chosen: those Jira names, those of issues we know, and those chosen.
fn types(
    held: &Settings,
    inherited: &Settings,
    kinds: &[IssueKind],
    known: &[String],
    project: Option<&str>,
) -> Vec<Type> {
    let here = kinds
        .iter()
        .filter(|kind| project.is_none_or(|key| key == kind.project_key))
        .map(|kind| kind.type_name.as_str());
    let chosen = [held, inherited]
        .into_iter()
        .flat_map(|settings| settings.coverable.iter().chain(settings.defects.iter()));
    let names = TypeNames::new(known.iter().map(String::as_str).chain(chosen).chain(here));
    names
        .iter()
        .map(|name| Type {
            name: name.to_owned(),
            is_coverable: held.is_coverable(name),
            is_defect: held.is_defect(name),
        })
        .collect()
}

fn rules(held: &Settings, inherited: &Settings) -> Vec<Rule> {
    RuleName::ALL
        .into_iter()
        .map(|rule| {
            let (title, text) = words(rule);
            Rule {
                code: rule.code(),
                is_on: held.is_on(rule),
                is_own: held.is_on(rule) != inherited.is_on(rule),
                title,
                text,
            }
        })
        .collect()
}

/// A rule in plain words: what it does, and when.
const fn words(rule: RuleName) -> (&'static str, &'static str) {
    match rule {
        RuleName::D1 => (
            "Offer to create a defect when a test without one fails",
            "From the failing row of the issue's tests. Nothing is created until a person asks.",
        ),
        RuleName::D1Automatic => (
            "Create that defect without being asked",
            "After two failures in a row, or one on the main branch; never for a flaky test.",
        ),
        RuleName::D4 => (
            "Create and reopen nothing for a flaky failure",
            "A failure whose attempts or newest results disagree is noted, and that is all.",
        ),
        RuleName::D5Execution => (
            "Also make an execution of the tests to be run again",
            "For teams that carry their retests out by hand.",
        ),
        RuleName::D7 => (
            "Say once on an open defect that its tests pass now",
            "It is never closed for that: a failure that went away by itself is not fixed.",
        ),
        RuleName::D8 => (
            "Follow a defect that is closed as a duplicate",
            "Its tests are linked to the defect that stays.",
        ),
        RuleName::D10 => (
            "Keep the last known state of a defect that is gone",
            "A defect that was deleted or moved out of reach stays in the lists as it was last seen.",
        ),
        RuleName::D11 => (
            "Say on an issue that is done that its tests do not say so",
            "One comment each time it is done, with the reason for its status.",
        ),
        RuleName::D12 => (
            "Tell Jira in a property how each issue is covered",
            "So that searches, boards and automation can use it.",
        ),
        RuleName::D12Transition => (
            "Also move the issue when its tests became good or bad",
            "To the statuses set for that; it is the sum of all its tests that counts.",
        ),
        RuleName::D14 => (
            "Keep how a version or sprint stood at its end",
            "When a version is released or a sprint closed, its readiness is kept for good.",
        ),
        RuleName::D2 => (
            "Say on the defect that its test failed again",
            "One comment for each execution, with the number of failures so far, while the defect is open.",
        ),
        RuleName::D3 => (
            "Reopen a resolved defect when its test fails again",
            "Unless the run is of an older version than the fix. Where the workflow has no way back, a comment says so.",
        ),
        RuleName::D5 => (
            "Ask for a retest when a defect is resolved",
            "Its tests are marked Retest until they have passed again.",
        ),
        RuleName::D6 => (
            "Confirm the fix when every retest has passed",
            "In every environment where it had failed: the mark goes, and a comment on the defect names the runs.",
        ),
        RuleName::D6Transition => (
            "Also close the defect then",
            "Moves it on to a status that means verified, where the workflow has one.",
        ),
        RuleName::D9 => (
            "Accept the failures of a defect that will not be fixed",
            "Its tests keep failing and are marked Accepted failure, so that nobody reports them again.",
        ),
        RuleName::D13 => (
            "Ask for a retest when an issue is reopened",
            "The tests that cover it are marked Retest until they have passed again.",
        ),
    }
}
