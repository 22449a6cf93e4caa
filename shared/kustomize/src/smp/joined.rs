//! The walk over lists whose elements are joined by keys.

use std::collections::HashSet;

use super::directive::{choose, directive};
use super::list::{append, join_partial, key_values, matches, set_element};
use super::{Context, Walked, walk};
use crate::node::{Node, Scalar};
use crate::schema::Schema;
use crate::{Error, ErrorKind, meter};

/// Elements that a list joined by keys may have; joining compares all with all.
const LONGEST_JOINED_LIST: usize = 10_000;

pub(super) fn walk_joined(
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
            // One that is unknown was refused by the walk, or counts for nothing in a new element.
            directive(map).ok();
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
