//! The job queue: at least once, in no order. Bodies are the text that `wire` makes of a job.

use std::time::Duration;

use async_trait::async_trait;

/// The queue could not be used.
#[derive(Debug, thiserror::Error)]
#[error("job queue is not reachable: {0}")]
pub struct QueueError(pub String);

/// Where jobs are put.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Puts one message on the queue; it is durable when this returns. `delay` is at most 15 minutes.
    async fn send(&self, body: &str, delay: Duration) -> Result<(), QueueError>;
}

/// A message that was handed out and is hidden from others until its visibility ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The message.
    pub body: String,
    /// What `ack` and `release` need; good for this delivery alone.
    pub receipt: String,
    /// How often it was handed out, 1 for the first time.
    pub attempt: u32,
}

/// Where jobs are taken from. On Lambda the service itself does this.
#[async_trait]
pub trait Consumer: Send + Sync {
    /// Takes up to `max` (1 to 10) messages and hides them for `visibility`; waits up to `wait` for the first one.
    /// A message that was handed out five times and never acknowledged goes to the dead letters instead.
    async fn receive(
        &self,
        max: u32,
        visibility: Duration,
        wait: Duration,
    ) -> Result<Vec<Delivery>, QueueError>;

    /// Deletes a message for good. Harmless when its visibility has ended and somebody else has it.
    async fn ack(&self, delivery: &Delivery) -> Result<(), QueueError>;

    /// Hands a message back, to be seen again after `delay`.
    async fn release(&self, delivery: &Delivery, delay: Duration) -> Result<(), QueueError>;

    /// How many messages are dead letters.
    async fn dead_letters(&self) -> Result<u64, QueueError>;
}
