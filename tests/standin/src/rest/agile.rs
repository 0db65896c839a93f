//! Boards and sprints.

use serde_json::{Value, json};

use crate::model::Board;
use crate::refusal::Refusal;
use crate::rest::{Answer, Call, Reply};
use crate::scheme;

pub(crate) fn route(call: &mut Call<'_>, path: &[&str]) -> Option<Answer> {
    let ["agile", "1.0", rest @ ..] = path else {
        return None;
    };
    Some(match (call.method, rest) {
        ("GET", ["board"]) => boards(call),
        ("GET", ["board", id]) => board(call, id)
            .map(|it| drawn(call, it))
            .and_then(Reply::ok),
        ("GET", ["board", id, "sprint"]) => sprints(call, id),
        ("GET", ["board", id, "configuration"]) => configuration(call, id),
        ("GET", ["sprint", id]) => sprint(call, id),
        _ => return None,
    })
}

fn drawn(call: &Call<'_>, board: &Board) -> Value {
    let project = call.state.project(board.project);
    json!({
        "id": board.id,
        "self": format!("{}/rest/agile/1.0/board/{}", call.state.site.base_url, board.id),
        "name": board.name,
        "type": "scrum",
        "location": {
            "projectId": board.project,
            "projectKey": project.map(|it| it.key.as_str()),
            "projectName": project.map(|it| it.name.as_str()),
            "displayName": project.map(|it| format!("{} ({})", it.name, it.key)),
            "projectTypeKey": "software",
        },
    })
}

fn page(call: &Call<'_>, all: Vec<Value>) -> Answer {
    let (start, most) = call.page(50, 50);
    let total = all.len();
    let values: Vec<Value> = all.into_iter().skip(start).take(most).collect();
    Reply::ok(json!({
        "startAt": start, "maxResults": most, "total": total,
        "isLast": start + values.len() >= total, "values": values,
    }))
}

fn boards(call: &mut Call<'_>) -> Answer {
    let project = call
        .param("projectKeyOrId")
        .map(|name| {
            call.state
                .visible_project(call.account(), name)
                .map(|it| it.id)
        })
        .transpose()?;
    let kind = call.param("type");
    let fits = |it: &&Board| {
        call.state
            .may(call.account(), it.project, "BROWSE_PROJECTS")
            && project.is_none_or(|id| id == it.project)
            && kind.is_none_or(|kind| kind.split(',').any(|it| it == "scrum"))
    };
    page(
        call,
        call.state
            .boards
            .iter()
            .filter(fits)
            .map(|it| drawn(call, it))
            .collect(),
    )
}

fn board<'a>(call: &'a Call<'_>, id: &str) -> Result<&'a Board, Refusal> {
    let seen = |it: &&Board| {
        it.id.to_string() == id
            && call
                .state
                .may(call.account(), it.project, "BROWSE_PROJECTS")
    };
    call.state.boards.iter().find(seen).ok_or_else(|| {
        Refusal::missing("Board does not exist or you do not have permission to see it.")
    })
}

fn sprints(call: &mut Call<'_>, id: &str) -> Answer {
    let board = board(call, id)?.id;
    let states = call.list("state");
    let of = call
        .state
        .sprints
        .iter()
        .filter(|it| it.board == board && (states.is_empty() || states.contains(&it.state)));
    page(call, of.map(|it| call.state.sprint_json(it)).collect())
}

fn sprint(call: &mut Call<'_>, id: &str) -> Answer {
    let missing =
        || Refusal::missing("Sprint does not exist or you do not have permission to view it.");
    let number: u64 = id.parse().map_err(|_text| missing())?;
    let found = call.state.sprint(number).ok_or_else(missing)?;
    board(call, &found.board.to_string()).map_err(|_refusal| missing())?;
    Reply::ok(call.state.sprint_json(found))
}

fn configuration(call: &mut Call<'_>, id: &str) -> Answer {
    let board = board(call, id)?;
    let columns = scheme::STATUSES
        .iter()
        .map(|it| json!({ "name": it.name, "statuses": [{ "id": it.id }] }));
    Reply::ok(json!({
        "id": board.id, "name": board.name, "type": "scrum",
        "self": format!("{}/rest/agile/1.0/board/{}/configuration", call.state.site.base_url, board.id),
        "columnConfig": { "columns": columns.collect::<Vec<_>>(), "constraintType": "none" },
        "ranking": { "rankCustomFieldId": 10019 },
    }))
}
