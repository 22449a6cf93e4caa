//! Secrets by name. What they mean (a token, a key file, a kubeconfig) is the configuration's business.

use async_trait::async_trait;
use secrecy::SecretString;

/// A secret could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// There is no such secret.
    #[error("secret `{0}` does not exist")]
    NotFound(String),
    /// It is there, but not for us.
    #[error("secret `{name}` may not be read: {reason}")]
    Denied {
        /// The secret's name.
        name: String,
        /// What the store said.
        reason: String,
    },
    /// The store is unreachable; the same call may succeed later.
    #[error("secret `{name}` is not reachable: {reason}")]
    Unavailable {
        /// The secret's name.
        name: String,
        /// What the store said.
        reason: String,
    },
}

/// A store of secrets.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// The current value, read at most five minutes ago.
    async fn get(&self, name: &str) -> Result<SecretString, SecretsError>;

    /// Forgets a cached value, because the other side refused it: the next `get` reads it again.
    fn forget(&self, name: &str);
}
