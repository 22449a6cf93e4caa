//! One request and its answer over octocrab, unjudged: status, headers and a bounded body. No retries here; see `policy`.

use std::error::Error;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use http_body_util::{BodyExt as _, Limited};
use octocrab::Octocrab;
use octocrab::service::middleware::retry::RetryConfig;
use ports::ForgeError;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::redirect;

/// To connect, TLS included.
const CONNECT: Duration = Duration::from_secs(5);
/// Without a byte from GitHub.
const READ: Duration = Duration::from_secs(15);
/// For a whole answer.
const TOTAL: Duration = Duration::from_secs(30);
/// A page of 100 pull requests with the longest possible descriptions is under 10 MiB.
const MAX_BODY_BYTES: usize = 32 << 20;

/// The form that answers of the API are asked for in.
pub(crate) const ACCEPTED: &str = "application/vnd.github+json";

/// A request. `path` starts with a slash and is relative to the API's address, so that octocrab adds our host to it.
#[derive(Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) etag: Option<&'a str>,
    pub(crate) body: Option<&'a Value>,
    /// What we are doing, as it follows "while" in an error.
    pub(crate) doing: &'a str,
    /// What is missing after a 404, as it precedes "does not exist".
    pub(crate) what: &'a str,
}

/// Who asks.
#[derive(Clone, Copy)]
pub(crate) enum As<'a> {
    /// The holder of a token.
    Bearer(&'a SecretString),
    /// The App as an OAuth client.
    Client { id: &'a str, secret: &'a SecretString },
    /// Nobody yet: who it is stands in the body. Only where tokens are given, which is no part of the API.
    Nobody,
}

impl As<'_> {
    fn authorization(self) -> Option<String> {
        match self {
            Self::Bearer(token) => Some(format!("Bearer {}", token.expose_secret())),
            Self::Client { id, secret } => {
                Some(format!("Basic {}", STANDARD.encode(format!("{id}:{}", secret.expose_secret()))))
            }
            Self::Nobody => None,
        }
    }

    fn wants(self) -> &'static str {
        if matches!(self, Self::Nobody) { "application/json" } else { ACCEPTED }
    }
}

/// Bytes as they stand in an address.
pub(crate) fn base64_url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// An answer of any status.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// A header's value, if it is there and plain text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

pub(crate) struct Http {
    base: Uri,
    /// Made with the first request: octocrab starts a task, which needs a running runtime.
    octocrab: OnceLock<Octocrab>,
}

impl Http {
    pub(crate) fn new(api_url: &str) -> anyhow::Result<Self> {
        let base: Uri = api_url
            .trim_end_matches('/')
            .parse()
            .with_context(|| format!("GitHub API address `{api_url}` is not a URL"))?;
        let http = matches!(base.scheme_str(), Some("http" | "https")) && base.authority().is_some();
        ensure!(http, "GitHub API address `{api_url}` does not start with `https://` and a host");
        Ok(Self { base, octocrab: OnceLock::new() })
    }

    /// GitHub's host.
    pub(crate) fn host(&self) -> &str {
        self.base.host().unwrap_or_default()
    }

    fn octocrab(&self) -> Result<&Octocrab, octocrab::Error> {
        if let Some(made) = self.octocrab.get() {
            return Ok(made);
        }
        let made = Octocrab::builder()
            .base_uri(self.base.clone())?
            .set_connect_timeout(Some(CONNECT))
            .set_read_timeout(Some(READ))
            .add_retry_config(RetryConfig::None)
            .build()?;
        Ok(self.octocrab.get_or_init(|| made))
    }

    /// Sends, and again to where it is redirected. Fails when there is no whole answer, or a redirect that is not followed.
    pub(crate) async fn send(&self, ask: Ask<'_>, token: &SecretString) -> Result<Answer, ForgeError> {
        self.send_as(ask, As::Bearer(token)).await
    }

    /// The same, as somebody.
    pub(crate) async fn send_as(&self, ask: Ask<'_>, who: As<'_>) -> Result<Answer, ForgeError> {
        let mut moved: Option<String> = None;
        for _ in 0..=redirect::MOST {
            let ask = Ask { path: moved.as_deref().unwrap_or(ask.path), ..ask };
            let answer = self.send_once(ask, who).await?;
            let refused = |reason| ForgeError::Refused { doing: ask.doing.to_owned(), reason };
            match redirect::next(&self.base, ask, &answer).map_err(refused)? {
                Some(place) => moved = Some(place),
                None => return Ok(answer),
            }
        }
        let reason = format!("it was redirected more than {} times", redirect::MOST);
        Err(ForgeError::Refused { doing: ask.doing.to_owned(), reason })
    }

    /// Sends once.
    async fn send_once(&self, ask: Ask<'_>, who: As<'_>) -> Result<Answer, ForgeError> {
        let failed = |reason: String| ForgeError::Unavailable { doing: ask.doing.to_owned(), reason };
        match tokio::time::timeout(TOTAL, self.exchange(ask, who)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(failed(chain(&*error))),
            Err(_) => Err(failed(format!("no whole answer within {} s", TOTAL.as_secs()))),
        }
    }

    async fn exchange(&self, ask: Ask<'_>, who: As<'_>) -> Result<Answer, Box<dyn Error + Send + Sync>> {
        let mut request =
            http::Request::builder().method(ask.method).uri(ask.path).header(ACCEPT, who.wants());
        if let Some(text) = who.authorization() {
            let mut value = HeaderValue::from_str(&text).map_err(|_| "the token is not plain text")?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        if let Some(etag) = ask.etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let octocrab = self.octocrab()?;
        let response = octocrab.execute(octocrab.build_request(request, ask.body)?).await?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MAX_BODY_BYTES).collect().await?.to_bytes();
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }
}

/// An error with its causes on one line; octocrab's own `Debug` would show headers.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let more = next.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = next.source();
    }
    text
}

/// A part of a path, with everything escaped that is not a letter, a digit or one of `-._~`.
pub(crate) fn escaped(part: &str) -> String {
    use std::fmt::Write as _;
    part.bytes().fold(String::with_capacity(part.len()), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => write!(out, "%{byte:02X}").expect("writing to a string never fails"),
        }
        out
    })
}
