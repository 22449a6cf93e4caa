//! How a test or the sandbox changes a repository while the fake runs: commits, pull requests, people.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;

use super::Inner;
use super::git::{Author, Change, read_dir};
use super::state::{
    CheckRun, Comment, CommitStatus, Happened, Permission, Pull, PullState, Repo, Review, State,
};

/// What to open a pull request with.
#[derive(Clone, Debug)]
pub struct PullSpec {
    /// Title.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// Author's login.
    pub author: String,
    /// `MEMBER`, `CONTRIBUTOR`, `NONE`, …, as GitHub computes it.
    pub author_association: String,
    /// Head branch; made from the base branch's tip when `changes` is not empty.
    pub head_ref: String,
    /// Base branch.
    pub base_ref: String,
    /// Opened as a draft.
    pub draft: bool,
    /// The head lives in the author's fork: no branch here, only `refs/pull/N/head`.
    pub fork: bool,
    /// Label names.
    pub labels: Vec<String>,
    /// The one commit it has; none when empty (the head branch must exist then).
    pub changes: Vec<Change>,
}

impl PullSpec {
    /// A pull request of `alice`, a member, from `head_ref` into `main` with one commit.
    pub fn new(title: &str, head_ref: &str, changes: impl IntoIterator<Item: Into<Change>>) -> Self {
        Self {
            title: title.to_owned(),
            body: String::new(),
            author: "alice".to_owned(),
            author_association: "MEMBER".to_owned(),
            head_ref: head_ref.to_owned(),
            base_ref: "main".to_owned(),
            draft: false,
            fork: false,
            labels: Vec::new(),
            changes: changes.into_iter().map(Into::into).collect(),
        }
    }
}

/// One repository of a running fake. Its methods panic on what cannot happen in a sound test (git missing, no such pull request).
#[derive(Clone, Debug)]
pub struct RepoHandle {
    pub(crate) inner: Arc<Inner>,
    pub(crate) key: String,
}

impl RepoHandle {
    fn with<T>(&self, act: impl FnOnce(&mut State, &str) -> anyhow::Result<T>) -> T {
        let mut state = self.inner.state();
        match act(&mut state, &self.key) {
            Ok(value) => value,
            Err(error) => panic!("fake GitHub, `{}`: {error:#}", self.key),
        }
    }

    /// Changes the repository, then brings all its pull requests up to date.
    fn change<T>(&self, act: impl FnOnce(&mut Repo, i64) -> anyhow::Result<T>) -> T {
        self.with(|state, key| {
            let now = state.tick();
            let repo = state.repos.get_mut(key).context("no such repository")?;
            let value = act(repo, now)?;
            repo.sync(now)?;
            Ok(value)
        })
    }

    fn change_pull<T>(&self, number: u64, act: impl FnOnce(&mut Pull, i64) -> T) -> T {
        self.change(|repo, now| {
            let pull = repo.pulls.get_mut(&number).with_context(|| format!("no pull request {number}"))?;
            pull.updated_at = now;
            Ok(act(pull, now))
        })
    }

    /// Full name, `owner/name`.
    pub fn full_name(&self) -> String {
        self.with(|state, key| Ok(state.repos[key].full_name()))
    }

    /// GitHub's numeric id.
    pub fn id(&self) -> u64 {
        self.with(|state, key| Ok(state.repos[key].id))
    }

    /// Renames or transfers the repository. Its old name redirects until another repository has it; this handle is of no more use.
    ///
    /// # Panics
    /// When `full_name` is not `owner/name` or is taken.
    pub fn rename(&self, full_name: &str) -> Self {
        let key = full_name.to_ascii_lowercase();
        self.with(|state, old| {
            let (owner, name) = full_name.split_once('/').context("a repository is `owner/name`")?;
            anyhow::ensure!(!state.repos.contains_key(&key), "`{full_name}` is taken");
            let mut repo = state.repos.remove(old).context("no such repository")?;
            state.user(owner);
            state.moved.insert(old.to_owned(), repo.id);
            (repo.owner, repo.name) = (owner.to_owned(), name.to_owned());
            state.repos.insert(key.clone(), repo);
            Ok(())
        });
        Self { inner: Arc::clone(&self.inner), key }
    }

    /// Makes the repository private (invisible without a token that may read it) or public.
    pub fn set_private(&self, private: bool) -> &Self {
        self.change(|repo, _| {
            repo.private = private;
            Ok(())
        });
        self
    }

    /// Archives the repository.
    pub fn archive(&self) -> &Self {
        self.change(|repo, _| {
            repo.archived = true;
            Ok(())
        });
        self
    }

    /// Gives a user a right on this repository.
    pub fn allow(&self, login: &str, permission: Permission) -> &Self {
        self.with(|state, key| {
            state.user(login);
            let repo = state.repos.get_mut(key).context("no such repository")?;
            repo.collaborators.insert(login.to_owned(), permission);
            Ok(())
        });
        self
    }

    /// Commits onto a branch (made from the default branch's tip when new) as `fleet-admin`; returns the commit id.
    pub fn commit(
        &self,
        branch: &str,
        message: &str,
        changes: impl IntoIterator<Item: Into<Change>>,
    ) -> String {
        self.commit_as("fleet-admin", branch, message, changes)
    }

    /// Commits onto a branch as `login`; returns the commit id.
    pub fn commit_as(
        &self,
        login: &str,
        branch: &str,
        message: &str,
        changes: impl IntoIterator<Item: Into<Change>>,
    ) -> String {
        let changes: Vec<Change> = changes.into_iter().map(Into::into).collect();
        self.change(|repo, now| {
            let start = repo.bare.branch(&repo.default_branch);
            let author = Author { login: login.to_owned(), at: now };
            repo.pushed_at = now;
            repo.bare.commit(&format!("refs/heads/{branch}"), start.as_deref(), &author, message, &changes)
        })
    }

    /// Commits every file under `dir` onto a branch; returns the commit id.
    pub fn import_dir(&self, branch: &str, dir: &Path) -> String {
        let changes = self.with(|_, _| read_dir(dir));
        self.commit(branch, "Import", changes)
    }

    /// Points a branch at a commit, as a force-push does.
    pub fn force_push(&self, branch: &str, sha: &str) {
        self.change(|repo, now| {
            repo.pushed_at = now;
            repo.bare.set_ref(&format!("refs/heads/{branch}"), sha)
        });
    }

    /// A branch's tip.
    pub fn head(&self, branch: &str) -> Option<String> {
        self.with(|state, key| Ok(state.repos[key].bare.branch(branch)))
    }

    /// What any ref or commit id resolves to, `refs/pull/N/merge` included.
    pub fn resolve(&self, name: &str) -> Option<String> {
        self.with(|state, key| Ok(state.repos[key].bare.resolve(name)))
    }

    /// The bare repository on disk.
    pub fn git_dir(&self) -> std::path::PathBuf {
        self.with(|state, key| Ok(state.repos[key].bare.dir.clone()))
    }

    /// Opens a pull request and returns its number.
    pub fn open_pull(&self, spec: PullSpec) -> u64 {
        self.with(|state, key| {
            state.user(&spec.author);
            let (id, now) = (state.id(), state.tick());
            let repo = state.repos.get_mut(key).context("no such repository")?;
            let number = repo.pulls.keys().next_back().copied().unwrap_or(0) + 1;
            let pull = opened(repo, spec, id, number, now)?;
            repo.pulls.insert(number, pull);
            repo.pushed_at = now;
            repo.sync(now)?;
            Ok(number)
        })
    }

    /// Opens so many more pull requests with the newest one's content. Git has none of them: nobody can check them out.
    pub fn crowd(&self, more: u64) {
        self.with(|state, key| {
            for _ in 0..more {
                let (id, now) = (state.id(), state.tick());
                let repo = state.repos.get_mut(key).context("no such repository")?;
                let (last, newest) = repo.pulls.last_key_value().context("no pull request")?;
                let number = last + 1;
                let pull = Pull { id, number, created_at: now, updated_at: now, ..newest.clone() };
                repo.pulls.insert(number, pull);
            }
            Ok(())
        });
    }

    /// Pushes one more commit to a pull request's head as its author; returns the commit id.
    pub fn push_to_pull(&self, number: u64, changes: impl IntoIterator<Item: Into<Change>>) -> String {
        let author = self.pull(number).author;
        self.push_to_pull_as(&author, number, changes)
    }

    /// Pushes one more commit to a pull request's head as `login`; returns the commit id.
    pub fn push_to_pull_as(
        &self,
        login: &str,
        number: u64,
        changes: impl IntoIterator<Item: Into<Change>>,
    ) -> String {
        let changes: Vec<Change> = changes.into_iter().map(Into::into).collect();
        self.with(|state, _| Ok(state.user(login)));
        self.change(|repo, now| {
            let pull = repo.pulls.get(&number).with_context(|| format!("no pull request {number}"))?;
            let head = if pull.fork {
                format!("refs/pull/{number}/head")
            } else {
                format!("refs/heads/{}", pull.head_ref)
            };
            let author = Author { login: login.to_owned(), at: now };
            repo.pushed_at = now;
            repo.bare.commit(&head, None, &author, "Update", &changes)
        })
    }

    /// Closes a pull request without merging it.
    pub fn close(&self, number: u64) {
        self.end(number, PullState::Closed);
    }

    /// Opens a closed pull request again.
    pub fn reopen(&self, number: u64) {
        self.change_pull(number, |pull, _| {
            (pull.state, pull.closed_at, pull.mergeable) = (PullState::Open, None, None);
        });
    }

    /// Merges a pull request as `fleet-admin` with a merge commit, which moves the base branch; returns the merge commit.
    pub fn merge(&self, number: u64) -> String {
        let sha = self.change(|repo, now| {
            let pull = repo.pulls.get(&number).with_context(|| format!("no pull request {number}"))?;
            let message = format!("Merge pull request #{number} from {}", pull.head_ref);
            let author = Author { login: pull.author.clone(), at: now };
            let merged = repo.bare.merge(&pull.base_sha, &pull.head_sha, &author, &message)?;
            let sha = merged.context("the pull request conflicts")?;
            repo.bare.set_ref(&format!("refs/heads/{}", pull.base_ref), &sha)?;
            let pull = repo.pulls.get_mut(&number).context("just read")?;
            (pull.state, pull.closed_at, pull.updated_at) = (PullState::Merged, Some(now), now);
            pull.merged_by = Some("fleet-admin".to_owned());
            pull.merge_commit_sha = Some(sha.clone());
            Ok(sha)
        });
        self.drop_merge_ref(number);
        sha
    }

    fn end(&self, number: u64, to: PullState) {
        self.change_pull(number, |pull, now| (pull.state, pull.closed_at) = (to, Some(now)));
        self.drop_merge_ref(number);
    }

    fn drop_merge_ref(&self, number: u64) {
        self.with(|state, key| {
            let merge = format!("refs/pull/{number}/merge");
            let bare = &state.repos[key].bare;
            if bare.resolve(&merge).is_some() { bare.delete_ref(&merge) } else { Ok(()) }
        });
    }

    /// Adds a label.
    pub fn label(&self, number: u64, label: &str) {
        self.change_pull(number, |pull, _| {
            if !pull.labels.iter().any(|l| l == label) {
                pull.labels.push(label.to_owned());
            }
        });
    }

    /// Removes a label.
    pub fn unlabel(&self, number: u64, label: &str) {
        self.change_pull(number, |pull, _| pull.labels.retain(|l| l != label));
    }

    /// Turns a pull request into a draft, or makes it ready.
    pub fn set_draft(&self, number: u64, draft: bool) {
        self.change_pull(number, |pull, _| pull.draft = draft);
    }

    /// Has a pull request go into another branch.
    pub fn set_base(&self, number: u64, branch: &str) {
        self.change_pull(number, |pull, _| (branch.clone_into(&mut pull.base_ref), pull.mergeable = None));
    }

    /// Gives a pull request another title.
    pub fn set_title(&self, number: u64, title: &str) {
        self.change_pull(number, |pull, _| title.clone_into(&mut pull.title));
    }

    /// Holds the merge result back (`mergeable: null`, old merge ref), or lets it be computed.
    pub fn hold_merge(&self, number: u64, hold: bool) {
        self.change_pull(number, |pull, _| (pull.pending, pull.mergeable) = (hold, None));
    }

    /// Computes merges as GitHub does from now on: the first question after a push is answered with `mergeable: null` and the old
    /// merge ref, and sets the computing off.
    pub fn merge_when_asked(&self) {
        self.change(|repo, _| {
            repo.merges_when_asked = true;
            Ok(())
        });
    }

    /// Posts a comment as `login`, as a person in the browser; returns its id.
    pub fn comment_as(&self, login: &str, number: u64, body: &str) -> u64 {
        let id = self.with(|state, _| {
            state.user(login);
            Ok(state.id())
        });
        self.change_pull(number, |pull, now| {
            let author = login.to_owned();
            pull.comments.push(Comment {
                id,
                author,
                body: body.to_owned(),
                created_at: now,
                updated_at: now,
                pull: number,
            });
        });
        id
    }

    /// Replaces all comments by these, each a login and a body, oldest first. Git is not looked at.
    pub fn set_comments(&self, number: u64, comments: &[(&str, &str)]) {
        self.with(|state, key| {
            let mut made = Vec::new();
            for (login, body) in comments {
                state.user(login);
                let (id, at) = (state.id(), state.tick());
                let (author, body) = ((*login).to_owned(), (*body).to_owned());
                made.push(Comment { id, author, body, created_at: at, updated_at: at, pull: number });
            }
            let repo = state.repos.get_mut(key).context("no such repository")?;
            repo.pulls.get_mut(&number).with_context(|| format!("no pull request {number}"))?.comments = made;
            Ok(())
        });
    }

    /// Deletes a comment, as a maintainer in the browser.
    pub fn delete_comment(&self, number: u64, id: u64) {
        self.change_pull(number, |pull, _| pull.comments.retain(|comment| comment.id != id));
    }

    /// The pull request as it stands.
    pub fn pull(&self, number: u64) -> Pull {
        self.with(|state, key| {
            state.repos[key].pulls.get(&number).cloned().with_context(|| format!("no pull request {number}"))
        })
    }

    /// Its comments, oldest first.
    pub fn comments(&self, number: u64) -> Vec<Comment> {
        self.pull(number).comments
    }

    /// Its reviews, oldest first.
    pub fn reviews(&self, number: u64) -> Vec<Review> {
        self.pull(number).reviews
    }

    /// Lets something happen that is listed as an event; gives its id.
    pub fn happens(&self, kind: &str, actor: &str, payload: serde_json::Value) -> u64 {
        self.with(|state, key| {
            let (id, now) = (state.id(), state.tick());
            state.user(actor);
            let repo = state.repos.get_mut(key).context("no such repository")?;
            repo.events.push(Happened {
                id,
                kind: kind.to_owned(),
                actor: actor.to_owned(),
                payload,
                at: now,
            });
            Ok(id)
        })
    }

    /// The check runs of a commit, oldest first.
    pub fn check_runs(&self, sha: &str) -> Vec<CheckRun> {
        let (mut runs, _) = super::check::written(&self.inner, &self.key);
        runs.retain(|run| run.head_sha == sha);
        runs
    }

    /// The statuses of a commit, oldest first.
    pub fn statuses(&self, sha: &str) -> Vec<CommitStatus> {
        let (_, mut statuses) = super::check::written(&self.inner, &self.key);
        statuses.retain(|status| status.sha == sha);
        statuses
    }
}

fn opened(repo: &Repo, spec: PullSpec, id: u64, number: u64, now: i64) -> anyhow::Result<Pull> {
    let base_sha =
        repo.bare.branch(&spec.base_ref).with_context(|| format!("no base branch `{}`", spec.base_ref))?;
    let target =
        if spec.fork { format!("refs/pull/{number}/head") } else { format!("refs/heads/{}", spec.head_ref) };
    let head_sha = if spec.changes.is_empty() {
        repo.bare.resolve(&target).with_context(|| format!("no head branch `{}`", spec.head_ref))?
    } else {
        let author = Author { login: spec.author.clone(), at: now };
        repo.bare.commit(&target, Some(&base_sha), &author, &spec.title, &spec.changes)?
    };
    Ok(Pull {
        id,
        number,
        title: spec.title,
        body: spec.body,
        author: spec.author,
        author_association: spec.author_association,
        head_ref: spec.head_ref,
        head_sha,
        base_ref: spec.base_ref,
        base_sha,
        draft: spec.draft,
        fork: spec.fork,
        state: PullState::Open,
        labels: spec.labels,
        mergeable: None,
        merge_commit_sha: None,
        merged_by: None,
        created_at: now,
        updated_at: now,
        closed_at: None,
        comments: Vec::new(),
        reviews: Vec::new(),
        pending: false,
    })
}
