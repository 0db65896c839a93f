//! Ways through a workflow that may be walked when no single transition leads to where an issue is
//! wanted (`test-management.md` 8.4): lists of statuses, each to be entered from the one before.
//!
//! An administrator writes them down because only people know which statuses an issue may pass
//! through. Statuses are named by Jira's ids: names are localised and not unique.

use std::collections::BTreeSet;

/// Most paths of a project, and most statuses of a path.
const PATHS: usize = 20;
const STATUSES: usize = 10;
/// Longest id, in bytes.
const ID: usize = 20;

/// Statuses in the order they are entered; the first is where the walk may begin.
pub type Path = Vec<String>;

/// Why paths cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// There are too many.
    #[error("there are {0} paths, and at most {PATHS} are kept")]
    TooMany(usize),
    /// A path leads nowhere or goes on too long.
    #[error("path {place} has {count} statuses, and a path has 2 to {STATUSES}")]
    Length {
        /// Which path, 1 the first.
        place: usize,
        /// How many statuses it has.
        count: usize,
    },
    /// Something in a path is no id of a status.
    #[error("path {place} names {given:?}, which is not Jira's id of a status: a number as text")]
    NoId {
        /// Which path, 1 the first.
        place: usize,
        /// What it names.
        given: String,
    },
    /// A path would go round.
    #[error("path {place} enters the status {status} twice")]
    Twice {
        /// Which path, 1 the first.
        place: usize,
        /// The status.
        status: String,
    },
}

/// Refuses paths that cannot be walked.
///
/// # Errors
///
/// The first reason found.
pub fn check(paths: &[Path]) -> Result<(), PathError> {
    if paths.len() > PATHS {
        return Err(PathError::TooMany(paths.len()));
    }
    for (place, path) in (1..).zip(paths) {
        let count = path.len();
        if !(2..=STATUSES).contains(&count) {
            return Err(PathError::Length { place, count });
        }
        let is_id =
            |id: &&String| (1..=ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit());
        if let Some(given) = path.iter().find(|id| !is_id(id)) {
            let given = given.clone();
            return Err(PathError::NoId { place, given });
        }
        let mut seen = BTreeSet::new();
        if let Some(status) = path.iter().find(|id| !seen.insert(id.as_str())) {
            let status = status.clone();
            return Err(PathError::Twice { place, status });
        }
    }
    Ok(())
}

/// The statuses that may be entered next, by each path that goes on from `status` to one that is
/// `wanted`.
#[must_use]
pub fn next_steps<'a>(
    paths: &'a [Path],
    status: &str,
    wanted: impl Fn(&str) -> bool,
) -> Vec<&'a str> {
    let ahead = paths.iter().filter_map(|path| {
        let here = path.iter().position(|id| id == status)?;
        let rest = path.get(here + 1..)?;
        rest.iter().any(|id| wanted(id)).then(|| rest.first())?
    });
    ahead.map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(ids: &[&str]) -> Path {
        ids.iter().map(|&id| id.to_owned()).collect()
    }

    #[test]
    fn a_path_goes_on_from_where_the_issue_is_to_what_is_wanted() {
        let paths = [path(&["1", "2", "3", "4"]), path(&["2", "9"])];
        assert_eq!(next_steps(&paths, "1", |id| id == "4"), ["2"]);
        assert_eq!(next_steps(&paths, "2", |id| id == "4"), ["3"]);
        assert_eq!(next_steps(&paths, "2", |id| id == "9"), ["9"]);
        assert_eq!(next_steps(&paths, "4", |id| id == "4"), [""; 0], "its end");
        assert_eq!(
            next_steps(&paths, "3", |id| id == "1"),
            [""; 0],
            "never back"
        );
    }

    #[test]
    fn paths_that_cannot_be_walked_are_refused() {
        assert_eq!(check(&[path(&["1", "2"])]), Ok(()));
        let count = 1;
        assert_eq!(
            check(&[path(&["1"])]),
            Err(PathError::Length { place: 1, count })
        );
        let refused = check(&[path(&["1", "2"]), path(&["1", "Done"])]).unwrap_err();
        assert!(
            refused.to_string().starts_with("path 2 names \"Done\""),
            "{refused}"
        );
        let round = check(&[path(&["1", "2", "1"])]).unwrap_err();
        assert_eq!(round.to_string(), "path 1 enters the status 1 twice");
        assert_eq!(
            check(&vec![path(&["1", "2"]); 21]),
            Err(PathError::TooMany(21))
        );
    }
}
