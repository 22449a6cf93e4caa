//! Follows a path from the root, one part at a time and each relative to the open folder before it, so that no link and no
//! race leads out: a part is looked at first, opened only without following it, and `..` goes back along the way we came.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, openat, readlinkat, statat};
use rustix::io::Errno;

/// An open folder.
pub(crate) type Folder = Arc<OwnedFd>;

/// Links that one path may lead through, as on Linux.
const MOST_LINKS: usize = 40;

/// Folders kept open at a time.
const MOST_OPEN: usize = 64;

/// Whether the file system's names are compared byte by byte. Elsewhere `Base` would find `base`, which the controller,
/// on Linux, would not: there the folder's own list of names decides.
const EXACT_NAMES: bool = cfg!(target_os = "linux");

/// What stands at the end of a path.
#[derive(Debug)]
pub(crate) enum Place {
    Folder {
        path: Vec<String>,
        folder: Folder,
    },
    /// Anything but a folder or a link, not opened.
    Other {
        parent: Vec<String>,
        folder: Folder,
        name: String,
        kind: FileType,
    },
}

impl Place {
    /// The way to it from the root without links.
    pub(crate) fn path(&self) -> String {
        match self {
            Place::Folder { path, .. } => path.join("/"),
            Place::Other { parent, name, .. } if parent.is_empty() => name.clone(),
            Place::Other { parent, name, .. } => format!("{}/{name}", parent.join("/")),
        }
    }
}

/// Why a path cannot be followed to its end.
#[derive(Debug)]
pub(crate) enum Stuck {
    Outside,
    Loop,
    Name,
    Special(FileType),
    Io(String),
}

impl Stuck {
    pub(crate) fn of(error: Errno) -> Self {
        match error {
            Errno::LOOP | Errno::NOTDIR => Stuck::Io("it changed while it was read".to_owned()),
            error => Stuck::Io(std::io::Error::from(error).to_string()),
        }
    }
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stuck::Outside => f.write_str("a symbolic link leads out of the tree"),
            Stuck::Loop => f.write_str("too many symbolic links"),
            Stuck::Name => f.write_str("a name or a link is not UTF-8"),
            Stuck::Special(kind) => write!(f, "it is {}, not a regular file", name_of(*kind)),
            Stuck::Io(reason) => f.write_str(reason),
        }
    }
}

fn name_of(kind: FileType) -> &'static str {
    match kind {
        FileType::Fifo => "a named pipe",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Directory => "a directory",
        _ => "something special",
    }
}

/// The folder that bounds everything.
#[derive(Debug)]
pub(crate) struct Root {
    path: PathBuf,
    folder: Folder,
    exact: bool,
    /// Folders that are open, by their way from the root without links.
    open: Mutex<HashMap<Vec<String>, Folder>>,
}

/// Where a walk is: the way here, with the folders on it.
struct Walk<'a> {
    root: &'a Root,
    names: Vec<String>,
    folders: Vec<Folder>,
    ahead: VecDeque<String>,
    links: usize,
}

impl Root {
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        let folder = openat(CWD, path, folder_flags(), Mode::empty())?;
        Ok(Root {
            path: path.to_owned(),
            folder: Arc::new(folder),
            exact: EXACT_NAMES,
            open: Mutex::default(),
        })
    }

    /// What stands at a path; `None` when nothing does.
    pub(crate) fn find(&self, path: &str) -> Result<Option<Place>, Stuck> {
        let ahead = path.split('/').map(str::to_owned).collect();
        Walk { root: self, names: Vec::new(), folders: Vec::new(), ahead, links: 0 }.follow()
    }

    fn already_open(&self, names: &[String]) -> Option<Folder> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).get(names).cloned()
    }

    fn keep_open(&self, names: &[String], folder: &Folder) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MOST_OPEN {
            open.clear();
        }
        open.insert(names.to_vec(), Arc::clone(folder));
    }
}

fn folder_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC
}

impl Walk<'_> {
    fn follow(mut self) -> Result<Option<Place>, Stuck> {
        while let Some(part) = self.ahead.pop_front() {
            match part.as_str() {
                "" | "." => {}
                ".." => {
                    self.names.pop().ok_or(Stuck::Outside)?;
                    self.folders.pop();
                }
                _ => {
                    let Some(kind) = self.look(&part)? else { return Ok(None) };
                    if kind != FileType::Directory && kind != FileType::Symlink {
                        return Ok(self.other(part, kind));
                    }
                }
            }
        }
        let folder = self.here().clone();
        Ok(Some(Place::Folder { path: self.names, folder }))
    }

    fn here(&self) -> &Folder {
        self.folders.last().unwrap_or(&self.root.folder)
    }

    /// A file is the end of the way: what is written behind it does not exist.
    fn other(self, name: String, kind: FileType) -> Option<Place> {
        let last = self.ahead.iter().all(|part| matches!(part.as_str(), "" | "."));
        let folder = self.here().clone();
        last.then_some(Place::Other { parent: self.names, folder, name, kind })
    }

    /// Steps into a folder or turns where a link points; of anything else, says what it is.
    fn look(&mut self, part: &str) -> Result<Option<FileType>, Stuck> {
        self.names.push(part.to_owned());
        if let Some(folder) = self.root.already_open(&self.names) {
            self.folders.push(folder);
            return Ok(Some(FileType::Directory));
        }
        let found = match statat(self.here(), part, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => FileType::from_raw_mode(found.st_mode),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG | Errno::INVAL) => return Ok(None),
            Err(error) => return Err(Stuck::of(error)),
        };
        if !self.root.exact && !self.is_listed(part)? {
            return Ok(None);
        }
        if found == FileType::Directory {
            let flags = folder_flags() | OFlags::NOFOLLOW;
            let folder = openat(self.here(), part, flags, Mode::empty()).map_err(Stuck::of)?;
            let folder = Arc::new(folder);
            self.root.keep_open(&self.names, &folder);
            self.folders.push(folder);
            return Ok(Some(found));
        }
        self.names.pop();
        if found == FileType::Symlink {
            self.turn(part)?;
        }
        Ok(Some(found))
    }

    /// Goes on where a link points.
    fn turn(&mut self, part: &str) -> Result<(), Stuck> {
        self.links += 1;
        if self.links > MOST_LINKS {
            return Err(Stuck::Loop);
        }
        let target = readlinkat(self.here(), part, Vec::new()).map_err(Stuck::of)?;
        let target = target.into_string().map_err(|_| Stuck::Name)?;
        let within = match target.strip_prefix('/') {
            None => target,
            Some(_) => {
                let root = self.root.path.canonicalize().map_err(|_| Stuck::Outside)?;
                let within = Path::new(&target).strip_prefix(root).map_err(|_| Stuck::Outside)?;
                self.names.clear();
                self.folders.clear();
                within.to_str().ok_or(Stuck::Name)?.to_owned()
            }
        };
        for part in within.split('/').rev() {
            self.ahead.push_front(part.to_owned());
        }
        Ok(())
    }

    /// Whether the folder has an entry of exactly this name.
    fn is_listed(&self, part: &str) -> Result<bool, Stuck> {
        let mut entries = rustix::fs::Dir::read_from(self.here()).map_err(Stuck::of)?;
        Ok(entries.any(|entry| entry.is_ok_and(|e| e.file_name().to_bytes() == part.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn where_names_are_folded_the_list_of_names_decides() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("base"), "x").unwrap();
        let mut root = Root::open(dir.path()).unwrap();
        root.exact = false;
        assert!(root.find("base").unwrap().is_some());
        assert!(root.find("Base").unwrap().is_none());
    }
}
