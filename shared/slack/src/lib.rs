//! Slack's Web API behind the port [`ports::Chat`] ([`SlackClient`]), and what Slack sends to us ([`inbound`]).
//! What a message says and looks like is the crate `report`'s business.

mod call;
mod client;
pub mod inbound;

pub use client::{BadAddress, DEFAULT_BASE_URL, SlackClient};
