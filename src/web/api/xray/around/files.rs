//! Files of executions and transitions, as clients know them from Jira's interface.

use actix_multipart::Multipart;
use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::auth::XrayCaller;
use super::super::graphql::change::evidence::{File, LIMIT, attach};
use super::super::graphql::desk::{Answer, Desk, refused};
use super::super::graphql::names::{run_id, time};
use super::issues::Thing;
use super::of_jira;
use crate::app::App;
use crate::problem::Problem;
use crate::store::evidence::{self, OfRun};
use crate::store::projects;

/// The number that stands for the execution itself where files of its runs are kept.
const EXECUTION_ITSELF: i64 = 0;
/// Most files at once.
const MOST_FILES: usize = 20;

/// `POST …/issue/{key}/attachments`: files of an execution, as parts named `file`.
pub async fn add(
    caller: XrayCaller,
    app: Data<App>,
    at: Path<(String, String)>,
    form: Multipart,
) -> Answer<HttpResponse> {
    let desk = Desk::new(app, caller.caller.0);
    let Thing::Execution(execution) = Thing::named(&desk, &at.1).await? else {
        return Err(refused(
            "Files are kept of executions here, and of their runs; others belong into Jira.",
        ));
    };
    let files = read(form).await?;
    let of = OfRun {
        project: execution.project_id,
        execution: execution.id,
        number: EXECUTION_ITSELF,
    };
    let txn = desk.write().await?;
    projects::hold(&*txn, desk.site(), &execution.key.project).await?;
    let added = attach(&*txn, &desk, &of, 0, &files).await?;
    let held = evidence::of_run(&*txn, desk.site(), of.execution, of.number).await?;
    desk.commit(txn).await?;
    let run = run_id(execution.id, EXECUTION_ITSELF);
    let new = held.iter().map(|file| (file.id.simple().to_string(), file));
    let new = new.filter(|(id, _)| added.contains(id));
    let shown = new.map(|(id, file)| {
        let content = format!("{}/xray/api/v2/attachments/{run}/{id}", desk.base_url());
        json!({
            "id": id,
            "filename": file.name,
            "size": file.size,
            "mimeType": file.media_type,
            "created": time(file.created_ms),
            "author": { "displayName": file.created_by },
            "content": content,
            "self": content,
        })
    });
    Ok(HttpResponse::Ok().json(shown.collect::<Value>()))
}

async fn read(mut form: Multipart) -> Answer<Vec<File>> {
    let broken = |why: actix_multipart::MultipartError| {
        Problem::bad_request("The body is not the multipart form that its header announces.")
            .detail(format!("{why}."))
    };
    let mut files = Vec::new();
    while let Some(part) = form.next().await {
        let mut part = part.map_err(broken)?;
        let disposition = part.content_disposition();
        let name = disposition
            .and_then(|it| it.get_filename())
            .map(str::to_owned);
        let is_file = part.name() == Some("file");
        let media_type = part.content_type().map(ToString::to_string);
        let mut content = Vec::new();
        while let Some(chunk) = part.next().await {
            let chunk = chunk.map_err(broken)?;
            if content.len() + chunk.len() > LIMIT {
                return Err(Problem::too_large(LIMIT).into());
            }
            content.extend_from_slice(&chunk);
        }
        if is_file {
            files.push(File::of(&name.unwrap_or_default(), media_type, content)?);
        }
        if files.len() > MOST_FILES {
            return Err(refused(format!(
                "At most {MOST_FILES} files are taken at once."
            )));
        }
    }
    if files.is_empty() {
        return Err(refused("The body has no part named `file`."));
    }
    Ok(files)
}

/// A transition that is asked for.
#[derive(Deserialize)]
pub struct Asked {
    transition: Transition,
}

#[derive(Deserialize)]
struct Transition {
    id: String,
}

/// `POST …/issue/{key}/transitions`: of an issue of Jira, through the outbox.
pub async fn transition(
    caller: XrayCaller,
    app: Data<App>,
    at: Path<(String, String)>,
    asked: Json<Asked>,
) -> Answer<HttpResponse> {
    let desk = Desk::new(app, caller.caller.0);
    let Thing::Issue(issue) = Thing::named(&desk, &at.1).await? else {
        return Err(refused(format!(
            "{} has no workflow: tests and executions have none here.",
            at.1
        )));
    };
    of_jira::transition(&desk, &issue, &asked.transition.id).await?;
    Ok(HttpResponse::NoContent().finish())
}
