//! Which lists strategic merge patches join by key: the builtin types of the Kubernetes version kustomize embeds.
//!
//! The table is reduced from that schema to the fields that lead to such a list; any other list is replaced.

mod custom;

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;

pub(crate) use custom::{Custom, Rest};

static TABLE: LazyLock<Table> = LazyLock::new(Table::load);

#[derive(Default)]
struct Table {
    types: Vec<HashMap<String, Schema>>,
    kinds: HashMap<String, usize>,
}

/// What is known of a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Schema {
    /// An object of a type.
    Object(usize),
    /// A map whose values are of a type.
    MapOf(usize),
    /// A list that is replaced.
    List,
    /// A list whose elements are joined by these keys; none for a list of scalars.
    Associative(Option<usize>, Vec<String>),
}

impl Schema {
    /// The schema of a builtin kind.
    pub(crate) fn of_kind(api_version: &str, kind: &str) -> Option<Schema> {
        TABLE.kinds.get(&format!("{api_version} {kind}")).copied().map(Schema::Object)
    }

    /// The schema of a field.
    pub(crate) fn field(&self, name: &str) -> Option<Schema> {
        match self {
            Schema::Object(index) => TABLE.types.get(*index)?.get(name).cloned(),
            Schema::MapOf(index) => Some(Schema::Object(*index)),
            Schema::List | Schema::Associative(..) => None,
        }
    }
}

impl Table {
    /// The types by the names of their definitions.
    fn names() -> HashMap<&'static str, usize> {
        include_str!("schema/names.txt").lines().enumerate().map(|(number, name)| (name, number)).collect()
    }

    fn load() -> Table {
        // The table is part of this crate; a test reads all of it.
        let Ok(Value::Object(root)) = serde_json::from_str(include_str!("schema/merge_keys.json")) else {
            return Table::default();
        };
        let types = root.get("types").and_then(Value::as_array).into_iter().flatten();
        let kinds = root.get("kinds").and_then(Value::as_object).into_iter().flatten();
        Table {
            types: types
                .map(|fields| {
                    let fields = fields.as_object().into_iter().flatten();
                    fields.filter_map(|(name, row)| Some((name.clone(), schema(row)?))).collect()
                })
                .collect(),
            kinds: kinds.filter_map(|(kind, index)| Some((kind.clone(), as_index(index)?))).collect(),
        }
    }
}

fn as_index(value: &Value) -> Option<usize> {
    usize::try_from(value.as_i64()?).ok()
}

fn schema(row: &Value) -> Option<Schema> {
    let row = row.as_array()?;
    let target = row.get(1).and_then(as_index);
    let keys = || row.iter().skip(2).filter_map(Value::as_str).map(str::to_owned).collect();
    Some(match row.first()?.as_str()? {
        "o" => Schema::Object(target?),
        "m" => Schema::MapOf(target?),
        "l" => Schema::List,
        "a" => Schema::Associative(target, keys()),
        "p" => Schema::Associative(None, Vec::new()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn containers_join_by_name_and_ports_by_two_keys() {
        let pod = Schema::of_kind("apps/v1", "Deployment").unwrap();
        let pod = ["spec", "template", "spec"].iter().fold(pod, |s, f| s.field(f).unwrap());
        let Schema::Associative(_, keys) = pod.field("containers").unwrap() else {
            panic!("not associative")
        };
        assert_eq!(keys, ["name"]);
        let Some(Schema::Associative(Some(element), _)) = pod.field("containers") else {
            panic!("no elements")
        };
        let container = Schema::Object(element);
        let Schema::Associative(_, keys) = container.field("ports").unwrap() else {
            panic!("not associative")
        };
        assert_eq!(keys, ["containerPort", "protocol"]);
        assert_eq!(container.field("args"), None);
        assert_eq!(Schema::of_kind("example.com/v1", "Deployment"), None);
        assert_eq!((TABLE.types.len(), TABLE.kinds.len()), (202, 165));
    }
}
