//! State in SQLite: one row per record.

use async_trait::async_trait;
use ports::{Expect, Key, Record, Table, TableError};
use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde_json::Value;

use crate::Sqlite;
use crate::sqlite::{Failure, unsigned};

/// The same limit as DynamoDB's, so that what works here works there.
const MAX_BYTES: usize = 400 * 1024;

/// How many expired records a write clears away.
const SWEEP: i64 = 20;

#[async_trait]
impl Table for Sqlite {
    async fn get(&self, key: &Key) -> Result<Option<Record>, TableError> {
        let key = key.clone();
        let found = self.run(move |db, now| seen(db, &key, now)).await?;
        found.map(record).transpose()
    }

    async fn put(
        &self,
        key: &Key,
        value: &Value,
        expect: Expect,
        expires_at: Option<i64>,
    ) -> Result<Option<u64>, TableError> {
        let (key, text) = (key.clone(), value.to_string());
        if text.len() > MAX_BYTES {
            let reason = format!(
                "record `{}/{}` has {} bytes, at most {MAX_BYTES} are stored",
                key.partition,
                key.sort,
                text.len()
            );
            return Err(TableError::Refused(reason));
        }
        let done = self.run(move |db, now| {
            let there = seen(db, &key, now)?;
            if !holds(expect, there.as_ref()) {
                return Ok(None);
            }
            // The version goes on from an expired record's, so that nobody who read that one takes this for it.
            let version = db.query_row(
                "INSERT INTO record (partition, sort, version, value, expires_at) VALUES (?1, ?2, 1, ?3, ?4)
                 ON CONFLICT DO UPDATE SET version = version + 1, value = ?3, expires_at = ?4 RETURNING version",
                params![key.partition, key.sort, text, expires_at],
                unsigned,
            )?;
            sweep(db, now)?;
            Ok(Some(version))
        });
        Ok(done.await?)
    }

    async fn delete(&self, key: &Key, expect: Expect) -> Result<bool, TableError> {
        let key = key.clone();
        let done = self.run(move |db, now| {
            let holds = holds(expect, seen(db, &key, now)?.as_ref());
            if holds {
                let delete = "DELETE FROM record WHERE partition = ?1 AND sort = ?2";
                db.execute(delete, params![key.partition, key.sort])?;
            }
            Ok(holds)
        });
        Ok(done.await?)
    }

    async fn list(&self, partition: &str) -> Result<Vec<(Key, Record)>, TableError> {
        let wanted = partition.to_owned();
        let rows = self.run(move |db, now| {
            let mut query = db.prepare_cached(
                "SELECT version, value, sort FROM record
                 WHERE partition = ?1 AND (expires_at IS NULL OR expires_at > ?2) ORDER BY sort",
            )?;
            let rows = query.query_map(params![wanted, now], |row| Ok((row.get(2)?, stored(row)?)))?;
            rows.collect::<Result<Vec<(String, Stored)>, _>>()
        });
        let rows = rows.await?.into_iter();
        rows.map(|(sort, stored)| Ok((Key::new(partition, sort), record(stored)?))).collect()
    }
}

impl From<Failure> for TableError {
    fn from(failure: Failure) -> Self {
        match failure.heals {
            true => Self::Unavailable(failure.reason),
            false => Self::Refused(failure.reason),
        }
    }
}

/// Version and text of a row.
type Stored = (u64, String);

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok((unsigned(row)?, row.get(1)?))
}

fn record((version, text): Stored) -> Result<Record, TableError> {
    let value = serde_json::from_str(&text)
        .map_err(|e| TableError::Refused(format!("a stored record is not JSON: {e}")))?;
    Ok(Record { version, value })
}

fn seen(db: &Transaction<'_>, key: &Key, now: i64) -> rusqlite::Result<Option<Stored>> {
    db.prepare_cached(
        "SELECT version, value FROM record
         WHERE partition = ?1 AND sort = ?2 AND (expires_at IS NULL OR expires_at > ?3)",
    )?
    .query_row(params![key.partition, key.sort, now], stored)
    .optional()
}

fn holds(expect: Expect, there: Option<&Stored>) -> bool {
    match expect {
        Expect::Anything => true,
        Expect::Absent => there.is_none(),
        Expect::Version(version) => there.is_some_and(|(found, _)| *found == version),
    }
}

/// Clears away records that expired over a day ago: late enough that versions of live keys keep counting up.
fn sweep(db: &Transaction<'_>, now: i64) -> rusqlite::Result<()> {
    db.prepare_cached(
        "DELETE FROM record WHERE (partition, sort) IN
         (SELECT partition, sort FROM record WHERE expires_at < ?1 LIMIT ?2)",
    )?
    .execute([now.saturating_sub(86_400), SWEEP])
    .map(drop)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed call is the test's failure")]
    use std::sync::Arc;

    use super::*;
    use ports::ledger::Ledger;
    use ports::{Clock, FixedClock, contract};
    use serde_json::json;

    fn set_up() -> (Arc<FixedClock>, Sqlite) {
        let clock = Arc::new(FixedClock::at(1_700_000_000));
        (clock.clone(), Sqlite::in_memory(clock).unwrap())
    }

    #[tokio::test]
    async fn keeps_the_contract() {
        let (clock, sqlite) = set_up();
        contract::table(&sqlite, &clock).await;
        contract::ledger(Arc::new(sqlite), clock).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn entries_that_are_added_at_the_same_time_are_all_kept() {
        let (clock, sqlite) = set_up();
        let ledger = Ledger::new(Arc::new(sqlite), clock);
        let mut adding = tokio::task::JoinSet::new();
        for entry in ["a", "b", "c", "d", "e", "f"] {
            let ledger = ledger.clone();
            adding.spawn(async move { ledger.add_to_note("list", entry).await.map(drop) });
        }
        while let Some(added) = adding.join_next().await {
            added.unwrap().unwrap();
        }
        let mut all = ledger.add_to_note("list", "a").await.unwrap();
        all.sort();
        assert_eq!(all, ["a", "b", "c", "d", "e", "f"]);
    }

    #[tokio::test]
    async fn records_over_the_limit_are_refused() {
        let (_, sqlite) = set_up();
        let put =
            async |n| sqlite.put(&Key::new("a", "1"), &json!("x".repeat(n)), Expect::Anything, None).await;
        assert_eq!(put(MAX_BYTES - 2).await.unwrap(), Some(1));
        let error = put(MAX_BYTES).await.unwrap_err().to_string();
        assert!(error.contains("record `a/1` has 409602 bytes"), "{error}");
    }

    #[tokio::test]
    async fn records_long_expired_are_cleared_away() {
        let (clock, sqlite) = set_up();
        let put = async |sort: &str, expires| {
            sqlite.put(&Key::new("a", sort), &json!(1), Expect::Anything, expires).await.unwrap()
        };
        put("old", Some(clock.now() + 10)).await;
        clock.advance(90_000);
        put("new", None).await;
        let rows = sqlite.run(|db, _| db.query_row("SELECT count(*) FROM record", [], unsigned));
        assert_eq!(rows.await.unwrap(), 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_of_many_racing_writers_wins() {
        let (_, sqlite) = set_up();
        let race = |n| {
            let sqlite = sqlite.clone();
            tokio::spawn(async move {
                sqlite.put(&Key::new("a", "1"), &json!(n), Expect::Absent, None).await.unwrap()
            })
        };
        let mut wins = 0;
        for task in (0..20).map(race).collect::<Vec<_>>() {
            wins += u32::from(task.await.unwrap().is_some());
        }
        assert_eq!(wins, 1);
    }
}
