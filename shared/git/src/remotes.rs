//! Repositories and files that a kustomization names by address: fetched without any token, shallow, and within limits.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use domain::RemoteHosts;
use ports::{CheckoutError, RemoteTree, Remotes};
use reqwest::header::LOCATION;
use reqwest::redirect::Policy;
use sha2::{Digest as _, Sha256};

use crate::Limits;
use crate::fetch::{self, Failure, Order, chain};
use crate::store::{Slot, Store};
use crate::tree::GitTree;

/// The ref that a remote's reference is fetched into.
const SHOWN: &str = "refs/preflux/remote";
/// Redirects of a file that are followed.
const REDIRECTS: usize = 5;

/// Fetches remotes into one bare cache per address. Which addresses may be asked is decided by the caller.
pub struct RemoteCache {
    cache_dir: PathBuf,
    limits: Limits,
    client: reqwest::Client,
    slots: Mutex<HashMap<String, Arc<Mutex<Slot>>>>,
}

impl RemoteCache {
    /// A cache below `cache_dir`, which may be the one of a [`crate::GitCache`]. Nothing is fetched yet.
    ///
    /// # Errors
    /// A sentence, when the system's TLS roots cannot be used.
    pub fn new(cache_dir: PathBuf, limits: Limits) -> Result<Self, String> {
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .timeout(limits.fetch_time)
            .build()
            .map_err(|error| format!("no HTTP client for remote files: {error}"))?;
        Ok(Self { cache_dir, limits, client, slots: Mutex::default() })
    }

    fn slot(&self, url: &str) -> Arc<Mutex<Slot>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let place = hex::encode(&Sha256::digest(url)[..16]);
        let made = || Arc::new(Mutex::new(Slot::new(self.cache_dir.join(".remotes").join(&place))));
        Arc::clone(slots.entry(place.clone()).or_insert_with(made))
    }
}

#[async_trait]
impl Remotes for RemoteCache {
    async fn tree(&self, url: &str, reference: Option<&str>) -> Result<RemoteTree, CheckoutError> {
        let reference = reference.unwrap_or("HEAD");
        if !is_plain(reference) {
            return Err(CheckoutError::Gone { what: reference.to_owned(), repo: url.to_owned() });
        }
        let order = Order {
            repo: url.to_owned(),
            url: url.to_owned(),
            token: None,
            specs: vec![format!("+{reference}:{SHOWN}")],
            limits: self.limits.clone(),
        };
        let (slot, what) = (self.slot(url), reference.to_owned());
        let work = tokio::task::spawn_blocking(move || {
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            tree(&mut slot, &order, &what)
        });
        work.await.unwrap_or_else(|error| Err(unavailable(url, format!("the fetch stopped: {error}"))))
    }

    async fn file(&self, url: &str, allowed: &RemoteHosts) -> Result<Arc<[u8]>, CheckoutError> {
        let failed = |error: reqwest::Error| unavailable(url, error.without_url().to_string());
        let mut address = url.to_owned();
        for _ in 0..=REDIRECTS {
            if !allowed.allow(&address) {
                let how = if address == url { "it is at" } else { "it redirects to" };
                return Err(unavailable(url, format!("{how} a host that is not allowed")));
            }
            let response = self.client.get(&address).send().await.map_err(failed)?;
            if response.status().is_redirection() {
                address = next(&response, url)?;
                continue;
            }
            return match response.status().as_u16() {
                200 => self.body(response, url).await,
                404 | 410 => Err(CheckoutError::NotFound(url.to_owned())),
                401 | 403 => Err(CheckoutError::Unauthorized(url.to_owned())),
                code => Err(unavailable(url, format!("the server answers with status {code}"))),
            };
        }
        Err(unavailable(url, format!("it redirects more than {REDIRECTS} times")))
    }
}

impl RemoteCache {
    async fn body(&self, mut response: reqwest::Response, url: &str) -> Result<Arc<[u8]>, CheckoutError> {
        let most = usize::try_from(self.limits.file_bytes).unwrap_or(usize::MAX);
        let mut bytes = Vec::new();
        let failed = |error: reqwest::Error| unavailable(url, error.without_url().to_string());
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if bytes.len() + chunk.len() > most {
                let limit = format!("a file of more than {most} bytes");
                return Err(CheckoutError::TooLarge { repo: url.to_owned(), limit });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.into())
    }
}

/// Where a redirect leads.
fn next(response: &reqwest::Response, url: &str) -> Result<String, CheckoutError> {
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let joined = location.and_then(|location| response.url().join(location).ok());
    joined.map(Into::into).ok_or_else(|| unavailable(url, "it redirects to no address".to_owned()))
}

fn unavailable(url: &str, reason: String) -> CheckoutError {
    CheckoutError::Unavailable { repo: url.to_owned(), reason }
}

/// Whether a reference is a name or an id and nothing that a refspec would read more into.
fn is_plain(reference: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control() || "*:^~?[\\".contains(c);
    !reference.is_empty()
        && !reference.starts_with(['-', '+', '/', '@'])
        && !reference.contains("..")
        && !reference.chars().any(odd)
}

/// Fetches the reference and opens its tree. A cache that is full or does not work is replaced once.
fn tree(slot: &mut Slot, order: &Order, what: &str) -> Result<RemoteTree, CheckoutError> {
    let mut again = true;
    loop {
        let (store, used) = slot.store(order.limits.repo_bytes).map_err(|error| {
            unavailable(&order.url, format!("the cache directory cannot be used: {error}"))
        })?;
        let failure = match opened(&store, order, what) {
            Ok(tree) => return Ok(tree),
            Err(failure) => failure,
        };
        match failure {
            Failure::Final(error) => return Err(error),
            _ => slot.discard(),
        }
        match failure {
            _ if used && again => again = false,
            Failure::Final(error) => return Err(error),
            Failure::Suspect(reason) => return Err(unavailable(&order.url, reason)),
            Failure::Full => {
                let limit = format!("more than {} bytes of git objects to fetch", order.limits.repo_bytes);
                return Err(CheckoutError::TooLarge { repo: order.url.clone(), limit });
            }
        }
    }
}

fn opened(store: &Arc<Store>, order: &Order, what: &str) -> Result<RemoteTree, Failure> {
    let gone = || CheckoutError::Gone { what: what.to_owned(), repo: order.url.clone() };
    let suspect = |error: gix::Error| Failure::Suspect(chain(&error));
    let found = fetch::fetch(&fetch::open(store)?, store, order, NonZeroU32::MIN, SHOWN);
    let found = found.map_err(|failure| match failure {
        Failure::Suspect(said) if said.contains("None of the refspec") => Failure::Final(gone()),
        other => other,
    })?;
    // Opened again: the fetch has added a pack.
    let repo = fetch::open(store)?;
    let found = found.ok_or_else(|| Failure::Final(gone()))?;
    let object = repo.find_object(found).map_err(suspect)?;
    let commit = object.peel_to_commit().map_err(suspect)?;
    let root = commit.tree_id().map_err(suspect)?.detach();
    let id = commit.id;
    let tree = GitTree::new(repo.clone(), root, order.limits.file_bytes, Some(Arc::clone(store)));
    Ok(RemoteTree { tree: Arc::new(tree), commit: id.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_names_and_nothing_more() {
        for plain in ["main", "v1.2.3", "release/1.0", "refs/pull/7/head", "HEAD", &"a".repeat(40)] {
            assert!(is_plain(plain), "{plain}");
        }
        for odd in ["", "*", "a:b", "+a", "-x", "^a", "a..b", "a b", "@{0}", "a~1", "/a"] {
            assert!(!is_plain(odd), "{odd}");
        }
    }
}
