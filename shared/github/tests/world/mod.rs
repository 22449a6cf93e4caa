//! What the adapter's tests have in common: the fake's clock, state in memory, and clients.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use github::{Auth, GitHub, Settings};
use ports::ledger::Ledger;
use ports::{Clock, Expect, Key, Record, Table, TableError};
use serde_json::Value;
use testkit::github::{APP_ID, FakeGitHub, Options};

/// The fake's clock as ours.
pub(crate) struct SameClock(pub(crate) testkit::clock::Clock);

impl Clock for SameClock {
    fn now(&self) -> i64 {
        self.0.now()
    }
}

/// State in memory. Nothing here writes conditionally.
#[derive(Default)]
pub(crate) struct Memory(Mutex<BTreeMap<Key, Value>>);

#[async_trait]
impl Table for Memory {
    async fn get(&self, key: &Key) -> Result<Option<Record>, TableError> {
        Ok(self.0.lock().unwrap().get(key).map(|value| Record { version: 1, value: value.clone() }))
    }

    async fn put(
        &self,
        key: &Key,
        value: &Value,
        _: Expect,
        _: Option<i64>,
    ) -> Result<Option<u64>, TableError> {
        self.0.lock().unwrap().insert(key.clone(), value.clone());
        Ok(Some(1))
    }

    async fn delete(&self, key: &Key, _: Expect) -> Result<bool, TableError> {
        Ok(self.0.lock().unwrap().remove(key).is_some())
    }

    async fn list(&self, _: &str) -> Result<Vec<(Key, Record)>, TableError> {
        Ok(Vec::new())
    }
}

/// A stand-in whose every exchange is held against GitHub's description.
pub(crate) fn options() -> Options {
    Options { watch: described::watch().into(), ..Options::default() }
}

pub(crate) fn app(fake: &FakeGitHub, installation: Option<u64>) -> Auth {
    Auth::App { app_id: APP_ID, private_key_pem: fake.app_key_pem().into(), installation }
}

pub(crate) fn client(fake: &FakeGitHub, table: &Arc<Memory>, auth: Auth) -> GitHub {
    let clock: Arc<dyn Clock> = Arc::new(SameClock(fake.clock()));
    let table: Arc<dyn Table> = Arc::<Memory>::clone(table);
    let ledger = Ledger::new(table, Arc::clone(&clock));
    // As on GitHub Enterprise Server, where the API has a path of its own.
    let api_url = format!("{}/api/v3", fake.url());
    GitHub::new(Settings { api_url, auth, clock, ledger, carry_etags: false }).unwrap()
}
