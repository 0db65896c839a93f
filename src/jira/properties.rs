//! Properties of issues: what Touchstone shows of its own inside Jira.
//!
//! Anybody who sees an issue can read its properties, and anybody who may edit it can write them: a
//! copy for searching and showing, never a truth. Writing the same again changes nothing.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::client::{Call, SiteClient, encoded};
use super::error::JiraError;
use crate::domain::shown_status::{PROPERTY, ShownStatus};

/// Key of the module that shows the status beside an issue, in descriptor and manifest.
const CONTEXT_MODULE: &str = "issue-test-status";

impl SiteClient<'_> {
    /// Writes how the tests of an issue stand, and since when (milliseconds since the Unix epoch).
    pub async fn set_coverage(
        &self,
        issue: i64,
        shown: &ShownStatus,
        since_ms: i64,
    ) -> Result<(), JiraError> {
        let unwritable = |why: String| JiraError::Unreadable(format!("no property: {why}"));
        let mut value = serde_json::to_value(shown).map_err(|why| unwritable(why.to_string()))?;
        let since =
            Timestamp::from_millisecond(since_ms).map_err(|why| unwritable(why.to_string()))?;
        if let Some(fields) = value.as_object_mut() {
            // The one form of a date that JQL reads out of a property.
            let since = since.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            fields.insert("since".to_owned(), since.into());
        }
        self.set_issue_property(issue, PROPERTY, &value).await
    }

    /// Writes the lozenge beside an issue, for sites that have the app through Connect.
    pub async fn set_lozenge(&self, issue: i64, shown: &ShownStatus) -> Result<(), JiraError> {
        let key = format!(
            "com.atlassian.jira.issue:{}:{CONTEXT_MODULE}:status",
            self.app_key()
        );
        let (label, colour) = shown.lozenge();
        let value = json!({ "type": "lozenge", "value": { "label": label, "type": colour } });
        self.set_issue_property(issue, &key, &value).await
    }

    async fn set_issue_property(
        &self,
        issue: i64,
        key: &str,
        value: &Value,
    ) -> Result<(), JiraError> {
        let address = format!("/rest/api/3/issue/{issue}/properties/{}", encoded(key));
        let call = Call::put("issue/properties", address, value)?.writing(issue);
        self.send(call).await?;
        Ok(())
    }
}
