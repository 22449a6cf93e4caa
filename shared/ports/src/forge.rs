//! The code forge (GitHub): pull requests to read, a comment and a review to write.

use async_trait::async_trait;
pub use domain::ChangedFiles;
use domain::mark::{CheckKind, CheckMark};
use domain::{Budget, CommitSha, Permission, PullKey, PullRequest, RepoName};
use serde_json::Value;

/// A request to the forge failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ForgeError {
    /// The token is wrong, expired or revoked.
    #[error("GitHub refused the token (401): renew it, then try again")]
    Unauthorized,
    /// The repository, the pull request or the branch does not exist, or the token cannot see it.
    #[error("{0} does not exist on GitHub, or the token cannot see it (404)")]
    NotFound(String),
    /// A primary or secondary rate limit; nothing may be asked before `until`, seconds since 1970.
    #[error("GitHub's rate limit is reached until {until} (seconds since 1970)")]
    RateLimited {
        /// When asking is allowed again.
        until: i64,
    },
    /// GitHub understood and refused (403, 422): the same request will fail again.
    #[error("GitHub refused while {doing}: {reason}")]
    Refused {
        /// What we were doing.
        doing: String,
        /// GitHub's message.
        reason: String,
    },
    /// No answer, or a 5xx: a write may or may not have happened.
    #[error("GitHub did not answer while {doing}: {reason}")]
    Unavailable {
        /// What we were doing.
        doing: String,
        /// What went wrong.
        reason: String,
    },
}

impl ForgeError {
    /// Whether the same request may succeed later without anybody doing anything.
    pub fn heals(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Unavailable { .. })
    }
}

/// The answer to a conditional request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conditional<T> {
    /// 304: nothing changed since the ETag that was sent. Costs nothing.
    NotModified,
    /// Something, with the ETag to send next time.
    Fresh {
        /// The answer.
        value: T,
        /// Its ETag, quotes included.
        etag: Option<String>,
    },
}

/// One page of the listing, most recently updated first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullPage {
    /// The pull requests that could be read.
    pub pulls: Vec<PullRequest>,
    /// Sentences about entries that could not be read (a head repository that is gone); never silently dropped.
    pub unreadable: Vec<String>,
    /// Whether there is a next page.
    pub more: bool,
}

/// Something that happened in a repository.
#[derive(Debug, Clone, PartialEq)]
pub struct RepoEvent {
    /// GitHub's id; it does not tell when.
    pub id: u64,
    /// The whole event, as GitHub gives it.
    pub json: Value,
}

/// One page of a repository's events, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct EventPage {
    /// The events.
    pub events: Vec<RepoEvent>,
    /// Whether there is a next page.
    pub more: bool,
    /// How long GitHub wants to be left alone (seconds).
    pub interval_s: u64,
}

/// How an approval ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Review {
    /// It stands now.
    Approved {
        /// Its page.
        url: String,
    },
    /// We had approved this very head before.
    AlreadyApproved {
        /// Its page.
        url: String,
    },
}

/// The forge. Repositories are given to every call, so one value serves them all.
#[async_trait]
pub trait Forge: Send + Sync {
    /// A short id of the token in use; ETags are good for the token that they were got with.
    async fn token_fingerprint(&self) -> Result<String, ForgeError>;

    /// One page (1 is the first, 100 entries) of all pull requests in any state, most recently updated first.
    async fn pulls(
        &self,
        repo: &RepoName,
        page: u32,
        etag: Option<&str>,
    ) -> Result<Conditional<PullPage>, ForgeError>;

    /// One pull request as it is now; `None` when it does not exist.
    async fn pull(&self, key: &PullKey) -> Result<Option<PullRequest>, ForgeError>;

    /// The files that a pull request changes, all pages.
    async fn files(&self, key: &PullKey) -> Result<ChangedFiles, ForgeError>;

    /// The tip of a branch.
    async fn branch(
        &self,
        repo: &RepoName,
        branch: &str,
        etag: Option<&str>,
    ) -> Result<Conditional<CommitSha>, ForgeError>;

    /// One page (1 is the first, 100 entries, 3 pages at most) of what happened in a repository.
    async fn events(
        &self,
        repo: &RepoName,
        page: u32,
        etag: Option<&str>,
    ) -> Result<Conditional<EventPage>, ForgeError>;

    /// Says that all that an answer with this ETag stands for is durably done, and that its ETag is kept. A forge may make use of it.
    async fn keep(&self, _etag: &str) {}

    /// What was last heard of the requests that are left to the token for `repo`, by this process or another; `None` when nothing was.
    async fn budget(&self, repo: &RepoName) -> Result<Option<Budget>, ForgeError>;

    /// Every repository of an organisation, or of a person, that the token sees and that is neither archived nor disabled.
    async fn repositories(&self, owner: &str) -> Result<Vec<RepoName>, ForgeError>;

    /// What an account may do in a repository.
    async fn permission(&self, repo: &RepoName, login: &str) -> Result<Permission, ForgeError>;

    /// Makes `parts` our comments of this marker's name, one comment for each part, by editing, posting and deleting; gives the
    /// page of the first. They are found by what they begin with ([`domain::marker`]) *and* by our own author id, so the parts
    /// begin with their lines. Each has at most 65,536 characters.
    async fn sticky_comment(
        &self,
        key: &PullKey,
        marker: &str,
        parts: &[String],
    ) -> Result<String, ForgeError>;

    /// Approves exactly `head`, at most once.
    async fn approve(&self, key: &PullKey, head: &CommitSha, body: &str) -> Result<Review, ForgeError>;

    /// Makes these the checks of a commit: for each name one check run, or the newest commit status of ours. What is there already is
    /// changed rather than made again.
    async fn set_checks(
        &self,
        repo: &RepoName,
        head: &CommitSha,
        kind: CheckKind,
        checks: &[CheckMark],
    ) -> Result<(), ForgeError>;

    /// Puts labels on a pull request, those that are not there yet, and takes others away.
    async fn change_labels(&self, key: &PullKey, add: &[String], remove: &[String])
    -> Result<(), ForgeError>;

    /// The same as [`Forge::token_fingerprint`] for one repository, where they do not all have one token.
    async fn token_fingerprint_for(&self, _repo: &RepoName) -> Result<String, ForgeError> {
        self.token_fingerprint().await
    }
}
