//! Trees and files that a kustomization names by address, fetched only where the operator allows it.

use std::sync::Arc;

use async_trait::async_trait;
use domain::RemoteHosts;

use crate::{CheckoutError, SharedTree};

/// What stands at a reference of some repository.
#[derive(Clone)]
pub struct RemoteTree {
    /// The whole tree.
    pub tree: SharedTree,
    /// The commit that the reference named when it was fetched, as 40 or 64 hexadecimal digits.
    pub commit: String,
}

/// Fetches what is not in the pull request's repository. No token of ours is ever sent, so only what anybody can read is read.
///
/// Whether an address may be asked at all is the caller's decision, made before: see [`RemoteHosts`].
#[async_trait]
pub trait Remotes: Send + Sync {
    /// The tree at `reference` (a branch, a tag or a full commit id; `HEAD` when none) of the repository at `url`.
    ///
    /// # Errors
    /// Those of a checkout, in which the repository is named by `url`.
    async fn tree(&self, url: &str, reference: Option<&str>) -> Result<RemoteTree, CheckoutError>;

    /// The bytes of the file at `url`. Nothing is asked of a host that is not allowed, redirects included.
    ///
    /// # Errors
    /// Those of a checkout, in which the repository is `url`.
    async fn file(&self, url: &str, allowed: &RemoteHosts) -> Result<Arc<[u8]>, CheckoutError>;
}
