//! Making a defect from a failing test, linking one that is there, and taking the link back.

use std::collections::BTreeMap;

use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

use super::scope::Choice;
use super::{Done, TestOfIssue, after, find_facts, test_of};
use crate::app::App;
use crate::app::create_defect::{
    self, Answers, DefectError, Input, Outcome, Preview, Request, create_defect,
};
use crate::app::link_defect::{DefectLinkError, link_defect, unlink_defect};
use crate::jira::permissions::Asker;
use crate::problem::Problem;
use crate::web::fields::{Fields, SentForm};
use crate::web::fragment::Fragment;
use crate::web::frame::root;
use crate::web::viewer::Viewer;

/// What the names of fields of Jira's screen begin with in the form.
const FIELD: &str = "field:";

#[derive(Debug, Template)]
#[template(path = "panel/defect.html")]
struct CreateForm {
    base: String,
    test: Uuid,
    preview: Preview,
    missing: String,
}

#[derive(Debug, Template)]
#[template(path = "panel/link_defect.html")]
struct LinkForm {
    base: String,
    test: Uuid,
    name: String,
    project: String,
}

/// `GET /ui/issue/{issue}/tests/{test}/defect`: what would be sent to Jira.
pub(super) async fn preview(
    viewer: Viewer,
    path: Path<TestOfIssue>,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    let account = viewer.demand_edit(&app, path.issue).await?;
    let found = find_facts(&app, &viewer, path.issue, &Choice::default()).await?;
    let request = Request {
        test: test_of(&found, path.test)?.id,
        project_key: &found.coverage.issue.snapshot.project_key,
        account_id: account,
        user_token: viewer.user_token.as_ref(),
        summary: None,
        answers: None,
    };
    let preview = create_defect::preview(&app, &viewer.site, &request).await?;
    let form = CreateForm {
        base: base(&app, path.issue),
        test: path.test,
        missing: preview.missing_fields.join(", "),
        preview,
    };
    Fragment::of(&form)
}

/// `POST /ui/issue/{issue}/tests/{test}/defect` with `summary`.
pub(super) async fn create(
    viewer: Viewer,
    path: Path<TestOfIssue>,
    sent: SentForm,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    let account = viewer.demand_edit(&app, path.issue).await?;
    let fields = sent.fields()?;
    let found = find_facts(&app, &viewer, path.issue, &Choice::default()).await?;
    let answers = answers(&fields);
    let request = Request {
        test: test_of(&found, path.test)?.id,
        project_key: &found.coverage.issue.snapshot.project_key,
        account_id: account,
        user_token: viewer.user_token.as_ref(),
        summary: fields.chosen("summary"),
        answers: Some(&answers),
    };
    let done = match create_defect(&app, &viewer.site, &request).await? {
        Outcome::Created { key } => format!("{key} created"),
        Outcome::Existing { key } => format!("Linked to {key}, which reports this failure already"),
        Outcome::BeingChecked => {
            "Jira has not answered yet; the defect appears here once it has".to_owned()
        }
    };
    let done = Done {
        words: done,
        is_issue_changed: true,
    };
    after(&app, &viewer, path.issue, &fields, Some(done)).await
}

/// What a form says beside the summary. Fields of Jira's screen are named `field:` and their id; the
/// form sends an empty one for each, so that a choice can be taken back.
fn answers(fields: &Fields) -> Answers {
    let mut answers = Answers {
        description: fields.first("description").map(str::to_owned),
        same_as: fields.chosen("same").map(str::to_owned),
        fields: BTreeMap::new(),
    };
    for (name, value) in fields.iter() {
        if let Some(id) = name.strip_prefix(FIELD) {
            let given = answers.fields.entry(id.to_owned()).or_default();
            given.extend(Some(value.to_owned()).filter(|value| !value.is_empty()));
        }
    }
    answers
}

/// `GET /ui/issue/{issue}/tests/{test}/link-defect`
pub(super) async fn form(
    viewer: Viewer,
    path: Path<TestOfIssue>,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    viewer.demand_sight(&app, path.issue).await?;
    let found = find_facts(&app, &viewer, path.issue, &Choice::default()).await?;
    let form = LinkForm {
        base: base(&app, path.issue),
        test: path.test,
        name: test_of(&found, path.test)?.name.clone(),
        project: found.coverage.issue.snapshot.project_key.clone(),
    };
    Fragment::of(&form)
}

/// `POST /ui/issue/{issue}/tests/{test}/link-defect` with `issue=KEY`.
pub(super) async fn link(
    viewer: Viewer,
    path: Path<TestOfIssue>,
    sent: SentForm,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    let account = viewer.demand_edit(&app, path.issue).await?;
    let fields = sent.fields()?;
    let found = find_facts(&app, &viewer, path.issue, &Choice::default()).await?;
    let test = test_of(&found, path.test)?.id;
    let typed = fields.chosen("issue").unwrap_or_default();
    let asker = Asker {
        account_id: account,
        user_token: viewer.user_token.as_ref(),
    };
    let key = link_defect(&app, &viewer.site, test, typed, &asker).await?;
    let done = format!("{key} linked");
    let done = Done {
        words: done,
        is_issue_changed: false,
    };
    after(&app, &viewer, path.issue, &fields, Some(done)).await
}

/// A defect of a test, as addresses name them.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct DefectOfTest {
    issue: i64,
    test: Uuid,
    defect: Uuid,
}

/// `POST /ui/issue/{issue}/tests/{test}/defects/{defect}/unlink`
pub(super) async fn unlink(
    viewer: Viewer,
    path: Path<DefectOfTest>,
    sent: SentForm,
    app: Data<App>,
) -> Result<Fragment, Problem> {
    let account = viewer.demand_edit(&app, path.issue).await?;
    let fields = sent.fields()?;
    let found = find_facts(&app, &viewer, path.issue, &Choice::default()).await?;
    let test = test_of(&found, path.test)?;
    let mut defects = test.defects.iter();
    let defect = defects.find(|defect| defect.issue_id == path.defect);
    let key = defect.ok_or(DefectLinkError::NotLinked)?.key.clone();
    unlink_defect(&app, &viewer.site, test.id, path.defect, account).await?;
    let done = format!("{key} unlinked");
    let done = Done {
        words: done,
        is_issue_changed: false,
    };
    after(&app, &viewer, path.issue, &fields, Some(done)).await
}

fn base(app: &App, issue: i64) -> String {
    format!("{}/ui/issue/{issue}", root(&app.config))
}

impl From<DefectError> for Problem {
    fn from(why: DefectError) -> Self {
        let said = sentence(&why.to_string());
        match why {
            DefectError::UnknownTest => Self::not_found(said),
            DefectError::NotFailing(_) | DefectError::NotItsDefect(_) => Self::conflict(said),
            DefectError::NoDefectType { .. }
            | DefectError::MissingFields { .. }
            | DefectError::BadField { .. } => Self::unprocessable(said),
            DefectError::NotAllowed(_) => Self::forbidden(said),
            DefectError::Jira(why) => why.into(),
            DefectError::Store(why) => why.into(),
        }
    }
}

impl From<DefectLinkError> for Problem {
    fn from(why: DefectLinkError) -> Self {
        let said = sentence(&why.to_string());
        match why {
            DefectLinkError::NotAKey(_) | DefectLinkError::NotADefect { .. } => {
                Self::unprocessable(said)
            }
            DefectLinkError::UnknownIssue(_)
            | DefectLinkError::UnknownTest
            | DefectLinkError::NotLinked => Self::not_found(said),
            DefectLinkError::Jira(why) => why.into(),
            DefectLinkError::Store(why) => why.into(),
        }
    }
}

/// An error's words as a sentence.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}
