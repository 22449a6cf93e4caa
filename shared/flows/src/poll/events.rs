//! Events of repositories: asked for conditionally and as often as GitHub allows, told once each, and remembered last of all. None of it
//! is urgent: GitHub lists them late, and they are the first to be left when requests run short.

use std::collections::BTreeSet;

use domain::{EventRule, RepoName};
use futures::StreamExt as _;
use ports::{Chat, ChatMessage, Conditional, RepoEvent};
use report::slack::{ExtraButton, event_value, notice};
use report::words::replies;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use templates::Template;

use super::{PollCtx, Polled, gone, watched};
use crate::buttons;
use crate::error::JobError;

/// GitHub lists this many events in pages of 100.
const MOST_PAGES: u32 = 3;
/// So many at the end of a page tell whether the pages after it are known.
const OLDEST: usize = 10;
/// How often it is said that some may be missing (seconds).
const MISSED_AGAIN_S: i64 = 3_600;
/// Events of one repository that one poll tells; of the others it says how many there are.
const MOST_TOLD: usize = 20;
/// Longest text of one, in bytes.
const LONGEST: usize = 2_500;
/// A poll that takes longer has lost its lease (seconds).
const LEASE_S: i64 = 120;
/// Repositories that are asked at the same time.
const AT_ONCE: usize = 4;

/// What is kept of a repository's events.
#[derive(Default, Serialize, Deserialize)]
struct Known {
    /// The ids of the last listing. They are no times: an event may come in late, beside newer ones.
    ids: BTreeSet<u64>,
    /// When GitHub wants to be asked again, seconds since 1970.
    next: i64,
}

/// Tells what happened in the repositories that event rules are about.
pub(super) async fn poll(ctx: &PollCtx) -> Vec<(String, Result<Polled, JobError>)> {
    if ctx.events.is_empty() || ctx.chat.is_none() {
        return Vec::new();
    }
    let meant: Vec<_> = ctx.events.iter().map(|rule| &rule.repositories).collect();
    let (repositories, failures) = watched::repositories(ctx, &meant).await;
    let mut results: Vec<(String, Result<Polled, JobError>)> =
        failures.into_iter().map(|(name, error)| (format!("events of {name}"), Err(error))).collect();
    let polls: Vec<_> = repositories.into_iter().map(|repo| one(ctx, repo)).collect();
    let mut polled: Vec<_> = futures::stream::iter(polls).buffer_unordered(AT_ONCE).collect().await;
    polled.sort_by(|(a, _), (b, _)| a.cmp(b));
    results.extend(polled);
    results
}

async fn one(ctx: &PollCtx, repo: RepoName) -> (String, Result<Polled, JobError>) {
    let result = async {
        let Some(lease) = ctx.ledger.lease(&format!("events#{repo}"), LEASE_S).await? else {
            return Ok(Polled { busy: true, ..Polled::default() });
        };
        let polled = leased(ctx, &repo).await;
        ctx.ledger.release(lease).await?;
        polled
    };
    (format!("events of {repo}"), result.await)
}

async fn leased(ctx: &PollCtx, repo: &RepoName) -> Result<Polled, JobError> {
    let note = format!("events#{repo}");
    let kept = ctx.ledger.note(&note).await?;
    let first = kept.is_none();
    let known: Known = kept.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default();
    let now = ctx.clock.now();
    let unchanged = Polled { unchanged: true, ..Polled::default() };
    let short = ctx.forge.budget(repo).await?.is_some_and(|budget| budget.is_short(now));
    if now < known.next || short {
        return Ok(unchanged);
    }
    let token = ctx.forge.token_fingerprint_for(repo).await?;
    let etag = ctx.ledger.etag(&token, &note).await?;
    let listed = match ctx.forge.events(repo, 1, etag.as_deref()).await {
        // Told by the poll of its pull requests, where there is one.
        Err(ports::ForgeError::NotFound(_)) => return Ok(Polled { missing: true, ..Polled::default() }),
        other => other?,
    };
    let every = i64::try_from(ctx.pace.every_s).unwrap_or(60);
    let Conditional::Fresh { value: page, etag } = listed else {
        let next = now + every.max(60);
        ctx.ledger.save_note(&note, &json!(Known { next, ..known })).await?;
        return Ok(unchanged);
    };
    let next = now + i64::try_from(page.interval_s).unwrap_or(60).max(every);
    // One that came in late may stand among others that nobody saw yet: only where all of the oldest are known, what follows is too.
    let reached =
        |events: &[RepoEvent]| events.iter().rev().take(OLDEST).all(|event| known.ids.contains(&event.id));
    let (mut events, mut more, mut number) = (page.events, page.more, 1);
    while !first && more && number < MOST_PAGES && !reached(&events) {
        number += 1;
        let Conditional::Fresh { value: page, .. } = ctx.forge.events(repo, number, None).await? else {
            break;
        };
        events.extend(page.events);
        more = page.more;
    }
    let ids: BTreeSet<u64> = events.iter().map(|event| event.id).collect();
    // GitHub keeps no more than these, and none of them was there before.
    let missed = !first && !known.ids.is_empty() && ids.is_disjoint(&known.ids) && !ids.is_empty();
    if missed {
        tracing::warn!(repo = %repo, "more happened in {repo} than GitHub lists: some events were never seen");
    }
    let mut fresh: Vec<&RepoEvent> =
        events.iter().filter(|event| !first && !known.ids.contains(&event.id)).collect();
    fresh.sort_by_key(|event| event.id);
    fresh.dedup_by_key(|event| event.id);
    let told = tell(ctx, repo, &fresh, missed).await?;
    // Late ones may still come in beside those that were listed before.
    let mut kept = ids;
    kept.extend(known.ids);
    while kept.len() > 1_000 {
        kept.pop_first();
    }
    ctx.ledger.save_note(&note, &json!(Known { ids: kept, next })).await?;
    if let Some(etag) = etag {
        ctx.ledger.save_etag(&token, &note, &etag).await?;
    }
    Ok(Polled { queued: told, ..Polled::default() })
}

/// Tells what each rule wants of these events, oldest first. How many were told.
async fn tell(
    ctx: &PollCtx,
    repo: &RepoName,
    events: &[&RepoEvent],
    missed: bool,
) -> Result<usize, JobError> {
    let Some(chat) = &ctx.chat else { return Ok(0) };
    let discovered = crate::rules::discovered(&ctx.ledger).await?;
    let mut told = 0;
    for rule in &ctx.events {
        if !rule.repositories.mean(repo, &discovered) {
            continue;
        }
        let wanted: Vec<&&RepoEvent> = events.iter().filter(|event| rule.wants(&event.json)).collect();
        let left = wanted.len().saturating_sub(MOST_TOLD);
        let last = events.last().map_or(0, |event| event.id);
        let id = rule.id();
        let again = format!("missed#{id}#{repo}");
        if missed && !ctx.ledger.was_seen(&again).await? {
            let message = plain(&replies::events_missed(repo));
            say(ctx, chat.as_ref(), rule, &format!("event#{id}#{repo}#missed#{last}"), &message).await?;
            ctx.ledger.first_time(&again, MISSED_AGAIN_S).await?;
        }
        for event in wanted.into_iter().skip(left) {
            let key = format!("event#{id}#{repo}#{}", event.id);
            say(ctx, chat.as_ref(), rule, &key, &message(rule, repo, event)).await?;
            told += 1;
        }
        if left > 0 {
            let sentence = replies::events_left_out(repo, left);
            say(ctx, chat.as_ref(), rule, &format!("event#{id}#{repo}#more#{last}"), &plain(&sentence))
                .await?;
        }
    }
    Ok(told)
}

async fn say(
    ctx: &PollCtx,
    chat: &dyn Chat,
    rule: &EventRule,
    key: &str,
    message: &ChatMessage,
) -> Result<(), JobError> {
    gone::say_once(ctx, chat, &rule.channel, key, message).await
}

fn plain(sentence: &str) -> ChatMessage {
    let (text, blocks) = report::slack::answer(sentence);
    ChatMessage { text, blocks }
}

/// A rule's words about an event. Where they cannot be filled in, that is said in their place: nothing that is wanted goes unsaid.
fn message(rule: &EventRule, repo: &RepoName, event: &RepoEvent) -> ChatMessage {
    let values = values(repo, &event.json);
    let text =
        Template::escaping(&rule.text, event_value).and_then(|template| template.render(&values, LONGEST));
    let text = match text {
        Ok(text) if !text.trim().is_empty() => text,
        other => {
            let why = other.err().map_or_else(|| "it comes to nothing".to_owned(), |error| error.to_string());
            tracing::warn!(repo = %repo, event = event.id, "{repo}: the text of an event rule cannot be used: {why}");
            let kind = event.json["type"].as_str().unwrap_or_default();
            let actor = event.json["actor"]["login"].as_str().unwrap_or_default();
            event_value(&replies::event_without_words(kind, repo, actor, &why))
        }
    };
    let extra: Vec<ExtraButton> =
        rule.buttons.iter().filter_map(|button| buttons::filled(button, &values).ok()).collect();
    let (text, blocks) = notice(&text, &extra);
    ChatMessage { text, blocks }
}

/// What a rule's templates may name.
fn values(repo: &RepoName, event: &Value) -> Value {
    json!({
        "repository": {"owner": repo.owner(), "name": repo.name(), "full_name": repo.to_string()},
        "event": event,
    })
}
