//! What the site is made of: server facts, fields, statuses, priorities, resolutions, types.

use serde_json::{Map, Value, json};

use crate::clock;
use crate::model::State;
use crate::refusal::Refusal;
use crate::rest::{Answer, Call, Reply};
use crate::scheme::{self, Category};

/// A field an issue has.
pub(crate) struct Field {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    kind: &'static str,
    items: Option<&'static str>,
    custom: Option<(&'static str, u64)>,
    pub(crate) on_screen: bool,
}

const fn field(id: &'static str, name: &'static str, kind: &'static str, on_screen: bool) -> Field {
    Field {
        id,
        name,
        kind,
        items: None,
        custom: None,
        on_screen,
    }
}

const fn list(id: &'static str, name: &'static str, items: &'static str) -> Field {
    Field {
        id,
        name,
        kind: "array",
        items: Some(items),
        custom: None,
        on_screen: true,
    }
}

pub(crate) static FIELDS: [Field; 24] = [
    field("summary", "Summary", "string", true),
    field("issuetype", "Issue Type", "issuetype", true),
    field("project", "Project", "project", true),
    field("description", "Description", "string", true),
    field("environment", "Environment", "string", true),
    field("priority", "Priority", "priority", true),
    field("assignee", "Assignee", "user", true),
    field("reporter", "Reporter", "user", true),
    list("labels", "Labels", "string"),
    list("fixVersions", "Fix versions", "version"),
    list("versions", "Affects versions", "version"),
    list("components", "Components", "component"),
    field("parent", "Parent", "issuelink", true),
    field("duedate", "Due date", "date", true),
    field("status", "Status", "status", false),
    field("statusCategory", "Status Category", "statusCategory", false),
    field("resolution", "Resolution", "resolution", false),
    field("resolutiondate", "Resolved", "datetime", false),
    field("created", "Created", "datetime", false),
    field("updated", "Updated", "datetime", false),
    field("creator", "Creator", "user", false),
    field("issuelinks", "Linked Issues", "array", false),
    Field {
        id: scheme::SPRINT_FIELD,
        name: "Sprint",
        kind: "array",
        items: Some("json"),
        custom: Some(("com.pyxis.greenhopper.jira:gh-sprint", 10020)),
        on_screen: true,
    },
    Field {
        id: scheme::POINTS_FIELD,
        name: "Story point estimate",
        kind: "number",
        items: None,
        custom: Some(("com.pyxis.greenhopper.jira:jsw-story-points", 10016)),
        on_screen: true,
    },
];

impl Field {
    pub(crate) fn schema(&self) -> Value {
        let mut out = json!({ "type": self.kind });
        if let Some(map) = out.as_object_mut() {
            if let Some(items) = self.items {
                map.insert("items".to_owned(), json!(items));
            }
            match self.custom {
                Some((custom, id)) => {
                    map.insert("custom".to_owned(), json!(custom));
                    map.insert("customId".to_owned(), json!(id));
                }
                None => {
                    map.insert("system".to_owned(), json!(self.id));
                }
            }
        }
        out
    }

    pub(crate) fn operations(&self) -> Value {
        if self.kind == "array" && self.custom.is_none() {
            json!(["add", "set", "remove"])
        } else {
            json!(["set"])
        }
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id, "key": self.id, "name": self.name, "custom": self.custom.is_some(),
            "orderable": true, "navigable": true, "searchable": true,
            "clauseNames": [self.name.to_lowercase()], "schema": self.schema(),
        })
    }
}

pub(crate) fn field_names() -> Value {
    let pairs = FIELDS.iter().map(|it| (it.id.to_owned(), json!(it.name)));
    Value::Object(pairs.collect::<Map<String, Value>>())
}

pub(crate) fn field_schemas() -> Value {
    let pairs = FIELDS.iter().map(|it| (it.id.to_owned(), it.schema()));
    Value::Object(pairs.collect::<Map<String, Value>>())
}

pub(crate) fn server_info(state: &State) -> Value {
    json!({
        "baseUrl": state.site.base_url,
        "displayUrl": state.site.base_url,
        "version": "1001.0.0-SNAPSHOT",
        "versionNumbers": [1001, 0, 0],
        "deploymentType": "Cloud",
        "buildNumber": 100_300,
        "buildDate": "2026-11-20T10:00:00.000+0000",
        "serverTime": clock::jira_time(state.now()),
        "scmInfo": "stand-in",
        "serverTitle": state.site.name,
        "defaultLocale": { "locale": "en_US" },
    })
}

pub(crate) fn route(call: &mut Call<'_>, path: &[&str]) -> Option<Answer> {
    let (state, api) = (&*call.state, call.api);
    let method = call.method;
    Some(match (method, path) {
        ("GET", ["field"]) => Reply::ok(FIELDS.iter().map(Field::json).collect()),
        ("GET", ["field", "search"]) => field_search(call),
        ("GET", ["status"]) => Reply::ok(
            scheme::STATUSES
                .iter()
                .map(|it| state.status_json(it, api))
                .collect(),
        ),
        ("GET", ["status", name]) => {
            let named = |it: &&scheme::Status| it.id == *name || it.name.eq_ignore_ascii_case(name);
            match scheme::STATUSES.iter().find(named) {
                Some(status) => Reply::ok(state.status_json(status, api)),
                None => Err(Refusal::missing("The status was not found.")),
            }
        }
        ("GET", ["statuscategory"]) => {
            let all = [Category::New, Category::InProgress, Category::Done];
            Reply::ok(
                all.into_iter()
                    .map(|it| state.category_json(it, api))
                    .collect(),
            )
        }
        ("GET", ["statuses", "search"]) => status_search(call),
        ("GET", ["priority"]) => Reply::ok(
            scheme::PRIORITIES
                .iter()
                .map(|it| state.priority_json(it, api))
                .collect(),
        ),
        ("GET", ["priority", "search"]) => paged(
            call,
            scheme::PRIORITIES
                .iter()
                .map(|it| state.priority_json(it, api))
                .collect(),
        ),
        ("GET", ["resolution"]) => Reply::ok(
            scheme::RESOLUTIONS
                .iter()
                .map(|it| state.resolution_json(it, api))
                .collect(),
        ),
        ("GET", ["resolution", "search"]) => paged(
            call,
            scheme::RESOLUTIONS
                .iter()
                .map(|it| state.resolution_json(it, api))
                .collect(),
        ),
        ("GET", ["issuetype"]) => Reply::ok(
            scheme::ISSUE_TYPES
                .iter()
                .map(|it| state.type_json(it, api))
                .collect(),
        ),
        ("GET", ["issuetype", "project"]) => types_of_project(call),
        ("GET", ["issuetype", id]) => match scheme::ISSUE_TYPES.iter().find(|it| it.id == *id) {
            Some(kind) => Reply::ok(state.type_json(kind, api)),
            None => Err(Refusal::missing("The issue type was not found.")),
        },
        ("GET", ["configuration"]) => Reply::ok(json!({
            "votingEnabled": true, "watchingEnabled": true, "unassignedIssuesAllowed": true,
            "subTasksEnabled": true, "issueLinkingEnabled": true, "timeTrackingEnabled": false,
            "attachmentsEnabled": false,
        })),
        _ => return None,
    })
}

fn paged(call: &Call<'_>, all: Vec<Value>) -> Answer {
    let (start, most) = call.page(50, 50);
    let total = all.len();
    let values: Vec<Value> = all.into_iter().skip(start).take(most).collect();
    Reply::ok(json!({
        "startAt": start, "maxResults": most, "total": total,
        "isLast": start + values.len() >= total, "values": values,
    }))
}

fn field_search(call: &Call<'_>) -> Answer {
    let kinds = call.list("type");
    let ids = call.list("id");
    let query = call.param("query").unwrap_or_default().to_lowercase();
    let fits = |it: &&Field| {
        let kind = if it.custom.is_some() {
            "custom"
        } else {
            "system"
        };
        (kinds.is_empty() || kinds.iter().any(|wanted| wanted == kind))
            && (ids.is_empty() || ids.iter().any(|wanted| wanted == it.id))
            && it.name.to_lowercase().contains(&query)
    };
    paged(call, FIELDS.iter().filter(fits).map(Field::json).collect())
}

/// The administrator's search, which names categories in its own words.
fn status_search(call: &Call<'_>) -> Answer {
    if !call.state.administers(call.account()) {
        return Err(Refusal::forbidden(
            "Only administrators may search statuses.",
        ));
    }
    let word = |category: Category| match category {
        Category::New => "TODO",
        Category::InProgress => "IN_PROGRESS",
        Category::Done => "DONE",
    };
    let all = scheme::STATUSES.iter().map(|it| {
        json!({
            "id": it.id, "name": it.name, "description": "", "statusCategory": word(it.category),
            "scope": { "type": "GLOBAL" },
        })
    });
    paged(call, all.collect())
}

fn types_of_project(call: &Call<'_>) -> Answer {
    let project = call.param("projectId").unwrap_or_default();
    call.state.visible_project(call.account(), project)?;
    let level = call.param("level").and_then(|it| it.parse::<i64>().ok());
    let of = scheme::ISSUE_TYPES
        .iter()
        .filter(|it| level.is_none_or(|level| it.level == level));
    Reply::ok(of.map(|it| call.state.type_json(it, call.api)).collect())
}
