//! A pull request whose rule diffs on demand: its message says so, and has the button that asks.

use domain::interact::ReportRecord;
use domain::job::Outcome;
use domain::{PullRequest, PullState, RepoRule};
use ports::ledger::{Phase, PullRecord};
use report::slack::State;

use super::diff::report_id;
use super::{WorkCtx, refresh};
use crate::error::JobError;
use crate::message;

/// How often a head may move while it is offered.
const MOST_MOVES: u32 = 5;

/// Offers the diff of the head as it is now. What happens while it is shown has the last word, as after a diff.
pub(super) async fn show(ctx: &WorkCtx, rule: &RepoRule, pull: &PullRequest) -> Result<Outcome, JobError> {
    let mut pull = pull.clone();
    for _ in 0..MOST_MOVES {
        if !offer(ctx, rule, &pull).await? {
            return Ok(Outcome::Nothing("a newer head is on its way"));
        }
        match ctx.forge.pull(&pull.key).await? {
            Some(now) if now.state != PullState::Open => return refresh::show(ctx, rule, &now).await,
            Some(now) if now.head != pull.head => pull = now,
            _ => return Ok(Outcome::Done),
        }
    }
    Err(JobError::busy(anyhow::anyhow!("the head of `{}` keeps moving", pull.key)))
}

/// Whether it was offered: not where the poller saw a newer head, whose own job is to come. What the click is checked against is
/// kept before the button is shown.
async fn offer(ctx: &WorkCtx, rule: &RepoRule, pull: &PullRequest) -> Result<bool, JobError> {
    let at = ctx.clock.now();
    let newer = |record: &PullRecord| record.phase == Phase::Pending && record.pull.head != pull.head;
    let offered = |record: Option<PullRecord>| {
        let mut record = record.unwrap_or_else(|| PullRecord::new(pull.clone(), Phase::Offered, at));
        if !newer(&record) {
            record.pull = pull.clone();
            record.phase = Phase::Offered;
            record.notes.clear();
        }
        Some(record)
    };
    let record = ctx.ledger.change_pull(&pull.key, offered).await?;
    let Some(record) = record.filter(|record| !newer(record)) else { return Ok(false) };
    let channel = record.message.as_ref().map_or(&rule.channel, |at| &at.channel);
    let clicks = ReportRecord {
        id: report_id(pull, &pull.base, record.due_at),
        pull: pull.key.clone(),
        head: pull.head.clone(),
        base: pull.base.clone(),
        base_branch: Some(pull.base_branch.clone()),
        channel: channel.clone(),
        made_at: at,
    };
    ctx.ledger.save_report(&clicks).await?;
    let state = State::Offered { report: &clicks.id };
    message::show(ctx.chat.as_ref(), &ctx.ledger, rule, &record, state).await?;
    Ok(true)
}
