//! A folder on disk as [`kustomize::Tree`]. Symbolic links are followed as long as they stay within the folder, which is
//! what kustomize-controller does; nothing outside it is opened, even when the folder changes meanwhile.
//!
//! How a path is followed is in `walk`; this file answers what the build asks.

mod walk;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use kustomize::{Entry, EntryKind, Tree, TreeError};
use rustix::fs::{Dir, FileType, Mode, OFlags, fstat, openat};
use rustix::io::Errno;

use walk::{Folder, Place, Root, Stuck};

/// The tree of a folder. It keeps some folders of it open, so it is for one build, and another one sees later changes.
///
/// What cannot be followed, such as a link out of the folder, is called a file; reading it says what is wrong.
#[derive(Debug)]
pub struct DiskTree {
    root: Root,
    max_file_bytes: usize,
}

impl DiskTree {
    /// The tree of the folder `root`. Files of more than `max_file_bytes` are not read.
    ///
    /// # Errors
    /// When `root` is not a folder that can be opened.
    pub fn open(root: &Path, max_file_bytes: usize) -> std::io::Result<Self> {
        Ok(DiskTree { root: Root::open(root)?, max_file_bytes })
    }

    fn place(&self, path: &str) -> Result<Place, TreeError> {
        match self.root.find(path) {
            Ok(Some(place)) => Ok(place),
            Ok(None) => Err(TreeError::NotFound { path: path.to_owned() }),
            Err(stuck) => Err(unavailable(path, stuck)),
        }
    }

    /// Opens what is a regular file, and nothing else: opening a pipe would wait, opening a device may do things.
    fn contents(&self, path: &str, folder: &Folder, name: &str) -> Result<Vec<u8>, TreeError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let failed = |error: Errno| unavailable(path, Stuck::of(error));
        let file = openat(folder, name, flags, Mode::empty()).map_err(failed)?;
        let found = fstat(&file).map_err(failed)?;
        let kind = FileType::from_raw_mode(found.st_mode);
        if kind != FileType::RegularFile {
            return Err(unavailable(path, Stuck::Special(kind)));
        }
        let too_large = || TreeError::TooLarge { path: path.to_owned(), limit: self.max_file_bytes };
        let size = usize::try_from(found.st_size).map_err(|_| too_large())?;
        if size > self.max_file_bytes {
            return Err(too_large());
        }
        // The size may be a lie: the file may grow, and files of /proc have none.
        let most = u64::try_from(self.max_file_bytes).unwrap_or(u64::MAX).saturating_add(1);
        let mut bytes = Vec::with_capacity(size + 1);
        let read = File::from(file).take(most).read_to_end(&mut bytes);
        read.map_err(|error| unavailable(path, Stuck::Io(error.to_string())))?;
        if bytes.len() > self.max_file_bytes { Err(too_large()) } else { Ok(bytes) }
    }
}

fn unavailable(path: &str, stuck: Stuck) -> TreeError {
    TreeError::Unavailable { path: path.to_owned(), reason: stuck.to_string() }
}

impl Tree for DiskTree {
    fn kind(&self, path: &str) -> Option<EntryKind> {
        match self.root.find(path) {
            Ok(None) => None,
            Ok(Some(Place::Folder { .. })) => Some(EntryKind::Directory),
            Ok(Some(Place::Other { .. })) | Err(_) => Some(EntryKind::File),
        }
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, TreeError> {
        match self.place(path)? {
            Place::Folder { .. } => Err(TreeError::NotFound { path: path.to_owned() }),
            Place::Other { kind: FileType::RegularFile, folder, name, .. } => {
                self.contents(path, &folder, &name).map(Arc::from)
            }
            Place::Other { kind, .. } => Err(unavailable(path, Stuck::Special(kind))),
        }
    }

    fn list(&self, dir: &str) -> Result<Vec<Entry>, TreeError> {
        let Place::Folder { folder, .. } = self.place(dir)? else {
            return Err(TreeError::NotFound { path: dir.to_owned() });
        };
        let failed = |error: Errno| unavailable(dir, Stuck::of(error));
        let mut entries = Vec::new();
        for entry in Dir::read_from(&*folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_str().map_err(|_| unavailable(dir, Stuck::Name))?;
            if matches!(name, "." | "..") {
                continue;
            }
            let path = if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") };
            if let Some(kind) = self.kind(&path) {
                entries.push(Entry { name: name.to_owned(), kind });
            }
        }
        entries.sort();
        Ok(entries)
    }

    fn real_path(&self, path: &str) -> Option<String> {
        let place = self.root.find(path).ok()??;
        Some(place.path()).filter(|real| real != path)
    }
}
