//! D1: a test failed and nobody has a defect for it.
//!
//! Creation is offered by the pages, always. This is about creating one without being asked, where a
//! project switched that on: for a failure that is no accident.

use uuid::Uuid;

use crate::domain::settings::{RuleName, Settings};

/// Failures in a row from which on a failure is no accident.
const IN_A_ROW: usize = 2;

/// A failed run of a test without an open defect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclaimed {
    /// The test.
    pub test_id: Uuid,
    /// Its key.
    pub test_key: String,
    /// The number of the run within its execution.
    pub run_number: i64,
    /// Whether the failure is flaky.
    pub is_flaky: bool,
    /// How often it has failed in a row, this run included.
    pub failures_in_a_row: usize,
}

/// Whether a defect is to be created for a failure: the reason to, or the reason not to. `branch` is
/// the one that was tested.
///
/// # Errors
///
/// Why not, in a sentence.
pub fn judge_unclaimed(
    failed: &Unclaimed,
    branch: Option<&str>,
    settings: &Settings,
) -> Result<String, String> {
    let key = &failed.test_key;
    if !settings.is_on(RuleName::D1) || !settings.is_on(RuleName::D1Automatic) {
        return Err(format!(
            "{key} failed without a defect; creating one is offered, and not done by itself here."
        ));
    }
    if failed.is_flaky && settings.is_on(RuleName::D4) {
        return Err(format!(
            "The failure of {key} is flaky; no defect is created for it."
        ));
    }
    let main = branch.filter(|branch| settings.main_branches.iter().any(|main| main == branch));
    if let Some(main) = main {
        return Ok(format!("{key} failed on {main} and has no open defect."));
    }
    if failed.failures_in_a_row >= IN_A_ROW {
        return Ok(format!(
            "{key} failed {} times in a row and has no open defect.",
            failed.failures_in_a_row
        ));
    }
    Err(format!(
        "{key} failed once, on no main branch; a defect is created when it fails again."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::settings::Overrides;

    #[test]
    fn only_what_is_no_accident_makes_a_defect() {
        let mut over = Overrides::default();
        over.rules.insert(RuleName::D1Automatic, true);
        let on = Settings::default().with(&over);
        let failed = |is_flaky, failures_in_a_row| Unclaimed {
            test_id: Uuid::nil(),
            test_key: "SHOP-T1".to_owned(),
            run_number: 1,
            is_flaky,
            failures_in_a_row,
        };
        for (failed, branch, settings, is_created) in [
            (failed(false, 1), None, &on, false),
            (failed(false, 1), Some("feature/x"), &on, false),
            (failed(false, 1), Some("main"), &on, true),
            (failed(false, 2), None, &on, true),
            (failed(true, 5), Some("main"), &on, false),
            (failed(false, 5), Some("main"), &Settings::default(), false),
        ] {
            let judged = judge_unclaimed(&failed, branch, settings);
            assert_eq!(
                judged.is_ok(),
                is_created,
                "{failed:?} {branch:?}: {judged:?}"
            );
        }
    }
}
