//! The first poll of a repository: the newest pull requests are reported, and the channel hears once how many are left for later.

use std::collections::BTreeSet;

use domain::{PullRequest, PullState, RepoRule};
use ports::ChatMessage;
use report::slack::answer;
use report::words::replies;

use super::Watched;
use crate::error::JobError;
use crate::message::{Place, post_once};

/// The numbers of those that are only remembered. What an earlier try at this first poll has begun is none of them.
pub(super) async fn left_out(
    watched: &Watched<'_>,
    pulls: &[PullRequest],
) -> Result<BTreeSet<u64>, JobError> {
    let ctx = watched.ctx;
    let wanted = |pull: &&PullRequest| {
        pull.state == PullState::Open && watched.rules.iter().any(|rule| rule.accepts(pull))
    };
    let mut open: Vec<&PullRequest> = pulls.iter().filter(wanted).collect();
    open.sort_by_key(|pull| std::cmp::Reverse((pull.updated_at, pull.key.number)));
    let mut left_out = BTreeSet::new();
    for pull in open.iter().skip(ctx.first_reports) {
        if ctx.ledger.pull(&pull.key).await?.is_none() {
            left_out.insert(pull.key.number);
        }
    }
    if let (false, Some(rule)) = (left_out.is_empty(), watched.rules.first()) {
        say(watched, rule, open.len() - left_out.len(), left_out.len()).await;
    }
    Ok(left_out)
}

/// Says so in the rule's channel, once. A poll does not fail for it.
async fn say(watched: &Watched<'_>, rule: &RepoRule, reported: usize, left: usize) {
    let (ctx, repo) = (watched.ctx, watched.repo);
    let sentence = replies::watched_from_now(repo, reported, left);
    tracing::info!(repo = %repo, reported, left, "{sentence}");
    let Some(chat) = &ctx.chat else { return };
    let (text, blocks) = answer(&sentence);
    let key = format!("watched#{repo}");
    let place = Place { channel: &rule.channel, thread: None, key: &key };
    let posted = post_once(chat.as_ref(), &ctx.ledger, &place, &ChatMessage { text, blocks }, false).await;
    if let Err(error) = posted {
        tracing::warn!(repo = %repo, error = %error, "{repo}: Slack could not be told that it is watched");
    }
}
