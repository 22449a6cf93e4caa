//! Slack's forms, opened while Slack waits for the answer to a click. The bot token is read when the first form is asked for: most
//! requests need none.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::interact::Click;
use ports::{ChatError, Form, Forms, Secrets};
use serde_json::Value;
use slack::SlackClient;

use crate::config::{SlackConfig, SlackIdentity};
use crate::parts::slack_secrets;

/// A click is good for three seconds, and Slack waits as long for our answer.
const WITHIN: Duration = Duration::from_millis(2_500);

/// Forms of one workspace.
pub(crate) struct SlackForms {
    secrets: Arc<dyn Secrets>,
    identity: SlackIdentity,
    api_url: String,
}

impl SlackForms {
    pub(crate) fn of(secrets: Arc<dyn Secrets>, config: &SlackConfig) -> Arc<dyn Forms> {
        Arc::new(Self { secrets, identity: config.identity.clone(), api_url: config.api_url.clone() })
    }

    async fn client(&self) -> Result<SlackClient, ChatError> {
        let failed = |reason: String| ChatError::Unavailable { method: "views.open".to_owned(), reason };
        let own = slack_secrets(self.secrets.as_ref(), &self.identity).await;
        let token = own.map_err(|error| failed(format!("{error:#}")))?.bot_token;
        SlackClient::with_base_url(token, &self.api_url).map_err(|error| failed(error.to_string()))
    }

    async fn asked(&self, click: &Click, form: &Form) -> Result<(), ChatError> {
        match self.client().await?.ask(click, form).await {
            Err(ChatError::Unauthorized(_)) => {
                // The token may have been rotated since it was read.
                let (SlackIdentity::Separate { bot_token: name, .. } | SlackIdentity::Bundle(name)) =
                    &self.identity;
                self.secrets.forget(name);
                self.client().await?.ask(click, form).await
            }
            other => other,
        }
    }
}

#[async_trait]
impl Forms for SlackForms {
    async fn ask(&self, click: &Click, form: &Form) -> Result<(), ChatError> {
        let late = |_| ChatError::Unavailable {
            method: "views.open".to_owned(),
            reason: "no answer while the click was good".to_owned(),
        };
        tokio::time::timeout(WITHIN, self.asked(click, form)).await.map_err(late)?
    }

    fn correction(&self, what: &str) -> Value {
        slack::correction(what)
    }
}
