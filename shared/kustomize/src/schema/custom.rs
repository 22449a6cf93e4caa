//! A schema of the author's, in the form of the built-in one; with it or instead of it.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::{Schema, TABLE, Table};
use crate::openapi::{self, Definition};
use crate::resid::GvkRef;
use crate::{Error, ErrorKind};

/// What becomes of the built-in schema beside one of the author's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Rest {
    /// It is not there, but for kustomize's own types.
    None,
    /// The author's definitions come before its own of the same name and kind.
    Overridden,
    /// Its own come first.
    Overriding,
}

/// A schema of the author's. Types are numbered on from those of the built-in one.
#[derive(Debug)]
pub(crate) struct Custom {
    types: Vec<Type>,
    kinds: HashMap<String, usize>,
    /// Types of the built-in schema that the author's take the place of.
    replaced: HashMap<usize, usize>,
    /// Whether the other kinds are those of the built-in schema.
    rest: Rest,
    /// Whether kinds are namespaced, as far as paths tell.
    namespaced: HashMap<String, bool>,
}

#[derive(Debug, Default)]
struct Type {
    fields: HashMap<String, Schema>,
    other: Option<Schema>,
}

const KUSTOMIZE: &str = "kustomize.config.k8s.io/";

impl Custom {
    /// Reads a schema.
    pub(crate) fn of(value: &Value, rest: Rest) -> Result<Custom, Error> {
        let fields = openapi::object(value, "a schema")?;
        let field = |name: &str| fields.and_then(|fields| fields.get(name));
        let definitions = openapi::definitions(field("definitions"))?;
        let mut maker = Maker::new(&definitions, rest);
        let kinds = maker.all()?;
        Ok(Custom {
            replaced: maker.replaced(),
            types: maker.types,
            kinds,
            rest,
            namespaced: scopes(field("paths"))?,
        })
    }

    pub(crate) fn of_kind(&self, api_version: &str, kind: &str) -> Option<Schema> {
        let name = format!("{api_version} {kind}");
        let mine = || self.kinds.get(&name).copied();
        let builtin = || {
            let there = self.rest != Rest::None || api_version.starts_with(KUSTOMIZE);
            TABLE.kinds.get(&name).copied().filter(|_| there)
        };
        let index = if self.rest == Rest::Overriding || api_version.starts_with(KUSTOMIZE) {
            builtin().or_else(mine)
        } else {
            mine().or_else(builtin)
        };
        index.map(Schema::Object)
    }

    pub(crate) fn field(&self, schema: &Schema, name: &str) -> Option<Schema> {
        let mut found = match schema {
            Schema::Object(index) => match index.checked_sub(TABLE.types.len()) {
                None => schema.field(name)?,
                Some(at) => {
                    let of = self.types.get(at)?;
                    of.fields.get(name).or(of.other.as_ref())?.clone()
                }
            },
            _ => schema.field(name)?,
        };
        if let Schema::Object(index) | Schema::MapOf(index) | Schema::Associative(Some(index), _) = &mut found
            && let Some(new) = self.replaced.get(index)
        {
            *index = *new;
        }
        Some(found)
    }

    pub(crate) fn is_cluster_scoped(&self, gvk: GvkRef<'_>) -> bool {
        let GvkRef { group, version, kind, .. } = gvk;
        let slash = if group.is_empty() { "" } else { "/" };
        self.namespaced.get(&format!("{group}{slash}{version} {kind}")) == Some(&false)
    }
}

/// Makes types of definitions.
struct Maker<'a> {
    definitions: &'a BTreeMap<String, Definition>,
    /// The number of each definition's type.
    numbers: HashMap<&'a str, usize>,
    names: HashMap<&'static str, usize>,
    types: Vec<Type>,
    /// Definitions that are lists, by number.
    lists: HashMap<usize, Schema>,
    rest: Rest,
    depth: usize,
}

/// Definitions within definitions.
const DEEPEST: usize = 128;

/// What a definition comes to when references are followed.
enum Resolved<'a> {
    /// A type by its number.
    Type(usize),
    /// A list, with the number of its definition when it has one, or a definition within another.
    Inline(Option<usize>, &'a Definition),
}

impl<'a> Maker<'a> {
    fn new(definitions: &'a BTreeMap<String, Definition>, rest: Rest) -> Self {
        let start = TABLE.types.len();
        let numbers = definitions.keys().enumerate().map(|(at, name)| (name.as_str(), start + at)).collect();
        let own = |name: &str| name.ends_with(".Kustomization");
        let names = Table::names().into_iter().filter(|(name, _)| rest != Rest::None || own(name)).collect();
        let types = definitions.iter().map(|_| Type::default()).collect();
        Maker { definitions, numbers, names, types, lists: HashMap::new(), rest, depth: 0 }
    }

    /// Makes all types and returns the kinds that they are of.
    fn all(&mut self) -> Result<HashMap<String, usize>, Error> {
        let mut kinds = HashMap::new();
        let definitions = self.definitions;
        for (at, definition) in definitions.values().enumerate() {
            self.fill(TABLE.types.len() + at, definition)?;
            let Some(Value::Array(gvks)) = definition.extension(GVK) else { continue };
            for gvk in gvks.iter().filter(|gvk| gvk.is_object()) {
                kinds.insert(kind(gvk)?, TABLE.types.len() + at);
            }
        }
        Ok(kinds)
    }

    /// Where the author's types stand for built-in ones of the same name.
    fn replaced(&self) -> HashMap<usize, usize> {
        let both = |(name, builtin): (&&str, &usize)| Some((*builtin, *self.numbers.get(*name)?));
        match self.rest {
            Rest::Overridden => self.names.iter().filter_map(both).collect(),
            Rest::None | Rest::Overriding => HashMap::new(),
        }
    }

    /// Adds a type to be filled.
    fn add(&mut self) -> usize {
        self.types.push(Type::default());
        TABLE.types.len() + self.types.len() - 1
    }

    /// Fills a type with the fields of a definition.
    fn fill(&mut self, number: usize, definition: &'a Definition) -> Result<(), Error> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(ErrorKind::Limit { limit: "levels of a schema", value: DEEPEST }.into());
        }
        let mut made = Type::default();
        for (name, field) in &definition.properties {
            made.fields.extend(self.schema(field)?.map(|schema| (name.clone(), schema)));
        }
        if let Some(other) = &definition.additional {
            made.other = self.schema(other)?;
        }
        if let Some(slot) = self.types.get_mut(number - TABLE.types.len()) {
            *slot = made;
        }
        self.depth -= 1;
        Ok(())
    }

    /// The schema of a field; none when it refers to what is not there.
    fn schema(&mut self, field: &'a Definition) -> Result<Option<Schema>, Error> {
        let (number, field) = match self.resolved(field) {
            None => return Ok(None),
            Some(Resolved::Type(number)) => return Ok(Some(Schema::Object(number))),
            Some(Resolved::Inline(number, field)) => (number, field),
        };
        if let Some(known) = number.and_then(|number| self.lists.get(&number)) {
            return Ok(Some(known.clone()));
        }
        if !is_joined(field) {
            if is_list(field) {
                return Ok(Some(Schema::List));
            }
            let number = self.add();
            self.fill(number, field)?;
            return Ok(Some(Schema::Object(number)));
        }
        let element =
            field.items.as_deref().filter(|_| is_list(field)).and_then(|items| self.resolved(items));
        let (element, inline) = match element {
            None => (None, None),
            Some(Resolved::Type(number)) => (Some(number), None),
            Some(Resolved::Inline(_, items)) => (Some(self.add()), Some(items)),
        };
        let schema = Schema::Associative(element, keys(field));
        self.lists.extend(number.map(|number| (number, schema.clone())));
        if let (Some(number), Some(items)) = (element, inline) {
            self.fill(number, items)?;
        }
        Ok(Some(schema))
    }

    /// Follows references.
    fn resolved(&self, mut field: &'a Definition) -> Option<Resolved<'a>> {
        let mut number = None;
        for _ in 0..=self.definitions.len() {
            let Some(reference) = field.reference.as_deref() else {
                let is_type = !is_joined(field) && !is_list(field);
                return Some(match number {
                    Some(number) if is_type => Resolved::Type(number),
                    number => Resolved::Inline(number, field),
                });
            };
            let name = reference.strip_prefix("#/definitions/")?.replace("~1", "/").replace("~0", "~");
            let builtin = self.names.get(name.as_str()).copied();
            if let Some(builtin) = builtin
                && (self.rest == Rest::Overriding || !self.numbers.contains_key(name.as_str()))
            {
                return Some(Resolved::Type(builtin));
            }
            let (known, next) = self.definitions.get_key_value(&name)?;
            (number, field) = (self.numbers.get(known.as_str()).copied(), next);
        }
        None
    }
}

fn is_list(field: &Definition) -> bool {
    field.types.len() == 1 && field.types.iter().all(|kind| kind == "array")
}

/// Whether patches join a list with it instead of replacing it.
fn is_joined(field: &Definition) -> bool {
    let strategy = field.extension_text("x-kubernetes-patch-strategy").unwrap_or_default();
    strategy.split(',').any(|strategy| strategy == "merge")
}

/// The keys by which elements are joined; none of a list of scalars.
fn keys(field: &Definition) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match field.extension("x-kubernetes-list-map-keys") {
        Some(Value::Array(keys)) => keys.iter().filter_map(text).collect(),
        _ => field.extension("x-kubernetes-patch-merge-key").and_then(text).into_iter().collect(),
    }
}

const GVK: &str = "x-kubernetes-group-version-kind";

/// Version and kind, as the table names them.
fn kind(gvk: &Value) -> Result<String, Error> {
    let text = |name: &str| gvk.get(name).and_then(Value::as_str);
    let (Some(version), Some(kind)) = (text("version"), text("kind")) else {
        return Err(Error::invalid(format!("`{GVK}` has no version or kind")));
    };
    Ok(match text("group").filter(|group| !group.is_empty()) {
        Some(group) => format!("{group}/{version} {kind}"),
        None => format!("{version} {kind}"),
    })
}

/// Whether the kinds that can be got at a path are namespaced.
fn scopes(paths: Option<&Value>) -> Result<HashMap<String, bool>, Error> {
    let mut scopes = HashMap::new();
    let paths = paths.map(|paths| openapi::object(paths, "`paths`")).transpose()?.flatten();
    for (path, item) in paths.into_iter().flatten().filter(|(path, _)| path.starts_with('/')) {
        let Some(item) = openapi::object(item, "a path")? else { continue };
        let Some(get) = item.get("get") else { continue };
        let Some(get) = openapi::object(get, "`get` of a path")? else { continue };
        let Some(gvk @ Value::Object(_)) = get.get(GVK) else { continue };
        let namespaced = scopes.entry(kind(gvk)?).or_insert(false);
        *namespaced |= path.contains("namespaces/{namespace}");
    }
    Ok(scopes)
}
