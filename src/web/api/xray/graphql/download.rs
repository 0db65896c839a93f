//! `GET /xray/api/v2/attachments/{run}/{id}`: the bytes of a file, where `downloadLink` leads.

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::{Data, Path};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;

use super::super::auth::XrayCaller;
use super::super::error::XrayError;
use super::names::run_of;
use crate::app::App;
use crate::problem::Problem;
use crate::store::evidence::{self, OfRun};
use crate::store::executions;

/// Sends a file of a run, whatever it is, as bytes to be saved and not to be shown.
pub async fn download(
    caller: XrayCaller,
    path: Path<(String, String, String)>,
    app: Data<App>,
) -> Result<HttpResponse, XrayError> {
    let (_version, run, id) = path.into_inner();
    let unknown = || Problem::not_found("There is no such file.");
    let (execution, number) = run_of(&run).ok_or_else(unknown)?;
    let id = Uuid::try_parse(&id).map_err(|why| unknown().because(why))?;
    let (on, site) = (app.store.read(), caller.caller.0.site);
    let found = executions::by_ids(on, site, &[execution]).await?;
    let execution = found.get(&execution).ok_or_else(unknown)?;
    caller.caller.check_project(&execution.key.project)?;
    let run = OfRun {
        project: execution.project_id,
        execution: execution.id,
        number,
    };
    let found = evidence::content(on, site, &run, id).await?;
    let (file, bytes) = found.ok_or_else(unknown)?;
    let name = utf8_percent_encode(&file.name, NON_ALPHANUMERIC);
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/octet-stream"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((
            CONTENT_DISPOSITION,
            format!("attachment; filename*=UTF-8''{name}"),
        ))
        .body(bytes))
}
