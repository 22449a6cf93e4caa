//! The nouns and decisions of Preflux: values in, values out. No I/O, no clock, no environment.
//!
//! Read in this order: what is watched (`names`, `pull`, `rules`), what is decided about it (`poll`, `trust`),
//! what is queued (`job`), what a diff finds (`kind`, `object`, `mask`, `change`, `plan`) and who may read it (`provenance`), what people see (`report`, `mark`, `marker`) and do (`interact`, `approve`).

#![deny(clippy::disallowed_methods)]

mod drift;
mod event;
mod kind;
mod names;
mod object;
mod pace;
mod pull;
mod remotes;
mod rules;
mod trust;

pub mod approve;
pub mod change;
pub mod interact;
pub mod job;
pub mod mark;
pub mod marker;
pub mod mask;
pub mod plan;
pub mod poll;
pub mod provenance;
pub mod report;

pub use drift::Drift;
pub use event::{event, sample_event};
pub use kind::FluxKind;
pub use names::{CommitSha, InvalidName, PullKey, RepoName, ReportId};
pub use object::ObjectId;
pub use pace::{Budget, Pace, Past, Turn};
pub use pull::{Author, ChangedFiles, Observed, PullRequest, PullState};
pub use remotes::{RemoteHostError, RemoteHosts};
pub use rules::{
    Acts, Button, ButtonDoes, ButtonStyle, EventMatch, EventRule, Holds, MergeMethod, Mode, Only, PathRules,
    RepoRule, Repositories, RuleError, Selection, Transition,
};
pub use trust::{Permission, Trust, trust};
