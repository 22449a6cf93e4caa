//! The recursion over kustomizations: each gathers its resources, generates, takes its components in, transforms.

use std::sync::Arc;

use super::Origin;
use super::kustomization::{self, Loaded};
use crate::loader::{Loader, join};
use crate::origin::Trace;
use crate::remote::is_http;
use crate::resmap::ResMap;
use crate::specs::Specs;
use crate::transformers;
use crate::types::Generator;
use crate::vars::Vars;
use crate::{
    EntryKind, Error, ErrorKind, RemoteAddress, configuration, crds, generators, objects, plugins, schemas,
};

/// All that the root gives, transformed; `traced` when objects are to carry annotations of their origin.
pub(super) fn all(loader: &mut Loader<'_>, root: &Loaded, traced: bool) -> Result<Gathered, Error> {
    let mut gathered = Gathered::default();
    let mut target = Target { loader, traced, ancestors: Vec::new() };
    target.accumulate(root, &Trace::default(), &mut gathered)?;
    Ok(gathered)
}

/// What a kustomization and those below it give.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) resources: ResMap,
    /// The field specs in force: the built-in ones with what configurations add; none before the first is gathered.
    pub(super) specs: Option<Arc<Specs>>,
    pub(super) vars: Vars,
}

/// The recursion over kustomizations.
pub(super) struct Target<'a, 'b> {
    pub(super) loader: &'a mut Loader<'b>,
    pub(super) traced: bool,
    /// The kustomizations from the root to the current one.
    ancestors: Vec<Ancestor>,
}

/// A kustomization that the current one is used by.
struct Ancestor {
    place: usize,
    address: Option<Arc<str>>,
    dir: String,
}

impl Target<'_, '_> {
    /// Adds what a kustomization gives to what is `gathered`, then transforms all of it.
    ///
    /// `origin` is the way from the root to its directory, as kustomize writes it into annotations.
    fn accumulate(&mut self, this: &Loaded, origin: &Trace, gathered: &mut Gathered) -> Result<(), Error> {
        if self.ancestors.len() >= self.loader.limits.nesting {
            return Err(ErrorKind::Limit {
                limit: "nested kustomizations",
                value: self.loader.limits.nesting,
            }
            .into());
        }
        let place = &self.loader.place;
        let (place, address) = (place.number, place.address.clone());
        self.ancestors.push(Ancestor { place, address, dir: this.dir.clone() });
        self.stages(this, origin, gathered).map_err(|error| error.in_file(&this.file))?;
        self.ancestors.pop();
        Ok(())
    }

    fn stages(&mut self, this: &Loaded, origin: &Trace, gathered: &mut Gathered) -> Result<(), Error> {
        let settings = &this.settings;
        for path in &settings.resources {
            self.resource(this, path, origin, gathered).map_err(|error| error.in_field("resources"))?;
        }
        let configured = configuration::load(self.loader, &this.dir, &settings.configurations);
        configured
            .and_then(|specs| configuration::gather(&mut gathered.specs, specs))
            .map_err(|error| error.in_field("configurations"))?;
        if let Some(specs) =
            crds::load(self.loader, &this.dir, &settings.crds).map_err(|error| error.in_field("crds"))?
        {
            configuration::gather(&mut gathered.specs, Arc::new(specs))
                .map_err(|error| error.in_field("crds"))?;
        }
        self.generate(this, &settings.config_maps, "ConfigMap", origin, &mut gathered.resources)?;
        self.generate(this, &settings.secrets, "Secret", origin, &mut gathered.resources)?;
        self.generators(this, origin, &mut gathered.resources)
            .map_err(|error| error.in_field("generators"))?;
        for path in &settings.components {
            self.component(this, path, origin, gathered).map_err(|error| error.in_field("components"))?;
        }
        let specs = gathered.specs.clone().unwrap_or_else(Specs::builtin);
        let trace = |kind: &str| self.traced.then(|| origin.builtin(this.file_name, kind));
        let mut steps = transformers::of_fields(self.loader, &this.dir, settings, &specs, &trace)?;
        steps.extend(self.transformers(this, "transformers", &settings.transformers, origin)?);
        transformers::run(self.loader, &steps, &mut gathered.resources)?;
        for step in self.transformers(this, "validators", &settings.validators, origin)? {
            plugins::validate(self.loader, &step.transformer, &mut gathered.resources)
                .map_err(|error| error.in_field(step.field))?;
        }
        let declared = gathered.vars.declare(&settings.vars, &mut gathered.resources);
        declared.map_err(|error| error.in_field("vars"))
    }

    /// A file of objects or a directory with a kustomization.
    pub(super) fn resource(
        &mut self,
        this: &Loaded,
        path: &str,
        origin: &Trace,
        gathered: &mut Gathered,
    ) -> Result<(), Error> {
        if self.is_file(this, path) {
            return self.file(this, path, origin, &mut gathered.resources);
        }
        let mut below = Gathered::default();
        self.within(this, path, |target, sub| {
            if sub.settings.component {
                return Err(Error::invalid("a component cannot be a resource").in_file(&sub.file));
            }
            target.accumulate(sub, &origin.append(path), &mut below)
        })?;
        gathered.resources.append_all(below.resources.list, self.loader.limits)?;
        if let Some(specs) = below.specs {
            configuration::gather(&mut gathered.specs, specs)?;
        }
        gathered.vars.merge(below.vars)
    }

    fn is_file(&mut self, this: &Loaded, path: &str) -> bool {
        if is_http(path) {
            return RemoteAddress::parse(path).is_none() || self.loader.remotes.file(path).is_some();
        }
        let joined = join(&this.dir, path).ok().filter(|_| !path.is_empty());
        joined.is_some_and(|joined| self.loader.kind(&joined) == Some(EntryKind::File))
    }

    fn file(
        &mut self,
        this: &Loaded,
        path: &str,
        origin: &Trace,
        resources: &mut ResMap,
    ) -> Result<(), Error> {
        let (file, text) = self.loader.load_text(&this.dir, path)?;
        let mut read = objects::read(&text, self.loader).map_err(|error| error.in_file(&file))?;
        let trace = self.traced.then(|| origin.append(path));
        for resource in &mut read {
            resource.origin = Some(self.origin(&file, false, is_http(path).then_some(path)));
            if let Some(trace) = &trace {
                trace.note_loaded(resource).map_err(|error| error.in_file(&file))?;
            }
        }
        resources.append_all(read, self.loader.limits).map_err(|error| error.in_file(&file))
    }

    /// Where an object came from; `url` where that is a file of its own.
    pub(super) fn origin(&self, path: &str, generated: bool, url: Option<&str>) -> Origin {
        let remote = url.or(self.loader.place.address.as_deref()).map(str::to_owned);
        Origin { path: path.to_owned(), remote, generated }
    }

    fn generate(
        &mut self,
        this: &Loaded,
        wanted: &[Generator],
        kind: &'static str,
        origin: &Trace,
        resources: &mut ResMap,
    ) -> Result<(), Error> {
        let field = if kind == "Secret" { "secretGenerator" } else { "configMapGenerator" };
        for generator in wanted {
            let mut resource = generators::generate(self.loader, &this.dir, generator, kind)
                .map_err(|error| error.in_field(field))?;
            resource.origin = Some(self.origin(&this.file, true, None));
            if self.traced {
                origin.builtin(this.file_name, &format!("{kind}Generator")).note_generated(&mut resource);
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
        origin: &Trace,
        gathered: &mut Gathered,
    ) -> Result<(), Error> {
        self.within(this, path, |target, sub| {
            if !sub.settings.component {
                return Err(Error::invalid("expected kind `Component`").in_file(&sub.file));
            }
            target.accumulate(sub, &origin.append(path), gathered)
        })?;
        gathered.resources.check_unique()
    }

    /// Reads the kustomization of a directory, of this tree or of a remote one, and works on it in its place.
    fn within(
        &mut self,
        this: &Loaded,
        path: &str,
        work: impl FnOnce(&mut Self, &Loaded) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Some(address) = RemoteAddress::parse(path) else {
            let sub = self.directory(join_filled(&this.dir, path)?)?;
            return work(self, &sub);
        };
        let mut visited = self.ancestors.iter().filter_map(|ancestor| ancestor.address.as_deref());
        if visited.any(|visited| visited.starts_with(path)) {
            return Err(ErrorKind::Cycle { directory: path.to_owned() }.into());
        }
        let place = self.loader.place.clone();
        self.loader.enter(path)?;
        let sub = join("", &address.directory).and_then(|dir| self.directory(dir));
        let result = sub.and_then(|sub| work(self, &sub));
        self.loader.place = place;
        result.map_err(|error| error.in_remote(path))
    }

    fn directory(&mut self, dir: String) -> Result<Loaded, Error> {
        let what = match self.loader.kind(&dir) {
            Some(EntryKind::Directory) => {
                let dir = self.loader.real_directory(dir);
                self.refuse_cycle(&dir)?;
                let read = kustomization::read(self.loader, &dir)?;
                schemas::name(self.loader, &dir, &read.settings.openapi)
                    .map_err(|error| error.in_field("openapi").in_file(&read.file))?;
                return Ok(read);
            }
            Some(EntryKind::File) => return Err(self.loader.not_a_directory(dir, "file, not a directory")),
            Some(EntryKind::Symlink) => "symbolic link",
            Some(EntryKind::Submodule) => "submodule",
            None => return Err(ErrorKind::NotFound { path: dir }.into()),
        };
        Err(ErrorKind::NotAFile { path: dir, what }.into())
    }

    /// A directory that contains one it is used by, in the same place, would contain itself.
    fn refuse_cycle(&self, dir: &str) -> Result<(), Error> {
        let here = self.loader.place.number;
        let contains = |root: &str| {
            let rest = root.strip_prefix(dir);
            dir.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut above = self.ancestors.iter().filter(|ancestor| ancestor.place == here);
        if above.any(|ancestor| contains(&ancestor.dir)) {
            return Err(ErrorKind::Cycle { directory: dir.to_owned() }.into());
        }
        Ok(())
    }
}

fn join_filled(dir: &str, path: &str) -> Result<String, Error> {
    if path.is_empty() { Err(Error::invalid("a path cannot be empty")) } else { join(dir, path) }
}
