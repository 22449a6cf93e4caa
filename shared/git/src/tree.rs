//! A commit's tree as `kustomize::Tree`: read lazily from the object database, every file bounded in size, nothing followed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gix::object::tree::EntryKind as GitKind;
use gix::{ObjectId, Repository};
use kustomize::{Entry, EntryKind, Tree, TreeError};

use crate::store::Store;

/// One entry of a decoded tree object.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) kind: EntryKind,
    pub(crate) executable: bool,
    pub(crate) id: ObjectId,
}

/// A decoded tree object, sorted by the bytes of the names.
pub(crate) type Nodes = Arc<Vec<Node>>;

/// The tree of one commit.
pub(crate) struct GitTree {
    repo: Mutex<Repository>,
    root: ObjectId,
    decoded: Mutex<HashMap<ObjectId, Nodes>>,
    max_file_bytes: u64,
    /// Keeps the objects on disk for as long as they may be read.
    _store: Option<Arc<Store>>,
}

impl GitTree {
    /// The tree with this id in `repo`.
    pub(crate) fn new(
        repo: Repository,
        root: ObjectId,
        max_file_bytes: u64,
        store: Option<Arc<Store>>,
    ) -> Self {
        Self { repo: Mutex::new(repo), root, decoded: Mutex::default(), max_file_bytes, _store: store }
    }

    pub(crate) fn root(&self) -> ObjectId {
        self.root
    }

    fn repo(&self) -> MutexGuard<'_, Repository> {
        self.repo.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The entries of a tree object.
    pub(crate) fn nodes(&self, id: ObjectId) -> Result<Nodes, gix::Error> {
        let mut decoded = self.decoded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(nodes) = decoded.get(&id) {
            return Ok(Arc::clone(nodes));
        }
        let nodes = Arc::new(decode(&self.repo(), id)?);
        decoded.insert(id, Arc::clone(&nodes));
        Ok(nodes)
    }

    /// Size of a blob in bytes, without reading it.
    pub(crate) fn size(&self, id: ObjectId) -> Result<u64, gix::Error> {
        Ok(self.repo().find_header(id)?.size())
    }

    /// The bytes of a blob.
    pub(crate) fn bytes(&self, id: ObjectId) -> Result<Vec<u8>, gix::Error> {
        Ok(self.repo().find_blob(id)?.take_data())
    }

    /// What stands at `path`; `None` when nothing does.
    fn node(&self, path: &str) -> Result<Option<Node>, gix::Error> {
        let mut node =
            Node { name: String::new(), kind: EntryKind::Directory, executable: false, id: self.root };
        if path.is_empty() {
            return Ok(Some(node));
        }
        for part in path.split('/') {
            if node.kind != EntryKind::Directory {
                return Ok(None);
            }
            let nodes = self.nodes(node.id)?;
            match nodes.binary_search_by(|n| n.name.as_str().cmp(part)) {
                Ok(at) => node = nodes[at].clone(),
                Err(_) => return Ok(None),
            }
        }
        Ok(Some(node))
    }
}

fn decode(repo: &Repository, id: ObjectId) -> Result<Vec<Node>, gix::Error> {
    let tree = repo.find_tree(id)?;
    let mut nodes = Vec::new();
    for entry in tree.iter() {
        let entry = entry?;
        let name = entry.filename().to_string();
        // No git writes these; a tree made by hand could, and no path reaches them.
        if name.is_empty() || name == "." || name == ".." || name.contains('/') {
            continue;
        }
        let (kind, executable) = match entry.mode().kind() {
            GitKind::Tree => (EntryKind::Directory, false),
            GitKind::Blob => (EntryKind::File, false),
            GitKind::BlobExecutable => (EntryKind::File, true),
            GitKind::Link => (EntryKind::Symlink, false),
            GitKind::Commit => (EntryKind::Submodule, false),
        };
        nodes.push(Node { name, kind, executable, id: entry.object_id() });
    }
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(nodes)
}

impl Tree for GitTree {
    fn kind(&self, path: &str) -> Option<EntryKind> {
        self.node(path).ok().flatten().map(|node| node.kind)
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, TreeError> {
        let unavailable = |reason: String| TreeError::Unavailable { path: path.to_owned(), reason };
        let node = self.node(path).map_err(|e| unavailable(e.to_string()))?;
        let Some(node) = node.filter(|node| node.kind == EntryKind::File) else {
            return Err(TreeError::NotFound { path: path.to_owned() });
        };
        let size = self.size(node.id).map_err(|e| unavailable(e.to_string()))?;
        if size > self.max_file_bytes {
            let limit = usize::try_from(self.max_file_bytes).unwrap_or(usize::MAX);
            return Err(TreeError::TooLarge { path: path.to_owned(), limit });
        }
        self.bytes(node.id).map(Arc::from).map_err(|e| unavailable(e.to_string()))
    }

    fn list(&self, dir: &str) -> Result<Vec<Entry>, TreeError> {
        let unavailable =
            |e: gix::Error| TreeError::Unavailable { path: dir.to_owned(), reason: e.to_string() };
        let node = self.node(dir).map_err(unavailable)?;
        let Some(node) = node.filter(|node| node.kind == EntryKind::Directory) else {
            return Err(TreeError::NotFound { path: dir.to_owned() });
        };
        let nodes = self.nodes(node.id).map_err(unavailable)?;
        Ok(nodes.iter().map(|n| Entry { name: n.name.clone(), kind: n.kind }).collect())
    }
}
