//! The poller on Lambda: a schedule's tick in, changed pull requests on the queue.

use flows::poll::poll;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Error> {
    bootstrap::telemetry::start();
    let ctx = bootstrap::lambda::Base::load().await?.poller().await?;
    let ctx = &ctx;
    lambda_runtime::run(service_fn(move |_tick: LambdaEvent<Value>| async move {
        let results = poll(ctx).await;
        let failed: Vec<String> =
            results.iter().filter(|(_, r)| r.is_err()).map(|(repo, _)| repo.to_string()).collect();
        // Every repository was polled; the error makes the failure count where operators look.
        anyhow::ensure!(failed.is_empty(), "polling failed for {}", failed.join(", "));
        let queued: usize = results.iter().filter_map(|(_, r)| r.as_ref().ok()).map(|p| p.queued).sum();
        Ok::<_, anyhow::Error>(json!({ "queued": queued }))
    }))
    .await
}
