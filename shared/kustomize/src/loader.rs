//! Files of the tree as the build reads them: paths resolved, every look recorded, bounds kept, nothing fetched.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::yaml::Budget;
use crate::{EntryKind, Error, ErrorKind, Limits, Tree, TreeError};

/// The tree, what was read of it so far, and what is left of the limits.
pub(crate) struct Loader<'a> {
    tree: &'a dyn Tree,
    pub(crate) limits: &'a Limits,
    pub(crate) budget: Budget,
    pub(crate) reads: BTreeSet<String>,
    pub(crate) warnings: Vec<String>,
    bytes: usize,
    files: usize,
}

impl<'a> Loader<'a> {
    pub(crate) fn new(tree: &'a dyn Tree, limits: &'a Limits) -> Self {
        Loader {
            tree,
            limits,
            budget: Budget::new(limits),
            reads: BTreeSet::new(),
            warnings: Vec::new(),
            bytes: 0,
            files: 0,
        }
    }

    /// What stands at a path, and remembers that the build depends on it.
    pub(crate) fn kind(&mut self, path: &str) -> Option<EntryKind> {
        self.reads.insert(path.to_owned());
        self.tree.kind(path)
    }

    /// A directory where symbolic links lead to it.
    pub(crate) fn real_directory(&mut self, dir: String) -> String {
        match self.tree.real_path(&dir) {
            Some(real) => {
                self.reads.insert(dir);
                real
            }
            None => dir,
        }
    }

    /// Why a path is not the directory that it should be; the tree may know better than what it is instead.
    pub(crate) fn not_a_directory(&self, path: String, what: &'static str) -> Error {
        match self.tree.read(&path) {
            Err(error @ TreeError::Unavailable { .. }) => refused(error),
            _ => not_a_file(path, what),
        }
    }

    /// The bytes of a file named in a file of `dir`, with its path.
    pub(crate) fn load(&mut self, dir: &str, written: &str) -> Result<(String, Arc<[u8]>), Error> {
        if let Some(remote) = remote_file(written) {
            return Err(remote);
        }
        let path = join(dir, written)?;
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

    /// The bytes of the file at a path.
    pub(crate) fn read(&mut self, path: &str) -> Result<Arc<[u8]>, Error> {
        self.files += 1;
        if self.files > self.limits.files {
            return Err(ErrorKind::Limit { limit: "files", value: self.limits.files }.into());
        }
        let bytes = self.tree.read(path).map_err(refused)?;
        self.reads.extend(self.tree.real_path(path));
        if bytes.len() > self.limits.file_bytes {
            return Err(refused(TreeError::TooLarge {
                path: path.to_owned(),
                limit: self.limits.file_bytes,
            }));
        }
        self.bytes += bytes.len();
        if self.bytes > self.limits.bytes {
            return Err(ErrorKind::Limit { limit: "bytes", value: self.limits.bytes }.into());
        }
        Ok(bytes)
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

fn remote_file(written: &str) -> Option<Error> {
    let lower = written.to_ascii_lowercase();
    (lower.starts_with("http://") || lower.starts_with("https://")).then(|| remote(written))
}

/// The error for what kustomize takes for a git repository, whatever stands in the tree.
pub(crate) fn remote_directory(written: &str) -> Option<Error> {
    if written.starts_with('/') {
        return None;
    }
    let lower = written.to_ascii_lowercase();
    let schemes =
        ["git::", "gh:", "ssh://", "https://", "http://", "file://", "github.com/", "github.com:", "git@"];
    let scheme = schemes.iter().any(|scheme| lower.starts_with(scheme));
    // `user@host:path` and `user@host/path`, as ssh takes them.
    let user = written.split_once('@').is_some_and(|(user, rest)| {
        let name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        !user.is_empty()
            && user.chars().all(name)
            && rest.split_once(':').is_some_and(|(host, _)| !host.contains('/'))
    });
    (scheme || user).then(|| remote(written))
}

fn remote(written: &str) -> Error {
    let query = written.split_once('?').map_or("", |(_, query)| query);
    let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let reference = value("ref").filter(|r| !r.is_empty()).or_else(|| value("version")).map(str::to_owned);
    ErrorKind::Remote { url: written.to_owned(), reference }.into()
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

    #[test]
    fn remote_addresses_are_recognised() {
        for remote in [
            "https://github.com/a/b?ref=v1",
            "github.com/a/b//c",
            "git@github.com:a/b",
            "ssh://git@h/a/b",
            "git::https://h/a",
            "me@host.example:a/b",
        ] {
            assert!(remote_directory(remote).is_some(), "{remote}");
        }
        for local in ["../base", "base", "a@b", "https", "gh-pages", "dir.git/x"] {
            assert!(remote_directory(local).is_none(), "{local}");
        }
        let error = remote_directory("github.com/a/b?timeout=1&ref=v2").unwrap();
        assert!(matches!(error.kind, ErrorKind::Remote { reference: Some(r), .. } if r == "v2"));
    }
}
