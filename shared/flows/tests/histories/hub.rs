//! A repository on GitHub as its pull requests move: pages that shift while they are read, seconds that hold several updates,
//! ETags that belong to a token.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::mark::{CheckKind, CheckMark};
use domain::{Author, Budget, CommitSha, Permission, PullKey, PullRequest, PullState, RepoName};
use ports::{ChangedFiles, Clock, Conditional, FixedClock, Forge, ForgeError, PullPage, Review};

use crate::chance::Chance;
use crate::parts::Fuse;

/// What is known of one pull request.
#[derive(Debug, Clone)]
pub(crate) struct Pull {
    pub(crate) number: u64,
    pub(crate) head: u64,
    pub(crate) heads: Vec<u64>,
    pub(crate) base: u64,
    pub(crate) state: PullState,
    pub(crate) draft: bool,
    pub(crate) updated_at: i64,
    pub(crate) closed_at: Option<i64>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) pulls: Vec<Pull>,
    pub(crate) tip: u64,
    commits: u64,
    token: u64,
    pub(crate) events: u64,
    pub(crate) crowds: u64,
    pub(crate) bases: u64,
}

pub(crate) struct Hub {
    pub(crate) state: Mutex<State>,
    clock: Arc<FixedClock>,
    chance: Arc<Chance>,
    fuse: Arc<Fuse>,
    /// Whether something may happen while a request is answered.
    pub(crate) busy: Mutex<bool>,
}

pub(crate) fn sha(number: u64) -> CommitSha {
    format!("{number:08x}").repeat(5).parse().unwrap()
}

pub(crate) fn repo() -> RepoName {
    "acme/fleet".parse().unwrap()
}

impl Hub {
    pub(crate) fn new(clock: Arc<FixedClock>, chance: Arc<Chance>, fuse: Arc<Fuse>) -> Self {
        let state = State { tip: 1, commits: 1, ..State::default() };
        Self { state: Mutex::new(state), clock, chance, fuse, busy: Mutex::new(false) }
    }

    /// Something happens.
    pub(crate) fn event(&self) {
        let now = self.clock.now();
        let mut state = self.state.lock().unwrap();
        state.events += 1;
        let chosen = self.chance.below(100);
        if state.pulls.is_empty() || chosen < 12 {
            return self.open(&mut state, now);
        }
        let which = usize::try_from(self.chance.below(state.pulls.len() as u64)).unwrap();
        let (fresh, tip) = (state.commits + 1, state.tip);
        let mut pull = state.pulls[which].clone();
        match (chosen, pull.state) {
            (12..40, PullState::Open) => {
                pull.head = fresh;
                pull.heads.push(fresh);
            }
            (40..50, PullState::Open) => pull.head = self.chance.one(&pull.heads),
            (50..60, PullState::Open) => (pull.state, pull.closed_at) = (PullState::Closed, Some(now)),
            (60..66, PullState::Open) => (pull.state, pull.closed_at) = (PullState::Merged, Some(now)),
            (50..66, PullState::Closed) => (pull.state, pull.closed_at) = (PullState::Open, None),
            (66..72, PullState::Open) => pull.draft = !pull.draft,
            (72..84, _) => {}
            (84..98, _) => {
                state.commits = fresh;
                state.tip = fresh;
                state.bases += 1;
                return;
            }
            (98.., _) => {
                state.token += 1;
                return;
            }
            _ => {}
        }
        pull.updated_at = now;
        pull.base = tip;
        state.commits = fresh;
        if pull.state == PullState::Merged && state.pulls[which].state == PullState::Open {
            state.tip = fresh;
        }
        state.pulls[which] = pull;
    }

    fn open(&self, state: &mut State, now: i64) {
        // Now and then a crowd: more than a page between two polls.
        let crowd = state.pulls.len() < 150 && self.chance.below(400) == 0;
        state.crowds += u64::from(crowd);
        for _ in 0..if crowd { 105 + self.chance.below(20) } else { 1 } {
            state.commits += 1;
            let (head, number) = (state.commits, state.pulls.len() as u64 + 1);
            state.pulls.push(Pull {
                number,
                head,
                heads: vec![head],
                base: state.tip,
                state: PullState::Open,
                draft: self.chance.percent(10),
                updated_at: now,
                closed_at: None,
            });
        }
    }

    /// The pull requests, for whoever knows all.
    pub(crate) fn pulls(&self) -> Vec<Pull> {
        self.state.lock().unwrap().pulls.clone()
    }

    /// The base branch's tip.
    pub(crate) fn tip(&self) -> u64 {
        self.state.lock().unwrap().tip
    }

    async fn asked(&self) -> Result<(), ForgeError> {
        if *self.busy.lock().unwrap() && self.chance.percent(8) {
            self.event();
        }
        if self.fuse.holds().await { Ok(()) } else { Err(gone()) }
    }
}

fn gone() -> ForgeError {
    ForgeError::Unavailable { doing: "asking".to_owned(), reason: "it is gone".to_owned() }
}

fn told(pull: &Pull) -> PullRequest {
    PullRequest {
        key: PullKey { repo: repo(), number: pull.number },
        title: "a change".to_owned(),
        author: Author { login: "ann".to_owned(), bot: false },
        state: pull.state,
        draft: pull.draft,
        labels: Default::default(),
        head_branch: format!("change-{}", pull.number),
        head: sha(pull.head),
        base_branch: "main".to_owned(),
        base: sha(pull.base),
        fork: false,
        head_owner: None,
        url: format!("https://git.example/acme/fleet/pull/{}", pull.number),
        updated_at: pull.updated_at,
        closed_at: pull.closed_at,
    }
}

#[async_trait]
impl Forge for Hub {
    async fn token_fingerprint(&self) -> Result<String, ForgeError> {
        self.asked().await?;
        Ok(format!("token-{}", self.state.lock().unwrap().token))
    }

    async fn pulls(
        &self,
        _: &RepoName,
        page: u32,
        etag: Option<&str>,
    ) -> Result<Conditional<PullPage>, ForgeError> {
        self.asked().await?;
        let state = self.state.lock().unwrap();
        let mut all: Vec<&Pull> = state.pulls.iter().collect();
        all.sort_by_key(|pull| (-pull.updated_at, pull.number));
        let from = (page as usize - 1) * 100;
        let shown: Vec<PullRequest> = all.iter().skip(from).take(100).map(|pull| told(pull)).collect();
        let now = format!("\"{}-{:x}\"", state.token, digest(&shown));
        if etag == Some(now.as_str()) {
            return Ok(Conditional::NotModified);
        }
        let value = PullPage { pulls: shown, unreadable: Vec::new(), more: all.len() > from + 100 };
        Ok(Conditional::Fresh { value, etag: Some(now) })
    }

    async fn pull(&self, key: &PullKey) -> Result<Option<PullRequest>, ForgeError> {
        self.asked().await?;
        Ok(self.pulls().iter().find(|pull| pull.number == key.number).map(told))
    }

    /// Odd pull requests change applications, the others the documentation.
    async fn files(&self, key: &PullKey) -> Result<ChangedFiles, ForgeError> {
        self.asked().await?;
        let path = if key.number % 2 == 1 { "apps/web.yaml" } else { "docs/web.md" };
        Ok(ChangedFiles { paths: vec![path.to_owned()], complete: true })
    }

    async fn branch(
        &self,
        _: &RepoName,
        _: &str,
        etag: Option<&str>,
    ) -> Result<Conditional<CommitSha>, ForgeError> {
        self.asked().await?;
        let state = self.state.lock().unwrap();
        let now = format!("\"{}-{}\"", state.token, state.tip);
        if etag == Some(now.as_str()) {
            return Ok(Conditional::NotModified);
        }
        Ok(Conditional::Fresh { value: sha(state.tip), etag: Some(now) })
    }

    async fn events(
        &self,
        _: &RepoName,
        _: u32,
        _: Option<&str>,
    ) -> Result<Conditional<ports::EventPage>, ForgeError> {
        Ok(Conditional::NotModified)
    }

    async fn budget(&self, _: &RepoName) -> Result<Option<Budget>, ForgeError> {
        Ok(None)
    }

    async fn repositories(&self, _: &str) -> Result<Vec<RepoName>, ForgeError> {
        unreachable!("no rule is about an organisation")
    }

    async fn permission(&self, _: &RepoName, _: &str) -> Result<Permission, ForgeError> {
        self.asked().await?;
        Ok(Permission::Write)
    }

    async fn sticky_comment(&self, _: &PullKey, _: &str, _: &[String]) -> Result<String, ForgeError> {
        unreachable!("nobody clicks")
    }

    async fn approve(&self, _: &PullKey, _: &CommitSha, _: &str) -> Result<Review, ForgeError> {
        unreachable!("nobody clicks")
    }

    async fn set_checks(
        &self,
        _: &RepoName,
        _: &CommitSha,
        _: CheckKind,
        _: &[CheckMark],
    ) -> Result<(), ForgeError> {
        unreachable!("no rule asks for it")
    }

    async fn change_labels(&self, _: &PullKey, _: &[String], _: &[String]) -> Result<(), ForgeError> {
        unreachable!("no rule asks for it")
    }
}

/// Anything in a listing that differs makes another number.
fn digest(pulls: &[PullRequest]) -> u64 {
    let text = format!("{pulls:?}");
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
