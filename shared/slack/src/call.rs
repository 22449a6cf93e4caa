//! One request to Slack: the token, the time limits, waiting for a rate limit, and what Slack's refusals mean.
//! Nothing but a rate limit is tried again here: a post that got no answer may have happened.

use std::time::{Duration, Instant};

use ports::ChatError;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

/// Time to connect.
const CONNECT: Duration = Duration::from_secs(3);
/// Time for a whole call.
const TOTAL: Duration = Duration::from_secs(10);
/// Tries after a rate limit, and the time that waiting may take in all.
const TRIES: u32 = 3;
const WAIT: Duration = Duration::from_secs(8);
/// What is waited when a rate limit does not say how long.
const UNTOLD_S: u64 = 1;
/// Bytes of an answer. A page of 200 messages with blocks stays well below.
const ANSWER: usize = 16 << 20;

pub(crate) struct Caller {
    http: reqwest::Client,
    base: String,
    token: SecretString,
}

impl Caller {
    pub(crate) fn new(base: &str, token: SecretString) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(TOTAL)
            .user_agent(concat!("preflux/", env!("CARGO_PKG_VERSION")))
            // A token must not follow a redirect.
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { http, base: base.to_owned(), token })
    }

    /// A method that takes JSON. `channel` is for the error.
    pub(crate) async fn json(&self, method: &str, channel: &str, body: &Value) -> Result<Value, ChatError> {
        let build = || {
            self.request(method)
                .header(CONTENT_TYPE, "application/json; charset=utf-8")
                .body(body.to_string())
        };
        self.method(method, channel, build).await
    }

    /// A method that takes a form: the reading ones are blind to JSON.
    pub(crate) async fn form(
        &self,
        method: &str,
        channel: &str,
        fields: &[(&str, &str)],
    ) -> Result<Value, ChatError> {
        self.method(method, channel, || self.request(method).form(fields)).await
    }

    /// Bytes to an upload address. It carries no token: the address is the permission.
    pub(crate) async fn bytes(
        &self,
        what: &str,
        to: &Url,
        bytes: &[u8],
        timeout: Duration,
    ) -> Result<(), ChatError> {
        let build = || self.http.post(to.clone()).timeout(timeout).body(bytes.to_vec());
        let response = self.send(what, build).await?;
        succeeded(what, response).await
    }

    /// JSON to a response address, without the token.
    pub(crate) async fn hook(&self, what: &str, to: &Url, body: &Value) -> Result<(), ChatError> {
        let build =
            || self.http.post(to.clone()).header(CONTENT_TYPE, "application/json").body(body.to_string());
        let response = self.send(what, build).await?;
        succeeded(what, response).await
    }

    fn request(&self, method: &str) -> RequestBuilder {
        self.http.post(format!("{}/{method}", self.base)).bearer_auth(self.token.expose_secret())
    }

    async fn method(
        &self,
        method: &str,
        channel: &str,
        build: impl Fn() -> RequestBuilder,
    ) -> Result<Value, ChatError> {
        let response = self.send(method, build).await?;
        let status = response.status();
        if !status.is_success() {
            return Err(by_status(method, status));
        }
        let body = read(method, response).await?;
        let answer: Value =
            serde_json::from_slice(&body).map_err(|_| unavailable(method, "its answer is no JSON"))?;
        if answer["ok"] == true { Ok(answer) } else { Err(refusal(method, channel, &answer)) }
    }

    /// Sends, and while Slack says that it is too much, waits as long as it says and sends again.
    async fn send(&self, method: &str, build: impl Fn() -> RequestBuilder) -> Result<Response, ChatError> {
        let started = Instant::now();
        for round in 0.. {
            let response = build().send().await.map_err(|e| no_answer(method, e))?;
            if response.status() != StatusCode::TOO_MANY_REQUESTS {
                return Ok(response);
            }
            let said =
                response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            let retry_after_s: u64 = said.unwrap_or(UNTOLD_S);
            let wait = Duration::from_secs(retry_after_s);
            if round >= TRIES || started.elapsed().saturating_add(wait) > WAIT {
                return Err(ChatError::RateLimited { retry_after_s });
            }
            tracing::debug!(method, retry_after_s, "Slack's rate limit is reached, waiting");
            tokio::time::sleep(wait).await;
        }
        Err(unavailable(method, "it was asked too often"))
    }
}

/// The whole body, up to a limit.
async fn read(method: &str, mut response: Response) -> Result<Vec<u8>, ChatError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| no_answer(method, e))? {
        if body.len() + chunk.len() > ANSWER {
            return Err(unavailable(method, "its answer is longer than 16 MiB"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Whether an address that is no method took what it was sent. What it says otherwise is short and named in the error.
async fn succeeded(what: &str, response: Response) -> Result<(), ChatError> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let said = read(what, response).await.unwrap_or_default();
    let code = serde_json::from_slice::<Value>(&said).ok().and_then(|v| v["error"].as_str().map(cut));
    Err(match (by_status(what, status), code) {
        (ChatError::Refused { method, reason }, Some(code)) => {
            ChatError::Refused { method, reason: format!("{code} ({reason})") }
        }
        (error, _) => error,
    })
}

fn by_status(method: &str, status: StatusCode) -> ChatError {
    let reason = format!("HTTP {}", status.as_u16());
    if status.is_server_error() {
        return unavailable(method, &reason);
    }
    ChatError::Refused { method: method.to_owned(), reason }
}

/// What an `"ok": false` means.
fn refusal(method: &str, channel: &str, answer: &Value) -> ChatError {
    let code = cut(answer["error"].as_str().unwrap_or("no error code"));
    match code.as_str() {
        "invalid_auth"
        | "not_authed"
        | "account_inactive"
        | "token_revoked"
        | "token_expired"
        | "no_permission"
        | "not_allowed_token_type"
        | "org_login_required"
        | "ekm_access_denied"
        | "team_access_not_granted"
        | "two_factor_setup_required" => ChatError::Unauthorized(code),
        "missing_scope" => {
            let needed = cut(answer["needed"].as_str().unwrap_or("not told which"));
            ChatError::Unauthorized(format!("missing_scope ({needed}), for `{method}`"))
        }
        "channel_not_found"
        | "not_in_channel"
        | "is_archived"
        | "restricted_action"
        | "invalid_channel"
        | "posting_to_channel_denied"
        | "team_not_found" => ChatError::Channel { channel: channel.to_owned(), reason: code },
        "message_not_found" | "thread_not_found" | "invalid_thread_ts" => ChatError::MessageGone,
        "ratelimited" | "rate_limited" | "message_limit_exceeded" => {
            ChatError::RateLimited { retry_after_s: answer["retry_after"].as_u64().unwrap_or(30) }
        }
        "internal_error"
        | "fatal_error"
        | "service_unavailable"
        | "request_timeout"
        | "team_added_to_org" => unavailable(method, &code),
        _ => ChatError::Refused { method: method.to_owned(), reason: with_messages(code, answer) },
    }
}

/// Slack says in messages which block or argument it did not like.
fn with_messages(code: String, answer: &Value) -> String {
    let messages: Vec<String> = answer["response_metadata"]["messages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .take(5)
        .map(cut)
        .collect();
    if messages.is_empty() { code } else { format!("{code}: {}", messages.join("; ")) }
}

/// Slack's words in an error: short.
fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

fn unavailable(method: &str, reason: &str) -> ChatError {
    ChatError::Unavailable { method: method.to_owned(), reason: reason.to_owned() }
}

/// The address stays out of the error: it may be a secret one.
fn no_answer(method: &str, error: reqwest::Error) -> ChatError {
    let reason = match (error.is_timeout(), error.is_connect()) {
        (true, _) => "no answer in time".to_owned(),
        (_, true) => format!("no connection: {}", causes(&error.without_url())),
        _ => causes(&error.without_url()),
    };
    unavailable(method, &reason)
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    cut(&text)
}
