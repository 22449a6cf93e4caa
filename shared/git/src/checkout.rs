//! A pull request's two sides: the base branch's tip and GitHub's merge when they belong together, else merge base and head.

use std::num::NonZeroU32;
use std::sync::Arc;

use domain::report::{Comparison, Mode};
use domain::{CommitSha, RepoName};
use gix::{ObjectId, Repository};
use ports::{Checkout, CheckoutError};
use secrecy::SecretString;

use crate::Limits;
use crate::diff::{Changes, DiffError};
use crate::fetch::{self, Failure, chain};
use crate::history::{MergeBase, merge_base};
use crate::store::{Slot, Store};
use crate::tree::GitTree;

/// How much history is fetched to find a merge base, step by step, in commits.
const DEPTHS: [NonZeroU32; 3] =
    [NonZeroU32::new(50).unwrap(), NonZeroU32::new(500).unwrap(), NonZeroU32::new(5000).unwrap()];

/// What to check out.
#[derive(Clone)]
pub(crate) struct Job {
    pub(crate) repo: RepoName,
    pub(crate) url: String,
    pub(crate) token: Option<SecretString>,
    pub(crate) number: u64,
    pub(crate) head: CommitSha,
    pub(crate) base_tip: CommitSha,
    pub(crate) limits: Limits,
}

impl Job {
    fn unavailable(&self, reason: String) -> CheckoutError {
        CheckoutError::Unavailable { repo: self.repo.to_string(), reason }
    }

    fn too_large(&self, limit: String) -> CheckoutError {
        CheckoutError::TooLarge { repo: self.repo.to_string(), limit }
    }
}

/// Fetches what is missing and opens both sides. A cache that is full or does not work is replaced once.
pub(crate) fn of_pull(slot: &mut Slot, job: &Job) -> Result<Checkout, CheckoutError> {
    let mut again = true;
    loop {
        let (store, used) = slot
            .store(job.limits.repo_bytes)
            .map_err(|error| job.unavailable(format!("the cache directory cannot be used: {error}")))?;
        let failure = match both_sides(&store, job) {
            Ok(checkout) => return Ok(checkout),
            Err(failure) => failure,
        };
        let replace = used && again && !matches!(failure, Failure::Final(_));
        if !matches!(failure, Failure::Final(_)) {
            slot.discard();
        }
        match failure {
            _ if replace => again = false,
            Failure::Final(error) => return Err(error),
            Failure::Suspect(reason) => return Err(job.unavailable(reason)),
            Failure::Full => {
                let bytes = job.limits.repo_bytes;
                return Err(job.too_large(format!("more than {bytes} bytes of git objects to fetch")));
            }
        }
    }
}

fn both_sides(store: &Arc<Store>, job: &Job) -> Result<Checkout, Failure> {
    let repo = fetch::open(store)?;
    let merge = fetch::pull(&repo, store, job, NonZeroU32::MIN)?;
    let (tip, head) = (object_id(&job.base_tip)?, object_id(&job.head)?);
    // Opened again: the fetch has added packs.
    let repo = fetch::open(store)?;
    let (sides, mode) = match merge {
        Some(merge) if parents(&repo, merge)? == [tip, head] => ((tip, merge), Mode::MergeResult),
        _ => ((base_of(store, job, tip, head)?, head), Mode::HeadAgainstMergeBase),
    };
    let source = Source { repo: &fetch::open(store)?, store: Some(store), limits: &job.limits };
    compare(&source, sides, mode).map_err(|error| match error {
        DiffError::TooMany => {
            Failure::Final(job.too_large(format!("more than {} paths differ", job.limits.changed_paths)))
        }
        DiffError::Git(error) => Failure::Suspect(chain(&error)),
    })
}

/// The merge base, with as much history as that takes.
fn base_of(store: &Arc<Store>, job: &Job, tip: ObjectId, head: ObjectId) -> Result<ObjectId, Failure> {
    let mut depths = DEPTHS.iter();
    loop {
        let repo = fetch::open(store)?;
        let found = merge_base(&repo, tip, head).map_err(|error| Failure::Suspect(chain(&error)))?;
        if let MergeBase::Found(id) = found {
            return Ok(id);
        }
        if let (MergeBase::Perhaps(_) | MergeBase::Deeper, Some(depth)) = (&found, depths.next()) {
            fetch::pull(&repo, store, job, *depth)?;
            continue;
        }
        return match found {
            MergeBase::Found(id) | MergeBase::Perhaps(id) => Ok(id),
            MergeBase::Deeper | MergeBase::Unrelated => Err(Failure::Final(job.too_large(format!(
                "`{}` and the base branch share no commit among the newest {}: rebase the pull request",
                job.head.short(),
                DEPTHS[DEPTHS.len() - 1],
            )))),
        };
    }
}

/// Where trees are read from.
pub(crate) struct Source<'a> {
    pub(crate) repo: &'a Repository,
    pub(crate) store: Option<&'a Arc<Store>>,
    pub(crate) limits: &'a Limits,
}

impl Source<'_> {
    fn tree(&self, commit: ObjectId) -> Result<GitTree, gix::Error> {
        let root = self.repo.find_commit(commit)?.tree_id()?.detach();
        Ok(GitTree::new(self.repo.clone(), root, self.limits.file_bytes, self.store.cloned()))
    }
}

/// Opens the trees of two commits and compares them.
pub(crate) fn compare(
    source: &Source<'_>,
    (base, result): (ObjectId, ObjectId),
    mode: Mode,
) -> Result<Checkout, DiffError> {
    let trees = (source.tree(base)?, source.tree(result)?);
    let changes = Changes::between(&trees.0, &trees.1, source.limits.changed_paths)?;
    let comparison = Comparison { base: commit_sha(base), result: commit_sha(result), mode };
    Ok(Checkout {
        base: Arc::new(trees.0),
        result: Arc::new(trees.1),
        notes: changes.notes(),
        changed: changes.paths,
        comparison,
    })
}

fn parents(repo: &Repository, commit: ObjectId) -> Result<Vec<ObjectId>, Failure> {
    let commit = repo.find_commit(commit).map_err(|error| Failure::Suspect(chain(&error)))?;
    Ok(commit.parent_ids().map(|id| id.detach()).collect())
}

fn object_id(sha: &CommitSha) -> Result<ObjectId, Failure> {
    ObjectId::from_hex(sha.as_str().as_bytes()).map_err(|error| Failure::Suspect(error.to_string()))
}

fn commit_sha(id: ObjectId) -> CommitSha {
    id.to_string().parse().expect("an object id is 40 or 64 lower-case hexadecimal digits")
}
