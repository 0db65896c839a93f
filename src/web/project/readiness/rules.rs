//! The rules of the gate, to look at and to change: for one project, or for all that do not decide
//! otherwise. For administrators.
//!
//! What a project has in common with the site is not stored, so that it follows the site; the same
//! holds for the site and the defaults of this build.

use actix_web::web::{Data, Path, Query};
use askama::Template;

use super::{Choice, body};
use crate::app::App;
use crate::domain::readiness::{Gate, Level, RuleName, RuleSetting, Unit};
use crate::problem::Problem;
use crate::store::readiness::{decide, rules};
use crate::store::settings::Scope;
use crate::web::fields::{Fields, SentForm};
use crate::web::fragment::Fragment;
use crate::web::frame::root;
use crate::web::viewer::Viewer;

#[derive(Debug, Template)]
#[template(path = "project/readiness_rules.html")]
struct Form {
    base: String,
    project: String,
    scope: String,
    rows: Vec<Row>,
    /// Whether the project decides anything itself.
    has_own: bool,
}

#[derive(Debug)]
struct Row {
    code: &'static str,
    title: &'static str,
    unit: &'static str,
    limit: String,
    levels: [(&'static str, &'static str, bool); 3],
    is_own: bool,
}

/// `GET /ui/project/{project}/readiness/rules?scope=`
pub(in crate::web::project) async fn show(
    viewer: Viewer,
    project: Path<String>,
    choice: Query<Choice>,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    viewer.demand_administration(&app).await?;
    viewer.demand_project(&app, &project).await?;
    let decided = rules(app.store.read(), viewer.site.id, &project).await?;
    let gate = decided.gate();
    let choosable = RuleName::ALL.into_iter().filter(|rule| rule.is_choosable());
    let rows: Vec<Row> = choosable
        .map(|rule| row(rule, &gate, decided.project.decided(rule).is_some()))
        .collect();
    Fragment::of(&Form {
        base: format!("{}/ui/project/{}/readiness", root(&app.config), *project),
        has_own: rows.iter().any(|row| row.is_own),
        project: project.into_inner(),
        scope: choice.scope.clone(),
        rows,
    })
}

/// `POST /ui/project/{project}/readiness/rules` with `level-RULE` and `limit-RULE` for each rule, and
/// `for` = `project` or `site`; or with `inherit`, which takes back what the project decided. Answers
/// the whole page, for the verdict may be another one.
pub(in crate::web::project) async fn save(
    viewer: Viewer,
    project: Path<String>,
    sent: SentForm,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    let account = viewer.demand_administration(&app).await?;
    viewer.demand_project(&app, &project).await?;
    let fields = sent.fields()?;
    let site = viewer.site.id;
    let chosen = if fields.has("inherit") {
        None
    } else {
        Some(chosen(&fields)?)
    };
    let is_for_all = fields.chosen("for") == Some("site");
    let now_ms = app.clock.now_ms();
    let txn = app.store.write().await?;
    let inherited = rules(&*txn, site, &project).await?.site;
    for rule in RuleName::ALL.into_iter().filter(|rule| rule.is_choosable()) {
        let wanted = chosen.as_ref().map(|gate| gate.setting(rule));
        if is_for_all {
            let own = wanted.filter(|wanted| *wanted != rule.default_setting());
            decide(&*txn, site, Scope::Site, (rule, own), Some(account), now_ms).await?;
        }
        let own = wanted.filter(|wanted| !is_for_all && *wanted != inherited.setting(rule));
        let of_project = Scope::Project(&project);
        decide(&*txn, site, of_project, (rule, own), Some(account), now_ms).await?;
    }
    txn.commit().await?;
    let scope = fields.chosen("scope").unwrap_or_default();
    let mut body = body(&app, &viewer, &project, scope).await?;
    let verdict = body.page.as_ref().map(|page| page.sentence.as_str());
    body.say = format!("Saved. {}", verdict.unwrap_or_default());
    Fragment::of(&body)
}

/// What the form says of every rule.
fn chosen(fields: &Fields) -> Result<Gate, Problem> {
    let mut gate = Gate::default();
    for rule in RuleName::ALL.into_iter().filter(|rule| rule.is_choosable()) {
        let level = fields.chosen(&format!("level-{}", rule.code()));
        let level = level.and_then(Level::from_name).ok_or_else(|| {
            Problem::unprocessable(format!("“{}” is neither on nor off.", title(rule)))
                .detail("Choose required, advisory or off.")
        })?;
        let limit = fields.chosen(&format!("limit-{}", rule.code()));
        let limit = rule.read_limit(limit.unwrap_or_default()).map_err(|why| {
            Problem::unprocessable(format!("The limit of “{}” cannot be read.", title(rule)))
                .detail(format!("Here {why}."))
        })?;
        gate.set(rule, RuleSetting { level, limit });
    }
    Ok(gate)
}

fn row(rule: RuleName, gate: &Gate, is_own: bool) -> Row {
    let setting = gate.setting(rule);
    let level = |level: Level, label| (level.name(), label, level == setting.level);
    Row {
        code: rule.code(),
        title: title(rule),
        unit: match rule.unit() {
            Unit::AtLeastPerMille => "% at least",
            Unit::AtMostPerMille => "% at most",
            Unit::AtLeast => "at least",
            Unit::AtMost => "at most",
            Unit::AtMostDays => "days at most",
        },
        limit: rule.write_limit(setting.limit),
        levels: [
            level(Level::Required, "Required"),
            level(Level::Advisory, "Advisory"),
            level(Level::Off, "Off"),
        ],
        is_own,
    }
}

/// What a rule looks at.
const fn title(rule: RuleName) -> &'static str {
    match rule {
        RuleName::Planned => "Planned issues",
        RuleName::FailingIssues => "Failing issues",
        RuleName::SevereDefects => "Open blocking and critical defects",
        RuleName::Coverage => "Covered issues",
        RuleName::Executed => "Tests with a final result",
        RuleName::PassRate => "Final results that passed",
        RuleName::RetestQueue => "Tests that wait for a retest",
        RuleName::FlakyExposure => "Passing issues on flaky or quarantined tests",
        RuleName::ResultAge => "Age of the oldest result",
        RuleName::Verified => "Fully tested issues",
        RuleName::OpenDefects => "Open defects of any priority",
        RuleName::Outdated => "Outdated results",
    }
}
