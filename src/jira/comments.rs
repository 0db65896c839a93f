//! Comments: each carries the id of the work that wrote it, so that a try without an answer can be
//! looked for, and one of an issue is brought up to date instead of adding more.

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::adf;
use super::client::{Call, SiteClient, id};
use super::error::JiraError;
use crate::domain::work::Block;

/// Property of a comment we wrote: the id of the work that wrote it.
const WORK_PROPERTY: &str = "touchstone.work";

#[derive(Deserialize)]
struct Comments {
    #[serde(alias = "values")]
    comments: Vec<CommentBody>,
}

#[derive(Deserialize)]
struct CommentBody {
    #[serde(deserialize_with = "id")]
    id: i64,
    #[serde(default)]
    properties: Vec<PropertyBody>,
}

#[derive(Deserialize)]
struct PropertyBody {
    key: String,
    value: Value,
}

impl SiteClient<'_> {
    /// Adds a comment that carries `work` in a property, to be found by; Jira's id of it.
    pub async fn add_comment(
        &self,
        issue: i64,
        body: &[Block],
        work: Uuid,
    ) -> Result<i64, JiraError> {
        let address = format!("/rest/api/3/issue/{issue}/comment");
        let body = json!({
            "body": adf::document(body),
            "properties": [{ "key": WORK_PROPERTY, "value": { "id": work } }],
        });
        let added: CommentBody = self
            .ask(Call::post("issue/comment", address, &body)?.writing(issue))
            .await?;
        Ok(added.id)
    }

    /// Puts another text into a comment; nobody is notified.
    pub async fn update_comment(
        &self,
        issue: i64,
        comment: i64,
        body: &[Block],
    ) -> Result<(), JiraError> {
        let address = format!("/rest/api/3/issue/{issue}/comment/{comment}");
        let body = json!({ "body": adf::document(body) });
        let mut call = Call::put("issue/comment", address, &body)?.writing(issue);
        call.query = &[("notifyUsers", "false")];
        self.send(call).await?;
        Ok(())
    }

    /// The one of the newest comments of an issue that was written for `work`, by Jira's id.
    pub async fn comment_of(&self, issue: i64, work: Uuid) -> Result<Option<i64>, JiraError> {
        let address = format!("/rest/api/3/issue/{issue}/comment");
        let query = [("orderBy", "-created"), ("maxResults", "50")];
        let newest: Comments = self
            .ask(Call::get("issue/comment", address, &query))
            .await?;
        let ids: Vec<_> = newest.comments.iter().map(|comment| comment.id).collect();
        if ids.is_empty() {
            return Ok(None);
        }
        let body = json!({ "ids": ids });
        let mut call = Call::post("comment/list", "/rest/api/3/comment/list".into(), &body)?;
        call.query = &[("expand", "properties")];
        let read: Comments = self.ask(call).await?;
        let wanted = work.to_string();
        let is_of_work = |comment: &&CommentBody| {
            comment.properties.iter().any(|property| {
                let id = property.value.get("id").and_then(Value::as_str);
                property.key == WORK_PROPERTY && id == Some(wanted.as_str())
            })
        };
        Ok(read.comments.iter().find(is_of_work).map(|found| found.id))
    }
}
