//! An approval: as the person who clicked, or, where the configuration says so, by the account that Preflux uses.

use std::sync::Arc;

use domain::approve::{Stale, is_current, may_approve};
use domain::interact::{Click, Person, ReportRecord, check};
use domain::{PullRequest, RepoRule};
use ports::{People, PersonError, Review, Verdict};
use report::review;
use report::words::replies;

use super::click::note;
use super::{WorkCtx, words};
use crate::error::JobError;

/// A report at most, in seconds, that an approval can stand on, unless the configuration says otherwise.
const MOST_AGE_S: i64 = 86_400;
/// How long it is remembered that somebody set out to approve (seconds). Longer than any job lives.
const INTENT_S: i64 = 86_400;

/// Who approves, and what it stands on.
#[derive(Clone)]
pub struct Approvals {
    /// People's own accounts; `None` where nobody can link one.
    pub people: Option<Arc<dyn People>>,
    /// Whether the account that Preflux uses approves for people.
    pub shared_identity: bool,
    /// How old a report may be, in seconds.
    pub most_age_s: i64,
}

impl Default for Approvals {
    fn default() -> Self {
        Self { people: None, shared_identity: false, most_age_s: MOST_AGE_S }
    }
}

/// Approves what was reported, and says how it went.
pub(super) async fn run(
    ctx: &WorkCtx,
    rule: &RepoRule,
    click: &Click,
    record: &ReportRecord,
    pull: &PullRequest,
) -> Result<String, JobError> {
    if let Err(stale) = is_current(record, pull, ctx.clock.now(), ctx.approvals.most_age_s) {
        if stale == Stale::OtherBase {
            unfinished(ctx, click, record).await?;
        }
        return Ok(replies::not_done(click.action, &stale.to_string()));
    }
    if ctx.approvals.shared_identity {
        return shared(ctx, rule, click, record).await;
    }
    let Some(people) = &ctx.approvals.people else {
        return Ok(replies::not_done(click.action, words::NO_APP));
    };
    let intent = intent(&click.by, record);
    let again = !ctx.ledger.first_time(&intent, INTENT_S).await?;
    let outcome = own(ctx, people.as_ref(), rule, click, record, pull).await;
    if again
        && outcome.is_ok()
        && ctx.forge.pull(&record.pull).await?.is_some_and(|now| overtaken(record, &now))
    {
        unfinished(ctx, click, record).await?;
    }
    // What the next run may find half done stays noted.
    if !matches!(&outcome, Err(PersonError::Forge(error)) if error.heals()) {
        ctx.ledger.forget_first_time(&intent).await?;
    }
    settled(people.as_ref(), click, outcome).await
}

/// Takes back what an earlier run of this click may have left: it approved, died before it looked once more, and meanwhile the pull
/// request is another one.
pub(super) async fn unfinished(ctx: &WorkCtx, click: &Click, record: &ReportRecord) -> Result<(), JobError> {
    let Some(people) = &ctx.approvals.people else { return Ok(()) };
    let intent = intent(&click.by, record);
    if !ctx.ledger.was_seen(&intent).await? {
        return Ok(());
    }
    match people.dismiss(&click.by, &record.pull, &record.head, words::DISMISSED).await {
        Err(PersonError::Forge(error)) if error.heals() => return Err(error.into()),
        Err(error) => {
            tracing::warn!(error = %error, "an approval that was overtaken could not be taken back")
        }
        Ok(()) => {}
    }
    Ok(ctx.ledger.forget_first_time(&intent).await?)
}

/// Whether what was reported is not what would be merged.
fn overtaken(record: &ReportRecord, now: &PullRequest) -> bool {
    let elsewhere = record.base_branch.as_ref().is_some_and(|branch| *branch != now.base_branch);
    now.head != record.head || elsewhere
}

fn intent(by: &Person, record: &ReportRecord) -> String {
    format!("approve#{}#{}#{}#{}", record.pull, record.head.as_str(), by.team, by.id)
}

/// What somebody who wanted to act as themselves is told: what came of it, or what they do first.
pub(super) async fn settled(
    people: &dyn People,
    click: &Click,
    outcome: Result<String, PersonError>,
) -> Result<String, JobError> {
    match outcome {
        Ok(said) => Ok(said),
        Err(PersonError::NotLinked) => invite(people, click, false).await,
        Err(PersonError::Revoked) => invite(people, click, true).await,
        Err(PersonError::Forge(error)) => Err(error.into()),
        Err(error @ PersonError::Unmergeable(_)) => Ok(replies::not_done(click.action, &error.to_string())),
        Err(other) => {
            let again = format!("{other}. Then click {} again", replies::label(click.action));
            Ok(replies::not_done(click.action, &again))
        }
    }
}

/// The link to begin with; `again` for whoever had one.
async fn invite(people: &dyn People, click: &Click, again: bool) -> Result<String, JobError> {
    match people.begin(&click.by).await {
        Ok(address) => Ok(words::link_first(click.action, &address, again)),
        Err(PersonError::Forge(error)) => Err(error.into()),
        Err(other) => Err(JobError::fail(other)),
    }
}

async fn own(
    ctx: &WorkCtx,
    people: &dyn People,
    rule: &RepoRule,
    click: &Click,
    record: &ReportRecord,
    pull: &PullRequest,
) -> Result<String, PersonError> {
    let account = people.account(&click.by).await?;
    let held = ctx.forge.permission(&record.pull.repo, &account.login).await?;
    let made = people.makers(&click.by, &record.pull).await?;
    if let Err(objection) = may_approve(&account, held, pull, &record.head, &made) {
        return Ok(replies::not_done(click.action, &objection.to_string()));
    }
    // Reading took a while: what a review stands on is looked at once more, right before it.
    let Some(now) = ctx.forge.pull(&record.pull).await? else { return Ok(words::pull_gone(&record.pull)) };
    if let Err(refusal) = check(click, record, &now) {
        return Ok(replies::refused(click.action, refusal));
    }
    if let Err(stale) = is_current(record, &now, ctx.clock.now(), ctx.approvals.most_age_s) {
        return Ok(replies::not_done(click.action, &stale.to_string()));
    }
    let body = review::approval(&click.by.name, &record.head);
    let given =
        people.review(&click.by, account.id, &record.pull, &record.head, Verdict::Approve, &body).await?;
    // GitHub takes a review of an older commit too, and may let it count for the newer ones.
    let after = ctx.forge.pull(&record.pull).await;
    if matches!(&after, Ok(Some(after)) if overtaken(record, after)) {
        let taken_back = people.dismiss(&click.by, &record.pull, &record.head, words::DISMISSED).await;
        return Ok(match taken_back {
            Ok(()) => replies::not_done(click.action, words::MOVED_MEANWHILE),
            Err(error) => words::stands_on_old(&record.head, &error.to_string()),
        });
    }
    let noted = replies::approved_as(&click.by.name, &account.login, &record.head);
    if let Err(error) = note(ctx, rule, record, noted).await {
        tracing::warn!(error = %error, "an approval stands, and the message does not say so");
    }
    Ok(match given {
        Review::Approved { url } if after.is_err() => words::approved_unseen(&account.login, &url),
        Review::Approved { url } => words::approved_as(&account.login, &url),
        Review::AlreadyApproved { url } => words::already_approved(&url),
    })
}

async fn shared(
    ctx: &WorkCtx,
    rule: &RepoRule,
    click: &Click,
    record: &ReportRecord,
) -> Result<String, JobError> {
    let body = review::shared_approval(&click.by.name, &record.head);
    let given = ctx.forge.approve(&record.pull, &record.head, &body).await?;
    note(ctx, rule, record, replies::approved_shared(&click.by.name, &record.head)).await?;
    Ok(match given {
        Review::Approved { url } => words::approved_shared(&url),
        Review::AlreadyApproved { url } => words::already_approved(&url),
    })
}

/// `/flux link`, with or without a code.
pub(super) async fn link(ctx: &WorkCtx, who: &Person, code: Option<&str>) -> Result<String, JobError> {
    let Some(people) = &ctx.approvals.people else { return Ok(words::NOBODY_CAN_LINK.to_owned()) };
    let Some(code) = code else {
        let address = people.begin(who).await.map_err(failed)?;
        return Ok(words::to_link(&address));
    };
    match people.finish(who, code).await {
        Ok(login) => Ok(words::linked(&login)),
        Err(PersonError::BadCode(why)) => Ok(words::not_linked(&why)),
        Err(other) => Err(failed(other)),
    }
}

/// `/flux unlink`.
pub(super) async fn unlink(ctx: &WorkCtx, who: &Person) -> Result<String, JobError> {
    let Some(people) = &ctx.approvals.people else { return Ok(words::NOBODY_CAN_LINK.to_owned()) };
    let there = people.unlink(who).await.map_err(failed)?;
    Ok(if there { words::UNLINKED } else { words::NO_LINK }.to_owned())
}

/// `/flux whoami`.
pub(super) async fn who_am_i(ctx: &WorkCtx, who: &Person) -> Result<String, JobError> {
    let Some(people) = &ctx.approvals.people else { return Ok(words::NOBODY_CAN_LINK.to_owned()) };
    match people.account(who).await {
        Ok(account) => Ok(words::you_are(&account.login)),
        Err(PersonError::NotLinked | PersonError::Revoked) => Ok(words::NO_LINK.to_owned()),
        Err(other) => Err(failed(other)),
    }
}

fn failed(error: PersonError) -> JobError {
    match error {
        PersonError::Forge(error) => error.into(),
        other => JobError::fail(other),
    }
}
