//! Sends what the outbox holds: one piece of work, to its end or to its next try.
//!
//! Nothing is sent inside a transaction. The end of a try is written in one of its own, together with
//! what Jira answered, and only while the lease is still ours. A try may have reached Jira although
//! nothing says so, so every kind of work looks before it repeats: a comment for its property, a
//! transition for the status, a creation for its marker; a link may simply be repeated.

mod defect;
mod look;
mod site;
mod status;
mod transition;
mod under_token;

use std::time::Duration;

use uuid::Uuid;

use crate::app::App;
use crate::app::accept_event::AcceptError;
use crate::app::create_defect::record_created;
use crate::app::join_halves::{self, JoinError};
use crate::app::reconcile::{ScanError, reconcile};
use crate::app::run_rules;
use crate::app::sites::SitesError;
use crate::domain::issue::{IssueSnapshot, MirroredIssue};
use crate::domain::mirror::Order;
use crate::domain::site::Site;
use crate::domain::work::{Block, Priority, Work};
use crate::jira::limits::Scope;
use crate::jira::{Gone, JiraError, SiteClient};
use crate::store::defect_claims::ClaimState;
use crate::store::outbox::{ClaimedWork, Room};
use crate::store::{
    Conn, SiteId, StoreError, defect_claims, installations, issues, outbox, rules, shown_status,
    sites, status_comments,
};

/// Tries before work is parked: with the waits between them some ten minutes.
const TRIES: u32 = 8;
/// The first wait after a failure, and the longest.
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_mins(5);
/// How long work lies still whose token ran out just then.
const NO_TOKEN: Duration = Duration::from_secs(1);
/// How long a claim holds; longer than all exchanges of one try take.
const LEASE_MS: i64 = 180_000;
/// How often the end of a try is written before it is left to the lease.
const KEEP_TRIES: u32 = 5;
/// The wait between two of them.
const KEEP_AGAIN: Duration = Duration::from_millis(200);
/// How long a try may take in all.
const TRY: Duration = Duration::from_secs(150);

/// What a try came to.
#[derive(Debug)]
struct Done {
    /// What to say about it, when there is something to say.
    note: Option<String>,
    /// What Jira told us and the mirror shall know.
    fetched: Vec<Fetched>,
    /// Where the status comment of the issue stands now.
    comment: Option<i64>,
}

/// An issue that was read.
#[derive(Debug)]
struct Fetched {
    snapshot: IssueSnapshot,
    /// The newest change the mirror had applied before Jira was asked, where the answer cannot have
    /// missed it.
    as_of: Order,
}

impl Done {
    fn plainly() -> Self {
        Self {
            note: None,
            fetched: Vec::new(),
            comment: None,
        }
    }

    fn noting(note: impl Into<String>) -> Self {
        Self {
            note: Some(note.into()),
            ..Self::plainly()
        }
    }
}

/// Why a try came to nothing.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Jira(#[from] JiraError),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Too early to know; nothing was asked of Jira.
    #[error("it is too early to look for what an earlier try may have made")]
    NotYet(Duration),
    /// Only a person can change this.
    #[error("{0}")]
    Stuck(String),
}

impl From<JoinError> for Failure {
    fn from(why: JoinError) -> Self {
        match why {
            JoinError::Store(why) => Self::Store(why),
            JoinError::Seal(_) | JoinError::Results => Self::Stuck(why.to_string()),
        }
    }
}

impl From<ScanError> for Failure {
    fn from(why: ScanError) -> Self {
        match why {
            ScanError::Jira(why) => Self::Jira(why),
            ScanError::Store(why) | ScanError::Keep(AcceptError::Store(why)) => Self::Store(why),
            ScanError::Keep(AcceptError::Payload(_)) => Self::Stuck(why.to_string()),
        }
    }
}

impl From<SitesError> for Failure {
    fn from(why: SitesError) -> Self {
        match why {
            SitesError::Store(why) => Self::Store(why),
            SitesError::Sealed { .. } | SitesError::NotText(_) => Self::Stuck(why.to_string()),
        }
    }
}

/// What becomes of work after a try without result.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Later { after: Duration, counts: bool },
    Drop,
    Park,
}

/// Takes work that may be sent now, as much as there is room for.
pub async fn take(app: &App, owner: Uuid, room: &Room<'_>) -> Result<Vec<ClaimedWork>, StoreError> {
    let now_ms = app.clock.now_ms();
    let waiting = outbox::waiting(app.store.read(), now_ms).await?;
    if waiting.is_empty() || room.most <= 0 {
        return Ok(Vec::new());
    }
    outbox::claim(&app.store, owner, (now_ms, LEASE_MS), &waiting, room).await
}

/// Sends one piece of work and writes down what came of it.
pub async fn send(app: &App, owner: Uuid, work: &ClaimedWork) -> Result<(), StoreError> {
    let came = match tokio::time::timeout(TRY, attempt(app, work)).await {
        Ok(came) => came,
        Err(_) => Err(JiraError::Unanswered("the try took too long".to_owned()).into()),
    };
    // What was done in Jira must not be done again because two transactions met here once.
    let mut tries = 0;
    loop {
        let kept = match &came {
            Ok(done) => finish(app, owner, work, done).await,
            Err(failure) => put_back(app, owner, work, failure).await,
        };
        tries += 1;
        match kept {
            Err(error) if tries < KEEP_TRIES => {
                tracing::warn!(outbox.id = %work.id, "the end of a try is kept once more: {error:?}");
                tokio::time::sleep(KEEP_AGAIN).await;
            }
            kept => return kept,
        }
    }
}

async fn attempt(app: &App, work: &ClaimedWork) -> Result<Done, Failure> {
    let site = app.sites.by_id(work.site).await?;
    let site = site.ok_or(JiraError::Gone(Gone::NotInstalled))?;
    let client = app.jira.for_site(&site).traced(work.id);
    let client = match work.priority {
        Priority::Interactive => client,
        Priority::Normal | Priority::Background => client.in_background(),
    };
    if !work.work.is_housekeeping() {
        learn_account(app, &site, &client).await?;
    }
    match &work.work {
        Work::Comment {
            issue_jira_id,
            body,
        } => comment(&client, work, *issue_jira_id, body).await,
        Work::StatusComment {
            issue_jira_id,
            body,
        } => status::comment(app, &client, work, *issue_jira_id, body).await,
        Work::SetProperty { issue_jira_id } => {
            status::set_property(app, &site, &client, *issue_jira_id).await
        }
        Work::Transition {
            issue_jira_id,
            target,
            otherwise,
        } => transition::make(app, &client, work, *issue_jira_id, target, otherwise).await,
        Work::EditIssue {
            issue_jira_id,
            change,
        } => {
            client.edit_issue(*issue_jira_id, change).await?;
            Ok(Done::plainly())
        }
        Work::CompareWithTests { issue_jira_id } => {
            look::compare(app, work, *issue_jira_id).await?;
            Ok(Done::plainly())
        }
        Work::KeepReadiness { id, target } => {
            let kept = look::keep_readiness(app, work, id, target).await?;
            Ok(Done::noting(format!("{kept} kept")))
        }
        Work::LinkIssues {
            type_name,
            inward_jira_id,
            outward_jira_id,
        } => {
            let (inward, outward) = (*inward_jira_id, *outward_jira_id);
            client.link_issues(type_name, inward, outward).await?;
            Ok(Done::plainly())
        }
        Work::CreateDefect { test_id, draft } => {
            let (on, marker) = (app.store.read(), draft.marker);
            if !defect_claims::is_open(on, work.site, *test_id, marker).await? {
                return Ok(Done::noting("the creation has come to its end already"));
            }
            let made = defect::complete(app, &client, work, draft).await?;
            let done = read(&client, &made.id.to_string(), None).await?;
            Ok(Done {
                note: Some(made.key),
                ..done
            })
        }
        Work::FetchIssue { key } => {
            let known = issues::by_key(app.store.read(), work.site, key).await?;
            read(&client, key, known).await
        }
        Work::ReadIssue { issue_jira_id, .. } => {
            free_key(app, work).await?;
            let known = issues::by_jira_id(app.store.read(), work.site, *issue_jira_id).await?;
            read(&client, &issue_jira_id.to_string(), known).await
        }
        Work::LearnCloudId => site::learn_cloud_id(app, &site, &client).await,
        Work::LearnAddress => site::learn_address(app, &site, &client).await,
        Work::JoinConnect => site::join_connect(app, &site, &client).await,
        Work::Absorb { half } => {
            join_halves::absorb(app, SiteId(*half), site.id, app.clock.now_ms()).await?;
            Ok(Done::plainly())
        }
        Work::Reconcile { scan } => {
            free_key(app, work).await?;
            reconcile(app, &site, &client, *scan).await?;
            Ok(Done::plainly())
        }
    }
}

/// Lets the same be asked for again: what happens from now on may not be seen by this try.
async fn free_key(app: &App, work: &ClaimedWork) -> Result<(), StoreError> {
    let txn = app.store.write().await?;
    outbox::forget_key(&*txn, work).await?;
    txn.commit().await
}

/// Reads an issue, and remembers which changes the answer cannot have missed.
async fn read(
    client: &SiteClient<'_>,
    key_or_id: &str,
    known: Option<MirroredIssue>,
) -> Result<Done, Failure> {
    let as_of = known.map_or(Order::NEVER, |known| known.order());
    let snapshot = client.issue(key_or_id).await?;
    Ok(Done {
        fetched: vec![Fetched { snapshot, as_of }],
        ..Done::plainly()
    })
}

/// Learns which account the app acts as before it first does: events by that account are our own.
/// Forge and Connect may each have given it one.
async fn learn_account(app: &App, site: &Site, client: &SiteClient<'_>) -> Result<(), Failure> {
    let forge = site.forge.as_ref().filter(|_| client.is_through_forge());
    let known = forge.map_or(&site.app_account_id, |forge| &forge.account_id);
    if known.is_some() {
        return Ok(());
    }
    let me = client.myself().await?.account_id;
    let txn = app.store.write().await?;
    match forge {
        Some(forge) => {
            installations::set_account(&*txn, site.id, &forge.installation_id, &me).await?;
        }
        None => sites::set_app_account(&*txn, site.id, &me).await?,
    }
    txn.commit().await?;
    app.sites.forget(site.id).await;
    Ok(())
}

/// Adds a comment, unless an earlier try did.
async fn comment(
    client: &SiteClient<'_>,
    work: &ClaimedWork,
    issue: i64,
    body: &[Block],
) -> Result<Done, Failure> {
    if work.may_be_done && client.comment_of(issue, work.id).await?.is_some() {
        return Ok(Done::noting("an earlier try had added the comment"));
    }
    client.add_comment(issue, body, work.id).await?;
    Ok(Done::plainly())
}

async fn finish(app: &App, owner: Uuid, work: &ClaimedWork, done: &Done) -> Result<(), StoreError> {
    let now_ms = app.clock.now_ms();
    let txn = app.store.write().await?;
    if !outbox::finish(&*txn, work, owner, now_ms, done.note.as_deref()).await? {
        tracing::warn!(outbox.id = %work.id, "the lease of a piece of work ran out before its end");
        return Ok(());
    }
    for fetched in &done.fetched {
        keep_fetched(&*txn, work, fetched, now_ms).await?;
    }
    if let (Some(comment), Work::StatusComment { issue_jira_id, .. }) = (done.comment, &work.work) {
        status_comments::keep(&*txn, work.site, *issue_jira_id, comment).await?;
    }
    txn.commit().await
}

/// Folds what was read into the mirror, and lets the rules look at it.
async fn keep_fetched(
    on: &impl Conn,
    work: &ClaimedWork,
    fetched: &Fetched,
    now_ms: i64,
) -> Result<(), StoreError> {
    let Fetched { snapshot, as_of } = fetched;
    if let Work::CreateDefect { test_id, draft } = &work.work {
        let marker = draft.marker;
        return record_created(on, work.site, *test_id, marker, None, snapshot, now_ms).await;
    }
    let learnt = issues::learn_snapshot(on, work.site, snapshot, *as_of, now_ms).await?;
    let undecided = match &work.work {
        Work::ReadIssue { undecided, .. } => undecided.as_slice(),
        _ => &[],
    };
    run_rules::on_reading(on, work.site, now_ms, &learnt, undecided, &work.cause).await?;
    if let Work::FetchIssue { key } = &work.work
        && *key != snapshot.key
    {
        // Jira follows moves: what was linked under the old key belongs to the issue.
        issues::absorb_placeholder(on, work.site, key, learnt.after.id).await?;
    }
    shown_status::mark_issues(on, work.site, &[learnt.after.id], now_ms).await
}

async fn put_back(
    app: &App,
    owner: Uuid,
    work: &ClaimedWork,
    failure: &Failure,
) -> Result<(), StoreError> {
    let now_ms = app.clock.now_ms();
    let why = failure.to_string();
    let refused = under_token::refused(app, work, failure).await;
    let next = match refused.as_ref().and_then(|refused| refused.wait) {
        Some(after) => Next::Later {
            after,
            counts: false,
        },
        None => next(failure, work, fastrand::u32(0..=300)),
    };
    tracing::info!(
        site.id = work.site.0,
        outbox.id = %work.id,
        outbox.kind = work.work.kind(),
        outbox.attempt = work.attempt,
        "work for Jira was not done ({next:?}): {why}"
    );
    let txn = app.store.write().await?;
    if let Some(refused) = &refused {
        refused.keep(&*txn, work.site, now_ms).await?;
    }
    if let Failure::Jira(JiraError::RateLimited { scope, after, .. }) = failure {
        let site = match scope {
            Scope::App => Some(None),
            Scope::Site(site) => Some(Some(*site)),
            Scope::Endpoint(..) | Scope::Issue(..) | Scope::Background(_) => None,
        };
        if let Some(site) = site {
            outbox::pause(&*txn, site, now_ms + ms(*after), &why).await?;
        }
    }
    let is_ours = match next {
        Next::Later { after, counts } => {
            outbox::retry(&*txn, work, owner, now_ms + ms(after), counts, &why).await?
        }
        Next::Drop => outbox::finish(&*txn, work, owner, now_ms, Some(&why)).await?,
        Next::Park => outbox::park(&*txn, work.site, work.id, owner, &why).await?,
    };
    if is_ours && matches!(next, Next::Drop | Next::Park) {
        give_up(&*txn, work, why).await?;
    }
    txn.commit().await?;
    if refused.is_some() || matches!(failure, Failure::Jira(JiraError::NoToken)) {
        // Another replica may have a token that the copy lacks, or this one dropped it.
        app.sites.forget(work.site).await;
    }
    Ok(())
}

/// What else ends with work that is not done: no echo will come, and no defect.
async fn give_up(on: &impl Conn, work: &ClaimedWork, why: String) -> Result<(), StoreError> {
    rules::withdraw(on, work.site, work.id).await?;
    if let Work::CreateDefect { test_id, draft } = &work.work {
        // The next click may claim again.
        let failed = ClaimState::Failed { why };
        defect_claims::settle(on, work.site, *test_id, draft.marker, &failed).await?;
    }
    Ok(())
}

/// Decides what becomes of work. `jitter` is 0 to 300 thousandths, added to every wait: never
/// earlier than Jira asked, and not all at once.
fn next(failure: &Failure, work: &ClaimedWork, jitter: u32) -> Next {
    let longer = |wait: Duration| wait + wait * jitter / 1000;
    // What nobody waits for is nothing a person has to see to.
    let park = || {
        if work.work.is_housekeeping() && work.work.only_looks() {
            Next::Drop
        } else {
            Next::Park
        }
    };
    let again = || match work.attempt {
        TRIES.. => park(),
        attempt => {
            let doubled = FIRST_WAIT * 2_u32.saturating_pow(attempt.saturating_sub(1));
            Next::Later {
                after: longer(doubled.min(LONGEST_WAIT)),
                counts: true,
            }
        }
    };
    match failure {
        Failure::Stuck(_) => park(),
        Failure::NotYet(after) => Next::Later {
            after: *after,
            counts: false,
        },
        Failure::Store(_) => again(),
        Failure::Jira(error) => match error {
            JiraError::RateLimited { after, .. } => Next::Later {
                after: longer(*after),
                counts: false,
            },
            // The issue is gone; nobody misses what was to be said on it.
            JiraError::Gone(Gone::NotFound) => Next::Drop,
            JiraError::Gone(Gone::Forbidden) | JiraError::Refused(_) => park(),
            // Not claimed again before a token is there.
            JiraError::NoToken => Next::Later {
                after: NO_TOKEN,
                counts: false,
            },
            // A site that was moved, removed or given a new secret tells us soon.
            JiraError::Gone(Gone::Unauthorized | Gone::NotInstalled | Gone::Moved)
            | JiraError::Conflict
            | JiraError::Unreachable(_)
            | JiraError::Unanswered(_)
            | JiraError::Unreadable(_) => again(),
        },
    }
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
