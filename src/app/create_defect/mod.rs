//! A person makes a defect from a failing test.
//!
//! However often the button is pressed, one issue comes of it: a claim on test and failure is
//! committed before Jira is asked, together with outbox work that finishes what a lost answer or a
//! killed process leaves open. Jira is asked at once, outside of any transaction, with the claim's
//! marker in the same call (`jira-webhooks-rest.md` 10.9).
//!
//! Whether the person may see and edit the covered issue is the edge's question; whether they may
//! create issues in the project is asked here, because the app's own account usually may. A person
//! whom Forge gave a token creates the issue themselves and is its reporter; the token ends with the
//! request, so what is left open is finished by the app.

pub mod automatic;
mod facts;
mod prepare;
mod record;
mod screen;

use std::collections::BTreeMap;

use secrecy::SecretString;
use uuid::Uuid;

use crate::app::{App, run_rules};
use crate::domain::keys::TestKey;
use crate::domain::site::Site;
use crate::domain::work::{DefectDraft, Priority, Work};
use crate::ids;
use crate::jira::permissions::Asker;
use crate::jira::{CreatedIssue, JiraError, SiteClient};
use crate::store::audit::{self, NewEntry};
use crate::store::defect_claims::{Claim, ClaimState};
use crate::store::open_defects::OpenDefect;
use crate::store::outbox::NewWork;
use crate::store::{Conn, SiteId, StoreError, claim_tests, defect_claims, defects, issues, outbox};

pub use prepare::Preview;
pub use record::record_created;
pub(crate) use screen::completed;
pub use screen::{AskedField, Input};

use prepare::Prepared;

/// When the outbox looks after a creation: after the call itself must have ended, and after Jira's
/// search had time to learn of the issue. Milliseconds.
const LOOK_AFTER_MS: i64 = 90_000;

/// What a person asks for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The failing test.
    pub test: Uuid,
    /// The project the defect goes to.
    pub project_key: &'a str,
    /// The account that asks.
    pub account_id: &'a str,
    /// Acts as that account, when Forge gave it along.
    pub user_token: Option<&'a SecretString>,
    /// The summary as the person left it; the template's when none is given.
    pub summary: Option<&'a str>,
    /// What else the person decided; nothing when they only look.
    pub answers: Option<&'a Answers>,
}

/// What a person decided in the dialog.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// The description as they left it.
    pub description: Option<String>,
    /// Fields they were asked for, by id; an empty answer leaves the field out.
    pub fields: BTreeMap<String, Vec<String>>,
    /// The open defect of the test that they say is the same, by key.
    pub same_as: Option<String>,
}

impl<'a> Request<'a> {
    /// Jira, asked as the person where that can be.
    fn client(&self, app: &'a App, site: &'a Site) -> SiteClient<'a> {
        let client = app.jira.for_site(site);
        match self.user_token {
            Some(token) => client.as_user(token),
            None => client,
        }
    }

    fn asker(&self) -> Asker<'a> {
        Asker {
            account_id: self.account_id,
            user_token: self.user_token,
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A new issue.
    Created {
        /// Its key.
        key: String,
    },
    /// The open defect that this failure has already; it is linked.
    Existing {
        /// Its key.
        key: String,
    },
    /// Jira was asked and has not answered; the outbox finds out, and nothing is asked twice.
    BeingChecked,
}

/// Why no defect was made.
#[derive(Debug, thiserror::Error)]
pub enum DefectError {
    /// There is no such test.
    #[error("this test does not exist any more")]
    UnknownTest,
    /// The test has no failing run.
    #[error("{0} is not failing, so there is nothing to report")]
    NotFailing(TestKey),
    /// The project has none of the configured types.
    #[error(
        "the project {project} has no issue type named {wanted}; choose the defect types in the app's settings"
    )]
    NoDefectType {
        /// The project.
        project: String,
        /// The configured names.
        wanted: String,
    },
    /// Jira's create screen demands fields that nobody filled in.
    #[error(
        "Jira demands {} for a new {issue_type} in {project}; fill it in, or set a value for it in the app's settings", .fields.join(", ")
    )]
    MissingFields {
        /// The project.
        project: String,
        /// The issue type.
        issue_type: String,
        /// Names of the fields, in the site's language.
        fields: Vec<String>,
    },
    /// What was given for a field is not what it takes.
    #[error("{field} cannot be sent: {why}")]
    BadField {
        /// Its name, in the site's language.
        field: String,
        /// What to do.
        why: &'static str,
    },
    /// The issue a person takes for the same defect is not an open defect of the test.
    #[error("{0} is not an open defect of this test")]
    NotItsDefect(String),
    /// The person may not create issues there.
    #[error("you may not create issues in {0}")]
    NotAllowed(String),
    /// Jira did not do it, and nothing was made.
    #[error(transparent)]
    Jira(#[from] JiraError),
    /// It could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the defect would say, and whether it can be made; nothing is written.
pub async fn preview(
    app: &App,
    site: &Site,
    request: &Request<'_>,
) -> Result<Preview, DefectError> {
    prepare::prepare(app, site, request)
        .await
        .map(Preview::from)
}

/// Makes the defect, or finds the one that is there.
pub async fn create_defect(
    app: &App,
    site: &Site,
    request: &Request<'_>,
) -> Result<Outcome, DefectError> {
    let prepared = prepare::prepare(app, site, request).await?;
    if let Some(known) = chosen(request, &prepared)? {
        let now_ms = app.clock.now_ms();
        let txn = app.store.write().await?;
        use_again(&*txn, site.id, request, &prepared, known, now_ms).await?;
        txn.commit().await?;
        app.outbox_filled.notify_one();
        return Ok(Outcome::Existing {
            key: known.key.clone(),
        });
    }
    prepared.demand_fields()?;
    let draft = prepared.draft(request);
    let work = match reserve(app, site.id, request, &prepared, &draft).await? {
        Reserved::Ours { work } => work,
        Reserved::Theirs(outcome) => return Ok(outcome),
    };
    let client = request.client(app, site).traced(work);
    match client.create_defect(&draft).await {
        Ok(created) => {
            let found = client.issue(&created.id.to_string()).await;
            let snapshot = found.unwrap_or_else(|why| {
                tracing::info!(
                    site.id = site.id.0,
                    "a new defect could not be read back: {why}"
                );
                prepared.as_created(&created)
            });
            keep(app, site.id, request, &draft, &created, snapshot, work).await?;
            Ok(Outcome::Created { key: created.key })
        }
        Err(why) if why.may_be_done() => {
            tracing::warn!(
                site.id = site.id.0,
                "the creation of a defect is left open: {why}"
            );
            Ok(Outcome::BeingChecked)
        }
        Err(why) => {
            give_up(app, site.id, request.test, draft.marker, work, &why).await?;
            Err(why.into())
        }
    }
}

/// The open defect that is used instead of a new one: what the person says, or what is known.
fn chosen<'a>(
    request: &Request<'_>,
    prepared: &'a Prepared,
) -> Result<Option<&'a OpenDefect>, DefectError> {
    match request.answers.and_then(|one| one.same_as.as_deref()) {
        Some(key) => {
            let mut all = prepared.others.iter().chain(&prepared.existing);
            let found = all.find(|one| one.key == key);
            found
                .map(Some)
                .ok_or_else(|| DefectError::NotItsDefect(key.to_owned()))
        }
        None => Ok(prepared.existing.as_ref()),
    }
}

/// Lets an open defect stand for this failure too.
async fn use_again(
    on: &impl Conn,
    site: SiteId,
    request: &Request<'_>,
    prepared: &Prepared,
    known: &OpenDefect,
    now_ms: i64,
) -> Result<(), StoreError> {
    let link = prepared.link(request, known.issue_id);
    if known.test_id == request.test {
        defects::recognise(on, site, &link).await?;
        return Ok(());
    }
    defects::link(on, site, &link, now_ms).await?;
    let entry = NewEntry {
        rule: "person".into(),
        actor: Some(request.account_id.to_owned()),
        issue_id: Some(known.issue_id),
        test_id: Some(request.test),
        action: "link defect",
        is_done: true,
        reason: format!("{} reports the cause of this failure already.", known.key),
        cause: "person".to_owned(),
    };
    audit::insert_all(on, site, &[entry], now_ms).await?;
    record::link_covered(on, site, known.issue_id, &[request.test], "person", now_ms).await?;
    run_rules::on_defect_link(on, site, now_ms, known.issue_id, "person").await
}

enum Reserved {
    /// The claim is ours, and `work` in the outbox looks after it.
    Ours { work: Uuid },
    /// It is someone else's, or an earlier one of ours.
    Theirs(Outcome),
}

async fn reserve(
    app: &App,
    site: SiteId,
    request: &Request<'_>,
    prepared: &Prepared,
    draft: &DefectDraft,
) -> Result<Reserved, StoreError> {
    let now_ms = app.clock.now_ms();
    let by = Some(request.account_id);
    let failure = (request.test, prepared.signature);
    let txn = app.store.write().await?;
    let mut made =
        defect_claims::reserve(&*txn, site, failure, draft.marker, None, by, now_ms).await?;
    if let Err(held) = &made
        && gives_way(&*txn, site, held).await?
    {
        let replacing = Some(held.marker);
        made = defect_claims::reserve(&*txn, site, failure, draft.marker, replacing, by, now_ms)
            .await?;
    }
    if let Err(held) = made {
        let outcome = match held.state {
            ClaimState::Created { issue_key } => {
                relink(&*txn, site, request, prepared, &issue_key, now_ms).await?;
                Outcome::Existing { key: issue_key }
            }
            ClaimState::Reserved | ClaimState::Failed { .. } => Outcome::BeingChecked,
        };
        txn.commit().await?;
        return Ok(Reserved::Theirs(outcome));
    }
    let waiting = [prepared.waiting(request.test)];
    claim_tests::add(&*txn, site, draft.marker, prepared.run.0, &waiting).await?;
    let work = Work::CreateDefect {
        test_id: request.test,
        draft: Box::new(draft.clone()),
    };
    let mut new = NewWork::new(&work, format!("person {}", request.account_id), now_ms)
        .once(format!("defect:{}", draft.marker))
        .with_priority(Priority::Interactive);
    new.ready_ms = now_ms + LOOK_AFTER_MS;
    let id = outbox::put(&*txn, site, &new).await?;
    txn.commit().await?;
    Ok(match id {
        Some(work) => Reserved::Ours { work },
        None => Reserved::Theirs(Outcome::BeingChecked),
    })
}

/// Whether a claim makes room for another: nothing came of it, or what came of it is closed.
pub(super) async fn gives_way(
    on: &impl Conn,
    site: SiteId,
    held: &Claim,
) -> Result<bool, StoreError> {
    match &held.state {
        ClaimState::Reserved => Ok(false),
        ClaimState::Failed { .. } => Ok(true),
        ClaimState::Created { issue_key } => {
            let issue = issues::by_key(on, site, issue_key).await?;
            Ok(issue.is_none_or(|issue| issue.is_done() || issue.deleted_ms.is_some()))
        }
    }
}

/// Links the defect of an earlier claim again, should a person have unlinked it.
async fn relink(
    on: &impl Conn,
    site: SiteId,
    request: &Request<'_>,
    prepared: &Prepared,
    issue_key: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    let Some(issue) = issues::by_key(on, site, issue_key).await? else {
        return Ok(());
    };
    let link = prepared.link(request, issue.id);
    defects::link(on, site, &link, now_ms).await
}

async fn keep(
    app: &App,
    site: SiteId,
    request: &Request<'_>,
    draft: &DefectDraft,
    created: &CreatedIssue,
    snapshot: crate::domain::issue::IssueSnapshot,
    work: Uuid,
) -> Result<(), StoreError> {
    let now_ms = app.clock.now_ms();
    let txn = app.store.write().await?;
    record_created(&*txn, site, request.test, draft.marker, &snapshot, now_ms).await?;
    let note = format!("{} was created at once", created.key);
    outbox::withdraw(&*txn, site, work, now_ms, &note).await?;
    txn.commit().await?;
    // Links to the covered issues wait in the outbox, and somebody is looking.
    app.outbox_filled.notify_one();
    Ok(())
}

async fn give_up(
    app: &App,
    site: SiteId,
    test: Uuid,
    marker: Uuid,
    work: Uuid,
    why: &JiraError,
) -> Result<(), StoreError> {
    let now_ms = app.clock.now_ms();
    let why = why.to_string();
    let txn = app.store.write().await?;
    let failed = ClaimState::Failed { why: why.clone() };
    defect_claims::settle(&*txn, site, test, marker, &failed).await?;
    outbox::withdraw(&*txn, site, work, now_ms, &why).await?;
    txn.commit().await
}

/// A marker for a new claim.
fn marker() -> Uuid {
    ids::next()
}
