//! Files of the tree as the build reads them: paths resolved, every look recorded, bounds kept, nothing fetched.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use crate::remote::{self, Remotes, is_http};
use crate::schemas::Schemas;
use crate::yaml::Budget;
use crate::{EntryKind, Error, ErrorKind, Limits, Options, Tree, TreeError, meter};

/// Steps that one file takes whatever is in it.
const FILE_STEPS: usize = 1_000;

/// The trees, what was read of them so far, and what is left of the limits.
pub(crate) struct Loader<'a> {
    /// Where paths are looked up now.
    pub(crate) place: Place<'a>,
    pub(crate) remotes: &'a Remotes,
    /// How many places there were.
    places: usize,
    pub(crate) limits: &'a Limits,
    pub(crate) budget: Budget,
    pub(crate) reads: BTreeSet<String>,
    pub(crate) remote_reads: BTreeMap<String, BTreeSet<String>>,
    pub(crate) warnings: Vec<String>,
    pub(crate) schemas: Rc<Schemas>,
    bytes: usize,
    files: usize,
}

/// The build's own tree, or that of a remote address each time it is used.
#[derive(Clone)]
pub(crate) struct Place<'a> {
    tree: &'a dyn Tree,
    /// The address, but for the build's own tree.
    pub(crate) address: Option<Arc<str>>,
    /// Which of the places this is.
    pub(crate) number: usize,
}

impl<'a> Loader<'a> {
    pub(crate) fn new(tree: &'a dyn Tree, options: &'a Options) -> Self {
        let limits = &options.limits;
        Loader {
            place: Place { tree, address: None, number: 0 },
            remotes: &options.remotes,
            places: 1,
            limits,
            budget: Budget::new(limits),
            reads: BTreeSet::new(),
            remote_reads: BTreeMap::new(),
            warnings: Vec::new(),
            schemas: Rc::default(),
            bytes: 0,
            files: 0,
        }
    }

    /// Goes to the tree of a remote address; the caller goes back by setting `place`.
    pub(crate) fn enter(&mut self, address: &str) -> Result<(), Error> {
        let tree = self.remotes.tree(address).ok_or_else(|| remote::missing(address))?;
        self.place = Place { tree, address: Some(address.into()), number: self.places };
        self.places += 1;
        Ok(())
    }

    /// Remembers that the build depends on what stands at a path.
    pub(crate) fn looked_at(&mut self, path: &str) {
        let reads = match &self.place.address {
            None => &mut self.reads,
            Some(address) => self.remote_reads.entry(address.to_string()).or_default(),
        };
        reads.insert(path.to_owned());
    }

    /// What stands at a path, and remembers that the build depends on it.
    pub(crate) fn kind(&mut self, path: &str) -> Option<EntryKind> {
        self.looked_at(path);
        self.place.tree.kind(path)
    }

    /// A path as a person is told of it.
    pub(crate) fn name_of(&self, path: &str) -> String {
        match &self.place.address {
            None => path.to_owned(),
            Some(address) => in_remote(address, path),
        }
    }

    /// A directory where symbolic links lead to it.
    pub(crate) fn real_directory(&mut self, dir: String) -> String {
        match self.place.tree.real_path(&dir) {
            Some(real) => {
                self.looked_at(&dir);
                real
            }
            None => dir,
        }
    }

    /// Why a path is not the directory that it should be; the tree may know better than what it is instead.
    pub(crate) fn not_a_directory(&self, path: String, what: &'static str) -> Error {
        match self.place.tree.read(&path) {
            Err(error @ TreeError::Unavailable { .. }) => refused(error),
            _ => not_a_file(path, what),
        }
    }

    /// The bytes of a file named in a file of `dir`, with its path.
    pub(crate) fn load(&mut self, dir: &str, written: &str) -> Result<(String, Arc<[u8]>), Error> {
        if is_http(written) {
            return Ok((written.to_owned(), self.remote_file(written)?));
        }
        let path = join(dir, written)?;
        if self.place.address.is_some() && !self.is_below(dir, &path) {
            return Err(ErrorKind::OutsideTree { path: written.to_owned() }.into());
        }
        match self.kind(&path) {
            Some(EntryKind::File) => {}
            Some(EntryKind::Symlink) => return Err(not_a_file(path, "symbolic link")),
            Some(EntryKind::Submodule) => return Err(not_a_file(path, "submodule")),
            Some(EntryKind::Directory) => return Err(not_a_file(path, "directory")),
            None => return Err(ErrorKind::NotFound { path }.into()),
        }
        let bytes = self.read(&path)?;
        Ok((path, bytes))
    }

    /// The text of a file named in a file of `dir`, with its path.
    pub(crate) fn load_text(&mut self, dir: &str, written: &str) -> Result<(String, String), Error> {
        let (path, bytes) = self.load(dir, written)?;
        let text = text_of(&bytes).map_err(|error| error.in_file(&path))?;
        Ok((path, text))
    }

    /// Whether a path, also where links lead from it, is below a directory. kustomize lets no kustomization of a cloned
    /// repository read files elsewhere.
    fn is_below(&self, dir: &str, path: &str) -> bool {
        let below = |path: &str| dir.is_empty() || path.strip_prefix(dir).is_some_and(|p| p.starts_with('/'));
        below(path) && self.place.tree.real_path(path).is_none_or(|real| below(&real))
    }

    fn remote_file(&mut self, url: &str) -> Result<Arc<[u8]>, Error> {
        let bytes = self.remotes.file(url).cloned().ok_or_else(|| remote::missing(url))?;
        self.remote_reads.entry(url.to_owned()).or_default();
        self.count_file()?;
        self.spend_bytes(bytes.len())?;
        Ok(bytes)
    }

    /// The bytes of the file at a path.
    pub(crate) fn read(&mut self, path: &str) -> Result<Arc<[u8]>, Error> {
        self.count_file()?;
        let bytes = self.place.tree.read(path).map_err(refused)?;
        if let Some(real) = self.place.tree.real_path(path) {
            self.looked_at(&real);
        }
        if bytes.len() > self.limits.file_bytes {
            let limit = self.limits.file_bytes;
            return Err(refused(TreeError::TooLarge { path: path.to_owned(), limit }));
        }
        self.spend_bytes(bytes.len())?;
        Ok(bytes)
    }

    fn count_file(&mut self) -> Result<(), Error> {
        self.files += 1;
        if self.files > self.limits.files {
            return Err(ErrorKind::Limit { limit: "files", value: self.limits.files }.into());
        }
        Ok(())
    }

    /// Counts bytes that the build reads, or makes out of what it read.
    pub(crate) fn spend_bytes(&mut self, bytes: usize) -> Result<(), Error> {
        meter::work(FILE_STEPS + bytes / 4)?;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > self.limits.bytes {
            return Err(ErrorKind::Limit { limit: "bytes", value: self.limits.bytes }.into());
        }
        Ok(())
    }
}

fn refused(error: TreeError) -> Error {
    match error {
        TreeError::NotFound { path } => ErrorKind::NotFound { path }.into(),
        TreeError::Unavailable { path, reason } => ErrorKind::Unavailable { path, reason }.into(),
        TreeError::TooLarge { path, limit } => {
            Error::from(ErrorKind::Limit { limit: "bytes of one file", value: limit }).in_file(&path)
        }
    }
}

/// A path in the tree of a remote address, as a person is told of it.
pub(crate) fn in_remote(address: &str, path: &str) -> String {
    format!("{address}: {path}")
}

fn not_a_file(path: String, what: &'static str) -> Error {
    ErrorKind::NotAFile { path, what }.into()
}

pub(crate) fn text_of(bytes: &[u8]) -> Result<String, Error> {
    let text = std::str::from_utf8(bytes).map_err(|_| YAML_UTF8.clone())?;
    Ok(text.to_owned())
}

static YAML_UTF8: std::sync::LazyLock<Error> = std::sync::LazyLock::new(|| {
    Error::new(ErrorKind::Yaml { line: 0, message: "the text is not UTF-8".to_owned() })
});

/// Joins a path as written in a file of `dir`, which may go up but not out of the tree.
pub(crate) fn join(dir: &str, written: &str) -> Result<String, Error> {
    let outside = || Error::new(ErrorKind::OutsideTree { path: written.to_owned() });
    if written.starts_with('/') {
        return Err(outside());
    }
    let mut parts: Vec<&str> = dir.split('/').filter(|p| !p.is_empty()).collect();
    for part in written.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or_else(outside)?;
            }
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

/// Joins two relative paths as Go cleans them: leading `..` stay.
pub(crate) fn join_lexically(base: &str, more: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(more.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn paths_stay_in_the_tree() {
        let check =
            |dir: &str, written: &str, expected: &str| assert_eq!(join(dir, written).unwrap(), expected);
        check("a/b", "../c/./d", "a/c/d");
        check("", "x/", "x");
        check("a", "..", "");
        for bad in ["../../x", "/etc/passwd", "../.."] {
            assert!(matches!(join("a", bad).unwrap_err().kind, ErrorKind::OutsideTree { .. }), "{bad}");
        }
    }
}
