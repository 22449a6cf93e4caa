//! The stages of a build, in order: gather what a kustomization names, generate, transform; then, once, hash the
//! names of generated objects, repair references, put vars in place, and turn the objects into JSON.

mod configured;
mod finish;
mod gather;
mod kustomization;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::loader::{Loader, join};
use crate::meter::Running;
use crate::specs::Specs;
use crate::{EntryKind, Error, Options, Tree, meter, namereference, schemas};

pub(crate) use finish::add_hashes;
pub use kustomization::recognise_kustomization_file;
pub(crate) use kustomization::{Loaded, read as read_kustomization};

/// What a build gives.
#[derive(Debug, Clone, Default)]
pub struct Built {
    /// The objects in kustomize's order.
    pub objects: Vec<Object>,
    /// Every path the build looked at, from the root of the tree: files read, paths found absent, directories used.
    pub reads: BTreeSet<String>,
    /// The same in what was fetched for each remote address that the build used: paths from the root of its repository.
    pub remote_reads: BTreeMap<String, BTreeSet<String>>,
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
    /// The remote address in whose repository the path is, or that is the file itself.
    pub remote: Option<String>,
    /// Whether a generator of that kustomization made it.
    pub generated: bool,
}

/// Builds the kustomization in the directory `root` of `tree`.
///
/// # Errors
/// What kustomize refuses, what this crate does not support, and a limit that is reached; see [`ErrorKind`].
pub fn build(tree: &dyn Tree, root: &str, options: &Options) -> Result<Built, Error> {
    let mut objects = Vec::new();
    let built = build_each(tree, root, options, &mut |object| objects.push(object))?;
    Ok(Built { objects, ..built })
}

/// Builds as [`build`] does and hands the objects over one by one, which takes less memory than keeping all of them.
///
/// What is answered has no objects. After an error, those that were handed over before count for nothing.
///
/// # Errors
/// As [`build`].
pub fn build_each(
    tree: &dyn Tree,
    root: &str,
    options: &Options,
    each: &mut dyn FnMut(Object),
) -> Result<Built, Error> {
    let _running = Running::begin(options);
    let mut loader = Loader::new(tree, options);
    let root = loader.real_directory(join("", root)?);
    if let Some(EntryKind::File | EntryKind::Symlink | EntryKind::Submodule) = loader.kind(&root) {
        return Err(loader.not_a_directory(root.clone(), "file, not a directory").in_file(&root));
    }
    let kustomization = kustomization::read(&mut loader, &root)?;
    let metadata = BuildMetadata::of(&kustomization.settings.build_metadata);
    schemas::name(&mut loader, &root, &kustomization.settings.openapi)
        .map_err(|error| error.in_field("openapi").in_file(&kustomization.file))?;
    let gathered = gather::all(&mut loader, &kustomization, metadata.traced)?;
    let gather::Gathered { mut resources, specs: configured, vars } = gathered;
    let specs = configured.unwrap_or_else(Specs::builtin);
    let references = &specs.name_references;
    let in_root = |error: Error| error.in_file(&root);
    add_hashes(&mut resources).map_err(in_root)?;
    namereference::fix(&mut resources, references).map_err(in_root)?;
    let warnings = vars.resolve(&mut resources, &specs.var_references, &options.limits).map_err(in_root)?;
    loader.warnings.extend(warnings);
    finish::drop_local(&mut resources).map_err(in_root)?;
    if let Some(order) = &kustomization.settings.sort {
        order.apply(&mut resources).map_err(|e| e.in_field("sortOptions").in_file(&kustomization.file))?;
    }
    if metadata.managed {
        finish::add_managed_by(&mut loader, &mut resources).map_err(in_root)?;
    }
    // A pattern that ran out of steps says so here.
    meter::work(1).map_err(|reached| in_root(reached.into()))?;
    for resource in resources.list {
        each(finish::object(resource, metadata).map_err(in_root)?);
    }
    loader.schemas.failure()?;
    let Loader { reads, remote_reads, warnings, .. } = loader;
    Ok(Built { objects: Vec::new(), reads, remote_reads, warnings })
}

/// What the root's `buildMetadata` asks for; unknown words ask for nothing.
#[derive(Debug, Clone, Copy)]
struct BuildMetadata {
    /// Whether objects carry annotations of origin during the build.
    traced: bool,
    /// Whether they keep them.
    origins: bool,
    /// Whether they keep the annotations that list transformers.
    transformations: bool,
    /// Whether they get a label that says who made them.
    managed: bool,
}

impl BuildMetadata {
    fn of(wanted: &[String]) -> Self {
        let has = |word: &str| wanted.iter().any(|w| w == word);
        BuildMetadata {
            traced: !wanted.is_empty(),
            origins: has("originAnnotations"),
            transformations: has("transformerAnnotations"),
            managed: has("managedByLabel"),
        }
    }
}
