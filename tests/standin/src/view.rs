//! How the site draws its things as JSON, for REST answers and webhook bodies alike.
//!
//! Version 3 draws rich text as ADF, version 2 and webhooks as wiki markup. Shapes follow the
//! OpenAPI description of Jira Cloud and captured webhook bodies.

use serde_json::{Value, json};

use crate::clock::{agile_time, jira_time};
use crate::model::{Comment, History, Link, Project, RemoteLink, Sprint, State, Version};
use crate::scheme::{self, IssueType, Named, Status};
use crate::text::Text;

/// The version of the REST API: it decides how rich text is spelt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    V2,
    V3,
}

impl Api {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::V2 => 2,
            Self::V3 => 3,
        }
    }

    pub(crate) fn text(self, text: Option<&Text>) -> Value {
        match (self, text) {
            (_, None) => Value::Null,
            (Self::V2, Some(text)) => json!(text.wiki()),
            (Self::V3, Some(text)) => text.adf(),
        }
    }
}

/// Which fields of an issue are asked for.
#[derive(Clone, Debug)]
pub(crate) struct FieldSet {
    all: bool,
    names: Vec<String>,
    without: Vec<String>,
}

impl FieldSet {
    pub(crate) fn all() -> Self {
        Self {
            all: true,
            names: Vec::new(),
            without: Vec::new(),
        }
    }

    /// Everything but one field.
    pub(crate) fn all_but(name: &str) -> Self {
        Self {
            without: vec![name.to_owned()],
            ..Self::all()
        }
    }

    /// These fields and no other.
    pub(crate) fn only(names: &[&str]) -> Self {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            all: false,
            names,
            without: Vec::new(),
        }
    }

    /// Reads the words of a `fields` parameter; without any, `default_all` decides.
    pub(crate) fn parse(words: &[String], default_all: bool) -> Self {
        let mut set = Self {
            all: false,
            names: Vec::new(),
            without: Vec::new(),
        };
        for word in words
            .iter()
            .map(|word| word.trim())
            .filter(|word| !word.is_empty())
        {
            match word.strip_prefix('-') {
                Some(name) => set.without.push(name.to_owned()),
                None if word == "*all" || word == "*navigable" => set.all = true,
                None => set.names.push(word.to_owned()),
            }
        }
        set.all |= set.names.is_empty() && (default_all || !set.without.is_empty());
        set
    }

    /// Whether nothing but id and key is asked for.
    pub(crate) fn is_bare(&self) -> bool {
        !self.all && self.names.iter().all(|name| name == "id" || name == "key")
    }

    pub(crate) fn wants(&self, name: &str) -> bool {
        !self.without.iter().any(|it| it == name)
            && (self.all || self.names.iter().any(|it| it == name))
    }
}

impl State {
    pub(crate) fn rest(&self, api: Api, path: &str) -> String {
        format!("{}/rest/api/{}/{path}", self.site.base_url, api.number())
    }

    pub(crate) fn user_json(&self, id: &str, api: Api) -> Value {
        let Some(account) = self.account(id) else {
            return Value::Null;
        };
        let picture = format!("{}/_standin/avatar/{}", self.site.base_url, account.id);
        json!({
            "self": self.rest(api, &format!("user?accountId={}", crate::tokens::encode(id))),
            "accountId": account.id,
            "accountType": if account.is_app { "app" } else { "atlassian" },
            "avatarUrls": { "48x48": picture, "24x24": picture, "16x16": picture, "32x32": picture },
            "displayName": account.name,
            "active": true,
            "timeZone": "Etc/UTC",
        })
    }

    pub(crate) fn optional_user(&self, id: Option<&String>, api: Api) -> Value {
        id.map_or(Value::Null, |id| self.user_json(id, api))
    }

    pub(crate) fn status_json(&self, status: &Status, api: Api) -> Value {
        json!({
            "self": self.rest(api, &format!("status/{}", status.id)),
            "description": "",
            "iconUrl": format!("{}/images/icons/statuses/generic.png", self.site.base_url),
            "name": status.name,
            "id": status.id,
            "statusCategory": self.category_json(status.category, api),
        })
    }

    pub(crate) fn category_json(&self, category: scheme::Category, api: Api) -> Value {
        let (id, key, colour, name) = category.facts();
        json!({
            "self": self.rest(api, &format!("statuscategory/{id}")),
            "id": id, "key": key, "colorName": colour, "name": name,
        })
    }

    pub(crate) fn type_json(&self, kind: &IssueType, api: Api) -> Value {
        json!({
            "self": self.rest(api, &format!("issuetype/{}", kind.id)),
            "id": kind.id,
            "description": kind.description,
            "iconUrl": format!("{}/_standin/type/{}.svg", self.site.base_url, kind.id),
            "name": kind.name,
            "subtask": kind.subtask,
            "avatarId": 10315,
            "hierarchyLevel": kind.level,
        })
    }

    pub(crate) fn priority_json(&self, priority: &Named, api: Api) -> Value {
        json!({
            "self": self.rest(api, &format!("priority/{}", priority.id)),
            "iconUrl": format!(
                "{}/images/icons/priorities/{}.svg", self.site.base_url, priority.name.to_lowercase()
            ),
            "name": priority.name,
            "id": priority.id,
        })
    }

    pub(crate) fn resolution_json(&self, resolution: &Named, api: Api) -> Value {
        json!({
            "self": self.rest(api, &format!("resolution/{}", resolution.id)),
            "id": resolution.id,
            "description": resolution.description,
            "name": resolution.name,
        })
    }

    pub(crate) fn project_json(&self, project: &Project, api: Api) -> Value {
        let picture = format!(
            "{}/_standin/project/{}.svg",
            self.site.base_url, project.key
        );
        json!({
            "self": self.rest(api, &format!("project/{}", project.id)),
            "id": project.id.to_string(),
            "key": project.key,
            "name": project.name,
            "projectTypeKey": "software",
            "simplified": false,
            "avatarUrls": { "48x48": picture, "24x24": picture, "16x16": picture, "32x32": picture },
        })
    }

    pub(crate) fn version_json(&self, project: &Project, version: &Version, api: Api) -> Value {
        let mut out = json!({
            "self": self.rest(api, &format!("version/{}", version.id)),
            "id": version.id.to_string(),
            "description": version.description,
            "name": version.name,
            "archived": version.archived,
            "released": version.released,
            "projectId": project.id,
        });
        for (name, value) in [
            ("startDate", &version.start_date),
            ("releaseDate", &version.release_date),
        ] {
            if let (Some(value), Some(map)) = (value, out.as_object_mut()) {
                map.insert(name.to_owned(), json!(value));
            }
        }
        out
    }

    pub(crate) fn versions_json(&self, ids: &[u64], api: Api) -> Value {
        let found = ids.iter().filter_map(|id| self.version(*id));
        found
            .map(|(project, version)| self.version_json(project, version, api))
            .collect()
    }

    pub(crate) fn sprint_json(&self, sprint: &Sprint) -> Value {
        let mut out = json!({
            "id": sprint.id,
            "self": format!("{}/rest/agile/1.0/sprint/{}", self.site.base_url, sprint.id),
            "state": sprint.state,
            "name": sprint.name,
            "originBoardId": sprint.board,
            "goal": sprint.goal,
        });
        let dates = [
            ("startDate", sprint.start_ms),
            ("endDate", sprint.end_ms),
            ("completeDate", sprint.complete_ms),
        ];
        for (name, at) in dates {
            if let (Some(at), Some(map)) = (at, out.as_object_mut()) {
                map.insert(name.to_owned(), json!(agile_time(at)));
            }
        }
        out
    }

    pub(crate) fn sprints_json(&self, ids: &[u64]) -> Value {
        if ids.is_empty() {
            return Value::Null;
        }
        let found = ids.iter().filter_map(|id| self.sprint(*id));
        found
            .map(|sprint| {
                let mut out = self.sprint_json(sprint);
                if let Some(map) = out.as_object_mut() {
                    map.remove("self");
                    map.remove("originBoardId");
                    map.insert("boardId".to_owned(), json!(sprint.board));
                }
                out
            })
            .collect()
    }

    pub(crate) fn comment_json(&self, issue: u64, comment: &Comment, api: Api) -> Value {
        let mut out = json!({
            "self": self.rest(api, &format!("issue/{issue}/comment/{}", comment.id)),
            "id": comment.id.to_string(),
            "author": self.user_json(&comment.author, api),
            "body": api.text(Some(&comment.body)),
            "updateAuthor": self.user_json(&comment.update_author, api),
            "created": jira_time(comment.created_ms),
            "updated": jira_time(comment.updated_ms),
            "jsdPublic": true,
        });
        if let (Some(visibility), Some(map)) = (&comment.visibility, out.as_object_mut()) {
            map.insert("visibility".to_owned(), visibility.clone());
        }
        out
    }

    pub(crate) fn link_type_json(&self, kind: &scheme::LinkType, api: Api) -> Value {
        json!({
            "id": kind.id, "name": kind.name, "inward": kind.inward, "outward": kind.outward,
            "self": self.rest(api, &format!("issueLinkType/{}", kind.id)),
        })
    }

    /// Another issue in few words, as links, parents and sub-tasks show it.
    pub(crate) fn reference_json(&self, id: u64, api: Api) -> Option<Value> {
        let issue = self.issues.get(&id)?;
        Some(json!({
            "id": issue.id.to_string(),
            "key": issue.key,
            "self": self.rest(api, &format!("issue/{}", issue.id)),
            "fields": {
                "summary": issue.summary,
                "status": self.status_json(scheme::status(issue.status), api),
                "priority": self.priority_json(scheme::priority(issue.priority), api),
                "issuetype": self.type_json(scheme::issue_type(issue.kind), api),
            },
        }))
    }

    pub(crate) fn link_json(&self, link: &Link, seen_from: Option<u64>, api: Api) -> Value {
        let mut out = json!({
            "id": link.id.to_string(),
            "self": self.rest(api, &format!("issueLink/{}", link.id)),
            "type": self.link_type_json(link.kind, api),
        });
        let Some(map) = out.as_object_mut() else {
            return out;
        };
        if seen_from != Some(link.source) {
            map.insert(
                "inwardIssue".to_owned(),
                json!(self.reference_json(link.source, api)),
            );
        }
        if seen_from != Some(link.destination) {
            let other = self.reference_json(link.destination, api);
            map.insert("outwardIssue".to_owned(), json!(other));
        }
        out
    }

    pub(crate) fn links_json(&self, issue: u64, api: Api) -> Value {
        let of = self
            .links
            .iter()
            .filter(|it| it.source == issue || it.destination == issue);
        of.map(|link| self.link_json(link, Some(issue), api))
            .collect()
    }

    pub(crate) fn remote_link_json(&self, issue: u64, link: &RemoteLink, api: Api) -> Value {
        let mut out = json!({
            "id": link.id,
            "self": self.rest(api, &format!("issue/{issue}/remotelink/{}", link.id)),
            "application": link.application,
            "object": link.object,
        });
        if let Some(map) = out.as_object_mut() {
            if let Some(global_id) = &link.global_id {
                map.insert("globalId".to_owned(), json!(global_id));
            }
            if let Some(relationship) = &link.relationship {
                map.insert("relationship".to_owned(), json!(relationship));
            }
        }
        out
    }

    pub(crate) fn history_json(&self, entry: &History, api: Api) -> Value {
        json!({
            "id": entry.id.to_string(),
            "author": self.user_json(&entry.author, api),
            "created": jira_time(entry.created_ms),
            "items": changes_json(entry),
        })
    }
}

/// The items of a changelog entry.
pub(crate) fn changes_json(entry: &History) -> Value {
    let items = entry.changes.iter().map(|change| {
        let mut out = json!({
            "field": change.field,
            "fieldtype": if change.custom { "custom" } else { "jira" },
            "from": change.from,
            "fromString": change.from_string,
            "to": change.to,
            "toString": change.to_string,
        });
        if let (Some(id), Some(map)) = (change.field_id, out.as_object_mut()) {
            map.insert("fieldId".to_owned(), json!(id));
        }
        out
    });
    items.collect()
}
