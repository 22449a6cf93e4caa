//! The recursion over kustomizations: each gathers its resources, generates, takes its components in, transforms.

use std::sync::Arc;

use super::Origin;
use super::kustomization::{self, Loaded};
use crate::loader::{Loader, join, remote_directory};
use crate::origin::Trace;
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::specs::Specs;
use crate::transformers::{self, Step};
use crate::types::Generator;
use crate::vars::Vars;
use crate::{EntryKind, Error, ErrorKind, configuration, generators, objects, plugins};

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
struct Target<'a, 'b> {
    loader: &'a mut Loader<'b>,
    traced: bool,
    /// The directories from the root to the current one.
    ancestors: Vec<String>,
}

impl Target<'_, '_> {
    /// Adds what a kustomization gives to what is `gathered`, then transforms all of it.
    ///
    /// `origin` is the way from the root to its directory, as kustomize writes it into annotations.
    fn accumulate(&mut self, this: &Loaded, origin: &Trace, gathered: &mut Gathered) -> Result<(), Error> {
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

    fn stages(&mut self, this: &Loaded, origin: &Trace, gathered: &mut Gathered) -> Result<(), Error> {
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
    fn resource(
        &mut self,
        this: &Loaded,
        path: &str,
        origin: &Trace,
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
        self.accumulate(&sub, &origin.append(path), &mut below)?;
        gathered.resources.append_all(below.resources.list, self.loader.limits)?;
        if let Some(specs) = below.specs {
            configuration::gather(&mut gathered.specs, specs)?;
        }
        gathered.vars.merge(below.vars)
    }

    fn file(
        &mut self,
        this: &Loaded,
        path: &str,
        origin: &Trace,
        resources: &mut ResMap,
    ) -> Result<(), Error> {
        let (file, text) = self.loader.load_text(&this.dir, path)?;
        let mut read = objects::read(&text, &mut self.loader.budget).map_err(|error| error.in_file(&file))?;
        let trace = self.traced.then(|| origin.append(path));
        for resource in &mut read {
            resource.origin = Some(Origin { path: file.clone(), generated: false });
            if let Some(trace) = &trace {
                trace.note_loaded(resource).map_err(|error| error.in_file(&file))?;
            }
        }
        resources.append_all(read, self.loader.limits).map_err(|error| error.in_file(&file))
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
            resource.origin = Some(Origin { path: this.file.clone(), generated: true });
            if self.traced {
                origin.builtin(this.file_name, &format!("{kind}Generator")).note_generated(&mut resource);
            }
            resources.absorb(resource, self.loader.limits).map_err(|error| error.in_field(field))?;
        }
        Ok(())
    }

    fn generators(&mut self, this: &Loaded, origin: &Trace, resources: &mut ResMap) -> Result<(), Error> {
        for config in self.plugins(this, &this.settings.generators, origin)? {
            let mut resource = plugins::generate(self.loader, &this.dir, &config)?;
            resource.origin = Some(Origin { path: this.file.clone(), generated: true });
            if let Some(trace) = Trace::of_plugin(&config)? {
                trace.note_generated(&mut resource);
            }
            resources.absorb(resource, self.loader.limits)?;
        }
        Ok(())
    }

    fn transformers(
        &mut self,
        this: &Loaded,
        field: &'static str,
        entries: &[String],
        origin: &Trace,
    ) -> Result<Vec<Step<'static>>, Error> {
        let configs = self.plugins(this, entries, origin).map_err(|error| error.in_field(field))?;
        let steps = configs.iter().map(|config| {
            let transformer = plugins::transformer(self.loader, &this.dir, config)?;
            Ok(Step { field, transformer, trace: Trace::of_plugin(config)? })
        });
        steps.collect::<Result<_, Error>>().map_err(|error| error.in_field(field))
    }

    /// The objects that configure plugins: those written in the kustomization itself, then those of files and
    /// directories.
    fn plugins(&mut self, this: &Loaded, entries: &[String], origin: &Trace) -> Result<Vec<Resource>, Error> {
        let mut gathered = Gathered::default();
        let mut paths = Vec::new();
        for entry in entries {
            let mut inline = match objects::read(entry, &mut self.loader.budget) {
                Ok(inline) => inline,
                Err(error) if matches!(error.kind, ErrorKind::Limit { .. }) => return Err(error),
                Err(_) => {
                    paths.push(entry);
                    continue;
                }
            };
            if self.traced {
                let trace = origin.append(this.file_name);
                inline.iter_mut().for_each(|config| trace.note_inline(config));
            }
            gathered.resources.append_all(inline, self.loader.limits)?;
        }
        for path in paths {
            self.resource(this, path, origin, &mut gathered)?;
        }
        Ok(gathered.resources.list)
    }

    /// A component works on what its parent has gathered so far.
    fn component(
        &mut self,
        this: &Loaded,
        path: &str,
        origin: &Trace,
        gathered: &mut Gathered,
    ) -> Result<(), Error> {
        let sub = self.directory(this, path)?;
        if !sub.settings.component {
            return Err(Error::invalid("expected kind `Component`").in_file(&sub.file));
        }
        self.accumulate(&sub, &origin.append(path), gathered)?;
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
                return Err(self.loader.not_a_directory(dir, "file, not a directory"));
            }
            Some(EntryKind::Symlink) => {
                return Err(ErrorKind::NotAFile { path: dir, what: "symbolic link" }.into());
            }
            Some(EntryKind::Submodule) => {
                return Err(ErrorKind::NotAFile { path: dir, what: "submodule" }.into());
            }
            None => return Err(ErrorKind::NotFound { path: dir }.into()),
        }
        let dir = self.loader.real_directory(dir);
        let contains = |root: &String| dir.is_empty() || *root == dir || root.starts_with(&format!("{dir}/"));
        if self.ancestors.iter().any(contains) {
            return Err(ErrorKind::Cycle { directory: dir }.into());
        }
        kustomization::read(self.loader, &dir)
    }
}
