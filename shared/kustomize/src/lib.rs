//! A tree of files to Kubernetes objects, exactly as kustomize v5.8 builds them for Flux.
//!
//! Pure: files come from a [`Tree`], nothing is fetched, nothing is written. What is not supported is a typed
//! [`Error`] that names the file and the field, never an approximate render. Start at [`build`]; the stages it
//! runs are in `pipeline`.

#![deny(clippy::disallowed_methods)]

mod error;
mod limits;
mod meter;
mod tree;
pub mod yaml;

mod configuration;
mod crds;
mod decode;
mod expansion;
mod generators;
mod loader;
mod namereference;
mod objects;
mod openapi;
mod origin;
mod pipeline;
mod plugins;
mod remote;
mod sort;
mod transformers;
mod types;
mod vars;

mod fieldspec;
mod json6902;
mod node;
mod paths;
mod pattern;
mod replacements;
mod resid;
mod resmap;
mod resource;
mod schema;
mod schemas;
mod selector;
mod share;
mod smp;
mod specs;

pub use error::{Error, ErrorKind};
pub use limits::{Deadline, Limits, Options};
pub use pattern::go_pattern;
pub use pipeline::{Built, Object, Origin, build, build_each, recognise_kustomization_file};
pub use remote::{Remote, RemoteAddress, RemoteUse, Remotes, remotes};
pub use tree::{Entry, EntryKind, MemoryTree, OverlayTree, Tree, TreeError};
