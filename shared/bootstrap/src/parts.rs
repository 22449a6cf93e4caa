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
    use crate::config::{GitHubConfig, GitHubIdentity, SlackConfig};
    use github::{Auth, GitHub, Settings};
    use ports::Clock;
    use ports::ledger::Ledger;
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
        Ok(Arc::new(GitHub::new(Settings { api_url: config.api_url.clone(), auth, clock, ledger })?))
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

    /// Slack's Web API.
    ///
    /// # Errors
    /// A secret is missing or not in its form.
    pub async fn slack(config: &SlackConfig, secrets: &dyn Secrets) -> anyhow::Result<Arc<SlackClient>> {
        let own = slack_secrets(secrets, &config.identity).await.context("Slack identity")?;
        Ok(Arc::new(SlackClient::with_base_url(own.bot_token, &config.api_url)?))
    }
}
