//! The poller's promises: nothing missed whatever fails, nothing done twice, the ETag last. A forge and a queue that fail on demand, a real SQLite ledger.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use backend_embedded::Sqlite;
use domain::job::Job;
use domain::mark::{CheckKind, CheckMark};
use domain::{
    Author, Budget, CommitSha, PathRules, Permission, PullKey, PullRequest, PullState, RepoName, RepoRule,
};
use domain::{Repositories, Selection};
use flows::poll::{PollCtx, Polled, poll, poll_now};
use ports::ledger::{Ledger, Phase};
use ports::{
    ChangedFiles, Chat, ChatError, ChatMessage, Conditional, FixedClock, Forge, ForgeError, MessageRef,
    PullPage, Queue, QueueError, Review, wire,
};

/// What GitHub would say; the ETag is the number of the state.
#[derive(Default)]
struct Hub {
    pulls: Mutex<Vec<PullRequest>>,
    files: Mutex<Vec<String>>,
    tip: Mutex<Option<CommitSha>>,
    repositories: Mutex<Option<Vec<RepoName>>>,
    budget: Mutex<Option<Budget>>,
    missing: Mutex<bool>,
    asked: AtomicU32,
    state: AtomicU32,
}

impl Hub {
    fn set(&self, pulls: Vec<PullRequest>) {
        *self.pulls.lock().unwrap() = pulls;
        self.state.fetch_add(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Forge for Hub {
    async fn token_fingerprint(&self) -> Result<String, ForgeError> {
        Ok("token".to_owned())
    }

    async fn pulls(
        &self,
        _: &RepoName,
        _: u32,
        etag: Option<&str>,
    ) -> Result<Conditional<PullPage>, ForgeError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if *self.missing.lock().unwrap() {
            return Err(ForgeError::NotFound("repository `acme/fleet`".to_owned()));
        }
        let now = self.state.load(Ordering::SeqCst).to_string();
        if etag == Some(now.as_str()) {
            return Ok(Conditional::NotModified);
        }
        let pulls = self.pulls.lock().unwrap().clone();
        Ok(Conditional::Fresh {
            value: PullPage { pulls, unreadable: Vec::new(), more: false },
            etag: Some(now),
        })
    }

    async fn branch(
        &self,
        _: &RepoName,
        _: &str,
        _: Option<&str>,
    ) -> Result<Conditional<CommitSha>, ForgeError> {
        match self.tip.lock().unwrap().clone() {
            Some(value) => Ok(Conditional::Fresh { value, etag: None }),
            None => Err(ForgeError::NotFound("branch".to_owned())),
        }
    }

    async fn files(&self, _: &PullKey) -> Result<ChangedFiles, ForgeError> {
        Ok(ChangedFiles { paths: self.files.lock().unwrap().clone(), complete: true })
    }

    async fn pull(&self, _: &PullKey) -> Result<Option<PullRequest>, ForgeError> {
        unreachable!("the poller reads the listing")
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
        Ok(*self.budget.lock().unwrap())
    }

    async fn repositories(&self, _: &str) -> Result<Vec<RepoName>, ForgeError> {
        self.repositories.lock().unwrap().clone().ok_or_else(|| ForgeError::NotFound("acme".to_owned()))
    }

    async fn permission(&self, _: &RepoName, _: &str) -> Result<Permission, ForgeError> {
        unreachable!("the poller trusts nobody")
    }

    async fn sticky_comment(&self, _: &PullKey, _: &str, _: &[String]) -> Result<String, ForgeError> {
        unreachable!("the poller writes nothing")
    }

    async fn approve(&self, _: &PullKey, _: &CommitSha, _: &str) -> Result<Review, ForgeError> {
        unreachable!("the poller writes nothing")
    }

    async fn set_checks(
        &self,
        _: &RepoName,
        _: &CommitSha,
        _: CheckKind,
        _: &[CheckMark],
    ) -> Result<(), ForgeError> {
        unreachable!("the poller writes nothing")
    }

    async fn change_labels(&self, _: &PullKey, _: &[String], _: &[String]) -> Result<(), ForgeError> {
        unreachable!("the poller writes nothing")
    }
}

/// A queue that keeps what it gets, and can be broken.
#[derive(Default)]
struct Line {
    jobs: Mutex<Vec<Job>>,
    broken: Mutex<bool>,
}

#[async_trait]
impl Queue for Line {
    async fn send(&self, body: &str, _: Duration) -> Result<(), QueueError> {
        if *self.broken.lock().unwrap() {
            return Err(QueueError("broken".to_owned()));
        }
        self.jobs.lock().unwrap().push(wire::decode(body).unwrap());
        Ok(())
    }
}

/// A channel that keeps what is posted, and can be closed.
#[derive(Default)]
struct Channel {
    posted: Mutex<Vec<(String, String)>>,
    closed: Mutex<bool>,
}

#[async_trait]
impl Chat for Channel {
    async fn post(
        &self,
        _: &str,
        _: Option<&MessageRef>,
        key: &str,
        message: &ChatMessage,
    ) -> Result<MessageRef, ChatError> {
        if *self.closed.lock().unwrap() {
            return Err(ChatError::Unavailable { method: "post".to_owned(), reason: "closed".to_owned() });
        }
        self.posted.lock().unwrap().push((key.to_owned(), message.text.clone()));
        Ok(MessageRef { channel: "C1".to_owned(), ts: "1.1".to_owned() })
    }

    async fn find(
        &self,
        _: &str,
        _: Option<&MessageRef>,
        key: &str,
    ) -> Result<Option<MessageRef>, ChatError> {
        let found = self.posted.lock().unwrap().iter().any(|(of, _)| of == key);
        Ok(found.then(|| MessageRef { channel: "C1".to_owned(), ts: "1.1".to_owned() }))
    }

    async fn update(&self, _: &MessageRef, _: &ChatMessage) -> Result<(), ChatError> {
        Ok(())
    }

    async fn upload(&self, _: &MessageRef, _: &str, _: &str, _: &str) -> Result<(), ChatError> {
        unreachable!("the poller uploads nothing")
    }

    async fn answer(&self, _: &str, _: bool, _: &ChatMessage) -> Result<(), ChatError> {
        unreachable!("the poller answers nobody")
    }
}

impl Channel {
    /// What was posted since the last look, of what does not belong to a pull request.
    fn heard(&self) -> Vec<String> {
        let posted = std::mem::take(&mut *self.posted.lock().unwrap());
        posted.into_iter().filter(|(key, _)| key.contains("#acme/fleet#1")).map(|(_, text)| text).collect()
    }
}

struct World {
    hub: Arc<Hub>,
    line: Arc<Line>,
    ledger: Ledger,
    clock: Arc<FixedClock>,
    ctx: PollCtx,
}

impl World {
    fn new() -> Self {
        let (hub, line) = (Arc::new(Hub::default()), Arc::new(Line::default()));
        let clock = Arc::new(FixedClock::at(1_000_000));
        let ledger = Ledger::new(Arc::new(Sqlite::in_memory(clock.clone()).unwrap()), clock.clone());
        let ctx = PollCtx {
            forge: hub.clone(),
            queue: line.clone(),
            ledger: ledger.clone(),
            chat: None,
            clock: clock.clone(),
            rules: vec![RepoRule {
                paths: PathRules::new(&["apps/**".to_owned()], &[]).unwrap(),
                ..RepoRule::named("acme/fleet".parse().unwrap(), "C1")
            }],
            events: Vec::new(),
            pace: Default::default(),
            first_reports: usize::MAX,
        };
        *hub.files.lock().unwrap() = vec!["apps/web.yaml".to_owned()];
        Self { hub, line, ledger, clock, ctx }
    }

    async fn poll(&self) -> Result<Polled, String> {
        let (_, result) = poll(&self.ctx).await.pop().unwrap();
        result.map_err(|e| e.to_string())
    }

    /// The jobs queued since the last look, as `Cause:head` or `refresh`.
    fn queued(&self) -> Vec<String> {
        let jobs = std::mem::take(&mut *self.line.jobs.lock().unwrap());
        let name = |job: Job| match job {
            Job::Diff(job) => format!("{:?}:{}", job.cause, &job.head.as_str()[..1]),
            Job::Refresh { .. } => "refresh".to_owned(),
            other => format!("{other:?}"),
        };
        jobs.into_iter().map(name).collect()
    }

    /// What the worker notes when it has reported.
    async fn reported(&self, tip: char) {
        let key = "acme/fleet#7".parse().unwrap();
        let change = |record: Option<ports::ledger::PullRecord>| {
            let mut record = record?;
            record.phase = Phase::Reported;
            record.base_tip = Some(sha(tip));
            Some(record)
        };
        self.ledger.change_pull(&key, change).await.unwrap();
    }
}

fn sha(digit: char) -> CommitSha {
    digit.to_string().repeat(40).parse().unwrap()
}

fn pull(head: char, change: impl FnOnce(&mut PullRequest)) -> PullRequest {
    let mut pull = PullRequest {
        key: "acme/fleet#7".parse().unwrap(),
        title: "t".to_owned(),
        author: Author { login: "ann".to_owned(), bot: false },
        state: PullState::Open,
        draft: false,
        labels: Default::default(),
        head_branch: "f".to_owned(),
        head: sha(head),
        base_branch: "main".to_owned(),
        base: sha('b'),
        fork: false,
        head_owner: None,
        url: String::new(),
        updated_at: 100,
        closed_at: None,
    };
    change(&mut pull);
    pull
}

#[tokio::test]
async fn what_is_unchanged_costs_nothing_and_does_nothing() {
    let world = World::new();
    world.hub.set(vec![pull('a', |_| ())]);
    assert_eq!(world.poll().await, Ok(Polled { queued: 1, ..Polled::default() }));
    assert_eq!(world.queued(), ["Opened:a"]);
    assert_eq!(world.poll().await, Ok(Polled { unchanged: true, ..Polled::default() }));
    world.hub.set(vec![pull('a', |p| p.title = "starred".to_owned())]);
    assert_eq!(world.poll().await, Ok(Polled::default()), "200 is not news");
    assert!(world.queued().is_empty());
}

#[tokio::test]
async fn a_look_out_of_turn_is_a_poll_of_that_repository() {
    let world = World::new();
    let repo: RepoName = "acme/fleet".parse().unwrap();
    let look = || poll_now(&world.ctx, &repo);
    world.hub.set(vec![pull('a', |_| ())]);
    assert_eq!(look().await.unwrap(), None, "its first poll is the poller's");
    assert!(world.queued().is_empty());
    world.poll().await.unwrap();
    assert_eq!(world.queued(), ["Opened:a"]);
    world.hub.set(vec![pull('c', |_| ())]);
    assert_eq!(look().await.unwrap().unwrap().queued, 1);
    assert_eq!(world.queued(), ["Changed:c"]);
    assert!(look().await.unwrap().unwrap().unchanged, "it keeps the ETag");
    assert!(world.poll().await.unwrap().unchanged, "for the poller too");
    assert!(world.queued().is_empty());
    let other = "acme/other".parse().unwrap();
    assert_eq!(poll_now(&world.ctx, &other).await.unwrap(), None, "it is not watched");
    *world.hub.budget.lock().unwrap() = Some(Budget { limit: 5_000, remaining: 0, reset: 2_000_000 });
    world.hub.set(vec![pull('d', |_| ())]);
    assert_eq!(look().await.unwrap(), None, "what is left is people's");
    *world.hub.budget.lock().unwrap() = None;
    let lease = world.ledger.lease("poll#acme/fleet", 300).await.unwrap().unwrap();
    assert!(look().await.unwrap().unwrap().busy, "somebody is polling");
    world.ledger.release(lease).await.unwrap();
    assert_eq!(look().await.unwrap().unwrap().queued, 1);
    assert_eq!(world.queued(), ["Changed:d"]);
}

#[tokio::test]
async fn a_poll_that_dies_before_the_queue_is_made_good_by_the_next() {
    let world = World::new();
    world.hub.set(vec![pull('a', |_| ())]);
    *world.line.broken.lock().unwrap() = true;
    assert!(world.poll().await.is_err_and(|e| e.contains("queue")));
    *world.line.broken.lock().unwrap() = false;
    let again = world.poll().await.unwrap();
    assert!(!again.unchanged, "the ETag was not kept");
    assert_eq!(world.queued(), ["Changed:a"], "queued once, though listing and ledger agree");
    assert_eq!(world.poll().await.unwrap().queued, 0);
}

#[tokio::test]
async fn transitions_are_queued_and_the_rest_is_remembered() {
    let world = World::new();
    let steps: [(PullRequest, &[&str]); 6] = [
        (pull('a', |p| p.draft = true), &["Opened:a"]),
        (pull('a', |_| ()), &["Changed:a"]),
        (pull('a', |p| p.labels = ["x".to_owned()].into()), &[]),
        (pull('c', |_| ()), &["Changed:c"]),
        (pull('c', |p| p.state = PullState::Closed), &["refresh"]),
        (pull('c', |_| ()), &["Changed:c"]),
    ];
    for (now, expected) in steps {
        world.hub.set(vec![now.clone()]);
        world.poll().await.unwrap();
        assert_eq!(world.queued(), expected, "{now:?}");
    }
}

#[tokio::test]
async fn files_that_nobody_watches_queue_nothing_until_a_head_touches_some() {
    let world = World::new();
    *world.hub.files.lock().unwrap() = vec!["docs/x.md".to_owned()];
    world.hub.set(vec![pull('a', |_| ())]);
    world.poll().await.unwrap();
    assert!(world.queued().is_empty());
    *world.hub.files.lock().unwrap() = vec!["apps/web.yaml".to_owned()];
    world.hub.set(vec![pull('c', |_| ())]);
    world.poll().await.unwrap();
    assert_eq!(world.queued().last().map(String::as_str), Some("Changed:c"));
}

#[tokio::test]
async fn a_push_to_the_base_branch_is_seen_though_the_listing_is_unchanged() {
    let world = World::new();
    world.hub.set(vec![pull('a', |_| ())]);
    *world.hub.tip.lock().unwrap() = Some(sha('d'));
    world.poll().await.unwrap();
    world.queued();
    world.reported('d').await;
    assert_eq!(world.poll().await.unwrap().queued, 0, "reported against this very tip");
    *world.hub.tip.lock().unwrap() = Some(sha('e'));
    assert_eq!(world.poll().await, Ok(Polled { queued: 1, unchanged: true, ..Polled::default() }));
    assert_eq!(world.queued(), ["BaseMoved:a"]);
    assert_eq!(world.poll().await.unwrap().queued, 0, "once");
}

#[tokio::test]
async fn overlapping_polls_keep_apart() {
    let world = World::new();
    world.hub.set(vec![pull('a', |_| ())]);
    let lease = world.ledger.lease("poll#acme/fleet", 300).await.unwrap().unwrap();
    assert_eq!(world.poll().await, Ok(Polled { busy: true, ..Polled::default() }));
    world.clock.advance(301);
    assert_eq!(world.poll().await.unwrap().queued, 1, "a dead poller's lease ends");
    assert!(!world.ledger.holds(&lease).await.unwrap());
}

#[tokio::test]
async fn what_has_no_report_for_an_hour_is_queued_again_once() {
    let world = World::new();
    world.hub.set(vec![pull('a', |_| ())]);
    world.poll().await.unwrap();
    world.queued();
    world.clock.advance(3_500);
    assert_eq!(world.poll().await.unwrap().queued, 0, "its job may still be at work");
    world.clock.advance(200);
    assert_eq!(world.poll().await.unwrap().queued, 1);
    assert_eq!(world.queued(), ["Changed:a"]);
    assert_eq!(world.poll().await.unwrap().queued, 0, "and has another hour");
}

fn of_acme(include: &[&str]) -> RepoRule {
    let include: Vec<String> = include.iter().map(|name| (*name).to_owned()).collect();
    let names = Selection::new(&include, &[], true).unwrap();
    RepoRule::new(Repositories::Of { owner: "acme".to_owned(), names }, "C1")
}

#[tokio::test]
async fn an_organisation_that_cannot_be_listed_again_keeps_its_repositories() {
    let mut world = World::new();
    world.ctx.rules = vec![of_acme(&["fl*"])];
    world.hub.set(vec![pull('a', |_| ())]);
    let names = |results: Vec<(String, Result<Polled, flows::JobError>)>| {
        let name = |(name, result): (String, Result<_, _>)| format!("{name} {}", result.is_ok());
        results.into_iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(names(poll(&world.ctx).await), ["acme false"], "nothing is known yet");
    let listed = ["acme/fleet", "acme/docs"].map(|name| name.parse().unwrap());
    *world.hub.repositories.lock().unwrap() = Some(listed.to_vec());
    assert_eq!(names(poll(&world.ctx).await), ["acme/fleet true"]);
    assert_eq!(world.queued(), ["Opened:a"]);
    *world.hub.repositories.lock().unwrap() = None;
    world.clock.advance(100);
    assert_eq!(names(poll(&world.ctx).await), ["acme/fleet true"], "the list is still new");
    world.clock.advance(600);
    assert_eq!(names(poll(&world.ctx).await), ["acme false", "acme/fleet true"]);
}

#[tokio::test]
async fn what_clusters_point_to_is_asked_for_now_and_then() {
    let mut world = World::new();
    let names = Selection::default();
    world.ctx.rules = vec![RepoRule::new(Repositories::Discovered { names }, "C1")];
    world.hub.set(vec![pull('a', |_| ())]);
    assert!(poll(&world.ctx).await.is_empty());
    assert_eq!(world.queued(), ["Discover"]);
    let found = serde_json::json!({"production": ["acme/fleet"]});
    world.ledger.save_note("discovered", &found).await.unwrap();
    assert_eq!(poll(&world.ctx).await.len(), 1);
    assert_eq!(world.queued(), ["Opened:a"]);
    world.clock.advance(700);
    assert_eq!(poll(&world.ctx).await.len(), 1);
    assert_eq!(world.queued(), ["Discover"]);
}

#[tokio::test]
async fn what_is_left_of_the_hour_is_for_people() {
    let world = World::new();
    world.hub.set(vec![pull('a', |_| ())]);
    let left = |remaining| Some(Budget { limit: 5_000, remaining, reset: 1_000_100 });
    *world.hub.budget.lock().unwrap() = left(1_000);
    assert!(poll(&world.ctx).await.is_empty());
    *world.hub.budget.lock().unwrap() = left(1_001);
    assert_eq!(world.poll().await.unwrap().queued, 1);
    *world.hub.budget.lock().unwrap() = left(0);
    world.clock.advance(200);
    assert!(world.poll().await.unwrap().unchanged, "the next hour has begun");
}

#[tokio::test]
async fn the_first_poll_reports_the_newest_and_remembers_the_rest() {
    let mut world = World::new();
    world.ctx.first_reports = 2;
    let numbered = |number: u64, head: char| {
        pull(head, |p| (p.key.number, p.updated_at) = (number, 100 + i64::try_from(number).unwrap()))
    };
    world.hub.set((1..=5).map(|number| numbered(number, 'a')).collect());
    assert_eq!(world.poll().await.unwrap().queued, 2);
    assert_eq!(world.queued(), ["Opened:a", "Opened:a"]);
    world.hub.set(vec![numbered(1, 'c'), numbered(6, 'd')]);
    world.poll().await.unwrap();
    assert_eq!(world.queued(), ["Changed:c", "Opened:d"], "from then on everything counts");
}

#[tokio::test]
async fn a_repository_that_is_gone_is_said_once_and_looked_for_every_hour() {
    let (mut world, channel) = (World::new(), Arc::new(Channel::default()));
    world.ctx.chat = Some(channel.clone());
    world.hub.set(vec![pull('a', |_| ())]);
    world.poll().await.unwrap();
    assert_eq!(channel.heard(), [""; 0]);
    world.queued();

    // A minute in which GitHub says 404 is none to speak of.
    let minute = async |minutes: i64| {
        for _ in 0..minutes {
            world.clock.advance(60);
            poll(&world.ctx).await;
        }
    };
    *world.hub.missing.lock().unwrap() = true;
    minute(3).await;
    *world.hub.missing.lock().unwrap() = false;
    minute(1).await;
    assert_eq!(channel.heard(), [""; 0]);

    // Slack is away when it is to be said, and then hears of it once.
    *world.hub.missing.lock().unwrap() = true;
    *channel.closed.lock().unwrap() = true;
    minute(15).await;
    *channel.closed.lock().unwrap() = false;
    minute(1).await;
    let heard = channel.heard();
    assert!(heard.len() == 1 && heard[0].contains("`acme/fleet` is gone"), "{heard:?}");
    let before = world.hub.asked.load(Ordering::SeqCst);
    minute(180).await;
    assert_eq!(world.hub.asked.load(Ordering::SeqCst) - before, 3, "once an hour");
    assert_eq!(channel.heard(), [""; 0]);

    // What happened meanwhile is seen when it is back.
    world.hub.set(vec![pull('c', |p| p.updated_at = 200)]);
    *world.hub.missing.lock().unwrap() = false;
    minute(60).await;
    let heard = channel.heard();
    assert!(heard.len() == 1 && heard[0].contains("is there again"), "{heard:?}");
    assert_eq!(world.queued().last().map(String::as_str), Some("Changed:c"));
    minute(5).await;
    assert_eq!(channel.heard(), [""; 0]);
}

#[tokio::test]
async fn a_repository_that_its_organisation_has_no_longer_is_said_once() {
    let (mut world, channel) = (World::new(), Arc::new(Channel::default()));
    world.ctx.chat = Some(channel.clone());
    world.ctx.rules = vec![of_acme(&[])];
    let set = |names: &[&str]| {
        *world.hub.repositories.lock().unwrap() =
            Some(names.iter().map(|name| name.parse().unwrap()).collect());
    };
    set(&["acme/fleet", "acme/other"]);
    poll(&world.ctx).await;
    set(&["acme/other"]);
    for _ in 0..30 {
        world.clock.advance(60);
        poll(&world.ctx).await;
    }
    let heard = channel.heard();
    assert!(heard.len() == 1 && heard[0].contains("`acme/fleet` is gone"), "{heard:?}");
}
