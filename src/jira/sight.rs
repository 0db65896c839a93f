//! What a person sees of a project: the project itself, and which of its issues.
//!
//! Lists come from our mirror, which knows issues the reader may not: a security level hides an issue
//! from people who see its project. So the issues of a page are asked for by id, all in one call.

use std::collections::HashSet;
use std::time::Duration;

use moka::future::Cache;
use serde_json::json;

use super::client::{Call, Client};
use super::error::{Gone, JiraError};
use super::permissions::{Asker, Granted, Permission};
use crate::domain::site::{Site, SiteId};

/// How long it is believed that a project is seen.
const KEPT: Duration = Duration::from_mins(1);
/// Answers kept at most.
const CAPACITY: u64 = 50_000;

/// Which projects people saw within the last minute.
#[derive(Debug)]
pub(super) struct Sight(Cache<(SiteId, String, String), bool>);

impl Default for Sight {
    fn default() -> Self {
        Self(
            Cache::builder()
                .max_capacity(CAPACITY)
                .time_to_live(KEPT)
                .build(),
        )
    }
}

impl Client {
    /// Whether there is a project of this key and a person sees it.
    ///
    /// # Errors
    ///
    /// When Jira does not answer. Whoever asks refuses then.
    pub async fn sees_project(
        &self,
        site: &Site,
        asker: &Asker<'_>,
        key: &str,
    ) -> Result<bool, JiraError> {
        let asked = (site.id, asker.account_id.to_owned(), key.to_owned());
        if let Some(answer) = self.sight.0.get(&asked).await {
            return Ok(answer);
        }
        let on_site = self.for_site(site);
        let found = match asker.user_token {
            // To a person, a project they may not see does not exist.
            Some(token) => on_site.as_user(token).project(key).await,
            None => on_site.project(key).await,
        };
        let answer = match found {
            Ok(_) if asker.user_token.is_some() => true,
            Ok(project) => {
                let project = project.id;
                self.may(site, asker, Permission::BrowseProject { project })
                    .await?
            }
            Err(JiraError::Gone(Gone::NotFound)) => false,
            Err(why) => return Err(why),
        };
        self.sight.0.insert(asked, answer).await;
        Ok(answer)
    }

    /// Which of these issues a person sees; at most 1,000 can be asked for at once.
    ///
    /// # Errors
    ///
    /// When Jira does not answer. Whoever asks shows none then.
    pub async fn visible_issues(
        &self,
        site: &Site,
        asker: &Asker<'_>,
        issues: &[i64],
    ) -> Result<HashSet<i64>, JiraError> {
        if issues.is_empty() {
            return Ok(HashSet::new());
        }
        let permissions =
            json!([{ "permissions": ["BROWSE_PROJECTS"], "issues": issues, "projects": [] }]);
        let (on_site, body) = match asker.user_token {
            // Whoever asks without a name asks for themselves.
            Some(token) => {
                let body = json!({ "projectPermissions": permissions });
                (self.for_site(site).as_user(token), body)
            }
            None => {
                let account = asker.account_id;
                let body = json!({ "accountId": account, "projectPermissions": permissions });
                (self.for_site(site), body)
            }
        };
        let address = "/rest/api/3/permissions/check";
        let call = Call::post("permissions/check", address.into(), &body)?;
        let granted: Granted = on_site.ask(call).await?;
        Ok(granted.issues().collect())
    }
}
