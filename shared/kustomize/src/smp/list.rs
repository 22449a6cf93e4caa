//! Elements of lists by the values of their keys: finding, setting, appending, and completing partial keys.

use std::collections::HashMap;

use crate::Error;
use crate::node::Node;

/// The values of the keys in an element; of a scalar, itself.
pub(super) fn key_values(item: &Node, keys: &[String]) -> Vec<String> {
    let value = |key: &String| {
        if key.is_empty() {
            return item.text().to_owned();
        }
        item.get(key).filter(|v| !v.is_nil_or_empty()).map_or_else(String::new, |v| v.text().to_owned())
    };
    keys.iter().map(value).collect()
}

pub(super) fn matches(item: &Node, keys: &[String], values: &[String]) -> bool {
    if keys.first().is_none_or(String::is_empty) {
        return item.text() == values.first().map_or("", String::as_str);
    }
    keys.iter().zip(values).all(|(key, value)| item.get(key).is_some_and(|field| field.text() == value))
}

/// Lets combinations that agree where both have a value take over each other's missing values.
pub(super) fn join_partial(values: &mut [Vec<String>]) {
    let mut by_value: HashMap<(usize, String), Vec<usize>> = HashMap::new();
    for (at, combination) in values.iter().enumerate() {
        for (i, value) in combination.iter().enumerate() {
            by_value.entry((i, value.clone())).or_default().push(at);
        }
    }
    for a in 0..values.len() {
        // What `a` was when its turn came is compared with all, also after it has joined one of them.
        let Some(first) = values.get(a).cloned() else { continue };
        // Only combinations that share a value can join.
        let mut others: Vec<usize> = first
            .iter()
            .enumerate()
            .filter_map(|(i, value)| by_value.get(&(i, value.clone())))
            .flatten()
            .copied()
            .collect();
        others.sort_unstable();
        others.dedup();
        for b in others {
            if let Some(joined) = values.get(b).and_then(|other| joined(&first, other)) {
                for at in [a, b] {
                    for (i, value) in joined.iter().enumerate() {
                        let known = by_value.entry((i, value.clone())).or_default();
                        if !known.contains(&at) {
                            known.push(at);
                        }
                    }
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
pub(super) fn set_element(
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
pub(super) fn append(mut merged: Vec<Node>, items: Vec<Node>, keys: &[String]) -> Result<Vec<Node>, Error> {
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
