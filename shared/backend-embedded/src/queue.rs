//! The job queue in SQLite. Who takes a message leases it: until `visible_at` nobody else sees it. The fifth lease is the
//! last; a message that comes back after it stays in the table as a dead letter.

use std::time::Duration;

use async_trait::async_trait;
use ports::{Consumer, Delivery, Queue, QueueError};
use rusqlite::{Transaction, params};
use tokio::time::{Instant, timeout_at};

use crate::Sqlite;
use crate::sqlite::{Failure, unsigned};

/// How often a message is handed out.
const ATTEMPTS: u32 = 5;

/// How long a message may be held back, as with SQS.
const MAX_DELAY: Duration = Duration::from_secs(900);

/// How often a waiting consumer looks for messages of other processes and for leases that ended.
const LOOK: Duration = Duration::from_millis(500);

/// A message that was handed out five times and never acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its number in the queue.
    pub id: i64,
    /// The message.
    pub body: String,
    /// When it was sent, seconds since 1970.
    pub sent_at: i64,
    /// When it was given up, seconds since 1970.
    pub dead_at: i64,
}

impl Sqlite {
    /// The newest 1,000 dead letters, newest first. They stay until somebody deletes the file.
    pub async fn dead(&self) -> Result<Vec<DeadLetter>, QueueError> {
        let found = self.run(|db, now| {
            bury(db, now)?;
            let mut query = db.prepare(
                "SELECT id, body, sent_at, dead_at FROM message WHERE dead_at IS NOT NULL
                 ORDER BY dead_at DESC, id DESC LIMIT 1000",
            )?;
            let letters = query.query_map([], |row| {
                let (id, body) = (row.get(0)?, row.get(1)?);
                Ok(DeadLetter { id, body, sent_at: row.get(2)?, dead_at: row.get(3)? })
            })?;
            letters.collect()
        });
        Ok(found.await?)
    }
}

impl Sqlite {
    /// Hands every message that is out back at once, and says how many there were. Only for a process that starts and knows that
    /// nobody else uses the file: what is out then was taken by an earlier process that ended before it was done.
    pub async fn hand_back_all(&self) -> Result<usize, QueueError> {
        let update =
            "UPDATE message SET visible_at = ?1 WHERE attempts > 0 AND visible_at > ?1 AND dead_at IS NULL";
        Ok(self.run(move |db, now| db.execute(update, params![now])).await?)
    }
}

#[async_trait]
impl Queue for Sqlite {
    async fn send(&self, body: &str, delay: Duration) -> Result<(), QueueError> {
        if delay > MAX_DELAY {
            return Err(QueueError(format!("a delay of {} s is over 900 s", delay.as_secs())));
        }
        let body = body.to_owned();
        let insert = "INSERT INTO message (body, sent_at, visible_at) VALUES (?1, ?2, ?3)";
        self.run(move |db, now| db.execute(insert, params![body, now, after(now, delay)])).await?;
        self.sent.notify_one();
        Ok(())
    }
}

#[async_trait]
impl Consumer for Sqlite {
    async fn receive(
        &self,
        max: u32,
        visibility: Duration,
        wait: Duration,
    ) -> Result<Vec<Delivery>, QueueError> {
        let end = Instant::now() + wait;
        loop {
            let got =
                self.run(move |db, now| take(db, max.clamp(1, 10), after(now, visibility), now)).await?;
            let now = Instant::now();
            if !got.is_empty() || now >= end {
                return Ok(got);
            }
            // Being woken and running out of time both mean: look again.
            let _ = timeout_at(end.min(now + LOOK), self.sent.notified()).await;
        }
    }

    async fn ack(&self, delivery: &Delivery) -> Result<(), QueueError> {
        let (id, attempt) = parts(delivery)?;
        let delete = "DELETE FROM message WHERE id = ?1 AND attempts = ?2 AND dead_at IS NULL";
        self.run(move |db, _| db.execute(delete, params![id, attempt])).await?;
        Ok(())
    }

    async fn release(&self, delivery: &Delivery, delay: Duration) -> Result<(), QueueError> {
        let (id, attempt) = parts(delivery)?;
        let update = "UPDATE message SET visible_at = ?3 WHERE id = ?1 AND attempts = ?2 AND dead_at IS NULL";
        self.run(move |db, now| db.execute(update, params![id, attempt, after(now, delay)])).await?;
        self.sent.notify_one();
        Ok(())
    }

    async fn dead_letters(&self) -> Result<u64, QueueError> {
        let count = "SELECT count(*) FROM message WHERE dead_at IS NOT NULL";
        let found = self.run(move |db, now| {
            bury(db, now)?;
            db.query_row(count, [], unsigned)
        });
        Ok(found.await?)
    }
}

impl From<Failure> for QueueError {
    fn from(failure: Failure) -> Self {
        Self(failure.reason)
    }
}

fn take(db: &Transaction<'_>, max: u32, until: i64, now: i64) -> rusqlite::Result<Vec<Delivery>> {
    bury(db, now)?;
    let mut query = db.prepare_cached(
        "UPDATE message SET visible_at = ?1, attempts = attempts + 1 WHERE id IN
         (SELECT id FROM message WHERE dead_at IS NULL AND visible_at <= ?2 ORDER BY visible_at, id LIMIT ?3)
         RETURNING id, attempts, body",
    )?;
    let taken = query.query_map(params![until, now, max], |row| {
        let (id, attempt): (i64, u32) = (row.get(0)?, row.get(1)?);
        Ok(Delivery { body: row.get(2)?, receipt: format!("{id}.{attempt}"), attempt })
    })?;
    taken.collect()
}

/// Makes dead letters of what came back after its last attempt.
fn bury(db: &Transaction<'_>, now: i64) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE message SET dead_at = ?1 WHERE dead_at IS NULL AND visible_at <= ?1 AND attempts >= ?2",
    )?
    .execute(params![now, ATTEMPTS])
    .map(drop)
}

/// The clock counts seconds, so a part of one counts as a whole.
fn after(now: i64, delay: Duration) -> i64 {
    let seconds = delay.as_secs().saturating_add(u64::from(delay.subsec_nanos() > 0));
    now.saturating_add_unsigned(seconds)
}

/// A receipt is good for one lease: the message and the attempt it was handed out for.
fn parts(delivery: &Delivery) -> Result<(i64, u32), QueueError> {
    let parts = delivery.receipt.split_once('.');
    parts
        .and_then(|(id, attempt)| Some((id.parse().ok()?, attempt.parse().ok()?)))
        .ok_or_else(|| QueueError(format!("`{}` is not a receipt of this queue", delivery.receipt)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed call is the test's failure")]
    use std::sync::Arc;

    use super::*;
    use ports::{FixedClock, contract};

    const MINUTE: Duration = Duration::from_secs(60);

    fn set_up() -> (Arc<FixedClock>, Sqlite) {
        let clock = Arc::new(FixedClock::at(1_700_000_000));
        (clock.clone(), Sqlite::in_memory(clock).unwrap())
    }

    async fn bodies(sqlite: &Sqlite, max: u32) -> Vec<String> {
        let got = sqlite.receive(max, MINUTE, Duration::ZERO).await.unwrap();
        got.into_iter().map(|d| d.body).collect()
    }

    #[tokio::test]
    async fn keeps_the_contract() {
        let (clock, sqlite) = set_up();
        let pass = async |time: Duration| clock.advance(after(0, time));
        contract::queue(&sqlite, Duration::from_secs(1), pass).await;
        let dead = sqlite.dead().await.unwrap();
        assert_eq!(dead.iter().map(|d| d.body.as_str()).collect::<Vec<_>>(), ["poison"]);
    }

    #[tokio::test]
    async fn delayed_messages_come_when_they_are_due() {
        let (clock, sqlite) = set_up();
        sqlite.send("late", Duration::from_millis(1500)).await.unwrap();
        sqlite.send("now", Duration::ZERO).await.unwrap();
        assert_eq!(bodies(&sqlite, 10).await, ["now"]);
        clock.advance(2);
        assert_eq!(bodies(&sqlite, 10).await, ["late"]);
        let error = sqlite.send("x", Duration::from_secs(901)).await.unwrap_err().to_string();
        assert!(error.contains("901 s is over 900 s"), "{error}");
    }

    #[tokio::test]
    async fn at_most_so_many_are_taken_oldest_first() {
        let (clock, sqlite) = set_up();
        for n in 0..12 {
            sqlite.send(&n.to_string(), Duration::ZERO).await.unwrap();
            clock.advance(1);
        }
        let mut first = bodies(&sqlite, 99).await;
        first.sort_by_key(|n| n.parse::<u32>().unwrap());
        assert_eq!(first, (0..10).map(|n| n.to_string()).collect::<Vec<_>>());
        assert_eq!(bodies(&sqlite, 1).await, ["10"]);
    }

    #[tokio::test]
    async fn a_late_acknowledgement_does_not_touch_the_next_holder() {
        let (clock, sqlite) = set_up();
        sqlite.send("job", Duration::ZERO).await.unwrap();
        let late = sqlite.receive(1, MINUTE, Duration::ZERO).await.unwrap().remove(0);
        clock.advance(61);
        assert_eq!(bodies(&sqlite, 1).await, ["job"], "somebody else has it");
        sqlite.ack(&late).await.unwrap();
        sqlite.release(&late, Duration::ZERO).await.unwrap();
        assert_eq!(bodies(&sqlite, 1).await, [""; 0], "still hidden");
        clock.advance(61);
        assert_eq!(bodies(&sqlite, 1).await, ["job"], "and still there");
    }

    #[tokio::test]
    async fn a_waiting_consumer_is_woken_by_a_message() {
        let (_, sqlite) = set_up();
        let waiting = {
            let sqlite = sqlite.clone();
            tokio::spawn(async move { sqlite.receive(1, MINUTE, MINUTE).await.unwrap().remove(0).body })
        };
        tokio::task::yield_now().await;
        sqlite.send("job", Duration::ZERO).await.unwrap();
        assert_eq!(waiting.await.unwrap(), "job");
    }

    #[test]
    fn parts_of_seconds_count_as_whole() {
        let check = |delay, expected| assert_eq!(after(100, delay), expected);
        check(Duration::ZERO, 100);
        check(Duration::from_millis(1), 101);
        check(Duration::from_millis(1001), 102);
        check(Duration::MAX, i64::MAX);
    }

    #[tokio::test]
    async fn receipts_of_others_are_refused() {
        let (_, sqlite) = set_up();
        let odd = Delivery { body: String::new(), receipt: "AQEB".to_owned(), attempt: 1 };
        assert!(sqlite.ack(&odd).await.unwrap_err().to_string().contains("`AQEB` is not a receipt"));
    }
}
