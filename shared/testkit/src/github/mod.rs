//! A fake GitHub: REST with ETags, rate limits and GitHub's refusals, and real git over smart HTTP. Start at [`FakeGitHub::start`];
//! change the world through [`RepoHandle`]; the endpoints are listed in `rest`.

#[cfg(test)]
mod answer_tests;
mod auth;
mod before;
mod check;
#[cfg(test)]
mod client_tests;
mod etag;
mod events;
mod git;
mod handle;
mod jwt;
mod limits;
mod merge;
mod moved;
mod owners;
mod people;
mod read;
mod rest;
mod serve;
mod shape;
mod state;
#[cfg(test)]
mod tests;
mod urls;
mod watch;
mod write;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use anyhow::Context as _;
use serde_json::{Value, json};

pub use self::git::{Change, What};
pub use self::handle::{PullSpec, RepoHandle};
pub use self::people::{CLIENT_ID, CLIENT_SECRET};
pub use self::state::{CheckRun, Comment, CommitStatus, Permission, Pull, PullState, Review};
pub use self::watch::Watch;

#[cfg(test)]
pub(crate) use self::git::read_dir;
use self::state::{Grant, Repo, State, Token, User};
use crate::clock::Clock;
use crate::faults::{Desk, Fault, Seen};
use crate::server::Server;

/// The token that works from the start: a personal access token of [`DEFAULT_LOGIN`], who may write everywhere.
pub const DEFAULT_TOKEN: &str = "ghp_testkitDefaultToken0000000000000000";

/// The machine user behind [`DEFAULT_TOKEN`].
pub const DEFAULT_LOGIN: &str = "preflux-bot";

/// The App's numeric id; its installation has [`INSTALLATION_ID`], its slug is [`APP_SLUG`] until it is renamed.
pub const APP_ID: u64 = 4242;

/// The one installation of the App.
pub const INSTALLATION_ID: u64 = 424_242;

/// The App's slug: it writes as `preflux[bot]`.
pub const APP_SLUG: &str = "preflux";

/// How to start a [`FakeGitHub`].
#[derive(Clone, Debug)]
pub struct Options {
    /// TCP port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// Where the bare repositories go; a temporary directory, removed on drop, when `None`. What is there already is replaced.
    pub dir: Option<PathBuf>,
    /// The time it lives in; a fixed clock moves by one second at each mutation.
    pub clock: Clock,
    /// Requests per hour and token.
    pub rate_limit: u64,
    /// Asks for a token on git requests even for public repositories.
    pub require_git_auth: bool,
    /// Start of `html_url`s, e.g. the page of the sandbox; the fake's own address when `None`.
    pub web_url: Option<String>,
    /// How much later than it could it answers.
    pub away: std::time::Duration,
    /// Makes ETags in a way that nobody could work out.
    pub other_etags: bool,
    /// Who judges every request and answer; what they find fails the test when the last handle is dropped.
    pub watch: Watch,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            dir: None,
            clock: Clock::default(),
            rate_limit: 5000,
            require_git_auth: false,
            web_url: None,
            away: std::time::Duration::ZERO,
            other_etags: false,
            watch: Watch::default(),
        }
    }
}

/// A running fake GitHub; clones are handles to the same one, and it stops when the last is dropped.
#[derive(Clone, Debug)]
pub struct FakeGitHub {
    inner: Arc<Inner>,
    _server: Arc<Server>,
    _scratch: Option<Arc<tempfile::TempDir>>,
    _at_the_end: Arc<watch::AtTheEnd>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    state: Mutex<State>,
    desk: Desk,
    watched: watch::Watched,
    limits: limits::Limits,
    before: before::Before,
    url: String,
    web_url: Mutex<String>,
    require_git_auth: Mutex<bool>,
    pub(crate) other_etags: bool,
    pub(crate) away: std::time::Duration,
    app_key: OnceLock<auth::AppKey>,
}

impl Inner {
    /// A test that panicked in one handle must not hide its message behind a poisoned lock in another.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn web(&self) -> String {
        self.web_url.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn git_auth(&self) -> bool {
        *self.require_git_auth.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl FakeGitHub {
    /// Starts it. Fails when the port is taken, the directory cannot be written or git is missing.
    pub fn start(options: Options) -> anyhow::Result<Self> {
        let (root, scratch) = match options.dir {
            Some(dir) => (dir, None),
            None => {
                let scratch = tempfile::tempdir().context("cannot make a temporary directory")?;
                (scratch.path().to_owned(), Some(Arc::new(scratch)))
            }
        };
        let mut state = State::new(options.clock, root, options.rate_limit);
        people(&mut state);
        let mut made = None;
        let server = crate::server::start(options.port, |addr, _| {
            let url = format!("http://{addr}");
            let inner = Arc::new(Inner {
                state: Mutex::new(state),
                desk: Desk::default(),
                watched: watch::Watched::by(options.watch),
                limits: limits::Limits::default(),
                before: before::Before::default(),
                web_url: Mutex::new(options.web_url.unwrap_or_else(|| url.clone())),
                url,
                require_git_auth: Mutex::new(options.require_git_auth),
                other_etags: options.other_etags,
                away: options.away,
                app_key: OnceLock::new(),
            });
            made = Some(Arc::clone(&inner));
            rest::router(inner)
        })?;
        let inner = made.context("the server made no router")?;
        let at_the_end = Arc::new(watch::AtTheEnd(Arc::clone(&inner)));
        Ok(Self { inner, _server: Arc::new(server), _scratch: scratch, _at_the_end: at_the_end })
    }

    /// REST base, without a slash at the end: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.inner.url.clone()
    }

    /// The git address of `owner/name`: `http://127.0.0.1:PORT/owner/name.git`.
    pub fn git_url(&self, full_name: &str) -> String {
        format!("{}/{full_name}.git", self.inner.url)
    }

    /// Where `html_url`s start from now on (the sandbox's page).
    pub fn set_web_url(&self, url: &str) {
        *self.inner.web_url.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = url.to_owned();
    }

    /// Asks for a token on every git request, or only for private repositories.
    pub fn set_require_git_auth(&self, require: bool) {
        *self.inner.require_git_auth.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = require;
    }

    /// The repository `owner/name`, made public and empty, with default branch `main`, on first mention.
    ///
    /// # Panics
    /// When `full_name` is not `owner/name` or git cannot make it.
    pub fn repo(&self, full_name: &str) -> RepoHandle {
        let key = full_name.to_ascii_lowercase();
        let mut state = self.inner.state();
        if !state.repos.contains_key(&key) {
            let repo = new_repo(&mut state, full_name).expect("git can make a bare repository");
            state.repos.insert(key.clone(), repo);
        }
        drop(state);
        RepoHandle { inner: Arc::clone(&self.inner), key }
    }

    /// A user with this right on every repository that says nothing of them.
    pub fn add_user(&self, login: &str, permission: Permission) {
        let mut state = self.inner.state();
        let id = state.user(login).id;
        state.users.insert(login.to_owned(), User { id, bot: login.ends_with("[bot]"), permission });
    }

    /// A personal access token of `login` that does not expire.
    pub fn add_token(&self, token: &str, login: &str) {
        let mut state = self.inner.state();
        state.user(login);
        state.tokens.insert(
            token.to_owned(),
            Token { login: login.to_owned(), installation: None, expires_at: None },
        );
    }

    /// An installation token of the App, for all repositories, with these permissions (`("pull_requests", "write")`, …; none: all
    /// that the App has), expiring after `seconds`. Returns the token.
    pub fn add_installation_token(&self, permissions: &[(&str, &str)], seconds: i64) -> String {
        let permissions = permissions.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let grant = Grant { permissions, ..Grant::default() };
        auth::mint(&mut self.inner.state(), grant, seconds).0
    }

    /// Gives the App another name: its bot's login changes everywhere, its ids stay.
    pub fn rename_app(&self, slug: &str) {
        let mut state = self.inner.state();
        let old = state.bot();
        slug.clone_into(&mut state.app_slug);
        let new = state.bot();
        if let Some(bot) = state.users.remove(&old) {
            state.users.insert(new.clone(), bot);
        }
        state
            .tokens
            .values_mut()
            .filter(|token| token.login == old)
            .for_each(|token| token.login.clone_from(&new));
        let pulls = state.repos.values_mut().flat_map(|repo| repo.pulls.values_mut());
        for pull in pulls {
            let comments = pull.comments.iter_mut().map(|comment| &mut comment.author);
            let reviews = pull.reviews.iter_mut().map(|review| &mut review.author);
            comments
                .chain(reviews)
                .filter(|author| **author == old)
                .for_each(|author| author.clone_from(&new));
        }
    }

    /// Makes a token stop working, as revocation or expiry does: 401 from now on.
    pub fn revoke_token(&self, token: &str) {
        self.inner.state().tokens.remove(token);
    }

    /// The App's private key as PKCS#8 PEM, made on first use.
    pub fn app_key_pem(&self) -> String {
        auth::app_key(&self.inner).pem.clone()
    }

    /// The clock: [`Clock::advance`] moves it.
    pub fn clock(&self) -> Clock {
        self.inner.state().clock.clone()
    }

    /// Sets the requests that a token has left until `reset`, one hour from now.
    pub fn set_remaining(&self, token: &str, remaining: u64) {
        let mut state = self.inner.state();
        let (used, reset) = (state.rate_limit.saturating_sub(remaining), state.clock.now() + 3600);
        let key = state.tokens.get(token).map_or_else(String::new, |t| t.login.clone());
        state.meters.insert(key, state::Meter { used, reset });
    }

    /// Counts so many creations of content (comments, reviews, checks) for the owner of a token, as if they were made just now.
    pub fn count_creations(&self, token: &str, times: usize) {
        let mut state = self.inner.state();
        let now = state.clock.now();
        let login = state.tokens.get(token).map_or_else(String::new, |t| t.login.clone());
        state.creations.entry(login).or_default().extend(std::iter::repeat_n(now, times));
    }

    /// Plans trouble for the next matching requests.
    pub fn fault(&self, fault: Fault) {
        self.inner.desk.plan(fault);
    }

    /// Takes back the trouble that has not happened yet.
    pub fn forget_faults(&self) {
        self.inner.desk.forget_plans();
    }

    /// Every request so far, git ones included, in order.
    pub fn requests(&self) -> Vec<Seen> {
        self.inner.desk.seen()
    }

    /// What the one who watches found so far, each thing once; taken, so that it fails nothing at the end.
    pub fn misfits(&self) -> Vec<String> {
        self.inner.watched.take()
    }

    /// Empties the request log.
    pub fn forget_requests(&self) {
        self.inner.desk.forget();
    }

    /// All pull requests with comments and reviews, as the sandbox page shows them (also `GET /sandbox/pulls`).
    pub fn sandbox_view(&self) -> Value {
        shape::sandbox_view(&self.inner)
    }
}

fn people(state: &mut State) {
    for (login, permission) in [
        (DEFAULT_LOGIN, Permission::Write),
        ("fleet-admin", Permission::Admin),
        ("alice", Permission::Write),
        ("bob", Permission::Write),
        ("mallory", Permission::None),
    ] {
        let id = state.id();
        state.users.insert(login.to_owned(), User { id, bot: false, permission });
    }
    let token = Token { login: DEFAULT_LOGIN.to_owned(), installation: None, expires_at: None };
    state.tokens.insert(DEFAULT_TOKEN.to_owned(), token);
}

fn new_repo(state: &mut State, full_name: &str) -> anyhow::Result<Repo> {
    let (owner, name) = full_name.split_once('/').context("a repository is `owner/name`")?;
    let dir = state.root.join(owner).join(format!("{name}.git"));
    if dir.exists() {
        std::fs::remove_dir_all(&dir).with_context(|| format!("cannot replace `{}`", dir.display()))?;
    }
    state.user(owner);
    Ok(Repo {
        id: state.id(),
        owner: owner.to_owned(),
        name: name.to_owned(),
        private: false,
        archived: false,
        merges_when_asked: false,
        default_branch: "main".to_owned(),
        bare: git::Bare::init(dir, "main")?,
        pulls: Default::default(),
        collaborators: Default::default(),
        merging: Default::default(),
        check_runs: Vec::new(),
        events: Vec::new(),
        statuses: Vec::new(),
        pushed_at: state.clock.now(),
    })
}

/// A JSON object as GitHub's error answers are.
fn message(status: u16, text: &str) -> Value {
    json!({"message": text, "documentation_url": "https://docs.github.com/rest", "status": status.to_string()})
}
