//! Whose turn it is in a poll: repositories that were not come to first, and quiet ones more rarely where limits ask for it.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Past, RepoName, RepoRule, Repositories, Turn};
use serde_json::json;

use super::{PollCtx, Polled, gone};
use crate::error::JobError;

/// Where it is kept when each repository was polled, and when something last happened in it.
const NOTE: &str = "pace";

/// The repositories of one poll.
pub(super) struct Turns {
    /// Whose turn it is: who has waited longest first.
    pub(super) now: Vec<RepoName>,
    past: BTreeMap<RepoName, Past>,
    /// Repositories of organisations that were there before, and are not any more.
    left: BTreeMap<RepoName, Past>,
}

/// Decides whose turn it is. When what is kept of earlier polls cannot be read, it is everybody's.
pub(super) async fn due(ctx: &PollCtx, repositories: &BTreeSet<RepoName>) -> Turns {
    let note = ctx.ledger.note(NOTE).await.unwrap_or_default();
    let known: BTreeMap<RepoName, Past> =
        note.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default();
    let past_of = |repo: &RepoName| (repo.clone(), known.get(repo).copied().unwrap_or_default());
    let past: BTreeMap<RepoName, Past> = repositories.iter().map(past_of).collect();
    let (now, of) = (ctx.clock.now(), repositories.len());
    let (mut turns, mut held_back) = (Vec::new(), 0);
    for (place, (repo, past)) in (0_u64..).zip(&past) {
        let budget = ctx.forge.budget(repo).await.unwrap_or_default();
        match ctx.pace.turn(*past, place, of, budget.as_ref(), now) {
            Turn::Now => turns.push((past.polled_at, repo.clone())),
            Turn::Later => {}
            Turn::HeldBack => held_back += 1,
        }
    }
    if held_back > 0 {
        tracing::warn!(
            held_back,
            "{held_back} repositories are not polled: what is left of the hour's requests to GitHub is kept for people"
        );
    }
    turns.sort();
    let of_rule = |repo: &RepoName| {
        let of = |rule: &RepoRule| matches!(rule.repositories, Repositories::Of { .. });
        ctx.rules.iter().any(|rule| of(rule) && rule.repositories.mean(repo, &BTreeSet::new()))
    };
    let left = known.into_iter().filter(|(repo, _)| !past.contains_key(repo) && of_rule(repo)).collect();
    Turns { now: turns.into_iter().map(|(_, repo)| repo).collect(), past, left }
}

/// Keeps when each repository was polled, and whether something happened in it. That this fails costs no more than a poll too many.
pub(super) async fn keep(ctx: &PollCtx, turns: &Turns, done: &[(RepoName, Result<Polled, JobError>)]) {
    let now = ctx.clock.now();
    let mut past = turns.past.clone();
    for (repo, result) in done {
        let Some(past) = past.get_mut(repo) else { continue };
        // A failed one is tried again as soon as possible.
        let Ok(polled) = result else { continue };
        past.polled_at = now;
        if polled.missing {
            gone::missing(ctx, repo, past, now).await;
            continue;
        }
        if !polled.busy {
            gone::there(ctx, repo, past).await;
        }
        if polled.queued > 0 || (!polled.unchanged && !polled.busy) {
            past.active_at = now;
        }
    }
    for (repo, left) in &turns.left {
        if !gone::left(ctx, repo, left).await {
            past.insert(repo.clone(), *left);
        }
    }
    if let Err(error) = ctx.ledger.save_note(NOTE, &json!(past)).await {
        tracing::warn!(error = %error, "whose turn it was could not be kept");
    }
}
