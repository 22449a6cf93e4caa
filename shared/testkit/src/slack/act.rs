//! Acting as Slack towards the app: clicks, menu choices, modal submissions and slash commands, signed and with Slack's fields; and
//! hostile variants of them. The app has three seconds; what a person would see then is a toast.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::payload::{click_payload, command_form, form, team, trigger, user_json};
use super::state::{APP, BOT_USER, Message, State};
use super::{FakeSlack, Inner, TIMEOUT, api, lock};

/// How the app answered, as Slack saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppResponse {
    /// HTTP status; 0 when there was no answer in time.
    pub status: u16,
    /// Body, as text.
    pub body: String,
    /// What the person saw instead of success: `operation_timeout`, `dispatch_failed` (not a 2xx), `dispatch_unknown_error`
    /// (no connection), `invalid_command_response`.
    pub error: Option<String>,
    /// How long the app took.
    pub took: Duration,
}

impl AppResponse {
    /// Whether the person saw no error.
    pub fn is_ok(&self) -> bool {
        self.error.is_none()
    }
}

/// What was sent to the app, kept for a replay.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    url: String,
    body: String,
    timestamp: String,
    signature: String,
}

/// Slack's signature of a request: `v0=` and the hex HMAC-SHA256 of `v0:<timestamp>:<body>`.
pub fn sign(secret: &str, timestamp: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    for part in [b"v0:", timestamp.as_bytes(), b":", body] {
        mac.update(part);
    }
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}

impl FakeSlack {
    /// Clicks the button with this `action_id` or text on a message (an ephemeral one too), as `user`, and waits for the app's answer.
    pub async fn click(
        &self,
        channel: &str,
        ts: &str,
        what: &str,
        user: &str,
    ) -> anyhow::Result<AppResponse> {
        self.act(channel, ts, what, None, user).await
    }

    /// Chooses an option (by value or text) of the menu with this `action_id`, as `user`.
    pub async fn choose(
        &self,
        channel: &str,
        ts: &str,
        menu: &str,
        option: &str,
        user: &str,
    ) -> anyhow::Result<AppResponse> {
        self.act(channel, ts, menu, Some(option), user).await
    }

    async fn act(
        &self,
        channel: &str,
        ts: &str,
        what: &str,
        option: Option<&str>,
        user: &str,
    ) -> anyhow::Result<AppResponse> {
        let (url, payload) = {
            let url = self.interactions_url()?;
            let mut state = self.inner.state();
            (url, click_payload(&mut state, &self.inner.url, channel, ts, what, option, user)?)
        };
        let body = form(&[("payload", payload.to_string())]);
        let answer = self.deliver(url, body).await?;
        if let Some(error) = &answer.error {
            self.inner.state().toast(user, &format!("The app did not respond to the action ({error})"));
        }
        Ok(answer)
    }

    /// Types a slash command (`/flux`) with `text` in a channel. An immediate answer of the app shows up as its message.
    pub async fn command(
        &self,
        command: &str,
        text: &str,
        channel: &str,
        user: &str,
    ) -> anyhow::Result<AppResponse> {
        let url = lock(&self.inner.app).commands.clone();
        let url = url.map_or_else(|| self.interactions_url(), Ok)?;
        let body = {
            let mut state = self.inner.state();
            command_form(&mut state, &self.inner.url, command, text, channel, user)?
        };
        let mut answer = self.deliver(url, body).await?;
        let mut state = self.inner.state();
        if answer.is_ok() && !answer.body.trim().is_empty() {
            let said = match serde_json::from_str::<Value>(&answer.body) {
                Ok(value) if value.is_object() => value,
                _ => json!({ "text": answer.body }),
            };
            let shown = said.as_object().is_some_and(serde_json::Map::is_empty);
            if !shown && api::said(&mut state, &said, channel, user, None).is_err() {
                answer.error = Some("invalid_command_response".to_owned());
            }
        }
        if let Some(error) = &answer.error {
            state.toast(user, &format!("{command} failed with the error \"{error}\""));
        }
        Ok(answer)
    }

    /// Submits an open modal with `values` (`{block_id: {action_id: {…}}}`), as its user; a plain 2xx closes it.
    pub async fn submit(&self, view_id: &str, values: Value) -> anyhow::Result<AppResponse> {
        let url = self.interactions_url()?;
        let (payload, user) = {
            let mut state = self.inner.state();
            let open =
                state.views.iter().find(|v| v.id == view_id).cloned().context("no such view is open")?;
            let user = state.user(&open.user).cloned().context("no such user")?;
            let mut view = open.view;
            written(&view, &values)?;
            view["state"] = json!({ "values": values });
            let trigger = trigger(&mut state, &user.id);
            (
                json!({"type": "view_submission", "team": team(), "user": user_json(&user), "api_app_id": APP, "token": "deprecated",
                    "trigger_id": trigger, "view": view, "response_urls": [], "is_enterprise_install": false, "enterprise": null}),
                user.id,
            )
        };
        let answer = self.deliver(url, form(&[("payload", payload.to_string())])).await?;
        let said: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let mut state = self.inner.state();
        match (&answer.error, said["response_action"].as_str()) {
            (Some(error), _) => state.toast(&user, &format!("We had some trouble connecting ({error})")),
            (None, Some("update")) => {
                let shown = api::stored_view(&mut state, said["view"].clone(), view_id);
                state.views.iter_mut().filter(|v| v.id == view_id).for_each(|v| v.view = shown.clone());
            }
            (None, Some("errors")) => state.toast(&user, &said["errors"].to_string()),
            (None, _) => self.close_in(&mut state, view_id),
        }
        Ok(answer)
    }

    /// Closes an open modal without submitting it.
    pub fn close_view(&self, view_id: &str) {
        self.close_in(&mut self.inner.state(), view_id);
    }

    fn close_in(&self, state: &mut State, view_id: &str) {
        state.number();
        state.views.retain(|v| v.id != view_id);
    }

    /// Writes a message as a person; returns its `ts`.
    pub fn say(&self, channel: &str, user: &str, text: &str) -> String {
        let mut state = self.inner.state();
        let ts = state.ts();
        let (channel, user, text) = (channel.to_owned(), user.to_owned(), text.to_owned());
        state.messages.push(Message { channel, ts: ts.clone(), user, text, ..Message::default() });
        ts
    }

    /// Sends the last request to the app once more, to the byte.
    pub async fn replay_last(&self) -> anyhow::Result<AppResponse> {
        let sent = lock(&self.inner.last).clone().context("nothing was sent yet")?;
        self.send(sent).await
    }

    /// Sends any body with any timestamp and signature to the interactions address; a header is left out when its value is empty.
    pub async fn send_raw(
        &self,
        body: &str,
        timestamp: &str,
        signature: &str,
    ) -> anyhow::Result<AppResponse> {
        let url = self.interactions_url()?;
        self.send(Sent {
            url,
            body: body.to_owned(),
            timestamp: timestamp.to_owned(),
            signature: signature.to_owned(),
        })
        .await
    }

    /// The form body of a click, unsent: for tests that bend it and sign it themselves with [`FakeSlack::sign`].
    pub fn click_body(&self, channel: &str, ts: &str, what: &str, user: &str) -> anyhow::Result<String> {
        let payload = click_payload(&mut self.inner.state(), &self.inner.url, channel, ts, what, None, user)?;
        Ok(form(&[("payload", payload.to_string())]))
    }

    /// The signature that Slack would give this body at this time.
    pub fn sign(&self, timestamp: &str, body: &str) -> String {
        sign(&self.inner.options.signing_secret, timestamp, body.as_bytes())
    }

    fn interactions_url(&self) -> anyhow::Result<String> {
        lock(&self.inner.app)
            .interactions
            .clone()
            .context("the app has no interactions address yet: set_interactions_url")
    }

    async fn deliver(&self, url: String, body: String) -> anyhow::Result<AppResponse> {
        let timestamp = self.inner.options.signing_clock.now().to_string();
        let signature = self.sign(&timestamp, &body);
        let sent = Sent { url, body, timestamp, signature };
        *lock(&self.inner.last) = Some(sent.clone());
        self.send(sent).await
    }

    /// Sends from the fake's own runtime, which outlives the caller's.
    async fn send(&self, sent: Sent) -> anyhow::Result<AppResponse> {
        let inner = Arc::clone(&self.inner);
        self.inner
            .handle
            .spawn(async move { sent_to_app(&inner, sent).await })
            .await
            .context("the fake's runtime ended")
    }
}

/// Slack sends no form in which an input that is needed is empty, or a text is longer or shorter than it may be.
fn written(view: &Value, values: &Value) -> anyhow::Result<()> {
    for block in view["blocks"].as_array().into_iter().flatten().filter(|block| block["type"] == "input") {
        let (id, element) = (block["block_id"].as_str().unwrap_or_default(), &block["element"]);
        let given = &values[id][element["action_id"].as_str().unwrap_or_default()];
        anyhow::ensure!(block["optional"] == true || !given.is_null(), "input `{id}` is needed");
        if let Some(text) = given["value"].as_str() {
            let length = text.chars().count() as u64;
            let most = element["max_length"].as_u64().unwrap_or(3000);
            let least = element["min_length"].as_u64().unwrap_or(1);
            anyhow::ensure!((least..=most).contains(&length), "input `{id}` has {length} characters");
        }
    }
    Ok(())
}

async fn sent_to_app(inner: &Inner, sent: Sent) -> AppResponse {
    let started = Instant::now();
    let mut request = inner
        .http
        .post(&sent.url)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("user-agent", "Slackbot 1.0 (+https://api.slack.com/robots)");
    for (name, value) in
        [("x-slack-request-timestamp", &sent.timestamp), ("x-slack-signature", &sent.signature)]
    {
        if !value.is_empty() {
            request = request.header(name, value);
        }
    }
    let outcome = async {
        let response = request.body(sent.body).send().await?;
        let status = response.status().as_u16();
        Ok::<_, reqwest::Error>((status, response.text().await?))
    }
    .await;
    let took = started.elapsed();
    match outcome {
        Ok((status, body)) => {
            let error = (!(200..300).contains(&status)).then(|| "dispatch_failed".to_owned());
            AppResponse { status, body, error, took }
        }
        Err(error) => {
            let code = if error.is_timeout() { TIMEOUT } else { "dispatch_unknown_error" };
            AppResponse { status: 0, body: String::new(), error: Some(code.to_owned()), took }
        }
    }
}

/// Whether an author is the app.
pub(crate) fn is_app(user: &str) -> bool {
    user == BOT_USER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_slacks_published_example() {
        let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        let signature = sign("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body.as_bytes());
        assert_eq!(signature, "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503");
    }
}
