//! GitHub's JSON: only the fields that we read. `tests/wire` holds saved answers that must keep parsing.

use std::collections::BTreeSet;

use domain::{Author, CommitSha, Permission, PullKey, PullRequest, PullState, RepoName};
use serde::Deserialize;

/// An RFC 3339 instant, kept as seconds since 1970.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Instant(pub(crate) i64);

impl TryFrom<String> for Instant {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parsed: Result<jiff::Timestamp, _> = text.parse();
        parsed.map(|at| Self(at.as_second())).map_err(|_| format!("`{text}` is not an instant"))
    }
}

/// An account. Deleted ones are `null`; GitHub shows them as `ghost`.
#[derive(Debug, Deserialize)]
pub(crate) struct User {
    pub(crate) login: String,
    pub(crate) id: u64,
    #[serde(rename = "type", default)]
    pub(crate) kind: String,
}

#[derive(Debug, Deserialize)]
struct Label {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Repo {
    id: u64,
}

/// One end of a pull request. `repo` is `null` once the author's repository is deleted.
#[derive(Debug, Deserialize)]
struct End {
    #[serde(rename = "ref")]
    branch: String,
    sha: CommitSha,
    repo: Option<Repo>,
    /// The owner of `repo`, there even when that is gone.
    user: Option<User>,
}

/// A pull request, alone or in a list.
#[derive(Debug, Deserialize)]
pub(crate) struct Pull {
    number: u64,
    title: String,
    user: Option<User>,
    state: String,
    #[serde(default)]
    draft: bool,
    #[serde(default)]
    labels: Vec<Label>,
    head: End,
    base: End,
    html_url: String,
    updated_at: Instant,
    closed_at: Option<Instant>,
    merged_at: Option<Instant>,
}

impl Pull {
    /// The pull request in our words, or a sentence that says why it cannot be read.
    pub(crate) fn into_domain(self, repo: &RepoName) -> Result<PullRequest, String> {
        let key = PullKey { repo: repo.clone(), number: self.number };
        let state = match (self.state.as_str(), &self.merged_at) {
            ("open", _) => PullState::Open,
            ("closed", None) => PullState::Closed,
            ("closed", Some(_)) => PullState::Merged,
            (other, _) => return Err(format!("`{key}` is skipped: its state `{other}` is not known.")),
        };
        // What is over stays readable: its end must still reach those who saw it open.
        let fork = match (&self.head.repo, &self.base.repo) {
            (Some(head), Some(base)) => head.id != base.id,
            _ if state != PullState::Open => true,
            _ => return Err(format!("`{key}` is skipped: the repository it comes from is gone.")),
        };
        let author = self.user.map_or_else(
            || Author { login: "ghost".to_owned(), bot: false },
            |user| Author { bot: user.kind == "Bot", login: user.login },
        );
        Ok(PullRequest {
            key,
            title: self.title,
            author,
            state,
            draft: self.draft,
            labels: self.labels.into_iter().map(|label| label.name).collect::<BTreeSet<_>>(),
            head_branch: self.head.branch,
            head: self.head.sha,
            base_branch: self.base.branch,
            base: self.base.sha,
            fork,
            head_owner: self.head.user.map(|user| user.login),
            url: self.html_url,
            updated_at: self.updated_at.0,
            closed_at: self.closed_at.filter(|_| state != PullState::Open).map(|at| at.0),
        })
    }
}

/// A file of a pull request.
#[derive(Debug, Deserialize)]
pub(crate) struct File {
    pub(crate) filename: String,
    pub(crate) previous_filename: Option<String>,
}

/// A ref.
#[derive(Debug, Deserialize)]
pub(crate) struct Ref {
    pub(crate) object: RefObject,
}

/// What a ref points at.
#[derive(Debug, Deserialize)]
pub(crate) struct RefObject {
    pub(crate) sha: CommitSha,
}

/// What an account may do.
#[derive(Debug, Deserialize)]
pub(crate) struct Collaborator {
    permission: String,
    #[serde(default)]
    role_name: Option<String>,
}

impl Collaborator {
    /// `maintain` counts as write and `triage` as read; a custom role counts as what it is based on.
    pub(crate) fn permission(&self) -> Permission {
        let known = |text: &str| match text {
            "admin" => Some(Permission::Admin),
            "write" | "maintain" | "push" => Some(Permission::Write),
            "read" | "triage" | "pull" => Some(Permission::Read),
            "none" => Some(Permission::None),
            _ => None,
        };
        known(&self.permission).or_else(|| known(self.role_name.as_deref()?)).unwrap_or(Permission::None)
    }
}

/// A comment on a pull request.
#[derive(Debug, Deserialize)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) html_url: String,
    #[serde(default)]
    pub(crate) body: Option<String>,
    pub(crate) user: Option<User>,
    #[serde(rename = "performed_via_github_app", default)]
    pub(crate) via: Option<ViaApp>,
}

/// The check runs of a commit.
#[derive(Debug, Deserialize)]
pub(crate) struct CheckRuns {
    pub(crate) check_runs: Vec<CheckRun>,
}

/// A check run.
#[derive(Debug, Deserialize)]
pub(crate) struct CheckRun {
    pub(crate) id: u64,
    pub(crate) status: String,
    pub(crate) conclusion: Option<String>,
    pub(crate) output: CheckOutput,
}

/// What a check run shows.
#[derive(Debug, Deserialize)]
pub(crate) struct CheckOutput {
    pub(crate) title: Option<String>,
    pub(crate) summary: Option<String>,
}

/// A commit status.
#[derive(Debug, Deserialize)]
pub(crate) struct CommitStatus {
    pub(crate) state: String,
    pub(crate) context: String,
    pub(crate) description: Option<String>,
    pub(crate) creator: Option<User>,
}

/// The App that something was done through.
#[derive(Debug, Deserialize)]
pub(crate) struct ViaApp {
    pub(crate) id: u64,
}

/// A review of a pull request.
#[derive(Debug, Deserialize)]
pub(crate) struct Review {
    pub(crate) html_url: String,
    pub(crate) state: String,
    pub(crate) commit_id: Option<String>,
    pub(crate) user: Option<User>,
}

/// A repository, for its permissions.
#[derive(Debug, Deserialize)]
pub(crate) struct Repository {
    #[serde(default)]
    pub(crate) permissions: Option<RepositoryRights>,
}

/// What the token's owner may do.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct RepositoryRights {
    #[serde(default)]
    pub(crate) push: bool,
    #[serde(default)]
    pub(crate) pull: bool,
}

/// An App.
#[derive(Debug, Deserialize)]
pub(crate) struct App {
    pub(crate) slug: String,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a saved answer that no longer parses is the failure")]
    use serde_json::{Value, json};

    use super::*;

    const PULL: &str = include_str!("../tests/wire/pull.json");

    /// The saved pull request with one place changed, as its outcome.
    fn check(pointer: &str, value: Value) -> Result<PullRequest, String> {
        let mut pull: Value = serde_json::from_str(PULL).unwrap();
        *pull.pointer_mut(pointer).unwrap() = value;
        let repo = "acme/fleet".parse().unwrap();
        serde_json::from_value::<Pull>(pull).map_err(|e| e.to_string())?.into_domain(&repo)
    }

    #[test]
    fn pull_requests_are_read() {
        let pull = check("/draft", json!(false)).unwrap();
        assert_eq!((pull.key.to_string().as_str(), pull.state), ("acme/fleet#7", PullState::Open));
        assert_eq!((pull.head_branch.as_str(), pull.base_branch.as_str()), ("raise-replicas", "main"));
        assert_eq!((pull.fork, pull.author.bot, pull.updated_at), (false, false, 1_700_000_100));
        assert_eq!(pull.labels, BTreeSet::from(["team/web".to_owned()]));
        assert!(check("/head/repo/id", json!(99)).unwrap().fork);
        assert!(check("/user/type", json!("Bot")).unwrap().author.bot);
        assert_eq!(check("/user", Value::Null).unwrap().author.login, "ghost");
        assert_eq!(check("/state", json!("closed")).unwrap().state, PullState::Closed);
    }

    #[test]
    fn what_cannot_be_read_says_so() {
        assert!(check("/head/repo", Value::Null).unwrap_err().contains("`acme/fleet#7` is skipped"));
        assert!(check("/state", json!("odd")).unwrap_err().contains("`odd`"));
        assert!(check("/head/sha", json!("main")).unwrap_err().contains("commit id"));
    }

    #[test]
    fn what_is_over_is_read_without_its_repository() {
        let mut pull: Value = serde_json::from_str(PULL).unwrap();
        pull["head"]["repo"] = Value::Null;
        pull["state"] = json!("closed");
        pull["merged_at"] = json!("2023-11-14T22:15:00Z");
        let pull: Pull = serde_json::from_value(pull).unwrap();
        let pull = pull.into_domain(&"acme/fleet".parse().unwrap()).unwrap();
        assert_eq!((pull.state, pull.fork), (PullState::Merged, true));
    }

    #[test]
    fn saved_answers_keep_parsing() {
        let comments: Vec<Comment> =
            serde_json::from_str(include_str!("../tests/wire/comments.json")).unwrap();
        assert_eq!(comments[0].user.as_ref().map(|u| u.id), Some(41));
        let reviews: Vec<Review> = serde_json::from_str(include_str!("../tests/wire/reviews.json")).unwrap();
        assert_eq!(reviews[0].state, "APPROVED");
        let files: Vec<File> = serde_json::from_str(include_str!("../tests/wire/files.json")).unwrap();
        assert_eq!(files[1].previous_filename.as_deref(), Some("apps/old.yaml"));
        let branch: Ref = serde_json::from_str(include_str!("../tests/wire/ref.json")).unwrap();
        assert_eq!(branch.object.sha.short(), "bbbbbbbb");
    }

    #[test]
    fn roles_are_mapped() {
        for (permission, role, wanted) in [
            ("admin", "admin", Permission::Admin),
            ("write", "maintain", Permission::Write),
            ("read", "triage", Permission::Read),
            ("none", "none", Permission::None),
            ("odd", "write", Permission::Write),
            ("odd", "odder", Permission::None),
        ] {
            let json = json!({"permission": permission, "role_name": role});
            let found: Collaborator = serde_json::from_value(json).unwrap();
            assert_eq!(found.permission(), wanted, "{permission} {role}");
        }
    }
}
