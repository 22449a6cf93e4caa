//! Whose pull requests may be shown to a cluster.

use serde::{Deserialize, Serialize};

/// What GitHub lets an account do in a repository, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// Nothing.
    None,
    /// Read or triage.
    Read,
    /// Write or maintain.
    Write,
    /// Everything.
    Admin,
}

/// Whether a pull request may reach a cluster, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "trust", rename_all = "snake_case")]
pub enum Trust {
    /// The author can write to the repository.
    Author,
    /// The configuration names the author.
    Configured,
    /// Nobody vouched for it: it is rendered, and no cluster hears of it.
    Untrusted,
}

impl Trust {
    /// Whether cluster requests are allowed.
    pub fn reaches_cluster(&self) -> bool {
        !matches!(self, Self::Untrusted)
    }
}

/// Decides trust from what GitHub says now of the author, and from the logins that the configuration trusts.
pub fn trust(login: &str, permission: Permission, trusted_logins: &[String]) -> Trust {
    if trusted_logins.iter().any(|name| name.eq_ignore_ascii_case(login)) {
        return Trust::Configured;
    }
    if permission >= Permission::Write { Trust::Author } else { Trust::Untrusted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_writers_and_named_logins_reach_a_cluster() {
        let named = ["renovate[bot]".to_owned()];
        assert_eq!(trust("ann", Permission::Write, &named), Trust::Author);
        assert_eq!(trust("Renovate[bot]", Permission::None, &named), Trust::Configured);
        assert_eq!(trust("eve", Permission::Read, &named), Trust::Untrusted);
        assert!(!Trust::Untrusted.reaches_cluster());
    }
}
