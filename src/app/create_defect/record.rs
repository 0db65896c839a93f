//! What follows once a defect exists in Jira, whoever learnt of it: the click itself, or the outbox
//! that looked for it later. Safe to repeat: the claim is settled once.

use uuid::Uuid;

use crate::app::run_rules;
use crate::domain::issue::IssueSnapshot;
use crate::domain::work::Work;
use crate::store::audit::{self, NewEntry};
use crate::store::defect_claims::{self, ClaimState};
use crate::store::defects::NewDefectLink;
use crate::store::outbox::{self, NewWork};
use crate::store::{Conn, SiteId, StoreError, defects, issues};

/// The link type between a defect and the issues it puts at risk; every Jira has it.
const RELATES: &str = "Relates";

/// Keeps a created defect: its mirror row, the claim's end, the link to the test, the links to the
/// issues the test covers, the audit. `run` is the execution and number it was made from.
pub async fn record_created(
    on: &impl Conn,
    site: SiteId,
    test: Uuid,
    marker: Uuid,
    run: Option<(Uuid, i64)>,
    snapshot: &IssueSnapshot,
    now_ms: i64,
) -> Result<(), StoreError> {
    let issue = issues::upsert_snapshot(on, site, snapshot, now_ms).await?;
    let created = ClaimState::Created {
        issue_key: snapshot.key.clone(),
    };
    let Some(claimant) = defect_claims::settle(on, site, test, marker, &created).await? else {
        return Ok(());
    };
    let link = NewDefectLink {
        test,
        issue,
        run,
        signature: Some(claimant.signature),
        created_by: claimant.created_by.as_deref(),
    };
    defects::link(on, site, &link, now_ms).await?;
    let cause = format!("defect:{marker}");
    for covered in defects::covered_by(on, site, test).await? {
        let Some(covered_jira_id) = covered.jira_id.filter(|id| *id != snapshot.jira_id) else {
            continue;
        };
        let work = Work::LinkIssues {
            type_name: RELATES.to_owned(),
            inward_jira_id: covered_jira_id,
            outward_jira_id: snapshot.jira_id,
        };
        let new = NewWork::new(&work, cause.clone(), now_ms)
            .once(format!("link:{}:{covered_jira_id}", snapshot.jira_id));
        outbox::put(on, site, &new).await?;
    }
    let entry = NewEntry {
        rule: "person".into(),
        actor: claimant.created_by.clone(),
        issue_id: Some(issue),
        test_id: Some(test),
        action: "create defect",
        is_done: true,
        reason: format!("{} was made from the failing test.", snapshot.key),
        cause: cause.clone(),
    };
    audit::insert_all(on, site, &[entry], now_ms).await?;
    run_rules::on_defect_link(on, site, now_ms, issue, &cause).await
}
