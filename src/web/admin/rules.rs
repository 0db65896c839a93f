//! The site's own rules: listed with what is wrong with them, made from a form, and any rule tried
//! against the past before it is let loose.
//!
//! The form makes rules of one action and up to three conditions; longer ones come through the API
//! and are listed here like the others.

use actix_web::web::{Data, Path};
use askama::Template;

use super::base;
use crate::app::App;
use crate::app::try_rules::{Candidate, Trial, TryError, try_rule};
use crate::domain::rule::{Condition, FieldChange, Is, Rule, Then, When as Trigger};
use crate::domain::settings::{OwnRule, RuleName, SiteSettings};
use crate::domain::site::Site;
use crate::problem::Problem;
use crate::store::settings;
use crate::web::fields::{Fields, SentForm};
use crate::web::fragment::Fragment;
use crate::web::times::When;
use crate::web::viewer::Viewer;

/// Decisions of a trial that are shown.
const SHOWN: usize = 50;
/// Conditions the form has.
const CONDITIONS: usize = 3;
/// Rules of its own a site may have.
const MOST: usize = 100;
const DAY_MS: i64 = 24 * 3_600_000;

/// The site's own rules.
#[derive(Debug, Template)]
#[template(path = "admin/rules.html")]
pub(super) struct List {
    base: String,
    own: Vec<Own>,
    /// Names and titles of all rules, to try one.
    all: Vec<(String, String)>,
    triggers: Vec<(String, &'static str)>,
    fields: &'static [(&'static str, &'static str)],
    conditions: Vec<usize>,
    tried: Option<Shown>,
    say: String,
}

#[derive(Debug)]
struct Own {
    name: String,
    title: String,
    text: String,
    is_on: bool,
    fault: Option<String>,
}

/// What a rule would have done.
#[derive(Debug)]
struct Shown {
    title: String,
    sentence: String,
    lines: Vec<Line>,
    more: usize,
}

#[derive(Debug)]
struct Line {
    when: When,
    issue: String,
    action: &'static str,
    is_done: bool,
    reason: String,
}

/// What a condition of the form may ask, and the words for it.
const FIELDS: [(&str, &str); 17] = [
    ("type", "Issue type"),
    ("status", "Status"),
    ("statusCategory", "Status category"),
    ("resolution", "Resolution"),
    ("priority", "Priority"),
    ("labels", "Labels"),
    ("fixVersions", "Fix versions"),
    ("sprints", "Sprints"),
    ("summary", "Summary"),
    ("role", "Role (defect or covered)"),
    ("categoryBefore", "Status category before"),
    ("environment", "Environment"),
    ("branch", "Branch"),
    ("flaky", "Flaky (yes or no)"),
    ("failuresInARow", "Failures in a row"),
    ("coverage", "Coverage"),
    ("coverageBefore", "Coverage before"),
];

const TRIGGERS: [Trigger; 5] = [
    Trigger::RunFailed,
    Trigger::RunPassed,
    Trigger::DefectMoved,
    Trigger::IssueMoved,
    Trigger::CoverageChanged,
];

impl List {
    pub(super) async fn of(app: &App, site: &Site) -> Result<Self, Problem> {
        let decided = settings::of_site(app.store.read(), site.id).await?;
        Ok(Self::from(app, &decided))
    }

    fn from(app: &App, decided: &SiteSettings) -> Self {
        let holds = decided.of_site();
        let built_in = RuleName::ALL.into_iter().map(|name| {
            let rule = crate::domain::rule::built_in(name, &holds);
            (rule.name.clone(), format!("{}: {}", rule.name, rule.title))
        });
        let own = decided.own_rules.iter().filter_map(|own| {
            let rule = own.rule.as_ref()?;
            Some((own.name.clone(), rule.title.clone()))
        });
        Self {
            base: base(app),
            own: decided.own_rules.iter().map(Own::of).collect(),
            all: built_in.chain(own).collect(),
            triggers: TRIGGERS.map(|when| (code(when), when.words())).to_vec(),
            fields: &FIELDS,
            conditions: (1..=CONDITIONS).collect(),
            tried: None,
            say: String::new(),
        }
    }
}

impl Own {
    fn of(own: &OwnRule) -> Self {
        let rule = own.rule.as_ref();
        Self {
            name: own.name.clone(),
            title: rule.map_or_else(|| own.name.clone(), |rule| rule.title.clone()),
            text: rule.map(in_words).unwrap_or_default(),
            is_on: rule.is_some_and(|rule| rule.is_on),
            fault: own.fault.as_ref().map(ToString::to_string),
        }
    }
}

fn in_words(rule: &Rule) -> String {
    let conditions = rule.conditions.iter();
    let conditions = conditions.map(|one| format!("{} {}", one.field, one.words()));
    let conditions: Vec<String> = conditions.collect();
    let conditions = match conditions.as_slice() {
        [] => String::new(),
        some => format!(", if {}", some.join(" and ")),
    };
    let actions: Vec<&str> = rule.actions.iter().map(Then::name).collect();
    format!(
        "When {}{conditions}: {}.",
        rule.when.words(),
        actions.join(", ")
    )
}

/// A trigger as the API writes it.
fn code(when: Trigger) -> String {
    let written = serde_json::to_value(when).ok();
    let name = written.as_ref().and_then(serde_json::Value::as_str);
    name.unwrap_or_default().to_owned()
}

/// `POST /ui/admin/rules` with `title`, `when`, `projects`, `field1`, `is1`, `values1`, …, `do` and
/// `what`: makes a rule; with `try` it is tried and not kept.
pub(super) async fn save(
    viewer: Viewer,
    sent: SentForm,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    let account = viewer.demand_administration(&app).await?;
    let fields = sent.fields()?;
    let rule = rule_of(&fields)?;
    rule.check().map_err(|why| refused(why.to_string()))?;
    let (site, now_ms) = (viewer.site.id, app.clock.now_ms());
    if fields.has("try") {
        let title = rule.title.clone();
        let candidate = Candidate::Own(Box::new(rule));
        return tried(&app, &viewer, &candidate, title, 14).await;
    }
    let txn = app.store.write().await?;
    let held = settings::of_site(&*txn, site).await?.own_rules;
    if held.iter().any(|one| one.name == rule.name) {
        return Err(refused(format!(
            "There is a rule called {} already.",
            rule.name
        )));
    }
    if held.len() >= MOST {
        return Err(refused(format!(
            "A site has at most {MOST} rules of its own."
        )));
    }
    let name = rule.name.clone();
    settings::decide_own_rule(&*txn, site, &name, Some(&rule), Some(account), now_ms).await?;
    txn.commit().await?;
    answer(&app, &viewer, format!("{} holds from now on.", rule.title)).await
}

/// `POST /ui/admin/rules/try` with `name` and `days`.
pub(super) async fn attempt(
    viewer: Viewer,
    sent: SentForm,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    viewer.demand_administration(&app).await?;
    let fields = sent.fields()?;
    let days = fields.chosen("days").and_then(|days| days.parse().ok());
    let days = days.filter(|days| (1..=14).contains(days)).unwrap_or(14);
    let name = fields.chosen("name").unwrap_or_default();
    let decided = settings::of_site(app.store.read(), viewer.site.id).await?;
    if let Some(built_in) = RuleName::from_code(name) {
        let candidate = Candidate::BuiltIn(built_in);
        return tried(&app, &viewer, &candidate, name.to_owned(), days).await;
    }
    let own = decided.own_rules.iter().find(|own| own.name == name);
    let rule = own.and_then(|own| own.rule.clone());
    let rule = rule.ok_or_else(|| Problem::not_found("There is no such rule any more."))?;
    let title = rule.title.clone();
    tried(&app, &viewer, &Candidate::Own(Box::new(rule)), title, days).await
}

/// `POST /ui/admin/rules/{name}/switch`
pub(super) async fn switch(
    viewer: Viewer,
    name: Path<String>,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    let account = viewer.demand_administration(&app).await?;
    let (site, now_ms) = (viewer.site.id, app.clock.now_ms());
    let txn = app.store.write().await?;
    let held = settings::of_site(&*txn, site).await?.own_rules;
    let held = held.into_iter().find(|own| own.name == *name);
    let mut rule = held
        .and_then(|own| own.rule)
        .ok_or_else(|| Problem::not_found("There is no such rule any more."))?;
    rule.is_on = !rule.is_on;
    settings::decide_own_rule(&*txn, site, &name, Some(&rule), Some(account), now_ms).await?;
    txn.commit().await?;
    let word = if rule.is_on { "on" } else { "off" };
    answer(&app, &viewer, format!("{} is switched {word}.", rule.title)).await
}

/// `POST /ui/admin/rules/{name}/delete`
pub(super) async fn delete(
    viewer: Viewer,
    name: Path<String>,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    let account = viewer.demand_administration(&app).await?;
    let (site, now_ms) = (viewer.site.id, app.clock.now_ms());
    let txn = app.store.write().await?;
    settings::decide_own_rule(&*txn, site, &name, None, Some(account), now_ms).await?;
    txn.commit().await?;
    answer(&app, &viewer, "The rule is gone.".to_owned()).await
}

async fn answer(app: &App, viewer: &Viewer, said: String) -> Result<Fragment, Problem> {
    let mut list = List::of(app, &viewer.site).await?;
    list.say = said;
    Fragment::of(&list)
}

async fn tried(
    app: &App,
    viewer: &Viewer,
    candidate: &Candidate,
    title: String,
    days: i64,
) -> Result<Fragment, Problem> {
    let now_ms = app.clock.now_ms();
    let span = (now_ms - days * DAY_MS, now_ms);
    let trial = try_rule(app, viewer.site.id, candidate, None, span).await;
    let trial = trial.map_err(|why| match why {
        TryError::Fault(why) => refused(why.to_string()),
        TryError::Store(why) => why.into(),
    })?;
    let shown = Shown::of(&trial, title, days, now_ms);
    let mut list = List::of(app, &viewer.site).await?;
    list.say.clone_from(&shown.sentence);
    list.tried = Some(shown);
    Fragment::of(&list)
}

impl Shown {
    fn of(trial: &Trial, title: String, days: i64, now_ms: i64) -> Self {
        let times = |count: usize| match count {
            1 => "once".to_owned(),
            count => format!("{count} times"),
        };
        let end = if trial.is_whole {
            ""
        } else {
            " There was more in that time than is looked at."
        };
        let sentence = format!(
            "In the last {days} days it would have acted {} and decided {} to do nothing. Nothing was sent.{end}",
            times(trial.done),
            times(trial.not_done)
        );
        let told = trial.decisions.iter().rev();
        let lines = told.take(SHOWN).map(|tried| Line {
            when: When::new(tried.at_ms, now_ms),
            issue: tried
                .issue_key
                .clone()
                .or_else(|| tried.test_key.clone())
                .unwrap_or_default(),
            action: tried.action,
            is_done: tried.is_done,
            reason: tried.reason.clone(),
        });
        Self {
            title,
            sentence,
            lines: lines.collect(),
            more: (trial.done + trial.not_done).saturating_sub(SHOWN),
        }
    }
}

/// The rule that a form describes; its name follows from its title.
fn rule_of(fields: &Fields) -> Result<Rule, Problem> {
    let title = fields.chosen("title").unwrap_or_default().to_owned();
    let when = fields.chosen("when").unwrap_or_default();
    let when = serde_json::from_value(serde_json::Value::from(when));
    let projects = fields.chosen("projects").unwrap_or_default();
    let projects = projects.split([',', ' ']).filter(|key| !key.is_empty());
    Ok(Rule {
        name: format!("own-{}", slug(&title)),
        title,
        is_on: true,
        pause_minutes: 60,
        projects: projects.map(str::to_ascii_uppercase).collect(),
        when: when.map_err(|why| refused("Choose when the rule looks.").because(why))?,
        conditions: (1..=CONDITIONS)
            .filter_map(|n| condition(fields, n))
            .collect(),
        actions: vec![action(fields)?],
    })
}

fn condition(fields: &Fields, n: usize) -> Option<Condition> {
    let field = fields.chosen(&format!("field{n}"))?.to_owned();
    let is = match fields.chosen(&format!("is{n}")) {
        Some("notIn") => Is::NotIn,
        Some("contains") => Is::Contains,
        Some("atLeast") => Is::AtLeast,
        Some("empty") => Is::Empty,
        Some("notEmpty") => Is::NotEmpty,
        _ => Is::In,
    };
    let values = fields.chosen(&format!("values{n}")).unwrap_or_default();
    let values = values
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty());
    Some(Condition {
        field,
        is,
        values: values.map(str::to_owned).collect(),
    })
}

fn action(fields: &Fields) -> Result<Then, Problem> {
    let what = fields.chosen("what").unwrap_or_default().to_owned();
    let several = || {
        let several = what
            .split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty());
        several.map(str::to_owned).collect::<Vec<_>>()
    };
    let set = |change: FieldChange| Ok(Then::SetFields(change));
    match fields.chosen("do") {
        Some("comment") => Ok(Then::Comment { template: what }),
        Some("transition") => Ok(Then::Transition {
            statuses: several(),
            category: None,
        }),
        Some("labels") => set(FieldChange {
            add_labels: several(),
            ..FieldChange::default()
        }),
        Some("priority") => set(FieldChange {
            priority: Some(what).filter(|name| !name.is_empty()),
            ..FieldChange::default()
        }),
        Some("markRetest") => Ok(Then::MarkRetest),
        Some("makeExecution") => Ok(Then::MakeExecution),
        _ => Err(refused("Choose what the rule does.")),
    }
}

/// Lower-case letters, digits and dashes of a title.
fn slug(title: &str) -> String {
    let mut slug = String::new();
    for c in title.to_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let kept: String = slug.chars().take(50).collect();
    match kept.trim_matches('-') {
        "" => "rule".to_owned(),
        kept => kept.to_owned(),
    }
}

fn refused(why: impl Into<String>) -> Problem {
    Problem::unprocessable("The rule is refused.").detail(why.into())
}
