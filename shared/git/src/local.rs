//! Two revisions of a repository that is on disk already, worktrees included. Nothing is fetched and nothing is written.

use std::path::Path;

use domain::report::Mode;
use gix::{ObjectId, Repository};
use ports::{Checkout, CheckoutError};

use crate::Limits;
use crate::checkout::{Source, compare};
use crate::diff::DiffError;
use crate::fetch::{chain, opening};

/// Compares `base_rev` with `head_rev`, exactly as named (branches, tags, commit ids, `HEAD~2`), in the repository that holds `repo_dir`.
///
/// # Errors
/// [`CheckoutError::NotFound`] when there is no repository, [`CheckoutError::Gone`] when a revision does not name a commit,
/// [`CheckoutError::TooLarge`] when too much differs.
pub fn local(repo_dir: &Path, base_rev: &str, head_rev: &str) -> Result<Checkout, CheckoutError> {
    let shown = repo_dir.display().to_string();
    let repo = open(repo_dir).ok_or_else(|| CheckoutError::NotFound(shown.clone()))?;
    let commit = |rev: &str| {
        commit(&repo, rev).ok_or_else(|| CheckoutError::Gone { what: rev.to_owned(), repo: shown.clone() })
    };
    let sides = (commit(base_rev)?, commit(head_rev)?);
    let limits = Limits::default();
    let source = Source { repo: &repo, store: None, limits: &limits };
    compare(&source, sides, Mode::Revisions).map_err(|error| match error {
        DiffError::TooMany => CheckoutError::TooLarge {
            repo: shown,
            limit: format!("more than {} paths differ", limits.changed_paths),
        },
        DiffError::Git(error) => CheckoutError::Unavailable { repo: shown, reason: chain(&error) },
    })
}

fn open(dir: &Path) -> Option<Repository> {
    let trust = gix::sec::trust::Mapping { full: opening(), reduced: opening() };
    let found = gix::ThreadSafeRepository::discover_opts(dir, Default::default(), trust).ok()?;
    Some(found.to_thread_local())
}

fn commit(repo: &Repository, rev: &str) -> Option<ObjectId> {
    let object = repo.rev_parse_single(rev).ok()?.object().ok()?;
    Some(object.peel_to_commit().ok()?.id)
}
