//! What Kustomizations name by address: fetched once for both sides, from allowed hosts, and only for trusted pull requests.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use domain::RemoteHosts;
use kustomize::{ErrorKind, Remote, RemoteAddress};
use ports::{CheckoutError, Remotes};

/// Addresses that one report fetches at most.
const MOST: usize = 50;

/// Whether remote bases and files may be fetched.
#[derive(Clone)]
pub enum RemoteAccess {
    /// No, because of this (a sentence without a full stop, with what to do about it).
    None(String),
    /// From these hosts.
    From {
        /// Where from.
        hosts: RemoteHosts,
        /// How.
        fetch: Arc<dyn Remotes>,
    },
}

/// What was fetched so far. Both sides see the same, so that a branch that moves meanwhile is no change.
pub(super) struct Fetched {
    access: RemoteAccess,
    so_far: RwLock<SoFar>,
}

#[derive(Default)]
struct SoFar {
    given: kustomize::Remotes,
    /// By address: the commit it was, or why it could not be had.
    outcomes: BTreeMap<String, Result<Option<String>, String>>,
}

impl Fetched {
    pub(super) fn new(access: RemoteAccess) -> Self {
        Self { access, so_far: RwLock::default() }
    }

    /// What builds are handed.
    pub(super) fn given(&self) -> kustomize::Remotes {
        self.so_far.read().unwrap_or_else(PoisonError::into_inner).given.clone()
    }

    /// Fetches what a failed build lacks. `Ok(false)` when that is not why it failed.
    ///
    /// # Errors
    /// Why it cannot be had, as a sentence without a full stop.
    pub(super) async fn after(&self, error: &flux::Error) -> Result<bool, String> {
        let flux::Error::Kustomize { source, .. } = error else { return Ok(false) };
        let ErrorKind::Remote { url, repository, .. } = &source.kind else { return Ok(false) };
        if let Some(outcome) = self.known(url) {
            // Handed in and still lacking: it was fetched as what it is not.
            return Err(outcome
                .err()
                .unwrap_or_else(|| format!("what is at `{url}` is not what kustomize takes")));
        }
        let outcome = self.fetch(url, repository.as_deref()).await;
        let mut so_far = self.so_far.write().unwrap_or_else(PoisonError::into_inner);
        let (outcome, result) = match outcome {
            Ok((remote, commit)) => {
                so_far.given.insert(url.clone(), remote);
                (Ok(commit), Ok(true))
            }
            Err(why) => (Err(why.clone()), Err(why)),
        };
        so_far.outcomes.insert(url.clone(), outcome);
        result
    }

    /// What readers should know: which commits were taken.
    pub(super) fn notes(&self) -> Vec<String> {
        let so_far = self.so_far.read().unwrap_or_else(PoisonError::into_inner);
        let taken = so_far.outcomes.iter().filter_map(|(url, outcome)| {
            let commit = outcome.as_ref().ok()?.as_ref()?;
            let short = commit.get(..7).unwrap_or(commit);
            Some(format!("`{url}` was taken at commit `{short}` for both sides."))
        });
        taken.collect()
    }

    fn known(&self, url: &str) -> Option<Result<Option<String>, String>> {
        self.so_far.read().unwrap_or_else(PoisonError::into_inner).outcomes.get(url).cloned()
    }

    async fn fetch(
        &self,
        url: &str,
        repository: Option<&RemoteAddress>,
    ) -> Result<(Remote, Option<String>), String> {
        let (hosts, fetch) = match &self.access {
            RemoteAccess::None(why) => return Err(why.clone()),
            RemoteAccess::From { hosts, fetch } => (hosts, fetch),
        };
        if self.so_far.read().unwrap_or_else(PoisonError::into_inner).outcomes.len() >= MOST {
            return Err(format!("only the first {MOST} remote addresses of a report are fetched"));
        }
        if is_manifest(url) || repository.is_none() {
            allowed(hosts, url)?;
            match fetch.file(url, hosts).await {
                Ok(bytes) => return Ok((Remote::File(bytes), None)),
                Err(CheckoutError::NotFound(_)) if repository.is_some() => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        let Some(address) = repository else { return Err(format!("`{url}` is no git repository")) };
        let clone_url = address.clone_url();
        allowed(hosts, &clone_url)?;
        let reference = Some(address.reference.as_str()).filter(|reference| !reference.is_empty());
        let taken = fetch.tree(&clone_url, reference).await.map_err(|error| error.to_string())?;
        Ok((Remote::Repository(taken.tree), Some(taken.commit)))
    }
}

fn allowed(hosts: &RemoteHosts, url: &str) -> Result<(), String> {
    if hosts.allow(url) {
        return Ok(());
    }
    Err(format!(
        "`{url}` is at no allowed host: add it to `remotes.hosts` (over https), or keep a copy in the repository"
    ))
}

/// Whether an address is a file's rather than a repository's.
fn is_manifest(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or(url).to_ascii_lowercase();
    let http = path.starts_with("https://") || path.starts_with("http://");
    http && [".yaml", ".yml", ".json"].iter().any(|end| path.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_from_repositories() {
        assert!(is_manifest("https://example.com/a/crds.yaml?raw=true"));
        assert!(is_manifest("https://example.com/a.YML"));
        assert!(!is_manifest("https://github.com/a/b//deploy?ref=x.yaml"));
        assert!(!is_manifest("github.com/a/b/c.yaml"));
    }
}
