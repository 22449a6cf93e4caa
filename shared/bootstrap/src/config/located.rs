//! A YAML text as a value, and the line that each of its fields stands on.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;

/// A value, and by the path of each of its fields (`repositories[0].name`) the line that it stands on, from 1.
pub(super) struct Located {
    pub(super) value: Value,
    pub(super) lines: BTreeMap<String, u64>,
}

impl Located {
    /// Reads YAML. The error says what is wrong, and where.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let options = serde_saphyr::options! { strict_booleans: true, legacy_octal_numbers: true };
        let node: Node =
            serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())?;
        let mut lines = BTreeMap::new();
        let value = node.flatten("", &mut lines);
        Ok(Self { value, lines })
    }
}

enum Node {
    Scalar(Value),
    List(Vec<Spanned<Node>>),
    Map(Vec<(Spanned<String>, Node)>),
}

impl Node {
    fn flatten(self, path: &str, lines: &mut BTreeMap<String, u64>) -> Value {
        match self {
            Self::Scalar(value) => value,
            Self::List(items) => {
                let place = |(i, item): (usize, Spanned<Node>)| {
                    let path = format!("{path}[{i}]");
                    lines.insert(path.clone(), line(&item));
                    item.value.flatten(&path, lines)
                };
                Value::Array(items.into_iter().enumerate().map(place).collect())
            }
            Self::Map(fields) => {
                let mut map = Map::new();
                for (name, node) in fields {
                    let path =
                        if path.is_empty() { name.value.clone() } else { format!("{path}.{}", name.value) };
                    lines.insert(path.clone(), line(&name));
                    let value = node.flatten(&path, lines);
                    map.insert(name.value, value);
                }
                Value::Object(map)
            }
        }
    }
}

fn line<T>(spanned: &Spanned<T>) -> u64 {
    spanned.referenced.line()
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Number(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Number(value.into())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Scalar(Number::from_f64(value).map_or(Value::Null, Value::Number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(Value::String(value.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some(field) = fields.next_entry()? {
            map.push(field);
        }
        Ok(Node::Map(map))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "the texts of the cases are YAML")]
    use super::*;

    #[test]
    fn every_field_has_its_line() {
        let text = "a: 1\n# a comment\nb:\n  - c: x\n    d: [1,\n       2]\n  - {e: true, f: null}\n";
        let found = Located::parse(text).unwrap();
        assert_eq!(
            found.value,
            serde_json::json!({"a": 1, "b": [{"c": "x", "d": [1, 2]}, {"e": true, "f": null}]})
        );
        let lines: Vec<String> = found.lines.iter().map(|(path, line)| format!("{path} {line}")).collect();
        assert_eq!(
            lines,
            [
                "a 1",
                "b 3",
                "b[0] 4",
                "b[0].c 4",
                "b[0].d 5",
                "b[0].d[0] 5",
                "b[0].d[1] 6",
                "b[1] 7",
                "b[1].e 7",
                "b[1].f 7"
            ]
        );
    }

    #[test]
    fn what_is_no_yaml_says_where() {
        assert!(Located::parse("a: [").is_err_and(|e| e.contains("line")));
        assert_eq!(Located::parse("").map(|l| l.value), Ok(Value::Null));
    }
}
