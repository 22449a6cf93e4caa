//! The artifact that source-controller would publish for a tree: what a Kustomization can see of a repository.

mod include;
mod walk;

use kustomize::{Entry, EntryKind, Tree, TreeError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::{Error, GitRepository, ObjectKey};
use walk::Walk;

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
    /// Where in the tree an included file stands, by its path in the artifact.
    included: BTreeMap<String, String>,
    /// Directories whose content is not known, each with the sentence that says why.
    unknown: BTreeMap<String, String>,
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
    /// What of `tree` is in the artifact of `source`, which includes nothing that is known. Walks the whole tree once and
    /// reads its `.sourceignore` files.
    ///
    /// `spec.recurseSubmodules` is refused when there are submodules.
    pub fn of(tree: &dyn Tree, source: &GitRepository) -> Result<Self, Error> {
        Self::with_includes(tree, source, &BTreeMap::new())
    }

    /// The same, with what `spec.include` brings from `others`: sources of the very same tree, by their keys. What another
    /// source would bring is not known, and [`unknown`](Self::unknown) tells when a build looked for it.
    pub fn with_includes(
        tree: &dyn Tree,
        source: &GitRepository,
        others: &BTreeMap<ObjectKey, GitRepository>,
    ) -> Result<Self, Error> {
        include::listing(tree, source, others, 0)
    }

    /// Why a build that looked at these paths may lack something: it looked where content is not known.
    pub fn unknown(&self, reads: &BTreeSet<String>) -> Option<&str> {
        let near = |dir: &str, read: &str| read.is_empty() || is_below(dir, read) || is_below(read, dir);
        let hit = self.unknown.iter().find(|(dir, _)| reads.iter().any(|read| near(dir, read)));
        hit.map(|(_, why)| why.as_str())
    }

    /// Every path of the artifact that differs between two commits of its repository: `changed` are the repository's own
    /// changed paths. Paths that come or go because the source itself changed are among them.
    pub fn differences(before: &Self, after: &Self, changed: &BTreeSet<String>) -> BTreeSet<String> {
        let (old, new) = (before.paths(), after.paths());
        let differs = |path: &String| {
            old.get(path) != new.get(path) || old.get(path).is_some_and(|place| changed.contains(&place.0))
        };
        old.keys().chain(new.keys()).filter(|path| differs(path)).cloned().collect()
    }

    /// Every path, with where it stands in the tree and what it is there.
    fn paths(&self) -> BTreeMap<String, (String, EntryKind)> {
        let entries = self
            .directories
            .iter()
            .flat_map(|(dir, entries)| entries.iter().map(move |(name, kind)| (join(dir, name), *kind)));
        entries.map(|(path, kind)| (path.clone(), (self.place(&path).to_owned(), kind))).collect()
    }

    /// Where in the tree a path of the artifact stands.
    fn place<'a>(&'a self, path: &'a str) -> &'a str {
        self.included.get(path).map_or(path, String::as_str)
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
            Some(EntryKind::File) => self.tree.read(self.listing.place(path)),
            _ => Err(TreeError::NotFound { path: path.to_owned() }),
        }
    }

    fn list(&self, dir: &str) -> Result<Vec<Entry>, TreeError> {
        let entries =
            self.listing.directories.get(dir).ok_or_else(|| TreeError::NotFound { path: dir.to_owned() })?;
        Ok(entries.iter().map(|(name, kind)| Entry { name: name.clone(), kind: *kind }).collect())
    }
}

/// Whether a path is a directory's, or the directory itself.
fn is_below(dir: &str, path: &str) -> bool {
    path.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
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
        assert!(error(json!({"recurseSubmodules": true})).starts_with("`spec.recurseSubmodules`"));
    }
}
