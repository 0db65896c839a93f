//! Sprints: when they ran. Results that name no sprint count for the one they were made in
//! (test-management.md section 3, step 1).

use super::issue::Named;

/// A sprint as an event or an issue tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sprint {
    /// Jira's id of it, and its name.
    pub named: Named,
    /// When it was started, milliseconds since the Unix epoch; `None` when it was not, or nobody said.
    pub began_ms: Option<i64>,
    /// When it was completed, milliseconds since the Unix epoch; `None` while it runs.
    pub ended_ms: Option<i64>,
}

/// The dates Jira has of a sprint, milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SprintDates {
    /// When it was started, or is to be.
    pub start_ms: Option<i64>,
    /// When it is to end.
    pub end_ms: Option<i64>,
    /// When somebody completed it.
    pub complete_ms: Option<i64>,
}

impl Sprint {
    /// The sprint of this name in a state of Jira's (`future`, `active`, `closed`; Data Center writes
    /// capitals). One that lies ahead has not begun, whatever dates are planned; one that is closed
    /// without saying when ended as planned.
    #[must_use]
    pub fn of(named: Named, state: &str, dates: SprintDates) -> Self {
        let is = |wanted: &str| state.eq_ignore_ascii_case(wanted);
        let planned = dates.end_ms.filter(|_| is("closed"));
        Self {
            named,
            began_ms: dates.start_ms.filter(|_| !is("future")),
            ended_ms: dates.complete_ms.or(planned),
        }
    }
}

/// Something that happened to a sprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SprintChanged {
    /// The sprint after it.
    pub sprint: Sprint,
    /// What it was.
    pub news: SprintNews,
}

/// What happened to a sprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SprintNews {
    /// It was made or changed.
    Changed,
    /// It was started.
    Started,
    /// It was deleted.
    Gone,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(
        state: &str,
        start_ms: i64,
        end_ms: i64,
        complete_ms: Option<i64>,
    ) -> (bool, Option<i64>) {
        let dates = SprintDates {
            start_ms: Some(start_ms),
            end_ms: Some(end_ms),
            complete_ms,
        };
        let sprint = Sprint::of(Named::default(), state, dates);
        (sprint.began_ms == Some(start_ms), sprint.ended_ms)
    }

    #[test]
    fn a_sprint_runs_until_somebody_completes_it() {
        assert_eq!(ran("future", 1, 9, None), (false, None));
        assert_eq!(
            ran("active", 1, 9, None),
            (true, None),
            "however late it is"
        );
        assert_eq!(ran("closed", 1, 9, Some(12)), (true, Some(12)));
        assert_eq!(ran("CLOSED", 1, 9, None), (true, Some(9)));
    }
}
