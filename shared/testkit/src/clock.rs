//! The time that the fakes live in: fixed and moved by hand in tests, the machine's own in the sandbox.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Where fixed clocks start: 2023-11-14T22:13:20Z, in Unix seconds.
pub const START: i64 = 1_700_000_000;

/// A shared clock in whole Unix seconds. Clones show the same time.
#[derive(Clone, Debug)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// A clock that stands at `unix_seconds` until it is moved.
    pub fn fixed(unix_seconds: i64) -> Self {
        Self(Some(Arc::new(AtomicI64::new(unix_seconds))))
    }

    /// The machine's clock.
    pub fn real() -> Self {
        Self(None)
    }

    /// Now, in Unix seconds.
    pub fn now(&self) -> i64 {
        match &self.0 {
            Some(at) => at.load(Ordering::SeqCst),
            None => jiff::Timestamp::now().as_second(),
        }
    }

    /// Moves a fixed clock forward and returns the new time; the machine's clock moves by itself.
    pub fn advance(&self, seconds: i64) -> i64 {
        match &self.0 {
            Some(at) => at.fetch_add(seconds, Ordering::SeqCst) + seconds,
            None => self.now(),
        }
    }

    /// Now as RFC 3339, as GitHub writes times.
    pub fn rfc3339(&self) -> String {
        rfc3339(self.now())
    }
}

impl Default for Clock {
    /// Fixed at [`START`].
    fn default() -> Self {
        Self::fixed(START)
    }
}

/// Unix seconds as RFC 3339 (`2023-11-14T22:13:20Z`); times outside jiff's range show the epoch.
pub(crate) fn rfc3339(unix_seconds: i64) -> String {
    jiff::Timestamp::from_second(unix_seconds).unwrap_or_default().to_string()
}
