//! `touchstone rotate-key`: after a new key was put first in `TOUCHSTONE_SECRET_KEY`, seals what the
//! old ones sealed with it, so that the old ones can go.

use clap::Args;

use crate::config::{Database, Secrets};
use crate::crypto::Seal;
use crate::startup::secret_key;
use crate::store::Store;
use crate::store::sites::{self, secret_place};

/// Seal every stored secret with the newest key.
#[derive(Debug, Args)]
pub struct RotateKey {
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    secrets: Secrets,
}

impl RotateKey {
    /// Does it, site by site; safe to stop and to repeat.
    pub async fn run(self) -> anyhow::Result<()> {
        let seal = Seal::from_config(&secret_key(&self.secrets)?)?;
        let store = Store::open(&self.database.url, 2).await?;
        let mut count = 0_usize;
        for held in sites::list(store.read()).await? {
            let Some(sealed) = held.sealed_secret.filter(|sealed| !seal.is_newest(sealed)) else {
                continue;
            };
            let place = secret_place(held.site.id);
            let anew = seal.seal(&place, &seal.open(&place, &sealed)?)?;
            let txn = store.write().await?;
            if sites::reseal(&*txn, held.site.id, &sealed, &anew).await? {
                count += 1;
            }
            txn.commit().await?;
        }
        println!("{count} secrets were sealed anew; keys after the first can be removed.");
        Ok(())
    }
}
