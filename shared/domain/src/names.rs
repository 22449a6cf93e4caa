//! Names that are checked once, at the edge, and trusted inside: repositories, commits, pull requests, reports.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that is not the name it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not {wanted}")]
pub struct InvalidName {
    /// What was given, cut to 80 characters.
    pub given: String,
    /// What was wanted, as a phrase with an example.
    pub wanted: &'static str,
}

impl InvalidName {
    fn new(given: &str, wanted: &'static str) -> Self {
        Self { given: given.chars().take(80).collect(), wanted }
    }
}

/// A GitHub repository, `owner/name`. GitHub compares names without case; so do `Eq`, `Ord` and `Hash`, by keeping lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoName {
    owner: String,
    name: String,
}

impl RepoName {
    /// The account that owns the repository.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The repository's own name, without the owner.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for RepoName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let wrong = || InvalidName::new(text, "a repository name (example: `acme/fleet`)");
        let (owner, name) = text.split_once('/').ok_or_else(wrong)?;
        let allowed = |part: &str| {
            (1..=100).contains(&part.len())
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
                && part != "."
                && part != ".."
        };
        if !allowed(owner) || !allowed(name) {
            return Err(wrong());
        }
        Ok(Self { owner: owner.to_ascii_lowercase(), name: name.to_ascii_lowercase() })
    }
}

impl TryFrom<String> for RepoName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<RepoName> for String {
    fn from(name: RepoName) -> Self {
        name.to_string()
    }
}

impl fmt::Display for RepoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// A whole commit id: 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitSha(String);

impl CommitSha {
    /// All the digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first eight digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..8]
    }
}

impl FromStr for CommitSha {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let digits = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if digits && matches!(text.len(), 40 | 64) {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidName::new(text, "a whole commit id (40 or 64 hexadecimal digits)"))
    }
}

impl TryFrom<String> for CommitSha {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<CommitSha> for String {
    fn from(sha: CommitSha) -> Self {
        sha.0
    }
}

impl fmt::Display for CommitSha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One pull request, `owner/name#7`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PullKey {
    /// The repository that the pull request would be merged into.
    pub repo: RepoName,
    /// Its number there.
    pub number: u64,
}

impl FromStr for PullKey {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let wrong = || InvalidName::new(text, "a pull request (example: `acme/fleet#7`)");
        let (repo, number) = text.split_once('#').ok_or_else(wrong)?;
        let number = number.parse().ok().filter(|n| *n > 0).ok_or_else(wrong)?;
        Ok(Self { repo: repo.parse()?, number })
    }
}

impl fmt::Display for PullKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.repo, self.number)
    }
}

/// The opaque id of a stored report; the only thing that a button carries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReportId(String);

impl ReportId {
    /// The id as text: 8 to 64 letters, digits and hyphens.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ReportId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let allowed = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if allowed && (8..=64).contains(&text.len()) {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidName::new(text, "a report id"))
    }
}

impl TryFrom<String> for ReportId {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<ReportId> for String {
    fn from(id: ReportId) -> Self {
        id.0
    }
}

impl fmt::Display for ReportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed parse is the test's failure")]
    use super::*;

    fn refused<T: FromStr<Err = InvalidName> + fmt::Debug>(text: &str) -> String {
        text.parse::<T>().unwrap_err().to_string()
    }

    #[test]
    fn names_are_checked_and_compared_without_case() {
        assert_eq!("Acme/Fleet".parse::<RepoName>().unwrap(), "acme/fleet".parse().unwrap());
        for wrong in ["fleet", "a/b/c", "/x", "x/", "a b/c", "../x", "x/.."] {
            assert!(refused::<RepoName>(wrong).contains("acme/fleet"), "{wrong}");
        }
    }

    #[test]
    fn commits_are_whole() {
        let sha = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(sha.parse::<CommitSha>().unwrap().short(), "01234567");
        for wrong in ["abc", "main", &sha.to_uppercase(), "-0123456789abcdef0123456789abcdef0123456"] {
            assert!(refused::<CommitSha>(wrong).contains("whole commit id"), "{wrong}");
        }
    }

    #[test]
    fn pull_requests_are_named_by_repository_and_number() {
        assert_eq!("acme/fleet#7".parse::<PullKey>().unwrap().to_string(), "acme/fleet#7");
        for wrong in ["acme/fleet", "acme/fleet#", "acme/fleet#0", "acme/fleet#-1"] {
            assert!(refused::<PullKey>(wrong).contains("pull request"), "{wrong}");
        }
    }
}
