//! Strategic merge, as kustomize does it: a walk over the object and the patch together, the object's fields
//! included that the patch does not name. The rules are its own, not those of the API server.

use std::collections::{BTreeMap, HashMap, HashSet};

use compact_str::CompactString;

use crate::node::{Node, Scalar, Tag};
use crate::schema::Schema;
use crate::schemas::Schemas;
use crate::{Error, ErrorKind, meter};

/// Elements that a list joined by keys may have; joining compares all with all.
const LONGEST_JOINED_LIST: usize = 10_000;

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

#[derive(PartialEq)]
enum Directive {
    Merge,
    Replace,
    Delete,
}

const DIRECTIVE: &str = "$patch";

/// Reads `$patch` and takes it out.
fn directive(patch: &mut Node) -> Result<Directive, Error> {
    let value = match patch {
        Node::Map(_) => patch.get(DIRECTIVE).map(Node::text),
        Node::Seq(items) => items
            .iter()
            .find(|item| item.get(DIRECTIVE).is_some())
            .filter(|item| matches!(item, Node::Map(fields) if fields.len() == 1))
            .and_then(|item| item.get(DIRECTIVE))
            .map(Node::text),
        Node::Scalar(_) => return Err(Error::invalid("no strategic merge patch strategy for a scalar")),
    };
    let directive = match value {
        None => return Ok(Directive::Merge),
        Some("merge") => Directive::Merge,
        Some("replace") => Directive::Replace,
        Some("delete") => Directive::Delete,
        Some(other) => return Err(Error::invalid(format!("unknown patch strategy `{other}`"))),
    };
    let value = value.unwrap_or_default().to_owned();
    match patch {
        Node::Map(_) => {
            patch.remove(DIRECTIVE);
        }
        Node::Seq(items) => set_element(items, None, &[DIRECTIVE.to_owned()], &[value])?,
        Node::Scalar(_) => {}
    }
    Ok(directive)
}

/// Decides which node the walk goes on with, and whether it is the object's own.
fn choose(dest: Option<Node>, patch: &mut Option<Node>, list: bool, shared: bool) -> Result<Walked, Error> {
    if present(&dest).is_none() {
        if let Some(patch) = patch.as_mut().filter(|_| !list)
            && matches!(directive(patch), Ok(Directive::Delete))
        {
            return Ok(Walked::GONE);
        }
        return Ok(match (&patch, dest) {
            (None, Some(Node::Scalar(null))) if !null.value.is_empty() && !list => {
                let kept = Scalar { keep: true, ..Scalar::tagged(null.value, Tag::Null) };
                Walked { node: Some(Node::Scalar(kept)), own: false }
            }
            (patch, _) => Walked { node: (*patch).clone(), own: false },
        });
    }
    let Some(patch_node) = patch.as_mut() else { return Ok(Walked { node: dest, own: true }) };
    if patch_node.is_null() {
        return Ok(Walked::GONE);
    }
    Ok(match directive(patch_node)? {
        Directive::Delete => Walked::GONE,
        Directive::Replace => Walked { node: Some(patch_node.clone()), own: false },
        Directive::Merge if shared => Walked { node: Some(patch_node.clone()), own: true },
        Directive::Merge => Walked { node: dest, own: true },
    })
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
                scalar.style = style;
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

fn is_kept(node: &Node) -> bool {
    !matches!(node, Node::Scalar(scalar) if scalar.tag == Tag::Null && !scalar.keep)
}

fn walk_joined(
    dest: Option<Node>,
    mut patch: Option<Node>,
    element: Option<Schema>,
    keys: &[String],
    context: Context<'_>,
) -> Result<Walked, Error> {
    let chosen = choose(dest, &mut patch, true, context.shared)?;
    let Walked { node: Some(Node::Seq(mut items)), own } = chosen else { return Ok(chosen) };
    let context = Context { shared: context.shared || !own, ..context };
    // A list that comes from the patch is, in kustomize, one and the same node on both sides.
    let mut patch_items = match patch {
        Some(Node::Seq(items)) if !context.shared => Some(items),
        _ => None,
    };
    let length = items.len() + patch_items.as_ref().map_or(0, Vec::len);
    if length > LONGEST_JOINED_LIST {
        return Err(
            ErrorKind::Limit { limit: "elements of a joined list", value: LONGEST_JOINED_LIST }.into()
        );
    }
    let primitive = [String::new()];
    let keys = if keys.is_empty() { &primitive } else { keys };
    // The patch's elements come first, so that new ones are put in front.
    let mut seen = HashSet::new();
    let sources = patch_items.iter().flatten().chain(&items);
    let mut values: Vec<Vec<String>> =
        sources.map(|item| key_values(item, keys)).filter(|values| seen.insert(values.clone())).collect();
    if keys.len() > 1 {
        join_partial(&mut values);
    }
    let valid: HashSet<usize> = values
        .iter()
        .flat_map(|v| v.iter().enumerate())
        .filter(|(_, v)| !v.is_empty())
        .map(|(i, _)| i)
        .collect();
    let mut added = Vec::new();
    let mut valid_keys = keys.to_vec();
    for value in &values {
        let (these_keys, these_values) = if valid.is_empty() {
            (keys.to_vec(), value.clone())
        } else {
            narrowed(keys, value, |i| valid.contains(&i))
        };
        valid_keys = these_keys;
        let step = Joined { keys: &valid_keys, values: &these_values, schema: element.clone(), context };
        step.join(&mut items, patch_items.as_deref_mut(), &mut added)?;
    }
    if !values.is_empty() {
        items = append(added, items, &valid_keys)?;
    }
    Ok(Walked { node: Some(Node::Seq(items)), own })
}

fn narrowed(keys: &[String], values: &[String], valid: impl Fn(usize) -> bool) -> (Vec<String>, Vec<String>) {
    let pairs = keys.iter().zip(values).enumerate().filter(|(i, _)| valid(*i));
    pairs.map(|(_, (key, value))| (key.clone(), value.clone())).unzip()
}

/// One combination of key values and the elements that have it.
struct Joined<'a> {
    keys: &'a [String],
    values: &'a [String],
    schema: Option<Schema>,
    context: Context<'a>,
}

impl Joined<'_> {
    fn join(
        &self,
        dest: &mut Vec<Node>,
        patch: Option<&mut [Node]>,
        added: &mut Vec<Node>,
    ) -> Result<(), Error> {
        meter::work((dest.len() + added.len()) * 4 + patch.as_ref().map_or(0, |items| items.len()))?;
        let has_value = self.values.iter().any(|v| !v.is_empty());
        let (keys, values) = if has_value {
            narrowed(self.keys, self.values, |i| self.values.get(i).is_some_and(|v| !v.is_empty()))
        } else {
            (self.keys.to_vec(), self.values.to_vec())
        };
        let at = dest.iter().position(|item| matches(item, &keys, &values));
        let old = at.and_then(|at| dest.get(at)).cloned();
        let in_patch = patch.and_then(|items| items.iter_mut().find(|item| matches(item, &keys, &values)));
        let new = if self.context.shared { old.clone() } else { in_patch.as_deref().cloned() };
        let Walked { node, own } = walk(old, new, self.schema.clone(), self.context)?;
        // The directive is read once; when the same element is met again it is an ordinary one.
        let read = if self.context.shared { at.and_then(|at| dest.get_mut(at)) } else { in_patch };
        if let Some(map @ Node::Map(_)) = read {
            directive(map)?;
        }
        let Some(mut node) = node.filter(|n| !n.is_null() && !matches!(n, Node::Map(f) if f.is_empty()))
        else {
            return set_element(dest, None, self.keys, self.values);
        };
        for (key, value) in self.keys.iter().zip(self.values).filter(|(_, value)| !value.is_empty()) {
            match &mut node {
                Node::Scalar(_) => {
                    node.set_scalar(Scalar::bare(value.clone()));
                }
                node if node.get(key).is_none() => node.set(key, Scalar::bare(value.clone())),
                _ => {}
            }
        }
        if (own || self.context.shared)
            && let Some(slot) = at.and_then(|at| dest.get_mut(at))
        {
            *slot = node.clone();
        }
        set_element(added, Some(node), self.keys, self.values)
    }
}

/// The values of the keys in an element; of a scalar, itself.
fn key_values(item: &Node, keys: &[String]) -> Vec<String> {
    let value = |key: &String| {
        if key.is_empty() {
            return item.text().to_owned();
        }
        item.get(key).filter(|v| !v.is_nil_or_empty()).map_or_else(String::new, |v| v.text().to_owned())
    };
    keys.iter().map(value).collect()
}

fn matches(item: &Node, keys: &[String], values: &[String]) -> bool {
    if keys.first().is_none_or(String::is_empty) {
        return item.text() == values.first().map_or("", String::as_str);
    }
    keys.iter().zip(values).all(|(key, value)| item.get(key).is_some_and(|field| field.text() == value))
}

/// Lets combinations that agree where both have a value take over each other's missing values.
fn join_partial(values: &mut [Vec<String>]) {
    let mut by_value: HashMap<(usize, String), Vec<usize>> = HashMap::new();
    for (at, combination) in values.iter().enumerate() {
        for (i, value) in combination.iter().enumerate() {
            by_value.entry((i, value.clone())).or_default().push(at);
        }
    }
    for a in 0..values.len() {
        // Only combinations that share a value can join; those were indexed before any joined.
        let mut others: Vec<usize> = values
            .get(a)
            .into_iter()
            .flat_map(|v| v.iter().enumerate())
            .filter_map(|(i, value)| by_value.get(&(i, value.clone())))
            .flatten()
            .copied()
            .collect();
        others.sort_unstable();
        others.dedup();
        for b in others {
            let joined = match (values.get(a), values.get(b)) {
                (Some(x), Some(y)) => joined(x, y),
                _ => None,
            };
            if let Some(joined) = joined {
                for at in [a, b] {
                    if let Some(slot) = values.get_mut(at) {
                        slot.clone_from(&joined);
                    }
                }
            }
        }
    }
}

fn joined(a: &[String], b: &[String]) -> Option<Vec<String>> {
    let mut common = false;
    let mut result = Vec::with_capacity(a.len());
    for (x, y) in a.iter().zip(b) {
        if x == y {
            common = true;
        } else if !x.is_empty() && !y.is_empty() {
            return None;
        }
        result.push(if x.is_empty() { y.clone() } else { x.clone() });
    }
    common.then_some(result)
}

/// Replaces, appends or (without an element) removes the elements that have the key values.
fn set_element(
    items: &mut Vec<Node>,
    element: Option<Node>,
    keys: &[String],
    values: &[String],
) -> Result<(), Error> {
    let by_field =
        keys.first().is_some_and(|k| !k.is_empty()) && values.first().is_some_and(|v| !v.is_empty());
    let mut found = false;
    let mut result = Vec::with_capacity(items.len() + 1);
    for item in std::mem::take(items) {
        if item.is_null() || matches!(&item, Node::Map(fields) if fields.is_empty()) {
            continue;
        }
        if !matches!(item, Node::Map(_)) && by_field {
            result.push(item);
            continue;
        }
        if !is_element(&item, keys, values)? {
            if !values.is_empty() {
                result.push(item);
            }
            continue;
        }
        found = true;
        result.extend(element.clone());
    }
    *items = result;
    if let Some(element) = element.filter(|e| !found && !e.is_null()) {
        items.push(element);
    }
    Ok(())
}

fn is_element(item: &Node, keys: &[String], values: &[String]) -> Result<bool, Error> {
    let mut found = !values.is_empty();
    for (key, value) in keys.iter().zip(values) {
        found = match (key.as_str(), item) {
            ("", Node::Scalar(scalar)) => scalar.value == *value,
            ("", _) => return Err(Error::invalid("wrong node kind: expected a scalar in a list")),
            (_, Node::Map(_)) => item.get(key).is_some_and(|f| value.is_empty() || f.text() == value),
            _ => return Err(Error::invalid("wrong node kind: expected a map in a list")),
        };
        if !found {
            break;
        }
    }
    Ok(found)
}

/// Puts the object's elements behind the merged ones; where both have the key values the object's (merged) one stays.
fn append(mut merged: Vec<Node>, items: Vec<Node>, keys: &[String]) -> Result<Vec<Node>, Error> {
    for item in items {
        if keys.first().is_none_or(String::is_empty) {
            let value = item.text().to_owned();
            set_element(&mut merged, Some(item), &[String::new()], &[value])?;
            continue;
        }
        let mut values = Vec::new();
        for key in keys {
            if matches!(&item, Node::Scalar(_) | Node::Seq(_)) && !item.is_null() {
                return Err(Error::invalid("wrong node kind: expected a map in a list"));
            }
            match item.get(key) {
                None => merged.push(item.clone()),
                Some(value) => values.push(value.text().to_owned()),
            }
        }
        if keys.len() > 1 {
            set_element(&mut merged, None, keys, &values)?;
        }
        set_element(&mut merged, Some(item), keys, &values)?;
    }
    Ok(merged)
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
