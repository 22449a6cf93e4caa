//! What a poll of one repository leads to: pure, so that it can be printed, tested and compared.

use std::collections::BTreeSet;

use crate::job::{Cause, DiffJob, Job};
use crate::names::CommitSha;
use crate::pull::{ChangedFiles, PullRequest, PullState};
use crate::rules::{RepoRule, Transition};

/// A pull request as the listing shows it now, beside what is stored of it.
#[derive(Debug, Clone)]
pub struct Sighting {
    /// As listed now.
    pub now: PullRequest,
    /// As stored by the last poll that saw it; `None` on its first sighting.
    pub seen: Option<PullRequest>,
    /// Since when the repository is watched without a gap, seconds since 1970; `None` on its first poll.
    pub watched_since: Option<i64>,
    /// Its changed files; `None` as long as nobody had to ask.
    pub files: Option<ChangedFiles>,
    /// The base branch's tip, where it was read and is not the one that the last report was made against.
    pub base_moved_to: Option<CommitSha>,
}

/// What to do about one sighting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing to do, and nothing new to remember.
    Nothing,
    /// Remember what was seen; no job.
    Remember,
    /// It depends on the changed files: ask for them, then decide again.
    AskForFiles,
    /// Remember what was seen, and that this rule (by its place among those given) wants it, and queue this job.
    Enqueue {
        /// The job.
        job: Job,
        /// The rule's place.
        rule: usize,
    },
    /// Remember what was seen, and queue this job: the message, if there is one, is brought up to date.
    Refresh(Job),
}

/// Decides what one sighting leads to. The first rule that accepts the pull request and wants what happened to it decides.
pub fn step(rules: &[&RepoRule], sighting: &Sighting) -> Step {
    let now = &sighting.now;
    let same = sighting.seen.as_ref().is_some_and(|seen| seen.observed() == now.observed());
    if same && sighting.base_moved_to.is_none() {
        return Step::Nothing;
    }
    if now.state != PullState::Open {
        return closed(rules, sighting);
    }
    let Some(cause) = cause(rules, sighting) else { return Step::Remember };
    match wanted_by(rules, sighting) {
        Ok(Some(rule)) => {
            let job = DiffJob { pull: now.key.clone(), head: now.head.clone(), cause };
            Step::Enqueue { job: Job::Diff(job), rule }
        }
        Ok(None) => Step::Remember,
        Err(FilesNeeded) => Step::AskForFiles,
    }
}

/// A closing brings the message up to date, if there is one; a rule that asks for closings gets a message of its own.
/// What was closed before it was watched is no closing.
fn closed(rules: &[&RepoRule], sighting: &Sighting) -> Step {
    let now = &sighting.now;
    let refresh = Job::Refresh { pull: now.key.clone() };
    // It may have been open in between: what was closed and is merged was reopened, and what is closed anew as well.
    let another = |seen: &PullRequest| (seen.state, seen.closed_at) != (now.state, now.closed_at);
    let changed = sighting.seen.as_ref().is_some_and(another);
    let between = sighting.seen.is_none()
        && matches!((now.closed_at, sighting.watched_since), (Some(closed), Some(since)) if closed >= since);
    if !changed && !between {
        return Step::Remember;
    }
    match wanted_by(rules, sighting) {
        Ok(Some(rule)) => Step::Enqueue { job: refresh, rule },
        Err(FilesNeeded) => Step::AskForFiles,
        // It may have been shown for another of its transitions.
        Ok(None) if changed => Step::Refresh(refresh),
        Ok(None) => Step::Remember,
    }
}

/// The changed files decide, and nobody asked for them yet.
struct FilesNeeded;

fn wanted_by(rules: &[&RepoRule], sighting: &Sighting) -> Result<Option<usize>, FilesNeeded> {
    for (place, rule) in rules.iter().enumerate() {
        if !rule.accepts(&sighting.now) || !wants(rule, sighting) {
            continue;
        }
        match &sighting.files {
            _ if rule.paths.accept_all() => return Ok(Some(place)),
            None => return Err(FilesNeeded),
            Some(files) if rule.paths.accept(files) => return Ok(Some(place)),
            Some(_) => {}
        }
    }
    Ok(None)
}

/// Whether a rule wants what happened. Without a list of its own it wants whatever may change the report; a base branch that moved
/// is to a rule with a list what a new head is.
fn wants(rule: &RepoRule, sighting: &Sighting) -> bool {
    let Some(on) = &rule.on else { return sighting.now.state == PullState::Open };
    let base = base_moved(sighting) && on.contains(&Transition::Synchronized);
    base || transitions(rule, sighting).iter().any(|transition| on.contains(transition))
}

/// Everything that happened to a pull request since it was last seen.
fn transitions(rule: &RepoRule, sighting: &Sighting) -> BTreeSet<Transition> {
    let now = &sighting.now;
    let seen = sighting.seen.as_ref();
    let had = |label: &String| seen.is_some_and(|seen| seen.labels.contains(label));
    let ours = |label: &String| rule.add_labels.values().any(|ours| ours.eq_ignore_ascii_case(label));
    let mut new_labels = now.labels.iter().filter(|label| !had(label) && !ours(label));
    let was = |state: PullState| seen.is_some_and(|seen| seen.state == state);
    let became = |state: PullState| now.state == state && !was(state);
    let open = now.state == PullState::Open;
    let all = [
        (Transition::Opened, open && seen.is_none()),
        (Transition::Synchronized, open && seen.is_some_and(|seen| seen.head != now.head)),
        (Transition::ReadyForReview, open && !now.draft && seen.is_some_and(|seen| seen.draft)),
        (Transition::Reopened, open && seen.is_some() && !was(PullState::Open)),
        (Transition::Labeled, open && new_labels.any(|label| rule.labels.accept(label))),
        (Transition::Closed, became(PullState::Closed)),
        (Transition::Merged, became(PullState::Merged)),
    ];
    all.into_iter().filter_map(|(transition, happened)| happened.then_some(transition)).collect()
}

fn base_moved(sighting: &Sighting) -> bool {
    let moved =
        |seen: &PullRequest| seen.base != sighting.now.base || seen.base_branch != sighting.now.base_branch;
    sighting.base_moved_to.is_some() || sighting.seen.as_ref().is_some_and(moved)
}

/// Why a diff is due, if it may be: a first sighting, a new head, a reopening, the end of a draft; a label or another base branch by
/// which some rule accepts it now and none did before; a label that a rule asks for; or a base branch that moved.
fn cause(rules: &[&RepoRule], sighting: &Sighting) -> Option<Cause> {
    let now = &sighting.now;
    let Some(seen) = &sighting.seen else { return Some(Cause::Opened) };
    let moved = seen.head != now.head || seen.state != PullState::Open || (seen.draft && !now.draft);
    let entered = !rules.iter().any(|rule| rule.accepts(seen));
    let asked = |rule: &&&RepoRule| {
        rule.on.as_ref().is_some_and(|on| on.contains(&Transition::Labeled))
            && transitions(rule, sighting).contains(&Transition::Labeled)
    };
    if moved || entered || rules.iter().find(asked).is_some() {
        return Some(Cause::Changed);
    }
    base_moved(sighting).then_some(Cause::BaseMoved)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "names of the cases are well formed")]
    use super::*;
    use crate::pull::Author;
    use crate::rules::{Only, PathRules, Selection};

    fn sha(digit: char) -> CommitSha {
        digit.to_string().repeat(40).parse().unwrap()
    }

    fn pull(change: impl FnOnce(&mut PullRequest)) -> PullRequest {
        let mut pull = PullRequest {
            key: "acme/fleet#7".parse().unwrap(),
            title: "t".to_owned(),
            author: Author { login: "ann".to_owned(), bot: false },
            state: PullState::Open,
            draft: false,
            labels: Default::default(),
            head_branch: "f".to_owned(),
            head: sha('a'),
            base_branch: "main".to_owned(),
            base: sha('b'),
            fork: false,
            head_owner: None,
            url: "https://github.com/acme/fleet/pull/7".to_owned(),
            updated_at: 0,
            closed_at: None,
        };
        change(&mut pull);
        pull
    }

    fn names(names: &[&str]) -> Selection {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Selection::new(&names, &[], false).unwrap()
    }

    fn rule(change: impl FnOnce(&mut RepoRule)) -> RepoRule {
        let mut rule = RepoRule::named("acme/fleet".parse().unwrap(), "C1");
        rule.base_branches = names(&["main"]);
        rule.drafts = Only::Not;
        change(&mut rule);
        rule
    }

    fn only(transitions: &[Transition]) -> Option<BTreeSet<Transition>> {
        Some(transitions.iter().copied().collect())
    }

    /// A sighting of a repository that is watched since second 50.
    fn sighting(seen: Option<PullRequest>, now: PullRequest) -> Sighting {
        Sighting { now, seen, watched_since: Some(50), files: None, base_moved_to: None }
    }

    fn came_to(rules: &[RepoRule], sighting: &Sighting) -> String {
        match step(&rules.iter().collect::<Vec<_>>(), sighting) {
            Step::Nothing => "nothing".to_owned(),
            Step::Remember => "remember".to_owned(),
            Step::AskForFiles => "ask".to_owned(),
            Step::Refresh(_) => "refresh".to_owned(),
            Step::Enqueue { job: Job::Diff(job), rule: 0 } => format!("{:?}", job.cause),
            Step::Enqueue { job: Job::Diff(job), rule } => format!("{:?} by {rule}", job.cause),
            Step::Enqueue { rule, .. } => format!("announce by {rule}"),
        }
    }

    fn check(seen: Option<PullRequest>, now: PullRequest, expected: &str) {
        assert_eq!(came_to(&[rule(|_| ())], &sighting(seen, now)), expected);
    }

    fn check_rule(rule: &RepoRule, seen: Option<PullRequest>, now: PullRequest, expected: &str) {
        assert_eq!(came_to(std::slice::from_ref(rule), &sighting(seen, now)), expected);
    }

    #[test]
    fn only_a_transition_leads_to_a_job() {
        check(None, pull(|_| ()), "Opened");
        check(Some(pull(|_| ())), pull(|_| ()), "nothing");
        check(Some(pull(|_| ())), pull(|p| p.title = "new".to_owned()), "nothing");
        check(Some(pull(|_| ())), pull(|p| p.head = sha('c')), "Changed");
        check(Some(pull(|_| ())), pull(|p| p.base = sha('c')), "BaseMoved");
        check(Some(pull(|_| ())), pull(|p| p.labels = ["x".to_owned()].into()), "remember");
        check(Some(pull(|p| p.draft = true)), pull(|_| ()), "Changed");
        check(Some(pull(|p| p.state = PullState::Closed)), pull(|_| ()), "Changed");
    }

    #[test]
    fn closings_refresh_what_was_shown_and_nothing_else() {
        check(Some(pull(|_| ())), pull(|p| p.state = PullState::Merged), "refresh");
        check(None, pull(|p| p.state = PullState::Closed), "remember");
        let closed = pull(|p| p.state = PullState::Closed);
        check(Some(closed.clone()), pull(|p| p.state = PullState::Merged), "refresh");
        check(Some(closed), pull(|p| (p.state, p.closed_at) = (PullState::Closed, Some(9))), "refresh");
    }

    #[test]
    fn what_no_rule_accepts_is_only_remembered() {
        check(None, pull(|p| p.draft = true), "remember");
        check(None, pull(|p| p.base_branch = "dev".to_owned()), "remember");
        for (change, now) in [
            (rule(|r| r.forks = Only::Only), pull(|_| ())),
            (rule(|r| r.forks = Only::Not), pull(|p| p.fork = true)),
            (rule(|r| r.drafts = Only::Only), pull(|_| ())),
            (rule(|r| r.authors = names(&["bob"])), pull(|_| ())),
            (rule(|r| r.head_branches = names(&["g"])), pull(|_| ())),
            (rule(|r| r.labels = names(&["flux"])), pull(|_| ())),
        ] {
            check_rule(&change, None, now, "remember");
        }
    }

    #[test]
    fn files_are_asked_for_only_where_they_decide() {
        let apps = rule(|r| r.paths = PathRules::new(&["apps/**".to_owned()], &[]).unwrap());
        let rest = rule(|_| ());
        let both = [apps.clone(), rest];
        let with = |files: Option<(&str, bool)>| {
            let list =
                |(path, complete): (&str, bool)| ChangedFiles { paths: vec![path.to_owned()], complete };
            Sighting { files: files.map(list), ..sighting(None, pull(|_| ())) }
        };
        assert_eq!(came_to(&both, &with(None)), "ask");
        assert_eq!(came_to(&both, &with(Some(("apps/x", true)))), "Opened");
        assert_eq!(came_to(&both, &with(Some(("docs/x", true)))), "Opened by 1");
        assert_eq!(came_to(&both, &with(Some(("docs/x", false)))), "Opened", "not all files are known");
        let only_apps = std::slice::from_ref(&apps);
        assert_eq!(came_to(only_apps, &with(Some(("docs/x", true)))), "remember");
        check_rule(&apps, None, pull(|p| p.draft = true), "remember");
        check_rule(&apps, Some(pull(|_| ())), pull(|p| p.labels = ["x".to_owned()].into()), "remember");
    }

    #[test]
    fn whoever_comes_to_be_accepted_is_new() {
        let flux = rule(|r| r.labels = names(&["flux*"]));
        let labeled = |label: &str| pull(|p| p.labels = [label.to_owned()].into());
        check_rule(&flux, Some(pull(|_| ())), labeled("flux/infra"), "Changed");
        check_rule(&flux, Some(labeled("flux")), labeled("flux/infra"), "remember");
        check_rule(&flux, Some(pull(|_| ())), labeled("docs"), "remember");
        check(Some(pull(|p| p.base_branch = "dev".to_owned())), pull(|_| ()), "Changed");
    }

    #[test]
    fn a_rule_with_a_list_wants_these_transitions_alone() {
        let labels = rule(|r| {
            r.on = only(&[Transition::Labeled]);
            r.labels = names(&["diff"]);
        });
        let labeled = |labels: &[&str]| pull(|p| p.labels = labels.iter().map(|l| (*l).to_owned()).collect());
        check_rule(&labels, Some(pull(|_| ())), labeled(&["diff"]), "Changed");
        check_rule(&labels, None, labeled(&["diff"]), "Opened");
        check_rule(&labels, Some(labeled(&["diff"])), labeled(&["diff", "docs"]), "remember");
        let moved = |p: &mut PullRequest| (p.head, p.labels) = (sha('c'), ["diff".to_owned()].into());
        check_rule(&labels, Some(labeled(&["diff"])), pull(moved), "remember");
        let pushes = rule(|r| r.on = only(&[Transition::Synchronized]));
        check_rule(&pushes, None, pull(|_| ()), "remember");
        check_rule(&pushes, Some(pull(|_| ())), pull(|p| p.head = sha('c')), "Changed");
        check_rule(&pushes, Some(pull(|_| ())), pull(|p| p.base = sha('c')), "BaseMoved");
        let both = [labels, rule(|_| ())];
        assert_eq!(came_to(&both, &sighting(None, pull(|_| ()))), "Opened by 1");
    }

    #[test]
    fn a_rule_may_ask_for_closings() {
        let merges = rule(|r| r.on = only(&[Transition::Merged]));
        let merged = |at: i64| pull(|p| (p.state, p.closed_at) = (PullState::Merged, Some(at)));
        check_rule(&merges, Some(pull(|_| ())), merged(60), "announce by 0");
        check_rule(&merges, None, merged(60), "announce by 0");
        check_rule(&merges, None, merged(40), "remember");
        check_rule(&merges, Some(merged(60)), merged(60), "nothing");
        let closed = pull(|p| (p.state, p.closed_at) = (PullState::Closed, Some(60)));
        check_rule(&merges, Some(pull(|_| ())), closed.clone(), "refresh");
        check_rule(&merges, None, closed, "remember");
        check_rule(&merges, None, pull(|_| ()), "remember");
        let first = Sighting { watched_since: None, ..sighting(None, merged(60)) };
        assert_eq!(came_to(&[merges], &first), "remember");
    }

    #[test]
    fn a_moved_base_branch_is_news_even_when_the_pull_request_is_not() {
        let moved = Sighting { base_moved_to: Some(sha('d')), ..sighting(Some(pull(|_| ())), pull(|_| ())) };
        assert_eq!(came_to(&[rule(|_| ())], &moved), "BaseMoved");
        assert_eq!(came_to(&[rule(|r| r.on = only(&[Transition::Opened]))], &moved), "remember");
    }
}
