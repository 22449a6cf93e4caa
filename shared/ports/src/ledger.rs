//! State in domain words over any `Table`: pull requests, ETags, leases, once-only keys, reports, tokens.
//!
//! Every read-modify-write is conditional on the version that was read, so two processes never overwrite each other's news.

mod links;

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::interact::{ReportRecord, Vouched};
use domain::{CommitSha, PullKey, PullRequest, RepoName, ReportId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::chat::MessageRef;
use crate::table::{Expect, Key, Record, Table, TableError};
use crate::time::Clock;

/// How often a conditional write is tried again when somebody else was faster.
const TRIES: u32 = 20;
/// Closed and merged pull requests are forgotten after this long (seconds).
const FORGET_CLOSED_S: i64 = 30 * 86_400;
/// Reports can be acted on for this long (seconds).
const KEEP_REPORTS_S: i64 = 30 * 86_400;
/// ETags are kept this long (seconds); without one the next poll costs one request more.
const KEEP_ETAGS_S: i64 = 7 * 86_400;

/// Where a pull request stands with us; what its Slack message shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Seen, and not (yet) due.
    Seen,
    /// A diff is wanted, and it is not certain that its job is on the queue.
    Pending,
    /// A diff is on the queue.
    Queued,
    /// A diff waits for somebody to ask for it.
    Offered,
    /// A diff is being made.
    Running,
    /// The newest report stands.
    Reported,
    /// The diff could not be made.
    Failed,
    /// Closed without a merge.
    Closed,
    /// Merged.
    Merged,
}

/// Everything that is kept of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRecord {
    /// As last seen on GitHub.
    pub pull: PullRequest,
    /// The base branch's tip as last read, when the pull request was last queued.
    pub base_tip: Option<CommitSha>,
    /// Where it stands.
    pub phase: Phase,
    /// When the newest diff became due, seconds since 1970; the same for every attempt at it.
    pub due_at: i64,
    /// Its Slack message.
    pub message: Option<MessageRef>,
    /// The thread message that holds the details.
    pub details: Option<MessageRef>,
    /// The newest report.
    pub report: Option<ReportId>,
    /// What people did with the newest report, as sentences ready to show.
    pub notes: Vec<String>,
    /// The head that somebody wants to see in full although its author may not reach a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vouched: Option<Vouched>,
    /// The id of the rule that decided on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Labels that we put on it, or were about to.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub our_labels: BTreeSet<String>,
}

impl PullRecord {
    /// What is kept of a pull request that is new to us.
    pub fn new(pull: PullRequest, phase: Phase, due_at: i64) -> Self {
        Self {
            pull,
            base_tip: None,
            phase,
            due_at,
            message: None,
            details: None,
            report: None,
            notes: Vec::new(),
            vouched: None,
            rule: None,
            our_labels: BTreeSet::new(),
        }
    }
}

/// A lease that was got. A later holder has a higher epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    name: String,
    /// Goes up by one with every new holder.
    pub epoch: u64,
    version: u64,
}

#[derive(Serialize, Deserialize)]
struct LeaseRecord {
    epoch: u64,
    until: i64,
}

/// A token that is shared between processes for as long as it is good.
#[derive(Serialize, Deserialize)]
struct TokenRecord {
    token: String,
    expires_at: i64,
}

/// State in domain words.
#[derive(Clone)]
pub struct Ledger {
    table: Arc<dyn Table>,
    clock: Arc<dyn Clock>,
}

impl Ledger {
    /// A ledger over this table.
    pub fn new(table: Arc<dyn Table>, clock: Arc<dyn Clock>) -> Self {
        Self { table, clock }
    }

    /// What is kept of a pull request.
    pub async fn pull(&self, key: &PullKey) -> Result<Option<PullRecord>, TableError> {
        Ok(self.read(&pull_key(key)).await?.map(|(_, record)| record))
    }

    /// Everything kept of a repository's pull requests.
    pub async fn pulls(&self, repo: &RepoName) -> Result<Vec<PullRecord>, TableError> {
        let records = self.table.list(&format!("pull#{repo}")).await?;
        records.into_iter().map(|(key, record)| parse(&key, record).map(|(_, value)| value)).collect()
    }

    /// Reads, changes and writes a pull request's record; tries again when somebody else was faster.
    /// `change` gives `None` to leave it as it is. Gives the record as it stands afterwards.
    pub async fn change_pull(
        &self,
        key: &PullKey,
        change: impl Fn(Option<PullRecord>) -> Option<PullRecord> + Send + Sync,
    ) -> Result<Option<PullRecord>, TableError> {
        let place = pull_key(key);
        for _ in 0..TRIES {
            let current: Option<(u64, PullRecord)> = self.read(&place).await?;
            let expect = current.as_ref().map_or(Expect::Absent, |(version, _)| Expect::Version(*version));
            let before = current.map(|(_, record)| record);
            let Some(after) = change(before.clone()) else { return Ok(before) };
            if before.as_ref() == Some(&after) {
                return Ok(before);
            }
            let over = matches!(after.phase, Phase::Closed | Phase::Merged);
            let expires = over.then(|| self.clock.now() + FORGET_CLOSED_S);
            if self.write(&place, &after, expect, expires).await?.is_some() {
                return Ok(Some(after));
            }
        }
        Err(TableError::Unavailable(format!("`{key}` is written by others all the time")))
    }

    /// The ETag to send for `what` with this token.
    pub async fn etag(&self, token: &str, what: &str) -> Result<Option<String>, TableError> {
        Ok(self.read(&Key::new(format!("etag#{token}"), what)).await?.map(|(_, etag)| etag))
    }

    /// Keeps an ETag. Call it last: it says that everything it stands for is durably done.
    pub async fn save_etag(&self, token: &str, what: &str, etag: &str) -> Result<(), TableError> {
        let expires = Some(self.clock.now() + KEEP_ETAGS_S);
        self.write(&Key::new(format!("etag#{token}"), what), &etag, Expect::Anything, expires).await.map(drop)
    }

    /// A number or name that must survive between runs (a watermark, a branch's tip).
    pub async fn note(&self, what: &str) -> Result<Option<Value>, TableError> {
        Ok(self.table.get(&Key::new("note", what)).await?.map(|record| record.value))
    }

    /// Keeps a note.
    pub async fn save_note(&self, what: &str, value: &Value) -> Result<(), TableError> {
        self.table.put(&Key::new("note", what), value, Expect::Anything, None).await.map(drop)
    }

    /// Adds an entry to a note that is a list, unless it is there; gives the list. Of several that add at the same time none is lost.
    pub async fn add_to_note(&self, what: &str, entry: &str) -> Result<Vec<String>, TableError> {
        let place = Key::new("note", what);
        for _ in 0..TRIES {
            let (expect, mut list) = match self.read::<Vec<String>>(&place).await? {
                Some((_, list)) if list.iter().any(|one| one == entry) => return Ok(list),
                Some((version, list)) => (Expect::Version(version), list),
                None => (Expect::Absent, Vec::new()),
            };
            list.push(entry.to_owned());
            if self.write(&place, &list, expect, None).await?.is_some() {
                return Ok(list);
            }
        }
        Err(TableError::Unavailable(format!("`{what}` is written by others all the time")))
    }

    /// Takes the lease `name` for `ttl_s` seconds; `None` while somebody else holds it.
    pub async fn lease(&self, name: &str, ttl_s: i64) -> Result<Option<Lease>, TableError> {
        let place = Key::new("lease", name);
        let current: Option<(u64, LeaseRecord)> = self.read(&place).await?;
        let now = self.clock.now();
        let (expect, epoch) = match current {
            Some((_, held)) if held.until > now => return Ok(None),
            Some((version, old)) => (Expect::Version(version), old.epoch + 1),
            None => (Expect::Absent, 1),
        };
        let record = LeaseRecord { epoch, until: now + ttl_s };
        let version = self.write(&place, &record, expect, None).await?;
        Ok(version.map(|version| Lease { name: name.to_owned(), epoch, version }))
    }

    /// Whether a lease is still ours: nobody took it since, and its time is not over.
    pub async fn holds(&self, lease: &Lease) -> Result<bool, TableError> {
        let current: Option<(u64, LeaseRecord)> = self.read(&Key::new("lease", lease.name.as_str())).await?;
        Ok(current.is_some_and(|(version, held)| version == lease.version && held.until > self.clock.now()))
    }

    /// Gives a lease back. Does nothing when somebody else holds it by now.
    pub async fn release(&self, lease: Lease) -> Result<(), TableError> {
        let record = LeaseRecord { epoch: lease.epoch, until: 0 };
        let place = Key::new("lease", lease.name);
        self.write(&place, &record, Expect::Version(lease.version), None).await.map(drop)
    }

    /// Ends every lease. Only for a process that starts and knows that nobody else uses the ledger.
    pub async fn end_leases(&self) -> Result<(), TableError> {
        for (key, record) in self.table.list("lease").await? {
            let (version, held): (u64, LeaseRecord) = parse(&key, record)?;
            let ended = LeaseRecord { epoch: held.epoch, until: 0 };
            self.write(&key, &ended, Expect::Version(version), None).await?;
        }
        Ok(())
    }

    /// Whether this is the first time that `key` is seen within `ttl_s` seconds.
    pub async fn first_time(&self, key: &str, ttl_s: i64) -> Result<bool, TableError> {
        let expires = Some(self.clock.now() + ttl_s);
        let version = self.table.put(&Key::new("once", key), &Value::Null, Expect::Absent, expires).await?;
        Ok(version.is_some())
    }

    /// Whether `first_time` was asked of `key`, and its time is not over.
    pub async fn was_seen(&self, key: &str) -> Result<bool, TableError> {
        Ok(self.table.get(&Key::new("once", key)).await?.is_some())
    }

    /// Takes back what `first_time` noted, because what it stood for could not be done.
    pub async fn forget_first_time(&self, key: &str) -> Result<(), TableError> {
        self.table.delete(&Key::new("once", key), Expect::Anything).await.map(drop)
    }

    /// What is kept of a report for the clicks on it.
    pub async fn report(&self, id: &ReportId) -> Result<Option<ReportRecord>, TableError> {
        Ok(self.read(&Key::new("report", id.as_str())).await?.map(|(_, record)| record))
    }

    /// Keeps what the clicks on a report are checked against.
    pub async fn save_report(&self, record: &ReportRecord) -> Result<(), TableError> {
        let place = Key::new("report", record.id.as_str());
        self.write(&place, record, Expect::Anything, Some(self.clock.now() + KEEP_REPORTS_S)).await.map(drop)
    }

    /// A shared token that is good for at least `margin_s` more seconds, with its expiry.
    pub async fn token(&self, name: &str, margin_s: i64) -> Result<Option<(String, i64)>, TableError> {
        let record: Option<(u64, TokenRecord)> = self.read(&Key::new("token", name)).await?;
        let good = record.map(|(_, r)| r).filter(|r| r.expires_at > self.clock.now() + margin_s);
        Ok(good.map(|r| (r.token, r.expires_at)))
    }

    /// Shares a token with the other processes until it expires.
    pub async fn save_token(&self, name: &str, token: &str, expires_at: i64) -> Result<(), TableError> {
        let record = TokenRecord { token: token.to_owned(), expires_at };
        self.write(&Key::new("token", name), &record, Expect::Anything, Some(expires_at)).await.map(drop)
    }

    /// Forgets a shared token that was refused.
    pub async fn forget_token(&self, name: &str) -> Result<(), TableError> {
        self.table.delete(&Key::new("token", name), Expect::Anything).await.map(drop)
    }

    async fn read<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<(u64, T)>, TableError> {
        self.table.get(key).await?.map(|record| parse(key, record)).transpose()
    }

    async fn write(
        &self,
        key: &Key,
        value: &(impl Serialize + Sync),
        expect: Expect,
        expires_at: Option<i64>,
    ) -> Result<Option<u64>, TableError> {
        let value = serde_json::to_value(value).map_err(|e| TableError::Refused(e.to_string()))?;
        self.table.put(key, &value, expect, expires_at).await
    }
}

fn pull_key(key: &PullKey) -> Key {
    Key::new(format!("pull#{}", key.repo), key.number.to_string())
}

fn parse<T: DeserializeOwned>(key: &Key, record: Record) -> Result<(u64, T), TableError> {
    let value = serde_json::from_value(record.value).map_err(|e| {
        TableError::Refused(format!("record `{}/{}` is not in our form: {e}", key.partition, key.sort))
    })?;
    Ok((record.version, value))
}
