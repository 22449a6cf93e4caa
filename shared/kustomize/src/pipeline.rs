//! The stages of a build, in order: gather what a kustomization names, generate, transform; then, once, hash the
//! names of generated objects, repair references, and turn the objects into JSON.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::loader::{Loader, join, join_lexically, remote_directory, text_of};
use crate::node::Node;
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::specs::Specs;
use crate::types::{Generator, Kustomization};
use crate::yaml::{check_emittable, emit, node_to_json, parse_v2_within};
use crate::{
    EntryKind, Error, ErrorKind, Options, Tree, configuration, generators, namereference, objects,
    transformers,
};

/// The annotation that says where an object came from.
pub(crate) const ORIGIN_ANNOTATION: &str = "config.kubernetes.io/origin";

/// Annotations that kustomize uses for itself and never prints.
const HIDDEN_ANNOTATIONS: [&str; 5] = [
    "config.kubernetes.io/path",
    "config.kubernetes.io/index",
    "config.k8s.io/id",
    "alpha.config.kubernetes.io/transformations",
    ORIGIN_ANNOTATION,
];

/// The annotation of an object that is for kustomize alone and is not printed.
const LOCAL_ANNOTATION: &str = "config.kubernetes.io/local-config";

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
/// What kustomize refuses, what this crate does not support, and a limit that is reached; see [`ErrorKind`].
pub fn build(tree: &dyn Tree, root: &str, options: &Options) -> Result<Built, Error> {
    let mut loader = Loader::new(tree, &options.limits);
    let root = join("", root)?;
    let kustomization = read_kustomization(&mut loader, &root)?;
    let build_metadata = check_build_metadata(&kustomization)?;
    if kustomization.settings.sorted {
        return Err(Error::unsupported("sortOptions").in_field("sortOptions").in_file(&kustomization.file));
    }
    let mut gathered = Gathered::default();
    let mut target =
        Target { loader: &mut loader, with_origin: build_metadata.origin, ancestors: Vec::new() };
    target.accumulate(&kustomization, "", &mut gathered)?;
    let Gathered { mut resources, specs: configured } = gathered;
    let specs = configured.unwrap_or_else(Specs::builtin);
    let references = &specs.name_references;
    let in_root = |error: Error| error.in_file(&root);
    add_hashes(&mut resources).map_err(in_root)?;
    namereference::fix(&mut resources, references).map_err(in_root)?;
    drop_local(&mut resources).map_err(in_root)?;
    let objects = resources
        .list
        .into_iter()
        .map(|resource| finish(resource, build_metadata.annotated).map_err(in_root))
        .collect::<Result<_, _>>()?;
    Ok(Built { objects, reads: loader.reads, warnings: loader.warnings })
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
        .find(|path| tree.kind(path) == Some(EntryKind::File))
}

/// A kustomization that was read.
struct Loaded {
    dir: String,
    file: String,
    file_name: &'static str,
    settings: Kustomization,
}

fn read_kustomization(loader: &mut Loader<'_>, dir: &str) -> Result<Loaded, Error> {
    loader.reads.insert(dir.to_owned());
    let mut found = Vec::new();
    for name in KUSTOMIZATION_FILES {
        let path = join(dir, name)?;
        if loader.kind(&path) == Some(EntryKind::File) {
            found.push((path, name));
        }
    }
    let (file, file_name) = match found.as_slice() {
        [] => {
            let path = join(dir, KUSTOMIZATION_FILES[0])?;
            return Err(Error::new(ErrorKind::NotFound { path }).in_file(dir));
        }
        [one] => one.clone(),
        _ => return Err(Error::invalid("found multiple kustomization files").in_file(dir)),
    };
    let bytes = loader.read(&file)?;
    let settings = text_of(&bytes)
        .and_then(|text| Ok(parse_v2_within(&text, &mut loader.budget)?))
        .and_then(Kustomization::decode)
        .map_err(|error| error.in_file(&file))?;
    loader.warnings.extend(settings.warnings.iter().map(|warning| format!("`{file}`: {warning}")));
    Ok(Loaded { dir: dir.to_owned(), file, file_name, settings })
}

struct BuildMetadata {
    /// Whether objects carry the annotation during the build.
    origin: bool,
    /// Whether they keep it.
    annotated: bool,
}

fn check_build_metadata(kustomization: &Loaded) -> Result<BuildMetadata, Error> {
    let wanted = &kustomization.settings.build_metadata;
    for unsupported in ["transformerAnnotations", "managedByLabel"] {
        if wanted.iter().any(|w| w == unsupported) {
            let error = Error::unsupported(format!("buildMetadata {unsupported}"));
            return Err(error.in_field("buildMetadata").in_file(&kustomization.file));
        }
    }
    let annotated = wanted.iter().any(|w| w == "originAnnotations");
    Ok(BuildMetadata { origin: !wanted.is_empty(), annotated })
}

/// What a kustomization and those below it give.
#[derive(Default)]
struct Gathered {
    resources: ResMap,
    /// The field specs in force: the built-in ones with what configurations add; none before the first is gathered.
    specs: Option<Arc<Specs>>,
}

/// The recursion over kustomizations.
struct Target<'a, 'b> {
    loader: &'a mut Loader<'b>,
    with_origin: bool,
    /// The directories from the root to the current one.
    ancestors: Vec<String>,
}

impl Target<'_, '_> {
    /// Adds what a kustomization gives to what is `gathered`, then transforms all of it.
    ///
    /// `origin` is the way from the root to its directory, as kustomize writes it into annotations.
    fn accumulate(&mut self, this: &Loaded, origin: &str, gathered: &mut Gathered) -> Result<(), Error> {
        if self.ancestors.len() >= self.loader.limits.depth {
            return Err(
                ErrorKind::Limit { limit: "nested kustomizations", value: self.loader.limits.depth }.into()
            );
        }
        self.ancestors.push(this.dir.clone());
        self.stages(this, origin, gathered).map_err(|error| error.in_file(&this.file))?;
        self.ancestors.pop();
        Ok(())
    }

    fn stages(&mut self, this: &Loaded, origin: &str, gathered: &mut Gathered) -> Result<(), Error> {
        let settings = &this.settings;
        for path in &settings.resources {
            self.resource(this, path, origin, gathered).map_err(|error| error.in_field("resources"))?;
        }
        let configured = configuration::load(self.loader, &this.dir, &settings.configurations);
        configured
            .and_then(|specs| configuration::gather(&mut gathered.specs, specs))
            .map_err(|error| error.in_field("configurations"))?;
        self.generate(this, &settings.config_maps, "ConfigMap", origin, &mut gathered.resources)?;
        self.generate(this, &settings.secrets, "Secret", origin, &mut gathered.resources)?;
        for path in &settings.components {
            self.component(this, path, origin, gathered).map_err(|error| error.in_field("components"))?;
        }
        let specs = gathered.specs.clone().unwrap_or_else(Specs::builtin);
        transformers::run(self.loader, &this.dir, settings, &specs, &mut gathered.resources)
    }

    /// A file of objects or a directory with a kustomization.
    fn resource(
        &mut self,
        this: &Loaded,
        path: &str,
        origin: &str,
        gathered: &mut Gathered,
    ) -> Result<(), Error> {
        let lower = path.to_ascii_lowercase();
        let is_url = lower.starts_with("http://") || lower.starts_with("https://");
        let joined = join(&this.dir, path);
        let kind = match &joined {
            Ok(joined) if !is_url && !path.is_empty() => self.loader.kind(joined),
            _ => None,
        };
        if kind == Some(EntryKind::File) {
            return self.file(this, path, origin, &mut gathered.resources);
        }
        let sub = self.directory(this, path)?;
        if sub.settings.component {
            return Err(Error::invalid("a component cannot be a resource").in_file(&sub.file));
        }
        let mut below = Gathered::default();
        self.accumulate(&sub, &join_lexically(origin, path), &mut below)?;
        gathered.resources.append_all(below.resources.list, self.loader.limits)?;
        match below.specs {
            Some(specs) => configuration::gather(&mut gathered.specs, specs),
            None => Ok(()),
        }
    }

    fn file(&mut self, this: &Loaded, path: &str, origin: &str, resources: &mut ResMap) -> Result<(), Error> {
        let (file, text) = self.loader.load_text(&this.dir, path)?;
        let mut read = objects::read(&text, &mut self.loader.budget).map_err(|error| error.in_file(&file))?;
        let annotation = emit(&json!({ "path": join_lexically(origin, path) }));
        for resource in &mut read {
            resource.origin = Some(Origin { path: file.clone(), generated: false });
            if self.with_origin {
                resource.set_annotation(ORIGIN_ANNOTATION, &annotation);
            }
        }
        resources.append_all(read, self.loader.limits).map_err(|error| error.in_file(&file))
    }

    fn generate(
        &mut self,
        this: &Loaded,
        wanted: &[Generator],
        kind: &'static str,
        origin: &str,
        resources: &mut ResMap,
    ) -> Result<(), Error> {
        let field = if kind == "Secret" { "secretGenerator" } else { "configMapGenerator" };
        for generator in wanted {
            let mut resource = generators::generate(self.loader, &this.dir, generator, kind)
                .map_err(|error| error.in_field(field))?;
            resource.origin = Some(Origin { path: this.file.clone(), generated: true });
            if self.with_origin && resource.annotation(ORIGIN_ANNOTATION).is_none() {
                let annotation = emit(&json!({
                    "configuredBy": { "apiVersion": "builtin", "kind": format!("{kind}Generator") },
                    "configuredIn": join_lexically(origin, this.file_name),
                }));
                resource.set_annotation(ORIGIN_ANNOTATION, &in_written_order(&annotation));
            }
            resources.absorb(resource, self.loader.limits).map_err(|error| error.in_field(field))?;
        }
        Ok(())
    }

    /// A component works on what its parent has gathered so far.
    fn component(
        &mut self,
        this: &Loaded,
        path: &str,
        origin: &str,
        gathered: &mut Gathered,
    ) -> Result<(), Error> {
        let sub = self.directory(this, path)?;
        if !sub.settings.component {
            return Err(Error::invalid("expected kind `Component`").in_file(&sub.file));
        }
        self.accumulate(&sub, &join_lexically(origin, path), gathered)?;
        gathered.resources.check_unique()
    }

    fn directory(&mut self, this: &Loaded, path: &str) -> Result<Loaded, Error> {
        if let Some(remote) = remote_directory(path) {
            return Err(remote);
        }
        if path.is_empty() {
            return Err(Error::invalid("a path cannot be empty"));
        }
        let dir = join(&this.dir, path)?;
        match self.loader.kind(&dir) {
            Some(EntryKind::Directory) => {}
            Some(EntryKind::File) => {
                return Err(ErrorKind::NotAFile { path: dir, what: "file, not a directory" }.into());
            }
            Some(EntryKind::Symlink) => {
                return Err(ErrorKind::NotAFile { path: dir, what: "symbolic link" }.into());
            }
            Some(EntryKind::Submodule) => {
                return Err(ErrorKind::NotAFile { path: dir, what: "submodule" }.into());
            }
            None => return Err(ErrorKind::NotFound { path: dir }.into()),
        }
        let contains = |root: &String| dir.is_empty() || *root == dir || root.starts_with(&format!("{dir}/"));
        if self.ancestors.iter().any(contains) {
            return Err(ErrorKind::Cycle { directory: dir }.into());
        }
        read_kustomization(self.loader, &dir)
    }
}

/// kustomize writes the file before the generator.
fn in_written_order(annotation: &str) -> String {
    match annotation.split_once("configuredIn: ") {
        Some((by, file)) => format!("configuredIn: {file}{by}"),
        None => annotation.to_owned(),
    }
}

fn add_hashes(resources: &mut ResMap) -> Result<(), Error> {
    for resource in resources.list.iter_mut().filter(|r| r.needs_hash) {
        let hash = generators::content_hash(&resource.node)?;
        resource.store_previous_id();
        let name = format!("{}-{hash}", resource.name());
        resource.set_name(&name);
    }
    Ok(())
}

fn drop_local(resources: &mut ResMap) -> Result<(), Error> {
    resources.drop_gone();
    for resource in &resources.list {
        let nameless = resource.name().is_empty() && !resource.kind().ends_with("List");
        if resource.kind().is_empty() || nameless {
            return Err(Error::invalid(format!(
                "missing kind or metadata.name in `{}`",
                resource.current_id()
            )));
        }
    }
    resources.list.retain(|r| r.annotation(LOCAL_ANNOTATION).is_none_or(|value| value == "false"));
    Ok(())
}

fn finish(mut resource: Resource, keeps_origin: bool) -> Result<Object, Error> {
    let mut annotations = resource.string_map("annotations");
    annotations.retain(|(key, _)| {
        !HIDDEN_ANNOTATIONS.contains(&key.as_str()) || (keeps_origin && key == ORIGIN_ANNOTATION)
    });
    resource.set_string_map("annotations", annotations);
    let name = |error: crate::yaml::YamlError| {
        Error::invalid(format!("`{}` cannot be printed: {}", resource.current_id(), error.message))
    };
    let value = node_to_json(&resource.node).map_err(name)?;
    check_emittable(&value).map_err(name)?;
    debug_assert!(matches!(resource.node, Node::Map(_)));
    Ok(Object { value, origin: resource.origin })
}
