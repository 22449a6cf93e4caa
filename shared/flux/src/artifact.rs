//! The artifact that source-controller would publish for a tree: what a Kustomization can see of a repository.

use kustomize::{Entry, EntryKind, Tree, TreeError};
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ignore::Patterns;
use crate::{Error, GitRepository};

/// Entries that a repository may have; more is refused.
const MAX_ENTRIES: usize = 2_000_000;
/// How deep directories may nest.
const MAX_DEPTH: usize = 256;

/// A tree without what source-controller leaves out: symbolic links, submodules, what lies outside
/// `spec.sparseCheckout`, and what `.sourceignore` files, `spec.ignore` or the default exclusions exclude.
pub struct Artifact<'a> {
    tree: &'a dyn Tree,
    listing: Arc<Listing>,
}

/// Which paths of a tree are in an [`Artifact`]. Making one walks the whole tree, so that many Kustomizations of one
/// source and commit should share it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    directories: BTreeMap<String, BTreeMap<String, EntryKind>>,
}

impl<'a> Artifact<'a> {
    /// The artifact of `source` for the content `tree`; see [`Listing::of`].
    pub fn new(tree: &'a dyn Tree, source: &GitRepository) -> Result<Self, Error> {
        Ok(Self::with(tree, Arc::new(Listing::of(tree, source)?)))
    }

    /// The artifact for the content `tree` and a listing that was made from it before.
    pub fn with(tree: &'a dyn Tree, listing: Arc<Listing>) -> Self {
        Self { tree, listing }
    }
}

impl Listing {
    /// What of `tree` is in the artifact of `source`. Walks the whole tree once and reads its `.sourceignore` files.
    ///
    /// `spec.include` is refused, since other repositories would have to be brought too, and so is
    /// `spec.recurseSubmodules` when there are submodules.
    pub fn of(tree: &dyn Tree, source: &GitRepository) -> Result<Self, Error> {
        let unsupported = |field: &str, reason: &str| Error::Unsupported {
            object: format!("GitRepository/{}", source.key),
            field: field.into(),
            reason: reason.into(),
        };
        if !source.include.is_empty() {
            return Err(unsupported("spec.include", "the content of other repositories is not known here"));
        }
        let walk = Walk::of(tree, &source.sparse_checkout)
            .map_err(|reason| Error::Content { object: format!("GitRepository/{}", source.key), reason })?;
        if source.recurse_submodules && walk.submodules {
            return Err(unsupported("spec.recurseSubmodules", "the content of submodules is not known here"));
        }
        let mut patterns = walk.patterns;
        patterns.add(source.ignore.as_deref().unwrap_or_default(), "");
        let patterns = patterns.complete();

        let mut listing = Self { directories: BTreeMap::from([(String::new(), BTreeMap::new())]) };
        for (path, kind) in walk.entries {
            let parts: Vec<&str> = path.split('/').collect();
            if !patterns.exclude(&parts, kind == EntryKind::Directory) {
                listing.insert(&path, kind);
            }
        }
        Ok(listing)
    }

    /// Adds an entry and the directories above it, which unpacking an archive creates too.
    fn insert(&mut self, path: &str, kind: EntryKind) {
        if kind == EntryKind::Directory {
            self.directories.entry(path.to_owned()).or_default();
        }
        let (mut path, mut kind) = (path, kind);
        loop {
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
            let known = self.directories.entry(parent.to_owned()).or_default().insert(name.to_owned(), kind);
            if parent.is_empty() || known.is_some() {
                return;
            }
            (path, kind) = (parent, EntryKind::Directory);
        }
    }
}

impl Tree for Artifact<'_> {
    fn kind(&self, path: &str) -> Option<EntryKind> {
        if path.is_empty() {
            return Some(EntryKind::Directory);
        }
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.listing.directories.get(parent)?.get(name).copied()
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, TreeError> {
        match self.kind(path) {
            Some(EntryKind::File) => self.tree.read(path),
            _ => Err(TreeError::NotFound { path: path.to_owned() }),
        }
    }

    fn list(&self, dir: &str) -> Result<Vec<Entry>, TreeError> {
        let entries =
            self.listing.directories.get(dir).ok_or_else(|| TreeError::NotFound { path: dir.to_owned() })?;
        Ok(entries.iter().map(|(name, kind)| Entry { name: name.clone(), kind: *kind }).collect())
    }
}

/// Everything in a tree that can be in an artifact, parents before children.
#[derive(Default)]
struct Walk {
    entries: Vec<(String, EntryKind)>,
    patterns: Patterns,
    submodules: bool,
}

impl Walk {
    fn of(tree: &dyn Tree, sparse: &[String]) -> Result<Self, String> {
        let sparse: Vec<&str> = sparse.iter().map(|dir| dir.strip_prefix("./").unwrap_or(dir)).collect();
        let mut walk = Self::default();
        walk.directory(tree, &sparse, "", 0)?;
        Ok(walk)
    }

    fn directory(&mut self, tree: &dyn Tree, sparse: &[&str], dir: &str, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("nests deeper than {MAX_DEPTH} directories"));
        }
        let checked_out =
            |path: &str| sparse.is_empty() || sparse.iter().any(|prefix| path.starts_with(prefix));
        let listed = tree.list(dir).map_err(|error| format!("cannot be listed: {error}"))?;
        let ignore_file = join(dir, ".sourceignore");
        if checked_out(&ignore_file) && tree.kind(&ignore_file) == Some(EntryKind::File) {
            let bytes = tree.read(&ignore_file).map_err(|error| format!("cannot be read: {error}"))?;
            self.patterns.add(&String::from_utf8_lossy(&bytes), dir);
        }
        for entry in listed {
            let path = join(dir, &entry.name);
            if self.entries.len() >= MAX_ENTRIES {
                return Err(format!("has more than {MAX_ENTRIES} files"));
            }
            match entry.kind {
                EntryKind::File if checked_out(&path) => self.entries.push((path, entry.kind)),
                EntryKind::Directory => {
                    self.entries.push((path.clone(), entry.kind));
                    let with_directory = self.entries.len();
                    self.directory(tree, sparse, &path, depth + 1)?;
                    if !sparse.is_empty() && self.entries.len() == with_directory {
                        self.entries.pop();
                    }
                }
                EntryKind::Submodule => self.submodules = true,
                _ => {}
            }
        }
        Ok(())
    }
}

/// A path below a directory, where `""` is the root.
pub(crate) fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use kustomize::MemoryTree;
    use serde_json::{Value, json};

    /// A tree with a symbolic link, a submodule and some files.
    struct Repository(MemoryTree);

    impl Tree for Repository {
        fn kind(&self, path: &str) -> Option<EntryKind> {
            match path {
                "link" => Some(EntryKind::Symlink),
                "module" => Some(EntryKind::Submodule),
                path => self.0.kind(path),
            }
        }

        fn read(&self, path: &str) -> Result<Arc<[u8]>, TreeError> {
            self.0.read(path)
        }

        fn list(&self, dir: &str) -> Result<Vec<Entry>, TreeError> {
            let mut entries = self.0.list(dir)?;
            if dir.is_empty() {
                entries.push(Entry { name: "link".into(), kind: EntryKind::Symlink });
                entries.push(Entry { name: "module".into(), kind: EntryKind::Submodule });
            }
            Ok(entries)
        }
    }

    fn source(spec: Value) -> GitRepository {
        let mut spec = spec;
        spec["url"] = json!("https://example.com/acme/fleet");
        GitRepository::from_value(&json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": "fleet", "namespace": "flux-system"}, "spec": spec,
        }))
        .unwrap()
    }

    fn paths(tree: &dyn Tree, dir: &str) -> Vec<String> {
        let mut all = Vec::new();
        for entry in tree.list(dir).unwrap() {
            let path = join(dir, &entry.name);
            assert_eq!(tree.kind(&path), Some(entry.kind));
            match entry.kind {
                EntryKind::Directory => all.extend(paths(tree, &path)),
                _ => all.push(path),
            }
        }
        all
    }

    fn check(files: &[(&str, &str)], spec: Value, expected: &[&str]) {
        let repository = Repository(MemoryTree::new(files.iter().copied()));
        let artifact = Artifact::new(&repository, &source(spec)).unwrap();
        assert_eq!(paths(&artifact, ""), expected);
        assert!(artifact.read("link").is_err() && artifact.kind("module").is_none());
    }

    #[test]
    fn links_submodules_and_default_exclusions_are_left_out() {
        check(&[("apps/a.yaml", ""), (".github/w.yml", ""), ("logo.png", "")], json!({}), &["apps/a.yaml"]);
    }

    #[test]
    fn patterns_replace_the_defaults() {
        let files = [("apps/a.yaml", ""), ("apps/b.yaml", ""), ("apps/.sourceignore", "a.*"), ("x.png", "")];
        check(&files, json!({}), &["apps/.sourceignore", "apps/b.yaml", "x.png"]);
        check(&files, json!({"ignore": "/*\n!/apps"}), &["apps/.sourceignore", "apps/a.yaml", "apps/b.yaml"]);
        check(&files, json!({"ignore": "/apps\n!a.yaml"}), &["apps/a.yaml", "x.png"]);
    }

    #[test]
    fn sparse_checkouts_see_less() {
        let files = [("apps/a.yaml", ""), ("infra/b.yaml", ""), (".sourceignore", "a.yaml")];
        check(&files, json!({"sparseCheckout": ["./apps"]}), &["apps/a.yaml"]);
    }

    /// A tree that goes down for ever.
    struct Bottomless;

    impl Tree for Bottomless {
        fn kind(&self, path: &str) -> Option<EntryKind> {
            (!path.ends_with(".sourceignore")).then_some(EntryKind::Directory)
        }

        fn read(&self, path: &str) -> Result<Arc<[u8]>, TreeError> {
            Err(TreeError::NotFound { path: path.to_owned() })
        }

        fn list(&self, _: &str) -> Result<Vec<Entry>, TreeError> {
            Ok(vec![Entry { name: "d".into(), kind: EntryKind::Directory }])
        }
    }

    #[test]
    fn a_walk_has_an_end() {
        let error = Artifact::new(&Bottomless, &source(json!({}))).err().unwrap();
        assert_eq!(
            error.to_string(),
            "content of `GitRepository/flux-system/fleet` nests deeper than 256 directories"
        );
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let error = |spec: Value| {
            let repository = Repository(MemoryTree::new([("a", "")]));
            Artifact::new(&repository, &source(spec)).err().unwrap().to_string()
        };
        assert_eq!(
            error(json!({"include": [{"repository": {"name": "other"}}]})),
            "`spec.include` of `GitRepository/flux-system/fleet` is not supported: the content of other repositories is not known here"
        );
        assert!(error(json!({"recurseSubmodules": true})).starts_with("`spec.recurseSubmodules`"));
    }
}
