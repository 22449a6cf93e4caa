//! What people do as themselves: real clicks through the flow, against a stand-in for GitHub that refuses what GitHub refuses. What
//! counts is what stands on GitHub in the end, and whose it is.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod acts;
mod approve;
mod changes;
mod get;
mod link;
mod merge;
mod moments;
mod world;
