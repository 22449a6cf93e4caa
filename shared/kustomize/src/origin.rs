//! Where objects came from and what changed them, as kustomize writes it into annotations.

use serde_json::Value;

use crate::decode::Fields;
use crate::fieldspec::{self, Create, FieldSpec};
use crate::loader::join_lexically;
use crate::node::{Node, Scalar};
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::yaml::{emit, parse_v2};
use crate::{Error, RemoteAddress};

/// The annotation that says where an object came from.
pub(crate) const ORIGIN: &str = "config.kubernetes.io/origin";

/// The annotation that lists the transformers that ran over an object.
pub(crate) const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";

/// A way from the root of the build to a file, with the plugin that is configured there, if any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Trace {
    path: String,
    repo: String,
    reference: String,
    configured_in: String,
    configured_by: Plugin,
}

/// The object that configures a generator or a transformer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Plugin {
    api_version: String,
    kind: String,
    name: String,
    namespace: String,
}

impl Trace {
    /// The way on to a path as written in a kustomization here.
    pub(crate) fn append(&self, path: &str) -> Trace {
        let Some(address) = RemoteAddress::parse(path) else {
            return Trace { path: join_lexically(&self.path, path), ..self.clone() };
        };
        let directory = match join_lexically("", &address.directory) {
            // kustomize cuts off the directory of the clone, and at the root finds nothing to cut off but this.
            root if root == "." => "notCloned".to_owned(),
            directory => directory,
        };
        Trace { path: directory, repo: address.clone_url(), reference: address.reference, ..self.clone() }
    }

    /// A builtin plugin that a field of the kustomization file `name` here configures.
    pub(crate) fn builtin(&self, name: &str, kind: &str) -> Trace {
        Trace {
            path: String::new(),
            configured_in: join_lexically(&self.path, name),
            configured_by: Plugin {
                api_version: "builtin".to_owned(),
                kind: kind.to_owned(),
                ..Plugin::default()
            },
            ..self.clone()
        }
    }

    /// A plugin that an object configures: what that object's own annotation says of it.
    pub(crate) fn of_plugin(config: &Resource) -> Result<Option<Trace>, Error> {
        let Some(origin) = Trace::of(config)? else { return Ok(None) };
        let configured_by = Plugin {
            api_version: config.gvk().api_version(),
            kind: config.kind().to_owned(),
            name: config.name().to_owned(),
            namespace: config.namespace().to_owned(),
        };
        Ok(Some(Trace {
            repo: origin.repo,
            reference: origin.reference,
            configured_in: origin.path,
            configured_by,
            ..Trace::default()
        }))
    }

    /// What the annotation of an object says.
    fn of(resource: &Resource) -> Result<Option<Trace>, Error> {
        let decode = |text: &str| Trace::decode(Fields::loose(parse_v2(text)?)?);
        resource.annotation(ORIGIN).map(decode).transpose()
    }

    fn decode(mut fields: Fields) -> Result<Trace, Error> {
        let mut by = fields.object("configuredBy")?;
        Ok(Trace {
            path: fields.text("path")?,
            repo: fields.text("repo")?,
            reference: fields.text("ref")?,
            configured_in: fields.text("configuredIn")?,
            configured_by: Plugin {
                api_version: by.embedded_text("apiVersion")?,
                kind: by.embedded_text("kind")?,
                name: by.embedded_text("name")?,
                namespace: by.embedded_text("namespace")?,
            },
        })
    }

    /// The lines of the annotation.
    fn text(&self) -> String {
        let line = |indent: &str, name: &str, value: &str| match value {
            "" => String::new(),
            value => format!("{indent}{name}: {}", emit(&Value::String(value.to_owned()))),
        };
        let by = &self.configured_by;
        let plugin = [
            line("  ", "apiVersion", &by.api_version),
            line("  ", "kind", &by.kind),
            line("  ", "name", &by.name),
            line("  ", "namespace", &by.namespace),
        ]
        .concat();
        let text = [
            line("", "path", &self.path),
            line("", "repo", &self.repo),
            line("", "ref", &self.reference),
            line("", "configuredIn", &self.configured_in),
            if plugin.is_empty() { plugin } else { format!("configuredBy:\n{plugin}") },
        ]
        .concat();
        if text.is_empty() { "{}\n".to_owned() } else { text }
    }

    /// Notes on a loaded object that it stands at this path.
    pub(crate) fn note_loaded(&self, resource: &mut Resource) -> Result<(), Error> {
        let (gvk, text) = (resource.gvk(), self.text());
        let place = FieldSpec::everywhere("metadata/annotations");
        fieldspec::apply(&mut resource.node, &gvk, &place, Create::Map, &mut |node| match node {
            Node::Map(_) => {
                node.set(ORIGIN, Scalar::string(&text));
                Ok(())
            }
            node if node.is_null() => Ok(()),
            _ => Err(Error::invalid("wrong node kind: expected a map")),
        })
    }

    /// Notes on an object that is written in a kustomization file that it stands at this path.
    pub(crate) fn note_inline(&self, resource: &mut Resource) {
        resource.set_annotation(ORIGIN, &self.text());
    }

    /// Notes on a generated object which generator made it, unless it says so itself.
    pub(crate) fn note_generated(&self, resource: &mut Resource) {
        if resource.annotation(ORIGIN).is_none() {
            resource.set_annotation(ORIGIN, &self.text());
        }
    }

    /// Notes on every object that this transformer ran; an object of unknown origin counts as made by it.
    pub(crate) fn note_transformed(&self, resources: &mut ResMap) -> Result<(), Error> {
        for resource in resources.list.iter_mut().filter(|r| !r.is_gone()) {
            if Trace::of(resource)?.is_none() {
                resource.set_annotation(ORIGIN, &self.text());
                continue;
            }
            let mut list = transformations(resource)?;
            list.push(self.clone());
            let item = |trace: &Trace| format!("- {}", indented(&trace.text()));
            resource.set_annotation(TRANSFORMATIONS, &list.iter().map(item).collect::<String>());
        }
        Ok(())
    }
}

/// What an object's annotation lists so far.
fn transformations(resource: &Resource) -> Result<Vec<Trace>, Error> {
    match resource.annotation(TRANSFORMATIONS).map(parse_v2).transpose()? {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => {
            items.into_iter().map(|item| Trace::decode(Fields::loose(item)?)).collect()
        }
        Some(_) => Err(Error::invalid(format!("the annotation `{TRANSFORMATIONS}` is not a list"))),
    }
}

/// Lines as they stand behind a dash.
fn indented(text: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(|line| format!("  {line}\n")).collect();
    if let Some(first) = lines.first_mut() {
        *first = first.trim_start().to_owned();
    }
    lines.concat()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_trace_reads_its_own_text() {
        let trace = Trace::default().append("../base").builtin("kustomization.yaml", "PrefixTransformer");
        let expected = "configuredIn: ../base/kustomization.yaml\n\
                        configuredBy:\n  apiVersion: builtin\n  kind: PrefixTransformer\n";
        assert_eq!(trace.text(), expected);
        assert_eq!(Trace::decode(Fields::of(parse_v2(expected).unwrap()).unwrap()).unwrap(), trace);
        assert_eq!(Trace::default().text(), "{}\n");
    }
}
