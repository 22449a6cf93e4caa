//! The pipeline: kustomization file, build, substitution, labels, normalisation, common metadata.
//! Each stage is a file of its own; this one is their order.

use serde_json::Value;
use std::collections::BTreeSet;

use kustomize::Tree;

use crate::{Error, Kustomization, ObjectId, Variables};

/// How to render.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether a variable that is not set and has no default is an error; on by default since Flux 2.9
    /// (the feature gate `StrictPostBuildSubstitutions`).
    pub strict: bool,
    /// Options of the build.
    pub kustomize: kustomize::Options,
}

impl Default for Options {
    fn default() -> Self {
        Self { strict: true, kustomize: kustomize::Options::default() }
    }
}

/// What kustomize-controller would apply.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rendered {
    /// The objects in the order of the build, with owner labels and common metadata. What only the typed structs of
    /// Kubernetes could normalise is left to the API server.
    pub objects: Vec<Value>,
    /// Every path that was looked at in the artifact, found or not; the key of a cache.
    pub reads: BTreeSet<String>,
    /// What somebody should know about the result.
    pub warnings: Vec<String>,
    /// `sha256:<hex>` of the rendered YAML, as the controller publishes it in `status.history`. Comparable only
    /// when `encrypted` is empty, since the controller decrypts first.
    pub digest: String,
    /// Objects that hold SOPS data, which is compared as ciphertext.
    pub encrypted: Vec<ObjectId>,
}

/// Renders a Kustomization from an artifact, as kustomize-controller does before it applies.
pub fn render(
    artifact: &dyn Tree,
    kustomization: &Kustomization,
    variables: &Variables,
    options: &Options,
) -> Result<Rendered, Error> {
    let _ = (artifact, variables, options);
    Err(Error::Unsupported {
        object: format!("Kustomization/{}", kustomization.key),
        field: "spec".into(),
        reason: "rendering is not there yet".into(),
    })
}
