//! Searching by JQL. The old search is gone, as on Jira Cloud.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::jql;
use crate::jql_match;
use crate::refusal::Refusal;
use crate::rest::{Answer, Call, Reply, issues, meta};
use crate::tokens;
use crate::view::FieldSet;

pub(crate) fn route(call: &mut Call<'_>, path: &[&str]) -> Option<Answer> {
    let method = call.method;
    Some(match (method, path) {
        ("GET" | "POST", ["search"]) => Err(Refusal::new(
            410,
            "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. A full migration guideline is available at https://developer.atlassian.com/changelog/#CHANGE-2046",
        )),
        ("GET", ["search", "jql"]) => wanted_by_query(call).and_then(|it| search(call, &it)),
        ("POST", ["search", "jql"]) => wanted_by_body(call).and_then(|it| search(call, &it)),
        ("POST", ["search", "approximate-count"]) => count(call),
        ("POST", ["jql", "parse"]) => parse(call),
        _ => return None,
    })
}

struct Wanted {
    jql: String,
    fields: Vec<String>,
    most: Option<usize>,
    token: Option<String>,
    expand: Vec<String>,
    properties: Vec<String>,
    reconcile: Vec<u64>,
}

const KEYS: [&str; 9] = [
    "jql",
    "fields",
    "maxResults",
    "nextPageToken",
    "expand",
    "properties",
    "fieldsByKeys",
    "failFast",
    "reconcileIssues",
];

fn wanted_by_query(call: &mut Call<'_>) -> Result<Wanted, Refusal> {
    for gone in ["startAt", "validateQuery"] {
        if call.param(gone).is_some() {
            return Err(Refusal::bad(format!(
                "The parameter '{gone}' is not supported here."
            )));
        }
    }
    Ok(Wanted {
        jql: call.param("jql").unwrap_or_default().to_owned(),
        fields: call.list("fields"),
        most: call.param("maxResults").and_then(|it| it.parse().ok()),
        token: call
            .param("nextPageToken")
            .filter(|it| !it.is_empty())
            .map(str::to_owned),
        expand: call.list("expand"),
        properties: call.list("properties"),
        reconcile: call
            .list("reconcileIssues")
            .iter()
            .filter_map(|it| it.parse().ok())
            .collect(),
    })
}

fn wanted_by_body(call: &mut Call<'_>) -> Result<Wanted, Refusal> {
    let body = call.body()?;
    let map = body
        .as_object()
        .ok_or_else(|| Refusal::bad("Invalid request payload."))?;
    if let Some(strange) = map.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(Refusal::bad(format!(
            "Invalid request payload. Refer to the REST API documentation and try again. (unknown field {strange})"
        )));
    }
    let words = |name: &str| -> Result<Vec<String>, Refusal> {
        match map.get(name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(list)) => Ok(list
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()),
            Some(_) => Err(Refusal::bad("Invalid request payload.")),
        }
    };
    let text = |name: &str| map.get(name).and_then(Value::as_str).map(str::to_owned);
    let reconcile = map.get("reconcileIssues").and_then(Value::as_array);
    Ok(Wanted {
        jql: text("jql").unwrap_or_default(),
        fields: words("fields")?,
        most: map
            .get("maxResults")
            .and_then(Value::as_u64)
            .and_then(|it| usize::try_from(it).ok()),
        token: text("nextPageToken").filter(|it| !it.is_empty()),
        expand: text("expand")
            .unwrap_or_default()
            .split(',')
            .map(str::to_owned)
            .collect(),
        properties: words("properties")?,
        reconcile: reconcile
            .into_iter()
            .flatten()
            .filter_map(Value::as_u64)
            .collect(),
    })
}

fn search(call: &mut Call<'_>, wanted: &Wanted) -> Answer {
    if wanted.reconcile.len() > 50 {
        return Err(Refusal::bad("reconcileIssues takes at most 50 ids."));
    }
    if wanted.properties.len() > 5 {
        return Err(Refusal::bad("properties takes at most 5 keys."));
    }
    let set = FieldSet::parse(&wanted.fields, false);
    let most_possible = if set.is_bare() { 5_000 } else { 100 };
    let most = wanted.most.unwrap_or(50).clamp(1, most_possible);
    let start = wanted
        .token
        .as_deref()
        .map_or(Ok(0), |token| offset(token, &wanted.jql))?;
    let mut found = jql_match::search(call.state, call.account(), &wanted.jql, true)?;
    let young = call.state.now() - call.state.faults.index_lag_ms;
    if call.state.faults.index_lag_ms > 0 {
        found.retain(|id| {
            wanted.reconcile.contains(id)
                || call
                    .state
                    .issues
                    .get(id)
                    .is_some_and(|issue| issue.created_ms <= young)
        });
    }
    let page: Vec<u64> = found.iter().skip(start).take(most).copied().collect();
    let issues: Result<Vec<Value>, Refusal> = page
        .iter()
        .map(|id| issues::drawn(call, *id, &set, &wanted.properties, &wanted.expand))
        .collect();
    let end = start + page.len();
    let mut out = json!({ "issues": issues?, "isLast": end >= found.len() });
    if end < found.len() {
        tokens::set(
            &mut out,
            "nextPageToken",
            json!(page_token(end, &wanted.jql)),
        );
    }
    if wanted.expand.iter().any(|it| it == "names") {
        tokens::set(&mut out, "names", meta::field_names());
    }
    if wanted.expand.iter().any(|it| it == "schema") {
        tokens::set(&mut out, "schema", meta::field_schemas());
    }
    Reply::ok(out)
}

/// A token that only fits the query it came from.
fn page_token(offset: usize, jql: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{offset}:{}", tokens::qsh("GET", jql, "")))
}

fn offset(token: &str, jql: &str) -> Result<usize, Refusal> {
    let text = URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|it| String::from_utf8(it).ok());
    text.as_deref()
        .and_then(|text| text.split_once(':'))
        .filter(|(_, mark)| *mark == tokens::qsh("GET", jql, ""))
        .and_then(|(offset, _)| offset.parse().ok())
        .ok_or_else(|| Refusal::bad("The nextPageToken is invalid."))
}

fn count(call: &mut Call<'_>) -> Answer {
    let text = call
        .body()?
        .get("jql")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let found = jql_match::search(call.state, call.account(), &text, true)?;
    Reply::ok(json!({ "count": found.len() }))
}

fn parse(call: &mut Call<'_>) -> Answer {
    let queries = call
        .body()?
        .get("queries")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let judged = queries
        .iter()
        .filter_map(Value::as_str)
        .map(|query| match jql::parse(query) {
            Ok(_) => json!({ "query": query, "structure": {} }),
            Err(refusal) => json!({ "query": query, "errors": refusal.messages }),
        });
    Reply::ok(json!({ "queries": judged.collect::<Vec<_>>() }))
}
