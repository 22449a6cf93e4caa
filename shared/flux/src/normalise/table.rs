//! The kinds that have a Go type in client-go, and the fields of their structs: `kinds.txt`, which
//! `tests/oracle/flux/kinds` prints and describes. A struct's line is read when it is first needed.

use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

/// The table as it was printed.
const TEXT: &str = include_str!("kinds.txt");

static TABLE: LazyLock<Table> = LazyLock::new(Table::load);

/// The type of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Flag,
    Int32,
    Int64,
    Bytes,
    Quantity,
    IntOrString,
    Time,
    MicroTime,
    /// Any JSON.
    Raw,
    Struct(Struct),
    Pointer(Box<Type>),
    List(Box<Type>),
    Map(Box<Type>),
}

/// A struct, by its line in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Struct(usize);

/// When a field is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Omit {
    Never,
    Empty,
    Zero,
}

/// A field of a struct.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Field {
    Named {
        name: &'static str,
        omit: Omit,
        kind: Type,
    },
    /// The fields of another struct.
    Inlined(Struct),
}

/// What client-go knows of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing.
    Unknown,
    /// It has a type, but no metadata: it is nothing that a cluster stores.
    NotStored,
    /// Its fields.
    Known(Struct),
}

struct Table {
    /// The kinds of each group and version, as in the text.
    groups: HashMap<&'static str, &'static str>,
    structs: Vec<(&'static str, OnceLock<Vec<Field>>)>,
}

impl Table {
    fn load() -> Self {
        let (kinds, structs) = TEXT.split_once("\n\n").unwrap_or_default();
        Self {
            groups: kinds.lines().filter_map(|line| line.split_once(' ')).collect(),
            structs: structs.lines().map(|line| (line, OnceLock::new())).collect(),
        }
    }
}

/// What is known of a kind, asked as the controller asks: a version alone and `/version` are the core group's.
pub(super) fn kind(api_version: &str, kind: &str) -> Kind {
    let group_version = match api_version.matches('/').count() {
        0 => api_version,
        1 => api_version.strip_prefix('/').unwrap_or(api_version),
        _ => return Kind::Unknown,
    };
    [group_version, "*"].into_iter().find_map(|group| listed(group, kind)).unwrap_or(Kind::Unknown)
}

fn listed(group_version: &str, kind: &str) -> Option<Kind> {
    let kinds = TABLE.groups.get(group_version)?;
    kinds.split(' ').find_map(|entry| match entry.strip_prefix(kind)? {
        "-" => Some(Kind::NotStored),
        rest => Some(Kind::Known(Struct(rest.strip_prefix('=')?.parse().ok()?))),
    })
}

/// The fields of a struct, in Go's order.
pub(super) fn fields(of: Struct) -> &'static [Field] {
    let Some((line, fields)) = TABLE.structs.get(of.0) else { return &[] };
    fields.get_or_init(|| line.split(' ').filter_map(field).collect())
}

/// Whether a struct has a field of that name, inlined ones included.
pub(super) fn has(of: Struct, name: &str) -> bool {
    fields(of).iter().any(|field| match field {
        Field::Named { name: own, .. } => *own == name,
        Field::Inlined(inner) => has(*inner, name),
    })
}

fn field(text: &'static str) -> Option<Field> {
    if let Some(number) = text.strip_prefix('<') {
        return Some(Field::Inlined(Struct(number.parse().ok()?)));
    }
    let at = text.find([':', '?', '!'])?;
    let omit = match text.as_bytes().get(at)? {
        b':' => Omit::Never,
        b'?' => Omit::Empty,
        _ => Omit::Zero,
    };
    Some(Field::Named { name: text.get(..at)?, omit, kind: of_letters(text.get(at + 1..)?)? })
}

fn of_letters(text: &str) -> Option<Type> {
    let inner = |rest: &str| of_letters(rest).map(Box::new);
    Some(match text.as_bytes().first()? {
        b'*' => Type::Pointer(inner(&text[1..])?),
        b'[' => Type::List(inner(&text[1..])?),
        b'{' => Type::Map(inner(&text[1..])?),
        b's' => Type::Text,
        b'b' => Type::Flag,
        b'i' => Type::Int32,
        b'l' => Type::Int64,
        b'y' => Type::Bytes,
        b'q' => Type::Quantity,
        b'o' => Type::IntOrString,
        b't' => Type::Time,
        b'T' => Type::MicroTime,
        b'r' => Type::Raw,
        _ => Type::Struct(Struct(text.parse().ok()?)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read() {
        assert!(TEXT.len() < 300_000 && TABLE.groups.len() > 50 && TABLE.structs.len() > 400);
        for (number, (line, _)) in TABLE.structs.iter().enumerate() {
            let words = line.split(' ').filter(|word| !word.is_empty()).count();
            assert_eq!(fields(Struct(number)).len(), words, "{line}");
        }
        for (group, kinds) in &TABLE.groups {
            for entry in kinds.split(' ') {
                let name = entry.trim_end_matches(|c: char| c.is_ascii_digit() || c == '=' || c == '-');
                let found = listed(group, name);
                assert!(found.is_some_and(|kind| kind != Kind::Unknown), "{group} {entry}");
            }
        }
    }

    #[test]
    fn inlined_structs_come_to_an_end() {
        fn depth(of: Struct, left: usize) -> bool {
            let inlined = |field: &Field| match field {
                Field::Inlined(inner) | Field::Named { kind: Type::Struct(inner), .. } => Some(*inner),
                Field::Named { .. } => None,
            };
            left > 0 && fields(of).iter().filter_map(inlined).all(|inner| depth(inner, left - 1))
        }
        assert!((0..TABLE.structs.len()).all(|number| depth(Struct(number), 12)));
    }

    #[test]
    fn kinds_are_found_as_the_controller_finds_them() {
        let known = |version: &str, name: &str| matches!(kind(version, name), Kind::Known(_));
        assert!(known("v1", "ConfigMap") && known("/v1", "ConfigMap") && known("apps/v1", "Deployment"));
        assert!(!known("v1", "Config") && !known("apps/v1", "deployment") && !known("a/b/v1", "ConfigMap"));
        assert_eq!(kind("example.com/v1", "Deployment"), Kind::Unknown);
        for (version, name) in
            [("example.com/v1", "Status"), ("v1", "ListOptions"), ("apps/v1", "DeploymentList")]
        {
            assert_eq!(kind(version, name), Kind::NotStored, "{name}");
        }
    }

    #[test]
    fn fields_are_found_through_inlined_structs() {
        let Kind::Known(deployment) = kind("apps/v1", "Deployment") else { panic!("a kind") };
        assert!(has(deployment, "kind") && has(deployment, "spec") && !has(deployment, "Spec"));
    }
}
