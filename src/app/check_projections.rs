//! Whether what is kept for speed is what the stored runs say: for tests, and for `touchstone doctor`.

use std::collections::HashMap;

use uuid::Uuid;

use super::rederive::derived;
use crate::domain::coverage::{Kept, Window};
use crate::store::{SiteId, Store, StoreError, latest, stale_tests, tests, windows};

/// Tests compared at once.
const BATCH: i64 = 200;

/// What the comparison found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checked {
    /// How many tests were compared.
    pub tests: usize,
    /// Tests whose projection says something else than their runs.
    pub wrong: Vec<Uuid>,
    /// How many projections are known to be due, and are made anew by the next sweep.
    pub due: usize,
}

/// Compares the projection of every test of a site with its runs. Reads only; imports may go on.
pub async fn check_projections(store: &Store, site: SiteId) -> Result<Checked, StoreError> {
    let (mut after, mut checked) = (Uuid::nil(), Checked::default());
    loop {
        // Both must be of one moment: an import that commits in between would look like a mistake.
        let on = store.snapshot().await?;
        let batch = tests::ids_after(&*on, site, after, BATCH).await?;
        let Some(last) = batch.last() else {
            return Ok(checked);
        };
        after = *last;
        checked.tests += batch.len();
        let due = stale_tests::among(&*on, site, &batch).await?;
        checked.due += due.len();
        let kept = latest::each_by_tests(&*on, site, &batch).await?;
        let mut windows = windows::each_by_tests(&*on, site, &batch).await?;
        let kept: HashMap<Uuid, Option<Kept>> = kept
            .into_iter()
            .map(|(test, latest)| {
                let window = windows
                    .remove(&test)
                    .unwrap_or_else(|| Ok(Window::default()));
                let kept = latest.and_then(|latest| {
                    Ok(Kept {
                        latest,
                        window: window?,
                    })
                });
                (test, kept.ok())
            })
            .collect();
        let mut wanted = derived(&*on, site, &batch).await?;
        let differs = |test: &Uuid| {
            let kept = kept
                .get(test)
                .cloned()
                .unwrap_or_else(|| Some(Kept::default()));
            kept != Some(wanted.remove(test).unwrap_or_default()) && !due.contains(test)
        };
        checked.wrong.extend(batch.into_iter().filter(differs));
    }
}
