//! What is put on the queue. A job carries ids; what it needs is fetched again when it runs, so it may run twice.

use serde::{Deserialize, Serialize};

use crate::interact::{Click, Command};
use crate::names::{CommitSha, PullKey, RepoName, ReportId};

/// One piece of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// Diff a pull request and report it.
    Diff(DiffJob),
    /// Bring a pull request's message up to date with its state (closed, merged, labels), without a diff.
    Refresh {
        /// Which pull request.
        pull: PullKey,
    },
    /// Bring the checks and labels of a pull request in line with a report.
    Mark {
        /// Which pull request.
        pull: PullKey,
        /// Which report; one that is not the newest any more is nobody's.
        report: ReportId,
    },
    /// Look in the clusters for the repositories that their GitRepositories point to.
    Discover,
    /// Poll one repository now, because GitHub says that something happened there.
    Look {
        /// Which repository.
        repo: RepoName,
        /// How often it was put off because somebody else was polling.
        put_off: u32,
    },
    /// Carry out a click that was accepted.
    Click(Click),
    /// Carry out a slash command that was accepted.
    Command(Command),
}

/// A diff that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffJob {
    /// Which pull request.
    pub pull: PullKey,
    /// The head that was seen; a job whose head has moved on is superseded and does nothing.
    pub head: CommitSha,
    /// Why it is due.
    pub cause: Cause,
}

/// Why a diff is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The pull request is new to us.
    Opened,
    /// Its head moved, it was reopened, or it stopped being a draft.
    Changed,
    /// The branch it goes into moved.
    BaseMoved,
    /// A person asked.
    Asked,
}

/// How a job ended, for the log and the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it was for.
    Done,
    /// There was nothing left to do, and why.
    Nothing(&'static str),
}
