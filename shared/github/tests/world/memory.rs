//! Time and state of the adapter's tests.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use ports::{Clock, Expect, Key, Record, Table, TableError};
use serde_json::Value;

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
