//! Who may read what, seen at everything that leaves the worker: Slack, GitHub, the stored report, the table with its queue and dead
//! letters, and the log. A hostile cluster plants secrets wherever it can.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod canaries;
mod cluster;
mod interference;
mod vouching;
mod world;
