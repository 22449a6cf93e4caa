//! What Preflux answers when a person does something: acknowledgements, refusals, errors, help. Plain text; `` ` `` marks names.
//! Each gives a fact and, where something went wrong, a next step.

use domain::interact::{Action, Refusal};
use domain::{CommitSha, MergeMethod, PullKey, PullState, RepoName};

use super::plural;
use crate::safe::one_line;

/// At once after a click.
pub fn acknowledged(action: Action) -> &'static str {
    match action {
        Action::PostComment => "Posting the comment…",
        Action::PostWhole => "Publishing the whole report…",
        Action::Approve => "Approving…",
        Action::RequestChanges => "Asking for changes…",
        Action::Merge => "Merging…",
        Action::View => "Opening the pull request…",
        Action::RunAgain => "Diffing again…",
        Action::RunFull => "Diffing in full…",
    }
}

/// At once after a slash command.
pub fn asking(cluster: &str) -> String {
    format!("Asking cluster `{}`…", name(cluster))
}

/// Above a table: how many there are, where, and how many of them are not ready.
pub fn listed(count: usize, what: &str, cluster: &str, not_ready: usize) -> String {
    let ready = match not_ready {
        0 => String::new(),
        n => format!(", {n} not ready"),
    };
    let count = if count == 0 { "No".to_owned() } else { count.to_string() };
    format!("{count} {what} in cluster `{}`{ready}", name(cluster))
}

/// Below a table: a kind that the cluster does not list for us.
pub fn not_listed(what: &str, why: &str) -> String {
    format!("{what} are not listed: {}.", one_line(why, 200).trim_end_matches('.'))
}

/// Nothing of Flux's is served.
pub fn no_flux(cluster: &str) -> String {
    format!("Cluster `{}` serves no kind of Flux's: is Flux installed there?", name(cluster))
}

/// Names like the one that is not there; nothing without any.
pub fn similar(names: &[String]) -> Option<String> {
    let names: Vec<String> = names.iter().map(|one| format!("`{}`", name(one))).collect();
    (!names.is_empty()).then(|| format!("There is no such name. Did you mean {}?", names.join(", ")))
}

/// Nobody may have Flux do anything in a cluster, and why.
pub fn no_operator(cluster: &str, why: Option<&str>) -> String {
    let cluster = name(cluster);
    match why {
        Some(why) => format!(
            "Flux cannot be asked for anything in cluster `{cluster}`: {}.",
            one_line(why, 400).trim_end_matches('.')
        ),
        None => format!(
            "Flux cannot be asked for anything in cluster `{cluster}` from here: the configuration names no identity that may. Whoever runs Preflux can \
             apply `infra/cluster/preflux-flux.yaml` and set `cluster.operator`."
        ),
    }
}

/// Above what came of it, object by object.
pub fn acted(cluster: &str) -> String {
    format!("In cluster `{}`:", name(cluster))
}

/// A namespace without objects of a kind.
pub fn none_in(what: &str, namespace: &str) -> String {
    format!("There are no {what} in namespace `{}`.", name(namespace))
}

/// No object of this name.
pub fn no_such(kind: &str, wanted: &str, cluster: &str, similar: &[String]) -> String {
    let meant: Vec<String> = similar.iter().map(|one| format!("`{}`", name(one))).collect();
    let meant = if meant.is_empty() { String::new() } else { format!(" Did you mean {}?", meant.join(", ")) };
    format!("There is no {kind} `{}` in cluster `{}`.{meant}", name(wanted), name(cluster))
}

/// A name that stands for objects of several namespaces.
pub fn several_places(what: &str, wanted: &str, namespaces: &[String]) -> String {
    let places: Vec<String> = namespaces.iter().take(10).map(|one| format!("`{}`", name(one))).collect();
    format!(
        "There are {} {what} `{}`, in {}: name the namespace with `-n`.",
        namespaces.len(),
        name(wanted),
        places.join(", ")
    )
}

/// A command for more objects than one should be for.
pub fn too_many(found: usize, most: usize) -> String {
    format!("That is for {found} objects, and one command is for {most} at most: name some of them.")
}

/// Why a click does nothing.
pub fn refused(action: Action, refusal: Refusal) -> String {
    let what = attempt(action);
    match refusal {
        Refusal::NotOpen(PullState::Merged) => format!("{what}: the pull request is merged."),
        Refusal::NotOpen(_) => {
            format!("{what}: the pull request is closed. Reopen it and wait for its new report.")
        }
        Refusal::HeadMoved => {
            format!(
                "{what}: the pull request has newer commits than this report. Wait for the new report, or use Run again."
            )
        }
        Refusal::OtherChannel => {
            format!("{what}: this report belongs to another channel. Use its buttons there.")
        }
    }
}

/// Something was not done, for this reason; it ends without a full stop.
pub fn not_done(action: Action, why: &str) -> String {
    format!("{}: {}.", attempt(action), why.trim_end_matches('.'))
}

/// What stands on a button.
pub fn label(action: Action) -> &'static str {
    match action {
        Action::PostComment => "Post as comment",
        Action::PostWhole => "Publish the whole report",
        Action::Approve => "Approve",
        Action::RequestChanges => "Request changes",
        Action::Merge => "Merge",
        Action::View => "View",
        Action::RunAgain => "Run again",
        Action::RunFull => "Run the full diff",
    }
}

/// A click on a report that is no longer kept.
pub fn unknown_report(action: Action) -> String {
    format!("{}: this report is no longer kept. Push to the pull request to get a new one.", attempt(action))
}

/// A repository is watched for the first time, and has more open pull requests than are reported at once.
pub fn watched_from_now(repo: &RepoName, reported: usize, left: usize) -> String {
    format!(
        "`{repo}` is watched from now on. Of its open pull requests the {reported} that changed last are reported now, and {left} more when they change."
    )
}

/// A watched repository that GitHub does not show any more.
pub fn gone(repo: &RepoName) -> String {
    format!(
        "`{repo}` is gone: GitHub says that it does not exist, or does not show it to Preflux any more, so its pull requests are not reported. If it was deleted, take it out of the configuration; if not, give Preflux access to it again. It is looked for now and then."
    )
}

/// More happened between two looks than GitHub keeps.
pub fn events_missed(repo: &RepoName) -> String {
    format!("More happened in `{repo}` than GitHub lists: events before these may be missing here.")
}

/// More happened than is told one by one.
pub fn events_left_out(repo: &RepoName, events: usize) -> String {
    let events = plural(events, "earlier event", "earlier events");
    format!(
        "{events} of `{repo}` that this rule wants came in at once with these, and are not told one by one."
    )
}

/// In place of a rule's words, when they cannot be filled in.
pub fn event_without_words(kind: &str, repo: &RepoName, actor: &str, why: &str) -> String {
    format!(
        "{} of {} in {repo} (the text of its rule cannot be used: {})",
        name(kind),
        name(actor),
        one_line(why, 200)
    )
}

/// A repository that was gone.
pub fn back(repo: &RepoName) -> String {
    format!("`{repo}` is there again, and its pull requests are reported as before.")
}

/// A click or a command by somebody who may not.
pub fn not_allowed() -> &'static str {
    "That is not yours to do here: the configuration does not name you or your workspace. Ask whoever runs Preflux."
}

/// A click that is being carried out already.
pub fn under_way(action: Action) -> String {
    format!("{} is under way already.", noun(action))
}

/// Something failed. `heals` says whether it may work later.
pub fn failed(action: Action, why: &str, heals: bool) -> String {
    let next = if heals { "Try again in a minute." } else { "It will fail again until that is changed." };
    format!("{}: {}. {next}", attempt(action), one_line(why, 600).trim_end_matches('.'))
}

/// Under the message, after the comment is there.
pub fn comment_posted(by: &str) -> String {
    format!("Posted as a comment by {}", name(by))
}

/// Under the message, after the whole report is there.
pub fn whole_posted(by: &str, comments: usize) -> String {
    format!("Published whole, in {}, by {}", plural(comments, "comment", "comments"), name(by))
}

/// Under the message, after Run again.
pub fn run_again(by: &str) -> String {
    format!("Asked for again by {}", name(by))
}

/// Under the message, after somebody approved as themselves.
pub fn approved_as(by: &str, login: &str, head: &CommitSha) -> String {
    format!("Approved at {} by {}, as {} on GitHub", head.short(), name(by), name(login))
}

/// Under the message, after an approval by the account that everybody shares.
pub fn approved_shared(by: &str, head: &CommitSha) -> String {
    format!("Approved at {} for {}, with the account that Preflux uses", head.short(), name(by))
}

/// Under the message, after somebody asked for changes as themselves.
pub fn changes_requested_as(by: &str, login: &str, head: &CommitSha) -> String {
    format!("Changes asked for at {} by {}, as {} on GitHub", head.short(), name(by), name(login))
}

/// Under the message, after somebody merged as themselves.
pub fn merged_as(by: &str, login: &str, head: &CommitSha) -> String {
    format!("Merged at {} by {}, as {} on GitHub", head.short(), name(by), name(login))
}

/// A command about one's own account did not work. `heals` says whether it may later.
pub fn command_failed(why: &str, heals: bool) -> String {
    let next = if heals { "Try again in a minute." } else { "Ask whoever runs Preflux." };
    format!("That did not work: {}. {next}", one_line(why, 600).trim_end_matches('.'))
}

/// The diff could not be made; the message says this in place of a report.
pub fn diff_failed(why: &str) -> String {
    format!("The diff could not be made: {}", one_line(why, 600))
}

/// `/flux get kustomizations` without a cluster.
pub fn no_cluster(why: &str) -> String {
    format!("There is no cluster to ask: {}", one_line(why, 600))
}

/// `/flux get kustomizations` when the cluster does not answer.
pub fn cluster_failed(why: &str) -> String {
    format!(
        "The cluster could not be asked: {}. Ask whoever runs Preflux to look at its kubeconfig and rights.",
        one_line(why, 600).trim_end_matches('.')
    )
}

/// Before what a slash command was not understood for.
pub fn not_understood() -> &'static str {
    "That was not understood. `/flux help` lists what there is."
}

/// `--cluster` is needed, or names none of these.
pub fn which_cluster(asked: Option<&str>, names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{}`", name.replace('`', "ˋ"))).collect();
    let which = format!("`--cluster` takes one of {}", names.join(", "));
    match asked {
        Some(asked) => format!("There is no cluster `{}`: {which}.", one_line(asked, 100).replace('`', "ˋ")),
        None => format!("There are several clusters: {which}."),
    }
}

/// What a person reads before an approval: what it is, and for which commit.
pub fn confirm_approval(pull: &PullKey, head: &CommitSha, risks: usize) -> String {
    let warning = match risks {
        0 => String::new(),
        _ => " The report warns of problems: read it first.".to_owned(),
    };
    let pull = one_line(&pull.to_string(), 120);
    format!("This leaves an approving review on {pull} for commit {}.{warning}", head.short())
}

/// What a person reads before a merge: what it is, how, and of which commit.
pub fn confirm_merge(pull: &PullKey, head: &CommitSha, how: MergeMethod, risks: usize) -> String {
    let warning = match risks {
        0 => String::new(),
        _ => " The report warns of problems: read it first.".to_owned(),
    };
    let how = match how {
        MergeMethod::Merge => "with a merge commit",
        MergeMethod::Squash => "as one commit",
        MergeMethod::Rebase => "commit by commit",
    };
    let pull = one_line(&pull.to_string(), 120);
    format!("This merges {pull} at commit {} {how}, and Flux applies it.{warning}", head.short())
}

/// What a person reads before an outsider's commits are shown to the cluster.
pub fn confirm_full(pull: &PullKey, head: &CommitSha) -> String {
    let pull = one_line(&pull.to_string(), 120);
    format!(
        "Commit {} of {pull} comes from somebody who cannot write to the repository. Its objects are sent to the cluster for a dry-run, and variables are read from it. Read the rendered change first.",
        head.short()
    )
}

fn attempt(action: Action) -> &'static str {
    match action {
        Action::PostComment => "The comment was not posted",
        Action::PostWhole => "The whole report was not published",
        Action::Approve => "Nothing was approved",
        Action::RequestChanges => "No changes were asked for",
        Action::Merge => "Nothing was merged",
        Action::View => "The pull request was not opened",
        Action::RunAgain | Action::RunFull => "Nothing was started",
    }
}

fn noun(action: Action) -> &'static str {
    match action {
        Action::PostComment => "The comment",
        Action::PostWhole => "Publishing the whole report",
        Action::Approve => "The approval",
        Action::RequestChanges => "Asking for changes",
        Action::Merge => "The merge",
        Action::View => "Opening it",
        Action::RunAgain => "The new diff",
        Action::RunFull => "The full diff",
    }
}

fn name(text: &str) -> String {
    one_line(text, 80)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: impl AsRef<str>, expected: &str) {
        assert_eq!(given.as_ref(), expected);
    }

    #[test]
    fn refusals_give_a_fact_and_a_next_step() {
        check(
            refused(Action::Approve, Refusal::HeadMoved),
            "Nothing was approved: the pull request has newer commits than this report. Wait for the new report, or use Run again.",
        );
        check(
            refused(Action::PostComment, Refusal::NotOpen(PullState::Merged)),
            "The comment was not posted: the pull request is merged.",
        );
        check(
            refused(Action::RunAgain, Refusal::NotOpen(PullState::Closed)),
            "Nothing was started: the pull request is closed. Reopen it and wait for its new report.",
        );
        check(
            refused(Action::Approve, Refusal::OtherChannel),
            "Nothing was approved: this report belongs to another channel. Use its buttons there.",
        );
        check(
            refused(Action::RunFull, Refusal::HeadMoved),
            "Nothing was started: the pull request has newer commits than this report. Wait for the new report, or use Run again.",
        );
        check(
            unknown_report(Action::Approve),
            "Nothing was approved: this report is no longer kept. Push to the pull request to get a new one.",
        );
    }

    #[test]
    fn failures_say_whether_trying_again_helps() {
        check(
            failed(Action::PostComment, "GitHub did not answer.", true),
            "The comment was not posted: GitHub did not answer. Try again in a minute.",
        );
        check(
            failed(Action::Approve, "Can not approve your own pull request", false),
            "Nothing was approved: Can not approve your own pull request. It will fail again until that is changed.",
        );
    }

    #[test]
    fn names_of_people_cannot_break_a_line() {
        check(comment_posted("Ann\n\u{202e}Eve"), "Posted as a comment by Ann \\u{202e}Eve");
        let names = ["eu".to_owned(), "us".to_owned()];
        check(
            which_cluster(None, &names),
            "There are several clusters: `--cluster` takes one of `eu`, `us`.",
        );
        check(
            which_cluster(Some("a`b"), &names),
            "There is no cluster `aˋb`: `--cluster` takes one of `eu`, `us`.",
        );
    }
}
