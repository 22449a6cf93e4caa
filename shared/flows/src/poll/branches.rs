//! Base branches: a push to one changes every diff against it.

use std::collections::BTreeMap;

use domain::{CommitSha, PullState};
use ports::Conditional;
use ports::ledger::{Phase, PullRecord};
use serde_json::json;

use super::Watched;
use super::see::see;
use crate::error::JobError;

/// A push to a base branch changes every diff against it, though no pull request changes.
pub(super) async fn see_base_branches(watched: &Watched<'_>, token: &str) -> Result<usize, JobError> {
    let (ctx, repo) = (watched.ctx, watched.repo);
    let mut against: BTreeMap<String, Vec<PullRecord>> = BTreeMap::new();
    for record in ctx.ledger.pulls(repo).await? {
        if record.pull.state == PullState::Open && record.base_tip.is_some() {
            against.entry(record.pull.base_branch.clone()).or_default().push(record);
        }
    }
    let mut queued = 0;
    for (branch, records) in against {
        let Some(tip) = branch_tip(watched, token, &branch).await? else { continue };
        for record in records {
            let settled = matches!(record.phase, Phase::Reported | Phase::Failed);
            if settled && record.base_tip.as_ref() != Some(&tip) {
                queued += usize::from(see(watched, &record.pull, None, Some(tip.clone())).await?);
            }
        }
    }
    Ok(queued)
}

/// The branch's tip, from GitHub or, when nothing changed there, as last read. `None` when the branch is gone.
async fn branch_tip(watched: &Watched<'_>, token: &str, branch: &str) -> Result<Option<CommitSha>, JobError> {
    let (ctx, repo) = (watched.ctx, watched.repo);
    let name = format!("branch#{repo}#{branch}");
    let known: Option<CommitSha> = match ctx.ledger.note(&name).await? {
        Some(value) => serde_json::from_value(value).ok(),
        None => None,
    };
    // Without the tip itself its ETag is worth nothing.
    let etag = if known.is_some() { ctx.ledger.etag(token, &name).await? } else { None };
    match ctx.forge.branch(repo, branch, etag.as_deref()).await {
        Ok(Conditional::NotModified) => Ok(known),
        Ok(Conditional::Fresh { value, etag }) => {
            ctx.ledger.save_note(&name, &json!(value)).await?;
            if let Some(etag) = etag {
                ctx.ledger.save_etag(token, &name, &etag).await?;
                ctx.forge.keep(&etag).await;
            }
            Ok(Some(value))
        }
        Err(ports::ForgeError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
