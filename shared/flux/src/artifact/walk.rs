//! One walk over a tree: what of it is checked out, and the ignore patterns that it brings.

use kustomize::{EntryKind, Tree};

use super::join;
use crate::ignore::Patterns;

/// Entries that a repository may have; more is refused.
const MAX_ENTRIES: usize = 2_000_000;
/// How deep directories may nest.
const MAX_DEPTH: usize = 256;

/// Everything in a tree that can be in an artifact, parents before children.
#[derive(Default)]
pub(super) struct Walk {
    pub(super) entries: Vec<(String, EntryKind)>,
    pub(super) patterns: Patterns,
    pub(super) submodules: bool,
}

impl Walk {
    pub(super) fn of(tree: &dyn Tree, sparse: &[String]) -> Result<Self, String> {
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
