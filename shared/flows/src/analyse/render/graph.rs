//! How Kustomizations hang together: which depends on which, and what of that can never come to rest.

use std::collections::{BTreeMap, BTreeSet};

use flux::{Kustomization, ObjectKey};

use super::Side;

/// Who leads to whom.
type Edges = BTreeMap<ObjectKey, BTreeSet<ObjectKey>>;

/// What others of the same level depend on comes first; cycles keep the order they came in.
pub(super) fn by_dependency(level: Vec<Kustomization>) -> Vec<Kustomization> {
    let mut waiting = level;
    let mut sorted: Vec<Kustomization> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let names: BTreeSet<ObjectKey> = waiting.iter().map(|k| k.key.clone()).collect();
        let free =
            |k: &Kustomization| k.spec.depends_on.iter().all(|d| d.key == k.key || !names.contains(&d.key));
        let (ready, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(free);
        if ready.is_empty() {
            sorted.extend(rest);
            break;
        }
        sorted.extend(ready);
        waiting = rest;
    }
    sorted
}

/// Sentences about Kustomizations that render each other, wait for each other, or are rendered twice.
pub(super) fn notes(side: &Side) -> Vec<String> {
    let parents = side.parents();
    let mut notes: Vec<String> = cycles(rendering(&parents))
        .iter()
        .map(|cycle| format!("{} render each other.", names(cycle, " and ")))
        .collect();
    notes.extend(cycles(waiting(side)).iter().map(|cycle| match cycle.as_slice() {
        [own] => format!("`{own}` depends on itself (`dependsOn`): the controller never applies it."),
        more => format!(
            "{} depend on each other (`dependsOn`): the controller applies none of them.",
            names(more, " and ")
        ),
    }));
    for (child, parents) in parents.iter().filter(|(_, parents)| parents.len() > 1) {
        let (who, first) = (names(parents, " and "), names(&parents[..1], ""));
        notes.push(format!(
            "`{child}` is rendered by {who}, which overwrite each other's version: the one of {first} is shown."
        ));
    }
    notes
}

fn names(keys: &[ObjectKey], between: &str) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(between)
}

fn rendering(parents: &BTreeMap<ObjectKey, Vec<ObjectKey>>) -> Edges {
    parents.iter().map(|(child, parents)| (child.clone(), parents.iter().cloned().collect())).collect()
}

fn waiting(side: &Side) -> Edges {
    let depends = |k: &Kustomization| k.spec.depends_on.iter().map(|d| d.key.clone()).collect();
    side.nodes.iter().map(|(key, node)| (key.clone(), depends(&node.kustomization))).collect()
}

/// The cycles of a graph, each once, in the order of its edges; cycles that share a member count as one.
fn cycles(mut edges: Edges) -> Vec<Vec<ObjectKey>> {
    let mut found = Vec::new();
    loop {
        trim(&mut edges);
        let Some(start) = edges.keys().next().cloned() else { return found };
        let mut path = vec![start];
        let cycle = loop {
            let here = path.last().and_then(|key| edges.get(key));
            // Everything that is left leads to something that is left.
            let Some(next) = here.and_then(|to| to.iter().find(|key| edges.contains_key(*key))) else {
                break path.clone();
            };
            match path.iter().position(|key| key == next) {
                Some(at) => break path.split_off(at),
                None => path.push(next.clone()),
            }
        };
        cycle.iter().for_each(|key| drop(edges.remove(key)));
        found.push(cycle);
    }
}

/// Removes what leads to nothing, until everything leads somewhere.
fn trim(edges: &mut Edges) {
    loop {
        let ends: Vec<ObjectKey> = edges
            .iter()
            .filter(|(_, to)| !to.iter().any(|key| edges.contains_key(key)))
            .map(|(key, _)| key.clone())
            .collect();
        if ends.is_empty() {
            return;
        }
        ends.iter().for_each(|key| drop(edges.remove(key)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(edges: &[(&str, &[&str])], expected: &[&str]) {
        let key = |name: &str| ObjectKey::new("a", name);
        let edges =
            edges.iter().map(|(from, to)| (key(from), to.iter().map(|to| key(to)).collect())).collect();
        let found = cycles(edges);
        let found: Vec<String> = found
            .iter()
            .map(|cycle| cycle.iter().map(|k| k.name.as_str()).collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn cycles_are_found_and_nothing_else() {
        check(&[("a", &["b"]), ("b", &["c"]), ("c", &[])], &[]);
        check(&[("a", &["a"])], &["a"]);
        check(
            &[("a", &["b"]), ("b", &["a", "c"]), ("c", &["d"]), ("d", &["c"]), ("e", &["a"])],
            &["a b", "c d"],
        );
        check(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])], &["b c"]);
        check(&[("a", &["missing"])], &[]);
    }
}
