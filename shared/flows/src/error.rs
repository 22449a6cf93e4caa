//! Every failure of a job knows whether trying again can help.

use std::fmt;
use std::time::Duration;

/// How long the next attempt has to wait.
#[derive(Debug, Clone, Copy)]
enum Wait {
    /// Longer after every failure.
    Backoff,
    /// Until whoever is at the same work is done, or its lease is over.
    Busy,
    /// Until a rate limit is over; GitHub's last up to an hour.
    Limited,
}

/// Why a job failed.
#[derive(Debug)]
pub struct JobError {
    heals: bool,
    wait: Wait,
    cause: anyhow::Error,
}

impl JobError {
    /// It may heal: the queue should hand the job out again.
    pub fn retry(cause: impl Into<anyhow::Error>) -> Self {
        Self { heals: true, wait: Wait::Backoff, cause: cause.into() }
    }

    /// It fails the same way again: people should be told.
    pub fn fail(cause: impl Into<anyhow::Error>) -> Self {
        Self { heals: false, wait: Wait::Backoff, cause: cause.into() }
    }

    /// Somebody else is at the same work, and will be for a while.
    pub fn busy(cause: impl Into<anyhow::Error>) -> Self {
        Self { heals: true, wait: Wait::Busy, cause: cause.into() }
    }

    /// How long to wait before the job is handed out again, after its `attempt`th failure (1 is the first).
    /// Whoever finds others at work waits long enough not to run out of attempts before these are done.
    pub fn again_after(&self, attempt: u32) -> Duration {
        let seconds = match self.wait {
            Wait::Backoff => 15 * 3_u64.pow(attempt.clamp(1, 4) - 1),
            Wait::Busy => 90,
            Wait::Limited => 900,
        };
        Duration::from_secs(seconds)
    }

    /// Whether trying again can help.
    pub fn heals(&self) -> bool {
        self.heals
    }

    /// Whether GitHub does not have, or does not show, what was asked for.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self.cause.downcast_ref(), Some(ports::ForgeError::NotFound(_)))
    }

    /// The whole chain of causes in one line, for people.
    pub fn sentence(&self) -> String {
        format!("{:#}", self.cause)
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.cause)
    }
}

impl std::error::Error for JobError {}

impl From<ports::ForgeError> for JobError {
    fn from(error: ports::ForgeError) -> Self {
        let heals = error.heals();
        let limited = matches!(error, ports::ForgeError::RateLimited { .. });
        let wait = if limited { Wait::Limited } else { Wait::Backoff };
        Self { heals, wait, cause: error.into() }
    }
}

impl From<ports::ChatError> for JobError {
    fn from(error: ports::ChatError) -> Self {
        let heals = error.heals();
        Self { heals, wait: Wait::Backoff, cause: error.into() }
    }
}

impl From<ports::TableError> for JobError {
    fn from(error: ports::TableError) -> Self {
        let heals = matches!(error, ports::TableError::Unavailable(_));
        Self { heals, wait: Wait::Backoff, cause: error.into() }
    }
}

impl From<ports::QueueError> for JobError {
    fn from(error: ports::QueueError) -> Self {
        Self::retry(error)
    }
}

impl From<ports::ReportStoreError> for JobError {
    fn from(error: ports::ReportStoreError) -> Self {
        Self::retry(error)
    }
}

#[cfg(feature = "work")]
impl From<ports::CheckoutError> for JobError {
    fn from(error: ports::CheckoutError) -> Self {
        let heals = error.heals();
        Self { heals, wait: Wait::Backoff, cause: error.into() }
    }
}

#[cfg(feature = "work")]
impl From<ports::ClusterError> for JobError {
    fn from(error: ports::ClusterError) -> Self {
        let heals = matches!(error, ports::ClusterError::Unreachable { .. });
        Self { heals, wait: Wait::Backoff, cause: error.into() }
    }
}
