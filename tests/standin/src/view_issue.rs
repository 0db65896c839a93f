//! How the site draws a whole issue: for REST answers, and in the two sizes webhooks carry.

use serde_json::{Map, Value, json};

use crate::clock::jira_time;
use crate::model::{Issue, State};
use crate::scheme;
use crate::view::{Api, FieldSet};

impl State {
    /// The fields of an issue that were asked for.
    pub(crate) fn fields_json(&self, issue: &Issue, api: Api, set: &FieldSet) -> Value {
        let mut out = Map::new();
        let mut put = |name: &str, value: &dyn Fn() -> Value| {
            if set.wants(name) {
                out.insert(name.to_owned(), value());
            }
        };
        let status = scheme::status(issue.status);
        put("summary", &|| json!(issue.summary));
        put("issuetype", &|| {
            self.type_json(scheme::issue_type(issue.kind), api)
        });
        put("project", &|| {
            self.project(issue.project)
                .map_or(Value::Null, |it| self.project_json(it, api))
        });
        put("status", &|| self.status_json(status, api));
        put("statusCategory", &|| {
            self.category_json(status.category, api)
        });
        put("statuscategorychangedate", &|| {
            json!(jira_time(issue.category_changed_ms))
        });
        put("priority", &|| {
            self.priority_json(scheme::priority(issue.priority), api)
        });
        put("resolution", &|| {
            issue.resolution.map_or(Value::Null, |id| {
                self.resolution_json(scheme::resolution(id), api)
            })
        });
        put("resolutiondate", &|| {
            issue
                .resolved_ms
                .map_or(Value::Null, |at| json!(jira_time(at)))
        });
        put("created", &|| json!(jira_time(issue.created_ms)));
        put("updated", &|| json!(jira_time(issue.updated_ms)));
        put("duedate", &|| json!(issue.due));
        put("description", &|| api.text(issue.description.as_ref()));
        put("environment", &|| api.text(issue.environment.as_ref()));
        put("assignee", &|| {
            self.optional_user(issue.assignee.as_ref(), api)
        });
        put("reporter", &|| self.user_json(&issue.reporter, api));
        put("creator", &|| self.user_json(&issue.creator, api));
        put("labels", &|| json!(issue.labels));
        put("fixVersions", &|| {
            self.versions_json(&issue.fix_versions, api)
        });
        put("versions", &|| self.versions_json(&issue.versions, api));
        put("components", &|| self.components_json(issue, api));
        put("issuelinks", &|| self.links_json(issue.id, api));
        put("subtasks", &|| self.subtasks_json(issue, api));
        put("attachment", &|| json!([]));
        put("security", &|| Value::Null);
        put("timetracking", &|| json!({}));
        put("workratio", &|| json!(-1));
        put(scheme::SPRINT_FIELD, &|| self.sprints_json(&issue.sprints));
        put(scheme::POINTS_FIELD, &|| json!(issue.points));
        if let Some(parent) = issue.parent.and_then(|id| self.reference_json(id, api)) {
            put("parent", &|| parent.clone());
        }
        put("comment", &|| {
            let comments: Vec<Value> = issue
                .comments
                .iter()
                .map(|it| self.comment_json(issue.id, it, api))
                .collect();
            json!({
                "self": self.rest(api, &format!("issue/{}/comment", issue.id)),
                "maxResults": comments.len(), "total": comments.len(), "startAt": 0,
                "comments": comments,
            })
        });
        Value::Object(out)
    }

    fn components_json(&self, issue: &Issue, api: Api) -> Value {
        let known = self
            .project(issue.project)
            .map(|it| it.components.as_slice());
        let of = known
            .unwrap_or_default()
            .iter()
            .filter(|it| issue.components.contains(&it.id));
        of.map(|it| {
            json!({
                "self": self.rest(api, &format!("component/{}", it.id)),
                "id": it.id.to_string(), "name": it.name,
            })
        })
        .collect()
    }

    fn subtasks_json(&self, issue: &Issue, api: Api) -> Value {
        let of = self
            .issues
            .values()
            .filter(|it| it.parent == Some(issue.id) && scheme::issue_type(it.kind).subtask);
        of.filter_map(|it| self.reference_json(it.id, api))
            .collect()
    }

    /// An issue with its asked fields, without what `expand` adds.
    pub(crate) fn issue_json(&self, issue: &Issue, api: Api, set: &FieldSet) -> Value {
        let mut out = json!({
            "expand": "renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations",
            "id": issue.id.to_string(),
            "self": self.rest(api, &format!("issue/{}", issue.id)),
            "key": issue.key,
        });
        let fields = self.fields_json(issue, api, set);
        if let (Some(map), false) = (out.as_object_mut(), set.is_bare()) {
            map.insert("fields".to_owned(), fields);
        }
        out
    }

    /// The issue as a webhook carries it: version 2, without comments.
    pub(crate) fn event_issue_json(&self, issue: &Issue) -> Value {
        let set = FieldSet::all_but("comment");
        let mut out = self.issue_json(issue, Api::V2, &set);
        if let Some(map) = out.as_object_mut() {
            map.remove("expand");
        }
        out
    }

    /// The issue in the few fields that comment events carry.
    pub(crate) fn event_reference_json(&self, issue: &Issue) -> Value {
        let set = FieldSet::only(&[
            "summary",
            "issuetype",
            "project",
            "assignee",
            "priority",
            "status",
        ]);
        let mut out = self.issue_json(issue, Api::V2, &set);
        if let Some(map) = out.as_object_mut() {
            map.remove("expand");
        }
        out
    }
}
