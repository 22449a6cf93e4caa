//! People as themselves: a GitHub App's user tokens (`oauth`, `held`), and what is done with them (`act`, `merge`).
//!
//! The browser shows a code, and the person who began types it in Slack: whoever sends his own link to somebody else gets nothing,
//! because only the browser that signed in sees the code, and GitHub takes it only with the secret of whoever began.

mod act;
mod held;
mod makers;
mod merge;
mod oauth;

use std::sync::Arc;

use anyhow::ensure;
use async_trait::async_trait;
use domain::approve::{Account, Makers};
use domain::interact::Person;
use domain::{CommitSha, MergeMethod, PullKey};
use ports::ledger::Ledger;
use ports::{Clock, ForgeError, MergedBy, People, PersonError, Review, TableError, Verdict};
use secrecy::{ExposeSecret as _, SecretString};

use crate::http::Http;
use crate::sealed::Seal;

/// What [`LinkedPeople`] are made of.
pub struct PeopleSettings {
    /// Where the API is.
    pub api_url: String,
    /// Where people sign in, such as `https://github.com`.
    pub web_url: String,
    /// The App's client id.
    pub client_id: String,
    /// One of its client secrets.
    pub client_secret: SecretString,
    /// Where browsers come back to.
    pub callback_url: String,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where links are.
    pub ledger: Ledger,
}

/// People who linked their own GitHub accounts.
pub struct LinkedPeople {
    api: Http,
    web: Http,
    web_url: String,
    client_id: String,
    client_secret: SecretString,
    callback_url: String,
    seal: Seal,
    clock: Arc<dyn Clock>,
    ledger: Ledger,
    /// Held while a token is renewed, so that a process asks once.
    renewing: tokio::sync::Mutex<()>,
}

impl LinkedPeople {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// An address is not an `http(s)` URL, or the secret is empty.
    pub fn new(settings: PeopleSettings) -> anyhow::Result<Self> {
        let secret = SecretString::from(settings.client_secret.expose_secret().trim().to_owned());
        ensure!(!secret.expose_secret().is_empty(), "client secret of the GitHub App is empty");
        Ok(Self {
            api: Http::new(&settings.api_url)?,
            web: Http::new(&settings.web_url)?,
            web_url: settings.web_url.trim_end_matches('/').to_owned(),
            client_id: settings.client_id,
            seal: Seal::of_people(&secret),
            client_secret: secret,
            callback_url: settings.callback_url,
            clock: settings.clock,
            ledger: settings.ledger,
            renewing: tokio::sync::Mutex::default(),
        })
    }
}

fn unavailable(error: TableError) -> PersonError {
    let doing = "looking at the links of people".to_owned();
    PersonError::Forge(ForgeError::Unavailable { doing, reason: error.to_string() })
}

#[async_trait]
impl People for LinkedPeople {
    async fn begin(&self, who: &Person) -> Result<String, PersonError> {
        self.begun(who).await
    }

    async fn finish(&self, who: &Person, code: &str) -> Result<String, PersonError> {
        self.finished(who, code).await
    }

    async fn unlink(&self, who: &Person) -> Result<bool, PersonError> {
        self.unlinked(who).await
    }

    async fn account(&self, who: &Person) -> Result<Account, PersonError> {
        self.own_account(who).await
    }

    async fn makers(&self, who: &Person, key: &PullKey) -> Result<Makers, PersonError> {
        self.makers_of(who, key).await
    }

    async fn review(
        &self,
        who: &Person,
        account: u64,
        key: &PullKey,
        head: &CommitSha,
        verdict: Verdict,
        body: &str,
    ) -> Result<Review, PersonError> {
        self.one_review(&self.acting(who, Some(account)).await?, key, head, verdict, body).await
    }

    async fn dismiss(
        &self,
        who: &Person,
        key: &PullKey,
        head: &CommitSha,
        why: &str,
    ) -> Result<(), PersonError> {
        self.taken_back(&self.acting(who, None).await?, key, head, why).await
    }

    async fn merge(
        &self,
        who: &Person,
        account: u64,
        key: &PullKey,
        head: &CommitSha,
        how: MergeMethod,
    ) -> Result<MergedBy, PersonError> {
        self.one_merge(&self.acting(who, Some(account)).await?, key, head, how).await
    }

    async fn merged(&self, who: &Person, key: &PullKey) -> Result<Option<MergedBy>, PersonError> {
        self.merge_of(&self.acting(who, None).await?, key).await
    }
}
