//! Folders of a project's tests and preconditions, and of a plan's tests.

use std::collections::BTreeMap;

use async_graphql::SimpleObject;
use serde_json::{Value, json};
use uuid::Uuid;

use super::desk::{Answer, Desk};
use crate::domain::folder::FolderPath;
use crate::store::folders::{self, Held};

/// A folder, as what lies in it names it.
#[derive(Debug, SimpleObject)]
pub(super) struct Folder {
    /// Its name; empty for the root.
    name: String,
    /// Its path.
    path: String,
}

impl Folder {
    /// The folder at a path; nothing is the root.
    pub fn at(path: Option<String>) -> Self {
        let path = path.unwrap_or_else(|| "/".to_owned());
        let name = path.rsplit_once('/').map_or("", |(_, name)| name);
        Self {
            name: name.to_owned(),
            path,
        }
    }
}

/// A folder with what lies in it and below it.
#[derive(Debug, SimpleObject)]
pub(super) struct FolderResults {
    /// Its name; empty for the root.
    name: String,
    /// Its path.
    path: String,
    /// Tests and preconditions in it and below it.
    issues_count: i64,
    /// Tests in it and below it.
    tests_count: i64,
    /// Preconditions in it and below it.
    preconditions_count: i64,
    /// The folders in it, each with those in it.
    folders: Value,
}

/// The same without what lies below.
#[derive(Debug, SimpleObject)]
pub(super) struct SimpleFolderResults {
    /// Its name; empty for the root.
    name: String,
    /// Its path.
    path: String,
    /// Tests and preconditions in it and below it.
    issues_count: i64,
    /// Tests in it and below it.
    tests_count: i64,
    /// Preconditions in it and below it.
    preconditions_count: i64,
}

/// All folders of a project or a plan.
#[derive(Debug)]
pub(super) struct Tree(BTreeMap<FolderPath, Held>);

impl Tree {
    pub async fn read(desk: &Desk, owner: Uuid) -> Answer<Self> {
        let all = folders::of_owner(desk.read(), desk.site(), owner).await?;
        let read = |(path, held): (String, Held)| Some((FolderPath::parse(&path).ok()?, held));
        Ok(Self(all.into_iter().filter_map(read).collect()))
    }

    /// What lies in a folder and below it.
    fn held(&self, path: &FolderPath) -> Held {
        let inside = self.0.iter().filter(|(other, _)| path.holds(other));
        inside.fold(Held::default(), |sum, (_, held)| Held {
            tests: sum.tests + held.tests,
            preconditions: sum.preconditions + held.preconditions,
        })
    }

    /// The folders that lie in this one, not further below.
    fn children<'a>(&'a self, path: &FolderPath) -> impl Iterator<Item = &'a FolderPath> {
        let below = path.below();
        self.0.keys().filter(move |other| {
            let rest = other.as_str().strip_prefix(&below);
            rest.is_some_and(|rest| !rest.is_empty() && !rest.contains('/'))
        })
    }

    /// A folder with what lies in it.
    pub fn at(&self, path: &FolderPath) -> FolderResults {
        let held = self.held(path);
        FolderResults {
            name: path.name().to_owned(),
            path: path.to_string(),
            issues_count: held.tests + held.preconditions,
            tests_count: held.tests,
            preconditions_count: held.preconditions,
            folders: self.below(path),
        }
    }

    /// The same without what lies below.
    pub fn simple(&self, path: &FolderPath) -> SimpleFolderResults {
        let held = self.held(path);
        SimpleFolderResults {
            name: path.name().to_owned(),
            path: path.to_string(),
            issues_count: held.tests + held.preconditions,
            tests_count: held.tests,
            preconditions_count: held.preconditions,
        }
    }

    /// Paths are at most 20 names long, so this ends.
    fn below(&self, path: &FolderPath) -> Value {
        let children = self.children(path).map(|child| {
            let held = self.held(child);
            json!({
                "name": child.name(),
                "path": child.as_str(),
                "issuesCount": held.tests + held.preconditions,
                "testsCount": held.tests,
                "preconditionsCount": held.preconditions,
                "folders": self.below(child),
            })
        });
        Value::Array(children.collect())
    }
}
