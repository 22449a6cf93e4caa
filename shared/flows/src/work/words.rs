//! What jobs say to people and `report::words` does not: one function or constant per sentence, each with a fact and a next step.

use domain::{CommitSha, PullKey, PullRequest};

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

pub(super) fn already_approved(url: &str) -> String {
    format!("This commit was approved before, so nothing changed: {url}")
}

pub(super) const NOBODY_CAN_LINK: &str = "Nothing was approved: approving here needs your own GitHub account, and this Preflux has no GitHub App to link it with. Approve on GitHub, or ask whoever runs Preflux to set `people` in the configuration.";
pub(super) const UNLINKED: &str = "Your GitHub account is not linked any more, here and on GitHub.";
pub(super) const NO_LINK: &str = "No GitHub account of yours is linked. `/flux link` links it.";
pub(super) const DISMISSED: &str = "New commits arrived while this was approved from Slack.";
pub(super) const MOVED_MEANWHILE: &str =
    "new commits arrived in that moment, so your approval was taken back. Wait for their report";

pub(super) fn not_approved(why: &str) -> String {
    format!("Nothing was approved: {}.", why.trim_end_matches('.'))
}

/// Newer commits are there, and the approval of the older one could not be taken back.
pub(super) fn stands_on_old(head: &CommitSha, why: &str) -> String {
    format!(
        "Your approval of {} stands, and newer commits arrived in that moment. It could not be taken back ({why}): dismiss it on GitHub, or review them there.",
        head.short()
    )
}

pub(super) fn approved_unseen(login: &str, url: &str) -> String {
    format!(
        "Approved as `{login}`: {url} GitHub did not say afterwards whether newer commits arrived in that moment: look there."
    )
}

pub(super) fn link_first(address: &str, again: bool) -> String {
    let why =
        if again { "GitHub does not accept your link any more" } else { "your GitHub account is not linked" };
    format!("Nothing was approved: {why}. {} Then click Approve again.", to_link(address))
}

pub(super) fn to_link(address: &str) -> String {
    format!(
        "Open this within ten minutes, it is for you alone, and type what your browser shows then: {address}"
    )
}

pub(super) fn linked(login: &str) -> String {
    format!(
        "You are `{login}` on GitHub. What you approve here is approved as you; `/flux unlink` takes this back."
    )
}

pub(super) fn not_linked(why: &str) -> String {
    format!("Nothing was linked: {why}. Begin again with `/flux link`.")
}

pub(super) fn you_are(login: &str) -> String {
    format!("You are `{login}` on GitHub.")
}

pub(super) fn approved_as(login: &str, url: &str) -> String {
    format!("Approved as `{login}`: {url}")
}

pub(super) fn approved_shared(url: &str) -> String {
    format!("Approved with the account that Preflux uses, not as you: {url}")
}
