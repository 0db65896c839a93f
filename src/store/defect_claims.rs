//! Claims: what keeps a defect from being made twice.
//!
//! One row for each test and failure signature, with the marker the issue will carry, made *before*
//! Jira is asked to create (`jira-webhooks-rest.md` 10.9). A claim whose creation failed, or whose
//! defect is closed, gives way to a new one; any other stands.

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{Conn, SiteId, Sql, StoreError, claim_tests};
use crate::domain::signature::Signature;

/// How far the creation of a defect has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimState {
    /// Jira was or is being asked; whether it did is not known yet.
    Reserved,
    /// The issue exists.
    Created {
        /// Its key.
        issue_key: String,
    },
    /// Jira refused, and why.
    Failed {
        /// In one sentence.
        why: String,
    },
}

const CREATED: i16 = 1;

impl ClaimState {
    const fn code(&self) -> i16 {
        match self {
            Self::Reserved => 0,
            Self::Created { .. } => CREATED,
            Self::Failed { .. } => 2,
        }
    }
}

/// The right to create the one defect of a test and signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The marker the issue carries.
    pub marker: Uuid,
    /// How far it has come.
    pub state: ClaimState,
    /// When it was made, milliseconds since the Unix epoch.
    pub created_ms: i64,
}

#[derive(FromQueryResult)]
struct ClaimRow {
    marker: Uuid,
    state: i16,
    issue_key: Option<String>,
    created_ms: i64,
    note: Option<String>,
}

/// Claims the creation with `marker`. `Err` holds the claim that is there already; when `replacing`
/// is its marker (its creation failed, or its defect is closed) it gives way.
pub async fn reserve(
    on: &impl Conn,
    site: SiteId,
    (test, signature): (Uuid, Signature),
    marker: Uuid,
    replacing: Option<Uuid>,
    by: Option<&str>,
    now_ms: i64,
) -> Result<Result<(), Claim>, StoreError> {
    let mut sql = Sql::new(
        "INSERT INTO defect_claim (site_id, test_id, signature, marker, state, created_by, created_ms) ",
    );
    sql.rows([[
        site.into(),
        test.into(),
        signature.bytes().to_vec().into(),
        marker.into(),
        ClaimState::Reserved.code().into(),
        by.map(str::to_owned).into(),
        now_ms.into(),
    ]])
    .push(
        " ON CONFLICT (site_id, test_id, signature) DO UPDATE SET marker = excluded.marker, \
         state = excluded.state, issue_key = NULL, note = NULL, created_by = excluded.created_by, \
         created_ms = excluded.created_ms WHERE defect_claim.marker = ",
    )
    // Without a claim to replace, the new marker stands here: it equals no stored one.
    .bind(replacing.unwrap_or(marker));
    if sql.run(on).await? == 1 {
        if let Some(replaced) = replacing {
            claim_tests::forget(on, site, replaced).await?;
        }
        return Ok(Ok(()));
    }
    match claim(on, site, test, signature).await? {
        Some(held) => Ok(Err(held)),
        None => Err(StoreError::Corrupt {
            table: "defect_claim",
            id: test.to_string(),
            what: "a claim that is in the way and is not there".to_owned(),
        }),
    }
}

/// The claim of a test and signature, if there is one.
pub async fn claim(
    on: &impl Conn,
    site: SiteId,
    test: Uuid,
    signature: Signature,
) -> Result<Option<Claim>, StoreError> {
    let mut sql = Sql::new(
        "SELECT marker, state, issue_key, created_ms, note FROM defect_claim WHERE site_id = ",
    );
    let row: Option<ClaimRow> = sql
        .bind(site)
        .with(" AND test_id = ", test)
        .with(" AND signature = ", signature.bytes().to_vec())
        .one(on)
        .await?;
    let corrupt = |what: String| StoreError::Corrupt {
        table: "defect_claim",
        id: test.to_string(),
        what,
    };
    row.map(|row| {
        Ok(Claim {
            marker: row.marker,
            state: match (row.state, row.issue_key) {
                (0, _) => ClaimState::Reserved,
                (CREATED, Some(issue_key)) => ClaimState::Created { issue_key },
                (2, _) => ClaimState::Failed {
                    why: row.note.unwrap_or_default(),
                },
                (state, _) => return Err(corrupt(format!("state {state}"))),
            },
            created_ms: row.created_ms,
        })
    })
    .transpose()
}

/// Who asked for a creation, and for which failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimant {
    /// The signature of the failure.
    pub signature: Signature,
    /// The account that asked; none when a rule did.
    pub created_by: Option<String>,
    /// The execution it is about.
    pub execution: Option<Uuid>,
}

/// Whether a claim with this marker is there and has no issue yet; one that was given up counts, a
/// person may have it tried again.
pub async fn is_open(
    on: &impl Conn,
    site: SiteId,
    test: Uuid,
    marker: Uuid,
) -> Result<bool, StoreError> {
    let mut sql = Sql::new("SELECT 1 FROM defect_claim WHERE site_id = ");
    sql.bind(site)
        .with(" AND test_id = ", test)
        .with(" AND marker = ", marker)
        .push(" AND issue_key IS NULL");
    Ok(!sql.raw(on).await?.is_empty())
}

/// Writes how a creation ended; `None` when the claim with this marker is gone, or its issue is known
/// already. One that was given up may still turn out well, when a person has it tried again.
pub async fn settle(
    on: &impl Conn,
    site: SiteId,
    test: Uuid,
    marker: Uuid,
    state: &ClaimState,
) -> Result<Option<Claimant>, StoreError> {
    let (issue_key, note) = match state {
        ClaimState::Reserved => (None, None),
        ClaimState::Created { issue_key } => (Some(issue_key.clone()), None),
        ClaimState::Failed { why } => (None, Some(why.clone())),
    };
    let mut sql = Sql::new("UPDATE defect_claim SET state = ");
    sql.bind(state.code())
        .with(", issue_key = ", issue_key)
        .with(", note = ", note)
        .with(" WHERE site_id = ", site)
        .with(" AND test_id = ", test)
        .with(" AND marker = ", marker)
        .with(" AND state <> ", CREATED)
        .push(" RETURNING signature, created_by, execution_id");
    let rows = sql.raw(on).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let bytes: Vec<u8> = row.try_get_by_index(0)?;
    let signature = Signature::from_bytes(&bytes).ok_or_else(|| StoreError::Corrupt {
        table: "defect_claim",
        id: test.to_string(),
        what: format!("a signature of {} bytes", bytes.len()),
    })?;
    Ok(Some(Claimant {
        signature,
        created_by: row.try_get_by_index(1)?,
        execution: row.try_get_by_index(2)?,
    }))
}
