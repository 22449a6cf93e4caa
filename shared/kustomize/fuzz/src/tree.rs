//! A tree of files spelled as one text, and a watch over everything that is asked of it.
//!
//! A line `#= PATH` begins a file, `#> PATH` is a symbolic link, `#! PATH` a submodule, `#/ DIR` names the directory to
//! build. What cannot stand in a tree (`..`, a file below a file) is left out, so that any bytes are some tree.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kustomize::{Entry, EntryKind, Tree, TreeError};

/// More than this many entries of an input are left out.
const MOST_ENTRIES: usize = 64;

/// The tree of an input.
#[derive(Clone, Default)]
pub struct Watched {
    /// The directory to build.
    pub root: String,
    entries: BTreeMap<String, Stands>,
    asked: RefCell<BTreeSet<String>>,
    files: Cell<usize>,
    bytes: Cell<usize>,
    largest: Cell<usize>,
}

#[derive(Clone)]
enum Stands {
    File(Arc<[u8]>),
    Other(EntryKind),
}

impl Watched {
    /// The tree that `data` spells.
    pub fn parse(data: &[u8]) -> Watched {
        let mut tree = Watched::default();
        let mut open: Option<(String, Vec<u8>)> = None;
        for line in data.split_inclusive(|b| *b == b'\n') {
            let path = || String::from_utf8_lossy(&line[2..]).trim().to_owned();
            match line.get(..2) {
                Some(b"#=") => {
                    tree.close(open.take());
                    open = Some((path(), Vec::new()));
                }
                Some(b"#>") => tree.insert(&path(), Stands::Other(EntryKind::Symlink)),
                Some(b"#!") => tree.insert(&path(), Stands::Other(EntryKind::Submodule)),
                Some(b"#/") => tree.root = path(),
                _ => {
                    if let Some((_, bytes)) = &mut open {
                        bytes.extend_from_slice(line);
                    }
                }
            }
        }
        tree.close(open);
        tree
    }

    fn close(&mut self, open: Option<(String, Vec<u8>)>) {
        if let Some((path, bytes)) = open {
            self.write(&path, &bytes);
        }
    }

    /// Adds a file, unless something stands there.
    pub fn write(&mut self, path: &str, bytes: &[u8]) {
        self.insert(path, Stands::File(bytes.into()));
    }

    /// Removes a file.
    pub fn remove(&mut self, path: &str) {
        self.entries.remove(path);
    }

    /// The bytes of a file, without a word to the watch.
    pub fn bytes_of(&self, path: &str) -> Option<&[u8]> {
        match self.entries.get(path) {
            Some(Stands::File(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// What stands at a path, without a word to the watch.
    pub fn kind_of(&self, path: &str) -> Option<EntryKind> {
        match self.entries.get(path) {
            Some(Stands::File(_)) => Some(EntryKind::File),
            Some(Stands::Other(kind)) => Some(*kind),
            None => path.is_empty().then_some(EntryKind::Directory),
        }
    }

    fn insert(&mut self, path: &str, what: Stands) {
        let parents: Vec<&str> = path.match_indices('/').map(|(at, _)| &path[..at]).collect();
        let blocked = |dir: &&str| self.kind_of(dir).is_some_and(|kind| kind != EntryKind::Directory);
        let full = self.entries.len() >= MOST_ENTRIES;
        if full
            || path.is_empty()
            || !is_normal(path)
            || self.entries.contains_key(path)
            || parents.iter().any(blocked)
        {
            return;
        }
        for dir in parents {
            self.entries.insert(dir.to_owned(), Stands::Other(EntryKind::Directory));
        }
        self.entries.insert(path.to_owned(), what);
    }

    /// What is left when everything that is not in `paths` is taken away; a new watch.
    pub fn only(&self, paths: &BTreeSet<String>) -> Watched {
        let mut tree = Watched { root: self.root.clone(), ..Watched::default() };
        for path in paths {
            if let Some(what) = self.entries.get(path) {
                for (at, _) in path.match_indices('/') {
                    tree.entries.insert(path[..at].to_owned(), Stands::Other(EntryKind::Directory));
                }
                tree.entries.insert(path.clone(), what.clone());
            }
        }
        tree
    }

    /// A copy with a new watch.
    pub fn unwatched(&self) -> Watched {
        Watched { root: self.root.clone(), entries: self.entries.clone(), ..Watched::default() }
    }

    /// Every path that was asked for.
    pub fn asked(&self) -> BTreeSet<String> {
        self.asked.borrow().clone()
    }

    /// Files read, bytes read, and the bytes of the largest of those files.
    pub fn read_so_far(&self) -> (usize, usize, usize) {
        (self.files.get(), self.bytes.get(), self.largest.get())
    }

    fn watch(&self, path: &str) {
        assert!(path.is_empty() || is_normal(path), "asked for {path:?}, which is no path within the tree");
        self.asked.borrow_mut().insert(path.to_owned());
    }
}

/// Whether a path is relative to the root, goes nowhere but down, and is written in the one way.
fn is_normal(path: &str) -> bool {
    path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

impl Tree for Watched {
    fn kind(&self, path: &str) -> Option<EntryKind> {
        self.watch(path);
        self.kind_of(path)
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, TreeError> {
        self.watch(path);
        let Some(Stands::File(bytes)) = self.entries.get(path) else {
            return Err(TreeError::NotFound { path: path.to_owned() });
        };
        self.files.set(self.files.get() + 1);
        self.bytes.set(self.bytes.get() + bytes.len());
        self.largest.set(self.largest.get().max(bytes.len()));
        Ok(bytes.clone())
    }

    fn list(&self, dir: &str) -> Result<Vec<Entry>, TreeError> {
        self.watch(dir);
        if self.kind_of(dir) != Some(EntryKind::Directory) {
            return Err(TreeError::NotFound { path: dir.to_owned() });
        }
        let below = if dir.is_empty() { String::new() } else { format!("{dir}/") };
        let names = self
            .entries
            .keys()
            .filter_map(|path| path.strip_prefix(&below))
            .filter(|name| !name.contains('/'));
        let entry = |name: &str| Entry {
            name: name.to_owned(),
            kind: self.kind_of(&format!("{below}{name}")).unwrap_or(EntryKind::File),
        };
        Ok(names.map(entry).collect())
    }
}
