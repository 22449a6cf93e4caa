//! Slack's Web API behind the ports [`ports::Chat`] and [`ports::Forms`] ([`SlackClient`]), and what Slack sends to us ([`inbound`]).
//! What a message says and looks like is the crate `report`'s business.

mod call;
mod client;
pub mod inbound;
mod view;

pub use client::{BadAddress, DEFAULT_BASE_URL, SlackClient};
pub use view::correction;
