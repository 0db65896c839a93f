//! Finds out which issue a duplicate leaves behind, and moves its tests there (D8).
//!
//! Jira is asked for the links, along a chain of duplicates to its end; the mirror knows links only
//! as far as events told of them. Issues that duplicate each other have no end, and nothing moves.

use std::collections::HashSet;

use super::{Done, Failure, read};
use crate::app::App;
use crate::app::run_rules;
use crate::jira::SiteClient;
use crate::store::audit::{self, NewEntry};
use crate::store::outbox::ClaimedWork;
use crate::store::{Conn, SiteId, StoreError, defects, issues, settings};

/// Duplicates of duplicates that are followed.
const CHAIN: usize = 10;

/// Reads the issue that stays.
pub(super) async fn look(
    app: &App,
    client: &SiteClient<'_>,
    work: &ClaimedWork,
    duplicate: i64,
) -> Result<Done, Failure> {
    let on = app.store.read();
    let mut at = duplicate;
    let mut seen = HashSet::from([duplicate]);
    for _ in 0..CHAIN {
        let known = issues::by_jira_id(on, work.site, at).await?;
        let project = known.map_or(String::new(), |known| known.snapshot.project_key);
        let settings = settings::of_project(on, work.site, &project).await?.defect;
        let Some(next) = client.duplicate_of(at, &settings.duplicate_link).await? else {
            break;
        };
        if !seen.insert(next) {
            return Ok(Done::noting("the issues duplicate each other"));
        }
        let known = issues::by_jira_id(on, work.site, next).await?;
        let done = read(client, &next.to_string(), known).await?;
        let resolution = done
            .fetched
            .first()
            .and_then(|one| one.snapshot.resolution.as_ref());
        if !resolution.is_some_and(|resolution| settings.is_duplicate(resolution)) {
            return Ok(done);
        }
        at = next;
    }
    Ok(Done::noting("Jira names no issue that it duplicates"))
}

/// Moves the tests of the duplicate to the issue that stays; both ids are the mirror's.
pub(super) async fn move_tests(
    on: &impl Conn,
    site: SiteId,
    (duplicate, stays): (i64, uuid::Uuid),
    cause: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    let Some(duplicate) = issues::by_jira_id(on, site, duplicate).await? else {
        return Ok(());
    };
    let found = issues::by_ids(on, site, &[stays]).await?.remove(&stays);
    let key = found.map_or(String::new(), |found| found.snapshot.key);
    let moved = defects::move_all(on, site, duplicate.id, stays, now_ms).await?;
    let reason = format!("{} duplicates {key}.", duplicate.snapshot.key);
    let entries: Vec<_> = moved
        .iter()
        .flat_map(|test| [(duplicate.id, *test), (stays, *test)])
        .map(|(issue, test)| NewEntry {
            rule: "D8".into(),
            actor: None,
            issue_id: Some(issue),
            test_id: Some(test),
            action: "move to duplicated issue",
            is_done: true,
            reason: reason.clone(),
            cause: cause.to_owned(),
        })
        .collect();
    audit::insert_all(on, site, &entries, now_ms).await?;
    run_rules::on_defect_link(on, site, now_ms, duplicate.id, cause).await?;
    run_rules::on_defect_link(on, site, now_ms, stays, cause).await
}

/// Says that nothing moved, and why.
pub(super) async fn stay(
    on: &impl Conn,
    site: SiteId,
    duplicate: i64,
    (why, cause): (&str, &str),
    now_ms: i64,
) -> Result<(), StoreError> {
    let Some(duplicate) = issues::by_jira_id(on, site, duplicate).await? else {
        return Ok(());
    };
    let entry = NewEntry {
        rule: "D8".into(),
        actor: None,
        issue_id: Some(duplicate.id),
        test_id: None,
        action: "nothing",
        is_done: false,
        reason: format!(
            "The tests of {} stay linked to it: {why}.",
            duplicate.snapshot.key
        ),
        cause: cause.to_owned(),
    };
    audit::insert_all(on, site, &[entry], now_ms).await
}
