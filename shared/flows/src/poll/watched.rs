//! Which repositories a poll is about: those that rules name, those of organisations, and those that clusters point to.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::job::Job;
use domain::{RepoName, Repositories};
use ports::wire;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::PollCtx;
use crate::error::JobError;
use crate::rules::discovered;

/// How often an organisation is asked for its repositories, and a cluster for what it points to (seconds).
const LIST_AGAIN_S: i64 = 600;

/// An organisation's repositories as last listed.
#[derive(Serialize, Deserialize)]
struct Listed {
    at: i64,
    names: BTreeSet<RepoName>,
}

/// Every repository that some of these are about, and the organisations that could not be listed. Of these the repositories that were
/// listed before are still watched.
pub(super) async fn repositories(
    ctx: &PollCtx,
    meant: &[&Repositories],
) -> (BTreeSet<RepoName>, Vec<(String, JobError)>) {
    let (mut all, mut failures) = (BTreeSet::new(), Vec::new());
    let discovers = meant.iter().any(|meant| matches!(meant, Repositories::Discovered { .. }));
    if discovers && let Err(error) = discover(ctx, meant, &mut all).await {
        failures.push(("the clusters' repositories".to_owned(), error));
    }
    for meant in meant {
        match meant {
            Repositories::Named(repo) => drop(all.insert(repo.clone())),
            Repositories::Of { owner, names } => {
                let (listed, failure) = repositories_of(ctx, owner).await;
                all.extend(listed.into_iter().filter(|repo| names.accept(repo.name())));
                failures.extend(failure.map(|error| (owner.clone(), error)));
            }
            Repositories::Discovered { .. } => {}
        }
    }
    (all, failures)
}

/// What clusters are known to point to; asks the worker, who alone reaches them, to look again now and then.
async fn discover(
    ctx: &PollCtx,
    meant: &[&Repositories],
    all: &mut BTreeSet<RepoName>,
) -> Result<(), JobError> {
    let known = discovered(&ctx.ledger).await?;
    let is_meant = |repo: &RepoName| {
        meant.iter().any(|meant| matches!(meant, Repositories::Discovered { .. }) && meant.mean(repo, &known))
    };
    all.extend(known.iter().filter(|repo| is_meant(repo)).cloned());
    if ctx.ledger.first_time("discover", LIST_AGAIN_S).await? {
        let sent = ctx.queue.send(&wire::encode(&Job::Discover), Duration::ZERO).await;
        if sent.is_err() {
            ctx.ledger.forget_first_time("discover").await?;
        }
        sent?;
    }
    Ok(())
}

/// An organisation's repositories, listed again when that was long ago; and why that failed.
async fn repositories_of(ctx: &PollCtx, owner: &str) -> (BTreeSet<RepoName>, Option<JobError>) {
    let note = format!("repositories#{}", owner.to_ascii_lowercase());
    let known = match ctx.ledger.note(&note).await {
        Ok(value) => value.and_then(|value| serde_json::from_value::<Listed>(value).ok()),
        Err(error) => return (BTreeSet::new(), Some(error.into())),
    };
    let now = ctx.clock.now();
    if let Some(listed) = known.as_ref().filter(|listed| listed.at + LIST_AGAIN_S > now) {
        return (listed.names.clone(), None);
    }
    match list(ctx, owner, &note, now).await {
        Ok(names) => (names, None),
        Err(error) => (known.map(|listed| listed.names).unwrap_or_default(), Some(error)),
    }
}

async fn list(ctx: &PollCtx, owner: &str, note: &str, now: i64) -> Result<BTreeSet<RepoName>, JobError> {
    let names: BTreeSet<RepoName> = ctx.forge.repositories(owner).await?.into_iter().collect();
    ctx.ledger.save_note(note, &json!(Listed { at: now, names: names.clone() })).await?;
    Ok(names)
}
