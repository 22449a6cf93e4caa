//! What lies outside the tree: how its addresses are read, and what the caller has fetched of it. Nothing is fetched
//! here: a build names what it lacks, [`remotes`] lists all of it, and [`Remotes`] hands it in.

mod address;
mod list;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::Tree;

pub use address::RemoteAddress;
pub use list::remotes;

/// Something a build needs from outside its tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteUse {
    /// The address as written; what is fetched is handed in under it.
    pub url: String,
    /// The git repository, when the address can be one's.
    ///
    /// With `http` or `https` kustomize asks the address for a file first, and clones only where the answer is no
    /// success or no manifest.
    pub repository: Option<RemoteAddress>,
}

/// What was fetched for one address.
#[derive(Clone)]
pub enum Remote {
    /// The root of the repository at the reference that the address names, with submodules if it asks for them.
    Repository(Arc<dyn Tree + Send + Sync>),
    /// What an `http` or `https` address answered.
    File(Arc<[u8]>),
}

/// What was fetched, by the address as a kustomization writes it.
#[derive(Clone, Default)]
pub struct Remotes {
    given: BTreeMap<String, Remote>,
}

impl Remotes {
    /// Nothing, which makes every remote address an error.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Hands in what was fetched for an address.
    pub fn insert(&mut self, url: impl Into<String>, remote: Remote) {
        self.given.insert(url.into(), remote);
    }

    /// The same with one more, for building in one expression.
    #[must_use]
    pub fn with(mut self, url: impl Into<String>, remote: Remote) -> Self {
        self.insert(url, remote);
        self
    }

    /// The same without repositories, for a build that may fetch files and clone nothing.
    #[must_use]
    pub fn only_files(&self) -> Self {
        let files = self.given.iter().filter(|(_, remote)| matches!(remote, Remote::File(_)));
        Self { given: files.map(|(url, remote)| (url.clone(), remote.clone())).collect() }
    }

    /// Whether a repository was handed in for the address.
    pub fn has_repository(&self, url: &str) -> bool {
        self.tree(url).is_some()
    }

    pub(crate) fn tree(&self, url: &str) -> Option<&dyn Tree> {
        match self.given.get(url) {
            Some(Remote::Repository(tree)) => Some(tree.as_ref()),
            _ => None,
        }
    }

    pub(crate) fn file(&self, url: &str) -> Option<&Arc<[u8]>> {
        match self.given.get(url) {
            Some(Remote::File(bytes)) => Some(bytes),
            _ => None,
        }
    }
}

impl fmt::Debug for Remotes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.given.keys()).finish()
    }
}

/// Whether kustomize asks an address for a file over HTTP.
pub(crate) fn is_http(written: &str) -> bool {
    let scheme = written.split_once(':').map_or("", |(scheme, _)| scheme);
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

/// The error for an address that nothing was handed in for.
pub(crate) fn missing(url: &str) -> crate::Error {
    let repository = RemoteAddress::parse(url);
    let reference = repository.as_ref().map(|r| r.reference.clone()).filter(|r| !r.is_empty());
    crate::ErrorKind::Remote { url: url.to_owned(), reference, repository: repository.map(Box::new) }.into()
}
