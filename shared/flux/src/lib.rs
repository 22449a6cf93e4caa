//! A Flux Kustomization and a tree to objects, exactly as kustomize-controller 1.9 (Flux 2.9) renders them.
//!
//! Pure: no cluster, no disk, no clock. The caller brings the [`GitRepository`] and [`Kustomization`] objects, a
//! tree, and the ConfigMaps and Secrets that [`substitute_from`] names; see [`render`] for the order of the stages.
//! SOPS data is decrypted with the [`DataKeys`] that the caller unwraps. Nothing is applied: what the API server makes of the objects is for others to ask.

#![deny(clippy::disallowed_methods)]

mod artifact;
pub mod control;
mod controller;
mod derived;
mod drift;
pub mod envsubst;
mod error;
mod fields;
mod generator;
mod glob;
mod ignore;
mod inventory;
mod kustomization;
mod kustomization_file;
mod metadata;
mod normalise;
mod order;
mod post_build;
pub mod rbac;
mod render;
pub mod schema;
mod settled;
mod sops;
mod source;
mod takeover;
mod url;
mod variables;

pub use artifact::{Artifact, Listing};
pub use controller::{Controller, Version};
pub use drift::DriftIgnore;
pub use envsubst::Strictness;
pub use error::Error;
pub use inventory::ObjectId;
pub use kustomization::{
    CommonMetadata, Condition, Decryption, DeletionPolicy, Dependency, DriftIgnoreRule, GROUP, Image,
    KubeConfig, Kustomization, ObjectKey, Patch, PostBuild, Snapshot, SourceRef, Spec, Status,
    SubstituteKind, SubstituteReference, SubstituteStrategy,
};
pub use normalise::{Normalised, normalise, without_zeros};
pub use order::{Stage, apply_order, compare_kinds, stage};
pub use render::{Options, Rendered, render};
pub use settled::settles;
pub use sops::{DataKey, DataKeys, Unwrapped, WrappedKey, conceal, is_ciphertext, is_rotated};
pub use source::{Follows, GitRepository, Include, Reference};
pub use takeover::take_over;
pub use url::normalise_url;
pub use variables::{Variables, substitute_from};
