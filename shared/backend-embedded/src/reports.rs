//! Whole reports as files in a folder. Nothing here knows what is in them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use domain::ReportId;
use ports::{ReportStore, ReportStoreError};

/// Makes names of unfinished files of this process differ.
static UNFINISHED: AtomicU64 = AtomicU64::new(0);

/// Reports in a folder, one file each, readable by its owner alone.
#[derive(Debug, Clone)]
pub struct FileReports {
    dir: PathBuf,
}

impl FileReports {
    /// Reports in `dir`, which is created when it is first needed.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Deletes reports that were written over `age` ago, and says how many.
    pub async fn clear(&self, age: Duration) -> Result<u64, ReportStoreError> {
        let dir = self.dir.clone();
        let limit = SystemTime::now().checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH);
        blocking(&self.dir, move || clear(&dir, limit)).await
    }

    // An id is letters, digits and hyphens, so it names a file in the folder and nothing else.
    fn path(&self, id: &ReportId) -> PathBuf {
        self.dir.join(format!("{id}.report"))
    }
}

#[async_trait]
impl ReportStore for FileReports {
    async fn put(&self, id: &ReportId, bytes: &[u8]) -> Result<(), ReportStoreError> {
        let (path, bytes) = (self.path(id), bytes.to_owned());
        blocking(&self.path(id), move || write(&path, &bytes)).await
    }

    async fn get(&self, id: &ReportId) -> Result<Option<Vec<u8>>, ReportStoreError> {
        let path = self.path(id);
        let read = move || match fs::read(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        };
        blocking(&self.path(id), read).await
    }
}

async fn blocking<T: Send + 'static>(
    at: &Path,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, ReportStoreError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(io::Error::other).flatten();
    done.map_err(|e| ReportStoreError(format!("`{}`: {e}", at.display())))
}

/// Writes beside and renames, so that a reader sees the old report or the new one, whole.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().expect("a report's path is in the folder");
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let count = UNFINISHED.fetch_add(1, Ordering::Relaxed);
    let beside = path.with_extension(format!("{}-{count}.tmp", std::process::id()));
    let written = (|| {
        let mut file =
            OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        File::open(dir)?.sync_all()
    })();
    if written.is_err() {
        // The first error is the one to tell of.
        let _ = fs::remove_file(&beside);
    }
    written
}

fn clear(dir: &Path, limit: SystemTime) -> io::Result<u64> {
    let entries = match fs::read_dir(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut cleared = 0;
    for entry in entries {
        let path = entry?.path();
        let ours = path.extension().is_some_and(|e| e == "report" || e == "tmp");
        if ours && fs::symlink_metadata(&path)?.modified()? < limit {
            fs::remove_file(&path)?;
            cleared += 1;
        }
    }
    Ok(cleared)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed call is the test's failure")]
    use super::*;
    use ports::contract;
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn keeps_the_contract_and_leaves_one_private_file() {
        let dir = tempfile::tempdir().unwrap();
        let store = FileReports::new(dir.path().join("reports"));
        contract::reports(&store).await;
        let files: Vec<_> = fs::read_dir(dir.path().join("reports")).unwrap().map(Result::unwrap).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        assert_eq!(files[0].metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn old_reports_are_cleared_away() {
        let dir = tempfile::tempdir().unwrap();
        let store = FileReports::new(dir.path());
        let (old, new): (ReportId, ReportId) = ("old-old-1".parse().unwrap(), "new-new-1".parse().unwrap());
        store.put(&old, b"x").await.unwrap();
        store.put(&new, b"x").await.unwrap();
        let week_ago = SystemTime::now() - Duration::from_secs(7 * 86_400);
        File::options().write(true).open(store.path(&old)).unwrap().set_modified(week_ago).unwrap();
        assert_eq!(store.clear(Duration::from_secs(86_400)).await.unwrap(), 1);
        assert_eq!((store.get(&old).await.unwrap(), store.get(&new).await.unwrap().is_some()), (None, true));
        assert_eq!(FileReports::new("/nonexistent").clear(Duration::ZERO).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_folder_that_is_a_file_is_an_error_with_its_path() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let store = FileReports::new(file.path());
        let error = store.put(&"report-1".parse().unwrap(), b"x").await.unwrap_err().to_string();
        assert!(error.contains("report-1.report`"), "{error}");
    }
}
