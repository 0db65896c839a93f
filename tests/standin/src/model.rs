//! What the site holds: accounts, projects, issues and the installed app.
//!
//! Data only, with the look-ups and permission questions everything else needs. Changes are made
//! in `acts`, answers are drawn in `view`. Nothing here waits or talks.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use crate::clock::{Clock, Dice};
use crate::faults::Faults;
use crate::forge;
use crate::limits::Limits;
use crate::log::{Attempt, Request};
use crate::refusal::Refusal;
use crate::scheme;
use crate::text::Text;
use crate::webhooks::Delivery;

/// A person or an app's user.
#[derive(Clone, Debug)]
pub struct Account {
    pub id: String,
    pub name: String,
    pub email: String,
    /// The API token that goes with the e-mail address in basic authentication.
    pub token: String,
    pub is_app: bool,
    /// May administer the site.
    pub administers: bool,
}

#[derive(Clone, Debug)]
pub struct Version {
    pub id: u64,
    pub name: String,
    pub description: String,
    pub released: bool,
    pub archived: bool,
    pub start_date: Option<String>,
    pub release_date: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Component {
    pub id: u64,
    pub name: String,
}

#[derive(Clone, Debug)]
pub struct Project {
    pub id: u64,
    pub key: String,
    pub name: String,
    pub lead: String,
    pub versions: Vec<Version>,
    pub components: Vec<Component>,
    pub properties: BTreeMap<String, Value>,
    pub next_number: u64,
    /// Granted permissions by account.
    pub grants: HashMap<String, BTreeSet<String>>,
}

#[derive(Clone, Debug)]
pub struct Board {
    pub id: u64,
    pub name: String,
    pub project: u64,
}

#[derive(Clone, Debug)]
pub struct Sprint {
    pub id: u64,
    pub name: String,
    pub board: u64,
    /// `future`, `active` or `closed`.
    pub state: String,
    pub goal: String,
    pub start_ms: Option<i64>,
    pub end_ms: Option<i64>,
    pub complete_ms: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct Comment {
    pub id: u64,
    pub author: String,
    pub update_author: String,
    pub body: Text,
    pub created_ms: i64,
    pub updated_ms: i64,
    pub visibility: Option<Value>,
    pub properties: BTreeMap<String, Value>,
}

#[derive(Clone, Debug)]
pub struct RemoteLink {
    pub id: u64,
    pub global_id: Option<String>,
    pub application: Value,
    pub relationship: Option<String>,
    pub object: Value,
}

/// A link between two issues; the source shows the outward words.
#[derive(Clone, Debug)]
pub struct Link {
    pub id: u64,
    pub kind: &'static scheme::LinkType,
    pub source: u64,
    pub destination: u64,
}

/// One changed field in an entry of the history.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub field: &'static str,
    pub field_id: Option<&'static str>,
    pub custom: bool,
    pub from: Option<String>,
    pub from_string: Option<String>,
    pub to: Option<String>,
    pub to_string: Option<String>,
}

#[derive(Clone, Debug)]
pub struct History {
    pub id: u64,
    pub author: String,
    pub created_ms: i64,
    pub changes: Vec<Change>,
}

#[derive(Clone, Debug)]
pub struct Issue {
    pub id: u64,
    pub project: u64,
    pub key: String,
    pub old_keys: Vec<String>,
    pub kind: &'static str,
    pub status: &'static str,
    pub summary: String,
    pub description: Option<Text>,
    pub environment: Option<Text>,
    pub priority: &'static str,
    pub resolution: Option<&'static str>,
    pub resolved_ms: Option<i64>,
    pub assignee: Option<String>,
    pub reporter: String,
    pub creator: String,
    pub labels: Vec<String>,
    pub fix_versions: Vec<u64>,
    pub versions: Vec<u64>,
    pub components: Vec<u64>,
    pub sprints: Vec<u64>,
    pub points: Option<f64>,
    pub parent: Option<u64>,
    pub due: Option<String>,
    pub created_ms: i64,
    pub updated_ms: i64,
    pub category_changed_ms: i64,
    pub comments: Vec<Comment>,
    pub properties: BTreeMap<String, Value>,
    pub remote_links: Vec<RemoteLink>,
    pub history: Vec<History>,
}

/// The installed app.
#[derive(Clone, Debug)]
pub struct App {
    pub key: String,
    pub name: String,
    pub base_url: String,
    pub descriptor: Value,
    /// Scopes in upper case, with the ones they contain.
    pub scopes: BTreeSet<String>,
    pub account: String,
    pub properties: BTreeMap<String, Value>,
    /// False after an uninstall: tokens are refused, no webhook is sent.
    pub installed: bool,
    pub enabled: bool,
    /// Lives on in a Forge app: no pages and no webhooks any more, but its tokens work.
    pub taken_over: bool,
}

/// A webhook that ran out of retries.
#[derive(Clone, Debug)]
pub struct Lost {
    pub identifier: String,
    pub body: String,
    pub url: String,
    pub at_ms: i64,
}

/// The site itself.
#[derive(Clone, Debug)]
pub struct Site {
    pub client_key: String,
    pub shared_secret: String,
    pub cloud_id: String,
    pub base_url: String,
    pub name: String,
    pub oauth_client_id: String,
}

/// Everything the site knows at one moment. Tests look at it through its methods.
pub struct State {
    pub(crate) clock: Clock,
    pub(crate) site: Site,
    pub(crate) accounts: Vec<Account>,
    pub(crate) projects: Vec<Project>,
    pub(crate) boards: Vec<Board>,
    pub(crate) sprints: Vec<Sprint>,
    pub(crate) issues: BTreeMap<u64, Issue>,
    /// Issue ids by key, old keys of moved issues included.
    pub(crate) keys: HashMap<String, u64>,
    pub(crate) links: Vec<Link>,
    pub(crate) app: Option<App>,
    /// Properties of gadgets, by gadget and key.
    pub(crate) gadgets: BTreeMap<(String, String), Value>,
    pub(crate) forge: forge::Side,
    /// Fields without which no issue is created, beside those every Jira demands.
    pub(crate) demanded: Vec<String>,
    pub(crate) faults: Faults,
    pub(crate) dice: Dice,
    pub(crate) limits: Limits,
    pub(crate) requests: Vec<Request>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) lost: Vec<Lost>,
    /// Deliveries that are not settled: queued, on their way, held or waiting for a retry.
    pub(crate) open_deliveries: usize,
    pub(crate) events_sent: u64,
    pub(crate) next_id: u64,
    pub(crate) outgoing: Option<UnboundedSender<Delivery>>,
}

impl State {
    /// A number that was not given out before.
    pub(crate) fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.now_ms()
    }

    pub(crate) fn account(&self, id: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.id == id)
    }

    pub(crate) fn project(&self, id: u64) -> Option<&Project> {
        self.projects.iter().find(|project| project.id == id)
    }

    pub(crate) fn project_mut(&mut self, id: u64) -> Option<&mut Project> {
        self.projects.iter_mut().find(|project| project.id == id)
    }

    /// A project by key (any case) or id, as far as the account may see it.
    pub(crate) fn visible_project(&self, account: &str, name: &str) -> Result<&Project, Refusal> {
        self.projects
            .iter()
            .find(|project| {
                project.key.eq_ignore_ascii_case(name) || project.id.to_string() == name
            })
            .filter(|project| self.may(account, project.id, "BROWSE_PROJECTS"))
            .ok_or_else(|| {
                Refusal::missing(format!("No project could be found with key '{name}'."))
            })
    }

    /// The id of an issue by key (any case, old keys too) or id, whoever asks.
    pub(crate) fn issue_id(&self, name: &str) -> Option<u64> {
        let by_number = || name.parse().ok().filter(|id| self.issues.contains_key(id));
        self.keys
            .get(&name.to_uppercase())
            .copied()
            .or_else(by_number)
    }

    /// The id of an issue the account may see.
    pub(crate) fn visible_issue(&self, account: &str, name: &str) -> Result<u64, Refusal> {
        let id = self.issue_id(name).ok_or_else(Refusal::no_issue)?;
        if self.may_on(account, id, "BROWSE_PROJECTS") {
            Ok(id)
        } else {
            Err(Refusal::no_issue())
        }
    }

    pub(crate) fn get(&self, id: u64) -> Result<&Issue, Refusal> {
        self.issues.get(&id).ok_or_else(Refusal::no_issue)
    }

    pub(crate) fn get_mut(&mut self, id: u64) -> Result<&mut Issue, Refusal> {
        self.issues.get_mut(&id).ok_or_else(Refusal::no_issue)
    }

    /// Whether the account holds a permission in a project.
    pub(crate) fn may(&self, account: &str, project: u64, permission: &str) -> bool {
        self.project(project)
            .and_then(|project| project.grants.get(account))
            .is_some_and(|granted| granted.contains(permission))
    }

    /// Whether the account holds a permission in the project of an issue.
    pub(crate) fn may_on(&self, account: &str, issue: u64, permission: &str) -> bool {
        self.issues
            .get(&issue)
            .is_some_and(|issue| self.may(account, issue.project, permission))
    }

    /// Whether the account may administer the site.
    pub(crate) fn administers(&self, account: &str) -> bool {
        self.account(account)
            .is_some_and(|account| account.administers)
    }

    pub(crate) fn version(&self, id: u64) -> Option<(&Project, &Version)> {
        self.projects.iter().find_map(|project| {
            project
                .versions
                .iter()
                .find(|version| version.id == id)
                .map(|found| (project, found))
        })
    }

    pub(crate) fn sprint(&self, id: u64) -> Option<&Sprint> {
        self.sprints.iter().find(|sprint| sprint.id == id)
    }

    /// The app, while it is installed.
    pub(crate) fn installed_app(&self) -> Option<&App> {
        self.app.as_ref().filter(|app| app.installed)
    }
}

/// The permissions a project knows.
pub const PERMISSIONS: [&str; 10] = [
    "BROWSE_PROJECTS",
    "CREATE_ISSUES",
    "EDIT_ISSUES",
    "TRANSITION_ISSUES",
    "LINK_ISSUES",
    "ADD_COMMENTS",
    "RESOLVE_ISSUES",
    "DELETE_ISSUES",
    "ADMINISTER_PROJECTS",
    "ASSIGN_ISSUES",
];

/// What people who work in a project may do.
pub const MEMBER: [&str; 8] = [
    "BROWSE_PROJECTS",
    "CREATE_ISSUES",
    "EDIT_ISSUES",
    "TRANSITION_ISSUES",
    "LINK_ISSUES",
    "ADD_COMMENTS",
    "RESOLVE_ISSUES",
    "ASSIGN_ISSUES",
];

/// What people who only look on may do.
pub const VIEWER: [&str; 2] = ["BROWSE_PROJECTS", "ADD_COMMENTS"];
