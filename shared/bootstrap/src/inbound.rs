//! Slack's requests, from raw bytes to an answer: signature first, then parsing, then the flow. The same on Lambda and on one machine.

use std::sync::Arc;

use flows::interact::{InteractCtx, interact};
use ports::{Clock, Secrets};
use secrecy::SecretString;
use slack::inbound::{parse, verify};

use crate::config::SlackIdentity;
use crate::parts::slack_secrets;
use crate::webhook::Webhook;

/// A request as it came. Nothing of it has been parsed.
pub struct Request<'a> {
    /// `X-Slack-Request-Timestamp`.
    pub timestamp: Option<&'a str>,
    /// `X-Slack-Signature`.
    pub signature: Option<&'a str>,
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
    /// The body's bytes, decoded from base64 if they came so.
    pub body: &'a [u8],
}

/// The answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// A JSON text, or empty.
    pub body: String,
}

impl Response {
    fn empty(status: u16) -> Self {
        Self { status, body: String::new() }
    }
}

/// What answering needs.
pub struct Inbound {
    /// Where the signing secret is.
    pub secrets: Arc<dyn Secrets>,
    /// Which secret it is.
    pub identity: SlackIdentity,
    /// GitHub's webhook, where there is one.
    pub webhook: Option<Webhook>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The flow's own needs.
    pub ctx: InteractCtx,
}

impl Inbound {
    /// Answers one request: 401 without a word to whoever is not Slack, 400 to what cannot be read, 500 when nothing could be queued.
    pub async fn answer(&self, request: Request<'_>) -> Response {
        if let Err(response) = self.check(&request).await {
            return response;
        }
        let interaction = match parse(request.body, request.content_type) {
            Ok(interaction) => interaction,
            Err(error) => {
                tracing::warn!(error = %error, "a signed Slack payload cannot be read");
                return Response::empty(400);
            }
        };
        match interact(&self.ctx, interaction).await {
            Ok(Some(answer)) => Response { status: 200, body: answer.to_string() },
            Ok(None) => Response::empty(200),
            Err(error) => {
                tracing::error!(error = %error, "an interaction could not be queued");
                Response::empty(500)
            }
        }
    }

    async fn check(&self, request: &Request<'_>) -> Result<(), Response> {
        let mut secrets = self.signing_secrets().await?;
        let verified = |secrets: &[SecretString]| {
            verify(secrets, request.timestamp, request.signature, request.body, self.clock.now())
        };
        if verified(&secrets).is_ok() {
            return Ok(());
        }
        // The secret may have been rotated since it was read; the store bounds how often it is asked again.
        self.secrets.forget(self.name());
        secrets = self.signing_secrets().await?;
        verified(&secrets).map_err(|rejected| {
            tracing::warn!(reason = %rejected, "a request that Slack did not sign is refused");
            Response::empty(401)
        })
    }

    fn name(&self) -> &str {
        match &self.identity {
            SlackIdentity::Separate { signing_secret, .. } => signing_secret,
            SlackIdentity::Bundle(name) => name,
        }
    }

    async fn signing_secrets(&self) -> Result<Vec<SecretString>, Response> {
        let known = slack_secrets(self.secrets.as_ref(), &self.identity).await;
        known.map(|secrets| secrets.signing).map_err(|error| {
            tracing::error!(error = format!("{error:#}"), "the signing secret cannot be had");
            Response::empty(500)
        })
    }
}
