//! What a poll of one repository leads to: pure, so that it can be printed, tested and compared.

use crate::job::{Cause, DiffJob, Job};
use crate::names::CommitSha;
use crate::pull::{Observed, PullRequest, PullState};
use crate::rules::RepoRule;

/// A pull request as the listing shows it now, beside what is stored of it.
#[derive(Debug, Clone)]
pub struct Sighting {
    /// As listed now.
    pub now: PullRequest,
    /// As stored by the last poll that saw it; `None` on its first sighting.
    pub seen: Option<Observed>,
    /// Whether its changed files touch the rule's paths; `None` when nobody asked because every path counts.
    pub touches: Option<bool>,
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
    /// Remember what was seen and queue this job.
    Enqueue(Job),
}

/// Decides what one sighting leads to.
pub fn step(rule: &RepoRule, sighting: &Sighting) -> Step {
    let now = &sighting.now;
    let fresh = now.observed();
    let same = sighting.seen.as_ref() == Some(&fresh);
    if same && sighting.base_moved_to.is_none() {
        return Step::Nothing;
    }
    if now.state != PullState::Open {
        // A pull request that was never open while we watched has no message to bring up to date.
        return match &sighting.seen {
            Some(seen) if seen.state == PullState::Open => {
                Step::Enqueue(Job::Refresh { pull: now.key.clone() })
            }
            _ => Step::Remember,
        };
    }
    if !rule.watches(now) || sighting.touches == Some(false) {
        return Step::Remember;
    }
    match cause(sighting) {
        Some(cause) => {
            Step::Enqueue(Job::Diff(DiffJob { pull: now.key.clone(), head: now.head.clone(), cause }))
        }
        None => Step::Remember,
    }
}

/// Whether the listing says anything that needs the pull request's files: a new head, a first sighting, a reopening, the end of a draft.
pub fn wants_files(rule: &RepoRule, sighting: &Sighting) -> bool {
    sighting.now.state == PullState::Open && rule.watches(&sighting.now) && cause(sighting).is_some()
}

fn cause(sighting: &Sighting) -> Option<Cause> {
    let now = &sighting.now;
    let Some(seen) = &sighting.seen else { return Some(Cause::Opened) };
    let moved = seen.head != now.head;
    let reopened = seen.state != PullState::Open;
    let ready = seen.draft && !now.draft;
    if moved || reopened || ready {
        return Some(Cause::Changed);
    }
    let base = seen.base != now.base || sighting.base_moved_to.is_some();
    base.then_some(Cause::BaseMoved)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "names of the cases are well formed")]
    use super::*;
    use crate::pull::Author;

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
        };
        change(&mut pull);
        pull
    }

    fn rule() -> RepoRule {
        RepoRule {
            repo: "acme/fleet".parse().unwrap(),
            channel: "C1".to_owned(),
            include: Vec::new(),
            exclude: Vec::new(),
            base_branches: vec!["main".to_owned()],
            drafts: false,
        }
    }

    fn check(seen: Option<PullRequest>, now: PullRequest, expected: &str) {
        let sighting = Sighting { now, seen: seen.map(|p| p.observed()), touches: None, base_moved_to: None };
        let got = match step(&rule(), &sighting) {
            Step::Nothing => "nothing".to_owned(),
            Step::Remember => "remember".to_owned(),
            Step::Enqueue(Job::Diff(job)) => format!("{:?}", job.cause),
            Step::Enqueue(Job::Refresh { .. }) => "refresh".to_owned(),
            Step::Enqueue(other) => format!("{other:?}"),
        };
        assert_eq!(got, expected);
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
    }

    #[test]
    fn what_the_rule_does_not_watch_is_only_remembered() {
        check(None, pull(|p| p.draft = true), "remember");
        check(None, pull(|p| p.base_branch = "dev".to_owned()), "remember");
        let sighting = Sighting { now: pull(|_| ()), seen: None, touches: Some(false), base_moved_to: None };
        assert_eq!(step(&rule(), &sighting), Step::Remember);
    }

    #[test]
    fn a_moved_base_branch_is_news_even_when_the_pull_request_is_not() {
        let seen = Some(pull(|_| ()).observed());
        let sighting = Sighting { now: pull(|_| ()), seen, touches: None, base_moved_to: Some(sha('d')) };
        assert!(
            matches!(step(&rule(), &sighting), Step::Enqueue(Job::Diff(j)) if j.cause == Cause::BaseMoved)
        );
    }
}
