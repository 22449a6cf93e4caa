//! One poll of every watched repository: ask conditionally, decide, make it durable, and only then keep the ETag.
//!
//! A crash anywhere in between costs one repeated request, never a pull request: what was decided is in the ledger as
//! `Pending` before it is on the queue, and the next poll queues again whatever is still `Pending`.

mod branches;
mod events;
mod first;
mod gone;
mod listing;
mod see;
mod turns;
mod watched;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::job::{Cause, DiffJob};
use domain::{EventRule, Pace, PullState, RepoName, RepoRule};
use futures::StreamExt as _;
use ports::ledger::{Lease, Ledger, Phase};
use ports::{Chat, Clock, Forge, Queue};
use tokio::time::Instant;

use self::branches::see_base_branches;
use self::listing::{Listing, keep_listing, read_listing};
use self::see::{enqueue, refresh, remember, see};
use crate::error::JobError;
use crate::rules::{decided, rules_of};

/// A pull request that has waited this long for its report is queued again (seconds).
const STUCK_S: i64 = 3_600;
/// A poll that takes longer has lost its lease (seconds).
const LEASE_S: i64 = 300;

/// What polling needs.
pub struct PollCtx {
    /// GitHub.
    pub forge: Arc<dyn Forge>,
    /// Where jobs go.
    pub queue: Arc<dyn Queue>,
    /// Where state is.
    pub ledger: Ledger,
    /// Slack; the poller shows that a pull request is queued. Without it the worker's message is the first.
    pub chat: Option<Arc<dyn Chat>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What is watched.
    pub rules: Vec<RepoRule>,
    /// What else is told of repositories.
    pub events: Vec<EventRule>,
    /// How often, and how many at once.
    pub pace: Pace,
    /// Pull requests of a repository that are reported when it is watched for the first time; the others when they change.
    pub first_reports: usize,
}

/// One repository in a poll.
struct Watched<'a> {
    ctx: &'a PollCtx,
    repo: &'a RepoName,
    /// The rules that are about it, in order.
    rules: Vec<&'a RepoRule>,
}

/// What a poll of one repository came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Polled {
    /// Jobs put on the queue.
    pub queued: usize,
    /// Whether the listing was unchanged (304).
    pub unchanged: bool,
    /// Whether somebody else was polling, and nothing was done.
    pub busy: bool,
    /// Whether GitHub does not have the repository, or does not show it.
    pub missing: bool,
}

/// Polls every repository whose turn it is, several at once. One that fails does not keep the others from being polled; all errors
/// come back, those of organisations whose repositories cannot be listed under the organisation's name.
pub async fn poll(ctx: &PollCtx) -> Vec<(String, Result<Polled, JobError>)> {
    let until = Instant::now() + Duration::from_secs(ctx.pace.within_s);
    let meant: Vec<_> = ctx.rules.iter().map(|rule| &rule.repositories).collect();
    let (repositories, failures) = watched::repositories(ctx, &meant).await;
    let mut results: Vec<(String, Result<Polled, JobError>)> =
        failures.into_iter().map(|(name, error)| (name, Err(error))).collect();
    let turns = turns::due(ctx, &repositories).await;
    let polls: Vec<_> = turns.now.iter().map(|repo| poll_in_time(ctx, repo.clone(), until)).collect();
    let polls = futures::stream::iter(polls);
    let mut polled: Vec<_> = polls.buffer_unordered(ctx.pace.at_once.max(1)).collect().await;
    polled.sort_by(|(a, _), (b, _)| a.cmp(b));
    let late = polled.iter().filter(|(_, result)| result.is_none()).count();
    if late > 0 {
        tracing::warn!(
            late,
            "{late} repositories were not come to within {} s; they are first in the next poll",
            ctx.pace.within_s
        );
    }
    let done = polled.into_iter().filter_map(|(repo, result)| result.map(|result| (repo, result)));
    let done: Vec<(RepoName, Result<Polled, JobError>)> = done.collect();
    turns::keep(ctx, &turns, &done).await;
    results.extend(done.into_iter().map(|(repo, result)| (repo.to_string(), result)));
    if Instant::now() < until {
        results.extend(events::poll(ctx).await);
    }
    results.iter().for_each(|(name, result)| tell(name, result));
    results
}

/// A poll of one repository, unless there is no time left for it.
async fn poll_in_time(
    ctx: &PollCtx,
    repo: RepoName,
    until: Instant,
) -> (RepoName, Option<Result<Polled, JobError>>) {
    let result = if Instant::now() < until { Some(poll_repository(ctx, &repo).await) } else { None };
    (repo, result)
}

fn tell(name: &str, result: &Result<Polled, JobError>) {
    match result {
        Ok(Polled { missing: true, .. }) => {
            tracing::warn!(repo = %name, "{name} does not exist on GitHub, or is not shown to us (404)")
        }
        Ok(polled) => {
            tracing::info!(repo = %name, queued = polled.queued, unchanged = polled.unchanged, busy = polled.busy, "polled {name}: {} queued", polled.queued)
        }
        Err(error) => tracing::error!(repo = %name, error = %error, "polling {name} failed"),
    }
}

/// Polls one repository out of turn. `None` when that is nobody's wish: it is not watched, no poll has seen a pull request
/// there (the first is the poller's), or what is left of the hour's requests is kept for people.
pub async fn poll_now(ctx: &PollCtx, repo: &RepoName) -> Result<Option<Polled>, JobError> {
    let watched = !rules_of(&ctx.rules, &ctx.ledger, repo).await?.is_empty();
    if !watched || !listing::was_read(ctx, repo).await? {
        return Ok(None);
    }
    let budget = ctx.forge.budget(repo).await.unwrap_or_default();
    if budget.is_some_and(|budget| budget.is_used_up(ctx.clock.now())) {
        tracing::warn!(repo = %repo, "{repo} is not looked at out of turn: what is left of the hour's requests to GitHub is kept for people");
        return Ok(None);
    }
    poll_repository(ctx, repo).await.map(Some)
}

async fn poll_repository(ctx: &PollCtx, repo: &RepoName) -> Result<Polled, JobError> {
    let rules = rules_of(&ctx.rules, &ctx.ledger, repo).await?;
    let Some(lease) = ctx.ledger.lease(&format!("poll#{repo}"), LEASE_S).await? else {
        return Ok(Polled { busy: true, ..Polled::default() });
    };
    let result = poll_leased(&Watched { ctx, repo, rules }, &lease).await;
    ctx.ledger.release(lease).await?;
    result
}

async fn poll_leased(watched: &Watched<'_>, lease: &Lease) -> Result<Polled, JobError> {
    let ctx = watched.ctx;
    let listed = listed(watched).await;
    if listed.as_ref().is_err_and(JobError::is_missing) {
        return Ok(Polled { missing: true, ..Polled::default() });
    }
    let mut polled = Polled { queued: queue_what_is_pending(watched).await?, ..Polled::default() };
    let (token, listing) = listed?;
    polled.unchanged = listing.is_none();
    // One pull request that fails must not keep the others from being seen; the ETag is not kept then, so it is tried again.
    let mut failed = None;
    let since = listing.as_ref().and_then(|listing| listing.watched_since);
    let left_out = match &listing {
        Some(listing) if since.is_none() => first::left_out(watched, &listing.pulls).await?,
        _ => BTreeSet::new(),
    };
    for pull in listing.iter().flat_map(|listing| &listing.pulls) {
        if left_out.contains(&pull.key.number) {
            remember(ctx, pull, None).await?;
            continue;
        }
        match see(watched, pull, since, None).await {
            Ok(queued) => polled.queued += usize::from(queued),
            Err(error) => {
                tracing::error!(pull = %pull.key, error = %error, "{} could not be looked at", pull.key);
                failed = failed.or(Some(error));
            }
        }
    }
    polled.queued += see_base_branches(watched, &token).await?;
    if let Some(error) = failed {
        return Err(error);
    }
    if let Some(listing) = listing {
        keep_listing(ctx, watched.repo, &token, &listing, lease).await?;
    }
    Ok(polled)
}

/// The token's fingerprint, and what is new; an App that is not installed there has no token.
async fn listed(watched: &Watched<'_>) -> Result<(String, Option<Listing>), JobError> {
    let token = watched.ctx.forge.token_fingerprint_for(watched.repo).await?;
    let listing = read_listing(watched.ctx, watched.repo, &token).await?;
    Ok((token, listing))
}

/// Queues again what an earlier poll decided and did not live to queue, and what has not come to a report for an hour: its job
/// died, or failed for a reason that may have passed (a rate limit, a token that was renewed).
async fn queue_what_is_pending(watched: &Watched<'_>) -> Result<usize, JobError> {
    let ctx = watched.ctx;
    let mut queued = 0;
    let long_ago = ctx.clock.now() - STUCK_S;
    for record in ctx.ledger.pulls(watched.repo).await? {
        let Some(rule) = decided(&watched.rules, &record) else { continue };
        let open = record.pull.state == PullState::Open;
        let stuck = matches!(record.phase, Phase::Queued | Phase::Running | Phase::Failed)
            && open
            && record.due_at < long_ago;
        if record.phase == Phase::Pending && !open {
            refresh(ctx, &record.pull.key).await?;
            queued += 1;
        } else if record.phase == Phase::Pending || stuck {
            if stuck {
                remember(ctx, &record.pull, Some((Phase::Pending, rule))).await?;
            }
            let job = DiffJob { pull: record.pull.key, head: record.pull.head, cause: Cause::Changed };
            enqueue(ctx, rule, job).await?;
            queued += 1;
        }
    }
    Ok(queued)
}
