//! Uploads in Slack's three steps: ask for an address, send the bytes, complete. The old `files.upload` is gone, as on Slack.

use axum::response::Response;
use serde_json::{Value, json};

use super::Inner;
use super::api::{Answer, error, thread_of, writable};
use super::serve::{Call, bytes_answer};
use super::state::{BOT_USER, File, Message, State, file_json};

pub(crate) fn begin(state: &mut State, base: &str, call: &Call) -> Answer {
    let (name, length) = (call.str("filename").to_owned(), call.str("length").parse::<usize>().unwrap_or(0));
    if name.is_empty() || length == 0 {
        let messages = json!(["[ERROR] missing required field: filename and a length above 0"]);
        return Err(
            json!({"ok": false, "error": "invalid_arguments", "response_metadata": {"messages": messages}}),
        );
    }
    let id = format!("F{:08}", state.number());
    let file = File {
        id: id.clone(),
        title: name.clone(),
        name,
        content: Vec::new(),
        length,
        shared: None,
        uploaded: false,
    };
    state.files.insert(id.clone(), file);
    Ok(json!({"upload_url": format!("{base}/upload/{id}"), "file_id": id}))
}

/// The bytes, once, and exactly as many as announced.
pub(crate) fn receive(inner: &Inner, id: &str, body: &[u8]) -> Response {
    let mut state = inner.state();
    let plain = |status: u16, text: String| bytes_answer(status, "text/plain", text.into_bytes());
    match state.files.get_mut(id) {
        None => plain(404, "not found".to_owned()),
        Some(file) if file.uploaded => plain(400, "already uploaded".to_owned()),
        Some(file) if file.length != body.len() => {
            plain(400, format!("announced {} bytes, got {}", file.length, body.len()))
        }
        Some(file) => {
            (file.content, file.uploaded) = (body.to_vec(), true);
            plain(200, format!("OK - {}", body.len()))
        }
    }
}

/// Shares uploaded files in a channel or thread, as one message.
pub(crate) fn complete(state: &mut State, call: &Call) -> Answer {
    let wanted: Vec<Value> = call.args.get("files").and_then(Value::as_array).cloned().unwrap_or_default();
    if wanted.is_empty() {
        return Err(error("invalid_arguments"));
    }
    let to_channel = !call.str("channel_id").is_empty();
    let place = if to_channel { Some(writable(state, call)?) } else { None };
    let thread_ts = match &place {
        Some(channel) => thread_of(state, &channel.id, call.str("thread_ts"))?,
        None => None,
    };
    let mut ids = Vec::new();
    for wanted in &wanted {
        let file = wanted["id"]
            .as_str()
            .and_then(|id| state.files.get_mut(id))
            .filter(|f| f.uploaded && f.shared.is_none());
        let file = file.ok_or_else(|| error("file_not_found"))?;
        if let Some(title) = wanted["title"].as_str() {
            title.clone_into(&mut file.title);
        }
        file.shared = place.as_ref().map(|c| (c.id.clone(), thread_ts.clone()));
        ids.push(file.id.clone());
    }
    let files: Vec<Value> = ids.iter().filter_map(|id| state.files.get(id)).map(file_json).collect();
    if let Some(channel) = place {
        let (ts, text) = (state.ts(), call.str("initial_comment").to_owned());
        let user = BOT_USER.to_owned();
        state.messages.push(Message {
            channel: channel.id,
            ts,
            thread_ts,
            user,
            text,
            files: ids,
            ..Message::default()
        });
    }
    Ok(json!({ "files": files }))
}
