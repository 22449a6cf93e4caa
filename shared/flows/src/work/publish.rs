//! A stored report to the pull request's comments, on somebody's click: one, or as many as the whole of it needs.

use domain::RepoRule;
use domain::interact::{Action, Click, ReportRecord};
use report::words::replies;

use super::{WorkCtx, click, words};
use crate::error::JobError;

/// What our comments are known by, beside their author: one family of them for each pull request.
const MARKER: &str = "preflux:report";
/// Longer than publishing takes. Two at once would each undo what the other says.
const LEASE_S: i64 = 120;

/// Publishes the report. A report that needs fewer comments than the one before takes the others away.
pub(super) async fn comments(
    ctx: &WorkCtx,
    rule: &RepoRule,
    click: &Click,
    record: &ReportRecord,
) -> Result<String, JobError> {
    let Some(report) = ctx.stored(&record.id).await? else {
        return Ok(replies::unknown_report(click.action));
    };
    let parts = match click.action {
        Action::PostWhole => report::comments(&report, MARKER),
        _ => vec![report::comment(&report, MARKER)],
    };
    let Some(lease) = ctx.ledger.lease(&format!("comment#{}", record.pull), LEASE_S).await? else {
        return Err(JobError::busy(anyhow::anyhow!(
            "`{}` is being commented on by another worker",
            record.pull
        )));
    };
    let posted = ctx.forge.sticky_comment(&record.pull, MARKER, &parts).await;
    ctx.ledger.release(lease).await?;
    let url = posted?;
    let said = match click.action {
        Action::PostWhole => replies::whole_posted(&click.by.name, parts.len()),
        _ => replies::comment_posted(&click.by.name),
    };
    click::note(ctx, rule, record, said).await?;
    Ok(words::posted(&url))
}
