//! What follows once a defect exists in Jira, whoever learnt of it: the click itself, or the outbox
//! that made or looked for it later. Safe to repeat: the claim is settled once.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::app::run_rules;
use crate::domain::defect::AT_RISK;
use crate::domain::issue::IssueSnapshot;
use crate::domain::work::Work;
use crate::store::audit::{self, NewEntry};
use crate::store::claim_tests::{self, ClaimTest};
use crate::store::defect_claims::{self, ClaimState, Claimant};
use crate::store::defects::NewDefectLink;
use crate::store::outbox::{self, NewWork};
use crate::store::{Conn, SiteId, StoreError, defects, issues, settings};

/// Keeps a created defect: its mirror row, the claim's end, the links to the tests that waited for
/// it, the links to the issues those cover, the audit.
pub async fn record_created(
    on: &impl Conn,
    site: SiteId,
    test: Uuid,
    marker: Uuid,
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
    let waiting = claim_tests::of_claim(on, site, marker).await?;
    claim_tests::forget(on, site, marker).await?;
    let cause = format!("defect:{marker}");
    let linked = link_waiting(on, site, issue, (test, &claimant), &waiting, now_ms).await?;
    link_covered(on, site, issue, &linked, &cause, now_ms).await?;
    let rule = if claimant.created_by.is_some() {
        "person"
    } else {
        "D1"
    };
    let entries: Vec<_> = linked
        .iter()
        .map(|test_id| NewEntry {
            rule: rule.into(),
            actor: claimant.created_by.clone(),
            issue_id: Some(issue),
            test_id: Some(*test_id),
            action: if *test_id == test {
                "create defect"
            } else {
                "link defect"
            },
            is_done: true,
            reason: format!("{} was made from the failing test.", snapshot.key),
            cause: cause.clone(),
        })
        .collect();
    audit::insert_all(on, site, &entries, now_ms).await?;
    run_rules::on_defect_link(on, site, now_ms, issue, &cause).await
}

/// Links every test that waited, each with its own run and failure; returns the tests.
async fn link_waiting(
    on: &impl Conn,
    site: SiteId,
    issue: Uuid,
    (test, claimant): (Uuid, &Claimant),
    waiting: &[ClaimTest],
    now_ms: i64,
) -> Result<Vec<Uuid>, StoreError> {
    let link = |test| NewDefectLink {
        test,
        issue,
        run: None,
        signature: Some(claimant.signature),
        cause: None,
        created_by: claimant.created_by.as_deref(),
    };
    let mut linked = vec![test];
    if !waiting.iter().any(|one| one.test_id == test) {
        defects::link(on, site, &link(test), now_ms).await?;
    }
    for one in waiting {
        let link = NewDefectLink {
            run: claimant.execution.map(|id| (id, one.run_number)),
            signature: Some(one.signature),
            cause: one.cause,
            ..link(one.test_id)
        };
        defects::link(on, site, &link, now_ms).await?;
        linked.push(one.test_id);
    }
    linked.sort_unstable();
    linked.dedup();
    Ok(linked)
}

/// Puts the links between a defect and the issues that these tests cover into the outbox; the first
/// of them, when one defect stands for very many.
pub(super) async fn link_covered(
    on: &impl Conn,
    site: SiteId,
    issue: Uuid,
    tests: &[Uuid],
    cause: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    let defect = issues::by_ids(on, site, &[issue]).await?.remove(&issue);
    let Some(defect) = defect.filter(|one| !one.is_placeholder()) else {
        return Ok(());
    };
    let defect = defect.snapshot;
    let covered = defects::covered_by(on, site, tests).await?;
    let known = covered.iter().filter_map(|covered| covered.jira_id);
    let ids: BTreeSet<i64> = known.filter(|id| *id != defect.jira_id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let settings = settings::of_project(on, site, &defect.project_key).await?;
    for covered_jira_id in ids.into_iter().take(AT_RISK) {
        let work = Work::LinkIssues {
            type_name: settings.defect.link_type.clone(),
            inward_jira_id: covered_jira_id,
            outward_jira_id: defect.jira_id,
        };
        let new = NewWork::new(&work, cause.to_owned(), now_ms)
            .once(format!("link:{}:{covered_jira_id}", defect.jira_id));
        outbox::put(on, site, &new).await?;
    }
    Ok(())
}
