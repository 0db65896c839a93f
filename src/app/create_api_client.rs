//! Making an API client: the one moment its token exists outside the hash.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::crypto::sha256;
use crate::domain::issue::is_project_key;
use crate::ids;
use crate::store::api_clients::{self, ApiClient};
use crate::store::{SiteId, Store, StoreError};

/// What every token of ours begins with, so that people and secret scanners recognise it.
pub const TOKEN_PREFIX: &str = "tst_";

/// Longest name of a client, in characters.
const NAME_LIMIT: usize = 100;

/// Why a client was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateApiClientError {
    /// The name is empty or too long.
    #[error("an API client needs a name of 1 to {NAME_LIMIT} characters")]
    Name,
    /// A project key is none.
    #[error("`{0}` is not a project key; a key looks like SHOP")]
    Project(String),
    /// The operating system gave no randomness.
    #[error("no random bytes can be had for the token")]
    Random,
    /// It could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes a client of `site`, limited to `projects` when any are given; returns it with its token.
pub async fn create_api_client(
    store: &Store,
    site: SiteId,
    name: &str,
    projects: Vec<String>,
    created_by: Option<&str>,
    now_ms: i64,
) -> Result<(ApiClient, String), CreateApiClientError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME_LIMIT {
        return Err(CreateApiClientError::Name);
    }
    if let Some(bad) = projects.iter().find(|key| !is_project_key(key)) {
        return Err(CreateApiClientError::Project(bad.clone()));
    }
    let mut secret = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut secret)
        .ok()
        .ok_or(CreateApiClientError::Random)?;
    let token = format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));
    let client = ApiClient {
        id: ids::next(),
        site,
        name: name.to_owned(),
        projects,
        created_ms: now_ms,
        last_used_ms: None,
    };
    let txn = store.write().await?;
    api_clients::insert(&*txn, &client, sha256(token.as_bytes()), created_by).await?;
    txn.commit().await?;
    Ok((client, token))
}
