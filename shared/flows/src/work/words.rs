//! What jobs say to people and `report::words` does not: one function or constant per sentence, each with a fact and a next step.

use domain::interact::Action;
use domain::{CommitSha, PullKey, PullRequest};
use report::words::replies;

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

pub(super) const NOBODY_CAN_LINK: &str = "Nothing was linked: this Preflux has no GitHub App to link accounts with. Ask whoever runs Preflux to set `people` in the configuration.";
/// Ends without a full stop, as the ones for `not_done` do.
pub(super) const NO_APP: &str = "it needs your own GitHub account, and this Preflux has no GitHub App to link it with. Do it on GitHub, or ask whoever runs Preflux to set `people` in the configuration";
pub(super) const NOT_MERGED_HERE: &str =
    "`merge` is off for this repository in the configuration. Merge it on GitHub";
pub(super) const NO_WRITE: &str =
    "your GitHub account cannot write to the repository. Ask its maintainers for access";
pub(super) const OWN_CHANGES: &str = "you opened this pull request. Ask somebody else to review it";
pub(super) const NO_REASON: &str = "nothing was written. Click Request changes again";
pub(super) const UNLINKED: &str = "Your GitHub account is not linked any more, here and on GitHub.";
pub(super) const NO_LINK: &str = "No GitHub account of yours is linked. `/flux link` links it.";
pub(super) const DISMISSED: &str =
    "New commits arrived, or it was given another base branch, while this was approved from Slack.";
pub(super) const MOVED_MEANWHILE: &str = "new commits arrived in that moment, or it was given another base branch, so your approval was taken back. Wait for its new report";

/// Newer commits are there, and the approval of the older one could not be taken back.
pub(super) fn stands_on_old(head: &CommitSha, why: &str) -> String {
    format!(
        "Your approval of {} stands, and newer commits, or another base branch, came in that moment. It could not be taken back ({why}): dismiss it on GitHub, or review it there.",
        head.short()
    )
}

pub(super) fn approved_unseen(login: &str, url: &str) -> String {
    format!(
        "Approved as `{login}`: {url} GitHub did not say afterwards whether newer commits arrived in that moment: look there."
    )
}

pub(super) fn link_first(action: Action, address: &str, again: bool) -> String {
    let why =
        if again { "GitHub does not accept your link any more" } else { "your GitHub account is not linked" };
    let first = replies::not_done(action, why);
    format!("{first} {} Then click {} again.", to_link(address), replies::label(action))
}

pub(super) fn to_link(address: &str) -> String {
    format!(
        "Open this within ten minutes, it is for you alone, and type what your browser shows then: {address}"
    )
}

pub(super) fn linked(login: &str) -> String {
    format!(
        "You are `{login}` on GitHub. What you approve, ask for or merge here is done as you; `/flux unlink` takes this back."
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

pub(super) fn changes_requested(login: &str, url: &str) -> String {
    format!("Changes asked for as `{login}`: {url}")
}

pub(super) fn already_requested(url: &str) -> String {
    format!("The same changes were asked for before, so nothing changed: {url}")
}

/// It stands on the reported commit, whatever came after it.
pub(super) fn requested_of_old(login: &str, head: &CommitSha, url: &str) -> String {
    format!(
        "Changes asked for as `{login}`, of {}: {url} Newer commits arrived in that moment: if they settle it, dismiss the review on GitHub.",
        head.short()
    )
}

/// What somebody wrote for nothing, so that they can use it again.
pub(super) fn with_what_was_written(said: &str, reason: &str) -> String {
    format!("{said}\nYou wrote:\n{}", reason.trim())
}

pub(super) fn merged(login: &str, url: &str) -> String {
    format!("Merged as `{login}`: {url}")
}
