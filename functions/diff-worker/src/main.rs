//! The diff-worker on Lambda: queue messages in, reports out. A message that fails is handed out again, alone.

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use bootstrap::worker::carry_out;
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    bootstrap::telemetry::start();
    let ctx = bootstrap::lambda::Base::load().await?.worker().await?;
    let ctx = &ctx;
    lambda_runtime::run(service_fn(move |batch: LambdaEvent<SqsEvent>| async move {
        let mut response = SqsBatchResponse::default();
        for message in batch.payload.records {
            let body = message.body.as_deref().unwrap_or_default();
            if carry_out(ctx, body, attempt(&message)).await.is_err() {
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = message.message_id.unwrap_or_default();
                response.batch_item_failures.push(failure);
            }
        }
        Ok::<_, anyhow::Error>(response)
    }))
    .await
}

/// How often the queue has handed the message out.
fn attempt(message: &SqsMessage) -> u32 {
    message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1)
}
