//! State, queue, Slack, reports and trees in memory, all of which fail when the process dies or the network hiccups.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use domain::report::{Comparison, Mode};
use domain::{CommitSha, PullRequest, ReportId};
use kustomize::MemoryTree;
use ports::{
    Chat, ChatError, ChatMessage, Checkout, CheckoutError, Checkouts, Clock, Expect, FixedClock, Key,
    MessageRef, Queue, QueueError, Record, ReportStore, ReportStoreError, Table, TableError,
};
use serde_json::Value;

use crate::chance::Chance;

/// Says what happens, when one history is told alone.
pub(crate) fn trace(what: impl FnOnce() -> String) {
    static ALONE: OnceLock<bool> = OnceLock::new();
    if *ALONE.get_or_init(|| std::env::var_os("PREFLUX_HISTORY").is_some()) {
        let what = what();
        if !what.is_empty() {
            eprintln!("{what}");
        }
    }
}

/// What goes wrong, and when: every request of every part burns it down by one.
#[derive(Default)]
pub(crate) struct Fuse(Mutex<Burning>);

#[derive(Default)]
struct Burning {
    left: Option<u64>,
    /// Whether the process dies with it, or one request fails and life goes on.
    deadly: bool,
    blown: bool,
    /// Whether others may run in between.
    yields: Option<Arc<Chance>>,
}

impl Fuse {
    /// From now on nothing goes wrong.
    pub(crate) fn renew(&self) -> bool {
        let mut burning = self.0.lock().unwrap();
        let blown = burning.blown;
        *burning = Burning { yields: burning.yields.take(), ..Burning::default() };
        blown
    }

    /// Whether the process is dead.
    pub(crate) fn is_out(&self) -> bool {
        let burning = self.0.lock().unwrap();
        burning.blown && burning.deadly
    }

    /// After so many requests the process dies, or one request fails.
    pub(crate) fn light(&self, left: u64, deadly: bool) {
        let mut burning = self.0.lock().unwrap();
        (burning.left, burning.deadly) = (Some(left), deadly);
    }

    /// Lets others run between requests.
    pub(crate) fn interleave(&self, chance: Option<Arc<Chance>>) {
        self.0.lock().unwrap().yields = chance;
    }

    /// Whether a request is answered.
    pub(crate) async fn holds(&self) -> bool {
        let yields = self.0.lock().unwrap().yields.clone();
        if yields.is_some_and(|chance| chance.percent(50)) {
            tokio::task::yield_now().await;
        }
        let mut burning = self.0.lock().unwrap();
        if burning.blown && burning.deadly {
            return false;
        }
        match burning.left {
            Some(0) => {
                (burning.left, burning.blown) = (None, true);
                trace(|| if burning.deadly { "dies".to_owned() } else { "fails once".to_owned() });
                false
            }
            Some(left) => {
                burning.left = Some(left - 1);
                true
            }
            None => true,
        }
    }
}

/// A record's version, its value, and when it expires.
type Kept = (u64, Value, Option<i64>);

/// State.
pub(crate) struct Memory {
    records: Mutex<BTreeMap<Key, Kept>>,
    clock: Arc<FixedClock>,
    fuse: Arc<Fuse>,
}

impl Memory {
    pub(crate) fn new(clock: Arc<FixedClock>, fuse: Arc<Fuse>) -> Self {
        Self { records: Mutex::default(), clock, fuse }
    }

    async fn asked(&self) -> Result<(), TableError> {
        if self.fuse.holds().await { Ok(()) } else { Err(TableError::Unavailable("it is gone".to_owned())) }
    }

    fn current(&self, key: &Key) -> Option<(u64, Value)> {
        let records = self.records.lock().unwrap();
        let (version, value, expires) = records.get(key)?;
        expires.is_none_or(|at| at > self.clock.now()).then(|| (*version, value.clone()))
    }

    fn expected(&self, key: &Key, expect: Expect) -> bool {
        match (expect, self.current(key)) {
            (Expect::Anything, _) | (Expect::Absent, None) => true,
            (Expect::Version(wanted), Some((version, _))) => wanted == version,
            _ => false,
        }
    }
}

#[async_trait]
impl Table for Memory {
    async fn get(&self, key: &Key) -> Result<Option<Record>, TableError> {
        self.asked().await?;
        Ok(self.current(key).map(|(version, value)| Record { version, value }))
    }

    async fn put(
        &self,
        key: &Key,
        value: &Value,
        expect: Expect,
        expires_at: Option<i64>,
    ) -> Result<Option<u64>, TableError> {
        self.asked().await?;
        if !self.expected(key, expect) {
            return Ok(None);
        }
        trace(|| match key.partition.starts_with("pull#") {
            true => format!(
                "{} is {} {} {}",
                key.sort, value["phase"], value["pull"]["state"], value["pull"]["head"]
            ),
            false => String::new(),
        });
        let version = {
            let mut records = self.records.lock().unwrap();
            let version = records.get(key).map_or(0, |(version, ..)| *version) + 1;
            records.insert(key.clone(), (version, value.clone(), expires_at));
            version
        };
        // It may have landed though nobody hears of it.
        self.asked().await?;
        Ok(Some(version))
    }

    async fn delete(&self, key: &Key, expect: Expect) -> Result<bool, TableError> {
        self.asked().await?;
        let expected = self.expected(key, expect);
        if expected {
            self.records.lock().unwrap().remove(key);
        }
        self.asked().await?;
        Ok(expected)
    }

    async fn list(&self, partition: &str) -> Result<Vec<(Key, Record)>, TableError> {
        self.asked().await?;
        let keys: Vec<Key> =
            self.records.lock().unwrap().keys().filter(|key| key.partition == partition).cloned().collect();
        let found = |key: Key| self.current(&key).map(|(version, value)| (key, Record { version, value }));
        Ok(keys.into_iter().filter_map(found).collect())
    }
}

/// A job on the queue.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) body: String,
    /// Which try at it comes next, from 1.
    pub(crate) tries: u32,
    /// From when on it is handed out.
    pub(crate) from: i64,
}

/// The queue: what is taken and not done comes again, later.
pub(crate) struct Line {
    waiting: Mutex<VecDeque<Waiting>>,
    clock: Arc<FixedClock>,
    fuse: Arc<Fuse>,
}

impl Line {
    pub(crate) fn new(clock: Arc<FixedClock>, fuse: Arc<Fuse>) -> Self {
        Self { waiting: Mutex::default(), clock, fuse }
    }

    /// The next job that is due.
    pub(crate) fn take(&self) -> Option<Waiting> {
        let (mut waiting, now) = (self.waiting.lock().unwrap(), self.clock.now());
        let due = waiting.iter().position(|job| job.from <= now)?;
        waiting.remove(due)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.lock().unwrap().is_empty()
    }

    /// A job that is handed out again.
    pub(crate) fn put_back(&self, job: Waiting, after: Duration) {
        let from = self.clock.now() + i64::try_from(after.as_secs()).unwrap();
        trace(|| format!("queued until {from}, try {}: {}", job.tries + 1, job.body));
        self.waiting.lock().unwrap().push_back(Waiting { tries: job.tries + 1, from, ..job });
    }
}

#[async_trait]
impl Queue for Line {
    async fn send(&self, body: &str, delay: Duration) -> Result<(), QueueError> {
        let gone = || QueueError("it is gone".to_owned());
        if !self.fuse.holds().await {
            return Err(gone());
        }
        self.put_back(Waiting { body: body.to_owned(), tries: 0, from: 0 }, delay);
        if self.fuse.holds().await { Ok(()) } else { Err(gone()) }
    }
}

/// A message as it stands.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) thread: Option<String>,
    pub(crate) key: String,
    pub(crate) text: String,
}

/// Slack.
pub(crate) struct Slack {
    pub(crate) messages: Mutex<Vec<Shown>>,
    uploads: Mutex<BTreeSet<String>>,
    fuse: Arc<Fuse>,
}

impl Slack {
    pub(crate) fn new(fuse: Arc<Fuse>) -> Self {
        Self { messages: Mutex::default(), uploads: Mutex::default(), fuse }
    }

    async fn asked(&self, method: &str) -> Result<(), ChatError> {
        let gone = || ChatError::Unavailable { method: method.to_owned(), reason: "it is gone".to_owned() };
        if self.fuse.holds().await { Ok(()) } else { Err(gone()) }
    }
}

fn text_of(message: &ChatMessage) -> String {
    let blocks: Vec<String> = message.blocks.iter().map(ToString::to_string).collect();
    format!("{}\n{}", message.text, blocks.join("\n"))
}

#[async_trait]
impl Chat for Slack {
    async fn post(
        &self,
        channel: &str,
        thread: Option<&MessageRef>,
        key: &str,
        message: &ChatMessage,
    ) -> Result<MessageRef, ChatError> {
        self.asked("chat.postMessage").await?;
        let ts = {
            let mut messages = self.messages.lock().unwrap();
            let thread = thread.map(|at| at.ts.clone());
            trace(|| format!("posted {key}: {}", message.text));
            messages.push(Shown { thread, key: key.to_owned(), text: text_of(message) });
            (messages.len() - 1).to_string()
        };
        self.asked("chat.postMessage").await?;
        Ok(MessageRef { channel: channel.to_owned(), ts })
    }

    async fn find(
        &self,
        channel: &str,
        thread: Option<&MessageRef>,
        key: &str,
    ) -> Result<Option<MessageRef>, ChatError> {
        self.asked("conversations.history").await?;
        let messages = self.messages.lock().unwrap();
        let same =
            |shown: &Shown| shown.key == key && shown.thread.as_deref() == thread.map(|at| at.ts.as_str());
        let at = messages.iter().position(same);
        Ok(at.map(|at| MessageRef { channel: channel.to_owned(), ts: at.to_string() }))
    }

    async fn update(&self, at: &MessageRef, message: &ChatMessage) -> Result<(), ChatError> {
        self.asked("chat.update").await?;
        let place: usize = at.ts.parse().unwrap();
        trace(|| format!("edited {place}: {}", message.text));
        self.messages.lock().unwrap()[place].text = text_of(message);
        self.asked("chat.update").await
    }

    async fn upload(&self, _: &MessageRef, name: &str, _: &str, _: &str) -> Result<(), ChatError> {
        self.asked("files.upload").await?;
        assert!(self.uploads.lock().unwrap().insert(name.to_owned()), "{name} was uploaded before");
        self.asked("files.upload").await
    }

    async fn answer(&self, _: &str, _: bool, _: &ChatMessage) -> Result<(), ChatError> {
        unreachable!("nobody clicks")
    }
}

/// Reports, and trees with nothing in them: what is said of a pull request is not what is looked at here.
pub(crate) struct Store {
    reports: Mutex<BTreeMap<String, Vec<u8>>>,
    fuse: Arc<Fuse>,
}

impl Store {
    pub(crate) fn new(fuse: Arc<Fuse>) -> Self {
        Self { reports: Mutex::default(), fuse }
    }
}

#[async_trait]
impl ReportStore for Store {
    async fn put(&self, id: &ReportId, bytes: &[u8]) -> Result<(), ReportStoreError> {
        let gone = || ReportStoreError("it is gone".to_owned());
        if !self.fuse.holds().await {
            return Err(gone());
        }
        self.reports.lock().unwrap().insert(id.as_str().to_owned(), bytes.to_vec());
        if self.fuse.holds().await { Ok(()) } else { Err(gone()) }
    }

    async fn get(&self, id: &ReportId) -> Result<Option<Vec<u8>>, ReportStoreError> {
        if !self.fuse.holds().await {
            return Err(ReportStoreError("it is gone".to_owned()));
        }
        Ok(self.reports.lock().unwrap().get(id.as_str()).cloned())
    }
}

#[async_trait]
impl Checkouts for Store {
    async fn pull(&self, pull: &PullRequest, tip: &CommitSha) -> Result<Checkout, CheckoutError> {
        if !self.fuse.holds().await {
            let (repo, reason) = (pull.key.repo.to_string(), "it is gone".to_owned());
            return Err(CheckoutError::Unavailable { repo, reason });
        }
        let tree = || Arc::new(MemoryTree::new(BTreeMap::<String, String>::new()));
        let comparison = Comparison { base: tip.clone(), result: pull.head.clone(), mode: Mode::MergeResult };
        Ok(Checkout { base: tree(), result: tree(), changed: BTreeSet::new(), comparison, notes: Vec::new() })
    }
}
