//! The schema in force in a build: the built-in one, or one that a kustomization names in `openapi`.
//!
//! As in kustomize the first that is named holds for all of the build. It replaces the built-in one, unless that was
//! needed before: then the two are one. Only what is needed is found to be wrong.

use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;

use crate::Error;
use crate::decode::Fields;
use crate::loader::Loader;
use crate::openapi;
use crate::resid::GvkRef;
use crate::schema::{Custom, Rest, Schema};

/// The version of Kubernetes whose schema is built in.
const BUILTIN_VERSION: &str = "v1.21.2";

/// The `openapi` of a kustomization.
#[derive(Debug, Clone, Default)]
pub(crate) struct OpenApi(BTreeMap<String, String>);

impl OpenApi {
    /// Decodes the field, a map of texts of which two count.
    pub(crate) fn decode(fields: &mut Fields) -> Result<Self, Error> {
        Ok(OpenApi(fields.text_map("openapi")?))
    }

    /// The file with the schema.
    pub(crate) fn path(&self) -> Option<&str> {
        self.0.get("path").map(String::as_str)
    }
}

/// The schema of a build.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    /// Whether a version or a file was named.
    named: Cell<bool>,
    custom: OnceCell<Result<Custom, Error>>,
    /// Whether the built-in schema was read, or something asked for a scope that is not known without it.
    read: Cell<bool>,
    asked: Cell<bool>,
    /// Whether what a file holds was needed.
    needed: Cell<bool>,
}

/// Applies the `openapi` of a kustomization in `dir`.
pub(crate) fn name(loader: &mut Loader<'_>, dir: &str, openapi: &OpenApi) -> Result<(), Error> {
    let file = match openapi.path() {
        Some(path) => Some(loader.load_text(dir, path)?),
        None => None,
    };
    if loader.schemas.named.get() {
        return Ok(());
    }
    let version = openapi.0.get("version");
    match (file, version.map(String::as_str)) {
        (Some(_), Some(_)) => {
            Err(Error::invalid("builtin version and custom schema provided, cannot use both"))
        }
        (Some((path, text)), None) => {
            let rest = loader.schemas.rest();
            let read = |loader: &mut Loader<'_>| {
                if text.is_empty() {
                    return Err(Error::invalid("the schema is empty"));
                }
                Custom::of(&openapi::read(&text, &mut loader.budget)?, rest)
            };
            let custom = match read(loader) {
                Err(error @ Error { kind: crate::ErrorKind::Limit { .. }, .. }) => {
                    return Err(error.in_file(&path));
                }
                custom => custom.map_err(|error| error.in_file(&path)),
            };
            loader.schemas.named.set(true);
            // Nothing was named before, so nothing is set yet.
            let _ = loader.schemas.custom.set(custom);
            Ok(())
        }
        (None, None | Some("")) => Ok(()),
        (None, Some(BUILTIN_VERSION)) => {
            loader.schemas.named.set(true);
            Ok(())
        }
        (None, Some(_)) => Err(Error::invalid("the specified OpenAPI version is not built in")),
    }
}

impl Schemas {
    /// What there is beside a schema that is named now.
    fn rest(&self) -> Rest {
        if self.read.get() {
            Rest::Overridden
        } else if self.asked.get() {
            Rest::Overriding
        } else {
            Rest::None
        }
    }

    fn custom(&self) -> Option<&Custom> {
        let custom = self.custom.get()?;
        self.needed.set(true);
        custom.as_ref().ok()
    }

    /// What is wrong with a file that was needed.
    pub(crate) fn failure(&self) -> Result<(), Error> {
        match self.custom.get() {
            Some(Err(error)) if self.needed.get() => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// The schema of a kind.
    pub(crate) fn of_kind(&self, api_version: &str, kind: &str) -> Option<Schema> {
        if self.custom.get().is_none() {
            self.read.set(true);
            return Schema::of_kind(api_version, kind);
        }
        self.custom()?.of_kind(api_version, kind)
    }

    /// The schema of a field.
    pub(crate) fn field(&self, schema: &Schema, name: &str) -> Option<Schema> {
        match self.custom.get() {
            Some(Ok(custom)) => custom.field(schema, name),
            _ => schema.field(name),
        }
    }

    /// Says that there is an object of a kind, whose scope kustomize asks for.
    pub(crate) fn note_kind(&self, gvk: GvkRef<'_>) {
        if !self.asked.get() && !gvk.is_scope_known() {
            self.asked.set(true);
        }
    }

    /// Whether only the schema that was named says that a kind is cluster-scoped.
    pub(crate) fn adds_cluster_scope(&self, gvk: GvkRef<'_>) -> bool {
        if self.custom.get().is_none() || gvk.is_scope_known() {
            return false;
        }
        self.custom().is_some_and(|custom| custom.is_cluster_scoped(gvk))
    }
}
