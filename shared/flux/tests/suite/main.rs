//! Tests of the crate from outside: tables, whole renders, and Flux's own packages where they are at hand.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;
mod common;
mod envsubst;
mod matrices;
mod oracle;
mod random;
mod values;
mod versions;
