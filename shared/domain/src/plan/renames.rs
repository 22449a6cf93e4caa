//! ConfigMaps and Secrets that kustomize names by the hash of their content: with other content one goes and one comes, and a
//! reader is told of one object with another name.

use std::collections::BTreeMap;

use super::{Fate, ObjectPlan};

/// What kustomize writes its hashes with: the digits of hexadecimal numbers, vowels and what looks like them replaced.
const LETTERS: &[u8] = b"2456789bcdfghkmt";
/// How long they are.
const LENGTH: usize = 10;

type Stem = (String, String, String);

/// Puts the deleted object of each stem to the created one, where there is one of each and no more.
pub(super) fn join(plans: Vec<ObjectPlan>) -> Vec<ObjectPlan> {
    let mut stems: BTreeMap<Stem, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (i, plan) in plans.iter().enumerate() {
        let Some(stem) = stem(plan) else { continue };
        let (created, deleted) = stems.entry(stem).or_default();
        match plan.fate {
            Fate::Create => created.push(i),
            Fate::Delete => deleted.push(i),
            _ => {}
        }
    }
    let mut plans: Vec<Option<ObjectPlan>> = plans.into_iter().map(Some).collect();
    for (created, deleted) in stems.values() {
        let ([new], [old]) = (created.as_slice(), deleted.as_slice()) else { continue };
        let before = plans.get_mut(*old).and_then(Option::take).and_then(|plan| plan.before);
        if let Some(plan) = plans.get_mut(*new).and_then(Option::as_mut) {
            (plan.fate, plan.before) = (Fate::Rename, before);
        }
    }
    plans.into_iter().flatten().collect()
}

/// Kind, namespace and the name without its hash.
fn stem(plan: &ObjectPlan) -> Option<Stem> {
    let id = &plan.id;
    if !id.group.is_empty() || !matches!(id.kind.as_str(), "ConfigMap" | "Secret") {
        return None;
    }
    let (stem, hash) = id.name.rsplit_once('-')?;
    let hashed = hash.len() == LENGTH && hash.bytes().all(|byte| LETTERS.contains(&byte));
    hashed.then(|| (id.kind.clone(), id.namespace.clone(), stem.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::{Pruning, objects};
    use serde_json::{Value, json};

    fn map(name: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "a"}})
    }

    fn check(base: &[&str], result: &[&str], expected: &[&str]) {
        let maps = |names: &[&str]| names.iter().map(|name| map(name)).collect::<Vec<_>>();
        let pruning = Pruning { enabled: true, ..Pruning::default() };
        let plans = objects(&maps(base), &maps(result), &pruning);
        let got: Vec<String> = plans.iter().map(|p| format!("{:?} {}", p.fate, p.id.name)).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn another_hash_is_another_name() {
        check(&["a-t9gcd5m485"], &["a-7c8hg5m4mt"], &["Rename a-7c8hg5m4mt"]);
        check(&["a-t9gcd5m485"], &["b-7c8hg5m4mt"], &["Create b-7c8hg5m4mt", "Delete a-t9gcd5m485"]);
        check(&["a-production"], &["a-7c8hg5m4mt"], &["Create a-7c8hg5m4mt", "Delete a-production"]);
        let (one, two) = ("a-t9gcd5m485", "a-t9gcd5m486");
        let both = &["Create a-7c8hg5m4mt", "Delete a-t9gcd5m485", "Delete a-t9gcd5m486"];
        check(&[one, two], &["a-7c8hg5m4mt"], both);
    }
}
