//! Repositories that are gone: said once where their reports went, looked for now and then, and said once more when they are back.

use std::collections::BTreeSet;

use domain::{Past, RepoName};
use ports::{Chat, ChatMessage};
use report::slack::answer;
use report::words::replies;

use super::PollCtx;
use crate::error::JobError;
use crate::message::{Place, post_once};
use crate::rules::rules_of;

/// How long a repository has to be missing before anybody is told: GitHub has said 404 in a bad minute before (seconds).
const SURE_S: i64 = 600;

/// Notes that a repository was not there. Who is told of it is told once.
pub(super) async fn missing(ctx: &PollCtx, repo: &RepoName, past: &mut Past, now: i64) {
    if past.missing_since == 0 {
        past.missing_since = now;
    }
    if !past.gone && now - past.missing_since >= SURE_S {
        past.gone =
            say(ctx, repo, &replies::gone(repo), &format!("gone#{repo}#{}", past.missing_since)).await;
    }
}

/// Notes that a repository was there.
pub(super) async fn there(ctx: &PollCtx, repo: &RepoName, past: &mut Past) {
    if past.gone {
        let key = format!("back#{repo}#{}", past.missing_since);
        if !say(ctx, repo, &replies::back(repo), &key).await {
            return;
        }
    }
    (past.missing_since, past.gone) = (0, false);
}

/// Says that an organisation has a repository no longer that it had; whether that is done.
pub(super) async fn left(ctx: &PollCtx, repo: &RepoName, past: &Past) -> bool {
    // One that comes and goes is told of each time: what was last heard of it makes the difference.
    past.gone || say(ctx, repo, &replies::gone(repo), &format!("left#{repo}#{}", past.polled_at)).await
}

/// Posts a sentence in every channel of the repository's rules, once. Where Slack fails it is tried again with the next poll.
async fn say(ctx: &PollCtx, repo: &RepoName, sentence: &str, key: &str) -> bool {
    tracing::warn!(repo = %repo, "{sentence}");
    let Some(chat) = &ctx.chat else { return true };
    let posted = post(ctx, chat.as_ref(), repo, sentence, key).await;
    if let Err(error) = &posted {
        tracing::warn!(repo = %repo, error = %error, "{repo}: Slack could not be told");
    }
    posted.is_ok()
}

async fn post(
    ctx: &PollCtx,
    chat: &dyn Chat,
    repo: &RepoName,
    sentence: &str,
    key: &str,
) -> Result<(), JobError> {
    let rules = rules_of(&ctx.rules, &ctx.ledger, repo).await?;
    let channels: BTreeSet<&str> = rules.iter().map(|rule| rule.channel.as_str()).collect();
    let (text, blocks) = answer(sentence);
    let message = ChatMessage { text, blocks };
    for channel in channels {
        say_once(ctx, chat, channel, key, &message).await?;
    }
    Ok(())
}

/// Posts a message of this key in a channel, unless that was done before.
pub(super) async fn say_once(
    ctx: &PollCtx,
    chat: &dyn Chat,
    channel: &str,
    key: &str,
    message: &ChatMessage,
) -> Result<(), JobError> {
    let said = format!("said#{channel}#{key}");
    if ctx.ledger.was_seen(&said).await? {
        return Ok(());
    }
    let place = Place { channel, thread: None, key };
    post_once(chat, &ctx.ledger, &place, message, false).await?;
    ctx.ledger.first_time(&said, 30 * 86_400).await?;
    Ok(())
}
