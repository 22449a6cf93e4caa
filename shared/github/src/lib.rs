//! GitHub's REST API behind `ports::Forge`: pull requests to read; a comment, a review, checks and labels to write.
//!
//! Octocrab carries the requests (`http`); what an answer means is decided here (`policy`), because rate limits, ETags and
//! writes that may or may not have landed need care of their own. Tokens are in `auth`, people who act as themselves in `people`,
//! GitHub's JSON in `wire`.

mod auth;
mod budget;
mod carry;
mod check;
mod comment;
mod doctor;
mod http;
mod label;
mod me;
mod mint;
mod owner;
mod people;
mod policy;
mod read;
mod redirect;
mod review;
mod rotator;
mod sealed;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use domain::mark::{CheckKind, CheckMark};
use domain::{Budget, CommitSha, Permission, PullKey, PullRequest, RepoName};
use ports::ledger::Ledger;
use ports::{ChangedFiles, Clock, Conditional, EventPage, Forge, ForgeError, PullPage, Review};
use secrecy::SecretString;

pub use auth::Auth;
pub use doctor::Standing;
pub use people::{LinkedPeople, PeopleSettings};
pub use rotator::Rotator;

use auth::Tokens;
use carry::Carry;
use http::Http;

/// GitHub's own API; GitHub Enterprise Server has `https://HOST/api/v3`.
pub const GITHUB_COM: &str = "https://api.github.com";

/// What a [`GitHub`] is made of.
pub struct Settings {
    /// Where the API is, such as [`GITHUB_COM`].
    pub api_url: String,
    /// Who we are.
    pub auth: Auth,
    /// The time, for tokens and rate limits.
    pub clock: Arc<dyn Clock>,
    /// Where installation tokens are shared between processes.
    pub ledger: Ledger,
    /// Whether ETags are carried over from one token to the next.
    pub carry_etags: bool,
}

/// GitHub. One value serves every repository; clones of its `Arc` share tokens and connections.
pub struct GitHub {
    http: Http,
    tokens: Tokens,
    carry: Carry,
    clock: Arc<dyn Clock>,
}

impl GitHub {
    /// A client; nothing is asked yet.
    ///
    /// # Errors
    /// The address is not an `http(s)` URL, or the App's private key is not a PEM of an RSA key.
    pub fn new(settings: Settings) -> anyhow::Result<Self> {
        let Settings { api_url, auth, clock, ledger, carry_etags } = settings;
        let carry = Carry::new(carry_etags, ledger.clone(), Arc::clone(&clock));
        let tokens = Tokens::new(auth, ledger, Arc::clone(&clock))?;
        Ok(Self { http: Http::new(&api_url)?, tokens, carry, clock })
    }

    /// The token with which git may fetch `repo` over HTTPS, as the password of user `x-access-token`.
    ///
    /// # Errors
    /// As for any request: an App may have to ask for a token first.
    pub async fn git_token(&self, repo: &RepoName) -> Result<Option<SecretString>, ForgeError> {
        self.token_for(repo).await.map(|token| Some(token.secret))
    }

    /// The same token, once git has refused the one it got before: an App asks for a new one, a personal token stays as it is.
    ///
    /// # Errors
    /// As for [`GitHub::git_token`].
    pub async fn renewed_git_token(&self, repo: &RepoName) -> Result<Option<SecretString>, ForgeError> {
        let refused = self.token_for(repo).await?;
        self.tokens.refused(&refused).await?;
        self.git_token(repo).await
    }
}

#[async_trait]
impl Forge for GitHub {
    async fn token_fingerprint(&self) -> Result<String, ForgeError> {
        self.fingerprint().await
    }

    async fn pulls(
        &self,
        repo: &RepoName,
        page: u32,
        etag: Option<&str>,
    ) -> Result<Conditional<PullPage>, ForgeError> {
        self.list_pulls(repo, page, etag).await
    }

    async fn pull(&self, key: &PullKey) -> Result<Option<PullRequest>, ForgeError> {
        self.one_pull(key).await
    }

    async fn files(&self, key: &PullKey) -> Result<ChangedFiles, ForgeError> {
        self.changed_files(key).await
    }

    async fn branch(
        &self,
        repo: &RepoName,
        branch: &str,
        etag: Option<&str>,
    ) -> Result<Conditional<CommitSha>, ForgeError> {
        self.branch_tip(repo, branch, etag).await
    }

    async fn events(
        &self,
        repo: &RepoName,
        page: u32,
        etag: Option<&str>,
    ) -> Result<Conditional<EventPage>, ForgeError> {
        self.list_events(repo, page, etag).await
    }

    async fn budget(&self, repo: &RepoName) -> Result<Option<Budget>, ForgeError> {
        let token = self.token_for(repo).await?;
        self.tokens.budgets.budget(&token.name).await
    }

    async fn repositories(&self, owner: &str) -> Result<Vec<RepoName>, ForgeError> {
        self.repositories_of(owner).await
    }

    async fn permission(&self, repo: &RepoName, login: &str) -> Result<Permission, ForgeError> {
        self.permission_of(repo, login).await
    }

    async fn sticky_comment(
        &self,
        key: &PullKey,
        marker: &str,
        parts: &[String],
    ) -> Result<String, ForgeError> {
        self.our_comments(key, marker, parts).await
    }

    async fn approve(&self, key: &PullKey, head: &CommitSha, body: &str) -> Result<Review, ForgeError> {
        self.one_approval(key, head, body).await
    }

    async fn keep(&self, etag: &str) {
        self.carry.keep(etag).await.unwrap_or_else(|error| {
            tracing::warn!(error = %error, "what an ETag stands for could not be kept");
        });
    }

    async fn set_checks(
        &self,
        repo: &RepoName,
        head: &CommitSha,
        kind: CheckKind,
        checks: &[CheckMark],
    ) -> Result<(), ForgeError> {
        self.checks(repo, head, kind, checks).await
    }

    async fn change_labels(
        &self,
        key: &PullKey,
        add: &[String],
        remove: &[String],
    ) -> Result<(), ForgeError> {
        self.labels(key, add, remove).await
    }

    async fn token_fingerprint_for(&self, repo: &RepoName) -> Result<String, ForgeError> {
        self.fingerprint_for(repo).await
    }
}
