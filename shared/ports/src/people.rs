//! People as themselves on the forge: linked once, by their own consent, and acting with their own rights.

use async_trait::async_trait;
use domain::approve::{Account, Makers};
use domain::interact::Person;
use domain::{CommitSha, MergeMethod, PullKey};

use crate::forge::{ForgeError, Review};

/// What a review says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may be merged.
    Approve,
    /// It may not.
    RequestChanges,
}

/// That a pull request is merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergedBy {
    /// Its head then.
    pub head: CommitSha,
    /// Whether the person who asks merged it.
    pub them: bool,
    /// The pull request's page.
    pub url: String,
}

/// Somebody could not act as themselves.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PersonError {
    /// They never linked their account, or unlinked it.
    #[error("no GitHub account is linked")]
    NotLinked,
    /// GitHub does not accept their link any more; it is forgotten.
    #[error("GitHub does not accept the link to your account any more")]
    Revoked,
    /// Their organisation wants them to sign in first.
    #[error("the organisation wants you to sign in with single sign-on first{}", .0.as_ref().map(|url| format!(": {url}")).unwrap_or_default())]
    SignIn(Option<String>),
    /// They linked another account while something was done as the one before.
    #[error("you linked another GitHub account in that moment")]
    OtherAccount,
    /// The code does not fit what they began.
    #[error("{0}")]
    BadCode(String),
    /// GitHub does not merge it, for this reason.
    #[error("{0}")]
    Unmergeable(String),
    /// As for any request.
    #[error(transparent)]
    Forge(#[from] ForgeError),
}

/// People's own accounts. Nobody is looked up by a name or an address: only links count.
#[async_trait]
pub trait People: Send + Sync {
    /// Begins a link: the address that this person opens in a browser.
    async fn begin(&self, who: &Person) -> Result<String, PersonError>;

    /// Ends the link that this person began last, with the code that their browser got.
    async fn finish(&self, who: &Person, code: &str) -> Result<String, PersonError>;

    /// Takes a link back, on GitHub too. Whether there was one.
    async fn unlink(&self, who: &Person) -> Result<bool, PersonError>;

    /// Their account, as GitHub tells of it now.
    async fn account(&self, who: &Person) -> Result<Account, PersonError>;

    /// Who had a hand in a pull request, as they may see it.
    async fn makers(&self, who: &Person, key: &PullKey) -> Result<Makers, PersonError>;

    /// Reviews exactly `head`, as them, at most once; `account` is the id of the account that was looked at before.
    async fn review(
        &self,
        who: &Person,
        account: u64,
        key: &PullKey,
        head: &CommitSha,
        verdict: Verdict,
        body: &str,
    ) -> Result<Review, PersonError>;

    /// Takes back their approval of `head`, with this reason.
    async fn dismiss(
        &self,
        who: &Person,
        key: &PullKey,
        head: &CommitSha,
        why: &str,
    ) -> Result<(), PersonError>;

    /// Merges exactly `head`, as them, by the account that was looked at before. Once it is merged by them, that is no error, whoever
    /// asked before.
    async fn merge(
        &self,
        who: &Person,
        account: u64,
        key: &PullKey,
        head: &CommitSha,
        how: MergeMethod,
    ) -> Result<MergedBy, PersonError>;

    /// Whether it is merged, and by them.
    async fn merged(&self, who: &Person, key: &PullKey) -> Result<Option<MergedBy>, PersonError>;
}
