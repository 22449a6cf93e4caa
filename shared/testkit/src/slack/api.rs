//! The Web API's methods, one function each in the list of [`call`], and the response addresses. A refusal is Slack's
//! `{"ok": false, "error": …}` with HTTP 200.

use std::sync::Arc;

use serde_json::{Value, json};

use super::limits::{self, Refusal, TEXT_CUT};
use super::serve::Call;
use super::state::{APP, BOT, BOT_USER, Channel, Message, State, TEAM, View, fill_ids};
use super::{Inner, files};

/// What a method answers; `Err` is the whole refusal.
pub(crate) type Answer = Result<Value, Value>;

pub(crate) fn error(code: &str) -> Value {
    json!({"ok": false, "error": code})
}

fn refused(refusal: Refusal) -> Value {
    let messages: Vec<String> = refusal.messages.iter().map(|m| format!("[ERROR] {m}")).collect();
    json!({"ok": false, "error": refusal.error, "errors": refusal.messages, "response_metadata": {"messages": messages}})
}

/// Methods that read a form or a query and are blind to JSON bodies.
const FORM_ONLY: [&str; 4] =
    ["users.info", "conversations.info", "conversations.replies", "files.getUploadURLExternal"];

pub(crate) fn call(inner: &Arc<Inner>, method: &str, call: &Call) -> Answer {
    match &call.token {
        None => return Err(error("not_authed")),
        Some(token) if *token != inner.options.bot_token => return Err(error("invalid_auth")),
        Some(_) => {}
    }
    if call.is_json && FORM_ONLY.contains(&method) {
        let messages = json!(["[ERROR] missing required field: this method reads no JSON body"]);
        return Err(
            json!({"ok": false, "error": "invalid_arguments", "response_metadata": {"messages": messages}}),
        );
    }
    let mut state = inner.state();
    match method {
        "auth.test" => {
            Ok(json!({"url": "https://acme.slack.com/", "team": "Acme", "user": "preflux", "team_id": TEAM,
                                 "user_id": BOT_USER, "bot_id": BOT, "is_enterprise_install": false}))
        }
        "chat.postMessage" => post(&mut state, call),
        "chat.postEphemeral" => post_ephemeral(&mut state, call),
        "chat.update" => update(&mut state, call),
        "chat.delete" => delete(&mut state, call),
        "conversations.history" => history(&state, call),
        "conversations.replies" => replies(&state, call),
        "conversations.info" => channel(&state, call).map(|c| json!({"channel": c.json()})),
        "users.info" => {
            let user = state.user(call.str("user")).ok_or_else(|| error("user_not_found"))?;
            Ok(json!({"user": user.json()}))
        }
        "views.open" => open_view(&mut state, call),
        "views.update" => update_view(&mut state, call),
        "files.getUploadURLExternal" => files::begin(&mut state, &inner.url, call),
        "files.completeUploadExternal" => files::complete(&mut state, call),
        _ => Err(json!({"ok": false, "error": "unknown_method", "req_method": method})),
    }
}

impl Call {
    /// A text argument, empty when missing.
    pub(crate) fn str(&self, name: &str) -> &str {
        self.args.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        matches!(self.args.get(name), Some(Value::Bool(true))) || matches!(self.str(name), "true" | "1")
    }

    fn number(&self, name: &str) -> Option<usize> {
        match self.args.get(name)? {
            Value::Number(n) => n.as_u64().and_then(|n| usize::try_from(n).ok()),
            Value::String(s) => s.parse().ok(),
            _ => None,
        }
    }
}

pub(crate) fn channel(state: &State, call: &Call) -> Result<Channel, Value> {
    let name =
        [call.str("channel"), call.str("channel_id")].into_iter().find(|n| !n.is_empty()).unwrap_or_default();
    state.channel(name).cloned().ok_or_else(|| error("channel_not_found"))
}

/// The channel, when the app may write to it.
pub(crate) fn writable(state: &State, call: &Call) -> Result<Channel, Value> {
    let channel = channel(state, call)?;
    if channel.is_archived {
        return Err(error("is_archived"));
    }
    if channel.is_member { Ok(channel) } else { Err(error("not_in_channel")) }
}

/// Text and blocks of a message, checked. `blocks` is `None` when the argument is missing.
fn content(state: &mut State, args: &Value) -> Result<(String, Option<Vec<Value>>), Value> {
    let blocks = match &args["blocks"] {
        Value::Null => None,
        blocks => {
            limits::check_blocks(blocks).map_err(refused)?;
            let mut blocks = blocks.as_array().cloned().unwrap_or_default();
            fill_ids(&mut blocks, || state.number());
            Some(blocks)
        }
    };
    let text: String = args["text"].as_str().unwrap_or_default().chars().take(TEXT_CUT).collect();
    if text.is_empty() && blocks.as_ref().is_none_or(Vec::is_empty) {
        return Err(error("no_text"));
    }
    Ok((text, blocks))
}

fn metadata(args: &Value) -> Result<Option<Value>, Value> {
    match &args["metadata"] {
        Value::Null => Ok(None),
        value
            if value["event_type"].as_str().is_none_or(str::is_empty)
                || !value["event_payload"].is_object() =>
        {
            Err(error("invalid_metadata_format"))
        }
        value if value.to_string().len() > 8000 => Err(error("metadata_too_large")),
        value => Ok(Some(value.clone())),
    }
}

/// One post per second and channel beyond the burst.
fn throttle(state: &mut State, channel: &str) -> Result<(), Value> {
    let (now, burst) = (state.clock.now(), state.post_burst);
    let posts = state.posts.entry(channel.to_owned()).or_default();
    let Some(burst) = burst else { return Ok(()) };
    posts.retain(|at| now - at < i64::from(burst));
    if posts.len() >= usize::try_from(burst).unwrap_or(usize::MAX) {
        return Err(json!({"ok": false, "error": "ratelimited", "retry_after": 1}));
    }
    posts.push(now);
    Ok(())
}

/// The thread that `thread_ts` belongs to: replies to a reply join its thread.
pub(crate) fn thread_of(state: &State, channel: &str, thread_ts: &str) -> Result<Option<String>, Value> {
    if thread_ts.is_empty() {
        return Ok(None);
    }
    let parent = state
        .message(channel, thread_ts)
        .filter(|m| m.only_for.is_none())
        .ok_or_else(|| error("invalid_thread_ts"))?;
    Ok(Some(parent.thread_ts.clone().unwrap_or_else(|| parent.ts.clone())))
}

fn post(state: &mut State, call: &Call) -> Answer {
    let channel = writable(state, call)?;
    throttle(state, &channel.id)?;
    let args = Value::Object(call.args.clone());
    let (text, blocks) = content(state, &args)?;
    let (metadata, thread_ts) = (metadata(&args)?, thread_of(state, &channel.id, call.str("thread_ts"))?);
    let blocks = blocks.unwrap_or_default();
    let message = Message {
        channel: channel.id,
        ts: state.ts(),
        thread_ts,
        user: BOT_USER.to_owned(),
        text,
        blocks,
        metadata,
        ..Message::default()
    };
    let answer =
        json!({"channel": message.channel, "ts": message.ts, "message": state.message_json(&message, true)});
    state.messages.push(message);
    Ok(answer)
}

fn post_ephemeral(state: &mut State, call: &Call) -> Answer {
    let channel = writable(state, call)?;
    if state.user(call.str("user")).is_none_or(|u| u.deleted) {
        return Err(error("user_not_in_channel"));
    }
    let (text, blocks) = content(state, &Value::Object(call.args.clone()))?;
    let ts = state.ts();
    let thread_ts = thread_of(state, &channel.id, call.str("thread_ts"))?;
    state.messages.push(Message {
        channel: channel.id,
        ts: ts.clone(),
        thread_ts,
        user: BOT_USER.to_owned(),
        text,
        blocks: blocks.unwrap_or_default(),
        only_for: Some(call.str("user").to_owned()),
        ..Message::default()
    });
    Ok(json!({"message_ts": ts}))
}

/// The app's own visible message, or why it cannot be changed.
fn own(state: &State, channel: &str, ts: &str, not_own: &str) -> Result<Message, Value> {
    let found = state
        .message(channel, ts)
        .filter(|m| m.only_for.is_none())
        .ok_or_else(|| error("message_not_found"))?;
    if found.user == BOT_USER { Ok(found.clone()) } else { Err(error(not_own)) }
}

fn update(state: &mut State, call: &Call) -> Answer {
    let channel = channel(state, call)?;
    if channel.is_archived {
        return Err(error("is_archived"));
    }
    let old = own(state, &channel.id, call.str("ts"), "cant_update_message")?;
    let args = Value::Object(call.args.clone());
    let (text, blocks) = content(state, &args)?;
    let metadata = metadata(&args)?;
    let edited = state.ts();
    let message = state.message_mut(&channel.id, &old.ts).ok_or_else(|| error("message_not_found"))?;
    message.history.push((old.text, old.blocks));
    (message.text, message.edited) = (text, Some(edited));
    if let Some(blocks) = blocks {
        message.blocks = blocks;
    }
    if metadata.is_some() {
        message.metadata = metadata;
    }
    let message = message.clone();
    Ok(
        json!({"channel": message.channel, "ts": message.ts, "text": message.text, "message": state.message_json(&message, true)}),
    )
}

fn delete(state: &mut State, call: &Call) -> Answer {
    let channel = channel(state, call)?;
    let message = own(state, &channel.id, call.str("ts"), "cant_delete_message")?;
    state.number();
    state.messages.retain(|m| !(m.channel == message.channel && m.ts == message.ts));
    Ok(json!({"channel": channel.id, "ts": message.ts}))
}

/// A page of messages: `limit` (100 by default, 999 at most), `oldest`, `latest`, `inclusive`, `cursor`.
fn listed(state: &State, call: &Call, messages: &[&Message]) -> Value {
    let limit = call.number("limit").unwrap_or(100).clamp(1, 999);
    let skip: usize = call.str("cursor").parse().unwrap_or(0);
    let (oldest, latest) = (call.str("oldest"), call.str("latest"));
    let inclusive = call.flag("inclusive");
    let inside = |m: &&&Message| {
        let after = oldest.is_empty() || m.ts.as_str() > oldest || (inclusive && m.ts == oldest);
        let before = latest.is_empty() || m.ts.as_str() < latest || (inclusive && m.ts == latest);
        after && before
    };
    let all: Vec<&&Message> = messages.iter().filter(inside).collect();
    let with_metadata = call.flag("include_all_metadata");
    let shown: Vec<Value> =
        all.iter().skip(skip).take(limit).map(|m| state.message_json(m, with_metadata)).collect();
    let more = skip + shown.len() < all.len();
    let next = if more { (skip + shown.len()).to_string() } else { String::new() };
    json!({"messages": shown, "has_more": more, "response_metadata": {"next_cursor": next}})
}

fn history(state: &State, call: &Call) -> Answer {
    let channel = channel(state, call)?;
    if !channel.is_member {
        return Err(error("not_in_channel"));
    }
    let shown = |m: &&Message| m.channel == channel.id && m.thread_ts.is_none() && m.only_for.is_none();
    let messages: Vec<&Message> = state.messages.iter().filter(shown).rev().collect();
    Ok(listed(state, call, &messages))
}

fn replies(state: &State, call: &Call) -> Answer {
    let channel = channel(state, call)?;
    if !channel.is_member {
        return Err(error("not_in_channel"));
    }
    let thread = state.thread(&channel.id, call.str("ts"));
    if thread.is_empty() {
        return Err(error("thread_not_found"));
    }
    Ok(listed(state, call, &thread.iter().collect::<Vec<_>>()))
}

/// A trigger works once, within three seconds.
fn open_view(state: &mut State, call: &Call) -> Answer {
    let view = call.args.get("view").cloned().unwrap_or_default();
    let now = state.clock.now();
    let trigger =
        state.triggers.get_mut(call.str("trigger_id")).ok_or_else(|| error("invalid_trigger_id"))?;
    if trigger.used {
        return Err(error("exchanged_trigger_id"));
    }
    if now - trigger.made_at > 3 {
        return Err(error("expired_trigger_id"));
    }
    limits::check_view(&view).map_err(refused)?;
    trigger.used = true;
    let user = trigger.user.clone();
    let id = format!("V{:08}", state.number());
    let shown = stored_view(state, view, &id);
    state.views.push(View { id, user, view: shown.clone() });
    Ok(json!({ "view": shown }))
}

fn update_view(state: &mut State, call: &Call) -> Answer {
    let view = call.args.get("view").cloned().unwrap_or_default();
    limits::check_view(&view).map_err(refused)?;
    let id = call.str("view_id").to_owned();
    let shown = stored_view(state, view, &id);
    let open = state.views.iter_mut().find(|v| v.id == id).ok_or_else(|| error("not_found"))?;
    open.view = shown.clone();
    Ok(json!({ "view": shown }))
}

/// A view as Slack keeps it and sends it back.
pub(crate) fn stored_view(state: &mut State, mut view: Value, id: &str) -> Value {
    let mut blocks = view["blocks"].as_array().cloned().unwrap_or_default();
    fill_ids(&mut blocks, || state.number());
    view["blocks"] = json!(blocks);
    for (name, value) in [
        ("id", json!(id)),
        ("team_id", json!(TEAM)),
        ("app_id", json!(APP)),
        ("bot_id", json!(BOT)),
        ("hash", json!("hash")),
    ] {
        view[name] = value;
    }
    for name in ["callback_id", "private_metadata", "external_id"] {
        if view[name].is_null() {
            view[name] = json!("");
        }
    }
    view
}

/// `POST` to a response address: five uses, thirty minutes; an answer for one person unless it says `in_channel`.
pub(crate) fn respond(inner: &Inner, id: &str, body: &[u8]) -> (u16, Value) {
    let Ok(args) = serde_json::from_slice::<Value>(body) else { return (400, error("invalid_payload")) };
    let mut state = inner.state();
    let now = state.clock.now();
    let url = match state.response_urls.get_mut(id) {
        None => return (404, error("invalid_url")),
        Some(url) if now - url.made_at > 30 * 60 => return (404, error("expired_url")),
        Some(url) if url.uses >= 5 => return (404, error("used_url")),
        Some(url) => {
            url.uses += 1;
            url.clone()
        }
    };
    let said = said(&mut state, &args, &url.channel, &url.user, url.ts.as_deref());
    match said {
        Ok(()) => (200, json!({"ok": true})),
        Err(refusal) => (400, refusal),
    }
}

/// Does what an answer to an interaction says: replace, delete, or a new message for one or for all.
pub(crate) fn said(
    state: &mut State,
    args: &Value,
    channel: &str,
    user: &str,
    clicked: Option<&str>,
) -> Result<(), Value> {
    if args["delete_original"] == true {
        state.number();
        state.messages.retain(|m| !(m.channel == channel && Some(m.ts.as_str()) == clicked));
        return Ok(());
    }
    let (text, blocks) = content(state, args)?;
    if args["replace_original"] == true {
        let edited = state.ts();
        let message = clicked
            .and_then(|ts| state.message_mut(channel, ts))
            .ok_or_else(|| error("message_not_found"))?;
        message.history.push((std::mem::take(&mut message.text), std::mem::take(&mut message.blocks)));
        (message.text, message.blocks, message.edited) = (text, blocks.unwrap_or_default(), Some(edited));
        return Ok(());
    }
    let thread_ts = thread_of(state, channel, args["thread_ts"].as_str().unwrap_or_default())?;
    let ts = state.ts();
    state.messages.push(Message {
        channel: channel.to_owned(),
        ts,
        thread_ts,
        user: BOT_USER.to_owned(),
        text,
        blocks: blocks.unwrap_or_default(),
        only_for: (args["response_type"] != "in_channel").then(|| user.to_owned()),
        ..Message::default()
    });
    Ok(())
}
