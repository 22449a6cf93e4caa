//! Sending calls: at most so many at once and a second, each within its time, tried again when that may help.
//! What an answer means is for `refusal`.

use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderName, HeaderValue, RETRY_AFTER};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kube::Client;
use serde_json::Value;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::call::Call;
use crate::eks::Bearer;
use crate::kubeconfig::Options;
use crate::pace::Pace;
use crate::refusal::{Status, definite};

/// Tries of one call, the first included.
const TRIES: u32 = 3;

/// The longest that a server may make us wait between two tries.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// Answers over this are given up: a page of 500 large objects stays below.
const MAX_BYTES: usize = 64 << 20;

/// A connection to one API server.
pub(crate) struct Api {
    client: Client,
    /// What makes the token that each call carries, where the client has none of its own.
    bearer: Option<Arc<Bearer>>,
    /// Whom each call acts as.
    acting: Vec<(HeaderName, HeaderValue)>,
    slots: Arc<Semaphore>,
    pace: Arc<Mutex<Pace>>,
    timeout: Duration,
    /// The wait before the second try; twice that before the third.
    pause: Duration,
}

/// A call did not do what was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server said no, for good.
    Status(Status),
    /// No answer, or one that asks to come back later, after all tries.
    Lost {
        /// The HTTP status; 408 where we gave up waiting, and 0 where the connection failed.
        code: u16,
        /// What was asked, and what came of it in our own words.
        brief: String,
        /// The same with the server's words, which may repeat values.
        whole: String,
    },
}

impl Failure {
    /// A failure that the server said nothing of.
    pub(crate) fn lost(reason: String) -> Self {
        Self::Lost { code: 0, brief: reason.clone(), whole: reason }
    }
}

impl Api {
    pub(crate) fn new(client: Client, options: &Options) -> Self {
        Self {
            client,
            bearer: None,
            acting: Vec::new(),
            slots: Arc::new(Semaphore::new(options.concurrency.clamp(1, 1000))),
            pace: Arc::new(Mutex::new(Pace::new(options.requests_per_second, Instant::now()))),
            timeout: options.timeout,
            pause: Duration::from_millis(250),
        }
    }

    /// With a token on each call.
    pub(crate) fn with_bearer(self, bearer: Option<Bearer>) -> Self {
        Self { bearer: bearer.map(Arc::new), ..self }
    }

    /// The same connection as somebody else, within the same bounds. `None` for names that no header can hold.
    pub(crate) fn acting_as(&self, user: &str, groups: &[String]) -> Option<Self> {
        let header = |name: &'static str, value: &str| {
            Some((HeaderName::from_static(name), HeaderValue::from_str(value).ok()?))
        };
        let groups = groups.iter().map(|group| header("impersonate-group", group));
        let acting =
            [header("impersonate-user", user)].into_iter().chain(groups).collect::<Option<Vec<_>>>()?;
        Some(Self {
            client: self.client.clone(),
            bearer: self.bearer.clone(),
            acting,
            slots: self.slots.clone(),
            pace: self.pace.clone(),
            timeout: self.timeout,
            pause: self.pause,
        })
    }

    /// Without pauses between tries.
    #[cfg(test)]
    pub(crate) fn impatient(mut self) -> Self {
        self.pause = Duration::ZERO;
        self
    }

    /// Sends a call; the answer's JSON, if it is a success.
    pub(crate) async fn ask(&self, call: &Call) -> Result<Value, Failure> {
        let mut tries = 1;
        loop {
            let (failure, wait) = match self.once(call).await {
                Ok(value) => return Ok(value),
                Err(Once::Failed(status)) => return Err(Failure::Status(status)),
                Err(Once::TooLarge) => {
                    let limit = MAX_BYTES >> 20;
                    return Err(Failure::lost(format!("{}: the answer is over {limit} MiB", call.what())));
                }
                Err(Once::Later(reason)) => (Failure::lost(format!("{}: {reason}", call.what())), None),
                Err(Once::TooLate) => (self.too_late(call), None),
                Err(Once::Busy(status, wait)) => (busy(call, &status, wait), wait),
            };
            let pause = wait.unwrap_or(self.pause * tries);
            // Coming back earlier than we are asked to would only add to the load.
            if tries == TRIES || pause > MAX_WAIT {
                return Err(failure);
            }
            if wait.is_some() {
                self.pace.lock().await.hold(Instant::now() + pause);
            }
            sleep(pause).await;
            tries += 1;
        }
    }

    async fn once(&self, call: &Call) -> Result<Value, Once> {
        // The slot is given back before a wait for the next try.
        let _slot = self.slots.acquire().await.expect("the semaphore is never closed");
        self.pace().await;
        match timeout(self.timeout, self.exchange(call)).await {
            Ok(answer) => answer,
            Err(_) => Err(Once::TooLate),
        }
    }

    async fn exchange(&self, call: &Call) -> Result<Value, Once> {
        let mut request = call.request();
        if let Some(bearer) = &self.bearer {
            let token = bearer.header().await.map_err(Once::Later)?;
            request.headers_mut().insert(AUTHORIZATION, token);
        }
        for (name, value) in &self.acting {
            request.headers_mut().append(name, value.clone());
        }
        let answer = self.client.send(request).await.map_err(|e| Once::Later(chain(&e)))?;
        let code = answer.status().as_u16();
        let wait = answer.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.parse().ok());
        let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await;
        let body = body.map_err(broken_off)?.to_bytes();
        if (200..300).contains(&code) {
            return serde_json::from_slice(&body)
                .map_err(|e| Once::Later(format!("the answer is not JSON: {e}")));
        }
        let status = Status::parse(code, &body);
        match definite(&status) || (code == 409 && call.is_pinned()) {
            true => Err(Once::Failed(status)),
            false => Err(Once::Busy(status, wait.map(Duration::from_secs))),
        }
    }

    fn too_late(&self, call: &Call) -> Failure {
        let said = format!("{}: no answer within {} s", call.what(), self.timeout.as_secs());
        Failure::Lost { code: 408, brief: said.clone(), whole: said }
    }

    /// Waits for this call's turn.
    async fn pace(&self) {
        let turn = self.pace.lock().await.turn(Instant::now());
        sleep_until(turn).await;
    }
}

/// The failure of a call that the server asks to make again later.
fn busy(call: &Call, status: &Status, wait: Option<Duration>) -> Failure {
    let asked = match wait {
        Some(wait) if wait > MAX_WAIT => format!(" (it asks to come back after {} s)", wait.as_secs()),
        _ => String::new(),
    };
    let said = |reason: &str| format!("{}: {reason}{asked}", call.what());
    let brief = said(&format!("HTTP status {}", status.code));
    Failure::Lost { code: status.code, brief, whole: said(&status.words()) }
}

/// An answer that is too large will not be smaller the next time.
fn broken_off(error: Box<dyn std::error::Error + Send + Sync>) -> Once {
    match error.is::<LengthLimitError>() {
        true => Once::TooLarge,
        false => Once::Later(format!("the answer broke off: {error}")),
    }
}

enum Once {
    Failed(Status),
    TooLarge,
    /// Why.
    Later(String),
    /// No answer in time.
    TooLate,
    /// What the server said, and how long it asks to wait.
    Busy(Status, Option<Duration>),
}

/// What failed is in the sources of kube's error.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let words = inner.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        source = inner.source();
    }
    text
}
