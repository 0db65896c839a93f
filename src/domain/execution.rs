//! A test execution: runs made together, and what holds for all of them.

use uuid::Uuid;

use super::keys::ExecutionKey;

/// What whoever reports results says about where and for what they were made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Particulars {
    /// Environments every run counts for, sorted, each once; none is a group of its own.
    pub environments: Vec<String>,
    /// The version the runs were made for.
    pub fix_version: Option<String>,
    /// The key of the test plan.
    pub plan: Option<String>,
    /// The sprint.
    pub sprint: Option<String>,
    /// The revision of the tested software, as its version control names it.
    pub revision: Option<String>,
    /// The branch of it.
    pub branch: Option<String>,
}

/// What an upload says of an execution contradicts what the execution already says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("its {what} is {held}, not {given}")]
pub struct Contradiction {
    /// Which particular.
    pub what: &'static str,
    /// What the execution says.
    pub held: String,
    /// What the upload says.
    pub given: String,
}

impl Particulars {
    /// Fills in what `given` adds.
    ///
    /// What an execution says holds for all its runs, so nothing already said can be changed by a
    /// later upload: its earlier runs would silently count for something else.
    ///
    /// # Errors
    ///
    /// [`Contradiction`] names the first difference.
    pub fn complete_with(&mut self, given: &Self) -> Result<(), Contradiction> {
        if !given.environments.is_empty() && given.environments != self.environments {
            let names = |environments: &[String]| match environments {
                [] => "not named".to_owned(),
                names => names.join(" and "),
            };
            return Err(Contradiction {
                what: "environment",
                held: names(&self.environments),
                given: names(&given.environments),
            });
        }
        for (what, held, given) in [
            ("fix version", &mut self.fix_version, &given.fix_version),
            ("plan", &mut self.plan, &given.plan),
            ("sprint", &mut self.sprint, &given.sprint),
            ("revision", &mut self.revision, &given.revision),
            ("branch", &mut self.branch, &given.branch),
        ] {
            match (&*held, given) {
                (Some(held), Some(given)) if held != given => {
                    return Err(Contradiction {
                        what,
                        held: held.clone(),
                        given: given.clone(),
                    });
                }
                (None, Some(given)) => *held = Some(given.clone()),
                _ => {}
            }
        }
        Ok(())
    }
}

/// An execution without its runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Its id.
    pub id: Uuid,
    /// Our id of its project.
    pub project_id: Uuid,
    /// Its key.
    pub key: ExecutionKey,
    /// Its name for people.
    pub name: String,
    /// What holds for all its runs.
    pub particulars: Particulars,
    /// How its results came.
    pub source: String,
    /// The API client or account that brought them.
    pub created_by: Option<String>,
    /// When it was stored, milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// When its first run began, where known, milliseconds since the Unix epoch.
    pub started_ms: Option<i64>,
    /// When its last run ended, milliseconds since the Unix epoch.
    pub finished_ms: i64,
    /// Why results are missing, when a report of it said so.
    pub incomplete: Option<String>,
    /// The number its next run gets.
    pub next_run: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn particulars_are_filled_in_and_never_changed() {
        let on = |environment: &str| Particulars {
            environments: vec![environment.to_owned()],
            ..Particulars::default()
        };
        let mut held = on("chrome");
        let more = Particulars {
            revision: Some("4f1c".into()),
            ..on("chrome")
        };
        held.complete_with(&more).unwrap();
        assert_eq!(held.revision.as_deref(), Some("4f1c"));
        held.complete_with(&Particulars::default()).unwrap();
        assert_eq!(held, more);
        let why = held.complete_with(&on("firefox")).unwrap_err();
        assert_eq!(why.to_string(), "its environment is chrome, not firefox");
    }
}
