//! Bodies that change a run: what is not named stays.

use serde::Deserialize;
use serde_json::Value;

use super::super::graphql::change::draft::{Draft, Place, StepSaid};
use super::super::graphql::change::evidence::{File, Unwanted};
use super::super::graphql::change::runs::{name, set_field};
use super::super::graphql::desk::{Answer, refused};

/// A change of a run.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct GivenRun {
    status: Option<String>,
    comment: Option<String>,
    assignee: Option<String>,
    executed_by: Option<String>,
    started_on: Option<String>,
    finished_on: Option<String>,
    defects: Option<Change<String>>,
    #[serde(alias = "evidence")]
    evidences: Option<Change<GivenFile>>,
    steps: Vec<GivenStep>,
    examples: Vec<GivenExample>,
    iterations: Vec<GivenIteration>,
    custom_fields: Vec<GivenField>,
}

/// What is added and removed.
#[derive(Debug, Deserialize)]
struct Change<T> {
    #[serde(default = "Vec::new")]
    add: Vec<T>,
    #[serde(default = "Vec::new")]
    remove: Vec<Id>,
}

/// An id, which some clients send as a number.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Id {
    Text(String),
    Number(u64),
}

impl Id {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
        }
    }

    /// The place of a part, from 1.
    fn place(&self) -> Answer<usize> {
        let place = self.text().trim().parse().ok().filter(|place| *place > 0);
        place.ok_or_else(|| refused("The `id` of a part of a run is its place, from 1."))
    }
}

/// A file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GivenFile {
    #[serde(alias = "fileName")]
    filename: String,
    content_type: Option<String>,
    data: String,
}

impl GivenFile {
    pub fn read(&self) -> Answer<File> {
        File::read(Some(&self.filename), self.content_type.clone(), &self.data)
    }
}

/// A change of a step.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct GivenStep {
    id: Option<Id>,
    status: Option<String>,
    comment: Option<String>,
    actual_result: Option<String>,
    defects: Option<Change<String>>,
    #[serde(alias = "evidence")]
    evidences: Option<Change<GivenFile>>,
}

/// A change of an example.
#[derive(Debug, Deserialize)]
struct GivenExample {
    id: Id,
    status: String,
}

/// A change of an iteration.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct GivenIteration {
    id: Option<Id>,
    status: Option<String>,
    steps: Vec<GivenStep>,
}

/// A field of one's own.
#[derive(Debug, Deserialize)]
struct GivenField {
    id: Id,
    value: Option<Value>,
}

impl GivenRun {
    pub async fn apply(self, draft: &mut Draft<'_>) -> Answer<()> {
        for step in self.steps {
            let place = part(step.id.as_ref())?;
            step.apply(draft, Place::step(None, place)?).await?;
        }
        for example in &self.examples {
            draft.example(example.id.place()?, &example.status).await?;
        }
        for iteration in self.iterations {
            let rank = part(iteration.id.as_ref())?;
            iteration.apply(draft, rank).await?;
        }
        // What is said of the run itself goes before what its parts come to.
        if let Some(status) = &self.status {
            draft.status(status).await?;
        }
        if let Some(comment) = &self.comment {
            draft.comment(comment)?;
        }
        draft.span(self.started_on.as_deref(), self.finished_on.as_deref())?;
        let detail = &mut draft.changed.detail;
        if self.assignee.is_some() {
            detail.assignee = name("assignee", self.assignee)?;
        }
        if self.executed_by.is_some() {
            detail.executed_by = name("executedBy", self.executed_by)?;
        }
        for field in self.custom_fields {
            set_field(detail, Some(field.id.text()), field.value)?;
        }
        of_place(draft, Place::Run, self.defects, self.evidences).await
    }
}

fn part(id: Option<&Id>) -> Answer<usize> {
    id.ok_or_else(|| refused("A part of a run is named by its `id`."))?
        .place()
}

impl GivenStep {
    pub async fn apply(self, draft: &mut Draft<'_>, place: Place) -> Answer<()> {
        let said = StepSaid {
            status: self.status.as_deref(),
            comment: self.comment.as_deref(),
            actual_result: self.actual_result.as_deref(),
        };
        draft.step(place, &said).await?;
        of_place(draft, place, self.defects, self.evidences).await
    }
}

impl GivenIteration {
    pub async fn apply(self, draft: &mut Draft<'_>, rank: usize) -> Answer<()> {
        for step in self.steps {
            let place = part(step.id.as_ref())?;
            step.apply(draft, Place::step(Some(rank), place)?).await?;
        }
        if let Some(status) = &self.status {
            draft.iteration(rank, status).await?;
        }
        Ok(())
    }
}

/// Adds and removes defects and files of a part of a run.
async fn of_place(
    draft: &mut Draft<'_>,
    place: Place,
    defects: Option<Change<String>>,
    files: Option<Change<GivenFile>>,
) -> Answer<()> {
    if let Some(defects) = defects {
        let gone: Vec<String> = defects.remove.iter().map(Id::text).collect();
        draft.add_defects(place, &defects.add).await?;
        draft.remove_defects(place, &gone).await?;
    }
    if let Some(files) = files {
        let gone = files.remove.iter().map(Id::text).collect();
        let unwanted = Unwanted::of(place, Some(gone), None);
        draft.remove_files(&unwanted).await?;
        let new = files.add.iter().map(GivenFile::read);
        draft
            .attach(place, &new.collect::<Answer<Vec<_>>>()?)
            .await?;
    }
    Ok(())
}
