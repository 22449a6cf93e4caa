//! The nouns and decisions of Preflux: values in, values out. No I/O, no clock, no environment.
//!
//! Read in this order: what is watched (`names`, `pull`, `rules`), what is decided about it (`poll`, `trust`),
//! what is queued (`job`), what a diff finds (`object`, `mask`, `change`, `plan`) and who may read it (`provenance`), what people see (`report`) and do (`interact`).

#![deny(clippy::disallowed_methods)]

mod drift;
mod names;
mod object;
mod pull;
mod remotes;
mod rules;
mod trust;

pub mod change;
pub mod interact;
pub mod job;
pub mod mask;
pub mod plan;
pub mod poll;
pub mod provenance;
pub mod report;

pub use drift::Drift;
pub use names::{CommitSha, InvalidName, PullKey, RepoName, ReportId};
pub use object::ObjectId;
pub use pull::{Author, Observed, PullRequest, PullState};
pub use remotes::{RemoteHostError, RemoteHosts};
pub use rules::{PathRules, RepoRule, RuleError};
pub use trust::{Permission, Trust, trust};
