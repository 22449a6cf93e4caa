//! The SQLite file: opening, its form, and running statements off the async threads. What is stored is in `table` and `queue`.

use std::fs::{OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ports::Clock;
use rusqlite::{Connection, Row, Transaction, TransactionBehavior};
use tokio::sync::Notify;

/// The form of the tables below, kept in `user_version`. A change adds a step to [`migrate`] and counts one up.
const SCHEMA: i64 = 1;

const FIRST: &str = "
CREATE TABLE record (
    partition TEXT NOT NULL, sort TEXT NOT NULL, version INTEGER NOT NULL,
    value TEXT NOT NULL, expires_at INTEGER,
    PRIMARY KEY (partition, sort)
) WITHOUT ROWID;
CREATE INDEX record_expiry ON record (expires_at) WHERE expires_at IS NOT NULL;
CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL,
    sent_at INTEGER NOT NULL, visible_at INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, dead_at INTEGER
);
CREATE INDEX message_order ON message (visible_at, id) WHERE dead_at IS NULL;
";

/// How long a statement waits for another process that has the file locked.
const BUSY: Duration = Duration::from_secs(5);

/// The file could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A newer Preflux wrote it.
    #[error("state file `{path}` has schema {found}, this version knows {SCHEMA}: upgrade, or use another file", path = path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The schema number that it has.
        found: i64,
    },
    /// The file cannot be created or its permissions not be set.
    #[error("state file `{path}` cannot be created", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// SQLite cannot use it: no database, a broken one, or a full disk.
    #[error("state file `{path}` cannot be used", path = path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: rusqlite::Error,
    },
}

/// Queue and state in one SQLite file. Cheap to clone: clones share the connection.
#[derive(Clone)]
pub struct Sqlite {
    connection: Arc<Mutex<Connection>>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Wakes waiting consumers of this process; those of another process look again by themselves.
    pub(crate) sent: Arc<Notify>,
}

impl Sqlite {
    /// Opens or creates the file, readable and writable by its owner alone. `clock` says when records expire and
    /// messages are seen again.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        keep_private(path).map_err(|source| OpenError::File { path: path.to_owned(), source })?;
        let failed = |source| OpenError::Sqlite { path: path.to_owned(), source };
        let connection = Connection::open(path).map_err(failed)?;
        Self::set_up(connection, path, clock)
    }

    /// A database that ends with the process, for tests and dry runs.
    pub fn in_memory(clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let path = Path::new(":memory:");
        let failed = |source| OpenError::Sqlite { path: path.to_owned(), source };
        Self::set_up(Connection::open_in_memory().map_err(failed)?, path, clock)
    }

    fn set_up(mut connection: Connection, path: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Sqlite { path: path.to_owned(), source };
        connection.busy_timeout(BUSY).map_err(failed)?;
        connection.pragma_update(None, "journal_mode", "wal").map_err(failed)?;
        // FULL: what `send` has promised must outlive a power cut. Hundreds of commits a second are plenty for us.
        connection.pragma_update(None, "synchronous", "full").map_err(failed)?;
        let found = migrate(&mut connection).map_err(failed)?;
        if found > SCHEMA {
            return Err(OpenError::Newer { path: path.to_owned(), found });
        }
        Ok(Self { connection: Arc::new(Mutex::new(connection)), clock, sent: Arc::new(Notify::new()) })
    }

    /// Runs `work` in one write transaction on a blocking thread, with the time as it is then.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>, i64) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let (connection, clock) = (self.connection.clone(), self.clock.clone());
        let done = tokio::task::spawn_blocking(move || {
            // A panic inside rolled its transaction back, so the connection is good.
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&transaction, clock.now())?;
            transaction.commit()?;
            Ok(value)
        });
        done.await.map_err(|e| Failure { heals: true, reason: e.to_string() })?.map_err(Failure::of)
    }
}

/// A statement failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Whether the same statement may succeed later.
    pub(crate) heals: bool,
    /// What SQLite said.
    pub(crate) reason: String,
}

impl Failure {
    fn of(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{
            CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, OutOfMemory, SystemIoFailure,
        };
        let heals = matches!(
            error.sqlite_error_code(),
            Some(CannotOpen | DatabaseBusy | DatabaseLocked | DiskFull | OutOfMemory | SystemIoFailure)
        );
        Self { heals, reason: error.to_string() }
    }
}

/// The first column as a count or a version: SQLite's integers have a sign, ours are never negative.
pub(crate) fn unsigned(row: &Row<'_>) -> rusqlite::Result<u64> {
    row.get(0).map(i64::unsigned_abs)
}

/// Brings the form up to date and gives the number found, which may be one that we do not know.
fn migrate(connection: &mut Connection) -> rusqlite::Result<i64> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found == 0 {
        transaction.execute_batch(FIRST)?;
        transaction.pragma_update(None, "user_version", SCHEMA)?;
    }
    transaction.commit()?;
    Ok(found)
}

/// Creates the file for its owner alone; SQLite gives its side files the same mode.
fn keep_private(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed set-up is the test's failure")]
    use super::*;
    use ports::{Expect, FixedClock, Key, Table, TableError};
    use serde_json::json;

    fn clock() -> Arc<FixedClock> {
        Arc::new(FixedClock::at(1_000))
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn what_is_written_is_there_after_opening_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        let key = Key::new("a", "1");
        let first = Sqlite::open(&path, clock()).unwrap();
        first.put(&key, &json!(1), Expect::Absent, None).await.unwrap().unwrap();
        let second = Sqlite::open(&path, clock()).unwrap();
        assert_eq!(second.get(&key).await.unwrap().unwrap().value, json!(1), "beside the first one");
        drop((first, second));
        let third = Sqlite::open(&path, clock()).unwrap();
        assert_eq!(third.get(&key).await.unwrap().unwrap().value, json!(1));
    }

    #[tokio::test]
    async fn only_the_owner_may_read_the_file_and_its_side_files() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let sqlite = Sqlite::open(&path, clock()).unwrap();
        sqlite.put(&Key::new("a", "1"), &json!(1), Expect::Absent, None).await.unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(&dir.path().join("state.db-wal")), 0o600);
    }

    #[test]
    fn files_that_are_not_ours_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let newer = dir.path().join("newer.db");
        Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
        let error = Sqlite::open(&newer, clock()).err().unwrap().to_string();
        assert!(error.contains("has schema 99, this version knows 1"), "{error}");
        let other = dir.path().join("other.db");
        std::fs::write(&other, "no database ".repeat(200)).unwrap();
        assert!(matches!(Sqlite::open(&other, clock()), Err(OpenError::Sqlite { .. })));
        assert!(matches!(Sqlite::open(dir.path(), clock()), Err(OpenError::File { .. })));
    }

    #[tokio::test]
    async fn a_locked_file_heals() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        let sqlite = Sqlite::open(&path, clock()).unwrap();
        sqlite.connection.lock().unwrap().busy_timeout(Duration::ZERO).unwrap();
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let put = async || sqlite.put(&Key::new("a", "1"), &json!(1), Expect::Anything, None).await;
        assert!(matches!(put().await, Err(TableError::Unavailable(reason)) if reason.contains("locked")));
        other.execute_batch("ROLLBACK").unwrap();
        assert_eq!(put().await.unwrap(), Some(1));
    }

    #[test]
    fn a_broken_file_does_not_heal() {
        let broken = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(11), None);
        assert!(!Failure::of(broken).heals);
    }
}
