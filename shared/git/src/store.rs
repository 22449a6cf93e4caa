//! The cache's directories: one bare repository per GitHub repository, replaced by a fresh one when it is too large or broken.
//! An old one is deleted once nobody reads trees from it any more.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Every fetch adds a pack, and every lookup searches them all.
const MAX_PACKS: usize = 200;
/// A small file takes a block all the same.
const BLOCK_BYTES: u64 = 4096;

/// A bare repository on disk.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) dir: PathBuf,
    doomed: AtomicBool,
}

impl Store {
    /// Bytes on disk, roughly.
    pub(crate) fn bytes(&self) -> u64 {
        bytes_below(&self.dir)
    }

    fn packs(&self) -> usize {
        let packs = fs::read_dir(self.dir.join("objects").join("pack"));
        packs.map_or(0, |entries| {
            entries.flatten().filter(|e| e.path().extension().is_some_and(|x| x == "pack")).count()
        })
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.doomed.load(Ordering::Relaxed)
            && let Err(error) = fs::remove_dir_all(&self.dir)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(dir = %self.dir.display(), %error, "an old git cache could not be deleted");
        }
    }
}

/// One repository's place in the cache.
#[derive(Debug)]
pub(crate) struct Slot {
    dir: PathBuf,
    current: Option<Arc<Store>>,
    /// Held while this process owns the place; another process works in directories of its own.
    lock: Option<File>,
    opened: bool,
}

impl Slot {
    /// A place at `dir`, made when it is first used.
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir, current: None, lock: None, opened: false }
    }

    /// The store to fetch into, and whether it has been used before.
    pub(crate) fn store(&mut self, max_bytes: u64) -> io::Result<(Arc<Store>, bool)> {
        if !self.opened {
            self.open()?;
        }
        if let Some(store) = &self.current {
            if store.bytes() <= max_bytes && store.packs() <= MAX_PACKS {
                return Ok((Arc::clone(store), true));
            }
            self.discard();
        }
        self.fresh().map(|store| (store, false))
    }

    /// Gives up the current store; it is deleted with its last tree.
    pub(crate) fn discard(&mut self) {
        if let Some(store) = self.current.take() {
            store.doomed.store(true, Ordering::Relaxed);
        }
    }

    /// Takes the place if no other process has it, with the newest store of the last run, and clears away older ones.
    fn open(&mut self) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        let lock = File::create(self.dir.join("lock"))?;
        if lock.try_lock().is_ok() {
            self.lock = Some(lock);
            let mut left: Vec<PathBuf> = fs::read_dir(&self.dir)?
                .flatten()
                .map(|entry| entry.path())
                .filter(|path| path.extension().is_some_and(|x| x == "git"))
                .collect();
            left.sort_by_key(|path| fs::metadata(path.join("HEAD")).and_then(|m| m.modified()).ok());
            self.current = left.pop().map(|dir| Arc::new(Store { dir, doomed: AtomicBool::new(false) }));
            for old in left {
                drop(Store { dir: old, doomed: AtomicBool::new(true) });
            }
        }
        self.opened = true;
        Ok(())
    }

    fn fresh(&mut self) -> io::Result<Arc<Store>> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let unique = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let owner = self.lock.is_some();
        let dir = self.dir.join(if owner { format!("{unique}.git") } else { format!("{unique}.guest") });
        if dir.exists() {
            fs::remove_dir_all(&dir)?;
        }
        let store = Arc::new(Store { dir, doomed: AtomicBool::new(!owner) });
        self.current = Some(Arc::clone(&store));
        Ok(store)
    }
}

fn bytes_below(dir: &Path) -> u64 {
    let mut total = 0u64;
    let mut queue = vec![dir.to_owned()];
    while let Some(next) = queue.pop() {
        for entry in fs::read_dir(next).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(meta) if meta.is_dir() => queue.push(entry.path()),
                Ok(meta) => total = total.saturating_add(meta.len().max(BLOCK_BYTES)),
                Err(_) => {}
            }
        }
    }
    total
}
