//! Tests of the crate from outside: whole builds against the kustomize library and its command line, and refusals.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bombs;
mod cli;
mod common;
mod fleets;
mod library;
mod random;
mod refusals;
mod remote;
mod seeds;
mod yaml;

#[path = "../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "the fuzz programs use it as a library")]
mod fuzz;
#[path = "../fleets/mod.rs"]
mod repositories;
