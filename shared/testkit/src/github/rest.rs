//! The way of every request: body, fault, credentials, rate limit, handler, ETag, log. The endpoints are one list in [`handle`].

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State as Shared};
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};

use super::auth::{self, Caller};
use super::state::Meter;
use super::{Inner, check, etag, limits, merge, message, moved, owners, people, read, serve, write};
use crate::faults::{FaultKind, Seen, body_text};
use crate::server::{self, BODY_LIMIT};

/// A request, read whole.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Ask {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }

    /// The body as JSON; an empty or broken one is `null`.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// `page` and `per_page`, as GitHub bounds them: 30 by default, 100 at most.
    pub(crate) fn page(&self) -> (usize, usize) {
        let number = |name: &str| self.query.get(name).and_then(|v| v.parse::<usize>().ok());
        (number("page").unwrap_or(1).max(1), number("per_page").unwrap_or(30).clamp(1, 100))
    }
}

/// An answer before its bookkeeping headers.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type", "application/json; charset=utf-8".to_owned())];
        Self { status, headers, body: body.to_string().into_bytes() }
    }

    pub(crate) fn error(status: u16, text: &str) -> Self {
        Self::json(status, &message(status, text))
    }

    pub(crate) fn not_found() -> Self {
        Self::error(404, "Not Found")
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

pub(crate) fn router(inner: Arc<Inner>) -> Router {
    Router::new().fallback(dispatch).with_state(inner)
}

async fn dispatch(Shared(inner): Shared<Arc<Inner>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_LIMIT).await else {
        return respond(Answer::error(413, "Payload Too Large"));
    };
    let query = parts.uri.query().unwrap_or_default();
    let ask = Ask {
        method: parts.method.to_string(),
        path: parts.uri.path().trim_start_matches("/api/v3").to_owned(),
        query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers: parts.headers,
        body,
    };
    let full = if query.is_empty() { ask.path.clone() } else { format!("{}?{query}", ask.path) };
    let fault = inner.desk.take(&ask.method, &full);
    let broken = matches!(fault, Some(FaultKind::Cut));
    let away = Some(inner.away).filter(|away| !away.is_zero());
    let slow = match fault {
        Some(FaultKind::Slow(time)) => Some(time),
        _ => away,
    };
    let shared = Arc::clone(&inner);
    let under_way = shared.limits.enter();
    let room = under_way.is_some();
    let answered = tokio::task::spawn_blocking(move || answer(&inner, &ask, full, fault, room)).await;
    if let Some(time) = slow {
        tokio::time::sleep(time).await;
    }
    let answer = respond(answered.unwrap_or_else(|_| Answer::error(500, "the fake itself failed")));
    if broken { server::cut(answer).await } else { answer }
}

fn respond(answer: Answer) -> Response {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(answer.body)).unwrap_or_else(|_| Response::new(Body::empty()))
}

fn answer(inner: &Arc<Inner>, ask: &Ask, full: String, fault: Option<FaultKind>, room: bool) -> Answer {
    let is_git = ask.path.contains(".git/");
    inner.before.request();
    let mut charged = !is_git && ask.path != "/rate_limit" && !ask.path.starts_with("/sandbox/");
    let planned = fault.as_ref().is_some_and(|kind| !matches!(kind, FaultKind::Slow(_) | FaultKind::Cut));
    let answer = match fault {
        Some(FaultKind::Status(status)) => Answer::error(status, status_text(status)),
        Some(FaultKind::Answer(status, body)) => Answer::json(status, &body),
        Some(FaultKind::RateLimited(after)) => limits::secondary_limit(403, after),
        Some(FaultKind::TooMany(after)) => limits::secondary_limit(429, after),
        _ if !room && !is_git => limits::secondary_limit(403, None),
        other => {
            let done = if is_git { serve::handle(inner, ask) } else { guarded(inner, ask, charged) };
            match other {
                Some(FaultKind::StatusAfter(status)) => Answer::error(status, status_text(status)),
                _ => done,
            }
        }
    };
    let answer = if is_git { answer } else { tagged(inner, ask, moved::in_links(inner, ask, answer)) };
    charged &= answer.status != 304;
    let token = ask.header("authorization").and_then(auth::secret_of).unwrap_or_default();
    let answer = if is_git { answer } else { metered(inner, ask, answer, charged) };
    // Where tokens are given is no part of the API, and not described.
    if !is_git && !ask.path.starts_with("/sandbox/") && !ask.path.starts_with("/login/") {
        inner.watched.look(ask, &full, &answer, planned);
    }
    let (status, body) = (answer.status, body_text(&ask.body));
    inner.desk.note(Seen { method: ask.method.clone(), path: full, status, charged, token, body });
    answer
}

/// What GitHub checks before it looks at the path.
fn guarded(inner: &Arc<Inner>, ask: &Ask, charged: bool) -> Answer {
    if ask.path == "/sandbox/pulls" {
        return Answer::json(200, &super::shape::sandbox_view(inner))
            .with("access-control-allow-origin", "*");
    }
    if ask.header("user-agent").is_none_or(str::is_empty) {
        return Answer::error(
            403,
            "Request forbidden by administrative rules. Please make sure your request has a User-Agent header",
        );
    }
    match (ask.method.as_str(), ask.path.trim_start_matches('/').split('/').collect::<Vec<_>>().as_slice()) {
        ("POST", ["login", "oauth", "access_token"]) => return people::access_token(inner, ask),
        ("DELETE", ["applications", client, "grant"]) => return people::end_grant(inner, ask, client),
        _ => {}
    }
    let Some(caller) = auth::caller(inner, ask.header("authorization")) else {
        return auth::refusal(inner, ask.header("authorization"));
    };
    if charged && exhausted(inner, &caller) {
        return limits::primary_limit(inner, &caller);
    }
    if charged && let Err(refusal) = inner.limits.count(inner, &ask.method, &caller) {
        return refusal;
    }
    handle(inner, ask, &caller)
}

/// The endpoints. Whatever is not here is a 404, as an unknown path or a wrong method is on GitHub.
fn handle(inner: &Arc<Inner>, ask: &Ask, caller: &Caller) -> Answer {
    let segments: Vec<String> = ask.path.split('/').skip(1).map(decoded).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    if let ["repos", owner, name, ..] = segments.as_slice()
        && let Some(elsewhere) = moved::redirect(inner, ask, caller, owner, name)
    {
        return elsewhere;
    }
    match (ask.method.as_str(), segments.as_slice()) {
        ("GET", ["user"]) => read::user(inner, caller),
        ("GET", ["user", "emails"]) => people::emails(inner, caller),
        ("GET", ["app"]) => read::app(inner, caller),
        ("GET", ["rate_limit"]) => rate_limit(inner, caller),
        ("POST", ["app", "installations", id, "access_tokens"]) => {
            write::installation_token(inner, ask, caller, id)
        }
        ("GET", [kind @ ("orgs" | "users"), owner, "repos"]) => {
            owners::repositories(inner, ask, caller, kind, owner)
        }
        ("GET", [kind @ ("orgs" | "users"), owner, "installation"]) => {
            owners::installation(inner, caller, kind, owner)
        }
        ("GET", ["user", "repos"]) => owners::mine(inner, ask, caller),
        ("GET", ["installation", "repositories"]) => owners::installed(inner, ask, caller),
        ("GET", ["repos", o, r, "installation"]) => read::installation(inner, caller, o, r),
        (method, ["repos", o, r, rest @ ..]) => in_repo(inner, ask, caller, method, (o, r), rest),
        (method, ["repositories", id, rest @ ..]) => {
            let found = id.parse().ok().and_then(|id| {
                moved::numbered(&inner.state(), id).map(|repo| (repo.owner.clone(), repo.name.clone()))
            });
            found.map_or_else(Answer::not_found, |(o, r)| in_repo(inner, ask, caller, method, (&o, &r), rest))
        }
        _ => Answer::not_found(),
    }
}

fn in_repo(
    inner: &Arc<Inner>,
    ask: &Ask,
    caller: &Caller,
    method: &str,
    repo: (&str, &str),
    rest: &[&str],
) -> Answer {
    if let Some(refusal) = people::barred(inner, caller) {
        return refusal;
    }
    let at = read::At { inner, ask, caller, owner: repo.0, name: repo.1 };
    match (method, rest) {
        ("GET", []) => at.repository(),
        ("GET", ["pulls"]) => at.pulls(),
        ("GET", ["pulls", n]) => at.pull(n),
        ("GET", ["pulls", n, "files"]) => at.files(n),
        ("GET", ["pulls", n, "commits"]) => at.commits(n),
        ("GET", ["pulls", n, "reviews"]) => at.reviews(n),
        ("POST", ["pulls", n, "reviews"]) => write::review(&at, n),
        ("PUT", ["pulls", n, "reviews", id, "dismissals"]) => people::dismiss(&at, n, id),
        ("PUT", ["pulls", n, "merge"]) => merge::merge(&at, n),
        ("GET", ["events"]) => at.events(),
        ("GET", ["activity"]) => people::activity(&at),
        ("GET", ["git", "ref", kind @ ("heads" | "pull"), branch @ ..]) => {
            at.git_ref(&format!("{kind}/{}", branch.join("/")))
        }
        ("POST", ["check-runs"]) => check::make_run(&at),
        ("PATCH" | "POST", ["check-runs", id]) => check::change_run(&at, id),
        ("GET", ["commits", sha, "check-runs"]) => check::runs(&at, sha),
        ("POST", ["statuses", sha]) => check::make_status(&at, sha),
        ("GET", ["commits", sha, "statuses"]) => check::statuses(&at, sha),
        ("POST", ["issues", n, "labels"]) => check::add_labels(&at, n),
        ("DELETE", ["issues", n, "labels", label]) => check::remove_label(&at, n, label),
        ("GET", ["branches", branch @ ..]) => at.branch(&branch.join("/")),
        ("GET", ["commits", name @ ..]) if !name.is_empty() => at.commit(&name.join("/")),
        ("GET", ["collaborators", user, "permission"]) => at.permission(user),
        ("GET", ["issues", n, "comments"]) if *n != "comments" => at.comments(n),
        ("POST", ["issues", n, "comments"]) => write::comment(&at, n),
        ("GET", ["issues", "comments", id]) => at.comment(id),
        // GitHub takes POST for PATCH, and octocrab uses it.
        ("PATCH" | "POST", ["issues", "comments", id]) => write::edit_comment(&at, id),
        ("DELETE", ["issues", "comments", id]) => write::delete_comment(&at, id),
        _ => Answer::not_found(),
    }
}

/// Adds the ETag to a good GET, and turns it into a 304 where the caller has it already.
fn tagged(inner: &Inner, ask: &Ask, answer: Answer) -> Answer {
    if ask.method != "GET" || answer.status != 200 || ask.path.starts_with("/sandbox/") {
        return answer;
    }
    let accept = ask.header("accept").unwrap_or_default();
    let salted = format!("{accept}{}", if inner.other_etags { "salt" } else { "" });
    let etag = etag::of(ask.header("authorization").unwrap_or_default(), &salted, &answer.body);
    let known = ask.header("if-none-match").is_some_and(|tags| etag::matches(tags, &etag));
    let answer = if known { Answer { status: 304, body: Vec::new(), headers: Vec::new() } } else { answer };
    answer
        .with("etag", etag)
        .with("cache-control", "private, max-age=60, s-maxage=60")
        .with("vary", "Accept, Authorization")
}

pub(crate) fn meter_key(caller: &Caller) -> String {
    match caller {
        Caller::Anonymous => String::new(),
        Caller::App => "app".to_owned(),
        Caller::Token(token) => token.login.clone(),
    }
}

/// The caller's meter, started or started anew when its hour is over.
fn meter(inner: &Inner, caller: &Caller) -> Meter {
    let mut state = inner.state();
    let now = state.clock.now();
    let meter = state.meters.entry(meter_key(caller)).or_insert(Meter { used: 0, reset: now + 3600 });
    if now >= meter.reset {
        *meter = Meter { used: 0, reset: now + 3600 };
    }
    meter.clone()
}

fn limit(inner: &Inner, caller: &Caller) -> u64 {
    if matches!(caller, Caller::Anonymous) { 60 } else { inner.state().rate_limit }
}

fn exhausted(inner: &Inner, caller: &Caller) -> bool {
    meter(inner, caller).used >= limit(inner, caller)
}

/// Counts the request and adds GitHub's `x-ratelimit-*` headers.
fn metered(inner: &Inner, ask: &Ask, answer: Answer, charged: bool) -> Answer {
    let caller = auth::caller(inner, ask.header("authorization")).unwrap_or(Caller::Anonymous);
    let (now, limit) = (meter(inner, &caller), limit(inner, &caller));
    let used = (now.used + u64::from(charged)).min(limit);
    if let Some(meter) = inner.state().meters.get_mut(&meter_key(&caller)) {
        meter.used = used;
    }
    answer
        .with("x-ratelimit-limit", limit.to_string())
        .with("x-ratelimit-remaining", limit.saturating_sub(used).to_string())
        .with("x-ratelimit-used", used.to_string())
        .with("x-ratelimit-reset", now.reset.to_string())
        .with("x-ratelimit-resource", "core")
        .with("x-github-request-id", inner.limits.request_id())
        .with("x-github-media-type", "github.v3; format=json")
}

fn rate_limit(inner: &Inner, caller: &Caller) -> Answer {
    let (meter, limit) = (meter(inner, caller), limit(inner, caller));
    let core = json!({"limit": limit, "used": meter.used, "remaining": limit.saturating_sub(meter.used), "reset": meter.reset});
    let other = json!({"limit": 30, "used": 0, "remaining": 30, "reset": meter.reset});
    Answer::json(200, &json!({"resources": {"core": core, "search": other, "graphql": core}, "rate": core}))
}

fn status_text(status: u16) -> &'static str {
    match status {
        401 => "Bad credentials",
        404 => "Not Found",
        502 => "Server Error",
        _ => http::StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason()).unwrap_or("Error"),
    }
}

/// A path segment with its percent escapes undone.
fn decoded(segment: &str) -> String {
    let (bytes, mut out, mut i) = (segment.as_bytes(), Vec::new(), 0);
    while i < bytes.len() {
        let escaped =
            (bytes[i] == b'%').then(|| bytes.get(i + 1..i + 3).and_then(|h| hex::decode(h).ok())).flatten();
        match escaped {
            Some(byte) => {
                out.extend(byte);
                i += 3;
            }
            None => {
                out.push(bytes[i]);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
