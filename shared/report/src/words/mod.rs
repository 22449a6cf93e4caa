//! Every sentence that Preflux says to people about a report, one function each, as plain text. What a renderer puts around it
//! (Markdown, Slack, colours) is the renderer's. What is said in answer to a person's doing is in [`replies`].

mod remarks;
pub mod replies;

use domain::change::{Change, ChangeKind, Check};
use domain::mark::Conclusion;
use domain::mask::TOUCHED;
use domain::report::{
    ClusterAsked, Comparison, Counts, Coverage, Finding, KustomizationReport, Mode, Presence, RenderCheck,
    Report, Side, Unresolved,
};
use domain::{PullRequest, Trust};

pub use remarks::remarks;

use crate::safe::one_line;

/// How many names a sentence lists before it says how many more there are.
const NAMED: usize = 5;
/// Characters of the reason why no cluster was asked.
const REASON: usize = 400;

/// `2 created · 3 changed · 1 deleted`. Says "no changes" only when everything was looked at.
pub fn headline(report: &Report) -> String {
    if report.nothing_changes() {
        if report.coverage.known == 0 && report.coverage.unaffected.is_empty() {
            return "No Kustomization of this repository is known, so nothing was compared".to_owned();
        }
        let identical = report.kustomizations.is_empty();
        return if identical { "No changes" } else { "No object changes" }.to_owned();
    }
    let counts = counts(&report.counts());
    match (counts.is_empty(), report.coverage.unresolved.len()) {
        (false, 0) => counts,
        (false, unseen) => format!("{counts} · {unseen} not looked at"),
        (true, 0) => "Nothing to show".to_owned(),
        (true, unseen) => format!("No change found, but {} could not be looked at", kustomizations(unseen)),
    }
}

/// The line over a check: how it ended, where it did not end well, and the numbers.
pub fn check_title(report: &Report) -> String {
    let headline = headline(report);
    match report.conclusion() {
        Conclusion::Success => headline,
        Conclusion::Neutral => format!("Not everything is known: {headline}"),
        Conclusion::Failure => format!("Merging would fail: {headline}"),
    }
}

/// Over a check as long as its diff is made.
pub fn check_running() -> &'static str {
    "Being diffed"
}

/// Over a check that newer commits, or a closing, left without an end.
pub fn check_abandoned() -> &'static str {
    "Not diffed: the pull request moved on"
}

/// Over a check whose diff could not be made.
pub fn check_failed() -> &'static str {
    "No diff could be made; why is shown in Slack"
}

/// In the message, when GitHub does not take the checks or labels that a rule asks for.
pub fn not_marked(why: &str) -> String {
    format!("Checks or labels could not be written on GitHub: {}", one_line(why, 300).trim_end_matches('.'))
}

/// The numbers that are not zero, as one line; empty when all are. Drift is not the pull request's doing and not counted in.
pub fn counts(counts: &Counts) -> String {
    let all = [
        (counts.created, "created"),
        (counts.changed, "changed"),
        (counts.recreated, "recreated"),
        (counts.deleted, "deleted"),
        (counts.renamed, "renamed"),
        (counts.moved, "moved"),
        (counts.orphaned, "left behind"),
        (counts.refused, "refused"),
        (counts.not_validated, "not validated"),
    ];
    let mut parts: Vec<String> =
        all.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    if counts.failed > 0 {
        parts.push(format!("{} not rendered", kustomizations(counts.failed)));
    }
    parts.join(" · ")
}

/// What happens to an object, as one word or two.
pub fn kind(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Created => "created",
        ChangeKind::Changed => "changed",
        ChangeKind::Recreated => "deleted and made anew",
        ChangeKind::Deleted => "deleted",
        ChangeKind::Orphaned => "leaves Git, stays in the cluster",
        ChangeKind::Moved => "moves to another Kustomization",
        ChangeKind::Renamed => "renamed",
    }
}

/// Which cluster was asked, or that none was.
pub fn cluster(cluster: &ClusterAsked) -> String {
    match cluster {
        ClusterAsked::Yes { name } => format!("Checked on cluster {} by dry-run", quoted(name)),
        ClusterAsked::No { why } => format!("No cluster was asked: {}", one_line(why, REASON)),
    }
}

/// How base and result were chosen, when it is not the usual way.
pub fn comparison(comparison: &Comparison) -> Option<String> {
    match comparison.mode {
        Mode::MergeResult => None,
        Mode::HeadAgainstMergeBase => Some(
            "GitHub has no merge result (conflicts, or not made yet): the head is compared with the commit it branched from"
                .to_owned(),
        ),
        Mode::Revisions => {
            Some(format!("Compared {} with {}", comparison.base.short(), comparison.result.short()))
        }
    }
}

/// That a pull request may not reach a cluster, and who can change that, or has; nothing for one that may by itself.
pub fn untrusted(report: &Report) -> Option<String> {
    match &report.trust {
        Trust::Author | Trust::Configured => None,
        Trust::Untrusted => Some(
            "The author cannot write to this repository: the change was rendered and no cluster heard of it"
                .to_owned(),
        ),
        Trust::Vouched { by } => Some(format!(
            "The author cannot write to this repository: {} asked for the full diff of {}, and of no later commit",
            name_of(by),
            report.pull.head.short()
        )),
    }
}

/// What a report for everyone leaves out; nothing where no cluster was asked.
pub fn for_everyone(report: &Report) -> Option<String> {
    matches!(report.cluster, ClusterAsked::Yes { .. })
        .then(|| "What stands in Git is shown here; what only the cluster knows is in Slack".to_owned())
}

/// `3 Kustomizations known: 1 rendered, 2 proved identical (nothing they read changed)`.
pub fn coverage(coverage: &Coverage) -> String {
    let mut parts = vec![format!("{} rendered", coverage.rendered)];
    if coverage.identical > 0 {
        parts.push(format!("{} proved identical (nothing they read changed)", coverage.identical));
    }
    if coverage.render_checks.verified > 0 {
        let verified = plural(coverage.render_checks.verified, "render", "renders");
        parts.push(format!("{verified} verified against the controller"));
    }
    if !coverage.unresolved.is_empty() {
        parts.push(format!("{} not looked at", coverage.unresolved.len()));
    }
    format!("{} known: {}", kustomizations(coverage.known), parts.join(", "))
}

/// One sentence for every Kustomization that was not looked at or is not reached, and for renders that nothing verifies.
/// A reason longer than `most` characters is cut.
pub fn unresolved(coverage: &Coverage, most: usize) -> Vec<String> {
    let one = |u: &Unresolved| format!("{} was not looked at: {}", quoted(&u.name), one_line(&u.why, most));
    let not_reached =
        |u: &Unresolved| format!("{} is not affected: {}", quoted(&u.name), one_line(&u.why, most));
    let not_compared = |(why, n): (&String, &usize)| {
        let renders = plural(*n, "render is", "renders are");
        format!("{renders} not compared with the controller's: {}", one_line(why, most))
    };
    let unresolved = coverage.unresolved.iter().map(one);
    let unaffected = coverage.unaffected.iter().map(not_reached);
    unresolved
        .chain(unaffected)
        .chain(coverage.render_checks.not_comparable.iter().map(not_compared))
        .collect()
}

/// What stands in the way of merging, most serious first: refused, not rendered, deleted with all that is in it, not validated.
pub fn risks(report: &Report) -> Vec<String> {
    let (mut refused, mut unsure, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    let (mut emptied, mut along, mut unseen) = (Vec::new(), Vec::new(), Vec::new());
    for kustomization in &report.kustomizations {
        if kustomization.emptied {
            emptied.push(quoted(&kustomization.name));
        }
        match &kustomization.finding {
            Finding::Failed { unknown: true, .. } => unseen.push(quoted(&kustomization.name)),
            Finding::Failed { .. } => failed.push(quoted(&kustomization.name)),
            Finding::Changes { changes } => {
                for change in changes {
                    if remarks::goes_along(change).is_some() {
                        along.push(quoted(&change.object.to_string()));
                    }
                    match &change.check {
                        Check::Refused { .. } => refused.push(quoted(&change.object.to_string())),
                        Check::NotValidated { .. } => unsure.push(quoted(&change.object.to_string())),
                        Check::DryRun | Check::RenderOnly | Check::Structural => {}
                    }
                }
            }
        }
    }
    let otherwise = report.coverage.render_checks.differs.iter().map(|name| quoted(name)).collect();
    let all = [
        ("Refused, merging would fail:", refused),
        ("Does not render:", failed),
        ("Could not be rendered here:", unseen),
        ("Renders nothing any more, so that everything it applied goes:", emptied),
        ("Deletes more than the object itself:", along),
        ("The controller rendered the base otherwise, so this report may be wrong:", otherwise),
        ("The API server could not judge", unsure),
    ];
    all.into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(lead, names)| format!("{lead} {}", list(&names)))
        .collect()
}

/// What the API server said of a change, where it is not plain consent; and what a diff cannot show.
/// A reason longer than `most` characters is cut.
pub fn check(change: &Change, most: usize) -> Option<String> {
    match &change.check {
        Check::DryRun | Check::RenderOnly | Check::Structural => None,
        Check::NotValidated { why } => Some(format!("Not validated: {}", one_line(why, most))),
        Check::Refused { why } => Some(format!("Refused, merging would fail: {}", one_line(why, most))),
    }
}

/// In place of a diff that has no lines.
pub fn no_lines(change: &Change) -> &'static str {
    match (change.kind, &change.before, &change.after) {
        (ChangeKind::Orphaned, ..) => "it is no longer in Git, and nothing removes it from the cluster",
        (ChangeKind::Moved, ..) => "what changes in it is shown there",
        (_, None, None) => "its content is not known",
        (_, Some(before), Some(_)) if before["data"] == TOUCHED => {
            "the Secret is touched; for this author its values are not compared"
        }
        _ => "what differs is hidden, so there are no lines to show",
    }
}

/// Where it is, whether a pull request brings or removes the Kustomization, whether it is suspended, and whether its render
/// is the controller's. Safe in any markup.
pub fn presence(kustomization: &KustomizationReport) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(cluster) = &kustomization.cluster {
        words.push(format!("on {}", plain(cluster)));
    }
    match kustomization.presence {
        Presence::Both => {}
        Presence::New => words.push("new".to_owned()),
        Presence::Removed => words.push("removed".to_owned()),
    }
    match (kustomization.suspended, kustomization.presence) {
        (false, _) => {}
        // The controller's finalizer deletes nothing of a suspended Kustomization, and then there is none to resume.
        (true, Presence::Removed) => words.push("suspended: its objects stay in the cluster".to_owned()),
        (true, _) => words.push("suspended: nothing happens before it is resumed".to_owned()),
    }
    if kustomization.emptied {
        words.push("renders nothing any more".to_owned());
    }
    match kustomization.render_check {
        Some(RenderCheck::Verified) => words.push("render verified against the controller".to_owned()),
        Some(RenderCheck::Differs) => words.push("render differs from the controller".to_owned()),
        Some(RenderCheck::NotComparable { .. }) | None => {}
    }
    words
}

/// A name without anything that markup could take for its own.
fn plain(name: &str) -> String {
    let harmless = |c: &char| c.is_ascii_alphanumeric() || ":/-. ".contains(*c);
    name.chars().filter(harmless).take(160).collect()
}

/// That a Kustomization does not render, and whose doing that is; nobody's, where what it needs could not be had here.
pub fn failed(side: Side, unknown: bool) -> &'static str {
    match side {
        Side::Base if unknown => "The base could not be rendered here, so what changes is not known",
        Side::Result if unknown => "The result could not be rendered here, so what changes is not known",
        Side::Both if unknown => "Neither side could be rendered here, so what changes is not known",
        Side::Base => "The base does not render: it was broken before this pull request",
        Side::Result => "The result does not render: this pull request breaks it",
        Side::Both => "Neither the base nor the result renders",
    }
}

/// Over the drifted objects of a Kustomization.
pub fn drift(objects: usize) -> String {
    format!(
        "{} in the cluster otherwise than in Git (drift, not this pull request's doing)",
        plural(objects, "object is", "objects are")
    )
}

/// What a drifted object's diff shows, in place of what happens to it.
pub fn drifted() -> &'static str {
    "differs (- Git, + cluster)"
}

/// Who proposes what to whom.
pub fn proposal(pull: &PullRequest) -> String {
    let fork = if pull.fork { " (from a fork)" } else { "" };
    let draft = if pull.draft { ", draft" } else { "" };
    format!("by {}{fork}{draft}", name_of(&pull.author.login))
}

/// How many diffs a comment had to leave out; `objects` and `kustomizations` are not even listed.
pub fn left_out(diffs: usize, objects: usize, kustomizations: usize) -> String {
    let mut text = format!("{} left out here or shown in part", plural(diffs, "diff is", "diffs are"));
    for (n, one, many) in
        [(objects, "object is", "objects are"), (kustomizations, "Kustomization is", "Kustomizations are")]
    {
        if n > 0 {
            text.push_str(&format!(", {} not even listed", plural(n, one, many)));
        }
    }
    text + ": GitHub takes 65,536 characters in a comment. The whole report is in the thread of this pull request's Slack message."
}

/// Beside an object of which only the first lines are shown.
pub fn first_lines(shown: usize, all: usize) -> String {
    format!("the first {} of {} lines", count(shown), count(all))
}

/// Beside an object whose lines went on in a further comment.
pub fn continued() -> &'static str {
    "continued"
}

/// In place of the end of a line that is longer than a comment can show.
pub fn cut_line(more: usize) -> String {
    format!(" ({} more characters, cut here)", count(more))
}

/// Over a comment that continues the report.
pub fn part(part: usize, parts: usize) -> String {
    format!("Part {part} of {parts} of the report")
}

/// That the details went into a file.
pub fn in_a_file(name: &str, bytes: usize) -> String {
    format!(
        "The whole report is in the file {name} ({} kB): it does not fit into a message.",
        bytes.div_ceil(1000)
    )
}

/// `1 Kustomization`, `2 Kustomizations`.
pub fn kustomizations(n: usize) -> String {
    plural(n, "Kustomization", "Kustomizations")
}

/// Somebody's name for something, as one short line.
pub(crate) fn name_of(name: &str) -> String {
    one_line(name, 160)
}

/// Somebody's name for something, marked as such. A backtick in it cannot end the mark.
fn quoted(name: &str) -> String {
    match name_of(name).replace('`', "ˋ") {
        empty if empty.is_empty() => "(no name)".to_owned(),
        name => format!("`{name}`"),
    }
}

/// `1 object`, `2 objects`.
pub(crate) fn plural(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// A number; from a million on in groups, since GitHub could take it for a commit.
fn count(n: usize) -> String {
    let digits = n.to_string();
    let grouped = |(i, digit): (usize, char)| {
        let comma = n >= 1_000_000 && i > 0 && (digits.len() - i).is_multiple_of(3);
        comma.then_some(',').into_iter().chain([digit])
    };
    digits.chars().enumerate().flat_map(grouped).collect()
}

fn list(names: &[String]) -> String {
    let shown = &names[..names.len().min(NAMED)];
    match names.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{created, kustomization, object, report};
    use serde_json::json;

    #[test]
    fn long_lists_say_how_many_more() {
        let names: Vec<String> = (0..7).map(|i| quoted(&format!("a{i}"))).collect();
        assert_eq!(list(&names), "`a0`, `a1`, `a2`, `a3`, `a4` and 2 more");
        assert_eq!(list(&names[..2]), "`a0`, `a1`");
        assert_eq!((quoted(""), quoted("a`b")), ("(no name)".to_owned(), "`aˋb`".to_owned()));
    }

    #[test]
    fn risks_come_by_weight() {
        let with = |name: &str, check: Check| Change { check, ..created(object("A", name), json!({})) };
        let changes = vec![
            with("unsure", Check::NotValidated { why: "the namespace is new".to_owned() }),
            with("bad", Check::Refused { why: "spec.x: required".to_owned() }),
        ];
        let given = report(vec![kustomization("a/b", changes)]);
        assert_eq!(
            risks(&given),
            ["Refused, merging would fail: `A/apps/bad`", "The API server could not judge `A/apps/unsure`"]
        );
        assert_eq!(headline(&given), "2 created · 1 refused · 1 not validated");
    }

    #[test]
    fn a_headline_never_says_more_than_was_seen() {
        let mut given = report(vec![kustomization("a/b", vec![])]);
        assert_eq!(headline(&given), "No object changes");
        let nobody = Report { coverage: Coverage::default(), ..report(vec![]) };
        assert_eq!(
            headline(&nobody),
            "No Kustomization of this repository is known, so nothing was compared"
        );
        given.coverage.unresolved = vec![Unresolved { name: "a/c".to_owned(), why: "no source".to_owned() }];
        assert_eq!(headline(&given), "No change found, but 1 Kustomization could not be looked at");
    }

    #[test]
    fn left_out_counts_everything() {
        assert!(
            left_out(1, 0, 0)
                .starts_with("1 diff is left out here or shown in part: GitHub takes 65,536 characters")
        );
        assert!(left_out(9, 2, 1).starts_with(
            "9 diffs are left out here or shown in part, 2 objects are not even listed, 1 Kustomization is not even listed:"
        ));
    }
}
