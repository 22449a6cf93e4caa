//! One sighting of a pull request: decided, made durable, and queued.

use std::time::Duration;

use domain::job::{DiffJob, Job};
use domain::poll::{Sighting, Step, step};
use domain::{CommitSha, Mode, PullKey, PullRequest, RepoRule};
use ports::ledger::{Phase, PullRecord};
use ports::wire;
use report::slack::State;

use super::{PollCtx, Watched};
use crate::error::JobError;
use crate::message;

/// Decides on one pull request and makes the decision durable. Whether a job was queued that makes something new to read.
pub(super) async fn see(
    watched: &Watched<'_>,
    now: &PullRequest,
    watched_since: Option<i64>,
    base: Option<CommitSha>,
) -> Result<bool, JobError> {
    let ctx = watched.ctx;
    let seen = ctx.ledger.pull(&now.key).await?.map(|record| record.pull);
    let mut sighting = Sighting { now: now.clone(), seen, watched_since, files: None, base_moved_to: base };
    let mut next = step(&watched.rules, &sighting);
    if next == Step::AskForFiles {
        sighting.files = Some(ctx.forge.files(&now.key).await?);
        next = step(&watched.rules, &sighting);
    }
    match next {
        Step::Nothing => Ok(false),
        Step::Remember | Step::AskForFiles => {
            remember(ctx, now, None).await?;
            Ok(false)
        }
        Step::Enqueue { job, rule } => {
            let Some(rule) = watched.rules.get(rule) else { return Ok(false) };
            remember(ctx, now, Some((Phase::Pending, rule))).await?;
            match job {
                Job::Diff(job) => enqueue(ctx, rule, job).await?,
                _ => refresh(ctx, &now.key).await?,
            }
            Ok(true)
        }
        Step::Refresh(job) => {
            // Sent before it is remembered: a crash in between sends it twice, which changes nothing, and never not at all.
            ctx.queue.send(&wire::encode(&job), Duration::ZERO).await?;
            remember(ctx, now, None).await?;
            Ok(true)
        }
    }
}

/// Keeps what was seen; and where a job is wanted, the phase, and which rule wants it.
pub(super) async fn remember(
    ctx: &PollCtx,
    now: &PullRequest,
    wanted: Option<(Phase, &RepoRule)>,
) -> Result<(), JobError> {
    let at = ctx.clock.now();
    let change = |record: Option<PullRecord>| {
        let mut record = record.unwrap_or_else(|| PullRecord::new(now.clone(), Phase::Seen, at));
        record.pull = now.clone();
        if let Some((phase, rule)) = wanted {
            record.phase = phase;
            record.due_at = at;
            record.rule = Some(rule.id());
        }
        Some(record)
    };
    ctx.ledger.change_pull(&now.key, change).await?;
    Ok(())
}

/// Shows the pull request as queued, puts its job on the queue, and only then calls it queued.
pub(super) async fn enqueue(ctx: &PollCtx, rule: &RepoRule, job: DiffJob) -> Result<(), JobError> {
    let key = job.pull.clone();
    let shows = ctx.chat.as_ref().filter(|_| rule.mode == Mode::Automatic);
    if let (Some(chat), Some(record)) = (shows, ctx.ledger.pull(&key).await?) {
        let shown = message::show(chat.as_ref(), &ctx.ledger, rule, &record, State::Queued).await;
        // A diff must not wait for Slack: the worker shows the message again.
        if let Err(error) = shown {
            tracing::warn!(pull = %key, error = %error, "{key}: Slack could not show that it is queued");
        }
    }
    ctx.queue.send(&wire::encode(&Job::Diff(job)), Duration::ZERO).await?;
    queued(ctx, &key).await
}

/// Queues that a closed pull request be shown as closed, though it may have had no message.
pub(super) async fn refresh(ctx: &PollCtx, key: &PullKey) -> Result<(), JobError> {
    ctx.queue.send(&wire::encode(&Job::Refresh { pull: key.clone() }), Duration::ZERO).await?;
    queued(ctx, key).await
}

async fn queued(ctx: &PollCtx, key: &PullKey) -> Result<(), JobError> {
    let queued = |record: Option<PullRecord>| {
        let record = record.filter(|r| r.phase == Phase::Pending)?;
        Some(PullRecord { phase: Phase::Queued, ..record })
    };
    ctx.ledger.change_pull(key, queued).await?;
    Ok(())
}
