//! The plugins of a kustomization that objects configure: where these objects come from, and their run.

use super::gather::{Gathered, Target};
use super::kustomization::Loaded;
use crate::origin::Trace;
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::transformers::Step;
use crate::{Error, ErrorKind, objects, plugins};

impl Target<'_, '_> {
    pub(super) fn generators(
        &mut self,
        this: &Loaded,
        origin: &Trace,
        resources: &mut ResMap,
    ) -> Result<(), Error> {
        for config in self.plugins(this, &this.settings.generators, origin)? {
            let mut resource = plugins::generate(self.loader, &this.dir, &config)?;
            resource.origin = Some(self.origin(&this.file, true, None));
            if let Some(trace) = Trace::of_plugin(&config)? {
                trace.note_generated(&mut resource);
            }
            resources.absorb(resource, self.loader.limits)?;
        }
        Ok(())
    }

    pub(super) fn transformers(
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
            let mut inline = match objects::read(entry, self.loader) {
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
}
