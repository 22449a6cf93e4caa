//! Several identities that read in turn: each repository has its own one, so that its ETags stay good, and the others stand in while
//! that one is limited, refused, or does not see the repository. Whoever reads, everything is written by the first.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use domain::mark::{CheckKind, CheckMark};
use domain::{Budget, CommitSha, Permission, PullKey, PullRequest, RepoName};
use ports::{ChangedFiles, Clock, Conditional, EventPage, Forge, ForgeError, PullPage, Review};
use sha2::{Digest as _, Sha256};

use crate::GitHub;

/// An identity that GitHub refused is left alone for this long (seconds).
const REFUSED_S: i64 = 600;
/// One that does not see a repository that others see is not asked for it for this long (seconds).
const UNSEEN_S: i64 = 3_600;

type Asked<'a, T> = Pin<Box<dyn Future<Output = Result<T, ForgeError>> + Send + 'a>>;

/// One identity.
struct Member {
    /// The name of its secret, or of its App.
    name: String,
    github: Arc<GitHub>,
    /// Until when it is not asked: for everything, for an owner's, or for one repository.
    away: Mutex<HashMap<String, i64>>,
}

impl Member {
    fn leave_out(&self, of: String, until: i64) {
        self.away.lock().unwrap_or_else(PoisonError::into_inner).insert(of, until);
    }

    fn is_away(&self, repo: &RepoName, now: i64) -> bool {
        let away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        ["", repo.owner(), &repo.to_string()].iter().any(|of| away.get(*of).is_some_and(|until| *until > now))
    }
}

/// GitHub, read with several identities.
pub struct Rotator {
    members: Vec<Member>,
    clock: Arc<dyn Clock>,
}

impl Rotator {
    /// `first` writes and reads; `readers` only read. Names are shown in the log, and decide which repositories are whose.
    pub fn new(
        first: (String, Arc<GitHub>),
        readers: Vec<(String, Arc<GitHub>)>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let member = |(name, github)| Member { name, github, away: Mutex::default() };
        Self { members: std::iter::once(first).chain(readers).map(member).collect(), clock }
    }

    fn first(&self) -> &GitHub {
        &self.members[0].github
    }

    /// Who is asked about a repository, in order: its own one first, those that are away last.
    fn order(&self, repo: &RepoName) -> Vec<&Member> {
        let now = self.clock.now();
        let mut order: Vec<&Member> = self.members.iter().collect();
        order.sort_by_cached_key(|member| {
            let place = Sha256::digest(format!("{}\n{repo}", member.name));
            (member.is_away(repo, now), place.to_vec())
        });
        order
    }

    /// The same, with those last whose requests of this hour are all but used up.
    async fn order_with_room(&self, repo: &RepoName) -> Vec<&Member> {
        let mut order = self.order(repo);
        for _ in 1..order.len() {
            let Some(own) = order.first() else { break };
            let budget = Forge::budget(own.github.as_ref(), repo).await;
            if !matches!(budget, Ok(Some(budget)) if budget.is_used_up(self.clock.now())) {
                break;
            }
            order.rotate_left(1);
        }
        order
    }

    async fn read<'a, T>(
        &'a self,
        repo: &RepoName,
        ask: impl Fn(&'a GitHub) -> Asked<'a, T> + Send + Sync,
    ) -> Result<T, ForgeError> {
        let mut unseen: Vec<&Member> = Vec::new();
        let mut failed: Option<ForgeError> = None;
        for member in self.order_with_room(repo).await {
            let error = match ask(&member.github).await {
                Ok(found) => {
                    let until = self.clock.now() + UNSEEN_S;
                    unseen.iter().for_each(|member| member.leave_out(repo.to_string(), until));
                    return Ok(found);
                }
                Err(error) => error,
            };
            match &error {
                ForgeError::NotFound(_) => unseen.push(member),
                ForgeError::RateLimited { until } => member.leave_out(repo.owner().to_owned(), *until),
                ForgeError::Unauthorized => self.refused(member),
                _ => return Err(error),
            }
            failed = Some(graver(failed, error));
        }
        Err(failed.unwrap_or(ForgeError::Unauthorized))
    }

    fn refused(&self, member: &Member) {
        let (name, minutes) = (&member.name, REFUSED_S / 60);
        tracing::error!(
            identity = name,
            "GitHub refused the identity `{name}` (401): renew it; others stand in for it, and it is tried again in {minutes} minutes"
        );
        member.leave_out(String::new(), self.clock.now() + REFUSED_S);
    }
}

/// What is said when nobody could read: that it is gone only when all say so, and the soonest end of a limit.
fn graver(before: Option<ForgeError>, now: ForgeError) -> ForgeError {
    match (before, now) {
        (Some(ForgeError::RateLimited { until: a }), ForgeError::RateLimited { until: b }) => {
            ForgeError::RateLimited { until: a.min(b) }
        }
        (Some(limited @ ForgeError::RateLimited { .. }), _) => limited,
        (Some(refused @ ForgeError::Unauthorized), ForgeError::NotFound(_)) => refused,
        (_, now) => now,
    }
}

#[async_trait]
impl Forge for Rotator {
    async fn token_fingerprint(&self) -> Result<String, ForgeError> {
        self.first().token_fingerprint().await
    }

    async fn token_fingerprint_for(&self, repo: &RepoName) -> Result<String, ForgeError> {
        self.read(repo, |github| Forge::token_fingerprint_for(github, repo)).await
    }

    async fn pulls(
        &self,
        repo: &RepoName,
        page: u32,
        etag: Option<&str>,
    ) -> Result<Conditional<PullPage>, ForgeError> {
        self.read(repo, |github| Forge::pulls(github, repo, page, etag)).await
    }

    async fn pull(&self, key: &PullKey) -> Result<Option<PullRequest>, ForgeError> {
        self.first().pull(key).await
    }

    async fn files(&self, key: &PullKey) -> Result<ChangedFiles, ForgeError> {
        self.read(&key.repo, |github| Forge::files(github, key)).await
    }

    async fn branch(
        &self,
        repo: &RepoName,
        branch: &str,
        etag: Option<&str>,
    ) -> Result<Conditional<CommitSha>, ForgeError> {
        self.read(repo, |github| Forge::branch(github, repo, branch, etag)).await
    }

    async fn events(
        &self,
        repo: &RepoName,
        page: u32,
        etag: Option<&str>,
    ) -> Result<Conditional<EventPage>, ForgeError> {
        self.read(repo, |github| Forge::events(github, repo, page, etag)).await
    }

    async fn budget(&self, repo: &RepoName) -> Result<Option<Budget>, ForgeError> {
        match self.order_with_room(repo).await.first() {
            Some(member) => Forge::budget(member.github.as_ref(), repo).await,
            None => Ok(None),
        }
    }

    async fn repositories(&self, owner: &str) -> Result<Vec<RepoName>, ForgeError> {
        self.first().repositories(owner).await
    }

    async fn permission(&self, repo: &RepoName, login: &str) -> Result<Permission, ForgeError> {
        self.first().permission(repo, login).await
    }

    async fn sticky_comment(
        &self,
        key: &PullKey,
        marker: &str,
        parts: &[String],
    ) -> Result<String, ForgeError> {
        self.first().sticky_comment(key, marker, parts).await
    }

    async fn keep(&self, etag: &str) {
        for member in &self.members {
            member.github.keep(etag).await;
        }
    }

    async fn set_checks(
        &self,
        repo: &RepoName,
        head: &CommitSha,
        kind: CheckKind,
        checks: &[CheckMark],
    ) -> Result<(), ForgeError> {
        self.first().set_checks(repo, head, kind, checks).await
    }

    async fn change_labels(
        &self,
        key: &PullKey,
        add: &[String],
        remove: &[String],
    ) -> Result<(), ForgeError> {
        self.first().change_labels(key, add, remove).await
    }

    async fn approve(&self, key: &PullKey, head: &CommitSha, body: &str) -> Result<Review, ForgeError> {
        self.first().approve(key, head, body).await
    }
}
