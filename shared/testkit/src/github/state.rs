//! What the fake GitHub knows: users, tokens, repositories, pull requests, comments, reviews. Git itself is in `git`, JSON in `shape`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Serialize;

use super::git::{Author, Bare};
use crate::clock::Clock;

/// A person's or App's right on a repository, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// No right; a private repository is a 404 to them.
    None,
    /// May read.
    Read,
    /// May push, and their approvals count.
    Write,
    /// May do anything.
    Admin,
}

impl Permission {
    /// As GitHub writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

/// A pull request's state; GitHub's API shows merged ones as `closed` with `merged: true`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PullState {
    /// Open.
    Open,
    /// Closed without a merge.
    Closed,
    /// Merged.
    Merged,
}

/// An issue comment on a pull request.
#[derive(Clone, Debug, Serialize)]
pub struct Comment {
    /// GitHub's id.
    pub id: u64,
    /// Author's login; an App's ends in `[bot]`.
    pub author: String,
    /// Markdown.
    pub body: String,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds.
    pub updated_at: i64,
    /// The pull request's number.
    pub pull: u64,
}

/// A review of a pull request.
#[derive(Clone, Debug, Serialize)]
pub struct Review {
    /// GitHub's id.
    pub id: u64,
    /// Author's login; an App's ends in `[bot]`.
    pub author: String,
    /// Markdown, possibly empty.
    pub body: String,
    /// `APPROVED`, `CHANGES_REQUESTED`, `COMMENTED` or `PENDING`.
    pub state: String,
    /// The commit that was reviewed.
    pub commit_id: String,
    /// Unix seconds.
    pub submitted_at: i64,
}

/// Something that happened in a repository.
#[derive(Clone, Debug)]
pub(crate) struct Happened {
    pub(crate) id: u64,
    pub(crate) kind: String,
    pub(crate) actor: String,
    pub(crate) payload: serde_json::Value,
    pub(crate) at: i64,
}

/// A check run of the App.
#[derive(Clone, Debug, Serialize)]
pub struct CheckRun {
    /// GitHub's id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// The commit.
    pub head_sha: String,
    /// `queued`, `in_progress` or `completed`.
    pub status: String,
    /// How it ended, once completed.
    pub conclusion: Option<String>,
    /// The line over it.
    pub title: Option<String>,
    /// Markdown.
    pub summary: Option<String>,
    /// Unix seconds.
    pub started_at: i64,
    /// Unix seconds, once completed.
    pub completed_at: Option<i64>,
}

/// A commit status.
#[derive(Clone, Debug, Serialize)]
pub struct CommitStatus {
    /// GitHub's id.
    pub id: u64,
    /// Who wrote it.
    pub creator: String,
    /// The commit.
    pub sha: String,
    /// `error`, `failure`, `pending` or `success`.
    pub state: String,
    /// Its name.
    pub context: String,
    /// One line.
    pub description: Option<String>,
    /// Unix seconds.
    pub created_at: i64,
}

/// A pull request as the fake holds it.
#[derive(Clone, Debug, Serialize)]
pub struct Pull {
    /// GitHub's id.
    pub id: u64,
    /// Number within the repository.
    pub number: u64,
    /// Title.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// Author's login.
    pub author: String,
    /// `OWNER`, `MEMBER`, `COLLABORATOR`, `CONTRIBUTOR`, `FIRST_TIME_CONTRIBUTOR`, `NONE`.
    pub author_association: String,
    /// Head branch, without `refs/heads/`.
    pub head_ref: String,
    /// Head commit.
    pub head_sha: String,
    /// Base branch.
    pub base_ref: String,
    /// Base commit as the API shows it: the base branch's tip.
    pub base_sha: String,
    /// Whether it is a draft.
    pub draft: bool,
    /// Whether its head is in another repository (`<author>/<name>`).
    pub fork: bool,
    /// Open, closed or merged.
    pub state: PullState,
    /// Label names.
    pub labels: Vec<String>,
    /// `None` while GitHub still computes it.
    pub mergeable: Option<bool>,
    /// The test merge, or the merge itself once merged.
    pub merge_commit_sha: Option<String>,
    /// Who merged it.
    pub merged_by: Option<String>,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds.
    pub updated_at: i64,
    /// Unix seconds; set when no longer open.
    pub closed_at: Option<i64>,
    /// Comments, oldest first.
    pub comments: Vec<Comment>,
    /// Reviews, oldest first.
    pub reviews: Vec<Review>,
    /// Whether the merge result is held back (`mergeable: null`).
    #[serde(skip)]
    pub(crate) pending: bool,
}

#[derive(Debug)]
pub(crate) struct Repo {
    pub(crate) id: u64,
    pub(crate) owner: String,
    pub(crate) name: String,
    pub(crate) private: bool,
    pub(crate) archived: bool,
    /// Whether a merge is first computed when the pull request is asked for, as on GitHub, instead of at once.
    pub(crate) merges_when_asked: bool,
    pub(crate) default_branch: String,
    pub(crate) bare: Bare,
    pub(crate) pulls: BTreeMap<u64, Pull>,
    pub(crate) collaborators: BTreeMap<String, Permission>,
    pub(crate) merging: super::merge::Rules,
    pub(crate) check_runs: Vec<CheckRun>,
    /// Oldest first.
    pub(crate) events: Vec<Happened>,
    pub(crate) statuses: Vec<CommitStatus>,
    pub(crate) pushed_at: i64,
}

impl Repo {
    pub(crate) fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) id: u64,
    pub(crate) bot: bool,
    /// Their right on repositories that do not list them.
    pub(crate) permission: Permission,
}

/// What a token may do.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) login: String,
    pub(crate) installation: Option<Grant>,
    /// Unix seconds.
    pub(crate) expires_at: Option<i64>,
}

/// The limits of an installation token: repositories (all when empty) and permissions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grant {
    pub(crate) repositories: BTreeSet<u64>,
    pub(crate) permissions: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Meter {
    pub(crate) used: u64,
    pub(crate) reset: i64,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) clock: Clock,
    pub(crate) root: PathBuf,
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) tokens: BTreeMap<String, Token>,
    /// By lower-case full name.
    pub(crate) repos: BTreeMap<String, Repo>,
    /// Names that repositories had, in lower case, and which repositories.
    pub(crate) moved: BTreeMap<String, u64>,
    pub(crate) meters: BTreeMap<String, Meter>,
    /// When each identity created content, Unix seconds, oldest first.
    pub(crate) creations: BTreeMap<String, Vec<i64>>,
    pub(crate) rate_limit: u64,
    /// The App's short name now; its bot is `SLUG[bot]`.
    pub(crate) app_slug: String,
    /// People who let the App act as them.
    pub(crate) granted: super::people::Granted,
    next_id: u64,
}

impl State {
    pub(crate) fn new(clock: Clock, root: PathBuf, rate_limit: u64) -> Self {
        Self {
            clock,
            root,
            users: BTreeMap::new(),
            tokens: BTreeMap::new(),
            repos: BTreeMap::new(),
            moved: BTreeMap::new(),
            meters: BTreeMap::new(),
            creations: BTreeMap::new(),
            rate_limit,
            app_slug: super::APP_SLUG.to_owned(),
            granted: Default::default(),
            next_id: 1000,
        }
    }

    pub(crate) fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// The login of the App's bot.
    pub(crate) fn bot(&self) -> String {
        format!("{}[bot]", self.app_slug)
    }

    /// Moves a fixed clock one second on, so that every mutation has its own time.
    pub(crate) fn tick(&self) -> i64 {
        self.clock.advance(1)
    }

    /// The user, made on first mention with read access.
    pub(crate) fn user(&mut self, login: &str) -> User {
        if let Some(user) = self.users.get(login) {
            return user.clone();
        }
        let user = User { id: self.id(), bot: login.ends_with("[bot]"), permission: Permission::Read };
        self.users.insert(login.to_owned(), user.clone());
        user
    }

    pub(crate) fn permission(&self, repo: &Repo, login: &str) -> Permission {
        let listed = repo.collaborators.get(login).copied();
        let general = || self.users.get(login).map_or(Permission::None, |u| u.permission);
        let found = listed.unwrap_or_else(general);
        if repo.private { found } else { found.max(Permission::Read) }
    }
}

impl Repo {
    /// Brings `refs/pull/N/head` and `refs/pull/N/merge`, and what the API shows of them, to the branches' tips.
    pub(crate) fn sync(&mut self, now: i64) -> anyhow::Result<()> {
        let bare = self.bare.clone();
        for pull in self.pulls.values_mut().filter(|p| p.state == PullState::Open) {
            sync_pull(&bare, pull, now, self.merges_when_asked)?;
        }
        Ok(())
    }

    /// Computes the merge that somebody's question has set off.
    pub(crate) fn asked_for(&mut self, number: u64, now: i64) -> anyhow::Result<()> {
        match self.pulls.get_mut(&number).filter(|pull| pull.pending && self.merges_when_asked) {
            Some(pull) => {
                pull.pending = false;
                sync_pull(&self.bare, pull, now, false)
            }
            None => Ok(()),
        }
    }
}

fn sync_pull(bare: &Bare, pull: &mut Pull, now: i64, later: bool) -> anyhow::Result<()> {
    let number = pull.number;
    let head_ref = format!("refs/pull/{number}/head");
    let source = if pull.fork { head_ref.clone() } else { format!("refs/heads/{}", pull.head_ref) };
    let head = bare.resolve(&source).unwrap_or_else(|| pull.head_sha.clone());
    let base = bare.branch(&pull.base_ref).unwrap_or_else(|| pull.base_sha.clone());
    let moved = head != pull.head_sha || base != pull.base_sha;
    if head != pull.head_sha {
        pull.updated_at = now;
    }
    (pull.head_sha, pull.base_sha) = (head, base);
    bare.set_ref(&head_ref, &pull.head_sha)?;
    pull.pending |= later && (moved || pull.mergeable.is_none());
    if pull.pending {
        // As GitHub does while it computes: unknown, and the old merge ref still there.
        pull.mergeable = None;
        return Ok(());
    }
    if !moved && pull.mergeable.is_some() {
        return Ok(());
    }
    let merge_ref = format!("refs/pull/{number}/merge");
    let message = format!("Merge {} into {}", pull.head_sha, pull.base_sha);
    let author = Author { login: pull.author.clone(), at: now };
    pull.merge_commit_sha = bare.merge(&pull.base_sha, &pull.head_sha, &author, &message)?;
    pull.mergeable = Some(pull.merge_commit_sha.is_some());
    match &pull.merge_commit_sha {
        Some(sha) => bare.set_ref(&merge_ref, sha),
        None if bare.resolve(&merge_ref).is_some() => bare.delete_ref(&merge_ref),
        None => Ok(()),
    }
}
