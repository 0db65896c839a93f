//! What a test may look up afterwards: requests of the app, delivery attempts, issues as they
//! stand.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::model::{Issue, State};
use crate::scheme;
use crate::text::Text;

/// One API request that reached the site.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// When it arrived, milliseconds since the epoch.
    pub at_ms: i64,
    /// The HTTP method.
    pub method: String,
    /// The path with its query, without tokens.
    pub target: String,
    /// The account that asked, if it was known.
    pub account: Option<String>,
    /// Whether the installed app asked, with its own token.
    pub by_app: bool,
    /// Whether a token of Forge was used, the app's own or a person's.
    pub by_forge: bool,
    /// The status of the answer (0: none was given).
    pub status: u16,
    /// The body as it was sent, if it was JSON.
    pub body: Option<Value>,
    /// Whether a limit of Jira was overstepped.
    pub over_limit: bool,
}

/// How one attempt to deliver a webhook ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// Answered 2xx.
    Delivered,
    /// Answered with something Jira does not repeat.
    Refused,
    /// Will be tried again.
    Retrying,
    /// Tried for the last time without success.
    Lost,
    /// Never sent: a fault or an uninstalled app.
    Dropped,
}

/// One attempt to deliver a webhook.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// When it was sent, milliseconds since the epoch.
    pub at_ms: i64,
    /// `X-Atlassian-Webhook-Identifier`.
    pub identifier: String,
    /// `webhookEvent`.
    pub event: String,
    /// The id of the issue it is about.
    pub issue_id: Option<u64>,
    /// 0 for the first try.
    pub attempt: u32,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// How it ended.
    pub outcome: Outcome,
    /// Milliseconds until the answer.
    pub took_ms: i64,
}

/// An issue link as seen from one end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LinkView {
    /// The name of the link type.
    pub kind: String,
    /// The words of this direction, `blocks` or `is blocked by`.
    pub words: String,
    /// The key of the other issue.
    pub key: String,
}

/// A comment as plain text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CommentView {
    /// The comment's id.
    pub id: u64,
    /// The author's account id.
    pub author: String,
    /// The text, as wiki markup.
    pub text: String,
}

/// A changed field in the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangeView {
    /// The account that made the change.
    pub author: String,
    /// The field's display name.
    pub field: String,
    /// The old value in words.
    pub from: Option<String>,
    /// The new value in words.
    pub to: Option<String>,
}

/// A remote link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoteLinkView {
    /// The global id, if one was given.
    pub global_id: Option<String>,
    /// Where it leads.
    pub url: String,
    /// Its title.
    pub title: String,
}

/// An issue as it stands, in words, for assertions.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IssueView {
    /// The issue's id.
    pub id: u64,
    /// The issue's key.
    pub key: String,
    /// Keys it had before it was moved.
    pub old_keys: Vec<String>,
    /// The name of its type.
    pub kind: String,
    /// Its summary.
    pub summary: String,
    /// Its description as wiki markup.
    pub description: String,
    /// The name of its status.
    pub status: String,
    /// `new`, `indeterminate` or `done`.
    pub status_category: String,
    /// The name of its resolution.
    pub resolution: Option<String>,
    /// The name of its priority.
    pub priority: String,
    /// The account id of its assignee.
    pub assignee: Option<String>,
    /// The account id of its reporter.
    pub reporter: String,
    /// Its labels.
    pub labels: Vec<String>,
    /// The names of its fix versions.
    pub fix_versions: Vec<String>,
    /// The names of the versions it affects.
    pub affects_versions: Vec<String>,
    /// The names of its components.
    pub components: Vec<String>,
    /// The ids of its sprints.
    pub sprints: Vec<u64>,
    /// The key of its parent.
    pub parent: Option<String>,
    /// Its comments, oldest first.
    pub comments: Vec<CommentView>,
    /// Its links to other issues.
    pub links: Vec<LinkView>,
    /// Its links to other places.
    pub remote_links: Vec<RemoteLinkView>,
    /// Its properties.
    pub properties: BTreeMap<String, Value>,
    /// Its history, oldest first, one entry per changed field.
    pub history: Vec<ChangeView>,
}

impl State {
    /// An issue by key or id as it stands now.
    #[must_use]
    pub fn issue(&self, name: &str) -> Option<IssueView> {
        let issue = self.issues.get(&self.issue_id(name)?)?;
        Some(self.issue_view(issue))
    }

    /// Every issue of a project, by its key, in the order of creation.
    #[must_use]
    pub fn issues_of(&self, project: &str) -> Vec<IssueView> {
        let of = |issue: &&Issue| {
            self.project(issue.project)
                .is_some_and(|it| it.key == project)
        };
        self.issues
            .values()
            .filter(of)
            .map(|issue| self.issue_view(issue))
            .collect()
    }

    /// Every request that reached the REST API, oldest first.
    #[must_use]
    pub fn requests(&self) -> &[Request] {
        &self.requests
    }

    /// Every attempt to deliver a webhook, oldest first.
    #[must_use]
    pub fn deliveries(&self) -> &[Attempt] {
        &self.attempts
    }

    /// Deliveries that are queued, on their way, held or waiting for a retry.
    #[must_use]
    pub fn open_deliveries(&self) -> usize {
        self.open_deliveries
    }

    /// How often the app overstepped a limit of Jira.
    #[must_use]
    pub fn limit_violations(&self) -> u64 {
        self.limits.violations()
    }

    /// Points the app has spent of this hour.
    #[must_use]
    pub fn points_spent(&self) -> u64 {
        self.limits.points()
    }

    /// Whether the app is installed and enabled.
    #[must_use]
    pub fn app_is_live(&self) -> bool {
        self.installed_app().is_some_and(|app| app.enabled)
    }

    /// A property the app stored for itself.
    #[must_use]
    pub fn app_property(&self, key: &str) -> Option<&Value> {
        self.app.as_ref()?.properties.get(key)
    }

    /// The account id of the app's own user.
    #[must_use]
    pub fn app_account(&self) -> Option<&str> {
        self.app.as_ref().map(|app| app.account.as_str())
    }

    fn issue_view(&self, issue: &Issue) -> IssueView {
        let status = scheme::status(issue.status);
        IssueView {
            id: issue.id,
            key: issue.key.clone(),
            old_keys: issue.old_keys.clone(),
            kind: scheme::issue_type(issue.kind).name.to_owned(),
            summary: issue.summary.clone(),
            description: issue
                .description
                .as_ref()
                .map(Text::wiki)
                .unwrap_or_default(),
            status: status.name.to_owned(),
            status_category: status.category.facts().1.to_owned(),
            resolution: issue
                .resolution
                .map(|id| scheme::resolution(id).name.to_owned()),
            priority: scheme::priority(issue.priority).name.to_owned(),
            assignee: issue.assignee.clone(),
            reporter: issue.reporter.clone(),
            labels: issue.labels.clone(),
            fix_versions: self.version_names(&issue.fix_versions),
            affects_versions: self.version_names(&issue.versions),
            components: self.component_names(issue),
            sprints: issue.sprints.clone(),
            parent: issue
                .parent
                .and_then(|id| self.issues.get(&id))
                .map(|it| it.key.clone()),
            comments: issue.comments.iter().map(comment_view).collect(),
            links: self.link_views(issue.id),
            remote_links: issue.remote_links.iter().map(remote_view).collect(),
            properties: issue.properties.clone(),
            history: history_view(issue),
        }
    }

    fn component_names(&self, issue: &Issue) -> Vec<String> {
        let of_project = self.project(issue.project).map(|it| it.components.iter());
        of_project
            .into_iter()
            .flatten()
            .filter(|part| issue.components.contains(&part.id))
            .map(|part| part.name.clone())
            .collect()
    }

    pub(crate) fn version_names(&self, ids: &[u64]) -> Vec<String> {
        ids.iter()
            .filter_map(|id| self.version(*id))
            .map(|(_, it)| it.name.clone())
            .collect()
    }

    fn link_views(&self, issue: u64) -> Vec<LinkView> {
        let seen_from = |link: &crate::model::Link| {
            let (other, words) = if link.source == issue {
                (link.destination, link.kind.outward)
            } else if link.destination == issue {
                (link.source, link.kind.inward)
            } else {
                return None;
            };
            let key = self.issues.get(&other)?.key.clone();
            Some(LinkView {
                kind: link.kind.name.to_owned(),
                words: words.to_owned(),
                key,
            })
        };
        self.links.iter().filter_map(seen_from).collect()
    }
}

fn comment_view(comment: &crate::model::Comment) -> CommentView {
    CommentView {
        id: comment.id,
        author: comment.author.clone(),
        text: comment.body.wiki(),
    }
}

fn remote_view(link: &crate::model::RemoteLink) -> RemoteLinkView {
    let text = |name: &str| {
        link.object
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    RemoteLinkView {
        global_id: link.global_id.clone(),
        url: text("url"),
        title: text("title"),
    }
}

fn history_view(issue: &Issue) -> Vec<ChangeView> {
    let entries = issue.history.iter().flat_map(|entry| {
        entry.changes.iter().map(|change| ChangeView {
            author: entry.author.clone(),
            field: change.field.to_owned(),
            from: change.from_string.clone(),
            to: change.to_string.clone(),
        })
    });
    entries.collect()
}
