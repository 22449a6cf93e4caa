//! What we write to GitHub, against a fake GitHub that keeps the real one's limits: whatever fails in between, and whoever
//! else writes at the same time, everything is there once.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

mod checks;
mod comments;
mod described;
mod others;
mod world;
