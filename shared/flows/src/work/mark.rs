//! Checks and labels on GitHub, where a rule asks for them: a check that runs while the diff is made, and in the end what the report
//! says. The report itself never waits for them, and never fails with them.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::job::{Job, Outcome};
use domain::mark::{CheckMark, Conclusion, Progress, check_name};
use domain::report::Report;
use domain::{CommitSha, PullKey, PullState, RepoName, RepoRule, ReportId};
use ports::ledger::PullRecord;
use ports::wire;
use report::words;

use super::{WorkCtx, click};
use crate::error::JobError;
use crate::message;

/// Longer than writing takes. Two at once would each undo what the other says.
const LEASE_S: i64 = 120;

/// Shows that the diff of a head is being made. What fails here is written with the report.
pub(super) async fn running(ctx: &WorkCtx, rule: &RepoRule, repo: &RepoName, head: &CommitSha) {
    all_alike(ctx, rule, repo, head, Progress::Running, words::check_running()).await;
}

/// Ends what [`running`] showed of a head that will not be reported.
pub(super) async fn abandoned(ctx: &WorkCtx, rule: &RepoRule, repo: &RepoName, head: &CommitSha) {
    all_alike(ctx, rule, repo, head, Progress::Abandoned, words::check_abandoned()).await;
}

/// Ends it where no diff could be made.
pub(super) async fn failed(ctx: &WorkCtx, rule: &RepoRule, repo: &RepoName, head: &CommitSha) {
    let failed = Progress::Done(Conclusion::Failure);
    all_alike(ctx, rule, repo, head, failed, words::check_failed()).await;
}

async fn all_alike(
    ctx: &WorkCtx,
    rule: &RepoRule,
    repo: &RepoName,
    head: &CommitSha,
    progress: Progress,
    title: &str,
) {
    let Some(kind) = rule.check else { return };
    let check = |name| CheckMark { name, progress, title: title.to_owned(), summary: title.to_owned() };
    let checks: Vec<CheckMark> = names(ctx).into_iter().map(check).collect();
    if let Err(error) = ctx.forge.set_checks(repo, head, kind, &checks).await {
        tracing::warn!(error = %error, "the checks of {} in {repo} could not be written", head.short());
    }
}

/// The names of the checks: one for each cluster that is configured, whether it was asked or not.
fn names(ctx: &WorkCtx) -> Vec<String> {
    match ctx.cluster_names.as_slice() {
        [] => vec![check_name(None)],
        clusters => clusters.iter().map(|cluster| check_name(Some(cluster))).collect(),
    }
}

/// Queues what a report leaves on GitHub, if its rule asks for anything.
pub(super) async fn queue(ctx: &WorkCtx, rule: &RepoRule, report: &Report) -> Result<(), JobError> {
    if rule.check.is_none() && rule.add_labels.is_empty() {
        return Ok(());
    }
    let job = Job::Mark { pull: report.pull.key.clone(), report: report.id.clone() };
    Ok(ctx.queue.send(&wire::encode(&job), Duration::ZERO).await?)
}

/// Brings checks and labels in line with a report, as long as it is the newest one.
pub(super) async fn run(
    ctx: &WorkCtx,
    key: &PullKey,
    id: &ReportId,
    last_try: bool,
) -> Result<Outcome, JobError> {
    let Some(rule) = ctx.rule(key).await? else {
        return Ok(Outcome::Nothing("the repository is not watched any more"));
    };
    let Some(lease) = ctx.ledger.lease(&format!("mark#{key}"), LEASE_S).await? else {
        return Err(JobError::busy(anyhow::anyhow!("`{key}` is being marked by another worker")));
    };
    let marked = marked(ctx, rule, key, id).await;
    ctx.ledger.release(lease).await?;
    match marked {
        Err(error) if !error.heals() || last_try => {
            tracing::error!(pull = %key, error = %error, "checks or labels of {key} could not be written");
            if let Some(record) = ctx.ledger.report(id).await? {
                click::note(ctx, rule, &record, words::not_marked(&error.sentence())).await?;
            }
            Ok(Outcome::Done)
        }
        other => other,
    }
}

async fn marked(ctx: &WorkCtx, rule: &RepoRule, key: &PullKey, id: &ReportId) -> Result<Outcome, JobError> {
    let record = ctx.ledger.pull(key).await?;
    let Some(record) = record.filter(|record| record.report.as_ref() == Some(id)) else {
        return Ok(Outcome::Nothing("there is a newer report"));
    };
    let Some(report) = ctx.stored(id).await? else {
        return Ok(Outcome::Nothing("the report is no longer kept"));
    };
    if let Some(kind) = rule.check {
        let repo = &report.pull.key.repo;
        ctx.forge.set_checks(repo, &report.pull.head, kind, &checks(ctx, &report)).await?;
    }
    labels(ctx, rule, &record, &report).await?;
    Ok(Outcome::Done)
}

/// A check for each cluster, with its part of the report.
fn checks(ctx: &WorkCtx, report: &Report) -> Vec<CheckMark> {
    let check = |name: String, report: &Report| {
        let (title, summary) = report::check(report);
        CheckMark { name, progress: Progress::Done(report.conclusion()), title, summary }
    };
    match ctx.cluster_names.as_slice() {
        [] => vec![check(check_name(None), report)],
        [one] => vec![check(check_name(Some(one)), report)],
        several => {
            let part =
                |cluster: &String| check(check_name(Some(cluster)), &report.on_cluster(cluster, several));
            several.iter().map(part).collect()
        }
    }
}

/// Puts on the labels that the report asks for, and takes off those of ours that it does not. What a person put on stays: it was
/// there before us.
async fn labels(
    ctx: &WorkCtx,
    rule: &RepoRule,
    record: &PullRecord,
    report: &Report,
) -> Result<(), JobError> {
    if rule.add_labels.is_empty() && record.our_labels.is_empty() {
        return Ok(());
    }
    let key = &record.pull.key;
    let Some(now) = ctx.forge.pull(key).await?.filter(|pull| pull.state == PullState::Open) else {
        return Ok(());
    };
    let traits = report.traits();
    let wanted: BTreeSet<&String> =
        rule.add_labels.iter().filter(|(of, _)| traits.contains(of)).map(|(_, label)| label).collect();
    let among = |labels: &BTreeSet<String>, label: &str| labels.iter().any(|l| l.eq_ignore_ascii_case(label));
    let add: Vec<String> =
        wanted.iter().filter(|label| !among(&now.labels, label)).map(|label| (*label).clone()).collect();
    let remove: Vec<String> =
        record.our_labels.iter().filter(|label| !wanted.contains(label)).cloned().collect();
    if add.is_empty() && remove.is_empty() {
        return Ok(());
    }
    // Ours from before they are there: a run that does not live to say so must not leave them to nobody.
    message::keep(&ctx.ledger, key, |record| record.our_labels.extend(add.iter().cloned())).await?;
    ctx.forge.change_labels(key, &add, &remove).await?;
    message::keep(&ctx.ledger, key, |record| record.our_labels.retain(|label| !remove.contains(label)))
        .await?;
    Ok(())
}
