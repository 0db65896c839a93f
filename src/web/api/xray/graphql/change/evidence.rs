//! Files of runs and of their steps.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

use super::super::desk::{Answer, Desk, refused};
use super::super::names::{iteration_step_of, run_step_of};
use super::super::page::{Texts, texts};
use super::super::run::TestRun;
use super::draft::{Draft, Place};
use crate::crypto::sha256;
use crate::ids;
use crate::problem::Problem;
use crate::store::evidence::{self, OfRun, Which};
use crate::store::{Conn, SiteId};

/// Most files of a run.
const FILES: usize = 100;
/// Most bytes of a file.
pub(in crate::web::api::xray) const LIMIT: usize = 10 * 1024 * 1024;
/// Longest name of a file, in characters.
const NAME: usize = 255;

/// A file.
#[derive(Debug, InputObject)]
#[graphql(name = "AttachmentDataInput")]
pub(super) struct GivenFile {
    /// The id of a file that was sent before: none is.
    pub attachment_id: Option<String>,
    pub filename: Option<String>,
    pub mime_type: Option<String>,
    /// Its bytes, in base64.
    pub data: Option<String>,
}

/// Which files were added.
#[derive(Debug, SimpleObject)]
struct AddEvidenceResult {
    added_evidence: Vec<String>,
    warnings: Vec<String>,
}

/// Which files were removed.
#[derive(Debug, SimpleObject)]
struct RemoveEvidenceResult {
    removed_evidence: Vec<String>,
    warnings: Vec<String>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct EvidenceMutation;

#[Object]
impl EvidenceMutation {
    /// Adds files to a run.
    async fn add_evidence_to_test_run(
        &self,
        context: &Context<'_>,
        id: String,
        evidence: Vec<Option<GivenFile>>,
    ) -> Answer<Option<AddEvidenceResult>> {
        let files = decoded(evidence)?;
        let draft = Draft::open(Desk::of(context)?, &id).await?;
        Ok(Some(AddEvidenceResult {
            added_evidence: draft.attach(Place::Run, &files).await?,
            warnings: draft.save().await?,
        }))
    }

    /// Adds files to a step of a run.
    async fn add_evidence_to_test_run_step(
        &self,
        context: &Context<'_>,
        test_run_id: String,
        step_id: String,
        evidence: Option<Vec<Option<GivenFile>>>,
        iteration_rank: Option<String>,
    ) -> Answer<Option<AddEvidenceResult>> {
        let files = decoded(evidence.unwrap_or_default())?;
        let draft = Draft::open(Desk::of(context)?, &test_run_id).await?;
        let place = place_of(&draft.held, &step_id, iteration_rank.as_deref())?;
        Ok(Some(AddEvidenceResult {
            added_evidence: draft.attach(place, &files).await?,
            warnings: draft.save().await?,
        }))
    }

    /// Removes files from a run, by id or by name.
    async fn remove_evidence_from_test_run(
        &self,
        context: &Context<'_>,
        id: String,
        evidence_ids: Texts,
        evidence_filenames: Texts,
    ) -> Answer<Option<RemoveEvidenceResult>> {
        let (ids, names) = (texts(evidence_ids)?, texts(evidence_filenames)?);
        let mut draft = Draft::open(Desk::of(context)?, &id).await?;
        let unwanted = Unwanted::of(Place::Run, ids, names);
        Ok(Some(RemoveEvidenceResult {
            removed_evidence: draft.remove_files(&unwanted).await?,
            warnings: draft.save().await?,
        }))
    }

    /// Removes files from a step of a run, by id or by name.
    async fn remove_evidence_from_test_run_step(
        &self,
        context: &Context<'_>,
        test_run_id: String,
        step_id: String,
        evidence_ids: Texts,
        evidence_filenames: Texts,
        iteration_rank: Option<String>,
    ) -> Answer<Option<RemoveEvidenceResult>> {
        let (ids, names) = (texts(evidence_ids)?, texts(evidence_filenames)?);
        let mut draft = Draft::open(Desk::of(context)?, &test_run_id).await?;
        let place = place_of(&draft.held, &step_id, iteration_rank.as_deref())?;
        let unwanted = Unwanted::of(place, ids, names);
        Ok(Some(RemoveEvidenceResult {
            removed_evidence: draft.remove_files(&unwanted).await?,
            warnings: draft.save().await?,
        }))
    }
}

/// A step of a run, by its id; with a rank, that step of an iteration.
pub(super) fn place_of(run: &TestRun, id: &str, rank: Option<&str>) -> Answer<Place> {
    let (execution, number) = (run.execution.id, run.run.number);
    let rank = rank.map(rank_of).transpose()?;
    let own = run_step_of(id, execution, number);
    let of_iteration = iteration_step_of(id, execution, number);
    match (own, of_iteration) {
        (Some(step), _) => Place::step(rank, step),
        (None, Some((own, step))) if rank.is_none_or(|rank| rank == own) => {
            Place::step(Some(own), step)
        }
        _ => {
            let short: String = id.chars().take(80).collect();
            Err(refused(format!(
                "The run has no step with the id `{short}`."
            )))
        }
    }
}

/// The rank of an iteration, from 1.
pub(in crate::web::api::xray) fn rank_of(text: &str) -> Answer<usize> {
    let rank = text.trim().parse().ok().filter(|rank| *rank > 0);
    rank.ok_or_else(|| refused("The rank of an iteration is a number from 1."))
}

/// A file, decoded.
#[derive(Debug)]
pub(in crate::web::api::xray) struct File {
    name: String,
    media_type: String,
    content: Vec<u8>,
}

impl File {
    /// A file that is sent as base64.
    pub fn read(name: Option<&str>, media_type: Option<String>, data: &str) -> Answer<Self> {
        let content = STANDARD.decode(data.trim()).map_err(|why| {
            Problem::bad_request("The `data` of a file is not base64.").because(why)
        })?;
        Self::of(name.unwrap_or_default(), media_type, content)
    }

    /// A file, if it may be kept.
    pub fn of(name: &str, media_type: Option<String>, content: Vec<u8>) -> Answer<Self> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > NAME || name.contains(char::is_control) {
            return Err(refused(format!("`filename` has 1 to {NAME} characters.")));
        }
        if content.is_empty() || content.len() > LIMIT {
            return Err(refused(format!(
                "`{name}` is empty, or over {LIMIT} bytes."
            )));
        }
        let media_type = media_type.filter(|text| text.contains('/') && text.len() <= 127);
        Ok(Self {
            name: name.to_owned(),
            media_type: media_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
            content,
        })
    }
}

/// The files as they are, or what is wrong with one of them.
pub(super) fn decoded(given: Vec<Option<GivenFile>>) -> Answer<Vec<File>> {
    let file = |file: GivenFile| {
        if file.attachment_id.is_some() {
            return Err(refused(
                "Files are not taken by `attachmentId` here: send `filename`, `mimeType` and `data`.",
            ));
        }
        let data = file.data.as_deref().unwrap_or_default();
        File::read(file.filename.as_deref(), file.mime_type, data)
    };
    given.into_iter().flatten().map(file).collect()
}

/// Stores files of a run or of a part of it; returns their ids. Run 0 is the execution itself.
pub(in crate::web::api::xray) async fn attach(
    on: &impl Conn,
    desk: &Desk,
    of: &OfRun,
    part: i32,
    files: &[File],
) -> Answer<Vec<String>> {
    let held = evidence::of_run(on, desk.site(), of.execution, of.number).await?;
    if held.len() + files.len() > FILES {
        return Err(refused(format!("A run has at most {FILES} files.")));
    }
    let mut added = Vec::new();
    for file in files {
        let new = evidence::Evidence {
            id: ids::next(),
            step: part,
            name: file.name.clone(),
            media_type: file.media_type.clone(),
            hash: sha256(&file.content).to_vec(),
            size: i64::try_from(file.content.len()).unwrap_or(i64::MAX),
            created_by: Some(desk.by().to_owned()),
            created_ms: desk.now_ms,
        };
        evidence::insert(on, desk.site(), of, &new, &file.content).await?;
        added.push(new.id.simple().to_string());
    }
    Ok(added)
}

/// Files that are to go.
#[derive(Debug)]
pub(in crate::web::api::xray) struct Unwanted {
    step: i32,
    ids: Vec<String>,
    names: Vec<String>,
}

impl Unwanted {
    pub fn of(place: Place, ids: Option<Vec<String>>, names: Option<Vec<String>>) -> Self {
        Self {
            step: place.number(),
            ids: ids.unwrap_or_default(),
            names: names.unwrap_or_default(),
        }
    }

    /// Removes them; returns the ids of those that are gone, and what is said of the others.
    pub async fn remove(
        &self,
        on: &impl Conn,
        site: SiteId,
        run: &TestRun,
    ) -> Answer<(Vec<String>, Vec<String>)> {
        let (execution, number) = (&run.execution, run.run.number);
        let held = evidence::of_run(on, site, execution.id, number).await?;
        let of_step: Vec<_> = held.iter().filter(|file| file.step == self.step).collect();
        let mut gone: Vec<Uuid> = Vec::new();
        let mut warnings = Vec::new();
        let ids = self.ids.iter().map(|id| (id, true));
        for (text, is_id) in ids.chain(self.names.iter().map(|name| (name, false))) {
            let is_meant = |file: &&&evidence::Evidence| {
                if is_id {
                    Uuid::try_parse(text.trim()).is_ok_and(|id| id == file.id)
                } else {
                    file.name == *text
                }
            };
            let before = gone.len();
            gone.extend(of_step.iter().filter(is_meant).map(|file| file.id));
            if gone.len() == before {
                let short: String = text.chars().take(80).collect();
                warnings.push(format!("There is no file `{short}`."));
            }
        }
        gone.sort_unstable();
        gone.dedup();
        let place = (execution.project_id, execution.id);
        for id in &gone {
            evidence::delete(on, site, place, Which::One(number, *id)).await?;
        }
        Ok((
            gone.iter().map(|id| id.simple().to_string()).collect(),
            warnings,
        ))
    }
}
