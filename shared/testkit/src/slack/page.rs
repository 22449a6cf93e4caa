//! The page a person clicks in: one HTML file, the state as JSON, and the doors back in. It can do nothing that a Slack user could not.

use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};

use super::act::is_app;
use super::serve::{bytes_answer, json_answer};
use super::state::{State, TEAM};
use super::{FakeSlack, Inner, lock};

const HTML: &str = include_str!("page/index.html");
/// Nothing from elsewhere, no frames; the page's own script and style are inline.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(crate) async fn handle(
    inner: &Arc<Inner>,
    method: &str,
    path: &str,
    query: &str,
    body: &Bytes,
) -> Response {
    let query: std::collections::BTreeMap<String, String> =
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    match (method, path) {
        ("GET", page) if page == "/" || page.split('/').nth(3) == Some("pull") => {
            let mut page = bytes_answer(200, "text/html; charset=utf-8", HTML.as_bytes().to_vec());
            page.headers_mut().insert("content-security-policy", http::HeaderValue::from_static(POLICY));
            page
        }
        ("GET", "/favicon.ico") => bytes_answer(204, "image/x-icon", Vec::new()),
        ("GET", "/sandbox/state") => {
            let user = query.get("user").map(String::as_str).unwrap_or_default();
            json_answer(200, &snapshot(&inner.state(), user))
        }
        ("GET", "/sandbox/github") => {
            let view = lock(&inner.pulls).clone();
            let shown =
                tokio::task::spawn_blocking(move || view.map_or_else(|| json!({"pulls": []}), |view| view()));
            json_answer(200, &shown.await.unwrap_or_default())
        }
        ("GET", file) if file.starts_with("/files/") => {
            file_content(inner, file.trim_start_matches("/files/"))
        }
        ("POST", door) if door.starts_with("/sandbox/") => {
            let ask: Value = serde_json::from_slice(body).unwrap_or_default();
            act(inner, door.trim_start_matches("/sandbox/"), &ask).await
        }
        _ => json_answer(404, &json!({"ok": false, "error": "not_found"})),
    }
}

fn file_content(inner: &Inner, id: &str) -> Response {
    match inner.state().files.get(id).filter(|f| f.uploaded) {
        Some(file) => bytes_answer(200, "text/plain; charset=utf-8", file.content.clone()),
        None => bytes_answer(404, "text/plain; charset=utf-8", b"no such file".to_vec()),
    }
}

/// A click, a command, a submitted modal: each answers with what the person sees.
async fn act(inner: &Arc<Inner>, door: &str, ask: &Value) -> Response {
    let text = |name: &str| ask[name].as_str().unwrap_or_default().to_owned();
    // A handle that does not keep the server alive.
    let slack = FakeSlack { inner: Arc::clone(inner), _server: None };
    let (channel, user) = (text("channel"), text("user"));
    let done = match door {
        "click" => match ask["option"].as_str() {
            Some(option) => slack.choose(&channel, &text("ts"), &text("action_id"), option, &user).await,
            None => slack.click(&channel, &text("ts"), &text("action_id"), &user).await,
        },
        "command" => {
            let line = text("text");
            let (command, rest) = line.split_once(' ').unwrap_or((&line, ""));
            slack.command(command, rest.trim(), &channel, &user).await
        }
        "submit" => slack.submit(&text("view_id"), ask["values"].clone()).await,
        "close" => {
            slack.close_view(&text("view_id"));
            return json_answer(200, &json!({"ok": true}));
        }
        "say" => {
            slack.say(&channel, &user, &text("text"));
            return json_answer(200, &json!({"ok": true}));
        }
        _ => return json_answer(404, &json!({"ok": false, "error": "not_found"})),
    };
    match done {
        Ok(answer) => {
            json_answer(200, &json!({"ok": answer.is_ok(), "error": answer.error, "status": answer.status}))
        }
        Err(error) => json_answer(200, &json!({"ok": false, "error": format!("{error:#}")})),
    }
}

/// Everything that `user` sees.
fn snapshot(state: &State, user: &str) -> Value {
    let visible = |only: &Option<String>| only.as_deref().is_none_or(|only| only == user);
    let messages: Vec<Value> = state
        .messages
        .iter()
        .filter(|m| visible(&m.only_for))
        .map(|m| {
            let mut value = json!(m);
            value["is_app"] = json!(is_app(&m.user));
            value
        })
        .collect();
    let views: Vec<Value> = state.views.iter().filter(|v| v.user == user).map(|v| json!(v)).collect();
    let toasts: Vec<Value> = state.toasts.iter().filter(|t| t.user == user).map(|t| json!(t)).collect();
    json!({"version": state.version, "team": TEAM, "channels": state.channels, "users": state.users, "messages": messages,
           "files": state.files.values().collect::<Vec<_>>(), "views": views, "toasts": toasts})
}
