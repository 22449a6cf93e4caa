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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use serde_json::Value;

    use super::super::Options;
    use super::super::tests::{World, world};
    use super::*;

    const MERGE: &str = "/repos/acme/fleet/pulls/1/merge";

    impl World {
        async fn merge(&self, token: &str, body: Value) -> (u16, String) {
            let got = self.send("PUT", MERGE, token, body, &[]).await;
            (got.status, got.body["message"].as_str().unwrap_or_default().to_owned())
        }
    }

    #[tokio::test]
    async fn what_github_does_not_merge() {
        let world = world(Options::default());
        for login in ["alice", "bob", "reader"] {
            world.github.add_token(login, login);
        }
        let refused = async |token: &str, body: Value, status: u16, part: &str| {
            let (is, said) = world.merge(token, body).await;
            assert!(is == status && said.contains(part), "{is} {said}: {status} {part}");
        };
        let head = world.repo.pull(1).head_sha;
        refused("reader", json!({}), 403, "write access").await;
        refused("bob", json!({"merge_method": "octopus"}), 422, "merge_method").await;
        refused("bob", json!({"sha": "0".repeat(40)}), 409, "Head branch was modified").await;
        world.repo.set_draft(1, true);
        refused("bob", json!({"sha": head}), 405, "still a draft").await;
        world.repo.set_draft(1, false);
        world.repo.require_approvals(1);
        refused("bob", json!({"sha": head}), 405, "At least 1 approving review is required").await;
        let reviews = "/repos/acme/fleet/pulls/1/reviews";
        let review = async |token: &str, event: &str| {
            let body = json!({"event": event, "body": "x"});
            assert_eq!(world.send("POST", reviews, token, body, &[]).await.status, 200);
        };
        // Of somebody whose approval does not count, and of somebody who takes it back.
        review("reader", "APPROVE").await;
        refused("bob", json!({}), 405, "At least 1").await;
        review("bob", "APPROVE").await;
        review("bob", "REQUEST_CHANGES").await;
        refused("alice", json!({}), 405, "Changes have been requested").await;
        review("bob", "APPROVE").await;
        world.repo.forbid_merging_by("rebase");
        refused("alice", json!({"merge_method": "rebase"}), 405, "Rebase merges are not allowed").await;
        world.repo.close(1);
        refused("alice", json!({}), 405, "not mergeable").await;
        world.repo.reopen(1);
        assert_eq!(world.merge("alice", json!({"sha": head})).await.0, 200);
        refused("alice", json!({"sha": head}), 405, "not mergeable").await;
        let got = world.get("/repos/acme/fleet/pulls/1").await;
        assert_eq!((&got.body["merged"], &got.body["merged_by"]["login"]), (&json!(true), &json!("alice")));
        world.wrong_on_purpose(&["/merge -> 422: sent: `/merge_method`"]);
    }

    #[tokio::test]
    async fn each_way_of_merging_leaves_its_own_commits() {
        for (method, parents) in [("merge", 2), ("squash", 1), ("rebase", 1)] {
            let world = world(Options::default());
            world.repo.push_to_pull(1, [("more.yaml", Some("m: 1\n"))]);
            let base = world.repo.head("main").unwrap();
            let (status, said) =
                world.merge(super::super::DEFAULT_TOKEN, json!({"merge_method": method})).await;
            assert_eq!((status, said.as_str()), (200, "Pull Request successfully merged"), "{method}");
            let tip = world.repo.head("main").unwrap();
            let state = world.repo.inner.state();
            let bare = state.repos["acme/fleet"].bare.clone();
            drop(state);
            assert_eq!(bare.commit_info(&tip).unwrap().parents.len(), parents, "{method}");
            let commits = bare.commits(&base, &tip).unwrap().len();
            assert_eq!(
                commits,
                match method {
                    "merge" => 3,
                    "squash" => 1,
                    _ => 2,
                },
                "{method}"
            );
            let files = bare.files(&base, &tip).unwrap();
            assert!(files.iter().any(|file| file.path == "more.yaml") && files.len() >= 5, "{method}");
            assert_eq!(world.repo.resolve("refs/pull/1/merge"), None, "{method}");
        }
    }
}
