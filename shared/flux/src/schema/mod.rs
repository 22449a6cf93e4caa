//! What a CustomResourceDefinition says of an object, as the API server would judge a server-side apply of it: for objects whose
//! definition is not in the cluster yet, or changes.
//!
//! In its order: `declared` (are the fields and shapes known), `fill` (defaults come), `metadata`, `rules` (values), `embedded` (objects
//! within objects), and `fill` again (unknown fields go). Rules in CEL are not evaluated, and neither is what the limits below leave out: both are
//! said. Only paths and rules are told, never values.

mod declared;
mod embedded;
mod fill;
mod formats;
mod metadata;
mod numbers;
mod rules;
#[cfg(test)]
mod tests;
mod walk;

use std::fmt;

use serde_json::{Map, Value};

use walk::{At, Walk};

/// The name of the fields of an object that are the same for every kind.
const COMMON: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// A CustomResourceDefinition of `apiextensions.k8s.io/v1`.
#[derive(Debug, Clone, Copy)]
pub struct Definition<'a> {
    spec: &'a Value,
}

/// What a definition says of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Why the API server would refuse it; none when it would not.
    pub problems: Vec<Problem>,
    /// How many more problems there are.
    pub more: usize,
    /// Paths of fields that the API server would drop without a word.
    pub dropped: Vec<String>,
    /// What could not be evaluated, each as a sentence without a full stop.
    pub skipped: Vec<String>,
    /// The object with defaults and without what is dropped.
    pub stored: Value,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where: `spec.ports[0].name`; empty for the object as a whole.
    pub path: String,
    /// What the schema asks for.
    pub rule: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.rule),
            path => write!(f, "{path}: {}", self.rule),
        }
    }
}

impl<'a> Definition<'a> {
    /// Reads a manifest; `None` when it is no such definition.
    pub fn of(crd: &'a Value) -> Option<Self> {
        let is = crd["kind"] == "CustomResourceDefinition" && crd["apiVersion"] == "apiextensions.k8s.io/v1";
        is.then(|| Self { spec: &crd["spec"] })
    }

    /// The group and kind that it defines.
    pub fn kind(&self) -> (&'a str, &'a str) {
        let text = |value: &'a Value| value.as_str().unwrap_or_default();
        (text(&self.spec["group"]), text(&self.spec["names"]["kind"]))
    }

    /// Whether its objects are in namespaces.
    pub fn is_namespaced(&self) -> bool {
        self.spec["scope"] == "Namespaced"
    }

    /// Whether it serves a version such as `v1`.
    pub fn serves(&self, version: &str) -> bool {
        self.version(version).is_some()
    }

    /// Whether two definitions say the same of objects of a version; descriptions do not count.
    pub fn agrees_with(&self, other: &Definition<'_>, version: &str) -> bool {
        let said = |definition: &Definition<'_>| {
            let version = definition.version(version)?;
            let subresources = version["subresources"].clone();
            Some((walk::without_prose(&version["schema"]["openAPIV3Schema"]), subresources))
        };
        self.spec["scope"] == other.spec["scope"] && said(self) == said(other)
    }

    /// Judges an object that is applied over `before`, if there is such: what was wrong before and stays as it is passes.
    pub fn judge(&self, object: &Value, before: Option<&Value>) -> Judged {
        let version = object["apiVersion"].as_str().and_then(|v| v.rsplit_once('/')).map_or("", |(_, v)| v);
        let mut walk = Walk::default();
        let mut stored = object.clone();
        match self.version(version) {
            None => walk.problem(&At::Root, format!("version {version} is not served by its CRD")),
            Some(version) => judged(&mut walk, version, &mut stored, before),
        }
        walk.judged(stored)
    }

    fn version(&self, name: &str) -> Option<&'a Value> {
        let mut versions = self.spec["versions"].as_array().into_iter().flatten();
        versions.find(|version| version["name"] == name && version["served"] == true)
    }
}

fn judged<'s>(walk: &mut Walk<'s>, version: &'s Value, stored: &mut Value, before: Option<&Value>) {
    let schema = &version["schema"]["openAPIV3Schema"];
    declared::root(walk, schema, stored);
    // As on the server: what cannot be read as its kind is not looked at any further.
    if walk.has_problems() {
        return;
    }
    let before = before.map(|before| {
        let mut before = before.clone();
        completed(&mut Walk::default(), version, &mut before);
        before
    });
    completed(walk, version, stored);
    metadata::root(walk, stored);
    rules::value(walk, schema, stored, &At::Root, rules::Over::of(before.as_ref()));
    embedded::within(walk, schema, stored, &At::Root);
    // Only what is stored loses its unknown fields: the rules see them.
    fill::prune(walk, schema, stored);
}

/// With defaults, and without the status, which nobody applies who applies the rest.
fn completed(walk: &mut Walk<'_>, version: &Value, object: &mut Value) {
    fill::default(walk, &version["schema"]["openAPIV3Schema"], object, &At::Root);
    if let (Some(fields), true) = (object.as_object_mut(), version["subresources"]["status"].is_object()) {
        fields.remove("status");
    }
}

/// A flag of a schema such as `nullable`.
fn flag(schema: &Value, name: &str) -> bool {
    schema[name] == true
}

fn fields(value: &Value) -> Option<&Map<String, Value>> {
    value.as_object().filter(|fields| !fields.is_empty())
}
