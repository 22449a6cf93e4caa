//! One repository polled out of turn, because GitHub's webhook says that something happened there. It is the poller's own path, lease,
//! ETags and all; whatever goes wrong here, the next poll sees the same.

use std::time::Duration;

use domain::job::{Job, Outcome};
use domain::{Pace, RepoName};
use ports::wire;

use super::WorkCtx;
use crate::error::JobError;
use crate::poll::{PollCtx, poll_now};

/// A poll that is under way may have asked before the event: look again after it (seconds).
const AGAIN_S: u64 = 10;
/// So often at most; by then the usual poll was there.
const MOST_PUT_OFF: u32 = 6;

pub(super) async fn run(ctx: &WorkCtx, repo: &RepoName, put_off: u32) -> Result<Outcome, JobError> {
    match Box::pin(poll_now(&poller(ctx), repo)).await {
        Ok(None) => Ok(Outcome::Nothing("not polled out of turn")),
        Ok(Some(polled)) if polled.busy => look_again(ctx, repo, put_off).await,
        Ok(Some(polled)) => {
            tracing::info!(repo = %repo, queued = polled.queued, unchanged = polled.unchanged, "looked at {repo}: {} queued", polled.queued);
            Ok(Outcome::Done)
        }
        Err(error) => {
            tracing::warn!(repo = %repo, error = %error, "{repo} could not be looked at; the next poll does");
            Ok(Outcome::Nothing("the next poll looks again"))
        }
    }
}

async fn look_again(ctx: &WorkCtx, repo: &RepoName, put_off: u32) -> Result<Outcome, JobError> {
    if put_off >= MOST_PUT_OFF {
        return Ok(Outcome::Nothing("others were polling all the time"));
    }
    let job = Job::Look { repo: repo.clone(), put_off: put_off + 1 };
    ctx.queue.send(&wire::encode(&job), Duration::from_secs(AGAIN_S)).await.map_err(JobError::retry)?;
    Ok(Outcome::Nothing("somebody is polling; it is looked at after that"))
}

/// The worker's parts as a poller's. It is no repository's first poll, so nothing is reported of what was there before.
fn poller(ctx: &WorkCtx) -> PollCtx {
    PollCtx {
        forge: ctx.forge.clone(),
        queue: ctx.queue.clone(),
        ledger: ctx.ledger.clone(),
        chat: Some(ctx.chat.clone()),
        clock: ctx.clock.clone(),
        rules: ctx.rules.clone(),
        events: Vec::new(),
        pace: Pace::default(),
        first_reports: 0,
    }
}
