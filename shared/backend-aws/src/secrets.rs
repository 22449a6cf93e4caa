//! Secrets of Secrets Manager, by name or ARN, kept in memory for five minutes. Callers that are refused with a value say so
//! with `forget`; that reads it again, but not so often that a stranger who sends bad requests runs up a bill.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use ports::{Clock, Secrets, SecretsError};
use secrecy::SecretString;

use crate::failure::Failure;

/// How long a value is kept.
const KEEP_S: i64 = 300;

/// A value that was read less than this ago is not read again for a `forget`.
const SETTLE_S: i64 = 30;

const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

/// Secrets of one account and region.
pub struct AwsSecrets {
    client: Client,
    clock: Arc<dyn Clock>,
    cache: Mutex<HashMap<(String, &'static str), Cached>>,
    /// One reader at a time: those who wait find what the first one read.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Cached {
    /// `None` when there is no such version.
    value: Option<SecretString>,
    read_at: i64,
}

impl AwsSecrets {
    /// Secrets as `client` sees them.
    pub fn new(client: Client, clock: Arc<dyn Clock>) -> Self {
        Self { client, clock, cache: Mutex::default(), reading: tokio::sync::Mutex::default() }
    }

    /// The value before the current one, while a rotation is under way; `None` when there was none.
    pub async fn get_previous(&self, name: &str) -> Result<Option<SecretString>, SecretsError> {
        self.version(name, PREVIOUS).await
    }

    async fn version(&self, name: &str, stage: &'static str) -> Result<Option<SecretString>, SecretsError> {
        if let Some(cached) = self.cached(name, stage) {
            return Ok(cached.value);
        }
        let _alone = self.reading.lock().await;
        if let Some(cached) = self.cached(name, stage) {
            return Ok(cached.value);
        }
        let value = self.read(name, stage).await?;
        let cached = Cached { value: value.clone(), read_at: self.clock.now() };
        self.cache().insert((name.to_owned(), stage), cached);
        Ok(value)
    }

    fn cached(&self, name: &str, stage: &'static str) -> Option<Cached> {
        let cached = self.cache().get(&(name.to_owned(), stage)).cloned()?;
        (self.clock.now() - cached.read_at < KEEP_S).then_some(cached)
    }

    fn cache(&self) -> MutexGuard<'_, HashMap<(String, &'static str), Cached>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read(&self, name: &str, stage: &str) -> Result<Option<SecretString>, SecretsError> {
        let get = self.client.get_secret_value().secret_id(name).version_stage(stage);
        let error = match get.send().await {
            Ok(got) => return text(name, got).map(Some),
            Err(e) if e.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
                return Ok(None);
            }
            Err(e) => Failure::of("secretsmanager:GetSecretValue", &e),
        };
        let (name, reason) = (name.to_owned(), error.reason);
        Err(match error.heals {
            true => SecretsError::Unavailable { name, reason },
            false => SecretsError::Denied { name, reason },
        })
    }
}

#[async_trait]
impl Secrets for AwsSecrets {
    async fn get(&self, name: &str) -> Result<SecretString, SecretsError> {
        self.version(name, CURRENT).await?.ok_or_else(|| SecretsError::NotFound(name.to_owned()))
    }

    fn forget(&self, name: &str) {
        let now = self.clock.now();
        self.cache().retain(|(cached, _), entry| cached != name || now - entry.read_at < SETTLE_S);
    }
}

fn text(name: &str, got: GetSecretValueOutput) -> Result<SecretString, SecretsError> {
    let denied = |reason: &str| SecretsError::Denied { name: name.to_owned(), reason: reason.to_owned() };
    let text = match (got.secret_string, got.secret_binary) {
        (Some(text), _) => text,
        (None, Some(bytes)) => {
            String::from_utf8(bytes.into_inner()).map_err(|_| denied("its binary value is not UTF-8"))?
        }
        (None, None) => return Err(denied("it has no value")),
    };
    if text.is_empty() { Err(denied("it is empty")) } else { Ok(text.into()) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed call is the test's failure")]
    use ports::FixedClock;
    use secrecy::ExposeSecret;

    use super::*;
    use crate::emulator;

    struct Set {
        clock: Arc<FixedClock>,
        secrets: AwsSecrets,
        name: String,
    }

    impl Set {
        async fn up(test: &str) -> Option<Self> {
            let client = Client::new(&emulator::named("PREFLUX_TEST_SECRETS", test)?);
            let clock = Arc::new(FixedClock::at(1_700_000_000));
            let name = emulator::fresh("preflux/token");
            client.create_secret().name(&name).secret_string("one").send().await.unwrap();
            Some(Self { secrets: AwsSecrets::new(client, clock.clone()), clock, name })
        }

        async fn rotate(&self, value: &str) {
            let put = self.secrets.client.put_secret_value().secret_id(&self.name);
            put.secret_string(value).send().await.unwrap();
        }

        async fn value(&self) -> String {
            self.secrets.get(&self.name).await.unwrap().expose_secret().to_owned()
        }
    }

    #[tokio::test]
    async fn values_are_kept_for_five_minutes() {
        let Some(set) = Set::up("values_are_kept_for_five_minutes").await else { return };
        assert_eq!(set.value().await, "one");
        set.rotate("two").await;
        set.clock.advance(299);
        assert_eq!(set.value().await, "one");
        set.clock.advance(1);
        assert_eq!(set.value().await, "two");
    }

    #[tokio::test]
    async fn a_refused_value_is_read_again_but_not_twice_in_thirty_seconds() {
        let Some(set) = Set::up("a_refused_value_is_read_again").await else { return };
        assert_eq!(set.value().await, "one");
        set.rotate("two").await;
        set.clock.advance(29);
        set.secrets.forget(&set.name);
        assert_eq!(set.value().await, "one");
        set.clock.advance(1);
        set.secrets.forget(&set.name);
        assert_eq!(set.value().await, "two");
        set.rotate("three").await;
        set.secrets.forget(&set.name);
        assert_eq!(set.value().await, "two");
    }

    #[tokio::test]
    async fn the_previous_value_is_there_during_a_rotation() {
        let Some(set) = Set::up("the_previous_value_is_there_during_a_rotation").await else { return };
        assert!(set.secrets.get_previous(&set.name).await.unwrap().is_none());
        set.rotate("two").await;
        set.clock.advance(300);
        let previous = set.secrets.get_previous(&set.name).await.unwrap().unwrap();
        assert_eq!((previous.expose_secret(), set.value().await.as_str()), ("one", "two"));
    }

    #[tokio::test]
    async fn what_is_missing_and_what_does_not_answer() {
        let nowhere = Client::new(&emulator::at("http://127.0.0.1:1"));
        let secrets = AwsSecrets::new(nowhere, Arc::new(FixedClock::at(0)));
        let error = secrets.get("x").await.unwrap_err();
        assert!(matches!(error, SecretsError::Unavailable { .. }), "{error}");
        let Some(set) = Set::up("what_is_missing_and_what_does_not_answer").await else { return };
        let error = set.secrets.get("no-such").await.unwrap_err();
        assert_eq!(error.to_string(), "secret `no-such` does not exist");
    }
}
