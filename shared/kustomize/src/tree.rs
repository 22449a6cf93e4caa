//! Where files come from. A tree is read-only and knows nothing of disks or git; adapters implement [`Tree`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A read-only tree of files. Paths are relative to its root, with slashes, without `.` or `..`; `""` is the root.
pub trait Tree {
    /// What stands at `path`, or `None` when nothing does.
    fn kind(&self, path: &str) -> Option<EntryKind>;

    /// The bytes of the file at `path`.
    ///
    /// # Errors
    /// [`TreeError::NotFound`] when no file stands there, [`TreeError::Unavailable`] when it cannot be read.
    fn read(&self, path: &str) -> Result<Arc<[u8]>, TreeError>;

    /// The entries directly within the directory `dir`, sorted by the bytes of their names.
    ///
    /// # Errors
    /// [`TreeError::NotFound`] when no directory stands there, [`TreeError::Unavailable`] when it cannot be read.
    fn list(&self, dir: &str) -> Result<Vec<Entry>, TreeError>;

    /// The path of what stands at `path` once symbolic links are followed, where that is another one. Paths written in
    /// a linked directory start at the directory it leads to. `None` in a tree that follows no links.
    fn real_path(&self, _path: &str) -> Option<String> {
        None
    }
}

/// What a path of a [`Tree`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link that is not followed: Flux's source artifacts have none.
    Symlink,
    /// A git submodule, whose content is not in the tree.
    Submodule,
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The last part of the path.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
}

/// Why a tree could not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Nothing of the kind asked for stands at the path.
    #[error("`{path}` does not exist")]
    NotFound {
        /// The path asked for.
        path: String,
    },
    /// It stands there and cannot be read.
    #[error("`{path}` could not be read: {reason}")]
    Unavailable {
        /// The path asked for.
        path: String,
        /// The cause, without secrets.
        reason: String,
    },
    /// It is larger than the tree gives out.
    #[error("`{path}` has more than {limit} bytes")]
    TooLarge {
        /// The path asked for.
        path: String,
        /// The bytes that a file may have.
        limit: usize,
    },
}

impl TreeError {
    fn not_found(path: &str) -> Self {
        TreeError::NotFound { path: path.to_owned() }
    }
}

/// A tree held in memory; directories exist because files stand below them.
#[derive(Debug, Clone, Default)]
pub struct MemoryTree {
    files: BTreeMap<String, Arc<[u8]>>,
    directories: BTreeMap<String, BTreeSet<Entry>>,
}

impl MemoryTree {
    /// A tree of the given files. A later pair with the same path replaces an earlier one.
    pub fn new<P, B>(files: impl IntoIterator<Item = (P, B)>) -> Self
    where
        P: Into<String>,
        B: AsRef<[u8]>,
    {
        let mut tree = MemoryTree::default();
        tree.directories.entry(String::new()).or_default();
        for (path, bytes) in files {
            tree.insert(&path.into(), bytes.as_ref());
        }
        tree
    }

    /// Adds or replaces one file, with the directories above it.
    pub fn insert(&mut self, path: &str, bytes: &[u8]) {
        self.files.insert(path.to_owned(), bytes.into());
        let (mut child, mut kind) = (path, EntryKind::File);
        loop {
            let (parent, name) = child.rsplit_once('/').unwrap_or(("", child));
            let entry = Entry { name: name.to_owned(), kind };
            self.directories.entry(parent.to_owned()).or_default().insert(entry);
            if parent.is_empty() {
                return;
            }
            (child, kind) = (parent, EntryKind::Directory);
        }
    }
}

impl Tree for MemoryTree {
    fn kind(&self, path: &str) -> Option<EntryKind> {
        if self.files.contains_key(path) {
            return Some(EntryKind::File);
        }
        self.directories.contains_key(path).then_some(EntryKind::Directory)
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, TreeError> {
        self.files.get(path).cloned().ok_or_else(|| TreeError::not_found(path))
    }

    fn list(&self, dir: &str) -> Result<Vec<Entry>, TreeError> {
        let entries = self.directories.get(dir).ok_or_else(|| TreeError::not_found(dir))?;
        Ok(entries.iter().cloned().collect())
    }
}

/// A tree with some files replaced or added in memory, as Flux rewrites the kustomization it builds.
pub struct OverlayTree<'a> {
    below: &'a dyn Tree,
    above: MemoryTree,
}

impl<'a> OverlayTree<'a> {
    /// The tree `below` without changes yet.
    #[must_use]
    pub fn new(below: &'a dyn Tree) -> Self {
        OverlayTree { below, above: MemoryTree::default() }
    }

    /// Adds or replaces one file.
    pub fn insert(&mut self, path: &str, bytes: &[u8]) {
        self.above.insert(path, bytes);
    }

    /// The same with one more file, for building in one expression.
    #[must_use]
    pub fn with(mut self, path: &str, bytes: &[u8]) -> Self {
        self.insert(path, bytes);
        self
    }
}

impl Tree for OverlayTree<'_> {
    fn kind(&self, path: &str) -> Option<EntryKind> {
        self.above.kind(path).or_else(|| self.below.kind(path))
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, TreeError> {
        self.above.read(path).or_else(|_| self.below.read(path))
    }

    fn list(&self, dir: &str) -> Result<Vec<Entry>, TreeError> {
        let Ok(added) = self.above.list(dir) else {
            return self.below.list(dir);
        };
        let mut entries: BTreeMap<String, EntryKind> = match self.below.list(dir) {
            Ok(entries) => entries.into_iter().map(|e| (e.name, e.kind)).collect(),
            Err(TreeError::NotFound { .. }) => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        entries.extend(added.into_iter().map(|e| (e.name, e.kind)));
        Ok(entries.into_iter().map(|(name, kind)| Entry { name, kind }).collect())
    }

    fn real_path(&self, path: &str) -> Option<String> {
        if self.above.kind(path) == Some(EntryKind::File) { None } else { self.below.real_path(path) }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn names(tree: &dyn Tree, dir: &str) -> Vec<String> {
        tree.list(dir).unwrap().into_iter().map(|e| e.name).collect()
    }

    #[test]
    fn memory_tree_has_the_directories_of_its_files() {
        let tree = MemoryTree::new([("a/b/c.yaml", "x"), ("z", "y")]);
        assert_eq!(names(&tree, ""), ["a", "z"]);
        assert_eq!(tree.kind("a/b"), Some(EntryKind::Directory));
        assert_eq!(tree.kind("a/b/c.yaml"), Some(EntryKind::File));
        assert_eq!(tree.kind("a/c"), None);
        assert_eq!(tree.read("a"), Err(TreeError::not_found("a")));
    }

    #[test]
    fn overlay_replaces_and_adds() {
        let below = MemoryTree::new([("a/x", "1"), ("a/y", "2")]);
        let tree = OverlayTree::new(&below).with("a/y", b"3").with("a/k/z", b"4");
        assert_eq!(names(&tree, "a"), ["k", "x", "y"]);
        assert_eq!(&*tree.read("a/y").unwrap(), b"3");
        assert_eq!(&*tree.read("a/x").unwrap(), b"1");
        assert_eq!(tree.kind("a/k"), Some(EntryKind::Directory));
    }
}
