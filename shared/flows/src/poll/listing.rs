//! The listing of a repository's pull requests: conditional, back to the watermark, and kept last of all.

use std::collections::BTreeMap;

use domain::{PullRequest, RepoName};
use ports::Conditional;
use ports::ledger::Lease;
use serde_json::json;

use super::PollCtx;
use crate::error::JobError;

/// Pages of 100 that one poll follows at most; the rest follows in the next poll, and the log says so.
const MOST_PAGES: u32 = 100;
/// `updated_at` counts whole seconds, and listings are not snapshots: pages are followed this far past the watermark (seconds).
const OVERLAP_S: i64 = 10;

/// What changed in a repository since its last poll.
pub(super) struct Listing {
    /// Oldest change first.
    pub(super) pulls: Vec<PullRequest>,
    /// The newest change that earlier polls saw, seconds since 1970; `None` on the first poll.
    pub(super) watched_since: Option<i64>,
    etag: Option<String>,
    newest: i64,
}

fn listing_name(repo: &RepoName) -> String {
    format!("pulls#{repo}")
}

fn watermark_name(repo: &RepoName) -> String {
    format!("watermark#{repo}")
}

/// Whether the repository was ever polled to the end.
pub(super) async fn was_read(ctx: &PollCtx, repo: &RepoName) -> Result<bool, JobError> {
    Ok(ctx.ledger.note(&watermark_name(repo)).await?.is_some())
}

/// The pull requests that changed since the last poll, oldest change first; `None` when the first page is as it was.
pub(super) async fn read_listing(
    ctx: &PollCtx,
    repo: &RepoName,
    token: &str,
) -> Result<Option<Listing>, JobError> {
    let etag = ctx.ledger.etag(token, &listing_name(repo)).await?;
    let watched_since = ctx.ledger.note(&watermark_name(repo)).await?.and_then(|v| v.as_i64());
    let watermark = watched_since.unwrap_or(i64::MIN);
    let Conditional::Fresh { value: first, etag } = ctx.forge.pulls(repo, 1, etag.as_deref()).await? else {
        return Ok(None);
    };
    let mut page = first;
    let mut pulls = Vec::new();
    for number in 2.. {
        page.unreadable.iter().for_each(|why| tracing::warn!(repo = %repo, "{repo}: {why}"));
        let oldest = page.pulls.iter().map(|p| p.updated_at).min().unwrap_or(i64::MIN);
        pulls.append(&mut page.pulls);
        if !page.more || oldest < watermark.saturating_sub(OVERLAP_S) {
            break;
        }
        if number > MOST_PAGES {
            tracing::warn!(repo = %repo, pages = MOST_PAGES, "{repo}: more than {MOST_PAGES} pages of pull requests changed; older ones are seen when they change");
            break;
        }
        match ctx.forge.pulls(repo, number, None).await? {
            Conditional::Fresh { value, .. } => page = value,
            Conditional::NotModified => break,
        }
    }
    let newest = pulls.iter().map(|p| p.updated_at).max().unwrap_or(watermark).max(watermark);
    // A page boundary that moves between two requests shows a pull request twice: the newer sighting counts.
    let mut unique: BTreeMap<u64, PullRequest> = BTreeMap::new();
    for pull in pulls {
        let newer = unique.get(&pull.key.number).is_none_or(|known| known.updated_at <= pull.updated_at);
        if newer {
            unique.insert(pull.key.number, pull);
        }
    }
    let mut pulls: Vec<PullRequest> = unique.into_values().collect();
    pulls.sort_by_key(|p| p.updated_at);
    Ok(Some(Listing { pulls, watched_since, etag, newest }))
}

/// Keeps watermark and ETag, in this order and last of all, and only while nobody took the poll over.
pub(super) async fn keep_listing(
    ctx: &PollCtx,
    repo: &RepoName,
    token: &str,
    listing: &Listing,
    lease: &Lease,
) -> Result<(), JobError> {
    if !ctx.ledger.holds(lease).await? {
        tracing::warn!(repo = %repo, epoch = lease.epoch, "{repo}: the poll took longer than its lease; its ETag is not kept");
        return Ok(());
    }
    if listing.newest > i64::MIN {
        ctx.ledger.save_note(&watermark_name(repo), &json!(listing.newest)).await?;
    }
    if let Some(etag) = &listing.etag {
        ctx.ledger.save_etag(token, &listing_name(repo), etag).await?;
        ctx.forge.keep(etag).await;
    }
    Ok(())
}
