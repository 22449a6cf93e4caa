//! Runs an axum router on 127.0.0.1 in a thread with its own runtime, so that a test may block its own, and stops it on drop.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use futures::StreamExt as _;
use futures::stream::once;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::oneshot;

/// Largest request body either fake reads, in bytes.
pub(crate) const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    stop: Option<oneshot::Sender<()>>,
}

/// Binds first, so that the address is known, then serves what `router` makes of it. Port 0 takes any free port.
pub(crate) fn start(port: u16, router: impl FnOnce(SocketAddr, Handle) -> Router) -> anyhow::Result<Server> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .with_context(|| format!("cannot listen on 127.0.0.1:{port}"))?;
    listener.set_nonblocking(true).context("cannot make the listener non-blocking")?;
    let addr = listener.local_addr().context("the listener has no address")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the server's runtime")?;
    let router = router(addr, runtime.handle().clone());
    let (stop, stopped) = oneshot::channel();
    std::thread::Builder::new()
        .name(format!("testkit-{}", addr.port()))
        .spawn(move || serve(runtime, listener, router, stopped))
        .context("cannot start the server's thread")?;
    Ok(Server { stop: Some(stop) })
}

/// The same answer, with a body of which the first half arrives before the connection breaks.
pub(crate) async fn cut(answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    let whole = axum::body::to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
    let half = whole.slice(..whole.len() / 2);
    parts.headers.remove(http::header::CONTENT_LENGTH);
    let broken = async {
        // Until then the half is sent off.
        tokio::task::yield_now().await;
        Err(std::io::Error::other("cut on demand"))
    };
    Response::from_parts(parts, Body::from_stream(once(async move { Ok(half) }).chain(once(broken))))
}

fn serve(runtime: Runtime, listener: std::net::TcpListener, router: Router, stopped: oneshot::Receiver<()>) {
    runtime.block_on(async move {
        let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
        tokio::select! {
            _ = axum::serve(listener, router) => {}
            _ = stopped => {}
        }
    });
    runtime.shutdown_background();
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}
