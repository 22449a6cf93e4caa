//! What Preflux promises, seen from outside: one program, one module for each kind of promise.
//!
//! Nothing here looks inside a crate. A test that needs a real part (an API server, an emulator, a browser) finds it through
//! the environment, as `cargo xtask test` sets it, and says so where it is not there: see [`support`].

#![expect(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed promise")]

mod architecture;
mod bad_input;
mod browser;
mod budget;
mod build_cli;
mod canaries;
mod cluster_rbac;
mod clusters;
mod definitions;
mod diff_cli;
mod doctor;
#[path = "../front/mod.rs"]
mod front;
mod journey;
mod locks;
mod policy_tables;
mod recorded;
mod requests;
mod scenarios;
mod support;
mod tenants;
mod verdicts;
mod verified;
mod wire;
#[path = "../bench/world.rs"]
mod world;
