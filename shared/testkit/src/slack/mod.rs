//! A fake Slack: the Web API with Slack's limits and refusals, clicks and commands signed as Slack signs them, and a page to see and
//! click it all. Start at [`FakeSlack::start`]; act with [`FakeSlack::click`] and [`FakeSlack::command`]; limits are in [`limits`].

mod act;
mod api;
mod files;
pub mod limits;
mod page;
mod payload;
mod serve;
mod state;
#[cfg(test)]
mod tests;
mod text;

use std::sync::{Arc, Mutex, MutexGuard};

use anyhow::Context as _;
use serde_json::{Value, json};

pub use self::act::{AppResponse, sign};
pub use self::state::{
    ALICE, APP, BOB, BOT, BOT_USER, Channel, DEPLOYS, File, GENERAL, GUEST, Message, OTHER_TEAM, OUTSIDER,
    TEAM, Toast, User, View,
};
pub use self::text::as_text;

use self::act::Sent;
use self::state::State;
use crate::clock::Clock;
use crate::faults::{Desk, Fault, Seen};
use crate::server::Server;

/// The bot token that works unless [`Options`] name another.
pub const DEFAULT_BOT_TOKEN: &str = "xoxb-testkit-default-bot-token";
/// The signing secret unless [`Options`] name another.
pub const DEFAULT_SIGNING_SECRET: &str = "testkit-signing-secret-0123456789";
/// What a person sees when the app does not answer within three seconds.
pub const TIMEOUT: &str = "operation_timeout";

/// How to start a [`FakeSlack`].
#[derive(Clone, Debug)]
pub struct Options {
    /// TCP port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// Signs what is sent to the app.
    pub signing_secret: String,
    /// The only token the Web API accepts.
    pub bot_token: String,
    /// Where clicks and modal submissions go; settable later.
    pub interactions_url: Option<String>,
    /// Where slash commands go; `interactions_url` when `None`.
    pub commands_url: Option<String>,
    /// Time of messages, rate limits, trigger and response addresses.
    pub clock: Clock,
    /// Time that signatures carry; the app compares it with its own clock.
    pub signing_clock: Clock,
    /// Most `chat.postMessage` to one channel at once, refilled by one per second of `clock`; no limit when `None`.
    pub post_burst: Option<u32>,
    /// How long the app may take to answer an interaction.
    pub ack_timeout: std::time::Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            signing_secret: DEFAULT_SIGNING_SECRET.to_owned(),
            bot_token: DEFAULT_BOT_TOKEN.to_owned(),
            interactions_url: None,
            commands_url: None,
            clock: Clock::default(),
            signing_clock: Clock::real(),
            post_burst: None,
            ack_timeout: std::time::Duration::from_secs(3),
        }
    }
}

/// Where the page's GitHub pane gets its pull requests from: the value of `FakeGitHub::sandbox_view`.
pub type PullsView = Arc<dyn Fn() -> Value + Send + Sync>;

/// A running fake Slack; clones are handles to the same one, and it stops when the last is dropped.
#[derive(Clone, Debug)]
pub struct FakeSlack {
    pub(crate) inner: Arc<Inner>,
    _server: Option<Arc<Server>>,
}

pub(crate) struct Inner {
    state: Mutex<State>,
    pub(crate) desk: Desk,
    pub(crate) url: String,
    pub(crate) options: Options,
    pub(crate) app: Mutex<AppUrls>,
    pub(crate) pulls: Mutex<Option<PullsView>>,
    pub(crate) last: Mutex<Option<Sent>>,
    pub(crate) http: reqwest::Client,
    pub(crate) handle: tokio::runtime::Handle,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct AppUrls {
    pub(crate) interactions: Option<String>,
    pub(crate) commands: Option<String>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Locks, also after another thread panicked: its message is the one to see.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Inner {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl FakeSlack {
    /// Starts it. Fails when the port is taken.
    pub fn start(options: Options) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(options.ack_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("cannot make the HTTP client")?;
        let mut made = None;
        let server = crate::server::start(options.port, |addr, handle| {
            let inner = Arc::new(Inner {
                state: Mutex::new(State::new(options.clock.clone(), options.post_burst)),
                desk: Desk::default(),
                url: format!("http://{addr}"),
                app: Mutex::new(AppUrls {
                    interactions: options.interactions_url.clone(),
                    commands: options.commands_url.clone(),
                }),
                options,
                pulls: Mutex::new(None),
                last: Mutex::new(None),
                http,
                handle,
            });
            made = Some(Arc::clone(&inner));
            serve::router(inner)
        })?;
        Ok(Self { inner: made.context("the server made no router")?, _server: Some(Arc::new(server)) })
    }

    /// The page's address, `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.inner.url.clone()
    }

    /// The Web API's base: `http://127.0.0.1:PORT/api`, as `https://slack.com/api` is.
    pub fn api_url(&self) -> String {
        format!("{}/api", self.inner.url)
    }

    /// Where clicks, modal submissions and commands go from now on.
    pub fn set_interactions_url(&self, url: &str) {
        lock(&self.inner.app).interactions = Some(url.to_owned());
    }

    /// Where slash commands go from now on, when not with the clicks.
    pub fn set_commands_url(&self, url: &str) {
        lock(&self.inner.app).commands = Some(url.to_owned());
    }

    /// Shows these pull requests in the page's GitHub pane.
    pub fn show_pulls(&self, view: impl Fn() -> Value + Send + Sync + 'static) {
        *lock(&self.inner.pulls) = Some(Arc::new(view));
    }

    /// Adds a person, or replaces the one with the same id.
    pub fn put_user(&self, user: User) {
        let mut state = self.inner.state();
        state.users.retain(|u| u.id != user.id);
        state.users.push(user);
    }

    /// Adds a channel, or replaces the one with the same id (archived, shared, without the app, …).
    pub fn put_channel(&self, channel: Channel) {
        let mut state = self.inner.state();
        state.version += 1;
        state.channels.retain(|c| c.id != channel.id);
        state.channels.push(channel);
    }

    /// What everybody sees in a channel, threads left out, oldest first.
    pub fn messages(&self, channel: &str) -> Vec<Message> {
        let shown = |m: &&Message| m.channel == channel && m.thread_ts.is_none() && m.only_for.is_none();
        self.inner.state().messages.iter().filter(shown).cloned().collect()
    }

    /// A thread, its first message included, oldest first.
    pub fn thread(&self, channel: &str, ts: &str) -> Vec<Message> {
        self.inner.state().thread(channel, ts)
    }

    /// Every ephemeral message so far, oldest first; [`Message::only_for`] says for whom.
    pub fn ephemerals(&self) -> Vec<Message> {
        self.inner.state().messages.iter().filter(|m| m.only_for.is_some()).cloned().collect()
    }

    /// Every file that was uploaded whole.
    pub fn files(&self) -> Vec<File> {
        self.inner.state().files.values().filter(|f| f.uploaded).cloned().collect()
    }

    /// The modal windows that are open.
    pub fn views(&self) -> Vec<View> {
        self.inner.state().views.clone()
    }

    /// What flew by: failed actions and time-outs.
    pub fn toasts(&self) -> Vec<Toast> {
        self.inner.state().toasts.clone()
    }

    /// Forgets what flew by.
    pub fn forget_toasts(&self) {
        self.inner.state().toasts.clear();
    }

    /// A message as the API and payloads show it, with metadata.
    pub fn message_json(&self, channel: &str, ts: &str) -> Option<Value> {
        let state = self.inner.state();
        state.message(channel, ts).map(|m| state.message_json(m, true))
    }

    /// Limits `chat.postMessage` from now on (or no longer); see [`Options::post_burst`].
    pub fn set_post_burst(&self, burst: Option<u32>) {
        self.inner.state().post_burst = burst;
    }

    /// The clock of messages: [`Clock::advance`] moves it.
    pub fn clock(&self) -> Clock {
        self.inner.options.clock.clone()
    }

    /// Plans trouble for the next matching requests; paths start with `/api/`, `/upload/` or `/response/`.
    pub fn fault(&self, fault: Fault) {
        self.inner.desk.plan(fault);
    }

    /// Plans Slack's error `code` for the next call of `method` (`chat.postMessage`, …).
    pub fn fail_next(&self, method: &str, code: &str) {
        let answer = crate::faults::FaultKind::Answer(200, json!({"ok": false, "error": code}));
        self.fault(Fault::once("", &format!("/api/{method}"), answer));
    }

    /// Every request of the app so far, in order; the page's own are left out.
    pub fn requests(&self) -> Vec<Seen> {
        self.inner.desk.seen()
    }

    /// Empties the request log.
    pub fn forget_requests(&self) {
        self.inner.desk.forget();
    }
}
