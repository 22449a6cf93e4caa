//! The way of every request: Web API, uploads, response addresses, and the page. Faults and the log are for what the app calls.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State as Shared};
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::{Inner, api, files, page};
use crate::faults::{FaultKind, Seen, body_text};
use crate::server::BODY_LIMIT;

/// A call of the app, its arguments read from JSON, form or query.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) token: Option<String>,
    pub(crate) args: Map<String, Value>,
    pub(crate) is_json: bool,
}

pub(crate) fn router(inner: Arc<Inner>) -> Router {
    Router::new().fallback(dispatch).with_state(inner)
}

async fn dispatch(Shared(inner): Shared<Arc<Inner>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let (method, path) = (parts.method.to_string(), parts.uri.path().to_owned());
    let Ok(body) = axum::body::to_bytes(body, BODY_LIMIT).await else {
        return json_answer(413, &json!({"ok": false, "error": "request_too_large"}));
    };
    let query = parts.uri.query().unwrap_or_default().to_owned();
    if !["/api/", "/upload/", "/response/"].iter().any(|start| path.starts_with(start)) {
        if !from_here(&inner.url, &parts.headers) {
            return json_answer(403, &json!({"ok": false, "error": "another site may not use the sandbox"}));
        }
        return page::handle(&inner, &method, &path, &query, &body).await;
    }
    let fault = inner.desk.take(&method, &path);
    let call = call(&parts.headers, &query, &body);
    let token = call.token.clone().unwrap_or_default();
    let response = answer(&inner, &method, &path, call, &body, fault).await;
    let status = response.status().as_u16();
    inner.desk.note(Seen { method, path, status, charged: true, token, body: body_text(&body) });
    response
}

/// The page's doors open to its own origin only: a click here may reach a real cluster.
fn from_here(url: &str, headers: &HeaderMap) -> bool {
    let port = url.rsplit(':').next().unwrap_or_default();
    let ours = |authority: &str| {
        authority == format!("127.0.0.1:{port}") || authority == format!("localhost:{port}")
    };
    let header = |name: &str| headers.get(name).map(|v| v.to_str().unwrap_or("?"));
    header("host").is_some_and(ours)
        && header("origin").is_none_or(|o| o.strip_prefix("http://").is_some_and(ours))
}

async fn answer(
    inner: &Arc<Inner>,
    method: &str,
    path: &str,
    call: Call,
    body: &Bytes,
    fault: Option<FaultKind>,
) -> Response {
    match fault {
        Some(FaultKind::Status(status)) => {
            json_answer(status, &json!({"ok": false, "error": "internal_error"}))
        }
        Some(FaultKind::Answer(status, value)) => json_answer(status, &value),
        Some(FaultKind::RateLimited(after) | FaultKind::TooMany(after)) => rate_limited(after),
        Some(FaultKind::Cut) => crate::server::cut(handle(inner, method, path, call, body)).await,
        Some(FaultKind::StatusAfter(status)) => {
            handle(inner, method, path, call, body);
            json_answer(status, &json!({"ok": false, "error": "internal_error"}))
        }
        Some(FaultKind::Slow(time)) => {
            let response = handle(inner, method, path, call, body);
            tokio::time::sleep(time.min(Duration::from_secs(600))).await;
            response
        }
        None => handle(inner, method, path, call, body),
    }
}

fn handle(inner: &Arc<Inner>, method: &str, path: &str, call: Call, body: &Bytes) -> Response {
    if let Some(name) = path.strip_prefix("/api/") {
        return match api::call(inner, name, &call) {
            Ok(mut value) => {
                value["ok"] = json!(true);
                json_answer(200, &value)
            }
            Err(refusal) if refusal["error"] == "ratelimited" => {
                rate_limited(refusal["retry_after"].as_u64())
            }
            Err(refusal) => json_answer(200, &refusal),
        };
    }
    if method != "POST" {
        return json_answer(404, &json!({"ok": false, "error": "not_found"}));
    }
    if let Some(id) = path.strip_prefix("/upload/") {
        return files::receive(inner, id, body);
    }
    let (status, value) = api::respond(inner, path.trim_start_matches("/response/"), body);
    json_answer(status, &value)
}

pub(crate) fn json_answer(status: u16, value: &Value) -> Response {
    bytes_answer(status, "application/json; charset=utf-8", value.to_string().into_bytes())
}

pub(crate) fn bytes_answer(status: u16, content_type: &str, body: Vec<u8>) -> Response {
    Response::builder()
        .status(status)
        .header("content-type", content_type)
        .header("x-content-type-options", "nosniff")
        .header("cache-control", "no-store")
        .body(Body::from(body))
        .unwrap_or_else(|_| Response::new(Body::empty()))
}

fn rate_limited(after: Option<u64>) -> Response {
    let mut response = json_answer(429, &json!({"ok": false, "error": "ratelimited"}));
    if let Some(value) = after.and_then(|s| http::HeaderValue::from_str(&s.to_string()).ok()) {
        response.headers_mut().insert("retry-after", value);
    }
    response
}

/// JSON bodies count only with a bearer token; forms may carry the token as a field, and their structured fields are JSON text.
fn call(headers: &HeaderMap, query: &str, body: &[u8]) -> Call {
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let bearer = header("authorization").strip_prefix("Bearer ").map(|t| t.trim().to_owned());
    let is_json = header("content-type").starts_with("application/json");
    let mut args: Map<String, Value> = form(query.as_bytes());
    if is_json {
        if let Ok(Value::Object(fields)) = serde_json::from_slice(body) {
            args.extend(fields);
        }
        args.remove("token");
    } else {
        args.extend(form(body));
    }
    let token = bearer.or_else(|| args.get("token").and_then(Value::as_str).map(str::to_owned));
    Call { token, args, is_json }
}

fn form(body: &[u8]) -> Map<String, Value> {
    let structured = ["blocks", "metadata", "view", "files", "attachments"];
    url::form_urlencoded::parse(body)
        .map(|(name, value)| {
            let parsed = structured.contains(&&*name).then(|| serde_json::from_str(&value).ok()).flatten();
            (name.into_owned(), parsed.unwrap_or_else(|| Value::String(value.into_owned())))
        })
        .collect()
}
