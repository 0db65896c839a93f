//! A version was released or a sprint closed.

use crate::domain::issue::Ended;
use crate::domain::readiness::Target;
use crate::domain::rule::{Action, RuleId};
use crate::domain::settings::RuleName;
use crate::domain::work::Work;
use crate::store::audit::{self, NewEntry};
use crate::store::outbox::{self, NewWork};
use crate::store::{Conn, SiteId, StoreError, settings};

/// Runs D14: has it kept how the version or the sprint stands. Working that out takes more than a rule
/// reads, so the outbox does it right after.
pub async fn on_ended(
    on: &impl Conn,
    site: SiteId,
    now_ms: i64,
    ended: &Ended,
    cause: &str,
) -> Result<(), StoreError> {
    let (target, id) = match ended {
        Ended::Version(version) => (Target::Version(version.name.clone()), &version.id),
        Ended::Sprint(sprint) => (Target::Sprint(sprint.named.name.clone()), &sprint.named.id),
    };
    let target = target.name();
    let is_on = settings::of_site(on, site)
        .await?
        .of_site()
        .is_on(RuleName::D14);
    let reason = if is_on {
        format!("{target} has come to its end; how it stands is kept.")
    } else {
        format!("{target} has come to its end, and the rule is switched off.")
    };
    if is_on {
        let work = Work::KeepReadiness {
            id: id.clone(),
            target: target.clone(),
        };
        let new = NewWork::new(&work, cause, now_ms).once(format!("D14:{target}:{cause}"));
        outbox::put(on, site, &new).await?;
    }
    let action = if is_on {
        Action::Snapshot
    } else {
        Action::Nothing
    };
    let entry = NewEntry {
        rule: RuleId::D14.name().to_owned().into(),
        actor: None,
        issue_id: None,
        test_id: None,
        action: action.name(),
        is_done: is_on,
        reason,
        cause: cause.to_owned(),
    };
    audit::insert_all(on, site, &[entry], now_ms).await
}
