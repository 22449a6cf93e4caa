//! State in DynamoDB. An item is `pk`, `sk`, `v` (the value as JSON text), `n` (the version), `w` (which write it came from)
//! and `expires_at`, the table's TTL attribute. DynamoDB deletes expired items days late, so every condition looks at it too.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use ports::{Clock, Expect, Key, Record, Table, TableError};
use serde_json::Value;

use crate::failure::Failure;

type Item = HashMap<String, AttributeValue>;

/// DynamoDB's limit of an item, names and all. Ours leaves 2 KiB for what is not the value.
const MAX_BYTES: usize = 398 * 1024;

const UNSEEN: &str = "attribute_not_exists(pk) OR expires_at <= :now";
const SEEN_WITH_VERSION: &str = "n = :n AND (attribute_not_exists(expires_at) OR expires_at > :now)";

/// State in one DynamoDB table with the string keys `pk` and `sk`.
#[derive(Clone)]
pub struct DynamoTable {
    client: Client,
    table: String,
    clock: Arc<dyn Clock>,
}

impl DynamoTable {
    /// State in the table `table_name`, which must exist. `clock` says what has expired.
    pub fn new(client: Client, table_name: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        Self { client, table: table_name.into(), clock }
    }

    fn call(&self, name: &str) -> String {
        format!("dynamodb:{name} on table `{}`", self.table)
    }

    /// The condition and its values.
    fn condition(&self, expect: Expect) -> (Option<String>, Item) {
        let now = (":now".to_owned(), number(self.clock.now()));
        match expect {
            Expect::Anything => (None, Item::new()),
            Expect::Absent => (Some(UNSEEN.to_owned()), Item::from([now])),
            Expect::Version(n) => {
                (Some(SEEN_WITH_VERSION.to_owned()), Item::from([now, (":n".to_owned(), number(n))]))
            }
        }
    }

    /// The record, unless it has expired.
    fn seen(&self, item: &Item) -> Result<Option<Record>, TableError> {
        if let Some(expiry) = item.get("expires_at")
            && parse::<i64>(expiry).is_some_and(|at| at <= self.clock.now())
        {
            return Ok(None);
        }
        record(item).map(Some).ok_or_else(|| {
            TableError::Refused(format!("an item of table `{}` is not in our form", self.table))
        })
    }
}

#[async_trait]
impl Table for DynamoTable {
    async fn get(&self, key: &Key) -> Result<Option<Record>, TableError> {
        let get =
            self.client.get_item().table_name(&self.table).set_key(Some(place(key))).consistent_read(true);
        let got = get.send().await.map_err(|e| Failure::of(&self.call("GetItem"), &e))?;
        got.item().map_or(Ok(None), |item| self.seen(item))
    }

    async fn put(
        &self,
        key: &Key,
        value: &Value,
        expect: Expect,
        expires_at: Option<i64>,
    ) -> Result<Option<u64>, TableError> {
        let text = value.to_string();
        if key.partition.len() + key.sort.len() + text.len() > MAX_BYTES {
            let (partition, sort, bytes) = (&key.partition, &key.sort, text.len());
            let reason =
                format!("record `{partition}/{sort}` has {bytes} bytes, at most {MAX_BYTES} are stored");
            return Err(TableError::Refused(reason));
        }
        let write = uuid::Uuid::new_v4().simple().to_string();
        let (condition, mut values) = self.condition(expect);
        values.extend([
            (":v".to_owned(), AttributeValue::S(text)),
            (":w".to_owned(), AttributeValue::S(write.clone())),
            (":zero".to_owned(), number(0)),
            (":one".to_owned(), number(1)),
        ]);
        // The version goes on from an expired record's, so that nobody who read that one takes this for it.
        let mut update = "SET v = :v, w = :w, n = if_not_exists(n, :zero) + :one".to_owned();
        match expires_at {
            Some(at) => {
                update.push_str(", expires_at = :at");
                values.insert(":at".to_owned(), number(at));
            }
            None => update.push_str(" REMOVE expires_at"),
        }
        let put = self.client.update_item().table_name(&self.table).set_key(Some(place(key)));
        let put = put.update_expression(update).set_condition_expression(condition);
        let put = put.set_expression_attribute_values(Some(values)).return_values(ReturnValue::UpdatedNew);
        let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match put.send().await {
            Ok(done) => match done.attributes().and_then(version) {
                Some(version) => Ok(Some(version)),
                None => Err(TableError::Refused(format!("{} gave no version back", self.call("UpdateItem")))),
            },
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(there)) => {
                    // The SDK tries again when an answer is lost: then its second try runs into what its first one wrote.
                    let ours = there.item().filter(|item| text_of(item, "w") == Some(&write));
                    Ok(ours.and_then(version))
                }
                _ => Err(Failure::of(&self.call("UpdateItem"), &error).into()),
            },
        }
    }

    async fn delete(&self, key: &Key, expect: Expect) -> Result<bool, TableError> {
        let (condition, values) = self.condition(expect);
        let delete = self.client.delete_item().table_name(&self.table).set_key(Some(place(key)));
        let delete = delete.set_condition_expression(condition);
        let delete = delete.set_expression_attribute_values((!values.is_empty()).then_some(values));
        match delete.send().await {
            Ok(_) => Ok(true),
            Err(e) if e.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(false)
            }
            Err(error) => Err(Failure::of(&self.call("DeleteItem"), &error).into()),
        }
    }

    async fn list(&self, partition: &str) -> Result<Vec<(Key, Record)>, TableError> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let query = query.key_condition_expression("pk = :pk");
        let query = query.expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()));
        let mut items = query.into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(|e| Failure::of(&self.call("Query"), &e))?;
            if let (Some(sort), Some(record)) = (text_of(&item, "sk"), self.seen(&item)?) {
                found.push((Key::new(partition, sort), record));
            }
        }
        Ok(found)
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

fn place(key: &Key) -> Item {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    Item::from([("pk".to_owned(), text(&key.partition)), ("sk".to_owned(), text(&key.sort))])
}

fn record(item: &Item) -> Option<Record> {
    let version = version(item)?;
    let value = serde_json::from_str(text_of(item, "v")?).ok()?;
    Some(Record { version, value })
}

fn version(item: &Item) -> Option<u64> {
    item.get("n").and_then(parse)
}

fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn parse<N: std::str::FromStr>(value: &AttributeValue) -> Option<N> {
    value.as_n().ok()?.parse().ok()
}

fn text_of<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed call is the test's failure")]
    use aws_sdk_dynamodb::types::{
        AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    };
    use ports::{FixedClock, contract};
    use serde_json::json;

    use super::*;
    use crate::emulator;

    async fn set_up(test: &str) -> Option<(Arc<FixedClock>, DynamoTable)> {
        let client = Client::new(&emulator::named("PREFLUX_TEST_DYNAMODB", test)?);
        let name = emulator::fresh("preflux");
        let mut create = client.create_table().table_name(&name).billing_mode(BillingMode::PayPerRequest);
        for (key, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
            let text =
                AttributeDefinition::builder().attribute_name(key).attribute_type(ScalarAttributeType::S);
            create = create.attribute_definitions(text.build().unwrap());
            create = create
                .key_schema(KeySchemaElement::builder().attribute_name(key).key_type(kind).build().unwrap());
        }
        create.send().await.unwrap();
        let clock = Arc::new(FixedClock::at(1_700_000_000));
        Some((clock.clone(), DynamoTable::new(client, name, clock)))
    }

    #[tokio::test]
    async fn table_keeps_the_contract() {
        let Some((clock, table)) = set_up("table_keeps_the_contract").await else { return };
        contract::table(&table, &clock).await;
    }

    #[tokio::test]
    async fn ledger_keeps_the_contract() {
        let Some((clock, table)) = set_up("ledger_keeps_the_contract").await else { return };
        contract::ledger(Arc::new(table), clock).await;
    }

    #[tokio::test]
    async fn one_of_many_racing_writers_wins() {
        let Some((_, table)) = set_up("one_of_many_racing_writers_wins").await else { return };
        let race = |n| {
            let table = table.clone();
            tokio::spawn(async move {
                table.put(&Key::new("a", "1"), &json!(n), Expect::Absent, None).await.unwrap()
            })
        };
        let mut wins = 0;
        for task in (0..10).map(race).collect::<Vec<_>>() {
            wins += u32::from(task.await.unwrap().is_some());
        }
        assert_eq!(wins, 1);
    }

    #[tokio::test]
    async fn a_missing_table_is_refused_by_name() {
        let Some((_, mut table)) = set_up("a_missing_table_is_refused_by_name").await else { return };
        table.table = "no-such".to_owned();
        let error = table.get(&Key::new("a", "1")).await.unwrap_err();
        assert!(
            matches!(&error, TableError::Refused(why) if why.contains("on table `no-such`: ResourceNotFound")),
            "{error}"
        );
    }

    #[tokio::test]
    async fn what_does_not_answer_heals_and_what_is_too_large_does_not() {
        let client = Client::new(&emulator::at("http://127.0.0.1:1"));
        let table = DynamoTable::new(client, "t", Arc::new(FixedClock::at(0)));
        let key = Key::new("a", "1");
        let error = table.get(&key).await.unwrap_err();
        assert!(
            matches!(&error, TableError::Unavailable(why) if why.contains("dynamodb:GetItem on table `t`")),
            "{error}"
        );
        let large = json!("x".repeat(MAX_BYTES));
        let error = table.put(&key, &large, Expect::Anything, None).await.unwrap_err();
        assert!(matches!(&error, TableError::Refused(why) if why.contains("record `a/1` has")), "{error}");
    }
}
