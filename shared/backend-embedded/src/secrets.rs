//! Secrets from files and the environment. A name is one of
//! - `file:/run/secrets/github-key`: that file, by absolute path;
//! - `env:SLACK_TOKEN`: that environment variable;
//! - `github-key`: the file of this name in the secrets folder (letters, digits, `.`, `_`, `-`; no leading dot).

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use ports::{Secrets, SecretsError};
use secrecy::SecretString;

/// Larger files are not secrets: a kubeconfig with certificates has some 10 KiB.
const MAX_BYTES: u64 = 1 << 20;

/// Secrets that this machine holds. Every `get` reads anew, so a renewed file is seen at once.
#[derive(Debug, Clone)]
pub struct FileSecrets {
    dir: Option<PathBuf>,
}

impl FileSecrets {
    /// Secrets with plain names are files in `dir`; without one, only `file:` and `env:` names work.
    pub fn new(dir: Option<PathBuf>) -> Self {
        Self { dir }
    }

    fn path(&self, name: &str) -> Result<PathBuf, SecretsError> {
        if let Some(path) = name.strip_prefix("file:") {
            let path = PathBuf::from(path);
            return if path.is_absolute() {
                Ok(path)
            } else {
                Err(denied(name, "the path must be absolute"))
            };
        }
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if name.is_empty() || name.starts_with('.') || !name.bytes().all(allowed) {
            let reason =
                "write `file:/absolute/path`, `env:NAME`, or the plain name of a file in the secrets folder";
            return Err(denied(name, reason));
        }
        match &self.dir {
            Some(dir) => Ok(dir.join(name)),
            None => Err(denied(
                name,
                "there is no secrets folder: set one, or write `file:/absolute/path` or `env:NAME`",
            )),
        }
    }
}

#[async_trait]
impl Secrets for FileSecrets {
    async fn get(&self, name: &str) -> Result<SecretString, SecretsError> {
        if let Some(variable) = name.strip_prefix("env:") {
            return from_environment(name, variable);
        }
        let (path, owned) = (self.path(name)?, name.to_owned());
        let read = tokio::task::spawn_blocking(move || from_file(&owned, &path)).await;
        read.map_err(|e| unavailable(name, e))?
    }

    fn forget(&self, _name: &str) {
        // Nothing is kept.
    }
}

fn from_environment(name: &str, variable: &str) -> Result<SecretString, SecretsError> {
    use std::env::VarError;
    // Looking up a name with these characters is a panic in some versions of the standard library.
    if variable.is_empty() || variable.contains(['=', '\0']) {
        return Err(denied(name, "this is not the name of an environment variable"));
    }
    match std::env::var(variable) {
        Ok(value) if value.is_empty() => Err(denied(name, "it is empty")),
        Ok(value) => Ok(value.into()),
        Err(VarError::NotPresent) => Err(SecretsError::NotFound(name.to_owned())),
        Err(VarError::NotUnicode(_)) => Err(denied(name, "it is not UTF-8")),
    }
}

fn from_file(name: &str, path: &Path) -> Result<SecretString, SecretsError> {
    let failed = |e: io::Error| match e.kind() {
        io::ErrorKind::NotFound => SecretsError::NotFound(name.to_owned()),
        io::ErrorKind::PermissionDenied | io::ErrorKind::IsADirectory => denied(name, e),
        _ => unavailable(name, e),
    };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(denied(name, "it is not a file"));
    }
    // Only a warning: volumes of containers often give their secrets mode 0644.
    if metadata.permissions().mode() & 0o044 != 0 {
        tracing::warn!(secret = name, "secret `{name}` is readable by others: chmod 600");
    }
    let mut text = String::new();
    match file.take(MAX_BYTES + 1).read_to_string(&mut text) {
        Err(e) if e.kind() == io::ErrorKind::InvalidData => return Err(denied(name, "it is not UTF-8")),
        read => read.map_err(failed)?,
    };
    if text.len() as u64 > MAX_BYTES {
        return Err(denied(name, "it is over 1 MiB"));
    }
    // Editors and `echo` end a file with a line feed, which no token has.
    let value = text.strip_suffix('\n').map_or(text.as_str(), |t| t.strip_suffix('\r').unwrap_or(t));
    if value.is_empty() {
        return Err(denied(name, "it is empty"));
    }
    Ok(value.into())
}

fn denied(name: &str, reason: impl ToString) -> SecretsError {
    SecretsError::Denied { name: name.to_owned(), reason: reason.to_string() }
}

fn unavailable(name: &str, reason: impl ToString) -> SecretsError {
    SecretsError::Unavailable { name: name.to_owned(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed set-up is the test's failure")]
    use super::*;
    use secrecy::ExposeSecret;
    use std::fs;

    async fn read(secrets: &FileSecrets, name: &str) -> String {
        match secrets.get(name).await {
            Ok(value) => value.expose_secret().to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[tokio::test]
    async fn names_and_what_they_give() {
        let dir = tempfile::tempdir().unwrap();
        let secrets = FileSecrets::new(Some(dir.path().to_owned()));
        fs::write(dir.path().join("token"), "s3cret\r\n").unwrap();
        fs::write(dir.path().join("key.pem"), "a\nb\n\n").unwrap();
        fs::write(dir.path().join("empty"), "\n").unwrap();
        fs::write(dir.path().join("bytes"), b"\xff\xfe").unwrap();
        fs::write(dir.path().join("large"), "x".repeat(1 << 21)).unwrap();
        fs::create_dir(dir.path().join("folder")).unwrap();
        let absolute = format!("file:{}", dir.path().join("token").display());
        let missing = format!("file:{}", dir.path().join("none").display());
        for (name, expected) in [
            ("token", "s3cret"),
            (&absolute, "s3cret"),
            ("key.pem", "a\nb\n"),
            ("env:CARGO_PKG_NAME", "backend-embedded"),
            ("none", "secret `none` does not exist"),
            (&missing, &format!("secret `{missing}` does not exist")),
            ("env:PREFLUX_NO_SUCH", "secret `env:PREFLUX_NO_SUCH` does not exist"),
            ("env:A=B", "secret `env:A=B` may not be read: this is not the name of an environment variable"),
            ("empty", "secret `empty` may not be read: it is empty"),
            ("bytes", "secret `bytes` may not be read: it is not UTF-8"),
            ("large", "secret `large` may not be read: it is over 1 MiB"),
            ("folder", "secret `folder` may not be read: it is not a file"),
            ("file:token", "secret `file:token` may not be read: the path must be absolute"),
        ] {
            assert_eq!(read(&secrets, name).await, expected);
        }
    }

    #[tokio::test]
    async fn names_do_not_leave_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let secrets = FileSecrets::new(Some(dir.path().to_owned()));
        for name in ["", "..", ".hidden", "../x", "a/b", "a\0b", "arn:aws:x"] {
            let said = read(&secrets, name).await;
            assert!(said.contains("plain name of a file in the secrets folder"), "{name}: {said}");
        }
        let said = read(&FileSecrets::new(None), "token").await;
        assert!(said.contains("there is no secrets folder"), "{said}");
    }

    #[tokio::test]
    async fn a_renewed_file_is_seen_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let secrets = FileSecrets::new(Some(dir.path().to_owned()));
        for value in ["one", "two"] {
            fs::write(dir.path().join("token"), value).unwrap();
            assert_eq!(read(&secrets, "token").await, value);
        }
    }
}
