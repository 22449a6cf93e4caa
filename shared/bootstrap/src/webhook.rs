//! GitHub's webhook: signature first, on the raw bytes; then one name is read, that of the repository, and it is polled soon. Nothing
//! else of a delivery counts: what happened is asked of GitHub, by the poller's own path. Polling does not need it.

use std::collections::BTreeSet;

use domain::{RepoName, RepoRule};
use flows::interact::{Delivery, announced};
use hmac::{Hmac, KeyInit as _, Mac as _};
use ports::Secrets;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::config::Config;
use crate::inbound::Inbound;

/// Bytes of a body that are looked at. GitHub's may have 25 MB; a delivery that is longer is left to the next poll.
pub const BODY_LIMIT: usize = 1 << 20;
/// Characters of a secret at least: who sees one delivery could guess a shorter one.
const SHORTEST_SECRET: usize = 16;
/// Secrets at a time: the one in use, and the one before it.
const MOST_SECRETS: usize = 2;
/// Characters of a delivery's id at most; GitHub's have 36.
const LONGEST_ID: usize = 64;
/// Events that a poll can see something of.
const EVENTS: [&str; 2] = ["pull_request", "push"];

/// The webhook, where the configuration names a secret for it.
pub struct Webhook {
    secret: String,
    rules: Vec<RepoRule>,
}

/// A delivery as it came. Nothing of it has been parsed.
pub struct Delivered<'a> {
    /// `X-Hub-Signature-256`.
    pub signature: Option<&'a str>,
    /// `X-GitHub-Delivery`.
    pub id: Option<&'a str>,
    /// `X-GitHub-Event`.
    pub event: Option<&'a str>,
    /// The body's bytes.
    pub body: &'a [u8],
}

/// All that is read of a delivery.
#[derive(Deserialize)]
struct Payload {
    repository: Repository,
}

#[derive(Deserialize)]
struct Repository {
    full_name: RepoName,
}

impl Webhook {
    /// The configured one.
    pub fn of(config: &Config) -> Option<Self> {
        let secret = config.github.webhook_secret.clone()?;
        Some(Self { secret, rules: config.repositories.clone() })
    }

    /// What deliveries may be signed with: a line each, the one in use and, while it is being replaced, the one before it.
    ///
    /// # Errors
    /// The secret is missing, too short, or has more lines; the error names it and never shows it.
    pub async fn secrets(&self, secrets: &dyn Secrets) -> anyhow::Result<Vec<SecretString>> {
        let (name, text) = (&self.secret, secrets.get(&self.secret).await?);
        let lines = text.expose_secret().lines().map(str::trim).filter(|line| !line.is_empty());
        let found: Vec<&str> = lines.collect();
        anyhow::ensure!(
            (1..=MOST_SECRETS).contains(&found.len()),
            "secret `{name}` (`github.webhook_secret`) must have one line, or two while it is being replaced"
        );
        anyhow::ensure!(
            found.iter().all(|line| line.len() >= SHORTEST_SECRET),
            "secret `{name}` (`github.webhook_secret`) must have at least {SHORTEST_SECRET} characters a line"
        );
        Ok(found.into_iter().map(SecretString::from).collect())
    }

    /// Whether some rule may be about the repository. What clusters point to the worker knows.
    fn may_watch(&self, repo: &RepoName) -> bool {
        let alone = BTreeSet::from([repo.clone()]);
        self.rules.iter().any(|rule| rule.repositories.mean(repo, &alone))
    }
}

impl Inbound {
    /// Answers one delivery with a status: 404 where there is no webhook, 413 and 401 before anything is parsed, 202 for what is
    /// looked at soon and for what is of no interest.
    pub async fn delivered(&self, delivery: &Delivered<'_>) -> u16 {
        let Some(webhook) = &self.webhook else { return 404 };
        if delivery.body.len() > BODY_LIMIT {
            tracing::warn!("a webhook longer than 1 MiB is left to the next poll");
            return 413;
        }
        if let Err(status) = self.signed_by_github(webhook, delivery).await {
            return status;
        }
        let Some(id) = delivery.id.filter(|id| is_id(id)) else { return 400 };
        match delivery.event {
            Some("ping") => return 200,
            Some(event) if EVENTS.contains(&event) => {}
            Some(_) => return 202,
            None => return 400,
        }
        let Ok(Payload { repository }) = serde_json::from_slice(delivery.body) else {
            tracing::warn!(
                "a webhook signed by GitHub cannot be read: its content type must be `application/json`"
            );
            return 400;
        };
        if !webhook.may_watch(&repository.full_name) {
            return 202;
        }
        let digest = hex::encode(Sha256::digest(delivery.body));
        match announced(&self.ctx, Delivery { id, digest: &digest, repo: repository.full_name }).await {
            Ok(()) => 202,
            Err(error) => {
                tracing::error!(error = %error, "a webhook could not be queued; the next poll sees the same");
                500
            }
        }
    }

    async fn signed_by_github(&self, webhook: &Webhook, delivery: &Delivered<'_>) -> Result<(), u16> {
        let known = || async {
            webhook.secrets(self.secrets.as_ref()).await.map_err(|error| {
                tracing::error!(error = format!("{error:#}"), "the webhook's secret cannot be had");
                500_u16
            })
        };
        if verify(&known().await?, delivery.signature, delivery.body) {
            return Ok(());
        }
        // The secret may have been replaced since it was read; the store bounds how often it is asked again.
        self.secrets.forget(&webhook.secret);
        if verify(&known().await?, delivery.signature, delivery.body) {
            return Ok(());
        }
        tracing::warn!("a webhook that GitHub did not sign is refused");
        Err(401)
    }
}

fn is_id(id: &str) -> bool {
    (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Whether `header` is `sha256=` and the HMAC-SHA256 of the body, in lower-case hexadecimal; compared in constant time.
fn verify(secrets: &[SecretString], header: Option<&str>, body: &[u8]) -> bool {
    let digits = header.and_then(|header| header.strip_prefix("sha256=")).unwrap_or_default();
    let lower = digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let Some(signature) = hex::decode(digits).ok().filter(|bytes| lower && bytes.len() == 32) else {
        return false;
    };
    secrets.iter().any(|secret| {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else {
            return false;
        };
        mac.update(body);
        mac.verify_slice(&signature).is_ok()
    })
}
