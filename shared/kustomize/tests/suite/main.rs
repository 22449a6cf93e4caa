//! Tests of the crate from outside: whole builds against the kustomize library and its command line, and refusals.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cli;
mod common;
mod fleets;
mod library;
mod refusals;

#[path = "../fleets/mod.rs"]
mod repositories;
