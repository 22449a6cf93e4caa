//! Repository events, from the stand-in to the channel: told once each, nothing old, nothing alive, and as often as GitHub wants.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use backend_embedded::Sqlite;
use domain::{EventMatch, EventRule, Holds, Repositories};
use flows::poll::{PollCtx, poll};
use github::{Auth, GitHub, Settings};
use ports::ledger::Ledger;
use ports::{Chat, ChatError, ChatMessage, Clock, MessageRef, Queue, QueueError};
use serde_json::{Value, json};
use testkit::github::{DEFAULT_TOKEN, FakeGitHub, Options, RepoHandle};

/// The stand-in's clock as ours.
struct SameClock(testkit::clock::Clock);

impl Clock for SameClock {
    fn now(&self) -> i64 {
        self.0.now()
    }
}

/// A channel that fails at the n-th post from now, before or after it is there.
#[derive(Default)]
struct Channel {
    posted: Mutex<Vec<(String, ChatMessage)>>,
    trouble: Mutex<Option<(usize, bool)>>,
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
        let trouble = match &mut *self.trouble.lock().unwrap() {
            Some((0, landed)) => Some(*landed),
            Some((more, _)) => {
                *more -= 1;
                None
            }
            None => None,
        };
        if trouble != Some(false) {
            self.posted.lock().unwrap().push((key.to_owned(), message.clone()));
        }
        if trouble.is_some() {
            *self.trouble.lock().unwrap() = None;
            return Err(ChatError::Unavailable { method: "post".to_owned(), reason: "gone".to_owned() });
        }
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
        unreachable!("events have no files")
    }

    async fn answer(&self, _: &str, _: bool, _: &ChatMessage) -> Result<(), ChatError> {
        unreachable!("nobody asks")
    }
}

struct Nowhere;

#[async_trait]
impl Queue for Nowhere {
    async fn send(&self, _: &str, _: std::time::Duration) -> Result<(), QueueError> {
        unreachable!("events make no jobs")
    }
}

struct World {
    fake: FakeGitHub,
    repo: RepoHandle,
    channel: Arc<Channel>,
    table: Arc<Sqlite>,
    clock: Arc<dyn Clock>,
    rules: Vec<EventRule>,
}

fn rule(kind: &str, holds: Option<(&str, &str)>, text: &str) -> EventRule {
    let holds = holds.map(|(path, value)| Holds::new(path, Some(value)).unwrap());
    EventRule {
        repositories: Repositories::Named("acme/fleet".parse().unwrap()),
        channel: "C1".to_owned(),
        on: vec![EventMatch { kind: kind.to_owned(), holds }],
        text: text.to_owned(),
        buttons: Vec::new(),
    }
}

impl World {
    fn new(rules: Vec<EventRule>) -> Self {
        let fake =
            FakeGitHub::start(Options { watch: described::watch().into(), ..Options::default() }).unwrap();
        let repo = fake.repo("acme/fleet");
        repo.commit("main", "Start", [("a.yaml", Some("a: 1\n"))]);
        let clock: Arc<dyn Clock> = Arc::new(SameClock(fake.clock()));
        let table = Arc::new(Sqlite::in_memory(Arc::clone(&clock)).unwrap());
        Self { fake, repo, channel: Arc::default(), table, clock, rules }
    }

    /// A process that has asked nothing yet polls, a minute later; whether all went well.
    async fn minute(&self) -> bool {
        self.fake.clock().advance(60);
        let ledger = Ledger::new(Arc::clone(&self.table) as Arc<dyn ports::Table>, Arc::clone(&self.clock));
        let auth = Auth::Token(DEFAULT_TOKEN.to_owned().into());
        let settings = Settings {
            api_url: self.fake.url(),
            auth,
            clock: Arc::clone(&self.clock),
            ledger: ledger.clone(),
            carry_etags: false,
        };
        let ctx = PollCtx {
            forge: Arc::new(GitHub::new(settings).unwrap()),
            queue: Arc::new(Nowhere),
            ledger,
            chat: Some(Arc::clone(&self.channel) as Arc<dyn Chat>),
            clock: Arc::clone(&self.clock),
            rules: Vec::new(),
            events: self.rules.clone(),
            pace: Default::default(),
            first_reports: 0,
        };
        poll(&ctx).await.into_iter().all(|(_, result)| result.is_ok())
    }

    /// What was posted since the last look.
    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.channel.posted.lock().unwrap()).into_iter().map(|(_, m)| m.text).collect()
    }

    fn released(&self, action: &str) -> u64 {
        self.repo.happens("WatchEvent", "mia", json!({ "action": action }))
    }

    fn charged(&self) -> usize {
        self.fake.requests().iter().filter(|seen| seen.path.contains("/events") && seen.charged).count()
    }
}

#[tokio::test]
async fn what_is_wanted_is_told_once_and_nothing_old() {
    let wanted =
        rule("WatchEvent", Some(("$.payload.action", "^started$")), "*{{ event.actor.login }}* stars");
    let world = World::new(vec![wanted]);
    world.released("started");
    assert!(world.minute().await);
    assert_eq!(world.heard(), [""; 0], "it happened before");
    world.released("started");
    world.released("ended");
    assert!(world.minute().await);
    assert_eq!(world.heard(), ["*mia* stars"]);
    let charged = world.charged();
    for _ in 0..5 {
        assert!(world.minute().await);
    }
    assert_eq!((world.heard(), world.charged()), (Vec::new(), charged), "quiet minutes cost nothing");
}

#[tokio::test]
async fn every_rule_tells_it_and_a_dead_one_tells_no_twice() {
    for landed in [false, true] {
        for step in 0..4 {
            let rules =
                ["one {{ event.id }}", "two {{ event.id }}"].map(|text| rule("WatchEvent", None, text));
            let world = World::new(rules.to_vec());
            assert!(world.minute().await);
            let ids = [world.released("started"), world.released("started")];
            *world.channel.trouble.lock().unwrap() = Some((step, landed));
            assert!(!world.minute().await, "the post at {step} failed");
            while !world.minute().await {}
            let mut heard = world.heard();
            heard.sort();
            let mut all: Vec<String> =
                ids.iter().flat_map(|id| [format!("one {id}"), format!("two {id}")]).collect();
            all.sort();
            assert_eq!(heard, all, "trouble at post {step}, landed: {landed}");
        }
    }
}

#[tokio::test]
async fn floods_are_counted_and_gaps_are_said() {
    let world = World::new(vec![rule("WatchEvent", None, "{{ event.id }}")]);
    world.released("started");
    assert!(world.minute().await);
    for _ in 0..25 {
        world.released("started");
    }
    assert!(world.minute().await);
    let heard = world.heard();
    assert_eq!(heard.len(), 21);
    assert!(heard[20].contains("5 earlier events of `acme/fleet`"), "{}", heard[20]);
    for _ in 0..301 {
        world.released("started");
    }
    assert!(world.minute().await);
    let heard = world.heard();
    assert!(heard[0].contains("may be missing here"), "{}", heard[0]);
    for _ in 0..301 {
        world.repo.happens("ForkEvent", "mia", json!({"action": "forked"}));
    }
    assert!(world.minute().await);
    assert_eq!(world.heard(), [""; 0], "said once an hour");
    world.fake.clock().advance(3_600);
    for _ in 0..301 {
        world.repo.happens("ForkEvent", "mia", json!({"action": "forked"}));
    }
    assert!(world.minute().await);
    let again = world.heard();
    assert!(
        again.len() == 1 && again[0].contains("may be missing here"),
        "also where none of them is wanted: {again:?}"
    );
    assert!(heard.last().unwrap().contains("280 earlier events"), "{heard:?}");
}

#[tokio::test]
async fn nothing_that_an_event_says_is_alive() {
    let hostile = "<!channel> `x` <https://evil|click> & \u{202e}";
    let world = World::new(vec![rule("WatchEvent", None, "<https://ours|{{ event.payload.action }}>")]);
    assert!(world.minute().await);
    world.released(hostile);
    assert!(world.minute().await);
    let heard = world.heard();
    assert_eq!(heard, ["<https://ours|&lt;!channel&gt; ˋxˋ &lt;https://evil|click&gt; &amp; \\u{202e}>"]);
}

#[tokio::test]
async fn words_that_cannot_be_filled_in_hide_nothing() {
    let world = World::new(vec![rule("WatchEvent", None, "{{ event.payload.release.tag_name }}")]);
    assert!(world.minute().await);
    world.released("started");
    assert!(world.minute().await);
    let heard: Vec<Value> = world.heard().into_iter().map(Value::from).collect();
    let text = heard[0].as_str().unwrap();
    assert!(text.starts_with("WatchEvent of mia in acme/fleet (the text of its rule"), "{text}");
}
