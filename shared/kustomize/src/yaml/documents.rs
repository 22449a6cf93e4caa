//! A file of resources to its documents, split at `---` lines before any is parsed, as kyaml does.

use std::borrow::Cow;

use super::{Budget, Version, YamlError, compose};
use crate::node::{Node, Scalar, Style};

/// The documents that are not empty. A `List` that stands alone is replaced by its items.
pub(crate) fn documents(text: &str, budget: &mut Budget) -> Result<Vec<Node>, YamlError> {
    let text =
        if text.contains("\r\n") { Cow::Owned(text.replace("\r\n", "\n")) } else { Cow::Borrowed(text) };
    let chunks = split(&text)?;
    let alone = chunks.len() == 1;
    let mut nodes = Vec::new();
    for (line, chunk) in chunks {
        let document = compose(chunk, Version::V3, budget).map_err(|mut error| {
            error.line += line;
            error
        })?;
        if document.as_ref().is_some_and(|node| gains_a_line(chunk, node)) {
            return Err(YamlError::beyond("a comment behind a text that keeps its empty lines"));
        }
        match document {
            None => {}
            Some(node) if node.is_null() => {}
            Some(node) if alone && is_list(&node) => match node {
                Node::Map(fields) => nodes.extend(items(fields)),
                other => nodes.push(other),
            },
            Some(node) => nodes.push(node),
        }
    }
    Ok(nodes)
}

/// The items of a list. kustomize takes the parts of a map for items, too, keys and values alike.
fn items(fields: Vec<(Scalar, Node)>) -> Vec<Node> {
    match fields.into_iter().find(|(key, _)| key.value == "items").map(|(_, value)| value) {
        Some(Node::Seq(items)) => items,
        Some(Node::Map(items)) => {
            items.into_iter().flat_map(|(key, value)| [Node::Scalar(key), value]).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a document ends with a text that keeps its empty lines (`|+`) and a comment. kustomize prints the comment
/// behind an empty line, and reads that as part of the text, each time that it copies the object.
fn gains_a_line(text: &str, document: &Node) -> bool {
    let end = text.trim_end();
    let last_line = end.get(end.rfind('\n').map_or(0, |at| at + 1)..).unwrap_or_default().trim_start();
    let mut last = document;
    loop {
        let deeper = match last {
            Node::Map(fields) => fields.last().map(|(_, value)| value),
            Node::Seq(items) => items.last(),
            Node::Scalar(scalar) => {
                let block = matches!(scalar.style, Style::Literal | Style::Folded);
                let keeps = scalar.value == "\n" || scalar.value.ends_with("\n\n");
                let inside = scalar.value.trim_end().ends_with(last_line);
                return block && keeps && last_line.starts_with('#') && !inside;
            }
        };
        let Some(deeper) = deeper else { return false };
        last = deeper;
    }
}

fn is_list(node: &Node) -> bool {
    let kind = node.get("kind").map_or("", Node::non_null_text);
    matches!(kind, "List" | "ResourceList")
        && (node.get("items").is_some() || node.get("functionConfig").is_some())
}

/// Splits at every line that starts with `---`; only blanks and a comment may follow it.
///
/// Each piece comes with the number of lines before it. The search goes on behind the line's end, so of two
/// separators in a row the second is part of the document it opens.
fn split(text: &str) -> Result<Vec<(usize, &str)>, YamlError> {
    let mut pieces = Vec::new();
    let (mut start, mut from, mut line) = (0, 0, 0);
    while let Some(found) = text.get(from..).and_then(|rest| rest.find("\n---")) {
        let at = from + found;
        let rest = text.get(at + 4..).unwrap_or_default();
        let Some(end) = rest.find('\n') else { break };
        let piece = text.get(start..at).unwrap_or_default();
        let lines = piece.matches('\n').count() + 1;
        let after = rest.get(..end).unwrap_or_default().trim();
        if !after.is_empty() && !after.starts_with('#') {
            return Err(YamlError::at(line + lines + 1, format!("invalid document separator `---{after}`")));
        }
        pieces.push((line, text.get(start..at + 1).unwrap_or_default()));
        start = at + 4 + end + 1;
        from = start;
        line += lines + 1;
    }
    if !text.is_empty() {
        pieces.push((line, text.get(start..).unwrap_or_default()));
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_comment_may_not_follow_kept_lines_at_the_end() {
        let check = |text: &str, taken: bool| {
            let read = documents(text, &mut Budget::new(&crate::Limits::default()));
            assert_eq!(read.is_ok(), taken, "{text:?}");
        };
        check("a: |+\n  b\n\n# c\n", false);
        check("a:\n- |+\n\n# c", false);
        check("a: |+\n  b\n\n# c\nd: e\n", true);
        check("a: |+\n  b\n\n  # c\n\n", true);
        check("a: |\n  b\n\n# c\n", true);
    }

    #[test]
    fn split_at_separator_lines() {
        let check = |text: &str, expected: &[(usize, &str)]| {
            assert_eq!(split(text).unwrap(), expected);
        };
        check("a\n---\nb", &[(0, "a\n"), (2, "b")]);
        check("---\na\n--- # c\nb\n", &[(0, "---\na\n"), (3, "b\n")]);
        check("a\n---\n---\nb\n", &[(0, "a\n"), (2, "---\nb\n")]);
        check("a\n---", &[(0, "a\n---")]);
        assert_eq!(split("a\n--- b\nc").unwrap_err().line, 2);
    }
}
