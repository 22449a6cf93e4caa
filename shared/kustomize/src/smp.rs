//! Strategic merge, as kustomize does it: a walk over the object and the patch together, the object's fields
//! included that the patch does not name. The rules are its own, not those of the API server.

mod directive;
mod joined;
mod list;

use std::collections::{BTreeMap, HashSet};

use compact_str::CompactString;

use crate::node::{Node, Scalar, Style, Tag};
use crate::schema::Schema;
use crate::schemas::Schemas;
use crate::yaml::is_v2_non_string;
use crate::{Error, meter};
use directive::{DIRECTIVE, choose};
use joined::walk_joined;

/// Merges a patch into an object; `None` when the patch deletes it.
///
/// A patch that replaces the whole object leaves it as it is: kustomize goes on with the object it has.
pub(crate) fn merge(object: Node, patch: Node, schemas: &Schemas) -> Result<Option<Node>, Error> {
    meter::copy_of(&patch)?;
    let replaced = patch.get(DIRECTIVE).is_some_and(|d| d.text() == "replace").then(|| object.clone());
    let merged = walk(Some(object), Some(patch), None, Context { schemas, shared: false })?.node;
    Ok(replaced.or(merged))
}

/// What holds for all below a place of the walk.
#[derive(Clone, Copy)]
struct Context<'a> {
    schemas: &'a Schemas,
    /// Whether kustomize has one and the same node on both sides, because all of it comes from the patch: what
    /// reading the patch changes then changes the result as well.
    shared: bool,
}

/// What a walk gives, and whether it is the object's own node, changed, rather than one of the patch.
struct Walked {
    node: Option<Node>,
    own: bool,
}

impl Walked {
    const GONE: Walked = Walked { node: None, own: false };
}

fn present(node: &Option<Node>) -> Option<&Node> {
    node.as_ref().filter(|n| !n.is_null())
}

/// Walks two nodes together.
fn walk(
    dest: Option<Node>,
    patch: Option<Node>,
    schema: Option<Schema>,
    context: Context<'_>,
) -> Result<Walked, Error> {
    meter::work(40)?;
    let schema = schema
        .or_else(|| [&dest, &patch].into_iter().find_map(|n| embedded_kind(present(n)?, context.schemas)));
    let sort = |node: &Node| std::mem::discriminant(node);
    let leading = present(&dest).or(present(&patch));
    if let (Some(a), Some(b)) = (present(&dest), present(&patch))
        && sort(a) != sort(b)
    {
        return Err(Error::invalid("wrong node kind: the patch and the object differ"));
    }
    match leading {
        Some(Node::Seq(_)) => match schema {
            Some(Schema::Associative(element, keys)) => {
                walk_joined(dest, patch, element.map(Schema::Object), &keys, context)
            }
            _ => Ok(overridden(dest, patch)),
        },
        Some(Node::Scalar(_)) => Ok(overridden(dest, patch)),
        Some(Node::Map(_)) | None => walk_map(dest, patch, schema.as_ref(), context),
    }
}

fn overridden(dest: Option<Node>, patch: Option<Node>) -> Walked {
    let own = patch.is_none();
    Walked { node: patch.or(dest), own }
}

fn embedded_kind(node: &Node, schemas: &Schemas) -> Option<Schema> {
    let text = |field: &str| node.get(field).map_or("", Node::non_null_text);
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    if kind.is_empty() || api_version.is_empty() { None } else { schemas.of_kind(api_version, kind) }
}

fn walk_map(
    dest: Option<Node>,
    mut patch: Option<Node>,
    schema: Option<&Schema>,
    context: Context<'_>,
) -> Result<Walked, Error> {
    let chosen = choose(dest, &mut patch, false, context.shared)?;
    let Walked { node: Some(Node::Map(fields)), own } = chosen else { return Ok(chosen) };
    let context = Context { shared: context.shared || !own, ..context };
    let mut news: BTreeMap<CompactString, (Scalar, Node)> = BTreeMap::new();
    if let Some(Node::Map(patch_fields)) = patch {
        for (key, value) in patch_fields {
            news.entry(key.value.clone()).or_insert((key, value));
        }
    }
    let mut seen = HashSet::with_capacity(fields.len());
    let mut result = Node::Map(Vec::with_capacity(fields.len() + news.len()));
    let Node::Map(out) = &mut result else { return Ok(Walked::GONE) };
    if fields.iter().any(|(key, _)| key.value.is_empty()) || news.contains_key("") {
        return Err(Error::invalid("wrong node kind: a field without a name cannot be merged"));
    }
    for (key, old) in fields {
        if !seen.insert(key.value.clone()) {
            out.push((key, old));
            continue;
        }
        let (style, share) = match &old {
            Node::Scalar(scalar) => (scalar.style, scalar.share),
            _ => Default::default(),
        };
        let new = news.remove(&key.value).map(|(_, value)| value);
        let field = schema.and_then(|s| context.schemas.field(s, &key.value));
        let Walked { node, own } = walk(Some(old), new, field, context)?;
        if let Some(mut value) = node.filter(is_kept) {
            if let Node::Scalar(scalar) = &mut value {
                // The object's own text is set anew: quoted where YAML 1.1 would read something else.
                scalar.style = if own { quoted(scalar, style) } else { style };
                scalar.share = if own { share } else { share.written() };
            }
            out.push((key, value));
        }
    }
    for (name, (key, new)) in news {
        let field = schema.and_then(|s| context.schemas.field(s, &name));
        if let Some(value) = walk(None, Some(new), field, context)?.node.filter(is_kept) {
            out.push((Scalar { tag: Tag::None, tagged: false, ..key }, value));
        }
    }
    Ok(Walked { node: Some(result), own })
}

/// The style of a text that is set as a field's value: plain text that YAML 1.1 reads as no string is quoted.
fn quoted(scalar: &Scalar, style: Style) -> Style {
    let text = matches!(scalar.tag, Tag::None | Tag::Str) && style == Style::Plain;
    if text && is_v2_non_string(&scalar.value) { Style::Double } else { style }
}

fn is_kept(node: &Node) -> bool {
    !matches!(node, Node::Scalar(scalar) if scalar.tag == Tag::Null && !scalar.keep)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::Limits;
    use crate::yaml::{Budget, documents, node_to_json};

    fn check(object: &str, patch: &str, expected: &str) {
        let parse = |text: &str| documents(text, &mut Budget::new(&Limits::default())).unwrap().remove(0);
        let merged = merge(parse(object), parse(patch), &Schemas::default()).unwrap();
        let json = merged.map_or("gone".to_owned(), |n| node_to_json(&n).unwrap().to_string());
        assert_eq!(json, expected);
    }

    const POD: &str = "apiVersion: v1\nkind: Pod\nspec: ";

    #[test]
    fn maps_merge_and_null_deletes() {
        check("a: 1\nb: {c: 2, d: 3}", "b: {c: null, e: 4}", r#"{"a":1,"b":{"d":3,"e":4}}"#);
        check("a: 1", "$patch: delete", "gone");
        check("a: {b: 1}", "a: {$patch: replace, c: 2}", r#"{"a":{"c":2}}"#);
        check("a: [1, 2]", "a: [3]", r#"{"a":[3]}"#);
        check("a: \"x\"", "a: 5", r#"{"a":"5"}"#);
        check("a:\nb: null", "c: 1", r#"{"b":null,"c":1}"#);
    }

    #[test]
    fn lists_of_builtin_types_join_by_key() {
        let pod = |spec: &str| format!("{POD}{spec}");
        let out = |spec: &str| format!(r#"{{"apiVersion":"v1","kind":"Pod","spec":{spec}}}"#);
        check(
            &pod("{containers: [{name: a, image: x}]}"),
            &pod("{containers: [{name: b}, {name: a, tty: true}]}"),
            &out(r#"{"containers":[{"name":"b"},{"image":"x","name":"a","tty":true}]}"#),
        );
        check(
            &pod("{containers: [{name: a}, {name: b}]}"),
            &pod("{containers: [{name: a, $patch: delete}]}"),
            &out(r#"{"containers":[{"name":"b"}]}"#),
        );
        check(
            &pod("{containers: [{name: a}]}"),
            &pod("{containers: [{image: z}]}"),
            &out(r#"{"containers":[]}"#),
        );
    }
}
