//! What a person may do on a site, asked of Jira and remembered for a minute.
//!
//! The token of a page proves who looks, not what they may: permissions are asked for by issue or
//! project id, from the server (`connect.md` 4.5). A person whom Forge gave a token asks for
//! themselves; for others the app asks. An answer is expensive in Jira's quota, so it is kept; an
//! error is not, and refuses.

use std::collections::HashMap;
use std::time::Duration;

use moka::future::Cache;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use super::client::{Call, Client, id};
use super::error::{Gone, JiraError};
use crate::domain::site::{Site, SiteId};

/// How long an answer is believed.
const KEPT: Duration = Duration::from_mins(1);
/// Answers kept at most.
const CAPACITY: u64 = 50_000;

/// A right that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Administer the site (`ADMINISTER`).
    Administer,
    /// See an issue (`BROWSE_PROJECTS`).
    BrowseIssue(i64),
    /// Edit an issue (`EDIT_ISSUES`).
    EditIssue(i64),
    /// See a project (`BROWSE_PROJECTS`).
    BrowseProject {
        /// Jira's id of the project.
        project: i64,
    },
    /// Create issues in a project (`CREATE_ISSUES`).
    CreateIssues {
        /// Jira's id of the project.
        project: i64,
    },
}

/// Whose right is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The account.
    pub account_id: &'a str,
    /// Their own token, when they came through Forge.
    pub user_token: Option<&'a SecretString>,
}

impl<'a> Asker<'a> {
    /// An account that gave no token along: the app asks for it.
    #[must_use]
    pub fn of(account_id: &'a str) -> Self {
        Self {
            account_id,
            user_token: None,
        }
    }
}

/// Answers of the last minute.
#[derive(Debug)]
pub(super) struct Permissions(Cache<(SiteId, String, Permission), bool>);

impl Default for Permissions {
    fn default() -> Self {
        Self(
            Cache::builder()
                .max_capacity(CAPACITY)
                .time_to_live(KEPT)
                .build(),
        )
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Granted {
    #[serde(default)]
    global_permissions: Vec<String>,
    #[serde(default)]
    project_permissions: Vec<GrantedOn>,
}

#[derive(Deserialize)]
struct GrantedOn {
    permission: String,
    #[serde(default)]
    issues: Vec<Id>,
    #[serde(default)]
    projects: Vec<Id>,
}

#[derive(Deserialize)]
struct Id(#[serde(deserialize_with = "id")] i64);

impl Client {
    /// Whether a person may do something on a site now, or could a minute ago.
    ///
    /// # Errors
    ///
    /// When Jira does not answer. Whoever asks refuses then.
    pub async fn may(
        &self,
        site: &Site,
        asker: &Asker<'_>,
        permission: Permission,
    ) -> Result<bool, JiraError> {
        let key = (site.id, asker.account_id.to_owned(), permission);
        if let Some(answer) = self.permissions.0.get(&key).await {
            return Ok(answer);
        }
        let answer = match asker.user_token {
            Some(token) => self.ask_as(site, token, permission).await?,
            None => self.ask_for(site, asker.account_id, permission).await?,
        };
        self.permissions.0.insert(key, answer).await;
        Ok(answer)
    }

    /// What [`Client::may`] answered within the last minute; nothing is asked.
    pub async fn remembers(
        &self,
        site: &Site,
        asker: &Asker<'_>,
        permission: Permission,
    ) -> Option<bool> {
        let key = (site.id, asker.account_id.to_owned(), permission);
        self.permissions.0.get(&key).await
    }

    /// The app asks for another person.
    async fn ask_for(
        &self,
        site: &Site,
        account_id: &str,
        permission: Permission,
    ) -> Result<bool, JiraError> {
        let body = question(account_id, permission);
        let call = Call::post(
            "permissions/check",
            "/rest/api/3/permissions/check".into(),
            &body,
        )?;
        let granted: Granted = self.for_site(site).ask(call).await?;
        Ok(granted.includes(permission))
    }

    /// A person asks for themselves. To one who may not even see the issue or project it does not
    /// exist.
    async fn ask_as(
        &self,
        site: &Site,
        token: &SecretString,
        permission: Permission,
    ) -> Result<bool, JiraError> {
        let (name, place) = own_question(permission);
        let mut query = vec![("permissions", name)];
        if let Some((kind, id)) = &place {
            query.push((kind, id));
        }
        let call = Call::get("mypermissions", "/rest/api/3/mypermissions".into(), &query);
        match self.for_site(site).as_user(token).ask(call).await {
            Ok(Own { permissions }) => Ok(permissions.get(name).is_some_and(|own| own.is_had)),
            Err(JiraError::Gone(Gone::NotFound | Gone::Forbidden)) => Ok(false),
            Err(why) => Err(why),
        }
    }
}

#[derive(Deserialize)]
struct Own {
    permissions: HashMap<String, OwnPermission>,
}

#[derive(Deserialize)]
struct OwnPermission {
    #[serde(rename = "havePermission")]
    is_had: bool,
}

/// The name of a right, and the parameter that says where it is asked for.
fn own_question(permission: Permission) -> (&'static str, Option<(&'static str, String)>) {
    match permission {
        Permission::Administer => ("ADMINISTER", None),
        Permission::BrowseIssue(issue) => ("BROWSE_PROJECTS", Some(("issueId", issue.to_string()))),
        Permission::EditIssue(issue) => ("EDIT_ISSUES", Some(("issueId", issue.to_string()))),
        Permission::BrowseProject { project } => {
            ("BROWSE_PROJECTS", Some(("projectId", project.to_string())))
        }
        Permission::CreateIssues { project } => {
            ("CREATE_ISSUES", Some(("projectId", project.to_string())))
        }
    }
}

fn question(account_id: &str, permission: Permission) -> serde_json::Value {
    let on = |name: &str, issues: &[i64], projects: &[i64]| {
        json!({
            "accountId": account_id,
            "projectPermissions":
                [{ "permissions": [name], "issues": issues, "projects": projects }],
        })
    };
    match permission {
        Permission::Administer => {
            json!({ "accountId": account_id, "globalPermissions": ["ADMINISTER"] })
        }
        Permission::BrowseIssue(issue) => on("BROWSE_PROJECTS", &[issue], &[]),
        Permission::EditIssue(issue) => on("EDIT_ISSUES", &[issue], &[]),
        Permission::BrowseProject { project } => on("BROWSE_PROJECTS", &[], &[project]),
        Permission::CreateIssues { project } => on("CREATE_ISSUES", &[], &[project]),
    }
}

impl Granted {
    /// The issues on which something is granted.
    pub(super) fn issues(&self) -> impl Iterator<Item = i64> {
        let granted = self.project_permissions.iter();
        granted.flat_map(|on| on.issues.iter().map(|Id(issue)| *issue))
    }

    /// Jira lists what is granted and leaves out the rest, unknown ids included.
    fn includes(&self, permission: Permission) -> bool {
        let on = |name: &str, id: i64, ids: fn(&GrantedOn) -> &[Id]| {
            self.project_permissions.iter().any(|granted| {
                granted.permission == name && ids(granted).iter().any(|Id(one)| *one == id)
            })
        };
        match permission {
            Permission::Administer => self
                .global_permissions
                .iter()
                .any(|name| name == "ADMINISTER"),
            Permission::BrowseIssue(issue) => on("BROWSE_PROJECTS", issue, |on| &on.issues),
            Permission::EditIssue(issue) => on("EDIT_ISSUES", issue, |on| &on.issues),
            Permission::BrowseProject { project } => {
                on("BROWSE_PROJECTS", project, |on| &on.projects)
            }
            Permission::CreateIssues { project } => on("CREATE_ISSUES", project, |on| &on.projects),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_listed_is_granted() {
        let granted: Granted = serde_json::from_str(
            r#"{"globalPermissions":[],"projectPermissions":[
                {"permission":"BROWSE_PROJECTS","issues":[10042],"projects":[]},
                {"permission":"CREATE_ISSUES","issues":[],"projects":["10000"]}]}"#,
        )
        .unwrap();
        assert!(granted.includes(Permission::BrowseIssue(10042)));
        assert!(!granted.includes(Permission::BrowseIssue(10043)));
        assert!(!granted.includes(Permission::EditIssue(10042)));
        assert!(!granted.includes(Permission::Administer));
        assert!(granted.includes(Permission::CreateIssues { project: 10000 }));
        assert!(!granted.includes(Permission::CreateIssues { project: 10042 }));
    }
}
