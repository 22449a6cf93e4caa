//! A pull request as GitHub tells of it, and the part of it whose change is worth a job.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::names::{CommitSha, PullKey};

/// A pull request's state. GitHub says `closed` for both last ones; the merge makes the difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PullState {
    /// Open, draft or not.
    Open,
    /// Closed without a merge.
    Closed,
    /// Merged.
    Merged,
}

/// Who opened a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// The login.
    pub login: String,
    /// Whether it is a bot account (Renovate, Dependabot, an App).
    pub bot: bool,
}

/// A pull request as last read from GitHub. Every text in it is the author's: escape it before it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequest {
    /// Repository and number.
    pub key: PullKey,
    /// The title, unescaped.
    pub title: String,
    /// Who opened it.
    pub author: Author,
    /// Open, closed or merged.
    pub state: PullState,
    /// Whether it is a draft.
    pub draft: bool,
    /// Names of its labels.
    pub labels: BTreeSet<String>,
    /// The branch it comes from, in the author's repository.
    pub head_branch: String,
    /// The newest commit of it.
    pub head: CommitSha,
    /// The branch it would be merged into.
    pub base_branch: String,
    /// GitHub's idea of the base branch's tip; may lag behind the branch.
    pub base: CommitSha,
    /// Whether it comes from another repository.
    pub fork: bool,
    /// The owner of the repository that the head is in: whoever can push to it. `None` when GitHub does not say.
    #[serde(default)]
    pub head_owner: Option<String>,
    /// Its page.
    pub url: String,
    /// When GitHub last changed it, seconds since 1970.
    pub updated_at: i64,
    /// When it was closed or merged, seconds since 1970; `None` while it is open.
    #[serde(default)]
    pub closed_at: Option<i64>,
}

/// The files of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedFiles {
    /// Paths, both names of a rename.
    pub paths: Vec<String>,
    /// Whether these are all; GitHub lists 3,000 at most, and then every path counts as changed.
    pub complete: bool,
}

/// What of a pull request is compared between two polls. Anything else that moves (stars, comments, `pushed_at`) is no news.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// The newest commit.
    pub head: CommitSha,
    /// The base branch's tip as the pull request names it.
    pub base: CommitSha,
    /// Whether it is a draft.
    pub draft: bool,
    /// Open, closed or merged.
    pub state: PullState,
    /// Names of its labels.
    pub labels: BTreeSet<String>,
    /// The branch it would be merged into.
    pub base_branch: String,
    /// When it was closed or merged: it may have been open in between.
    pub closed_at: Option<i64>,
}

impl PullRequest {
    /// The part that is compared between polls.
    pub fn observed(&self) -> Observed {
        Observed {
            head: self.head.clone(),
            base: self.base.clone(),
            draft: self.draft,
            state: self.state,
            labels: self.labels.clone(),
            base_branch: self.base_branch.clone(),
            closed_at: self.closed_at,
        }
    }
}
