//! The stages of a build, in order.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{Error, Options, Tree};

/// What a build gives.
#[derive(Debug, Clone, Default)]
pub struct Built {
    /// The objects in kustomize's order.
    pub objects: Vec<Object>,
    /// Every path the build looked at, from the root of the tree: files read, paths found absent, directories used.
    pub reads: BTreeSet<String>,
    /// What kustomize would warn of, such as deprecated fields.
    pub warnings: Vec<String>,
}

/// One Kubernetes object.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// The final JSON object.
    pub value: Value,
    /// Where it came from, when known.
    pub origin: Option<Origin>,
}

/// Where an object came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The file that holds it, or for a generated object the kustomization that configures its generator; from the
    /// root of the tree.
    pub path: String,
    /// Whether a generator of that kustomization made it.
    pub generated: bool,
}

/// Builds the kustomization in the directory `root` of `tree`.
///
/// # Errors
/// What kustomize refuses, what this crate does not support, and a limit that is reached; see [`crate::ErrorKind`].
pub fn build(tree: &dyn Tree, root: &str, options: &Options) -> Result<Built, Error> {
    let _ = (tree, options);
    Err(Error::unsupported("build").in_file(root))
}

/// The names under which a directory's kustomization is recognised, in the order of preference.
const KUSTOMIZATION_FILES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The path of the first kustomization file of `dir`: `kustomization.yaml`, `kustomization.yml`, `Kustomization`.
///
/// `None` when the directory has none. A directory with several is an error only when it is built.
#[must_use]
pub fn recognise_kustomization_file(tree: &dyn Tree, dir: &str) -> Option<String> {
    KUSTOMIZATION_FILES
        .iter()
        .map(|name| if dir.is_empty() { (*name).to_owned() } else { format!("{dir}/{name}") })
        .find(|path| tree.kind(path) == Some(crate::EntryKind::File))
}
