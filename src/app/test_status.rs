//! The status of a test by itself, whatever issues it covers: what its runs in a scope come to.

use uuid::Uuid;

use crate::domain::coverage::{Circumstances, Kept, Latest, Scope, Settings, Window};
use crate::domain::run::RunStatus;
use crate::store::{SiteId, Store, StoreError, latest, runs, windows};

/// The status of a test (our id, and its version now) in a scope, by these settings. `now_ms` is
/// milliseconds since the Unix epoch.
pub async fn test_status(
    store: &Store,
    site: SiteId,
    (test, version): (Uuid, i32),
    scope: &Scope,
    settings: &Settings,
    now_ms: i64,
) -> Result<RunStatus, StoreError> {
    let on = store.read();
    let in_scope: Option<Latest> = match &scope.made_for {
        None => latest::by_tests(on, site, &[test]).await?.remove(&test),
        Some(made_for) => {
            let mut facts = runs::newest_of_tests(on, site, &[test], made_for).await?;
            facts.remove(&test).map(|facts| Kept::of(&facts).latest)
        }
    };
    let Some(in_scope) = in_scope else {
        return Ok(RunStatus::Todo);
    };
    let window: Option<Window> = windows::mixed_of(on, site, &[test]).await?.remove(&test);
    let around = Circumstances {
        version,
        text_changed_ms: None,
        window: window.as_ref(),
        now_ms,
    };
    let environment = scope.environment.as_deref();
    Ok(in_scope.status_in(settings, environment, &around).status)
}
