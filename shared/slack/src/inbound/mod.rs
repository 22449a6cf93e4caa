//! What Slack sends to us: first [`verify`] on the raw bytes, then [`parse`]. Nothing is read of a request that is not Slack's.

mod payload;
mod signature;

pub use payload::{Unreadable, parse};
pub use signature::{BODY_LIMIT, Rejected, WINDOW_S, verify};
