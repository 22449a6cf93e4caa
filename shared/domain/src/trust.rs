//! Whose pull requests may be shown to a cluster.

use serde::{Deserialize, Serialize};

use crate::interact::Vouched;
use crate::names::CommitSha;

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
    /// A person in Slack asked for the full diff of this very head.
    Vouched {
        /// The person's name, for words.
        by: String,
    },
    /// Nobody vouched for it: it is rendered, and no cluster hears of it.
    Untrusted,
}

impl Trust {
    /// Whether cluster requests are allowed.
    pub fn reaches_cluster(&self) -> bool {
        !matches!(self, Self::Untrusted)
    }

    /// The same, when somebody vouched for a head and it is this one.
    pub fn vouched_for(self, vouched: Option<&Vouched>, head: &CommitSha) -> Self {
        match vouched {
            Some(vouched) if self == Self::Untrusted && vouched.head == *head => {
                Self::Vouched { by: vouched.by.name.clone() }
            }
            _ => self,
        }
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
    use crate::interact::Person;

    #[test]
    fn only_writers_and_named_logins_reach_a_cluster() {
        let named = ["renovate[bot]".to_owned()];
        assert_eq!(trust("ann", Permission::Write, &named), Trust::Author);
        assert_eq!(trust("Renovate[bot]", Permission::None, &named), Trust::Configured);
        assert_eq!(trust("eve", Permission::Read, &named), Trust::Untrusted);
        assert!(!Trust::Untrusted.reaches_cluster());
    }

    #[test]
    fn who_vouches_does_so_for_one_head() {
        let sha = |digit: &str| digit.repeat(40).parse::<CommitSha>();
        let (Ok(head), Ok(other)) = (sha("a"), sha("b")) else { panic!("these are commits") };
        let by = Person { team: "T1".to_owned(), id: "U1".to_owned(), name: "ann".to_owned() };
        let vouched = Vouched { head: head.clone(), by };
        let ann = Trust::Vouched { by: "ann".to_owned() };
        assert_eq!(Trust::Untrusted.vouched_for(Some(&vouched), &head), ann);
        assert_eq!(Trust::Untrusted.vouched_for(Some(&vouched), &other), Trust::Untrusted);
        assert_eq!(Trust::Untrusted.vouched_for(None, &head), Trust::Untrusted);
        assert_eq!(Trust::Author.vouched_for(Some(&vouched), &head), Trust::Author);
        assert!(ann.reaches_cluster());
    }
}
