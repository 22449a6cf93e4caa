//! A closed or merged pull request's message, brought up to date.

use domain::job::Outcome;
use domain::{PullKey, PullRequest, PullState, RepoRule};
use ports::ledger::{Phase, PullRecord};
use report::slack::State;

use super::WorkCtx;
use crate::error::JobError;
use crate::message;

pub(super) async fn run(ctx: &WorkCtx, key: &PullKey) -> Result<Outcome, JobError> {
    let Some(rule) = ctx.rule(key).await? else {
        return Ok(Outcome::Nothing("the repository is not watched any more"));
    };
    match ctx.forge.pull(key).await? {
        // Reopened since: the poller queues a diff.
        Some(pull) if pull.state == PullState::Open => Ok(Outcome::Nothing("it is open")),
        Some(pull) => show(ctx, rule, &pull).await,
        None => Ok(Outcome::Nothing("it does not exist any more")),
    }
}

/// Shows that a pull request is closed or merged. One that has no message gets none, unless its rule asks for closings.
pub(super) async fn show(ctx: &WorkCtx, rule: &RepoRule, pull: &PullRequest) -> Result<Outcome, JobError> {
    let phase = if pull.state == PullState::Merged { Phase::Merged } else { Phase::Closed };
    let close = |record: &mut PullRecord| {
        record.pull = pull.clone();
        record.phase = phase;
    };
    let record = message::keep(&ctx.ledger, &pull.key, close).await?;
    let Some(mut record) = record else { return Ok(Outcome::Nothing("it was never seen")) };
    let shown = message::recovered(ctx.chat.as_ref(), &ctx.ledger, rule, &mut record).await?;
    if !shown && !rule.announces(pull.state) {
        return Ok(Outcome::Nothing("it was never shown"));
    }
    let report = match &record.report {
        Some(id) => ctx.stored(id).await?,
        None => None,
    };
    let state = match pull.state {
        PullState::Merged => State::Merged(report.as_ref()),
        _ => State::Closed(report.as_ref()),
    };
    message::show(ctx.chat.as_ref(), &ctx.ledger, rule, &record, state).await?;
    Ok(Outcome::Done)
}
