//! A request for changes, as the person who wrote it. It blocks a merge, so it asks for less than an approval: whoever had a hand in the
//! pull request may say that it is not ready.

use domain::approve::is_fresh;
use domain::interact::{Click, ReportRecord, check};
use domain::{PullRequest, RepoRule};
use ports::{People, PersonError, Review, Verdict};
use report::review;
use report::words::replies;

use super::click::{note, undone};
use super::{WorkCtx, approve, words};
use crate::error::JobError;

/// Asks for changes of what was reported, and says how it went.
pub(super) async fn run(
    ctx: &WorkCtx,
    rule: &RepoRule,
    click: &Click,
    record: &ReportRecord,
    pull: &PullRequest,
) -> Result<String, JobError> {
    let Some(reason) = click.reason.as_deref().filter(|reason| !reason.trim().is_empty()) else {
        return Ok(replies::not_done(click.action, words::NO_REASON));
    };
    if let Err(stale) = is_fresh(record, pull, ctx.clock.now(), ctx.approvals.most_age_s) {
        return Ok(undone(click, replies::not_done(click.action, &stale.to_string())));
    }
    let Some(people) = &ctx.approvals.people else {
        return Ok(undone(click, replies::not_done(click.action, words::NO_APP)));
    };
    let outcome = own(ctx, people.as_ref(), rule, click, record, reason).await;
    let failed = outcome.is_err();
    let said = approve::settled(people.as_ref(), click, outcome).await?;
    Ok(if failed { undone(click, said) } else { said })
}

async fn own(
    ctx: &WorkCtx,
    people: &dyn People,
    rule: &RepoRule,
    click: &Click,
    record: &ReportRecord,
    reason: &str,
) -> Result<String, PersonError> {
    let account = people.account(&click.by).await?;
    // What it stands on is looked at once more, right before it.
    let Some(now) = ctx.forge.pull(&record.pull).await? else {
        return Ok(undone(click, words::pull_gone(&record.pull)));
    };
    if now.author.login.eq_ignore_ascii_case(&account.login) {
        return Ok(undone(click, replies::not_done(click.action, words::OWN_CHANGES)));
    }
    if let Err(refusal) = check(click, record, &now) {
        return Ok(undone(click, replies::refused(click.action, refusal)));
    }
    if let Err(stale) = is_fresh(record, &now, ctx.clock.now(), ctx.approvals.most_age_s) {
        return Ok(undone(click, replies::not_done(click.action, &stale.to_string())));
    }
    let body = review::request(&click.by.name, &record.head, reason);
    let given = people
        .review(&click.by, account.id, &record.pull, &record.head, Verdict::RequestChanges, &body)
        .await?;
    let after = ctx.forge.pull(&record.pull).await;
    let noted = replies::changes_requested_as(&click.by.name, &account.login, &record.head);
    if let Err(error) = note(ctx, rule, record, noted).await {
        tracing::warn!(error = %error, "changes are asked for, and the message does not say so");
    }
    let moved = matches!(&after, Ok(Some(after)) if after.head != record.head);
    Ok(match given {
        Review::Approved { url } if moved => words::requested_of_old(&account.login, &record.head, &url),
        Review::Approved { url } => words::changes_requested(&account.login, &url),
        Review::AlreadyApproved { url } => words::already_requested(&url),
    })
}
