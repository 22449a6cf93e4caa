//! What Preflux promises, seen from outside: one program, one module for each kind of promise.
//!
//! Nothing here looks inside a crate. A test that needs a real part (an API server, an emulator, a browser) finds it through
//! the environment, as `cargo xtask test` sets it, and says so where it is not there: see [`support`].

#![expect(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed promise")]

mod architecture;
mod bad_input;
mod browser;
mod build_cli;
mod clusters;
mod diff_cli;
mod journey;
mod locks;
mod scenarios;
mod support;
mod verified;
mod wire;
