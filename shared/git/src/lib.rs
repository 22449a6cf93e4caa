//! Git over HTTP into read-only trees: shallow fetches by commit id into one bare cache per repository, and never a work tree.
//!
//! [`GitCache`] serves pull requests, [`RemoteCache`] what a kustomization names by address, [`local`] compares two revisions of a
//! repository on disk. A fetch is in `fetch`, the cache's
//! directories in `store`, merge bases in `history`, trees in `tree`, what differs between two of them in `diff`.

mod checkout;
mod diff;
mod fetch;
mod history;
mod local;
mod remotes;
mod store;
mod tree;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::{CommitSha, PullRequest, RepoName};
use ports::{Checkout, CheckoutError, Checkouts};
use secrecy::SecretString;

pub use local::local;
pub use remotes::RemoteCache;

use checkout::Job;
use store::Slot;

/// Where a repository is fetched from.
pub type Remote = Arc<dyn Fn(&RepoName) -> String + Send + Sync>;

/// Repositories at `base_url/OWNER/NAME.git`, such as `https://github.com`.
pub fn remote_at(base_url: &str) -> Remote {
    let base = base_url.trim_end_matches('/').to_owned();
    Arc::new(move |repo| format!("{base}/{repo}.git"))
}

/// Gives tokens to fetch with.
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// The token for a repository; `None` to fetch without one.
    async fn token(&self, repo: &RepoName) -> Result<Option<SecretString>, CheckoutError>;

    /// A token in place of the one that git has just refused. Asked once per checkout.
    async fn renewed(&self, repo: &RepoName) -> Result<Option<SecretString>, CheckoutError> {
        self.token(repo).await
    }
}

/// What a checkout may cost.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes on disk for one repository's cache; past it the cache is started anew, and a fetch that does not fit alone fails.
    pub repo_bytes: u64,
    /// Bytes of one file; larger ones cannot be read.
    pub file_bytes: u64,
    /// Paths that may differ between the two sides.
    pub changed_paths: usize,
    /// For one fetch, connecting included.
    pub fetch_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            repo_bytes: 1 << 30,
            file_bytes: 16 << 20,
            changed_paths: 100_000,
            fetch_time: Duration::from_secs(90),
        }
    }
}

/// What a [`GitCache`] is made of.
pub struct Settings {
    /// Where caches are kept between jobs; made when missing.
    pub cache_dir: PathBuf,
    /// Where repositories are.
    pub remote: Remote,
    /// Who we are. Tokens go over HTTPS only.
    pub token: Arc<dyn TokenSource>,
    /// What a checkout may cost.
    pub limits: Limits,
}

/// Fetches pull requests. One value serves every repository; fetches of one repository wait for each other.
pub struct GitCache {
    settings: Settings,
    slots: Mutex<HashMap<RepoName, Arc<Mutex<Slot>>>>,
}

impl GitCache {
    /// A cache; nothing is read, written or fetched yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings, slots: Mutex::default() }
    }

    fn slot(&self, repo: &RepoName) -> Arc<Mutex<Slot>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let made =
            || Arc::new(Mutex::new(Slot::new(self.settings.cache_dir.join(repo.owner()).join(repo.name()))));
        Arc::clone(slots.entry(repo.clone()).or_insert_with(made))
    }

    async fn attempt(&self, job: Job) -> Result<Checkout, CheckoutError> {
        let repo = job.repo.clone();
        let slot = self.slot(&repo);
        let work = tokio::task::spawn_blocking(move || {
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            checkout::of_pull(&mut slot, &job)
        });
        work.await.unwrap_or_else(|error| {
            Err(CheckoutError::Unavailable {
                repo: repo.to_string(),
                reason: format!("the fetch stopped: {error}"),
            })
        })
    }
}

#[async_trait]
impl Checkouts for GitCache {
    async fn pull(&self, pull: &PullRequest, base_tip: &CommitSha) -> Result<Checkout, CheckoutError> {
        let repo = &pull.key.repo;
        let url = (self.settings.remote)(repo);
        let https = url.starts_with("https://");
        let token = if https { self.settings.token.token(repo).await? } else { None };
        let signed_in = token.is_some();
        let job = Job {
            repo: repo.clone(),
            url,
            token,
            number: pull.key.number,
            head: pull.head.clone(),
            base_tip: base_tip.clone(),
            limits: self.settings.limits.clone(),
        };
        match self.attempt(job.clone()).await {
            Err(CheckoutError::Unauthorized(_)) if signed_in => {
                let token = self.settings.token.renewed(repo).await?;
                self.attempt(Job { token, ..job }).await
            }
            other => other,
        }
    }
}
