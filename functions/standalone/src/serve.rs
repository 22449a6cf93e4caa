//! `preflux serve`: poller, worker and interactions in one process, until it is told to stop.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bootstrap::config::Config;
use bootstrap::inbound::Request;
use bootstrap::landing::{HEADERS, landing};
use bootstrap::local::{self, Local};
use bootstrap::webhook::Delivered;

/// Jobs that are worked on at a time.
const WORKERS: usize = 2;
/// A body at most, in bytes; Slack's are a few KiB.
const LARGEST_BODY: usize = 1 << 20;

/// Serves until Ctrl-C or SIGTERM.
pub(crate) async fn run(config: &Path) -> anyhow::Result<ExitCode> {
    let config = local::config(config)?;
    let running = start(&config).await?;
    tracing::info!(address = %running.address, "listening on http://{}", running.address);
    stop_signal().await;
    tracing::info!("stopping");
    Ok(ExitCode::SUCCESS)
}

/// A running server; it stops when this is dropped.
pub(crate) struct Running {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

/// Starts polling, working and listening.
pub(crate) async fn start(config: &Config) -> anyhow::Result<Running> {
    let (local, mut running) = listen(config).await?;
    let every = Duration::from_secs(config.pace.every_s);
    let poller = local.clone();
    running.tasks.push(tokio::spawn(async move { poller.poll_for_ever(every).await }));
    for _ in 0..WORKERS {
        let worker = local.clone();
        running.tasks.push(tokio::spawn(async move { worker.work_for_ever().await }));
    }
    Ok(running)
}

/// Opens the state and listens for Slack; nothing polls or works yet.
pub(crate) async fn listen(config: &Config) -> anyhow::Result<(Arc<Local>, Running)> {
    let local = Arc::new(Local::open(config).await?);
    let router = Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/slack/interactions", post(slack))
        .route("/slack/commands", post(slack))
        .route("/github/callback", get(github))
        .route("/github/webhook", post(webhook))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(local.clone());
    let listener = tokio::net::TcpListener::bind(&config.listen)
        .await
        .with_context(|| format!("listening on `{}` (`listen` in the configuration)", config.listen))?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(error = %error, "the HTTP server stopped");
        }
    });
    Ok((local, Running { address, tasks: vec![server] }))
}

async fn slack(State(local): State<Arc<Local>>, headers: HeaderMap, body: Bytes) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let request = Request {
        timestamp: text("x-slack-request-timestamp"),
        signature: text("x-slack-signature"),
        content_type: text("content-type"),
        body: &body,
    };
    let answer = local.inbound.answer(request).await;
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if answer.body.is_empty() {
        return status.into_response();
    }
    (status, [(header::CONTENT_TYPE, "application/json")], answer.body).into_response()
}

async fn github(State(local): State<Arc<Local>>, RawQuery(query): RawQuery) -> Response {
    let (status, page) = landing(&local.inbound, query.as_deref().unwrap_or_default()).await;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, HEADERS, page).into_response()
}

async fn webhook(State(local): State<Arc<Local>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let delivery = Delivered {
        signature: text("x-hub-signature-256"),
        id: text("x-github-delivery"),
        event: text("x-github-event"),
        body: &body,
    };
    let status = local.inbound.delivered(&delivery).await;
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

pub(crate) async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! { _ = interrupt => {}, _ = terminate.recv() => {} }
        }
        Err(_) => drop(interrupt.await),
    }
}
