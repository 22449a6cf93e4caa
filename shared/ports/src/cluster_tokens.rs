//! Tokens for clusters that know their callers otherwise than by what stands in a kubeconfig.

use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;

/// A cluster of Amazon EKS, as a kubeconfig names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EksCluster {
    /// Its name in EKS; the token is good for no other.
    pub name: String,
    /// Its region, where the kubeconfig says it; else that of whoever makes the token.
    pub region: Option<String>,
}

/// A token, and how long it may be used. It is good for a while longer, so that a request in flight is not refused.
#[derive(Debug, Clone)]
pub struct ClusterToken {
    /// What stands after `Bearer `.
    pub token: SecretString,
    /// From when it was made.
    pub good_for: Duration,
}

/// Makes tokens from the AWS role of the running function: what `aws eks get-token` prints, without running it.
#[async_trait]
pub trait EksTokens: Send + Sync + std::fmt::Debug {
    /// A new token.
    ///
    /// # Errors
    /// No credentials, or no region: why, and what to do.
    async fn token(&self, cluster: &EksCluster) -> Result<ClusterToken, String>;
}
