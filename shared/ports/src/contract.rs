//! What any backend must do, as tests that backends call from their own: the same ones for SQLite and AWS.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::ledger::Ledger;
use crate::queue::{Consumer, Queue};
use crate::reports::ReportStore;
use crate::table::{Expect, Key, Table};
use crate::time::{Clock, FixedClock};

/// Runs every promise of [`Table`]. `clock` is the clock that the table was made with.
///
/// # Panics
/// When a promise is broken: that is the point.
pub async fn table(table: &dyn Table, clock: &FixedClock) {
    let key = Key::new("contract#a", "1");
    let get = async |key: &Key| table.get(key).await.expect("get works").map(|r| (r.version, r.value));
    assert_eq!(get(&key).await, None, "nothing is there at first");

    let put = async |value: u64, expect, expires| {
        table.put(&key, &json!({ "n": value }), expect, expires).await.expect("put works")
    };
    assert_eq!(put(1, Expect::Version(1), None).await, None, "no version to expect yet");
    let first = put(1, Expect::Absent, None).await.expect("absent holds");
    assert_eq!(put(9, Expect::Absent, None).await, None, "it is there now");
    let second = put(2, Expect::Version(first), None).await.expect("the version holds");
    assert!(second > first, "versions go up");
    assert_eq!(put(9, Expect::Version(first), None).await, None, "a late writer is refused");
    let third = put(3, Expect::Anything, Some(clock.now() + 10)).await.expect("anything holds");
    assert_eq!(get(&key).await, Some((third, json!({"n": 3}))));

    clock.advance(11);
    assert_eq!(get(&key).await, None, "expired records are not seen");
    assert!(table.list("contract#a").await.expect("list works").is_empty(), "nor listed");
    assert_eq!(put(9, Expect::Version(third), None).await, None, "nor may they be written over by version");
    let fourth = put(4, Expect::Absent, None).await.expect("expired is absent");
    assert_eq!(get(&key).await, Some((fourth, json!({"n": 4}))), "and its old expiry is gone");

    assert!(!table.delete(&key, Expect::Version(fourth + 1)).await.expect("delete works"));
    assert!(table.delete(&key, Expect::Version(fourth)).await.expect("delete works"));
    assert!(table.delete(&key, Expect::Anything).await.expect("deleting nothing is fine"));
    listing(table).await;
    odd_values(table).await;
}

async fn listing(table: &dyn Table) {
    for n in 0..30 {
        let key = Key::new("contract#list", format!("{n:02}"));
        // Large enough that a backend with pages has more than one.
        let value = json!({"n": n, "pad": "x".repeat(60_000)});
        table.put(&key, &value, Expect::Absent, None).await.expect("put works").expect("absent holds");
    }
    table
        .put(&Key::new("contract#listing", "x"), &json!(1), Expect::Anything, None)
        .await
        .expect("put works");
    let listed = table.list("contract#list").await.expect("list works");
    let sorts: Vec<String> = listed.iter().map(|(key, _)| key.sort.clone()).collect();
    let expected: Vec<String> = (0..30).map(|n| format!("{n:02}")).collect();
    assert_eq!(sorts, expected, "all pages, in order, of this partition alone");
}

async fn odd_values(table: &dyn Table) {
    let key = Key::new("contract#odd", "é/#\"' \u{1f600}");
    let value =
        json!({"": "", "null": null, "deep": [[{"a": [1.5, -3, 18446744073709551615_u64]}]], "é": "\u{0}\n"});
    table.put(&key, &value, Expect::Anything, None).await.expect("put works");
    let back = table.get(&key).await.expect("get works").map(|r| r.value);
    assert_eq!(back, Some(value), "values come back as they were");
}

/// Runs every promise of the ledger over a table: leases, once-only keys, racing writers.
///
/// # Panics
/// When a promise is broken.
pub async fn ledger(table: Arc<dyn Table>, clock: Arc<FixedClock>) {
    let ledger = Ledger::new(table, clock.clone());
    let lease = ledger.lease("poll", 60).await.expect("works").expect("free");
    assert_eq!(ledger.lease("poll", 60).await.expect("works"), None, "held");
    clock.advance(61);
    assert!(!ledger.holds(&lease).await.expect("works"), "over");
    let next = ledger.lease("poll", 60).await.expect("works").expect("expired is free");
    assert!(next.epoch > lease.epoch, "a later holder has a higher epoch");
    ledger.release(lease).await.expect("a late release is harmless");
    assert!(ledger.holds(&next).await.expect("works"), "and does not touch the new holder");
    ledger.release(next).await.expect("works");
    assert!(ledger.lease("poll", 60).await.expect("works").is_some(), "released is free");
    ledger.end_leases().await.expect("works");
    assert!(
        ledger.lease("poll", 60).await.expect("works").is_some(),
        "so is one whose holder is known to be gone"
    );

    assert!(ledger.first_time("click", 600).await.expect("works"));
    assert!(!ledger.first_time("click", 600).await.expect("works"));
    clock.advance(601);
    assert!(ledger.first_time("click", 600).await.expect("works"), "the window is over");

    for (entry, list) in [("a", &["a"][..]), ("b", &["a", "b"]), ("a", &["a", "b"])] {
        assert_eq!(ledger.add_to_note("list", entry).await.expect("works"), list, "each entry once");
    }

    ledger.save_token("app", "secret", clock.now() + 3600).await.expect("works");
    assert!(ledger.token("app", 300).await.expect("works").is_some());
    clock.advance(3400);
    assert_eq!(ledger.token("app", 300).await.expect("works"), None, "too close to its end");
}

/// Runs every promise of [`Queue`] and [`Consumer`]. The queue must be empty and is empty afterwards but for one dead letter.
/// `short` is the shortest visibility that the backend knows; `pass` lets that time go by.
///
/// # Panics
/// When a promise is broken.
pub async fn queue<Q: Queue + Consumer + ?Sized>(queue: &Q, short: Duration, pass: impl AsyncFn(Duration)) {
    let long = Duration::from_secs(600);
    let take = async |visibility| queue.receive(10, visibility, Duration::ZERO).await.expect("receive works");
    assert_eq!(take(long).await, [], "empty at first");
    let odd = "{\"text\": \"é \u{1f600} \\\"quoted\\\" <&>\"}";
    queue.send(odd, Duration::ZERO).await.expect("send works");
    let got = poll(queue, long, &pass).await;
    assert_eq!((got.body.as_str(), got.attempt), (odd, 1));
    assert_eq!(take(long).await, [], "hidden while somebody has it");
    queue.release(&got, Duration::ZERO).await.expect("release works");
    let again = poll(queue, short, &pass).await;
    assert_eq!(again.attempt, 2, "handed out again");
    pass(short + Duration::from_millis(100)).await;
    let third = poll(queue, long, &pass).await;
    assert_eq!(third.attempt, 3, "visibility ends by itself");
    queue.ack(&third).await.expect("ack works");
    queue.ack(&third).await.expect("and again is harmless");
    assert_eq!(take(long).await, [], "acknowledged is gone");

    queue.send("poison", Duration::ZERO).await.expect("send works");
    for attempt in 1..=5 {
        let got = poll(queue, long, &pass).await;
        assert_eq!(got.attempt, attempt);
        queue.release(&got, Duration::ZERO).await.expect("release works");
    }
    assert_eq!(take(long).await, [], "after five attempts it is not handed out again");
    let mut dead = queue.dead_letters().await.expect("works");
    for _ in 0..50 {
        if dead > 0 {
            break;
        }
        pass(Duration::from_millis(100)).await;
        dead = queue.dead_letters().await.expect("works");
    }
    assert_eq!(dead, 1, "it is a dead letter");
}

async fn poll<Q: Consumer + ?Sized>(
    queue: &Q,
    visibility: Duration,
    pass: &impl AsyncFn(Duration),
) -> crate::queue::Delivery {
    for _ in 0..50 {
        let mut got = queue.receive(1, visibility, Duration::ZERO).await.expect("receive works");
        if let Some(delivery) = got.pop() {
            return delivery;
        }
        pass(Duration::from_millis(100)).await;
    }
    panic!("a message that was sent is never handed out");
}

/// Runs every promise of [`ReportStore`].
///
/// # Panics
/// When a promise is broken.
pub async fn reports(store: &dyn ReportStore) {
    let id = "contract-1".parse().expect("a report id");
    assert_eq!(store.get(&id).await.expect("get works"), None);
    store.put(&id, b"one").await.expect("put works");
    let large = vec![b'x'; 3_000_000];
    store.put(&id, &large).await.expect("put works");
    assert_eq!(store.get(&id).await.expect("get works"), Some(large), "the last one, whole");
}
