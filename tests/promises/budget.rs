//! How many requests an analysis may make about one object: two dry-runs, one for each side, and two reads, since it may leave
//! one Kustomization for another, or hold variables too.

use std::collections::{BTreeMap, BTreeSet};

use flux::{Artifact, GitRepository, Kustomization, Variables};
use kustomize::MemoryTree;
use serde_json::Value;

use crate::front::Request;

type Files = BTreeMap<String, Vec<u8>>;

/// Dry-runs of one object, and reads of one.
const MOST: usize = 2;

/// What was asked more often than it may be.
pub(crate) fn overrun(requests: &[Request]) -> Vec<String> {
    let mut counts = BTreeMap::new();
    for request in requests.iter().filter(|request| request.is_of_an_object()) {
        *counts.entry((request.method.as_str(), request.path.as_str())).or_insert(0) += 1;
    }
    let over = counts.iter().filter(|(_, count)| **count > MOST);
    over.map(|((method, path), count)| format!("{method} {path}: {count} times")).collect()
}

/// What one side renders.
pub(crate) struct Side {
    pub(crate) rendered: Vec<(Kustomization, Vec<Value>)>,
}

impl Side {
    /// Every Kustomization that the first one leads to, rendered. One that does not render holds nothing.
    pub(crate) fn of(flux: &[Value], files: &Files, known: &[Value]) -> Self {
        let tree = MemoryTree::new(files.clone());
        let source = GitRepository::from_value(&flux[0]).unwrap();
        let artifact = Artifact::new(&tree, &source).unwrap();
        let mut waiting = vec![Kustomization::from_value(&flux[1]).unwrap()];
        let (mut side, mut done) = (Self { rendered: Vec::new() }, BTreeSet::new());
        while let Some(next) = waiting.pop() {
            if !done.insert(next.key.to_string()) {
                continue;
            }
            let mut values = BTreeMap::new();
            for reference in flux::substitute_from(&next) {
                let named = known.iter().find(|object| object["metadata"]["name"] == reference.name.as_str());
                values.extend(named.map(|object| (reference, object.clone())));
            }
            let rendered = Variables::of(&next, &values)
                .and_then(|variables| flux::render(&artifact, &next, &variables, &flux::Options::default()));
            let objects = rendered.map(|rendered| rendered.objects).unwrap_or_default();
            waiting.extend(objects.iter().filter_map(|object| Kustomization::from_value(object).ok()));
            side.rendered.push((next, objects));
        }
        side
    }
}

#[cfg(test)]
mod tests {
    use super::{Request, overrun};

    #[test]
    fn one_more_than_allowed_is_told() {
        let request = |method: &str| Request {
            method: method.to_owned(),
            path: "/api/v1/namespaces/a/configmaps/b".to_owned(),
            query: String::new(),
        };
        let (read, dry_run) = (request("GET"), request("PATCH"));
        assert!(overrun(&[read.clone(), dry_run.clone(), dry_run.clone()]).is_empty());
        let over = [read.clone(), read, dry_run.clone(), dry_run.clone(), dry_run];
        assert_eq!(overrun(&over).len(), 1);
    }
}
