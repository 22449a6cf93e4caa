//! `vars`: values of fields of objects, put wherever `$(NAME)` stands in the fields that may refer to them.
//!
//! A var is tied to its object where it is declared, by any name the object had until then; its value is read once,
//! at the very end, so that it is the name with prefix and hash. What a reference is, `expansion` knows.

use std::collections::{BTreeMap, HashMap};

use crate::decode::Fields;
use crate::expansion::{Exhausted, Expander, Value};
use crate::fieldspec::{self, Create, FieldSpec};
use crate::node::{Node, Scalar, Tag};
use crate::paths::{self, split_dotted};
use crate::resid::Gvk;
use crate::resmap::ResMap;
use crate::{Error, ErrorKind, Limits};

/// A var as written: its name, the object, the field.
#[derive(Debug, Clone, Default)]
pub(crate) struct Var {
    pub(crate) name: String,
    pub(crate) object: Gvk,
    pub(crate) object_name: String,
    pub(crate) object_namespace: String,
    pub(crate) field_path: String,
}

/// The vars of a kustomization and those below it: name to path of the field.
#[derive(Debug, Default)]
pub(crate) struct Vars(BTreeMap<String, String>);

impl Var {
    /// Decodes an entry of `vars`.
    pub(crate) fn decode(mut fields: Fields) -> Result<Self, Error> {
        let name = fields.text("name")?;
        let mut object = Fields::of(fields.take("objref")?.unwrap_or_default())?;
        let mut field = Fields::of(fields.take("fieldref")?.unwrap_or_default())?;
        fields.done()?;
        let var = Var {
            name,
            object: kind(&mut object)?,
            object_name: object.text("name")?,
            object_namespace: object.text("namespace")?,
            field_path: Some(field.text("fieldPath")?)
                .filter(|path| !path.is_empty())
                .unwrap_or_else(|| "metadata.name".to_owned()),
        };
        object.done()?;
        field.done()?;
        Ok(var)
    }
}

/// The kind of a var's object; what `apiVersion` says goes before `group` and `version`.
fn kind(object: &mut Fields) -> Result<Gvk, Error> {
    let api_version = object.text("apiVersion")?;
    let mut gvk = Gvk::of(object.text("group")?, object.text("version")?, object.text("kind")?);
    match api_version.split('/').collect::<Vec<_>>().as_slice() {
        [""] => {}
        [version] => gvk.version = (*version).to_owned(),
        [group, version] => (gvk.group, gvk.version) = ((*group).to_owned(), (*version).to_owned()),
        _ => {}
    }
    Ok(gvk)
}

impl Vars {
    /// Adds the vars of a kustomization and ties each to the one object that has or had its identity.
    pub(crate) fn declare(&mut self, vars: &[Var], resources: &mut ResMap) -> Result<(), Error> {
        if vars.is_empty() {
            return Ok(());
        }
        let places = places(resources);
        for var in vars {
            let named = places.get(&var.object).and_then(|names| names.get(&var.object_name));
            let fits = |namespace: &str| var.object_namespace.is_empty() || var.object_namespace == namespace;
            let named = named.into_iter().flatten().filter(|(_, namespace)| fits(namespace));
            let mut found: Vec<usize> = named.map(|(at, _)| *at).collect();
            found.dedup();
            match found.as_slice() {
                [] => {}
                [at] => resources.list.get_mut(*at).into_iter().for_each(|r| r.vars.push(var.name.clone())),
                _ => {
                    let message =
                        format!("var `{}`: several objects match, unable to disambiguate", var.name);
                    return Err(Error::invalid(message));
                }
            }
        }
        vars.iter().try_for_each(|var| self.add(&var.name, &var.field_path))
    }

    /// Adds the vars of a kustomization below. The same name twice is refused, whatever it stands for.
    pub(crate) fn merge(&mut self, below: Vars) -> Result<(), Error> {
        below.0.iter().try_for_each(|(name, path)| self.add(name, path))
    }

    fn add(&mut self, name: &str, path: &str) -> Result<(), Error> {
        match self.0.insert(name.to_owned(), path.to_owned()) {
            None => Ok(()),
            Some(_) => Err(Error::invalid(format!("var `{name}` already encountered"))),
        }
    }

    /// Puts the values where they are referred to, and returns what there is to warn of.
    pub(crate) fn resolve(
        &self,
        resources: &mut ResMap,
        specs: &[FieldSpec],
        limits: &Limits,
    ) -> Result<Vec<String>, Error> {
        if self.0.is_empty() {
            return Ok(Vec::new());
        }
        let values = self.values(resources)?;
        let collections: Vec<&str> =
            values.iter().filter(|(_, v)| *v == Value::Collection).map(|(name, _)| *name).collect();
        let mut warnings: Vec<String> = collections
            .iter()
            .map(|name| format!("var `{name}` is a map or a list, which cannot stand in a text"))
            .collect();
        let mut expander = Expander::new(values.into_iter(), limits.bytes);
        for resource in &mut resources.list {
            for spec in specs {
                let gvk = resource.gvk();
                let mut set = |node: &mut Node| set(node, &mut expander, limits);
                fieldspec::apply(&mut resource.node, &gvk, spec, Create::Nothing, &mut set)?;
            }
        }
        let unused: Vec<&str> = self.0.keys().map(String::as_str).filter(|n| !expander.is_used(n)).collect();
        if !unused.is_empty() {
            warnings.push(format!("vars that are never used: {}", unused.join(", ")));
        }
        Ok(warnings)
    }

    /// The value of each var: the field of the first object it is tied to.
    fn values(&self, resources: &ResMap) -> Result<Vec<(&str, Value)>, Error> {
        let mut objects: HashMap<&str, &Node> = HashMap::new();
        for resource in resources.list.iter().rev() {
            objects.extend(resource.vars.iter().map(|name| (name.as_str(), &resource.node)));
        }
        let value = |(name, path): (&'_ String, &String)| {
            let object = objects.get(name.as_str()).ok_or_else(|| {
                Error::invalid(format!(
                    "var `{name}` cannot be mapped to a field in the set of known resources"
                ))
            })?;
            lookup(object, path)?.and_then(Value::of).ok_or_else(|| {
                Error::invalid(format!(
                    "var `{name}`: field `{path}` not found in the corresponding resource"
                ))
            })
        };
        self.0.iter().map(|(name, path)| Ok((name.as_str(), value((name, path))?))).collect()
    }
}

/// By kind and name, objects by place with the namespaces they have or had.
type Places = HashMap<Gvk, HashMap<String, Vec<(usize, String)>>>;

fn places(resources: &ResMap) -> Places {
    let mut places = Places::new();
    for (at, resource) in resources.list.iter().enumerate().filter(|(_, r)| !r.is_gone()) {
        for id in resource.ids() {
            let (by_name, namespace) = (places.entry(id.gvk.to_owned()), id.effective_namespace());
            let places = by_name.or_default().entry(id.name.to_owned()).or_default();
            places.push((at, namespace.to_owned()));
        }
    }
    places
}

/// Expands the strings of a field: itself, or those directly within a map or a list.
fn set(node: &mut Node, expander: &mut Expander<'_>, limits: &Limits) -> Result<(), Error> {
    let exhausted =
        |_: Exhausted| ErrorKind::Limit { limit: "bytes of vars put in place", value: limits.bytes };
    match node {
        node if node.is_null() => {}
        Node::Scalar(scalar) if is_string(scalar) => expander.expand(scalar).map_err(exhausted)?,
        Node::Scalar(_) => {}
        Node::Map(fields) => {
            for (key, value) in fields {
                if !is_string(key) {
                    return Err(Error::invalid(format!("invalid map key `{}`", key.value)));
                }
                if let Node::Scalar(scalar) = value
                    && is_string(scalar)
                {
                    expander.expand(scalar).map_err(exhausted)?;
                }
            }
        }
        Node::Seq(items) => {
            for item in items {
                match item {
                    Node::Scalar(scalar) if is_string(scalar) => {
                        expander.expand(scalar).map_err(exhausted)?
                    }
                    _ => return Err(Error::invalid("invalid value type, expected a string")),
                }
            }
        }
    }
    Ok(())
}

fn is_string(scalar: &Scalar) -> bool {
    matches!(scalar.tag, Tag::Str | Tag::None)
}

/// The value at a path such as `spec.ports[0].port`; `None` when nothing is there or the path does not fit.
fn lookup<'a>(object: &'a Node, path: &str) -> Result<Option<&'a Node>, Error> {
    let parts: Vec<String> = split_dotted(path)?.into_iter().flat_map(indexed).collect();
    let place = paths::lookup(object, &parts).ok().flatten();
    Ok(place.and_then(|place| paths::at(object, &place)))
}

/// `ports[0]` is `ports`, then `0`.
fn indexed(part: String) -> Vec<String> {
    let place = part.strip_suffix(']').and_then(|p| p.rsplit_once('[')).filter(|(name, digits)| {
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && !name.contains('\n')
    });
    match place {
        Some((name, digits)) => vec![name.to_owned(), digits.to_owned()],
        None => vec![part],
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::yaml::{Budget, documents};

    #[test]
    fn paths_lead_through_maps_and_lists() {
        let text = "a: {b.c: 1, d: [x, {k: v, w: 2}]}\n'5': z\nn: null";
        let node = documents(text, &mut Budget::new(&Limits::default())).unwrap().remove(0);
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(lookup(&node, path).unwrap().map(Node::text), expected, "{path}");
        };
        check("a.[b.c]", Some("1"));
        check(r"a.b\.c", Some("1"));
        check("a.d[0]", Some("x"));
        check("a.d.0", Some("x"));
        check("a.d.[1].w", Some("2"));
        check("a.d.-.w", Some("2"));
        check("a.d.[k=v].w", Some("2"));
        check("a.d.[=x]", Some("x"));
        check(". a . d. 1 .k", Some("v"));
        check("n", Some("null"));
        for missing in ["5", "a.d[2]", "a.d.-1", "a.d.*", "a.d.[k]", "n.x", "a.d.[k=w]", "a.d[0][0]", "a.x"] {
            check(missing, None);
        }
    }
}
