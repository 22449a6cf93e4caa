//! `spec.include`: content of other sources below a directory of this one, as source-controller copies it in before it
//! applies the ignore rules.

use kustomize::{EntryKind, Tree};
use std::collections::BTreeMap;

use super::{Listing, Walk, is_below, join};
use crate::{Error, GitRepository, Include, ObjectKey};

/// Sources that include each other are followed so deep.
const MAX_INCLUDES: usize = 8;

/// What is in the artifact of `source`.
pub(super) fn listing(
    tree: &dyn Tree,
    source: &GitRepository,
    others: &BTreeMap<ObjectKey, GitRepository>,
    depth: usize,
) -> Result<Listing, Error> {
    let object = || format!("GitRepository/{}", source.key);
    let content = |reason: String| Error::Content { object: object(), reason };
    let unsupported = |field: &str, reason: &str| Error::Unsupported {
        object: object(),
        field: field.into(),
        reason: reason.into(),
    };
    if depth > MAX_INCLUDES {
        return Err(unsupported("spec.include", "sources include each other, or nest too deep"));
    }
    let mut walk = Walk::of(tree, &source.sparse_checkout).map_err(content)?;
    if source.recurse_submodules && walk.submodules {
        return Err(unsupported("spec.recurseSubmodules", "the content of submodules is not known here"));
    }
    let mut listing = Listing {
        directories: BTreeMap::from([(String::new(), BTreeMap::new())]),
        included: BTreeMap::new(),
        unknown: BTreeMap::new(),
    };
    for include in &source.include {
        let key = ObjectKey::new(&source.key.namespace, &include.repository);
        let to = clean(include.to_path.as_deref().filter(|to| !to.is_empty()).unwrap_or(&include.repository));
        let Some(other) = others.get(&key) else {
            let why =
                format!("`{to}` is included from `GitRepository/{key}`, whose content is not known here");
            listing.unknown.insert(to, why);
            continue;
        };
        let other = self::listing(tree, other, others, depth + 1)?;
        copy(tree, &other, include, &to, &mut walk, &mut listing).map_err(content)?;
    }
    walk.patterns.add(source.ignore.as_deref().unwrap_or_default(), "");
    let patterns = walk.patterns.complete();
    for (path, kind) in walk.entries {
        let parts: Vec<&str> = path.split('/').collect();
        if !patterns.exclude(&parts, kind == EntryKind::Directory) {
            listing.insert(&path, kind);
        }
    }
    Ok(listing)
}

/// Copies what `other` has below `include.from_path` to `to`.
fn copy(
    tree: &dyn Tree,
    other: &Listing,
    include: &Include,
    to: &str,
    walk: &mut Walk,
    listing: &mut Listing,
) -> Result<(), String> {
    let from = clean(include.from_path.as_deref().unwrap_or_default());
    if walk.entries.iter().any(|(path, _)| is_below(to, path)) {
        return Err(format!("already has `{to}`, where `{}` is to be included", include.repository));
    }
    let mut found = false;
    for (path, (place, kind)) in other.paths() {
        let rest = if from.is_empty() { Some(path.as_str()) } else { path.strip_prefix(from.as_str()) };
        let Some(rest) = rest.filter(|rest| from.is_empty() || rest.is_empty() || rest.starts_with('/'))
        else {
            continue;
        };
        found = true;
        let target = join(to, rest.trim_start_matches('/')).trim_end_matches('/').to_owned();
        if kind == EntryKind::File && target.rsplit('/').next() == Some(".sourceignore") {
            let bytes = tree.read(&place).map_err(|error| format!("cannot be read: {error}"))?;
            let dir = target.rsplit_once('/').map_or("", |(dir, _)| dir);
            walk.patterns.add(&String::from_utf8_lossy(&bytes), dir);
        }
        if kind == EntryKind::File {
            listing.included.insert(target.clone(), place);
        }
        walk.entries.push((target, kind));
    }
    for (dir, why) in other.unknown.iter().filter(|(dir, _)| from.is_empty() || is_below(&from, dir)) {
        let rest = dir.strip_prefix(from.as_str()).unwrap_or(dir).trim_start_matches('/');
        listing.unknown.insert(join(to, rest).trim_end_matches('/').to_owned(), why.clone());
    }
    if found || !listing.unknown.is_empty() {
        return Ok(());
    }
    Err(format!("includes `{from}` of `{}`, where there is nothing", include.repository))
}

/// A path without `.`, `..` and empty parts; `..` never leaves the root.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::Artifact;
    use kustomize::MemoryTree;
    use serde_json::{Value, json};
    use std::collections::BTreeSet;
    use std::sync::Arc;

    fn source(name: &str, spec: Value) -> GitRepository {
        let mut spec = spec;
        spec["url"] = json!("https://example.com/acme/fleet");
        GitRepository::from_value(&json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": name, "namespace": "flux-system"}, "spec": spec,
        }))
        .unwrap()
    }

    fn include(from: &str, to: &str) -> Value {
        json!({"sparseCheckout": ["apps"], "include": [{"repository": {"name": "lib"}, "fromPath": from, "toPath": to}]})
    }

    fn listed(files: &[(&str, &str)], own: Value, lib: Value) -> Result<Vec<String>, String> {
        let tree = MemoryTree::new(files.iter().copied());
        let others = BTreeMap::from([(ObjectKey::new("flux-system", "lib"), source("lib", lib))]);
        let listing =
            Listing::with_includes(&tree, &source("own", own), &others).map_err(|e| e.to_string())?;
        let files = listing.paths().into_iter().filter(|(_, (_, kind))| *kind == EntryKind::File);
        let files: Vec<String> = files.map(|(path, _)| path).collect();
        let artifact = Artifact::with(&tree, Arc::new(listing));
        assert!(files.iter().all(|path| artifact.read(path).is_ok()), "{files:?}");
        Ok(files)
    }

    const FILES: [(&str, &str); 4] =
        [("apps/a.yaml", "a"), ("lib/x/b.yaml", "b"), ("lib/c.yaml", "c"), ("d.md", "d")];

    #[test]
    fn included_directories_stand_where_they_are_put() {
        let both = |from: &str, to: &str| listed(&FILES, include(from, to), json!({"ignore": "*.md"}));
        assert_eq!(both("lib/x", "apps/lib").unwrap(), ["apps/a.yaml", "apps/lib/b.yaml"]);
        assert_eq!(both("./lib", "").unwrap(), ["apps/a.yaml", "lib/c.yaml", "lib/x/b.yaml"]);
        assert_eq!(both("", "./all/").unwrap().len(), 4, "what the included source leaves out is not there");
        assert_eq!(both("lib/c.yaml", "../one.yaml").unwrap(), ["apps/a.yaml", "one.yaml"]);
        assert!(both("lib", "apps").unwrap_err().contains("already has `apps`"));
        assert!(both("none", "x").unwrap_err().contains("where there is nothing"));
    }

    #[test]
    fn the_ignore_rules_of_the_including_source_hold_for_what_is_included() {
        let mut own = include("lib", "in");
        own["ignore"] = json!("/in/x/");
        assert_eq!(listed(&FILES, own, json!({})).unwrap(), ["apps/a.yaml", "in/c.yaml"]);
    }

    #[test]
    fn sources_that_include_each_other_have_an_end() {
        let error = listed(&FILES, include("", "x"), include("", "y")).unwrap_err();
        assert!(error.contains("sources include each other"), "{error}");
    }

    #[test]
    fn what_is_not_known_is_told_when_it_is_looked_at() {
        let tree = MemoryTree::new(FILES);
        let own = source("own", include("a", "apps/lib"));
        let listing = Listing::of(&tree, &own).unwrap();
        let why = |read: &str| listing.unknown(&BTreeSet::from([read.to_owned()])).map(str::to_owned);
        assert!(why("apps/lib/deep/x.yaml").unwrap().contains("`GitRepository/flux-system/lib`"));
        assert!(why("apps").is_some() && why("").is_some());
        assert_eq!((why("apps/library"), why("apps/a.yaml")), (None, None));
    }

    #[test]
    fn differences_are_those_of_the_artifact() {
        let check = |before: (&str, Value), after: (&str, Value), changed: &[&str], expected: &[&str]| {
            let side = |(ignored, spec): (&str, Value)| {
                let tree = MemoryTree::new(FILES.into_iter().chain([(".sourceignore", ignored)]));
                let others =
                    BTreeMap::from([(ObjectKey::new("flux-system", "lib"), source("lib", json!({})))]);
                Listing::with_includes(&tree, &source("own", spec), &others).unwrap()
            };
            let changed = changed.iter().map(|path| (*path).to_owned()).collect();
            let found = Listing::differences(&side(before), &side(after), &changed);
            assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected);
        };
        let plain = || json!({});
        check(("# a", plain()), ("# b", plain()), &[".sourceignore"], &[".sourceignore"]);
        check(("#", plain()), ("d.md", plain()), &[".sourceignore"], &[".sourceignore", "d.md"]);
        check(("d.md", plain()), ("d.md", plain()), &["d.md"], &[]);
        check(("#", plain()), ("#", json!({"ignore": "/apps"})), &[], &["apps", "apps/a.yaml"]);
        let mounted = || include("lib", "in");
        check(("#", mounted()), ("#", mounted()), &["lib/c.yaml", "d.md"], &["in/c.yaml"]);
        check(
            ("#", mounted()),
            ("#", include("lib/x", "in")),
            &[],
            &["in/b.yaml", "in/c.yaml", "in/x", "in/x/b.yaml"],
        );
    }
}
