//! The parts that programs are put together from: adapters made from the configuration and its secrets.

use std::sync::Arc;

use anyhow::Context as _;
use ports::Secrets;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::config::SlackIdentity;

/// Slack's secrets.
pub struct SlackSecrets {
    /// The bot token; empty where only signing secrets were asked for.
    pub bot_token: SecretString,
    /// The signing secret, and during a rotation the one before it.
    pub signing: Vec<SecretString>,
}

#[derive(Deserialize)]
struct SlackBundle {
    bot_token: String,
    signing_secret: String,
    previous_signing_secret: Option<String>,
}

/// Reads Slack's secrets, one by one or from their bundle.
///
/// # Errors
/// A secret is missing or not in its form; the error names it and never shows it.
pub async fn slack_secrets(secrets: &dyn Secrets, identity: &SlackIdentity) -> anyhow::Result<SlackSecrets> {
    match identity {
        SlackIdentity::Separate { bot_token, signing_secret } => Ok(SlackSecrets {
            bot_token: trimmed(&secrets.get(bot_token).await?),
            signing: vec![trimmed(&secrets.get(signing_secret).await?)],
        }),
        SlackIdentity::Bundle(name) => {
            let text = secrets.get(name).await?;
            let bundle: SlackBundle = bundle(name, &text, "`bot_token` and `signing_secret`")?;
            let signing = std::iter::once(bundle.signing_secret).chain(bundle.previous_signing_secret);
            Ok(SlackSecrets {
                bot_token: bundle.bot_token.into(),
                signing: signing.map(SecretString::from).collect(),
            })
        }
    }
}

/// A secret without the line end that editors and `echo` put behind it.
fn trimmed(secret: &SecretString) -> SecretString {
    secret.expose_secret().trim().to_owned().into()
}

/// Parses a secret that holds JSON. serde's own message would repeat the text, so it is left out.
fn bundle<T: for<'a> Deserialize<'a>>(name: &str, text: &SecretString, wanted: &str) -> anyhow::Result<T> {
    serde_json::from_str(text.expose_secret()).map_err(|e| {
        anyhow::anyhow!(
            "secret `{name}` is not JSON with {wanted} (line {}, column {})",
            e.line(),
            e.column()
        )
    })
}

#[cfg(any(feature = "poll", feature = "work"))]
pub use outside::*;

#[cfg(any(feature = "poll", feature = "work"))]
mod outside {
    //! GitHub and Slack.

    use super::*;
    use crate::config::{Config, GitHubConfig, GitHubIdentity, SlackConfig};
    pub use github::GitHub;
    use github::{Auth, LinkedPeople, PeopleSettings, Rotator, Settings};
    use ports::ledger::Ledger;
    use ports::{Clock, Forge};
    use slack::SlackClient;

    #[derive(Deserialize)]
    struct GitHubBundle {
        token: Option<String>,
        app_id: Option<u64>,
        private_key: Option<String>,
        installation_id: Option<u64>,
    }

    /// GitHub, with the identity that the configuration names.
    ///
    /// # Errors
    /// A secret is missing or not in its form.
    pub async fn github(
        config: &GitHubConfig,
        secrets: &dyn Secrets,
        ledger: Ledger,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Arc<GitHub>> {
        let auth = github_auth(&config.identity, secrets).await.context("GitHub identity")?;
        Ok(Arc::new(GitHub::new(Settings {
            api_url: config.api_url.clone(),
            auth,
            clock,
            ledger,
            carry_etags: config.carry_etags,
        })?))
    }

    /// GitHub to be polled: with the identity that the configuration names, and with those that read beside it. One of these whose
    /// secret cannot be used is left out, and the log says so.
    ///
    /// # Errors
    /// As for [`github`].
    pub async fn polled_github(
        config: &GitHubConfig,
        secrets: &dyn Secrets,
        ledger: Ledger,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Arc<dyn Forge>> {
        let first = github(config, secrets, ledger.clone(), Arc::clone(&clock)).await?;
        if config.readers.is_empty() {
            return Ok(first);
        }
        let mut readers = Vec::new();
        for identity in &config.readers {
            let own = GitHubConfig { identity: identity.clone(), ..config.clone() };
            match github(&own, secrets, ledger.clone(), Arc::clone(&clock)).await {
                Ok(reader) => readers.push((identity.name(), reader)),
                Err(error) => tracing::error!(
                    error = format!("{error:#}"),
                    "`{}` of `github.readers` is left out: {error:#}",
                    identity.name()
                ),
            }
        }
        Ok(Arc::new(Rotator::new((config.identity.name(), first), readers, clock)))
    }

    async fn github_auth(identity: &GitHubIdentity, secrets: &dyn Secrets) -> anyhow::Result<Auth> {
        match identity {
            GitHubIdentity::Token(name) => Ok(Auth::Token(trimmed(&secrets.get(name).await?))),
            GitHubIdentity::App { id, private_key, installation } => Ok(Auth::App {
                app_id: *id,
                private_key_pem: secrets.get(private_key).await?,
                installation: *installation,
            }),
            GitHubIdentity::Bundle(name) => {
                let text = secrets.get(name).await?;
                let wanted = "`token`, or `app_id` and `private_key`";
                match bundle::<GitHubBundle>(name, &text, wanted)? {
                    GitHubBundle { token: Some(token), .. } => Ok(Auth::Token(token.into())),
                    GitHubBundle {
                        app_id: Some(app_id), private_key: Some(key), installation_id, ..
                    } => Ok(Auth::App { app_id, private_key_pem: key.into(), installation: installation_id }),
                    _ => anyhow::bail!("secret `{name}` holds neither {wanted}"),
                }
            }
        }
    }

    /// People's own accounts, where the configuration names an App to link them with.
    ///
    /// # Errors
    /// The client secret is missing or empty.
    pub async fn people(
        config: &Config,
        secrets: &dyn Secrets,
        ledger: Ledger,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Option<Arc<LinkedPeople>>> {
        let Some(app) = &config.people.app else { return Ok(None) };
        let client_secret = secrets.get(&app.client_secret).await.context("people's GitHub App")?;
        let people = LinkedPeople::new(PeopleSettings {
            api_url: config.github.api_url.clone(),
            web_url: config.github.git_url.clone(),
            client_id: app.client_id.clone(),
            client_secret,
            callback_url: app.callback_url(),
            clock,
            ledger,
        })?;
        Ok(Some(Arc::new(people)))
    }

    /// Slack's Web API.
    ///
    /// # Errors
    /// A secret is missing or not in its form.
    pub async fn slack(config: &SlackConfig, secrets: &dyn Secrets) -> anyhow::Result<Arc<SlackClient>> {
        let own = slack_secrets(secrets, &config.identity).await.context("Slack identity")?;
        Ok(Arc::new(SlackClient::with_base_url(own.bot_token, &config.api_url)?))
    }
}
