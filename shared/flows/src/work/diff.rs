//! A pull request to its report: read, check out, analyse, look again, publish.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use domain::interact::ReportRecord;
use domain::job::{Cause, DiffJob, Job, Outcome};
use domain::provenance::Disclosure;
use domain::report::Report;
use domain::{CommitSha, Mode, PullKey, PullRequest, PullState, RepoRule, ReportId, Trust, trust};
use futures::FutureExt as _;
use ports::ledger::{Phase, PullRecord};
use ports::{ChatMessage, Conditional, MessageRef, wire};
use report::slack::{Details, State, details};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::{WorkCtx, mark, offer, refresh, words};
use crate::analyse::{Findings, Question, Repository, analyse_all};
use crate::error::JobError;
use crate::message::{self, Place};

/// Longer than any diff takes: a worker on Lambda has 300 seconds. Who comes later waits.
const LEASE_S: i64 = 330;

/// Diffs and reports, unless somebody else is at it or the job is stale.
pub(super) async fn run(ctx: &WorkCtx, job: &DiffJob, last_try: bool) -> Result<Outcome, JobError> {
    let Some(rule) = ctx.rule(&job.pull).await? else {
        return Ok(Outcome::Nothing("the repository is not watched any more"));
    };
    let Some(lease) = ctx.ledger.lease(&format!("diff#{}", job.pull), LEASE_S).await? else {
        return Err(JobError::busy(anyhow::anyhow!("`{}` is being diffed by another worker", job.pull)));
    };
    // A panic must reach the lease's release and the people who wait, like any other failure.
    let result = AssertUnwindSafe(leased(ctx, rule, job)).catch_unwind().await;
    let result = result.unwrap_or_else(|_| Err(JobError::retry(anyhow::anyhow!("the diff crashed"))));
    let outcome = match result {
        Err(error) if !error.heals() || last_try => told(ctx, rule, &job.pull, &error).await,
        other => other,
    };
    ctx.ledger.release(lease).await?;
    outcome
}

/// Shows people a failure that trying again will not mend.
async fn told(ctx: &WorkCtx, rule: &RepoRule, key: &PullKey, error: &JobError) -> Result<Outcome, JobError> {
    tracing::error!(pull = %key, error = %error, "the diff of {key} failed for good");
    let record = message::keep(&ctx.ledger, key, |record| record.phase = Phase::Failed).await?;
    let Some(record) = record else { return Ok(Outcome::Nothing("unknown pull request")) };
    let why = error.sentence();
    message::show(
        ctx.chat.as_ref(),
        &ctx.ledger,
        rule,
        &record,
        State::Failed { why: &why, report: record.report.as_ref() },
    )
    .await?;
    mark::failed(ctx, rule, &key.repo, &record.pull.head).await;
    Ok(Outcome::Done)
}

async fn leased(ctx: &WorkCtx, rule: &RepoRule, job: &DiffJob) -> Result<Outcome, JobError> {
    let begun = Instant::now();
    let Some(pull) = ctx.forge.pull(&job.pull).await? else {
        return Err(JobError::fail(anyhow::anyhow!(words::pull_gone(&job.pull))));
    };
    if pull.state != PullState::Open {
        mark::abandoned(ctx, rule, &pull.key.repo, &job.head).await;
        return refresh::show(ctx, rule, &pull).await;
    }
    // The poller queues the new head when it sees it; only one of the two jobs may report.
    if pull.head != job.head && job.cause != Cause::Asked {
        return superseded(ctx, rule, &pull, &job.head).await;
    }
    if rule.mode == Mode::OnClick && job.cause != Cause::Asked {
        return offer::show(ctx, rule, &pull).await;
    }
    let tip = base_tip(ctx, &pull).await?;
    let record = begin(ctx, &pull, &tip).await?;
    if record.phase == Phase::Reported {
        return Ok(Outcome::Nothing("this head and base are already reported"));
    }
    message::show(ctx.chat.as_ref(), &ctx.ledger, rule, &record, State::Running).await?;
    mark::running(ctx, rule, &pull.key.repo, &pull.head).await;
    let report = report_on(ctx, &pull, &tip, &record, begun).await?;
    match ctx.forge.pull(&job.pull).await? {
        Some(now) if now.state != PullState::Open => {
            mark::abandoned(ctx, rule, &pull.key.repo, &pull.head).await;
            refresh::show(ctx, rule, &now).await
        }
        Some(now) if now.head != pull.head => superseded(ctx, rule, &now, &pull.head).await,
        _ => publish(ctx, rule, &report, &tip).await,
    }
}

async fn base_tip(ctx: &WorkCtx, pull: &PullRequest) -> Result<CommitSha, JobError> {
    match ctx.forge.branch(&pull.key.repo, &pull.base_branch, None).await? {
        Conditional::Fresh { value, .. } => Ok(value),
        Conditional::NotModified => Ok(pull.base.clone()),
    }
}

/// Notes that the diff is running, unless this very head and base are reported and nobody asked again.
async fn begin(ctx: &WorkCtx, pull: &PullRequest, tip: &CommitSha) -> Result<PullRecord, JobError> {
    let at = ctx.clock.now();
    let change = |record: Option<PullRecord>| {
        let mut record = record.unwrap_or_else(|| PullRecord::new(pull.clone(), Phase::Queued, at));
        let same = record.pull.head == pull.head && record.base_tip.as_ref() == Some(tip);
        if record.phase == Phase::Reported && same {
            return Some(record);
        }
        record.pull = pull.clone();
        record.phase = Phase::Running;
        Some(record)
    };
    let record = ctx.ledger.change_pull(&pull.key, change).await?;
    record.ok_or_else(|| JobError::retry(anyhow::anyhow!("the record of `{}` could not be made", pull.key)))
}

/// The head moved. The message says so; the newer head's own job makes its report.
async fn superseded(
    ctx: &WorkCtx,
    rule: &RepoRule,
    now: &PullRequest,
    old: &CommitSha,
) -> Result<Outcome, JobError> {
    mark::abandoned(ctx, rule, &now.key.repo, old).await;
    let known = ctx.ledger.pull(&now.key).await?;
    if known.is_some_and(|r| r.phase == Phase::Reported && r.pull.head == now.head) {
        return Ok(Outcome::Nothing("the newer head is already reported"));
    }
    let job = DiffJob { pull: now.key.clone(), head: now.head.clone(), cause: Cause::Changed };
    let at = ctx.clock.now();
    let record = message::keep(&ctx.ledger, &now.key, |record| {
        // The poller may have seen the new head already, and then its job is on the way.
        if record.pull.head != now.head {
            record.due_at = at;
        }
        record.pull = now.clone();
        record.phase = Phase::Queued;
    })
    .await?;
    let Some(record) = record else { return Ok(Outcome::Nothing("unknown pull request")) };
    message::show(ctx.chat.as_ref(), &ctx.ledger, rule, &record, State::Superseded).await?;
    // Sent in any case: two jobs for one head report once, none would report never.
    ctx.queue.send(&wire::encode(&Job::Diff(job)), Duration::ZERO).await?;
    Ok(Outcome::Nothing("the head moved"))
}

async fn report_on(
    ctx: &WorkCtx,
    pull: &PullRequest,
    tip: &CommitSha,
    record: &PullRecord,
    begun: Instant,
) -> Result<Report, JobError> {
    let trust = trust_in(ctx, pull).await?.vouched_for(record.vouched.as_ref(), &pull.head);
    let checkout = ctx.checkouts.pull(pull, tip).await?;
    let (owner, name) = (pull.key.repo.owner(), pull.key.repo.name());
    let urls =
        ctx.clone_urls.iter().map(|url| url.replace("{owner}", owner).replace("{name}", name)).collect();
    let more = if trust.reaches_cluster() { ctx.more_clusters.as_slice() } else { &[] };
    let question = Question {
        checkout: &checkout,
        repository: Repository::Known { urls, branch: pull.base_branch.clone() },
        cluster: if trust.reaches_cluster() { ctx.cluster.clone() } else { Err(words::untrusted(pull)) },
        remotes: if trust.reaches_cluster() { ctx.remotes.clone() } else { words::no_remotes(pull) },
        disclosure: match (trust.reaches_cluster(), ctx.live_values) {
            (false, _) => Disclosure::Untrusted,
            (true, false) => Disclosure::GitOnly,
            (true, true) => Disclosure::LiveValues,
        },
        drift: ctx.drift,
        decryption: if trust.reaches_cluster() { ctx.decryption.clone() } else { words::no_decryption(pull) },
        until: Some(begun + ctx.compare_within),
    };
    let findings = analyse_all(question, more).await;
    if let Some(why) = findings.held_back().filter(|_| ctx.hold_back_when_render_differs) {
        return Err(JobError::fail(anyhow::anyhow!(why)));
    }
    let Findings { cluster, kustomizations, coverage, notes } = findings;
    Ok(Report {
        id: report_id(pull, tip, record.due_at),
        pull: pull.clone(),
        comparison: checkout.comparison,
        cluster,
        trust,
        kustomizations,
        coverage,
        notes: checkout.notes.into_iter().chain(notes).collect(),
        made_at: ctx.clock.now(),
    })
}

/// Whoever can push to the head decides what is diffed: with a fork that is its owner, not only the author.
async fn trust_in(ctx: &WorkCtx, pull: &PullRequest) -> Result<Trust, JobError> {
    let repo = &pull.key.repo;
    let author = ctx.forge.permission(repo, &pull.author.login).await?;
    let trusted = trust(&pull.author.login, author, &ctx.trusted_logins);
    let owner = match &pull.head_owner {
        Some(owner) if pull.fork && !owner.eq_ignore_ascii_case(&pull.author.login) => owner,
        Some(_) => return Ok(trusted),
        None if pull.fork => return Ok(Trust::Untrusted),
        None => return Ok(trusted),
    };
    let permission = ctx.forge.permission(repo, owner).await?;
    let pushes = trust(owner, permission, &ctx.trusted_logins);
    Ok(if pushes.reaches_cluster() { trusted } else { Trust::Untrusted })
}

/// The same for every attempt at one diff, so that a repeated job replaces its own report; not to be guessed from outside,
/// and good for nothing but naming a report: every click is checked against the record behind it.
pub(super) fn report_id(pull: &PullRequest, tip: &CommitSha, due_at: i64) -> ReportId {
    let digest = Sha256::digest(format!("{} {} {tip} {due_at}", pull.key, pull.head));
    hex::encode(digest)[..32].parse().expect("32 hexadecimal digits are a report id")
}

/// Store first, then show: a button is never there before what it refers to.
async fn publish(
    ctx: &WorkCtx,
    rule: &RepoRule,
    report: &Report,
    tip: &CommitSha,
) -> Result<Outcome, JobError> {
    let bytes = serde_json::to_vec(report).map_err(JobError::fail)?;
    ctx.reports.put(&report.id, &bytes).await?;
    let known = ctx.ledger.pull(&report.pull.key).await?;
    // The message may be in the channel that was configured when it was first posted.
    let channel = known.and_then(|r| r.message).map_or_else(|| rule.channel.clone(), |at| at.channel);
    let clicks = ReportRecord {
        id: report.id.clone(),
        pull: report.pull.key.clone(),
        head: report.pull.head.clone(),
        base: report.comparison.base.clone(),
        base_branch: Some(report.pull.base_branch.clone()),
        channel,
        made_at: report.made_at,
    };
    ctx.ledger.save_report(&clicks).await?;
    let key = &report.pull.key;
    let cleared = |record: &mut PullRecord| {
        if record.report.as_ref() != Some(&report.id) {
            record.notes.clear();
        }
        record.report = Some(report.id.clone());
    };
    let Some(record) = message::keep(&ctx.ledger, key, cleared).await? else {
        return Ok(Outcome::Nothing("unknown pull request"));
    };
    let state = State::Reported(report);
    let at = message::show(ctx.chat.as_ref(), &ctx.ledger, rule, &record, state).await?;
    let shown = show_details(ctx, report, &record, &at).await?;
    mark::queue(ctx, rule, report).await?;
    let kept = message::keep(&ctx.ledger, key, |record| {
        record.details = Some(shown.clone());
        record.base_tip = Some(tip.clone());
        // A head that came in since is still to be reported: the poller queues whatever is pending.
        let current = record.pull.head == report.pull.head;
        if !matches!(record.phase, Phase::Closed | Phase::Merged) {
            record.phase = if current { Phase::Reported } else { Phase::Pending };
        }
    })
    .await?;
    // Closed while it was published: the last word is the closing's.
    if let Some(record) = kept.filter(|r| r.pull.state != PullState::Open) {
        return refresh::show(ctx, rule, &record.pull).await;
    }
    tracing::info!(pull = %key, report = %report.id, "{key} is reported");
    Ok(Outcome::Done)
}

/// The full report, in the message's thread: one reply that is edited, or a file where it is long.
async fn show_details(
    ctx: &WorkCtx,
    report: &Report,
    record: &PullRecord,
    at: &MessageRef,
) -> Result<MessageRef, JobError> {
    let (message, file) = match details(report) {
        Details::Blocks { text, blocks } => (ChatMessage { text, blocks }, None),
        Details::File { name, title, text, notice } => {
            (ChatMessage { text: notice.0, blocks: notice.1 }, Some((name, title, text)))
        }
    };
    let key = format!("details#{}", report.pull.key);
    let place = Place { channel: &at.channel, thread: Some(at), key: &key };
    let known = record.details.as_ref();
    let updated = match known {
        Some(known) => match ctx.chat.update(known, &message).await {
            Ok(()) => Some(known.clone()),
            Err(ports::ChatError::MessageGone) => None,
            Err(error) => return Err(error.into()),
        },
        None => None,
    };
    let shown = match updated {
        Some(shown) => shown,
        None => message::post_once(ctx.chat.as_ref(), &ctx.ledger, &place, &message, known.is_some()).await?,
    };
    if let Some((name, title, text)) = file {
        upload_once(ctx, report, at, (&name, &title, &text)).await?;
    }
    Ok(shown)
}

async fn upload_once(
    ctx: &WorkCtx,
    report: &Report,
    at: &MessageRef,
    (name, title, text): (&str, &str, &str),
) -> Result<(), JobError> {
    let once = format!("file#{}", report.id);
    if !ctx.ledger.first_time(&once, 30 * 86_400).await? {
        return Ok(());
    }
    if let Err(error) = ctx.chat.upload(at, name, title, text).await {
        ctx.ledger.forget_first_time(&once).await?;
        return Err(error.into());
    }
    Ok(())
}
