//! Forge says that the app was installed or upgraded. The installation is known by then; what is left
//! is who did it, and a new look at what only Jira can tell.

use super::App;
use super::meet_installation::look_around;
use crate::store::audit::{self, NewEntry};
use crate::store::{SiteId, StoreError, installations};

/// Notes who installed or upgraded the app, as far as told, and looks around on the site again.
pub async fn note_lifecycle(
    app: &App,
    site: SiteId,
    installation: &str,
    actor: Option<String>,
) -> Result<(), StoreError> {
    let now_ms = app.clock.now_ms();
    let txn = app.store.write().await?;
    let live = installations::live(&*txn, site).await?;
    if live.is_none_or(|live| live.id != installation) {
        return Ok(());
    }
    look_around(&*txn, site, installation, now_ms).await?;
    if actor.is_some() {
        let entry = NewEntry {
            rule: "person".into(),
            actor,
            issue_id: None,
            test_id: None,
            action: "install",
            is_done: true,
            reason: "The app was installed or upgraded through Forge.".to_owned(),
            cause: format!("installation {installation}"),
        };
        audit::insert_all(&*txn, site, &[entry], now_ms).await?;
    }
    txn.commit().await?;
    app.outbox_filled.notify_one();
    Ok(())
}
