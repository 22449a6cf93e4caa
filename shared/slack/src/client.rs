//! The chat over Slack's Web API: one method of the port after the other. How a request is made, retried and its refusals read
//! is in `call`.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use domain::interact::Click;
use ports::{Chat, ChatError, ChatMessage, Form, Forms, MessageRef};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use url::Url;

use crate::call::Caller;
use crate::view;

/// Slack's Web API.
pub const DEFAULT_BASE_URL: &str = "https://slack.com/api";
/// What our messages' metadata is called.
const EVENT: &str = "preflux";
/// Messages of one page of history; more would be slow.
const PAGE: usize = 200;
/// Pages read in search of a message.
const PAGES: usize = 5;
/// Uploading may take longer than a call.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(60);

/// The base address is no address.
#[derive(Debug, thiserror::Error)]
#[error("`{given}` is no address of Slack's Web API (example: `{DEFAULT_BASE_URL}`)")]
pub struct BadAddress {
    given: String,
}

/// A client for one workspace, by its bot token.
pub struct SlackClient {
    caller: Caller,
    /// Where answers and uploads may go instead of Slack's own hosts: set for a stand-in only.
    stand_in: Option<url::Origin>,
    /// Our own bot id, as `auth.test` tells it.
    bot: OnceCell<String>,
}

impl fmt::Debug for SlackClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlackClient").field("stand_in", &self.stand_in).finish_non_exhaustive()
    }
}

impl SlackClient {
    /// A client for Slack itself.
    pub fn new(token: SecretString) -> Result<Self, BadAddress> {
        Self::with_base_url(token, DEFAULT_BASE_URL)
    }

    /// A client for the Web API at `base`. Another one than Slack's is a stand-in (tests, the sandbox, a proxy): answers and uploads
    /// then go to its origin and nowhere else.
    pub fn with_base_url(token: SecretString, base: &str) -> Result<Self, BadAddress> {
        let base = base.trim_end_matches('/');
        let wrong = || BadAddress { given: base.chars().take(200).collect() };
        let parsed = Url::parse(base).map_err(|_| wrong())?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(wrong());
        }
        let stand_in = (base != DEFAULT_BASE_URL).then(|| parsed.origin());
        let caller = Caller::new(base, token).map_err(|_| wrong())?;
        Ok(Self { caller, stand_in, bot: OnceCell::new() })
    }

    /// Our bot id, asked for once. Fails when the token is refused, so it serves as a check of the token too.
    pub async fn bot_id(&self) -> Result<&str, ChatError> {
        let ask = || async {
            let answer = self.caller.form("auth.test", "", &[]).await?;
            text(&answer, "bot_id", "auth.test")
        };
        self.bot.get_or_try_init(ask).await.map(String::as_str)
    }

    async fn hook(
        &self,
        answer_url: &str,
        private: bool,
        replaces: bool,
        message: &ChatMessage,
    ) -> Result<(), ChatError> {
        const METHOD: &str = "the answer to a click or command";
        let address = self.own(METHOD, answer_url, "hooks.slack.com")?;
        let mut body = json!({
            "response_type": if private { "ephemeral" } else { "in_channel" },
            "replace_original": replaces,
            "text": message.text,
        });
        if !message.blocks.is_empty() {
            body["blocks"] = json!(message.blocks);
        }
        self.caller.hook(METHOD, &address, &body).await
    }

    /// An address that Slack gave us, if it leads to Slack (or to the stand-in).
    fn own(&self, method: &str, address: &str, host: &str) -> Result<Url, ChatError> {
        // The address itself is a secret of sorts: whoever has it may write. It is not in the error.
        let refused = || ChatError::Refused {
            method: method.to_owned(),
            reason: "the address does not lead to Slack".to_owned(),
        };
        let url = Url::parse(address).map_err(|_| refused())?;
        let fine = match &self.stand_in {
            Some(origin) => url.origin() == *origin,
            None => url.scheme() == "https" && url.host_str() == Some(host) && url.port().is_none(),
        };
        let plain = url.username().is_empty() && url.password().is_none();
        if fine && plain { Ok(url) } else { Err(refused()) }
    }
}

#[async_trait]
impl Chat for SlackClient {
    async fn post(
        &self,
        channel: &str,
        thread: Option<&MessageRef>,
        key: &str,
        message: &ChatMessage,
    ) -> Result<MessageRef, ChatError> {
        let mut body = json!({
            "channel": channel,
            "text": message.text,
            "metadata": {"event_type": EVENT, "event_payload": {"key": key}},
            "unfurl_links": false,
            "unfurl_media": false,
        });
        if !message.blocks.is_empty() {
            body["blocks"] = json!(message.blocks);
        }
        if let Some(thread) = thread {
            body["thread_ts"] = json!(thread.ts);
        }
        let answer = self.caller.json("chat.postMessage", channel, &body).await?;
        // Slack answers with the channel's id where we gave its name.
        let channel = answer["channel"].as_str().unwrap_or(channel).to_owned();
        Ok(MessageRef { channel, ts: text(&answer, "ts", "chat.postMessage")? })
    }

    async fn find(
        &self,
        channel: &str,
        thread: Option<&MessageRef>,
        key: &str,
    ) -> Result<Option<MessageRef>, ChatError> {
        let bot = self.bot_id().await?;
        let method = if thread.is_some() { "conversations.replies" } else { "conversations.history" };
        let mut cursor = String::new();
        for _ in 0..PAGES {
            let limit = PAGE.to_string();
            let mut fields = vec![("channel", channel), ("limit", &limit), ("include_all_metadata", "true")];
            fields.extend(thread.map(|thread| ("ts", thread.ts.as_str())));
            if !cursor.is_empty() {
                fields.push(("cursor", &cursor));
            }
            let answer = self.caller.form(method, channel, &fields).await?;
            let messages = answer["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
            if let Some(ts) = messages.iter().find(|m| is_ours(m, bot, key)).and_then(|m| m["ts"].as_str()) {
                return Ok(Some(MessageRef { channel: channel.to_owned(), ts: ts.to_owned() }));
            }
            cursor = answer["response_metadata"]["next_cursor"].as_str().unwrap_or_default().to_owned();
            if cursor.is_empty() {
                break;
            }
        }
        Ok(None)
    }

    async fn update(&self, at: &MessageRef, message: &ChatMessage) -> Result<(), ChatError> {
        // Blocks are sent even when there are none: left out, the old ones would stay.
        let body =
            json!({"channel": at.channel, "ts": at.ts, "text": message.text, "blocks": message.blocks});
        self.caller.json("chat.update", &at.channel, &body).await.map(drop)
    }

    async fn upload(
        &self,
        thread: &MessageRef,
        name: &str,
        title: &str,
        text_of_it: &str,
    ) -> Result<(), ChatError> {
        const BEGIN: &str = "files.getUploadURLExternal";
        let length = text_of_it.len().to_string();
        let begun =
            self.caller.form(BEGIN, &thread.channel, &[("filename", name), ("length", &length)]).await?;
        let (id, address) = (text(&begun, "file_id", BEGIN)?, text(&begun, "upload_url", BEGIN)?);
        let address = self.own(BEGIN, &address, "files.slack.com")?;
        self.caller.bytes("the upload", &address, text_of_it.as_bytes(), UPLOAD_TIMEOUT).await?;
        let body = json!({
            "files": [{"id": id, "title": title}],
            "channel_id": thread.channel,
            "thread_ts": thread.ts,
        });
        self.caller.json("files.completeUploadExternal", &thread.channel, &body).await.map(drop)
    }

    async fn answer(&self, answer_url: &str, private: bool, message: &ChatMessage) -> Result<(), ChatError> {
        self.hook(answer_url, private, false, message).await
    }

    async fn replace(&self, answer_url: &str, message: &ChatMessage) -> Result<(), ChatError> {
        self.hook(answer_url, true, true, message).await
    }

    async fn whisper(&self, channel: &str, person: &str, message: &ChatMessage) -> Result<(), ChatError> {
        let mut body = json!({"channel": channel, "user": person, "text": message.text});
        if !message.blocks.is_empty() {
            body["blocks"] = json!(message.blocks);
        }
        self.caller.json("chat.postEphemeral", channel, &body).await.map(drop)
    }
}

#[async_trait]
impl Forms for SlackClient {
    async fn ask(&self, click: &Click, form: &Form) -> Result<(), ChatError> {
        let body = json!({"trigger_id": click.trigger, "view": view::of(click, form)});
        self.caller.json("views.open", &click.channel, &body).await.map(drop)
    }

    fn correction(&self, what: &str) -> Value {
        view::correction(what)
    }
}

/// Only what our own bot wrote counts: anybody else's metadata may carry our key.
fn is_ours(message: &Value, bot: &str, key: &str) -> bool {
    message["bot_id"] == bot
        && message["metadata"]["event_type"] == EVENT
        && message["metadata"]["event_payload"]["key"] == key
}

fn text(answer: &Value, field: &str, method: &str) -> Result<String, ChatError> {
    let found = answer[field].as_str().filter(|text| !text.is_empty());
    found.map(str::to_owned).ok_or_else(|| ChatError::Unavailable {
        method: method.to_owned(),
        reason: format!("its answer has no `{field}`"),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "the addresses are constants")]
    use super::*;

    fn client(base: &str) -> SlackClient {
        SlackClient::with_base_url(SecretString::from("xoxb-secret"), base).unwrap()
    }

    #[test]
    fn answers_go_to_slack_and_nowhere_else() {
        let real = client("https://slack.com/api/");
        let check = |client: &SlackClient, address: &str, fine: bool| {
            assert_eq!(client.own("m", address, "hooks.slack.com").is_ok(), fine, "{address}");
        };
        check(&real, "https://hooks.slack.com/actions/T1/2/3", true);
        for elsewhere in [
            "http://hooks.slack.com/actions/T1",
            "https://hooks.slack.com:8443/x",
            "https://hooks.slack.com.evil.example/x",
            "https://evil.example/hooks.slack.com",
            "https://hooks.slack.com@evil.example/",
            "https://u:p@hooks.slack.com/",
            "http://169.254.169.254/latest",
            "file:///etc/passwd",
            "hooks.slack.com/x",
            "",
        ] {
            check(&real, elsewhere, false);
        }
        let stand_in = client("http://127.0.0.1:7878/api");
        check(&stand_in, "http://127.0.0.1:7878/response/1", true);
        check(&stand_in, "http://127.0.0.1:7879/response/1", false);
        check(&stand_in, "https://hooks.slack.com/x", false);
    }

    #[test]
    fn a_wrong_base_address_is_said() {
        for wrong in ["", "slack.com/api", "ftp://slack.com"] {
            let error = SlackClient::with_base_url(SecretString::from("t"), wrong).unwrap_err().to_string();
            assert!(error.contains("https://slack.com/api"), "{error}");
        }
    }

    #[test]
    fn the_token_is_not_shown() {
        assert!(!format!("{:?}", client(DEFAULT_BASE_URL)).contains("xoxb"));
    }
}
