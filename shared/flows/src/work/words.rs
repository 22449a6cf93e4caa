//! What jobs say to people and `report::words` does not: one function or constant per sentence, each with a fact and a next step.

use domain::{PullKey, PullRequest};

use crate::analyse::{DecryptionAccess, RemoteAccess};

pub(super) const NOT_WATCHED: &str = "That repository is not watched any more, so nothing was done.";

pub(super) fn pull_gone(key: &PullKey) -> String {
    format!("pull request {key} does not exist any more, or the GitHub token cannot see it")
}

/// Why an outsider's pull request reaches no cluster; ends without a full stop.
pub(super) fn untrusted(pull: &PullRequest) -> String {
    format!(
        "{} cannot write to {}, so this is the rendered change alone; after reading it, a maintainer can have it diffed in full: Run the full diff in Slack",
        pull.author.login, pull.key.repo
    )
}

/// Why nothing is fetched for an outsider's pull request.
pub(super) fn no_remotes(pull: &PullRequest) -> RemoteAccess {
    RemoteAccess::None(format!(
        "nothing is fetched for a pull request of {}, who cannot write to {}",
        pull.author.login, pull.key.repo
    ))
}

/// Why nothing is decrypted for an outsider's pull request: it could move what is secret to where it is shown.
pub(super) fn no_decryption(pull: &PullRequest) -> DecryptionAccess {
    DecryptionAccess::None(format!(
        "nothing is decrypted for a pull request of {}, who cannot write to {}",
        pull.author.login, pull.key.repo
    ))
}

pub(super) fn posted(url: &str) -> String {
    format!("The report is on the pull request: {url}")
}

pub(super) fn approved(url: &str) -> String {
    format!("Approved: {url}")
}

pub(super) fn already_approved(url: &str) -> String {
    format!("This commit was approved before, so nothing changed: {url}")
}
