//! A click, checked against the stored report and GitHub as it is now, and carried out at most once.

use std::time::Duration;

use domain::interact::{Action, Click, Refusal, ReportRecord, Vouched, check};
use domain::job::{Cause, DiffJob, Job, Outcome};
use domain::{PullRequest, PullState, RepoRule};
use ports::ledger::{Phase, PullRecord};
use ports::{ChatMessage, wire};
use report::slack::{State, answer};
use report::words::replies;

use super::{WorkCtx, approve, changes, merge, publish, words};
use crate::error::JobError;
use crate::message;

/// Carries a click out. Whoever clicked is answered in private, whatever happens.
pub(super) async fn run(ctx: &WorkCtx, click: &Click, last_try: bool) -> Result<Outcome, JobError> {
    match carry_out(ctx, click).await {
        Ok(answer) => {
            answer_privately(ctx, click, &answer).await;
            Ok(Outcome::Done)
        }
        Err(error) if !error.heals() || last_try => {
            tracing::error!(action = click.action.id(), error = %error, "a click could not be carried out");
            let said = replies::failed(click.action, &error.sentence(), error.heals());
            answer_privately(ctx, click, &undone(click, said)).await;
            Ok(Outcome::Done)
        }
        Err(error) => Err(error),
    }
}

async fn carry_out(ctx: &WorkCtx, click: &Click) -> Result<String, JobError> {
    let Some(record) = ctx.ledger.report(&click.report).await? else {
        return Ok(undone(click, replies::unknown_report(click.action)));
    };
    let Some(rule) = ctx.rule(&record.pull).await? else {
        return Ok(undone(click, words::NOT_WATCHED.to_owned()));
    };
    let Some(pull) = ctx.forge.pull(&record.pull).await? else {
        return Ok(undone(click, words::pull_gone(&record.pull)));
    };
    if let Err(refusal) = check(click, &record, &pull) {
        if let (Action::Merge, Refusal::NotOpen(PullState::Merged)) = (click.action, refusal)
            && let Some(answer) = merge::landed(ctx, click, &record).await?
        {
            return Ok(answer);
        }
        if (click.action, refusal) == (Action::Approve, Refusal::HeadMoved) {
            approve::unfinished(ctx, click, &record).await?;
        }
        return Ok(undone(click, replies::refused(click.action, refusal)));
    }
    match click.action {
        Action::PostComment | Action::PostWhole => publish::comments(ctx, rule, click, &record).await,
        Action::Approve => approve::run(ctx, rule, click, &record, &pull).await,
        Action::RequestChanges => changes::run(ctx, rule, click, &record, &pull).await,
        Action::Merge => merge::run(ctx, rule, click, &record, &pull).await,
        Action::RunAgain => run_again(ctx, rule, click, &pull, None).await,
        Action::RunFull => {
            let vouched = Vouched { head: record.head.clone(), by: click.by.clone() };
            run_again(ctx, rule, click, &pull, Some(vouched)).await
        }
        Action::View => Ok(replies::acknowledged(click.action).to_owned()),
    }
}

/// Nothing came of a click: what was written for it is not lost.
pub(super) fn undone(click: &Click, said: String) -> String {
    match &click.reason {
        Some(reason) => words::with_what_was_written(&said, reason),
        None => said,
    }
}

/// Queues a diff. Whoever vouches does so for the head that the report in front of him is about.
async fn run_again(
    ctx: &WorkCtx,
    rule: &RepoRule,
    click: &Click,
    pull: &PullRequest,
    vouched: Option<Vouched>,
) -> Result<String, JobError> {
    let at = ctx.clock.now();
    let queued = |record: &mut PullRecord| {
        record.pull = pull.clone();
        record.phase = Phase::Queued;
        record.due_at = at;
        if vouched.is_some() {
            record.vouched.clone_from(&vouched);
        }
    };
    let Some(record) = message::keep(&ctx.ledger, &pull.key, queued).await? else {
        return Ok(replies::unknown_report(click.action));
    };
    message::show(ctx.chat.as_ref(), &ctx.ledger, rule, &record, State::Queued).await?;
    let job = DiffJob { pull: pull.key.clone(), head: pull.head.clone(), cause: Cause::Asked };
    ctx.queue.send(&wire::encode(&Job::Diff(job)), Duration::ZERO).await?;
    Ok(replies::acknowledged(click.action).to_owned())
}

/// Adds a sentence to the pull request's message, once, as long as the report that it is about is the one shown.
pub(super) async fn note(
    ctx: &WorkCtx,
    rule: &RepoRule,
    about: &ReportRecord,
    sentence: String,
) -> Result<(), JobError> {
    let add = |record: &mut PullRecord| {
        let current = record.report.as_ref() == Some(&about.id) && record.phase == Phase::Reported;
        if current && !record.notes.contains(&sentence) {
            record.notes.push(sentence.clone());
        }
    };
    let Some(record) = message::keep(&ctx.ledger, &about.pull, add).await? else { return Ok(()) };
    let shown = record.report.as_ref() == Some(&about.id) && record.phase == Phase::Reported;
    let Some(report) = ctx.stored(&about.id).await?.filter(|_| shown) else { return Ok(()) };
    let state = State::Reported(&report);
    message::show(ctx.chat.as_ref(), &ctx.ledger, rule, &record, state).await?;
    Ok(())
}

/// Tells the person who clicked. The effect is there whether or not this arrives, so a failure is only logged.
async fn answer_privately(ctx: &WorkCtx, click: &Click, text: &str) {
    let (text, blocks) = answer(text);
    let message = ChatMessage { text, blocks };
    let Err(error) = ctx.chat.answer(&click.answer_url, true, &message).await else { return };
    // An answer is taken for half an hour; somebody may have written for longer at what this is about.
    let whispered = match error.heals() {
        true => Err(error),
        false => ctx.chat.whisper(&click.channel, &click.by.id, &message).await,
    };
    if let Err(error) = whispered {
        tracing::warn!(action = click.action.id(), error = %error, "the answer to a click did not arrive");
    }
}
