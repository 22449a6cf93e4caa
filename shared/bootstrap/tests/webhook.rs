//! GitHub's webhook: only what GitHub signed has an effect, once, and the effect is a look at one watched repository and nothing else.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use backend_embedded::Sqlite;
use bootstrap::config::{Config, Defaults};
use bootstrap::inbound::Inbound;
use bootstrap::webhook::{BODY_LIMIT, Delivered, Webhook};
use domain::interact::Click;
use flows::interact::InteractCtx;
use hmac::{Hmac, KeyInit as _, Mac as _};
use ports::ledger::Ledger;
use ports::{ChatError, FixedClock, Form, Forms, Queue, QueueError, Secrets, SecretsError};
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::Sha256;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const ID: &str = "72d3162e-cc78-11e3-81ab-4c9367dc0958";
const BODY: &str = r#"{"action":"synchronize","number":7,"repository":{"id":1,"full_name":"Acme/Fleet"}}"#;

#[derive(Default)]
struct Line {
    bodies: Mutex<Vec<String>>,
    broken: Mutex<bool>,
}

#[async_trait]
impl Queue for Line {
    async fn send(&self, body: &str, delay: Duration) -> Result<(), QueueError> {
        if *self.broken.lock().unwrap() {
            return Err(QueueError("broken".to_owned()));
        }
        assert!(delay > Duration::from_secs(4), "it comes after whatever is taken together with it");
        self.bodies.lock().unwrap().push(body.to_owned());
        Ok(())
    }
}

struct NoForms;

#[async_trait]
impl Forms for NoForms {
    async fn ask(&self, _: &Click, _: &Form) -> Result<(), ChatError> {
        unreachable!("a webhook shows no form")
    }

    fn correction(&self, _: &str) -> Value {
        unreachable!("a webhook shows no form")
    }
}

/// One secret; what it is after [`Secrets::forget`] may be another.
struct Stored(Mutex<Vec<String>>);

#[async_trait]
impl Secrets for Stored {
    async fn get(&self, name: &str) -> Result<SecretString, SecretsError> {
        assert_eq!(name, "hook");
        Ok(self.0.lock().unwrap()[0].clone().into())
    }

    fn forget(&self, _: &str) {
        let mut values = self.0.lock().unwrap();
        if values.len() > 1 {
            values.remove(0);
        }
    }
}

struct World {
    line: Arc<Line>,
    clock: Arc<FixedClock>,
    inbound: Inbound,
}

fn config(github: &str) -> Config {
    let text = format!(
        "github: {{token: a{github}}}\nslack: {{bot_token: b, signing_secret: c}}\n\
         repositories:\n- {{name: acme/fleet, channel: C1}}\n\
         - {{organization: blue, repositories: {{exclude: ['*-old']}}, channel: C1}}\n"
    );
    Config::parse(&text, &Defaults::default()).unwrap()
}

fn world(values: &[&str]) -> World {
    let config = config(", webhook_secret: hook");
    let (line, clock) = (Arc::new(Line::default()), Arc::new(FixedClock::at(1_000_000)));
    let ledger = Ledger::new(Arc::new(Sqlite::in_memory(clock.clone()).unwrap()), clock.clone());
    let ctx = InteractCtx { queue: line.clone(), ledger, team: None, forms: Arc::new(NoForms) };
    let secrets = Arc::new(Stored(Mutex::new(values.iter().map(|value| (*value).to_owned()).collect())));
    let webhook = Webhook::of(&config);
    let identity = config.slack.identity;
    World { line, clock: clock.clone(), inbound: Inbound { secrets, identity, webhook, clock, ctx } }
}

fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

impl World {
    async fn deliver(&self, signature: Option<&str>, id: &str, event: &str, body: &[u8]) -> u16 {
        let delivery = Delivered { signature, id: Some(id), event: Some(event), body };
        self.inbound.delivered(&delivery).await
    }

    /// As GitHub delivers it.
    async fn signed(&self, id: &str, event: &str, body: &str) -> u16 {
        self.deliver(Some(&sign(SECRET, body.as_bytes())), id, event, body.as_bytes()).await
    }

    /// The jobs queued since the last look.
    fn queued(&self) -> Vec<Value> {
        let bodies = std::mem::take(&mut *self.line.bodies.lock().unwrap());
        bodies.iter().map(|body| serde_json::from_str(body).unwrap()).collect()
    }
}

fn look(repo: &str) -> Value {
    json!({"v": "1", "job": "look", "repo": repo, "put_off": 0})
}

fn about(repo: &str, note: u32) -> String {
    json!({"after": note, "repository": {"full_name": repo}}).to_string()
}

#[tokio::test]
async fn what_github_signed_has_its_repository_looked_at() {
    let world = world(&[SECRET]);
    assert_eq!(world.signed(ID, "pull_request", BODY).await, 202);
    assert_eq!(world.queued(), [look("acme/fleet")]);
    assert_eq!(world.signed("other", "push", &about("blue/sky", 1)).await, 202);
    assert_eq!(world.queued(), [look("blue/sky")]);
}

#[tokio::test]
async fn what_is_of_no_interest_is_answered_and_nothing_more() {
    let world = world(&[SECRET]);
    for (event, body, status) in [
        ("ping", "{\"zen\":\"Keep it logically awesome.\"}", 200),
        ("issues", BODY, 202),
        ("workflow_run", BODY, 202),
        ("", BODY, 202),
        ("push", &about("acme/other", 1), 202),
        ("push", &about("blue/sky-old", 1), 202),
        ("push", "{}", 400),
        ("push", "payload=%7B%7D", 400),
        ("push", &about("acme/../fleet", 1), 400),
        ("push", &"[".repeat(10_000), 400),
    ] {
        assert_eq!(world.signed(ID, event, body).await, status, "{event} {:.40}", body);
    }
    for id in ["", "a b", "ünique", &"a".repeat(65)] {
        assert_eq!(world.signed(id, "push", BODY).await, 400, "{id}");
    }
    let signature = sign(SECRET, BODY.as_bytes());
    for (id, event) in [(None, Some("push")), (Some(ID), None)] {
        let delivery = Delivered { signature: Some(&signature), id, event, body: BODY.as_bytes() };
        assert_eq!(world.inbound.delivered(&delivery).await, 400);
    }
    assert_eq!(world.queued(), [] as [Value; 0]);
    assert_eq!(world.signed(ID, "push", BODY).await, 202, "none of these counts as delivered");
    assert_eq!(world.queued().len(), 1);
}

#[tokio::test]
async fn a_replay_changes_nothing() {
    let world = world(&[SECRET]);
    assert_eq!(world.signed(ID, "push", BODY).await, 202);
    assert_eq!(world.queued().len(), 1);
    world.clock.advance(3_600);
    assert_eq!(world.signed(ID, "push", BODY).await, 202, "the same");
    assert_eq!(world.signed("made-up", "pull_request", BODY).await, 202, "under another id and kind");
    assert_eq!(world.signed(ID, "push", &about("acme/fleet", 2)).await, 202, "under the same id");
    assert_eq!(world.queued(), [] as [Value; 0]);
    assert_eq!(world.signed("second", "push", &about("acme/fleet", 3)).await, 202);
    assert_eq!(world.queued().len(), 1, "news is news");
}

#[tokio::test]
async fn many_at_a_time_are_one_look() {
    let world = world(&[SECRET]);
    for n in 0..50 {
        assert_eq!(world.signed(&format!("id-{n}"), "push", &about("acme/fleet", n)).await, 202);
    }
    assert_eq!(world.queued().len(), 1);
    world.clock.advance(5);
    assert_eq!(world.signed("later", "push", &about("acme/fleet", 99)).await, 202);
    assert_eq!(world.queued().len(), 1);
}

#[tokio::test]
async fn what_could_not_be_queued_may_come_again() {
    let world = world(&[SECRET]);
    *world.line.broken.lock().unwrap() = true;
    assert_eq!(world.signed(ID, "push", BODY).await, 500);
    *world.line.broken.lock().unwrap() = false;
    assert_eq!(world.signed(ID, "push", BODY).await, 202);
    assert_eq!(world.queued().len(), 1);
}

#[tokio::test]
async fn bodies_are_bounded_before_anything_is_done_with_them() {
    let world = world(&[SECRET]);
    let pad = |length: usize| format!("{BODY}{}", " ".repeat(length - BODY.len()));
    assert_eq!(world.signed(ID, "push", &pad(BODY_LIMIT + 1)).await, 413);
    assert_eq!(world.queued(), [] as [Value; 0]);
    assert_eq!(world.signed(ID, "push", &pad(BODY_LIMIT)).await, 202);
    assert_eq!(world.queued().len(), 1);
}

#[tokio::test]
async fn without_a_secret_there_is_no_webhook() {
    let mut world = world(&[SECRET]);
    world.inbound.webhook = Webhook::of(&config(""));
    assert_eq!(world.signed(ID, "push", BODY).await, 404);
    assert_eq!(world.queued(), [] as [Value; 0]);
}

#[tokio::test]
async fn a_secret_is_replaced_without_a_gap() {
    let new = "f".repeat(16);
    let both = world(&[&format!("{new}\n{SECRET}\n")]);
    assert_eq!(both.signed("old", "push", BODY).await, 202);
    assert_eq!(both.queued().len(), 1);
    both.clock.advance(10);
    let body = about("acme/fleet", 2);
    assert_eq!(both.deliver(Some(&sign(&new, body.as_bytes())), "new", "push", body.as_bytes()).await, 202);
    assert_eq!(both.queued().len(), 1);
    // One that was replaced a moment ago is read again.
    let replaced = world(&[&new, SECRET]);
    assert_eq!(replaced.signed(ID, "push", BODY).await, 202);
    let gone = world(&[&new]);
    assert_eq!(gone.signed(ID, "push", BODY).await, 401);
    assert_eq!(gone.queued(), [] as [Value; 0]);
}

#[tokio::test]
async fn a_secret_that_can_be_guessed_opens_nothing() {
    for weak in ["", "\n", "fifteen-letters", &format!("{SECRET}\nshort"), "a\nb\nc"] {
        let world = world(&[weak]);
        let first = weak.lines().next().unwrap_or_default();
        for secret in ["", first] {
            let signature = sign(secret, BODY.as_bytes());
            assert_eq!(world.deliver(Some(&signature), ID, "push", BODY.as_bytes()).await, 500, "{weak:?}");
        }
        let error = Webhook::of(&config(", webhook_secret: hook")).unwrap();
        let error = error.secrets(world.inbound.secrets.as_ref()).await.unwrap_err().to_string();
        assert!(error.starts_with("secret `hook` (`github.webhook_secret`) must have"), "{error}");
        assert!(first.len() < 15 || !error.contains(first), "{error}");
        assert_eq!(world.queued(), [] as [Value; 0]);
    }
}

#[tokio::test]
async fn every_flipped_bit_is_noticed() {
    let world = world(&[SECRET]);
    let signature = sign(SECRET, BODY.as_bytes());
    let mut tried = 0;
    let flips = |bytes: &[u8]| -> Vec<Vec<u8>> {
        let flip = |bit: usize| {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            flipped
        };
        (0..bytes.len() * 8).map(flip).collect()
    };
    for body in flips(BODY.as_bytes()) {
        assert_eq!(world.deliver(Some(&signature), ID, "push", &body).await, 401);
        tried += 1;
    }
    for forged in flips(signature.as_bytes()).into_iter().filter_map(|bytes| String::from_utf8(bytes).ok()) {
        assert_eq!(world.deliver(Some(&forged), ID, "push", BODY.as_bytes()).await, 401, "{forged}");
        tried += 1;
    }
    let (upper, digits) = (signature.to_uppercase().replace("SHA256", "sha256"), &signature[7..]);
    let sha1 = format!("sha1={digits}");
    let longer = format!("{signature}00");
    for odd in ["", "sha256=", &upper, digits, &sha1, &longer, &signature[..signature.len() - 2], " sha256="]
    {
        assert_eq!(world.deliver(Some(odd), ID, "push", BODY.as_bytes()).await, 401, "{odd}");
        tried += 1;
    }
    assert_eq!(world.deliver(None, ID, "push", BODY.as_bytes()).await, 401);
    assert!(tried > 1_000, "{tried}");
    assert_eq!(world.queued(), [] as [Value; 0]);
    assert_eq!(
        world.deliver(Some(&signature), ID, "push", BODY.as_bytes()).await,
        202,
        "and the true one passes"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn nothing_but_what_was_signed_is_accepted(
        cut in 0..BODY.len(),
        inserted in prop::collection::vec(any::<u8>(), 0..40),
        dropped in 0usize..40,
        key in "\\PC{0,40}",
        header in "(sha256=)?[0-9a-fA-F]{0,70}|\\PC{0,80}",
    ) {
        let mut altered = BODY.as_bytes()[..cut].to_vec();
        altered.extend(&inserted);
        altered.extend(&BODY.as_bytes()[(cut + dropped).min(BODY.len())..]);
        prop_assume!(altered != BODY.as_bytes() && key != SECRET);
        let true_signature = sign(SECRET, BODY.as_bytes());
        let foreign = sign(&key, &altered);
        let world = WORLD.with(Arc::clone);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for signature in [&true_signature, &foreign, &header] {
                assert_eq!(world.deliver(Some(signature), ID, "push", &altered).await, 401);
            }
        });
        prop_assert!(world.queued().is_empty());
    }
}

thread_local! {
    static WORLD: Arc<World> = Arc::new(world(&[SECRET]));
}
