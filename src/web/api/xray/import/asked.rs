//! What an upload asks for: by its query, by `info`, and by the result file itself, in this order.

use serde_json::Value;

use super::info::{Info, for_new_tests, texts};
use super::parts::Parts;
use crate::app::App;
use crate::app::import_results::{ForNewTests, UnknownTests, Upload};
use crate::domain::execution::Particulars;
use crate::domain::issue::is_project_key;
use crate::domain::keys::{ExecutionKey, PlanKey};
use crate::problem::Problem;
use crate::results::Report;
use crate::results::model::Explicit;
use crate::store::plans;
use crate::web::api::v1::auth::ApiCaller;

/// Longest value of a parameter, in characters.
const VALUE_CHARS: usize = 255;
/// Most environments.
const MOST_ENVIRONMENTS: usize = 20;

/// What the query and the documents beside the file say.
#[derive(Debug, Default)]
pub(super) struct Asked {
    project: Option<String>,
    execution: Option<String>,
    summary: Option<String>,
    particulars: Particulars,
    is_strict: bool,
    for_new_tests: ForNewTests,
    /// What the uploader should know.
    pub warnings: Vec<String>,
}

impl Asked {
    /// Reads the query, in which what means nothing does no harm, and the documents.
    pub fn read(query: &str, parts: &Parts) -> Result<Self, Problem> {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query)
            .map_err(|why| Problem::bad_request("The query cannot be read.").because(why))?;
        let mut asked = Self::default();
        for (name, value) in pairs {
            let value = value.trim();
            if value.chars().count() > VALUE_CHARS || value.chars().any(char::is_control) {
                return Err(Problem::bad_request(format!(
                    "The value of `{name}` is too long or has control characters."
                )));
            }
            if value.is_empty() {
                continue;
            }
            let value = value.to_owned();
            match name.as_str() {
                "projectKey" => asked.project = Some(value),
                "testExecKey" => asked.execution = Some(value),
                "testPlanKey" => asked.particulars.plan = Some(value),
                "fixVersion" => asked.particulars.fix_version = Some(value),
                "revision" => asked.particulars.revision = Some(value),
                "testEnvironments" | "testEnvironment" => {
                    asked
                        .particulars
                        .environments
                        .extend(texts(&Value::String(value)));
                }
                "strict" => asked.is_strict = value == "true",
                _ => {}
            }
        }
        asked.take_documents(parts)?;
        asked.particulars.environments.sort_unstable();
        asked.particulars.environments.dedup();
        if asked.particulars.environments.len() > MOST_ENVIRONMENTS {
            return Err(Problem::bad_request("There are too many environments.")
                .detail(format!("At most {MOST_ENVIRONMENTS} are taken.")));
        }
        Ok(asked)
    }

    fn take_documents(&mut self, parts: &Parts) -> Result<(), Problem> {
        if let Some(document) = &parts.info {
            let info = Info::read(document)?;
            let held = &mut self.particulars;
            for (held, told) in [
                (&mut self.project, info.project),
                (&mut self.summary, info.summary),
                (&mut held.fix_version, info.fix_version),
                (&mut held.plan, info.plan),
                (&mut held.revision, info.revision),
            ] {
                if held.is_none() {
                    *held = told;
                }
            }
            if held.environments.is_empty() {
                held.environments = info.environments;
            }
            self.warnings.extend(info.warnings);
        }
        if let Some(document) = &parts.test_info {
            let (for_new_tests, warnings) = for_new_tests(document)?;
            self.for_new_tests = for_new_tests;
            self.warnings.extend(warnings);
        }
        Ok(())
    }

    /// The upload that this and the file come to. Execution and plan must be there.
    pub async fn upload(
        self,
        app: &App,
        caller: &ApiCaller,
        report: &Report,
    ) -> Result<Upload, Problem> {
        let project = self.project(report)?;
        caller.check_project(&project)?;
        let of_file = report.info.as_deref();
        let execution = self.execution.or_else(|| of_file?.execution.clone());
        let no_execution = |key: &str| {
            Problem::not_found(format!("There is no test execution {key} in {project}."))
                .detail("Leave it out to have a new one made.")
        };
        let execution = match &execution {
            Some(key) => Some(
                key.parse::<ExecutionKey>()
                    .ok()
                    .ok_or_else(|| no_execution(key))?,
            ),
            None => None,
        };
        let mut particulars = self.particulars;
        if let Some(plan) = particulars.plan.clone().or_else(|| of_file?.plan.clone()) {
            let key = plan
                .parse::<PlanKey>()
                .ok()
                .filter(|key| key.project == project);
            let found = match &key {
                Some(key) => plans::by_key(app.store.read(), caller.0.site, key).await?,
                None => None,
            };
            let found = found.ok_or_else(|| {
                Problem::not_found(format!("There is no test plan {plan} in {project}."))
            })?;
            particulars.plan = Some(found.key.to_string());
        }
        // A report of JUnit says outright that it means an existing test, so a wrong key there is a
        // mistake; documents made for this interface name a test by key in each of their results.
        let leaves_out = !self.is_strict && report.format != "JUnit";
        Ok(Upload {
            project,
            particulars,
            execution,
            name: self.summary,
            source: report.format.to_owned(),
            created_by: Some(caller.0.name.clone()),
            unknown_tests: if leaves_out {
                UnknownTests::LeaveOut
            } else {
                UnknownTests::Refuse
            },
            for_new_tests: self.for_new_tests,
        })
    }

    /// The project: as it is said, else that of the execution, of the plan, or of the first test that
    /// is named by its key.
    fn project(&self, report: &Report) -> Result<String, Problem> {
        let of_key = |key: &str| Some(key.split_once('-')?.0.to_owned());
        let of_tests = || {
            let mut runs = report.runs.iter();
            runs.find_map(|run| match run.identity.explicit.as_ref()? {
                Explicit::Key(key) => of_key(key),
                Explicit::Id(_) => None,
            })
        };
        let said = (self.project.clone())
            .or_else(|| of_key(self.execution.as_deref()?))
            .or_else(|| report.project().map(str::to_owned))
            .or_else(|| of_key(self.particulars.plan.as_deref()?))
            .or_else(of_tests)
            .map(|key| key.to_ascii_uppercase());
        said.filter(|key| is_project_key(key)).ok_or_else(|| {
            Problem::bad_request("The upload names no project.").detail(
                "Send `projectKey`, `info` with a project, or results of tests that are named by \
                 their keys.",
            )
        })
    }
}
