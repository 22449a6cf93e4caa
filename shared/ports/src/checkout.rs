//! Trees of a pull request's two sides, without a work tree.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use domain::report::Comparison;
use domain::{CommitSha, PullRequest};
use kustomize::Tree;

/// A read-only tree that jobs share.
pub type SharedTree = Arc<dyn Tree + Send + Sync>;

/// Both sides of a comparison.
pub struct Checkout {
    /// The tree before.
    pub base: SharedTree,
    /// The tree after.
    pub result: SharedTree,
    /// Every path (files, and links or submodules as such) that differs between the two.
    pub changed: BTreeSet<String>,
    /// Which commits these are.
    pub comparison: Comparison,
    /// Sentences that readers of the report should see (submodules, files kept in LFS).
    pub notes: Vec<String>,
}

/// A checkout failed.
#[derive(Debug, thiserror::Error)]
pub enum CheckoutError {
    /// The repository does not exist or the token cannot read it.
    #[error("git repository `{0}` does not exist, or cannot be read")]
    NotFound(String),
    /// The token is refused.
    #[error("git refused the token for `{0}`: renew it, then try again")]
    Unauthorized(String),
    /// A commit or ref is gone: the head moved or the branch was deleted.
    #[error("`{what}` is not in git repository `{repo}`: check its name, or whether it was deleted")]
    Gone {
        /// The ref or commit.
        what: String,
        /// The repository.
        repo: String,
    },
    /// A limit of ours: the repository is too large to take.
    #[error("git repository `{repo}` is over the limit: {limit}")]
    TooLarge {
        /// The repository.
        repo: String,
        /// Which limit, and how to raise it.
        limit: String,
    },
    /// The server did not answer, or not as git does.
    #[error("git repository `{repo}` could not be fetched: {reason}")]
    Unavailable {
        /// The repository.
        repo: String,
        /// What went wrong.
        reason: String,
    },
}

impl CheckoutError {
    /// Whether the same checkout may succeed later.
    pub fn heals(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// Gets trees.
#[async_trait]
pub trait Checkouts: Send + Sync {
    /// The base branch's tip against the merge result when `refs/pull/N/merge` has exactly the parents (tip, `pull.head`);
    /// else the merge base of the two against `pull.head`. `base_tip` is the tip of the base branch as last read.
    async fn pull(&self, pull: &PullRequest, base_tip: &CommitSha) -> Result<Checkout, CheckoutError>;
}
