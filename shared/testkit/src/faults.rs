//! Trouble on demand, and the log of what was asked: both fakes answer the next matching requests as told, then go back to normal.

use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;

/// What a faulty answer is.
#[derive(Clone, Debug)]
pub enum FaultKind {
    /// Answered with this status instead of being handled.
    Status(u16),
    /// Answered with this status and JSON body instead of being handled.
    Answer(u16, Value),
    /// Handled in full (a write lands), then answered with this status.
    StatusAfter(u16),
    /// GitHub: 403 of the secondary rate limit; Slack: 429. With this `Retry-After` in seconds, or without the header.
    RateLimited(Option<u64>),
    /// The same limit as a 429, which GitHub gives just as well.
    TooMany(Option<u64>),
    /// Handled in full (a write lands), but the connection breaks in the middle of the answer's body; an empty one arrives.
    Cut,
    /// Handled, and answered after this long.
    Slow(Duration),
}

/// The next `times` requests with this method (any when empty) and this start of the path meet `kind`.
#[derive(Clone, Debug)]
pub struct Fault {
    /// `GET`, `POST`, …; empty for any.
    pub method: String,
    /// How the path starts, e.g. `/repos/acme/fleet/issues` or `/api/chat.postMessage`.
    pub path_prefix: String,
    /// How many requests meet it.
    pub times: u32,
    /// What happens to them.
    pub kind: FaultKind,
}

impl Fault {
    /// A fault for the next request only.
    pub fn once(method: &str, path_prefix: &str, kind: FaultKind) -> Self {
        Self { method: method.to_owned(), path_prefix: path_prefix.to_owned(), times: 1, kind }
    }

    /// The same fault for the next `times` requests.
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }
}

/// One request as the fake saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// `GET`, `POST`, ….
    pub method: String,
    /// Path with its query.
    pub path: String,
    /// Status answered.
    pub status: u16,
    /// Whether it counted against the primary rate limit (GitHub; 304s do not). Always true for Slack.
    pub charged: bool,
    /// The token it carried, empty when none: a test asserts on it, nobody else sees it.
    pub token: String,
    /// Request body as text, cut at 64 KiB.
    pub body: String,
}

/// The waiting faults and the request log of one fake.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    faults: Mutex<Vec<Fault>>,
    seen: Mutex<Vec<Seen>>,
}

impl Desk {
    pub(crate) fn plan(&self, fault: Fault) {
        self.faults.lock().expect("no holder panics").push(fault);
    }

    pub(crate) fn forget_plans(&self) {
        self.faults.lock().expect("no holder panics").clear();
    }

    /// Takes one use of the first fault that matches.
    pub(crate) fn take(&self, method: &str, path: &str) -> Option<FaultKind> {
        let mut faults = self.faults.lock().expect("no holder panics");
        let at = faults.iter().position(|f| {
            f.times > 0 && (f.method.is_empty() || f.method == method) && path.starts_with(&f.path_prefix)
        })?;
        faults[at].times -= 1;
        let kind = faults[at].kind.clone();
        if faults[at].times == 0 {
            faults.remove(at);
        }
        Some(kind)
    }

    pub(crate) fn note(&self, seen: Seen) {
        self.seen.lock().expect("no holder panics").push(seen);
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no holder panics").clone()
    }

    pub(crate) fn forget(&self) {
        self.seen.lock().expect("no holder panics").clear();
    }
}

/// A body for the log: text, cut.
pub(crate) fn body_text(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(64 * 1024)]).into_owned()
}
