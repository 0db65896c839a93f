//! Files of runs and of their steps.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

use super::super::desk::{Answer, Desk, refused};
use super::super::names::run_step_of;
use super::super::page::{Texts, texts};
use super::super::run::TestRun;
use super::hold;
use crate::crypto::sha256;
use crate::ids;
use crate::problem::Problem;
use crate::store::evidence::{self, OfRun, Which};
use crate::store::{Conn, SiteId};

/// Most files of a run.
const FILES: usize = 100;
/// Most bytes of a file.
const LIMIT: usize = 10 * 1024 * 1024;
/// Longest name of a file, in characters.
const NAME: usize = 255;

/// A file.
#[derive(Debug, InputObject)]
#[graphql(name = "AttachmentDataInput")]
pub(super) struct GivenFile {
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
    ) -> Answer<AddEvidenceResult> {
        let desk = Desk::of(context)?;
        let files = decoded(evidence)?;
        let (txn, run) = hold::run(desk, &id).await?;
        let added = attach(&*txn, desk, &run, 0, &files).await?;
        desk.commit(txn).await?;
        Ok(AddEvidenceResult {
            added_evidence: added,
            warnings: Vec::new(),
        })
    }

    /// Adds files to a step of a run.
    async fn add_evidence_to_test_run_step(
        &self,
        context: &Context<'_>,
        test_run_id: String,
        step_id: String,
        evidence: Option<Vec<Option<GivenFile>>>,
    ) -> Answer<AddEvidenceResult> {
        let desk = Desk::of(context)?;
        let files = decoded(evidence.unwrap_or_default())?;
        let (txn, run) = hold::run(desk, &test_run_id).await?;
        let step = step_of(&run, &step_id)?;
        let added = attach(&*txn, desk, &run, step, &files).await?;
        desk.commit(txn).await?;
        Ok(AddEvidenceResult {
            added_evidence: added,
            warnings: Vec::new(),
        })
    }

    /// Removes files from a run, by id or by name.
    async fn remove_evidence_from_test_run(
        &self,
        context: &Context<'_>,
        id: String,
        evidence_ids: Texts,
        evidence_filenames: Texts,
    ) -> Answer<RemoveEvidenceResult> {
        let desk = Desk::of(context)?;
        let (ids, names) = (texts(evidence_ids)?, texts(evidence_filenames)?);
        let (txn, run) = hold::run(desk, &id).await?;
        let wanted = Unwanted::of(0, ids, names);
        let (removed, warnings) = wanted.remove(&*txn, desk.site(), &run).await?;
        desk.commit(txn).await?;
        Ok(RemoveEvidenceResult {
            removed_evidence: removed,
            warnings,
        })
    }

    /// Removes files from a step of a run, by id or by name.
    async fn remove_evidence_from_test_run_step(
        &self,
        context: &Context<'_>,
        test_run_id: String,
        step_id: String,
        evidence_ids: Texts,
        evidence_filenames: Texts,
    ) -> Answer<RemoveEvidenceResult> {
        let desk = Desk::of(context)?;
        let (ids, names) = (texts(evidence_ids)?, texts(evidence_filenames)?);
        let (txn, run) = hold::run(desk, &test_run_id).await?;
        let wanted = Unwanted::of(step_of(&run, &step_id)?, ids, names);
        let (removed, warnings) = wanted.remove(&*txn, desk.site(), &run).await?;
        desk.commit(txn).await?;
        Ok(RemoveEvidenceResult {
            removed_evidence: removed,
            warnings,
        })
    }
}

/// The place of a step of a run.
pub(super) fn step_of(run: &TestRun, id: &str) -> Answer<i32> {
    let place = run_step_of(id, run.execution.id, run.run.number);
    let place = place.and_then(|place| i32::try_from(place).ok());
    place.filter(|place| *place <= 500).ok_or_else(|| {
        let short: String = id.chars().take(80).collect();
        refused(format!("The run has no step with the id `{short}`."))
    })
}

/// A file, decoded.
#[derive(Debug)]
pub(super) struct File {
    name: String,
    media_type: String,
    content: Vec<u8>,
}

/// The files as they are, or what is wrong with one of them.
pub(super) fn decoded(given: Vec<Option<GivenFile>>) -> Answer<Vec<File>> {
    let file = |file: GivenFile| {
        let name = file.filename.as_deref().map(str::trim).unwrap_or_default();
        if name.is_empty() || name.chars().count() > NAME || name.contains(char::is_control) {
            return Err(refused(format!("`filename` has 1 to {NAME} characters.")));
        }
        let data = file.data.as_deref().unwrap_or_default();
        let content = STANDARD.decode(data.trim()).map_err(|why| {
            let wrong = format!("The `data` of `{name}` is not base64.");
            Problem::bad_request(wrong).because(why)
        })?;
        if content.is_empty() || content.len() > LIMIT {
            return Err(refused(format!(
                "`{name}` is empty, or over {LIMIT} bytes."
            )));
        }
        let media_type = file
            .mime_type
            .filter(|text| text.contains('/') && text.len() <= 127);
        Ok(File {
            name: name.to_owned(),
            media_type: media_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
            content,
        })
    };
    given.into_iter().flatten().map(file).collect()
}

/// Stores files of a run or of a step of it (0 is the run itself); returns their ids.
pub(super) async fn attach(
    on: &impl Conn,
    desk: &Desk,
    run: &TestRun,
    step: i32,
    files: &[File],
) -> Answer<Vec<String>> {
    let (execution, number) = (&run.execution, run.run.number);
    let held = evidence::of_run(on, desk.site(), execution.id, number).await?;
    if held.len() + files.len() > FILES {
        return Err(refused(format!("A run has at most {FILES} files.")));
    }
    let of_run = OfRun {
        project: execution.project_id,
        execution: execution.id,
        number,
    };
    let mut added = Vec::new();
    for file in files {
        let new = evidence::Evidence {
            id: ids::next(),
            step,
            name: file.name.clone(),
            media_type: file.media_type.clone(),
            hash: sha256(&file.content).to_vec(),
            size: i64::try_from(file.content.len()).unwrap_or(i64::MAX),
            created_by: Some(desk.by().to_owned()),
            created_ms: desk.now_ms,
        };
        evidence::insert(on, desk.site(), &of_run, &new, &file.content).await?;
        added.push(new.id.simple().to_string());
    }
    Ok(added)
}

/// Files that are to go.
#[derive(Debug)]
pub(super) struct Unwanted {
    step: i32,
    ids: Vec<String>,
    names: Vec<String>,
}

impl Unwanted {
    pub fn of(step: i32, ids: Option<Vec<String>>, names: Option<Vec<String>>) -> Self {
        Self {
            step,
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
