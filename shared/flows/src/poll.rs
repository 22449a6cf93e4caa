//! One poll of every watched repository: ask conditionally, decide, make it durable, and only then keep the ETag.
//!
//! A crash anywhere in between costs one repeated request, never a pull request: what was decided is in the ledger as
//! `Pending` before it is on the queue, and the next poll queues again whatever is still `Pending`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::job::{Cause, DiffJob, Job};
use domain::poll::{Sighting, Step, step, wants_files};
use domain::{CommitSha, PathRules, PullRequest, PullState, RepoName, RepoRule};
use ports::ledger::{Lease, Ledger, Phase, PullRecord};
use ports::{Chat, Clock, Conditional, Forge, Queue, wire};
use report::slack::State;
use serde_json::json;

use crate::error::JobError;
use crate::message;

/// Pages of 100 that one poll follows at most; the rest follows in the next poll, and the log says so.
const MOST_PAGES: u32 = 100;
/// `updated_at` counts whole seconds, and listings are not snapshots: pages are followed this far past the watermark (seconds).
const OVERLAP_S: i64 = 10;
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
}

/// Polls every repository once. One that fails does not keep the others from being polled; all errors come back.
pub async fn poll(ctx: &PollCtx) -> Vec<(RepoName, Result<Polled, JobError>)> {
    let mut results = Vec::new();
    for rule in &ctx.rules {
        let result = poll_repository(ctx, rule).await;
        match &result {
            Ok(polled) => {
                tracing::info!(repo = %rule.repo, queued = polled.queued, unchanged = polled.unchanged, busy = polled.busy, "polled {}: {} queued", rule.repo, polled.queued)
            }
            Err(error) => tracing::error!(repo = %rule.repo, error = %error, "polling {} failed", rule.repo),
        }
        results.push((rule.repo.clone(), result));
    }
    results
}

async fn poll_repository(ctx: &PollCtx, rule: &RepoRule) -> Result<Polled, JobError> {
    let Some(lease) = ctx.ledger.lease(&format!("poll#{}", rule.repo), LEASE_S).await? else {
        return Ok(Polled { busy: true, ..Polled::default() });
    };
    let result = poll_leased(ctx, rule, &lease).await;
    ctx.ledger.release(lease).await?;
    result
}

async fn poll_leased(ctx: &PollCtx, rule: &RepoRule, lease: &Lease) -> Result<Polled, JobError> {
    let mut polled = Polled { queued: queue_what_is_pending(ctx, rule).await?, ..Polled::default() };
    let token = ctx.forge.token_fingerprint().await?;
    let listing = read_listing(ctx, &rule.repo, &token).await?;
    polled.unchanged = listing.is_none();
    // One pull request that fails must not keep the others from being seen; the ETag is not kept then, so it is tried again.
    let mut failed = None;
    for pull in listing.iter().flat_map(|listing| &listing.pulls) {
        match see(ctx, rule, pull, None).await {
            Ok(queued) => polled.queued += usize::from(queued),
            Err(error) => {
                tracing::error!(pull = %pull.key, error = %error, "{} could not be looked at", pull.key);
                failed = failed.or(Some(error));
            }
        }
    }
    polled.queued += see_base_branches(ctx, rule, &token).await?;
    if let Some(error) = failed {
        return Err(error);
    }
    if let Some(listing) = listing {
        keep_listing(ctx, rule, &token, &listing, lease).await?;
    }
    Ok(polled)
}

/// Queues again what an earlier poll decided and did not live to queue, and what has not come to a report for an hour: its job
/// died, or failed for a reason that may have passed (a rate limit, a token that was renewed).
async fn queue_what_is_pending(ctx: &PollCtx, rule: &RepoRule) -> Result<usize, JobError> {
    let mut queued = 0;
    let long_ago = ctx.clock.now() - STUCK_S;
    for record in ctx.ledger.pulls(&rule.repo).await? {
        let stuck = matches!(record.phase, Phase::Queued | Phase::Running | Phase::Failed)
            && record.pull.state == PullState::Open
            && record.due_at < long_ago;
        if record.phase == Phase::Pending || stuck {
            if stuck {
                remember(ctx, &record.pull, Some(Phase::Pending)).await?;
            }
            let job = DiffJob { pull: record.pull.key, head: record.pull.head, cause: Cause::Changed };
            enqueue(ctx, rule, job).await?;
            queued += 1;
        }
    }
    Ok(queued)
}

struct Listing {
    pulls: Vec<PullRequest>,
    etag: Option<String>,
    newest: i64,
}

fn listing_name(repo: &RepoName) -> String {
    format!("pulls#{repo}")
}

fn watermark_name(repo: &RepoName) -> String {
    format!("watermark#{repo}")
}

/// The pull requests that changed since the last poll, oldest change first; `None` when the first page is as it was.
async fn read_listing(ctx: &PollCtx, repo: &RepoName, token: &str) -> Result<Option<Listing>, JobError> {
    let etag = ctx.ledger.etag(token, &listing_name(repo)).await?;
    let watermark =
        ctx.ledger.note(&watermark_name(repo)).await?.and_then(|v| v.as_i64()).unwrap_or(i64::MIN);
    let Conditional::Fresh { value: first, etag } = ctx.forge.pulls(repo, 1, etag.as_deref()).await? else {
        return Ok(None);
    };
    let mut page = first;
    let mut pulls = Vec::new();
    for number in 2.. {
        page.unreadable.iter().for_each(|why| tracing::warn!(repo = %repo, "{repo}: {why}"));
        let oldest = page.pulls.iter().map(|p| p.updated_at).min().unwrap_or(i64::MIN);
        pulls.append(&mut page.pulls);
        if !page.more || oldest < watermark.saturating_sub(OVERLAP_S) {
            break;
        }
        if number > MOST_PAGES {
            tracing::warn!(repo = %repo, pages = MOST_PAGES, "{repo}: more than {MOST_PAGES} pages of pull requests changed; older ones are seen when they change");
            break;
        }
        match ctx.forge.pulls(repo, number, None).await? {
            Conditional::Fresh { value, .. } => page = value,
            Conditional::NotModified => break,
        }
    }
    let newest = pulls.iter().map(|p| p.updated_at).max().unwrap_or(watermark).max(watermark);
    // A page boundary that moves between two requests shows a pull request twice: the newer sighting counts.
    let mut unique: BTreeMap<u64, PullRequest> = BTreeMap::new();
    for pull in pulls {
        let newer = unique.get(&pull.key.number).is_none_or(|known| known.updated_at <= pull.updated_at);
        if newer {
            unique.insert(pull.key.number, pull);
        }
    }
    let mut pulls: Vec<PullRequest> = unique.into_values().collect();
    pulls.sort_by_key(|p| p.updated_at);
    Ok(Some(Listing { pulls, etag, newest }))
}

/// Keeps watermark and ETag, in this order and last of all, and only while nobody took the poll over.
async fn keep_listing(
    ctx: &PollCtx,
    rule: &RepoRule,
    token: &str,
    listing: &Listing,
    lease: &Lease,
) -> Result<(), JobError> {
    if !ctx.ledger.holds(lease).await? {
        tracing::warn!(repo = %rule.repo, epoch = lease.epoch, "{}: the poll took longer than its lease; its ETag is not kept", rule.repo);
        return Ok(());
    }
    if listing.newest > i64::MIN {
        ctx.ledger.save_note(&watermark_name(&rule.repo), &json!(listing.newest)).await?;
    }
    if let Some(etag) = &listing.etag {
        ctx.ledger.save_etag(token, &listing_name(&rule.repo), etag).await?;
    }
    Ok(())
}

/// Decides on one pull request and makes the decision durable. Whether a job was queued.
async fn see(
    ctx: &PollCtx,
    rule: &RepoRule,
    now: &PullRequest,
    base: Option<CommitSha>,
) -> Result<bool, JobError> {
    let record = ctx.ledger.pull(&now.key).await?;
    let seen = record.as_ref().map(|r| r.pull.observed());
    let mut sighting = Sighting { now: now.clone(), seen, touches: None, base_moved_to: base };
    if wants_files(rule, &sighting) {
        sighting.touches = touches(ctx, rule, now).await?;
    }
    match step(rule, &sighting) {
        Step::Nothing => Ok(false),
        Step::Remember => {
            remember(ctx, now, None).await?;
            Ok(false)
        }
        Step::Enqueue(Job::Diff(job)) => {
            remember(ctx, now, Some(Phase::Pending)).await?;
            enqueue(ctx, rule, job).await?;
            Ok(true)
        }
        Step::Enqueue(job) => {
            // Sent before it is remembered: a crash in between sends it twice, which changes nothing, and never not at all.
            ctx.queue.send(&wire::encode(&job), Duration::ZERO).await?;
            remember(ctx, now, None).await?;
            Ok(true)
        }
    }
}

async fn touches(ctx: &PollCtx, rule: &RepoRule, pull: &PullRequest) -> Result<Option<bool>, JobError> {
    let rules = PathRules::new(&rule.include, &rule.exclude).map_err(JobError::fail)?;
    if rules.accept_all() {
        return Ok(None);
    }
    let files = ctx.forge.files(&pull.key).await?;
    Ok(Some(!files.complete || rules.touch(files.paths.iter().map(String::as_str))))
}

async fn remember(ctx: &PollCtx, now: &PullRequest, phase: Option<Phase>) -> Result<(), JobError> {
    let at = ctx.clock.now();
    let change = |record: Option<PullRecord>| {
        let mut record = record.unwrap_or_else(|| new_record(now.clone(), at));
        record.pull = now.clone();
        if let Some(phase) = phase {
            record.phase = phase;
            record.due_at = at;
        }
        Some(record)
    };
    ctx.ledger.change_pull(&now.key, change).await?;
    Ok(())
}

fn new_record(pull: PullRequest, at: i64) -> PullRecord {
    PullRecord {
        pull,
        base_tip: None,
        phase: Phase::Seen,
        due_at: at,
        message: None,
        details: None,
        report: None,
        notes: Vec::new(),
        vouched: None,
    }
}

/// Shows the pull request as queued, puts its job on the queue, and only then calls it queued.
async fn enqueue(ctx: &PollCtx, rule: &RepoRule, job: DiffJob) -> Result<(), JobError> {
    let key = job.pull.clone();
    if let (Some(chat), Some(record)) = (&ctx.chat, ctx.ledger.pull(&key).await?) {
        let shown = message::show(chat.as_ref(), &ctx.ledger, &rule.channel, &record, State::Queued).await;
        // A diff must not wait for Slack: the worker shows the message again.
        if let Err(error) = shown {
            tracing::warn!(pull = %key, error = %error, "{key}: Slack could not show that it is queued");
        }
    }
    ctx.queue.send(&wire::encode(&Job::Diff(job)), Duration::ZERO).await?;
    let queued = |record: Option<PullRecord>| {
        let record = record.filter(|r| r.phase == Phase::Pending)?;
        Some(PullRecord { phase: Phase::Queued, ..record })
    };
    ctx.ledger.change_pull(&key, queued).await?;
    Ok(())
}

/// A push to a base branch changes every diff against it, though no pull request changes.
async fn see_base_branches(ctx: &PollCtx, rule: &RepoRule, token: &str) -> Result<usize, JobError> {
    let mut against: BTreeMap<String, Vec<PullRecord>> = BTreeMap::new();
    for record in ctx.ledger.pulls(&rule.repo).await? {
        if record.pull.state == PullState::Open && record.base_tip.is_some() {
            against.entry(record.pull.base_branch.clone()).or_default().push(record);
        }
    }
    let mut queued = 0;
    for (branch, records) in against {
        let Some(tip) = branch_tip(ctx, rule, token, &branch).await? else { continue };
        for record in records {
            let settled = matches!(record.phase, Phase::Reported | Phase::Failed);
            if settled && record.base_tip.as_ref() != Some(&tip) {
                queued += usize::from(see(ctx, rule, &record.pull, Some(tip.clone())).await?);
            }
        }
    }
    Ok(queued)
}

/// The branch's tip, from GitHub or, when nothing changed there, as last read. `None` when the branch is gone.
async fn branch_tip(
    ctx: &PollCtx,
    rule: &RepoRule,
    token: &str,
    branch: &str,
) -> Result<Option<CommitSha>, JobError> {
    let name = format!("branch#{}#{branch}", rule.repo);
    let known: Option<CommitSha> = match ctx.ledger.note(&name).await? {
        Some(value) => serde_json::from_value(value).ok(),
        None => None,
    };
    // Without the tip itself its ETag is worth nothing.
    let etag = if known.is_some() { ctx.ledger.etag(token, &name).await? } else { None };
    match ctx.forge.branch(&rule.repo, branch, etag.as_deref()).await {
        Ok(Conditional::NotModified) => Ok(known),
        Ok(Conditional::Fresh { value, etag }) => {
            ctx.ledger.save_note(&name, &json!(value)).await?;
            if let Some(etag) = etag {
                ctx.ledger.save_etag(token, &name, &etag).await?;
            }
            Ok(Some(value))
        }
        Err(ports::ForgeError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
