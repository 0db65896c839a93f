//! How results count: for the whole site, or for one project. The rules are `domain::coverage`'s; this
//! is their form.
//!
//! Fields carry the names under which settings go in and out everywhere ([`Choices`]). What a project
//! has in common with the site is not stored, so that it follows the site; the same holds for the site
//! and the defaults of this build.

use std::collections::BTreeSet;

use actix_web::web::{Data, Query};
use askama::Template;
use serde_json::{Map, Value, json};

use super::base;
use super::settings::{Chosen, inherited, project, projects};
use crate::app::App;
use crate::domain::coverage::{Choices, Settings};
use crate::domain::settings::SiteSettings;
use crate::domain::site::Site;
use crate::problem::Problem;
use crate::store::settings::{self, Scope};
use crate::store::site_health;
use crate::web::fields::{Fields, SentForm};
use crate::web::fragment::Fragment;
use crate::web::viewer::Viewer;

/// The form.
#[derive(Debug, Template)]
#[template(path = "admin/counting.html")]
pub(super) struct Form {
    base: String,
    /// The project's key; empty for the whole site.
    project: String,
    /// Keys to choose from, and whether a project has settings of its own.
    projects: Vec<(String, bool)>,
    groups: Vec<Group>,
    has_own: bool,
    say: String,
}

#[derive(Debug)]
struct Group {
    legend: &'static str,
    fields: Vec<Field>,
}

#[derive(Debug)]
struct Field {
    name: &'static str,
    label: &'static str,
    help: &'static str,
    /// Whether the project decides otherwise than the site.
    is_own: bool,
    input: Input,
}

#[derive(Debug)]
enum Input {
    Check(bool),
    Choice(Vec<(&'static str, &'static str, bool)>),
    Number {
        value: String,
        least: u32,
        most: u32,
    },
    Lines(String),
}

/// What a field holds, and how its text is read.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Check,
    Choice(&'static [(&'static str, &'static str)]),
    Number(u32, u32),
    /// A name a line.
    Names,
    /// `Name: outward` or `Name: inward` a line.
    Links,
    /// `word = STATUS` a line.
    Words,
}

const TREATMENTS: Kind = Kind::Choice(&[
    ("notrun", "It has not been run"),
    ("nok", "It failed"),
    ("ignore", "Nothing: the result before counts"),
]);

/// Legend, and for each field its name, its kind, its label and what it means.
type Described = (
    &'static str,
    &'static [(&'static str, Kind, &'static str, &'static str)],
);

const GROUPS: [Described; 4] = [
    (
        "Which result counts",
        &[
            (
                "finalPrecedence",
                Kind::Check,
                "Final results come first",
                "A run that has not ended does not replace the last one that has.",
            ),
            ("skipped", TREATMENTS, "A skipped test means", ""),
            ("blocked", TREATMENTS, "A blocked test means", ""),
            (
                "retries",
                Kind::Choice(&[
                    ("worst", "The worst attempt"),
                    ("last", "The last attempt"),
                    ("best", "The best attempt"),
                    ("flaky", "Passed, and flaky"),
                ]),
                "Of several attempts counts",
                "Where an upload does not say otherwise. Holds for results that come from now on.",
            ),
            (
                "freshnessDays",
                Kind::Number(0, 36_500),
                "Results are trusted for so many days",
                "0 is for ever. An older pass is unknown.",
            ),
            (
                "strictOutdated",
                Kind::Check,
                "Outdated results do not count",
                "Those of an older version of the test, or from before the issue's text changed. They are marked in any case.",
            ),
        ],
    ),
    (
        "Flaky tests",
        &[
            (
                "flakyEffect",
                Kind::Choice(&[
                    ("count", "What its result says"),
                    ("unknown", "Nothing certain"),
                    ("nok", "It failed"),
                ]),
                "A flaky test means",
                "",
            ),
            (
                "flakyWindow",
                Kind::Number(5, 20),
                "Results looked at",
                "The newest of each environment and branch.",
            ),
            (
                "flakyFlipPercent",
                Kind::Number(1, 100),
                "Flaky from so many changes in a hundred",
                "Changes between pass and failure, of one result to the next.",
            ),
            (
                "flakyClearsAfter",
                Kind::Number(2, 20),
                "Not flaky any more after",
                "So many equal results in a row.",
            ),
        ],
    ),
    (
        "Tests that do not count",
        &[
            (
                "excludedTestStatuses",
                Kind::Names,
                "Workflow statuses",
                "One a line, for example Draft.",
            ),
            ("excludedLabels", Kind::Names, "Labels", "One a line."),
            (
                "statusWords",
                Kind::Words,
                "Words of your reports",
                "One a line: WARNING = passed. Other unknown words are refused when results are sent.",
            ),
        ],
    ),
    (
        "Issues and their children",
        &[
            (
                "childrenByParent",
                Kind::Check,
                "Issues count for their parent",
                "Stories for their epic.",
            ),
            (
                "childrenBySubtask",
                Kind::Check,
                "Sub-tasks count for their issue",
                "Where their type is covered by tests.",
            ),
            (
                "childrenByLink",
                Kind::Links,
                "Links that make children",
                "One a line: the type of the link and the side of the children, for example Hierarchy: outward.",
            ),
            (
                "uncoveredChildrenBlock",
                Kind::Check,
                "A child without tests keeps its parent from passing",
                "",
            ),
            (
                "exemptChildStatuses",
                Kind::Names,
                "Statuses of children that are left out",
                "One a line, by name or id.",
            ),
            (
                "exemptChildResolutions",
                Kind::Names,
                "Resolutions of children that are left out",
                "One a line, by name or id.",
            ),
        ],
    ),
];

impl Form {
    pub(super) async fn of(app: &App, site: &Site, project: Option<&str>) -> Result<Self, Problem> {
        let on = app.store.read();
        let (decided, kinds) = tokio::try_join!(
            settings::of_site(on, site.id),
            site_health::issue_kinds(on, site.id),
        )?;
        let held = match project {
            Some(key) => decided.of_project(key),
            None => decided.of_site(),
        };
        let before = inherited(&decided, project).coverage;
        let own = differing(&held.coverage, &before);
        let held = Choices::of(&held.coverage).entries();
        let groups = GROUPS.into_iter().map(|(legend, fields)| Group {
            legend,
            fields: fields
                .iter()
                .map(|(name, kind, label, help)| Field {
                    name,
                    label,
                    help,
                    is_own: own.contains(*name),
                    input: kind.input(held.get(*name).unwrap_or(&Value::Null)),
                })
                .collect(),
        });
        Ok(Self {
            base: base(app),
            projects: projects(&decided, &kinds),
            groups: groups.collect(),
            has_own: !own.is_empty(),
            project: project.unwrap_or_default().to_owned(),
            say: String::new(),
        })
    }
}

/// `GET /ui/admin/counting?project=`
pub(super) async fn show(
    viewer: Viewer,
    chosen: Query<Chosen>,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    viewer.demand_administration(&app).await?;
    let project = project(chosen.project.as_deref())?;
    let mut form = Form::of(&app, &viewer.site, project).await?;
    form.say = format!(
        "How results count in {}.",
        project.unwrap_or("all projects")
    );
    Fragment::of(&form)
}

/// `POST /ui/admin/counting` with `project` and every field; or with `inherit`, which takes back what
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
    let choices = chosen(&fields, &decided, project)?;
    let scope = project.map_or(Scope::Site, Scope::Project);
    let now_ms = app.clock.now_ms();
    let txn = app.store.write().await?;
    settings::decide_coverage(&*txn, site, scope, &choices, Some(account), now_ms).await?;
    txn.commit().await?;
    let mut form = Form::of(&app, &viewer.site, project).await?;
    "Saved. It holds from now on.".clone_into(&mut form.say);
    Fragment::of(&form)
}

/// What the form decides otherwise than what is inherited.
fn chosen(
    fields: &Fields,
    decided: &SiteSettings,
    project: Option<&str>,
) -> Result<Choices, Problem> {
    if fields.has("inherit") {
        return Ok(Choices::default());
    }
    let before = inherited(decided, project).coverage;
    let mut all = Map::new();
    for (name, kind, label, _) in GROUPS.iter().flat_map(|(_, fields)| fields.iter()) {
        let value = kind.read(fields, name).ok_or_else(|| {
            Problem::unprocessable(format!("“{label}” cannot be read."))
                .detail("Nothing was changed.")
        })?;
        all.insert((*name).to_owned(), value);
    }
    let sent: Choices = serde_json::from_value(Value::Object(all)).map_err(|why| {
        Problem::unprocessable("The settings cannot be read.")
            .detail("Nothing was changed. Reload the page and try again.")
            .because(why)
    })?;
    sent.check(&before.statuses).map_err(|why| {
        Problem::unprocessable("The settings were not saved.").detail(format!("{why}."))
    })?;
    let own = differing(&before.with(&sent), &before);
    let entries = sent.entries().into_iter();
    let own = entries.filter(|(name, _)| own.contains(name.as_str()));
    Ok(own.fold(Choices::default(), |choices, (name, value)| {
        choices.and(&name, value)
    }))
}

/// The settings in which the two differ, by name.
fn differing(held: &Settings, before: &Settings) -> BTreeSet<String> {
    let before = Choices::of(before).entries();
    let held = Choices::of(held).entries().into_iter();
    held.filter(|(name, value)| before.get(name) != Some(value))
        .map(|(name, _)| name)
        .collect()
}

impl Kind {
    /// The input that shows a setting.
    fn input(self, held: &Value) -> Input {
        match self {
            Self::Check => Input::Check(held.as_bool().unwrap_or(false)),
            Self::Choice(options) => {
                let is_held = |value: &str| held.as_str() == Some(value);
                let options = options.iter();
                Input::Choice(
                    options
                        .map(|(value, label)| (*value, *label, is_held(value)))
                        .collect(),
                )
            }
            Self::Number(least, most) => Input::Number {
                value: held.as_u64().unwrap_or(0).to_string(),
                least,
                most,
            },
            Self::Names => {
                let names = held.as_array().into_iter().flatten();
                lines(names.filter_map(Value::as_str).map(str::to_owned))
            }
            Self::Links => {
                let text = |link: &Value, name: &str| {
                    link.get(name)
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                        .to_owned()
                };
                let links = held.as_array().into_iter().flatten();
                lines(
                    links.map(|link| {
                        format!("{}: {}", text(link, "linkType"), text(link, "children"))
                    }),
                )
            }
            Self::Words => {
                let words = held.as_object().into_iter().flatten();
                lines(
                    words.filter_map(|(word, means)| Some(format!("{word} = {}", means.as_str()?))),
                )
            }
        }
    }

    /// The setting that a form writes; `None` when it cannot be read.
    fn read(self, fields: &Fields, name: &'static str) -> Option<Value> {
        let text = fields.chosen(name).unwrap_or_default();
        let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
        match self {
            Self::Check => Some(Value::Bool(fields.has(name))),
            Self::Choice(_) => Some(Value::from(text)),
            Self::Number(..) => Some(Value::from(text.parse::<u32>().ok()?)),
            Self::Names => Some(lines().map(Value::from).collect()),
            Self::Links => {
                let links = lines().map(|line| {
                    let (kind, side) = line.rsplit_once(':')?;
                    let side = side.trim().to_lowercase();
                    Some(json!({ "linkType": kind.trim(), "children": side }))
                });
                links.collect::<Option<Vec<Value>>>().map(Value::Array)
            }
            Self::Words => {
                let words = lines().map(|line| {
                    let (word, means) = line.split_once('=')?;
                    Some((word.trim().to_owned(), Value::from(means.trim())))
                });
                words
                    .collect::<Option<Map<String, Value>>>()
                    .map(Value::Object)
            }
        }
    }
}

fn lines(all: impl Iterator<Item = String>) -> Input {
    Input::Lines(all.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_its_place_in_the_form() {
        let described: BTreeSet<&str> = GROUPS
            .iter()
            .flat_map(|(_, fields)| fields.iter().map(|(name, ..)| *name))
            .collect();
        let settings = Choices::of(&Settings::default()).entries();
        let all: BTreeSet<&str> = settings.keys().map(String::as_str).collect();
        assert_eq!(described, all);
    }

    #[test]
    fn what_the_form_shows_is_what_it_reads() {
        let said: Choices = serde_json::from_value(json!({
            "freshnessDays": 30, "skipped": "ignore", "finalPrecedence": false,
            "excludedLabels": ["wip", "a, b"],
            "childrenByLink": [{ "linkType": "Is: part", "children": "inward" }],
            "statusWords": { "WARN": "passed" },
        }))
        .unwrap();
        let settings = Settings::default().with(&said);
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        for (name, kind, ..) in GROUPS.iter().flat_map(|(_, fields)| fields.iter()) {
            match kind.input(&Choices::of(&settings).entries()[*name]) {
                Input::Check(true) => form.append_pair(name, "on"),
                Input::Check(false) => &mut form,
                Input::Choice(options) => {
                    let (value, ..) = options.iter().find(|(.., is_held)| *is_held).unwrap();
                    form.append_pair(name, value)
                }
                Input::Number { value, .. } | Input::Lines(value) => form.append_pair(name, &value),
            };
        }
        let fields = Fields::parse(form.finish().as_bytes());
        let read = chosen(&fields, &SiteSettings::default(), None).unwrap();
        assert_eq!(Settings::default().with(&read), settings);
        assert_eq!(read.entries().len(), 6, "the rest is inherited: {read:?}");
    }

    #[test]
    fn what_cannot_be_had_is_refused_by_name() {
        let refused = |query: &str| {
            let defaults = "skipped=notrun&blocked=notrun&retries=worst&flakyEffect=count\
                            &flakyWindow=20&flakyFlipPercent=30&flakyClearsAfter=10";
            let fields = Fields::parse(format!("{query}&{defaults}").as_bytes());
            let problem = chosen(&fields, &SiteSettings::default(), None).unwrap_err();
            format!("{} {}", problem.title, problem.detail.unwrap_or_default())
        };
        let said = refused("freshnessDays=soon");
        assert!(
            said.starts_with("“Results are trusted for so many days” cannot"),
            "{said}"
        );
        let said = refused("freshnessDays=99999");
        assert!(
            said.contains("`freshnessDays` lies between 0 and 36500"),
            "{said}"
        );
        let said = refused("freshnessDays=0&statusWords=X+%3D+fine");
        assert!(said.contains("there is no status `fine`"), "{said}");
        let said = refused("freshnessDays=0&childrenByLink=Hierarchy");
        assert!(
            said.starts_with("“Links that make children” cannot"),
            "{said}"
        );
    }
}
