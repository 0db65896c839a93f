//! Which issues a list is about: those of a project, of one of its versions, or of a sprint.
//!
//! Ids only, without a limit: a caller reads what it needs of them in batches. Types that tests do
//! not cover are among them; what is coverable is a setting.

use uuid::Uuid;

use super::{Conn, Dialect, SiteId, Sql, StoreError};
use crate::domain::issue::key_number;

/// What a list of issues is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Population<'a> {
    /// Every issue of the project with this key.
    Project(&'a str),
    /// The issues of a project that are to be fixed in the version with this name.
    Version {
        /// The project's key.
        project: &'a str,
        /// The version's name.
        name: &'a str,
    },
    /// The issues of a project that are or were in the sprint with this name.
    Sprint {
        /// The project's key.
        project: &'a str,
        /// The sprint's name.
        name: &'a str,
    },
}

/// Our ids of the issues that Jira told of and still has, by the number of their key.
pub async fn ids(
    on: &impl Conn,
    site: SiteId,
    population: &Population<'_>,
) -> Result<Vec<Uuid>, StoreError> {
    let (project, named) = match *population {
        Population::Project(project) => (project, None),
        Population::Version { project, name } => (project, Some(("fix_versions", name))),
        Population::Sprint { project, name } => (project, Some(("sprints", name))),
    };
    let mut sql = Sql::new("SELECT i.id, i.key FROM issue i WHERE i.site_id = ");
    sql.bind(site)
        .with(" AND i.project_key = ", project)
        .push(" AND i.jira_id IS NOT NULL AND i.deleted_ms IS NULL");
    if let Some((column, name)) = named {
        sql.with(&names(Dialect::of(on), column), name).push(")");
    }
    let mut found: Vec<(u64, String, Uuid)> = Vec::new();
    for row in sql.raw(on).await? {
        let key: String = row.try_get_by_index(1)?;
        found.push((key_number(&key), key, row.try_get_by_index(0)?));
    }
    found.sort_unstable();
    Ok(found.into_iter().map(|(_, _, id)| id).collect())
}

/// A condition that ends in a name: that a list of things with names holds it.
fn names(dialect: Dialect, column: &str) -> String {
    match dialect {
        Dialect::Sqlite => format!(
            " AND EXISTS (SELECT 1 FROM json_each(i.{column}) n \
             WHERE json_extract(n.value, '$.name') = "
        ),
        Dialect::Postgres => format!(
            " AND EXISTS (SELECT 1 FROM json_array_elements(CAST(i.{column} AS json)) n \
             WHERE n.value->>'name' = "
        ),
    }
}
