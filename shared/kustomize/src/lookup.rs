//! Paths of `vars` into an object, such as `spec.ports[0].port`, `data.[a.b/c]` or `spec.hosts.[=a.example].port`.

use crate::node::Node;

/// The value at a path; `None` when nothing is there or the path does not fit what is there.
pub(crate) fn lookup<'a>(object: &'a Node, path: &str) -> Option<&'a Node> {
    let mut parts = split(path, '.').into_iter().flat_map(indexed);
    parts.try_fold(object, |node, part| match part.trim() {
        "" => Some(node),
        part => step(node, part),
    })
}

fn step<'a>(node: &'a Node, part: &str) -> Option<&'a Node> {
    if let Ok(at) = part.parse::<i64>() {
        return list(node)?.get(usize::try_from(at).ok()?);
    }
    match part {
        "-" => list(node)?.last(),
        "*" => None,
        _ => match part.strip_prefix('[').and_then(|p| p.strip_suffix(']')) {
            Some(pair) => {
                let (key, value) = pair.split_once('=')?;
                list(node)?.iter().find(|item| is_element(item, key, value))
            }
            None => node.get(part),
        },
    }
}

fn list(node: &Node) -> Option<&[Node]> {
    match node {
        Node::Seq(items) => Some(items),
        _ => None,
    }
}

/// Whether an element has the value in the field, or without a field is the value.
fn is_element(item: &Node, key: &str, value: &str) -> bool {
    if key.is_empty() { item.text() == value } else { item.get(key).is_some_and(|f| f.text() == value) }
}

/// Splits at delimiters; one behind `\` is part of a name, as is all in brackets. Brackets stay where they hold a `=`.
fn split(path: &str, delimiter: char) -> Vec<String> {
    let mut parts = escaped(path, delimiter).into_iter();
    let mut result = Vec::new();
    while let Some(part) = parts.next() {
        if !part.starts_with('[') || part.ends_with(']') {
            result.push(part);
            continue;
        }
        let mut bracketed = part;
        for more in parts.by_ref() {
            bracketed.push(delimiter);
            bracketed.push_str(&more);
            if more.ends_with(']') {
                break;
            }
        }
        if bracketed.contains('=') {
            result.push(bracketed);
        } else {
            result.push(bracketed.trim_matches(['[', ']']).to_owned());
        }
    }
    result
}

fn escaped(path: &str, delimiter: char) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let path = path.strip_prefix(delimiter).unwrap_or(path);
    for part in path.split(delimiter) {
        match parts.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push(delimiter);
                last.push_str(part);
            }
            _ => parts.push(part.to_owned()),
        }
    }
    parts
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
    use crate::Limits;
    use crate::yaml::{Budget, documents};

    #[test]
    fn paths_lead_through_maps_and_lists() {
        let text = "a: {b.c: 1, d: [x, {k: v, w: 2}]}\n'5': z\nn: null";
        let node = documents(text, &mut Budget::new(&Limits::default())).unwrap().remove(0);
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(lookup(&node, path).map(Node::text), expected, "{path}");
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
