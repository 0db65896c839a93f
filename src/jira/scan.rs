//! Reading many issues: searches by page, and issues by id with their history.
//!
//! A search reads an index that lags behind, so it only says where to look; what is looked at is read
//! by id, from where Jira writes (`jira-webhooks-rest.md` 8.4). Times in a query are relative: an
//! absolute one would be read in the time zone of the app's account, by the minute.

use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Call, SiteClient};
use super::error::{Gone, JiraError};
use super::issues::{FIELDS, SearchPage};
use super::payload::{self, History, HistoryEntry};
use crate::domain::issue::{IssueLink, IssueSnapshot};

/// Issues of a page; Jira takes no more than this many ids at once either.
pub const PAGE: usize = 100;
/// Entries of a changelog asked for in one page, and pages read at most.
const CHANGES: usize = 100;
const CHANGES_PAGES: usize = 10;
/// Any issue, for a query must be bounded.
const ANY: &str = "updated >= \"-5200w\"";

/// An issue as a search saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenIssue {
    /// Jira's id.
    pub jira_id: i64,
    /// When it was last changed, milliseconds since the Unix epoch.
    pub updated_ms: i64,
    /// The id of its status.
    pub status_id: String,
}

/// A page of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPage<T> {
    /// What it holds.
    pub issues: Vec<T>,
    /// What the next one is asked for with; none after the last.
    pub next: Option<String>,
}

/// An issue that was read with its history.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadIssue {
    /// Its state.
    pub snapshot: IssueSnapshot,
    /// Its past.
    pub history: History,
    /// Its links to other issues.
    pub links: Vec<IssueLink>,
    /// Its body, for an event to show.
    pub body: Value,
}

#[derive(Deserialize)]
struct Read {
    issues: Vec<Value>,
}

#[derive(Deserialize)]
struct Counted {
    count: i64,
}

#[derive(Deserialize)]
struct Changelog {
    #[serde(default)]
    values: Vec<Value>,
}

impl SiteClient<'_> {
    /// A page of the issues that changed within the last `minutes`, the earliest first.
    pub async fn changed_page(
        &self,
        minutes: i64,
        token: Option<&str>,
    ) -> Result<FoundPage<SeenIssue>, JiraError> {
        let jql = format!("updated >= \"-{minutes}m\" ORDER BY updated ASC, key ASC");
        let page = self.page(&jql, &["updated", "status"], token).await?;
        let seen = |issue: IssueSnapshot| SeenIssue {
            jira_id: issue.jira_id,
            updated_ms: issue.updated_ms,
            status_id: issue.status.id,
        };
        Ok(FoundPage {
            issues: page.issues.into_iter().map(seen).collect(),
            next: page.next,
        })
    }

    /// A page of all issues the app may see, the latest change first.
    pub async fn any_page(
        &self,
        token: Option<&str>,
    ) -> Result<FoundPage<IssueSnapshot>, JiraError> {
        let jql = format!("{ANY} ORDER BY updated DESC, key ASC");
        let fields: Vec<&str> = FIELDS.split(',').collect();
        self.page(&jql, &fields, token).await
    }

    /// How many issues the app may see, about.
    pub async fn count_any(&self) -> Result<i64, JiraError> {
        let address = "/rest/api/3/search/approximate-count".to_owned();
        let body = json!({ "jql": ANY });
        let counted: Counted = self
            .ask(Call::post("search/approximate-count", address, &body)?)
            .await?;
        Ok(counted.count)
    }

    /// Issues by Jira's ids, at most [`PAGE`], with their history; what is not there, or out of the
    /// app's sight, is left out.
    pub async fn read_issues(&self, ids: &[i64]) -> Result<Vec<ReadIssue>, JiraError> {
        let fields = FIELDS.split(',').filter(|field| *field != "-issuelinks");
        let fields: Vec<&str> = fields.collect();
        let found = self.fetch(ids, &fields, &["changelog"]).await?;
        let read = |mut issue: Value| {
            let history = payload::take_history(&mut issue);
            let links = payload::take_links(&mut issue);
            let snapshot = snapshot(&issue)?;
            Ok(ReadIssue {
                snapshot,
                history,
                links,
                body: issue,
            })
        };
        found.into_iter().map(read).collect()
    }

    /// The same, only what says whether they are still what they were.
    pub async fn look_at_issues(&self, ids: &[i64]) -> Result<Vec<IssueSnapshot>, JiraError> {
        let fields = ["updated", "status", "project"];
        let found = self.fetch(ids, &fields, &[]).await?;
        found.iter().map(snapshot).collect()
    }

    async fn fetch(
        &self,
        ids: &[i64],
        fields: &[&str],
        expand: &[&str],
    ) -> Result<Vec<Value>, JiraError> {
        let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
        let body = json!({ "issueIdsOrKeys": ids, "fields": fields, "expand": expand });
        let address = "/rest/api/3/issue/bulkfetch".to_owned();
        let read: Read = self
            .ask(Call::post("issue/bulkfetch", address, &body)?)
            .await?;
        Ok(read.issues)
    }

    /// The newest entries of an issue's changelog, of which there are `total`: more than an issue is
    /// read with.
    pub async fn newest_changes(
        &self,
        jira_id: i64,
        total: usize,
    ) -> Result<Vec<HistoryEntry>, JiraError> {
        let mut start = total.saturating_sub(CHANGES * CHANGES_PAGES);
        let mut listed = Vec::new();
        for _ in 0..=CHANGES_PAGES {
            let address = format!("/rest/api/3/issue/{jira_id}/changelog");
            let (from, most) = (start.to_string(), CHANGES.to_string());
            let query = [("startAt", from.as_str()), ("maxResults", most.as_str())];
            let page: Changelog = self
                .ask(Call::get("issue/changelog", address, &query))
                .await?;
            if page.values.is_empty() {
                break;
            }
            start += page.values.len();
            listed.extend(page.values);
        }
        Ok(payload::changes_of(&listed))
    }

    /// Whether the app may look into a project.
    pub async fn sees_project(&self, key: &str) -> Result<bool, JiraError> {
        match self.project(key).await {
            Ok(_) => Ok(true),
            Err(JiraError::Gone(Gone::NotFound | Gone::Forbidden)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn page(
        &self,
        jql: &str,
        fields: &[&str],
        token: Option<&str>,
    ) -> Result<FoundPage<IssueSnapshot>, JiraError> {
        let mut body = json!({ "jql": jql, "fields": fields, "maxResults": PAGE });
        if let (Some(token), Some(body)) = (token, body.as_object_mut()) {
            body.insert("nextPageToken".to_owned(), token.into());
        }
        let call = Call::post("search/jql", "/rest/api/3/search/jql".into(), &body)?;
        let page: SearchPage<Value> = self.ask(call).await?;
        let issues = page.issues.iter().map(snapshot).collect::<Result<_, _>>()?;
        // A token that comes again would go round for ever.
        let next = page.next_page_token.filter(|next| {
            let is_same = Some(next.as_str()) == token;
            !page.is_last && !is_same
        });
        Ok(FoundPage { issues, next })
    }
}

fn snapshot(issue: &Value) -> Result<IssueSnapshot, JiraError> {
    payload::snapshot_of_rest(issue.to_string().as_bytes())
        .map_err(|why| JiraError::Unreadable(why.to_string()))
}
