//! The merge base of two commits in a history of which only the newest part may be here.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use gix::{ObjectId, Repository};

/// Commits that are looked at before the search is given up.
const MAX_COMMITS: usize = 200_000;

/// What the history at hand says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum MergeBase {
    /// The newest commit that both sides have.
    Found(ObjectId),
    /// A common commit, but history that is not here may hold a newer one.
    Perhaps(ObjectId),
    /// None so far, and there is more history.
    Deeper,
    /// None at all.
    Unrelated,
}

struct Seen {
    time: i64,
    parents: Vec<ObjectId>,
    /// Some parent is not here.
    cut: bool,
}

/// Looks for the merge base of `one` and `two`, both of which are here.
pub(crate) fn merge_base(repo: &Repository, one: ObjectId, two: ObjectId) -> Result<MergeBase, gix::Error> {
    let mut commits = HashMap::new();
    let (ours, theirs) = (ancestors(repo, one, &mut commits)?, ancestors(repo, two, &mut commits)?);
    let common: HashSet<ObjectId> = ours.intersection(&theirs).copied().collect();
    // A common commit that another common one descends from is not the best.
    let lesser: HashSet<ObjectId> =
        common.iter().filter_map(|id| commits.get(id)).flat_map(|c| c.parents.iter().copied()).collect();
    let time = |id: &ObjectId| commits.get(id).map_or(i64::MIN, |c| c.time);
    let best = common.iter().filter(|id| !lesser.contains(*id)).max_by_key(|id| (time(id), **id)).copied();
    let cut_after = |since: i64| {
        ours.symmetric_difference(&theirs)
            .filter_map(|id| commits.get(id))
            .any(|commit| commit.cut && commit.time >= since)
    };
    Ok(match best {
        Some(best) if cut_after(time(&best)) => MergeBase::Perhaps(best),
        Some(best) => MergeBase::Found(best),
        None if cut_after(i64::MIN) => MergeBase::Deeper,
        None => MergeBase::Unrelated,
    })
}

fn ancestors(
    repo: &Repository,
    tip: ObjectId,
    commits: &mut HashMap<ObjectId, Seen>,
) -> Result<HashSet<ObjectId>, gix::Error> {
    let mut reached = HashSet::from([tip]);
    let mut queue = vec![tip];
    while let Some(id) = queue.pop() {
        let seen = match commits.entry(id) {
            Entry::Occupied(seen) => seen.into_mut(),
            Entry::Vacant(place) => place.insert(look(repo, id, reached.len() >= MAX_COMMITS)?),
        };
        queue.extend(seen.parents.iter().copied().filter(|parent| reached.insert(*parent)));
    }
    Ok(reached)
}

fn look(repo: &Repository, id: ObjectId, last: bool) -> Result<Seen, gix::Error> {
    let commit = repo.find_commit(id)?;
    let time = commit.time()?.seconds;
    let all: Vec<ObjectId> = commit.parent_ids().map(|parent| parent.detach()).collect();
    let here: Vec<ObjectId> = if last {
        Vec::new()
    } else {
        all.iter().copied().filter(|parent| repo.has_object(parent)).collect()
    };
    Ok(Seen { time, cut: here.len() < all.len(), parents: here })
}
