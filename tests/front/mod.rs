//! A recording front before the test API server: our product is given its address instead of the server's, and every request
//! that could change the cluster is refused, written down, and fails the test when the front is dropped.
//!
//! It shows the API server's own certificate, so a kubeconfig for it differs in the port alone.

mod rules;
mod tls;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header};
use axum::response::Response;
use tempfile::TempDir;

pub(crate) use rules::{Counts, Request};

/// A write that is asked for on purpose and that the API server must refuse: method and path, to the letter.
pub(crate) type Deliberate = (&'static str, &'static str);

/// With this the worker tries whether it could write.
pub(crate) const PROBE: Deliberate = ("POST", "/api/v1/namespaces/preflux/configmaps");

/// The front. Its thread lives as long as the test program.
pub(crate) struct Front {
    inner: Arc<Inner>,
    kubeconfig: PathBuf,
    _dir: TempDir,
}

struct Inner {
    upstream: String,
    client: reqwest::Client,
    /// How far away the API server seems to be.
    away: Duration,
    deliberate: Vec<Deliberate>,
    seen: Mutex<Vec<Request>>,
    wrong: Mutex<Vec<String>>,
}

impl Front {
    /// A front before the API server of a kubeconfig that `cargo xtask cluster up` wrote.
    pub(crate) fn before(kubeconfig: &Path) -> Self {
        Self::with(kubeconfig, Duration::ZERO, &[])
    }

    /// One that answers that much later, and lets the writes through that are named; they must be refused behind it.
    pub(crate) fn with(kubeconfig: &Path, away: Duration, deliberate: &[Deliberate]) -> Self {
        let text = std::fs::read_to_string(kubeconfig).expect("the kubeconfig can be read");
        let upstream = text.split_once("server: ").expect("it names a server").1;
        let upstream = upstream.lines().next().unwrap_or_default().trim().to_owned();
        let certificates = kubeconfig.with_file_name("certs");
        let inner = Arc::new(Inner {
            client: client(&certificates),
            away,
            deliberate: deliberate.to_vec(),
            seen: Mutex::default(),
            wrong: Mutex::default(),
            upstream: upstream.clone(),
        });
        let address = serve(&certificates, inner.clone());
        let dir = tempfile::tempdir().expect("a scratch folder");
        let file = dir.path().join("kubeconfig");
        let own = text.replace(&upstream, &format!("https://{address}"));
        std::fs::write(&file, own).expect("a file in it");
        Self { inner, kubeconfig: file, _dir: dir }
    }

    /// The kubeconfig with which our product meets the front, as a file.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// What was asked since the last time, in the order of its coming.
    pub(crate) fn take(&self) -> Vec<Request> {
        std::mem::take(&mut *locked(&self.inner.seen))
    }

    /// What was refused so far; the front then fails no test for it.
    pub(crate) fn take_wrong(&self) -> Vec<String> {
        std::mem::take(&mut *locked(&self.inner.wrong))
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let wrong = self.take_wrong();
        if !std::thread::panicking() {
            assert!(wrong.is_empty(), "requests that could change the cluster: {wrong:#?}");
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn client(certificates: &Path) -> reqwest::Client {
    let ca = std::fs::read(certificates.join("apiserver.crt"));
    let ca = ca.expect("`certs` of `cargo xtask cluster up` is beside the kubeconfig");
    let ca = reqwest::Certificate::from_pem(&ca).expect("it is a certificate");
    let client = reqwest::Client::builder().tls_certs_only([ca]).no_proxy();
    client.redirect(reqwest::redirect::Policy::none()).build().expect("a client")
}

/// Serves on a thread of its own: tests wait for programs without giving their runtime a turn.
fn serve(certificates: &Path, inner: Arc<Inner>) -> SocketAddr {
    let (send, receive) = std::sync::mpsc::channel();
    let certificates = certificates.to_owned();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let listener = tls::Listener::bind(&certificates).await;
            send.send(listener.address()).expect("the test waits for it");
            let app = axum::Router::new().fallback(pass).with_state(inner);
            axum::serve(listener, app).await.expect("it serves for ever");
        });
    });
    receive.recv().expect("the front listens")
}

async fn pass(
    State(inner): State<Arc<Inner>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = Request::of(&method, &uri);
    let why = request.wrong(&inner.deliberate);
    locked(&inner.seen).push(request);
    if let Some(why) = why {
        locked(&inner.wrong).push(format!("{method} {uri}: {why}"));
        return answer(StatusCode::FORBIDDEN, HeaderMap::new(), Bytes::from_static(REFUSED));
    }
    tokio::time::sleep(inner.away).await;
    let on_purpose = inner.deliberate.contains(&(method.as_str(), uri.path())) && uri.query().is_none();
    let line = format!("{method} {uri}: it was to be refused, and was not");
    let response = forward(&inner, method, &uri, headers, body).await.unwrap_or_else(|error| {
        answer(StatusCode::BAD_GATEWAY, HeaderMap::new(), Bytes::from(format!("{error:#}")))
    });
    if on_purpose && response.status().is_success() {
        locked(&inner.wrong).push(line);
    }
    response
}

const REFUSED: &[u8] =
    br#"{"kind":"Status","code":403,"reason":"Forbidden","message":"the front lets nothing pass that could change the cluster"}"#;

async fn forward(
    inner: &Inner,
    method: Method,
    uri: &Uri,
    mut headers: HeaderMap,
    body: Bytes,
) -> reqwest::Result<Response> {
    strip(&mut headers);
    let request = inner.client.request(method, format!("{}{uri}", inner.upstream));
    let response = request.headers(headers).body(body).send().await?;
    let (status, mut headers) = (response.status(), response.headers().clone());
    strip(&mut headers);
    Ok(answer(status, headers, response.bytes().await?))
}

/// Headers that are about one connection, not about what is said on it.
fn strip(headers: &mut HeaderMap) {
    const OF_THE_CONNECTION: [HeaderName; 4] =
        [header::HOST, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION];
    for name in OF_THE_CONNECTION {
        headers.remove(name);
    }
}

fn answer(status: StatusCode, headers: HeaderMap, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    response
}
