//! State: versioned records under a two-part key, with conditional writes and expiry. `ledger` gives them domain words.

use async_trait::async_trait;
use serde_json::Value;

/// A record's place. Records of one partition can be listed together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// What is listed together, such as `pull#acme/fleet`.
    pub partition: String,
    /// The record in it, such as `7`. Never empty.
    pub sort: String,
}

impl Key {
    /// A key of these two parts.
    pub fn new(partition: impl Into<String>, sort: impl Into<String>) -> Self {
        Self { partition: partition.into(), sort: sort.into() }
    }
}

/// A stored record.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Goes up by one with every write; never 0.
    pub version: u64,
    /// What is stored.
    pub value: Value,
}

/// What must be true for a write to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Whatever is there.
    Anything,
    /// Nothing is there, or what is there has expired.
    Absent,
    /// The record has this version and has not expired.
    Version(u64),
}

/// State could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The backend is unreachable or overloaded; the same call may succeed later. A write may or may not have happened.
    #[error("state is not reachable: {0}")]
    Unavailable(String),
    /// The backend refuses, and will again: permissions, a missing table, a record over its size.
    #[error("state was refused: {0}")]
    Refused(String),
}

/// A table of records. Expired records are never seen, even if the backend has not deleted them yet.
#[async_trait]
pub trait Table: Send + Sync {
    /// The newest write's record; `None` when there is none or it has expired. Reads are consistent.
    async fn get(&self, key: &Key) -> Result<Option<Record>, TableError>;

    /// Writes `value` if `expect` holds and gives the new version; `None` when it does not hold. `expires_at` is in seconds since 1970.
    async fn put(
        &self,
        key: &Key,
        value: &Value,
        expect: Expect,
        expires_at: Option<i64>,
    ) -> Result<Option<u64>, TableError>;

    /// Deletes the record if `expect` holds; whether it did. Deleting what is not there with `Anything` succeeds.
    async fn delete(&self, key: &Key, expect: Expect) -> Result<bool, TableError>;

    /// All records of a partition, ordered by `sort`, all pages.
    async fn list(&self, partition: &str) -> Result<Vec<(Key, Record)>, TableError>;
}
