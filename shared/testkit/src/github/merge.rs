//! `PUT /repos/{owner}/{repo}/pulls/{number}/merge`, with what GitHub refuses: drafts, conflicts, other heads, methods that a repository
//! does not allow, and branches that want reviews.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::RepoHandle;
use super::auth::Caller;
use super::git::Author;
use super::read::{At, Found};
use super::rest::Answer;
use super::state::{Permission, Pull, PullState, Repo, State};

/// What a repository says about merging.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// Approvals that the base branch wants.
    approvals: usize,
    /// Methods that are switched off.
    without: BTreeSet<String>,
}

impl RepoHandle {
    /// Protects every branch: so many approvals are needed, and nobody's request for changes may stand.
    pub fn require_approvals(&self, approvals: usize) {
        self.inner
            .state()
            .repos
            .entry(self.key.clone())
            .and_modify(|repo| repo.merging.approvals = approvals);
    }

    /// Switches a way of merging off: `merge`, `squash` or `rebase`.
    pub fn forbid_merging_by(&self, method: &str) {
        let mut state = self.inner.state();
        state.repos.entry(self.key.clone()).and_modify(|repo| {
            repo.merging.without.insert(method.to_owned());
        });
    }
}

pub(crate) fn merge(at: &At<'_>, number: &str) -> Answer {
    match tried(at, number) {
        Ok(answer) | Err(answer) => answer,
    }
}

fn tried(at: &At<'_>, number: &str) -> Result<Answer, Answer> {
    let Caller::Token(token) = at.caller else { return Err(Answer::error(401, "Requires authentication")) };
    let found = at.find(number, "contents", "write")?;
    let asked = at.ask.json();
    let method = asked["merge_method"].as_str().unwrap_or("merge").to_owned();
    if !["merge", "squash", "rebase"].contains(&method.as_str()) {
        return Err(Answer::error(
            422,
            "Invalid request.\n\nFor 'properties/merge_method', it is not a possible value.",
        ));
    }
    let mut state = at.inner.state();
    {
        let repo = state.repos.get(&at.key()).ok_or_else(Answer::not_found)?;
        if token.installation.is_none() && state.permission(repo, &token.login) < Permission::Write {
            return Err(Answer::error(
                403,
                "You must have write access to the repository to merge pull requests.",
            ));
        }
        if let Some(refusal) = refusal(&state, repo, &found.pull, &method, asked["sha"].as_str()) {
            return Err(refusal);
        }
    }
    let now = state.tick();
    let author = Author { login: token.login.clone(), at: now };
    let merged = merged(&found, &method, &author).map_err(|e| Answer::error(500, &format!("{e:#}")))?;
    let Some(sha) = merged else { return Err(not_mergeable()) };
    let repo = state.repos.get_mut(&at.key()).ok_or_else(Answer::not_found)?;
    let done = repo.bare.set_ref(&format!("refs/heads/{}", found.pull.base_ref), &sha);
    done.map_err(|e| Answer::error(500, &format!("{e:#}")))?;
    if let Some(pull) = repo.pulls.get_mut(&found.pull.number) {
        (pull.state, pull.closed_at, pull.updated_at) = (PullState::Merged, Some(now), now);
        (pull.merge_commit_sha, pull.merged_by) = (Some(sha.clone()), Some(token.login.clone()));
    }
    repo.sync(now).map_err(|e| Answer::error(500, &format!("{e:#}")))?;
    let test_merge = format!("refs/pull/{}/merge", found.pull.number);
    if repo.bare.resolve(&test_merge).is_some() {
        repo.bare.delete_ref(&test_merge).map_err(|e| Answer::error(500, &format!("{e:#}")))?;
    }
    Ok(Answer::json(200, &json!({"sha": sha, "merged": true, "message": "Pull Request successfully merged"})))
}

fn not_mergeable() -> Answer {
    Answer::error(405, "Pull Request is not mergeable")
}

/// Why GitHub does not merge it, in the order that it looks.
fn refusal(state: &State, repo: &Repo, pull: &Pull, method: &str, sha: Option<&str>) -> Option<Answer> {
    let no = |text: &str| Some(Answer::error(405, text));
    if pull.state != PullState::Open || pull.mergeable == Some(false) {
        return Some(not_mergeable());
    }
    if pull.draft {
        return no("Pull Request is still a draft");
    }
    if sha.is_some_and(|sha| sha != pull.head_sha) {
        return Some(Answer::error(409, "Head branch was modified. Review and try the merge again."));
    }
    if repo.merging.without.contains(method) {
        return no(match method {
            "merge" => "Merge commits are not allowed on this repository.",
            "squash" => "Squash merges are not allowed on this repository.",
            _ => "Rebase merges are not allowed on this repository.",
        });
    }
    let mut last = BTreeMap::new();
    for review in &pull.reviews {
        if ["APPROVED", "CHANGES_REQUESTED", "DISMISSED"].contains(&review.state.as_str()) {
            last.insert(&review.author, review.state.as_str());
        }
    }
    let counts = |(login, _): &(&&String, &&str)| state.permission(repo, login) >= Permission::Write;
    let standing = |wanted: &str| last.iter().filter(counts).filter(|(_, is)| **is == wanted).count();
    if repo.merging.approvals > 0 && standing("CHANGES_REQUESTED") > 0 {
        return no("Changes have been requested on this pull request by reviewers with write access.");
    }
    if standing("APPROVED") < repo.merging.approvals {
        let (many, s) = (repo.merging.approvals, if repo.merging.approvals == 1 { "" } else { "s" });
        let is = if many == 1 { "is" } else { "are" };
        return no(&format!(
            "At least {many} approving review{s} {is} required by reviewers with write access."
        ));
    }
    None
}

/// The commit that the base branch points at afterwards; `None` where Git finds a conflict.
fn merged(found: &Found, method: &str, by: &Author) -> anyhow::Result<Option<String>> {
    let Found { bare, pull, .. } = found;
    let title = format!("{} (#{})", pull.title, pull.number);
    match method {
        "squash" => bare.squash(&pull.base_sha, &pull.head_sha, by, &title),
        "rebase" => bare.rebase(&pull.base_sha, &pull.head_sha, by),
        _ => {
            let message = format!("Merge pull request #{} from {}", pull.number, pull.head_ref);
            bare.merge(&pull.base_sha, &pull.head_sha, by, &message)
        }
    }
}
