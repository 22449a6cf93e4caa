//! Which paths differ between two trees, by object id, and what a reader should know of them.

use std::collections::BTreeSet;

use gix::ObjectId;
use kustomize::EntryKind;

use crate::tree::{GitTree, Node};

/// A file kept in Git LFS is a short text that starts like this.
const LFS: &[u8] = b"version https://git-lfs.github.com/spec/v1";
/// An LFS pointer is shorter than this, in bytes.
const MAX_POINTER_BYTES: u64 = 1024;
/// Paths named in one sentence.
const NAMED: usize = 10;

/// What differs.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Every path, as `git diff --name-only --no-renames` names them.
    pub(crate) paths: BTreeSet<String>,
    submodules: BTreeSet<String>,
    pointers: BTreeSet<String>,
}

/// Why two trees could not be compared.
#[derive(Debug)]
pub(crate) enum DiffError {
    TooMany,
    Git(gix::Error),
}

impl From<gix::Error> for DiffError {
    fn from(error: gix::Error) -> Self {
        Self::Git(error)
    }
}

impl Changes {
    /// Compares two trees.
    pub(crate) fn between(base: &GitTree, result: &GitTree, max_paths: usize) -> Result<Self, DiffError> {
        let mut changes = Self::default();
        let mut queue = vec![(String::new(), Some(base.root()), Some(result.root()))];
        while let Some((prefix, before, after)) = queue.pop() {
            if before == after {
                continue;
            }
            let before = before.map(|id| base.nodes(id)).transpose()?.unwrap_or_default();
            let after = after.map(|id| result.nodes(id)).transpose()?.unwrap_or_default();
            let names: BTreeSet<&str> = before.iter().chain(after.iter()).map(|n| n.name.as_str()).collect();
            for name in names {
                let path = format!("{prefix}{name}");
                let (old, new) = (find(&before, name), find(&after, name));
                let directory =
                    |node: Option<&Node>| node.filter(|n| n.kind == EntryKind::Directory).map(|n| n.id);
                let (old_dir, new_dir) = (directory(old), directory(new));
                if old_dir != new_dir {
                    queue.push((format!("{path}/"), old_dir, new_dir));
                }
                let leaf = |node: Option<&Node>| {
                    node.filter(|n| n.kind != EntryKind::Directory).map(|n| (n.kind, n.executable, n.id))
                };
                if leaf(old) != leaf(new) {
                    changes.note(&path, [leaf(old), leaf(new)], result)?;
                    changes.paths.insert(path);
                }
            }
            // The queue counts too: a small tree object may stand for very many directories.
            if changes.paths.len() + queue.len() > max_paths {
                return Err(DiffError::TooMany);
            }
        }
        Ok(changes)
    }

    fn note(
        &mut self,
        path: &str,
        sides: [Option<(EntryKind, bool, ObjectId)>; 2],
        result: &GitTree,
    ) -> Result<(), gix::Error> {
        if sides.iter().flatten().any(|(kind, ..)| *kind == EntryKind::Submodule) {
            self.submodules.insert(path.to_owned());
        }
        if let [_, Some((EntryKind::File, _, id))] = sides
            && result.size(id)? < MAX_POINTER_BYTES
            && result.bytes(id)?.starts_with(LFS)
        {
            self.pointers.insert(path.to_owned());
        }
        Ok(())
    }

    /// Sentences for the readers of the report.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.submodules.is_empty() {
            notes.push(format!(
                "Git submodules changed, and what is in them was not looked at: {}.",
                named(&self.submodules)
            ));
        }
        if !self.pointers.is_empty() {
            notes.push(format!(
                "Changed files are kept in Git LFS and were not fetched, only their pointers were compared: {}.",
                named(&self.pointers)
            ));
        }
        notes
    }
}

fn find<'a>(nodes: &'a [Node], name: &str) -> Option<&'a Node> {
    nodes.binary_search_by(|n| n.name.as_str().cmp(name)).ok().map(|at| &nodes[at])
}

fn named(paths: &BTreeSet<String>) -> String {
    let mut text: Vec<String> = paths.iter().take(NAMED).map(|path| format!("`{path}`")).collect();
    if paths.len() > NAMED {
        text.push(format!("and {} more", paths.len() - NAMED));
    }
    text.join(", ")
}
