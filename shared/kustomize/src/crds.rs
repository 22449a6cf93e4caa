//! `crds`: OpenAPI definitions of custom types, whose extensions say which fields hold names, labels and annotations.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::decode::Fields;
use crate::fieldspec::{FieldSpec, merge_specs};
use crate::loader::Loader;
use crate::openapi::{self, Definition};
use crate::resid::Gvk;
use crate::specs::{NameReference, Specs};
use crate::{Error, ErrorKind, Limits, configuration};

/// Fields that may be looked at; types that refer to one another are walked again and again.
const MOST_FIELDS: usize = 100_000;

/// Field specs that may be found.
const MOST_SPECS: usize = 5_000;

/// The specs that the files of `crds` add; none when there are no files.
pub(crate) fn load(loader: &mut Loader<'_>, dir: &str, paths: &[String]) -> Result<Option<Specs>, Error> {
    let mut merged: Option<Specs> = None;
    let mut left = MOST_FIELDS;
    for path in paths {
        let (file, text) = loader.load_text(dir, path)?;
        let types = read(&text, loader).map_err(|error| error.in_file(&file))?;
        let walk = Walk { types: &types, limits: loader.limits, specs: Specs::default(), left, found: 0 };
        let walked = walk.all().map_err(|error| error.in_file(&file))?;
        left = walked.left;
        merged = Some(configuration::merge(merged.unwrap_or_default(), &walked.specs)?);
    }
    Ok(merged)
}

/// The types of a file by name.
fn read(text: &str, loader: &mut Loader<'_>) -> Result<BTreeMap<String, Definition>, Error> {
    if text.is_empty() {
        return Err(Error::invalid("the file is empty"));
    }
    let value = openapi::read(text, &mut loader.budget)?;
    let types = openapi::object(&value, "definitions")?.into_iter().flatten();
    types.map(|(name, value)| Ok((name.clone(), definition(value.clone())?))).collect()
}

fn definition(value: Value) -> Result<Definition, Error> {
    let mut fields = Fields::of(value)?;
    fields.texts("Dependencies")?;
    Definition::decode(&fields.take("Schema")?.unwrap_or_default())
}

struct Walk<'a> {
    types: &'a BTreeMap<String, Definition>,
    limits: &'a Limits,
    specs: Specs,
    left: usize,
    found: usize,
}

impl Walk<'_> {
    /// Walks all types that look like those of objects.
    fn all(mut self) -> Result<Self, Error> {
        let types = self.types;
        for (name, definition) in types {
            let has = |field: &str| definition.properties.contains_key(field);
            if has("kind") && has("apiVersion") && has("metadata") {
                let kind = name.rsplit('.').next().unwrap_or(name);
                let gvk = Gvk::of("", "", kind);
                self.fields(&gvk, definition, &mut Vec::new())?;
            }
        }
        Ok(self)
    }

    fn fields(&mut self, gvk: &Gvk, definition: &Definition, path: &mut Vec<String>) -> Result<(), Error> {
        if path.len() >= self.limits.depth {
            return Err(limit("levels of crds", self.limits.depth));
        }
        for (name, field) in &definition.properties {
            self.left = self.left.checked_sub(1).ok_or_else(|| limit("fields of crds", MOST_FIELDS))?;
            path.push(name.clone());
            self.field(gvk, field, path)?;
            let types = self.types;
            if let Some(next) = field.reference.as_ref().and_then(|name| types.get(name)) {
                self.fields(gvk, next, path)?;
            }
            path.pop();
        }
        Ok(())
    }

    /// Adds what the extensions of one field say.
    fn field(&mut self, gvk: &Gvk, field: &Definition, path: &[String]) -> Result<(), Error> {
        let has = |name: &str| field.extension_text(name).is_some();
        let spec = || FieldSpec { gvk: gvk.clone(), path: path.join("/"), create: false };
        if has("x-kubernetes-annotation") {
            merge_specs(&mut self.specs.common_annotations, &[spec()])?;
            self.found += 1;
        }
        if has("x-kubernetes-label-selector") {
            merge_specs(&mut self.specs.common_labels, &[spec()])?;
            self.found += 1;
        }
        if has("x-kubernetes-identity") {
            merge_specs(&mut self.specs.name_prefix, &[spec()])?;
            self.found += 1;
        }
        let version = field.extension_text("x-kubernetes-object-ref-api-version");
        let kind = field.extension_text("x-kubernetes-object-ref-kind");
        if let (Some(version), Some(kind)) = (version, kind) {
            let key = field.extension_text("x-kubernetes-object-ref-name-key").unwrap_or("name");
            let target = Gvk::of("", version, kind);
            let referrer = FieldSpec { path: format!("{}/{key}", path.join("/")), ..spec() };
            let reference = NameReference { target, referrers: vec![referrer] };
            configuration::add_reference(&mut self.specs.name_references, &reference)?;
            self.found += 1;
        }
        if self.found > MOST_SPECS { Err(limit("field specs of crds", MOST_SPECS)) } else { Ok(()) }
    }
}

fn limit(limit: &'static str, value: usize) -> Error {
    ErrorKind::Limit { limit, value }.into()
}
