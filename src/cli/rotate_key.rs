//! `touchstone rotate-key`: after a new key was put first in `TOUCHSTONE_SECRET_KEY`, seals what the
//! old ones sealed with it, so that the old ones can go.

use clap::Args;

use crate::config::{Database, Secrets};
use crate::crypto::Seal;
use crate::startup::secret_key;
use crate::store::Store;
use crate::store::installations::{self, token_place};
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
            let site = held.site.id;
            let txn = store.write().await?;
            if let Some(sealed) = held.sealed_secret.filter(|sealed| !seal.is_newest(sealed)) {
                let place = secret_place(site);
                let anew = seal.seal(&place, &seal.open(&place, &sealed)?)?;
                count += usize::from(sites::reseal(&*txn, site, &sealed, &anew).await?);
            }
            if let (Some(forge), Some((sealed, _))) = (held.site.forge, held.sealed_token)
                && !seal.is_newest(&sealed)
            {
                let id = &forge.installation_id;
                let place = token_place(id);
                let anew = seal.seal(&place, &seal.open(&place, &sealed)?)?;
                let is_done = installations::reseal(&*txn, site, id, &sealed, &anew).await?;
                count += usize::from(is_done);
            }
            txn.commit().await?;
        }
        println!("{count} secrets were sealed anew; keys after the first can be removed.");
        Ok(())
    }
}
