//! The worker with stand-ins for GitHub and Slack, and everything that leaves it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use backend_embedded::{FileReports, Sqlite};
use domain::interact::{Action, Click, Person};
use domain::job::{Cause, DiffJob, Job};
use domain::mark::{CheckKind, CheckMark};
use domain::report::{Comparison, Mode};
use domain::{
    Author, Budget, CommitSha, Permission, PullKey, PullRequest, PullState, RepoName, RepoRule, ReportId,
};
use flows::analyse::{DecryptionAccess, RemoteAccess};
use flows::work::{WorkCtx, work};
use kustomize::MemoryTree;
use ports::ledger::Ledger;
use ports::{
    ChangedFiles, Chat, ChatError, ChatMessage, Checkout, CheckoutError, Checkouts, Cluster, Conditional,
    Consumer as _, FixedClock, Forge, ForgeError, MessageRef, PullPage, ReportStore, ReportStoreError,
    Review, wire,
};

use crate::cluster::Hostile;

pub(crate) type Files = BTreeMap<String, String>;

/// GitHub, Slack and git in one.
pub(crate) struct Outside {
    base: Files,
    result: Files,
    pub(crate) head: Mutex<CommitSha>,
    permission: Permission,
    /// Of a pull request from a fork: whose that is, if that is known.
    pub(crate) fork: Mutex<Option<Option<&'static str>>>,
    pub(crate) slack: Mutex<Vec<String>>,
    pub(crate) github: Mutex<Vec<String>>,
}

pub(crate) struct World {
    pub(crate) outside: Arc<Outside>,
    pub(crate) cluster: Arc<Hostile>,
    dir: Option<tempfile::TempDir>,
    queue: Arc<Sqlite>,
    ctx: WorkCtx,
}

pub(crate) fn sha(digit: char) -> CommitSha {
    digit.to_string().repeat(40).parse().unwrap()
}

fn key() -> PullKey {
    "acme/fleet#7".parse().unwrap()
}

impl World {
    /// A world whose state is on disk, to be looked at.
    pub(crate) fn new(base: &Files, result: &Files, permission: Permission, salt: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let queue = Sqlite::open(&dir.path().join("db"), Arc::new(FixedClock::at(1_700_000_000))).unwrap();
        let reports = Arc::new(FileReports::new(dir.path().join("reports")));
        let mut world = Self::with(base, result, permission, salt, (queue, reports));
        world.dir = Some(dir);
        world
    }

    /// A world in memory, for many cases.
    pub(crate) fn in_memory(base: &Files, result: &Files, permission: Permission, salt: &str) -> Self {
        let queue = Sqlite::in_memory(Arc::new(FixedClock::at(1_700_000_000))).unwrap();
        Self::with(base, result, permission, salt, (queue, Arc::new(Kept::default())))
    }

    fn with(
        base: &Files,
        result: &Files,
        permission: Permission,
        salt: &str,
        (queue, reports): (Sqlite, Arc<dyn ReportStore>),
    ) -> Self {
        let (queue, clock) = (Arc::new(queue), Arc::new(FixedClock::at(1_700_000_000)));
        let cluster = Arc::new(Hostile::new(salt));
        let outside = Arc::new(Outside {
            base: base.clone(),
            result: result.clone(),
            head: Mutex::new(sha('a')),
            permission,
            fork: Mutex::default(),
            slack: Mutex::default(),
            github: Mutex::default(),
        });
        let repo: RepoName = "acme/fleet".parse().unwrap();
        let mut rule = RepoRule::named(repo, "C1");
        rule.check = Some(CheckKind::Run);
        let ctx = WorkCtx {
            blueprints: Default::default(),
            operators: Default::default(),
            forge: outside.clone(),
            queue: queue.clone(),
            ledger: Ledger::new(queue.clone(), clock.clone()),
            chat: outside.clone(),
            reports,
            checkouts: outside.clone(),
            cluster: Ok(cluster.clone() as Arc<dyn Cluster>),
            more_clusters: Vec::new(),
            approvals: Default::default(),
            drift: Default::default(),
            compare_within: std::time::Duration::from_secs(240),
            hold_back_when_render_differs: false,
            remotes: RemoteAccess::None("nothing is fetched here".to_owned()),
            decryption: DecryptionAccess::None("no keys".to_owned()),
            clock,
            rules: vec![rule],
            trusted_logins: Vec::new(),
            cluster_names: Vec::new(),
            live_values: true,
            clone_urls: vec!["https://git.example/{owner}/{name}".to_owned()],
        };
        Self { outside, cluster, dir: None, queue, ctx }
    }

    pub(crate) async fn diff(&self) {
        let head = self.outside.head.lock().unwrap().clone();
        let job = Job::Diff(DiffJob { pull: key(), head, cause: Cause::Opened });
        work(&self.ctx, &wire::encode(&job), true).await.unwrap();
        self.queued().await;
    }

    /// Carries out what was queued.
    pub(crate) async fn queued(&self) {
        for delivery in self.queue.receive(10, Duration::from_secs(900), Duration::ZERO).await.unwrap() {
            work(&self.ctx, &delivery.body, true).await.unwrap();
            self.queue.ack(&delivery).await.unwrap();
        }
    }

    pub(crate) async fn click(&self, action: Action) {
        let record = self.ctx.ledger.pull(&key()).await.unwrap().unwrap();
        let click = Click {
            action,
            report: record.report.unwrap(),
            by: Person { team: "T1".to_owned(), id: "U1".to_owned(), name: "mia".to_owned() },
            channel: "C1".to_owned(),
            message: "1.1".to_owned(),
            trigger: "t".to_owned(),
            answer_url: "https://hooks.slack.example/x".to_owned(),
            reason: None,
        };
        // A message that nobody could carry out stays in the table as a dead letter.
        let body = wire::encode(&Job::Click(click));
        work(&self.ctx, &body, true).await.unwrap();
    }

    pub(crate) async fn report(&self) -> String {
        let id: ReportId = self.ctx.ledger.pull(&key()).await.unwrap().unwrap().report.unwrap();
        String::from_utf8(self.ctx.reports.get(&id).await.unwrap().unwrap()).unwrap()
    }

    /// All that was written on GitHub: checks, the comment, the review.
    pub(crate) fn comment(&self) -> String {
        self.outside.github.lock().unwrap().join("\n")
    }

    pub(crate) fn slack(&self) -> String {
        self.outside.slack.lock().unwrap().join("\n")
    }

    /// Everything on disk: the stored reports, the table, the queue and its dead letters.
    pub(crate) fn disk(&self) -> String {
        let mut all = String::new();
        read(self.dir.as_ref().unwrap().path(), &mut all);
        all
    }
}

fn read(dir: &Path, all: &mut String) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, all);
        } else {
            all.push_str(&String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
        }
    }
}

/// Reports in memory.
#[derive(Default)]
struct Kept(Mutex<BTreeMap<String, Vec<u8>>>);

#[async_trait]
impl ReportStore for Kept {
    async fn put(&self, id: &ReportId, bytes: &[u8]) -> Result<(), ReportStoreError> {
        self.0.lock().unwrap().insert(id.as_str().to_owned(), bytes.to_vec());
        Ok(())
    }

    async fn get(&self, id: &ReportId) -> Result<Option<Vec<u8>>, ReportStoreError> {
        Ok(self.0.lock().unwrap().get(id.as_str()).cloned())
    }
}

#[async_trait]
impl Forge for Outside {
    async fn token_fingerprint(&self) -> Result<String, ForgeError> {
        Ok("f".to_owned())
    }

    async fn pulls(
        &self,
        _: &RepoName,
        _: u32,
        _: Option<&str>,
    ) -> Result<Conditional<PullPage>, ForgeError> {
        Ok(Conditional::NotModified)
    }

    async fn pull(&self, key: &PullKey) -> Result<Option<PullRequest>, ForgeError> {
        let fork = *self.fork.lock().unwrap();
        Ok(Some(PullRequest {
            key: key.clone(),
            title: "a change".to_owned(),
            author: Author { login: "eve".to_owned(), bot: false },
            state: PullState::Open,
            draft: false,
            labels: Default::default(),
            head_branch: "change".to_owned(),
            head: self.head.lock().unwrap().clone(),
            base_branch: "main".to_owned(),
            base: sha('b'),
            fork: fork.is_some(),
            head_owner: fork.flatten().map(str::to_owned),
            url: "https://git.example/acme/fleet/pull/7".to_owned(),
            updated_at: 1,
            closed_at: None,
        }))
    }

    async fn files(&self, _: &PullKey) -> Result<ChangedFiles, ForgeError> {
        Ok(ChangedFiles { paths: Vec::new(), complete: true })
    }

    async fn branch(
        &self,
        _: &RepoName,
        _: &str,
        _: Option<&str>,
    ) -> Result<Conditional<CommitSha>, ForgeError> {
        Ok(Conditional::NotModified)
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

    async fn permission(&self, _: &RepoName, login: &str) -> Result<Permission, ForgeError> {
        Ok(if login == "stranger" { Permission::Read } else { self.permission })
    }

    async fn sticky_comment(&self, _: &PullKey, _: &str, parts: &[String]) -> Result<String, ForgeError> {
        self.github.lock().unwrap().extend(parts.iter().cloned());
        Ok("https://git.example/comment".to_owned())
    }

    async fn approve(&self, _: &PullKey, _: &CommitSha, body: &str) -> Result<Review, ForgeError> {
        self.github.lock().unwrap().push(body.to_owned());
        Ok(Review::Approved { url: "https://git.example/review".to_owned() })
    }

    async fn set_checks(
        &self,
        _: &RepoName,
        _: &CommitSha,
        _: CheckKind,
        checks: &[CheckMark],
    ) -> Result<(), ForgeError> {
        let said = checks.iter().map(|check| format!("{}\n{}", check.title, check.summary));
        self.github.lock().unwrap().extend(said);
        Ok(())
    }

    async fn change_labels(&self, _: &PullKey, add: &[String], _: &[String]) -> Result<(), ForgeError> {
        self.github.lock().unwrap().extend(add.iter().cloned());
        Ok(())
    }
}

impl Outside {
    fn say(&self, message: &ChatMessage) {
        let blocks: Vec<String> = message.blocks.iter().map(ToString::to_string).collect();
        self.slack.lock().unwrap().push(format!("{}\n{}", message.text, blocks.join("\n")));
    }
}

#[async_trait]
impl Chat for Outside {
    async fn post(
        &self,
        channel: &str,
        thread: Option<&MessageRef>,
        _: &str,
        message: &ChatMessage,
    ) -> Result<MessageRef, ChatError> {
        self.say(message);
        Ok(MessageRef {
            channel: channel.to_owned(),
            ts: if thread.is_some() { "1.2" } else { "1.1" }.to_owned(),
        })
    }

    async fn find(&self, _: &str, _: Option<&MessageRef>, _: &str) -> Result<Option<MessageRef>, ChatError> {
        Ok(None)
    }

    async fn update(&self, _: &MessageRef, message: &ChatMessage) -> Result<(), ChatError> {
        self.say(message);
        Ok(())
    }

    async fn upload(&self, _: &MessageRef, name: &str, title: &str, text: &str) -> Result<(), ChatError> {
        self.slack.lock().unwrap().push(format!("{name}\n{title}\n{text}"));
        Ok(())
    }

    async fn answer(&self, _: &str, _: bool, message: &ChatMessage) -> Result<(), ChatError> {
        self.say(message);
        Ok(())
    }
}

#[async_trait]
impl Checkouts for Outside {
    async fn pull(&self, _: &PullRequest, _: &CommitSha) -> Result<Checkout, CheckoutError> {
        let tree = |files: &Files| Arc::new(MemoryTree::new(files.clone()));
        let paths = self.base.keys().chain(self.result.keys());
        Ok(Checkout {
            base: tree(&self.base),
            result: tree(&self.result),
            changed: paths.filter(|path| self.base.get(*path) != self.result.get(*path)).cloned().collect(),
            comparison: Comparison { base: sha('b'), result: sha('e'), mode: Mode::MergeResult },
            notes: Vec::new(),
        })
    }
}
