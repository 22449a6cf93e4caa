//! A merge, as the person who clicked, of exactly the reported head. Who may merge is GitHub's to say: its rules for the branch hold, and
//! an author may merge what others approved. What the report is good for is ours to say, as for an approval.

use std::time::Duration;

use domain::approve::is_current;
use domain::interact::{Click, Person, ReportRecord, check};
use domain::job::Job;
use domain::{MergeMethod, Permission, PullRequest, RepoRule};
use ports::ledger::PullRecord;
use ports::{MergedBy, People, PersonError, wire};
use report::words::replies;

use super::{WorkCtx, approve, words};
use crate::error::JobError;
use crate::message;

/// How long it is remembered that somebody set out to merge (seconds). Longer than any job lives.
const INTENT_S: i64 = 86_400;

/// Merges what was reported, and says how it went.
pub(super) async fn run(
    ctx: &WorkCtx,
    rule: &RepoRule,
    click: &Click,
    record: &ReportRecord,
    pull: &PullRequest,
) -> Result<String, JobError> {
    let Some(how) = rule.acts.merge else {
        return Ok(replies::not_done(click.action, words::NOT_MERGED_HERE));
    };
    if let Err(stale) = is_current(record, pull, ctx.clock.now(), ctx.approvals.most_age_s) {
        return Ok(replies::not_done(click.action, &stale.to_string()));
    }
    let Some(people) = &ctx.approvals.people else {
        return Ok(replies::not_done(click.action, words::NO_APP));
    };
    // Whoever dies after it has landed leaves this behind, by which the next run knows its own merge again.
    ctx.ledger.first_time(&intent(&click.by, record), INTENT_S).await?;
    let outcome = own(ctx, people.as_ref(), how, click, record).await;
    approve::settled(people.as_ref(), click, outcome).await
}

async fn own(
    ctx: &WorkCtx,
    people: &dyn People,
    how: MergeMethod,
    click: &Click,
    record: &ReportRecord,
) -> Result<String, PersonError> {
    let account = people.account(&click.by).await?;
    if ctx.forge.permission(&record.pull.repo, &account.login).await? < Permission::Write {
        return Ok(replies::not_done(click.action, words::NO_WRITE));
    }
    // What it stands on is looked at once more, right before it; GitHub itself refuses any other head.
    let Some(now) = ctx.forge.pull(&record.pull).await? else { return Ok(words::pull_gone(&record.pull)) };
    if let Err(refusal) = check(click, record, &now) {
        return Ok(replies::refused(click.action, refusal));
    }
    if let Err(stale) = is_current(record, &now, ctx.clock.now(), ctx.approvals.most_age_s) {
        return Ok(replies::not_done(click.action, &stale.to_string()));
    }
    let merged = people.merge(&click.by, account.id, &record.pull, &record.head, how).await?;
    Ok(told(ctx, click, record, &account.login, &merged).await)
}

/// What is said where the pull request turns out to be merged: that they did it, if this very click, or an earlier one of theirs, set
/// out to. Somebody else's merge is not ours to tell of.
pub(super) async fn landed(
    ctx: &WorkCtx,
    click: &Click,
    record: &ReportRecord,
) -> Result<Option<String>, JobError> {
    let Some(people) = &ctx.approvals.people else { return Ok(None) };
    if !ctx.ledger.was_seen(&intent(&click.by, record)).await? {
        return Ok(None);
    }
    let found = async {
        let account = people.account(&click.by).await?;
        Ok((account, people.merged(&click.by, &record.pull).await?))
    };
    match found.await {
        Ok((account, Some(merged))) if merged.them && merged.head == record.head => {
            Ok(Some(told(ctx, click, record, &account.login, &merged).await))
        }
        Err(PersonError::Forge(error)) if error.heals() => Err(error.into()),
        _ => Ok(None),
    }
}

/// Has the message show the merge. Where that fails the poller sees it later, so a failure is only logged.
async fn told(ctx: &WorkCtx, click: &Click, record: &ReportRecord, login: &str, merged: &MergedBy) -> String {
    let noted = replies::merged_as(&click.by.name, login, &record.head);
    let add = |kept: &mut PullRecord| {
        if kept.report.as_ref() == Some(&record.id) && !kept.notes.contains(&noted) {
            kept.notes.push(noted.clone());
        }
    };
    if let Err(error) = message::keep(&ctx.ledger, &record.pull, add).await {
        tracing::warn!(error = %error, "a merge stands, and the message does not say by whom");
    }
    let job = Job::Refresh { pull: record.pull.clone() };
    if let Err(error) = ctx.queue.send(&wire::encode(&job), Duration::ZERO).await {
        tracing::warn!(error = %error, "a merge stands, and the message says so after the next poll");
    }
    words::merged(login, &merged.url)
}

fn intent(by: &Person, record: &ReportRecord) -> String {
    format!("merge#{}#{}#{}#{}", record.pull, record.head.as_str(), by.team, by.id)
}
