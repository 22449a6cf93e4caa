//! The diff-worker on Lambda: queue messages in, reports out. A message that fails is handed out again, alone.

use std::time::Duration;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use bootstrap::worker::carry_out;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use ports::{Consumer, Delivery};

#[tokio::main]
async fn main() -> Result<(), Error> {
    bootstrap::telemetry::start();
    let base = bootstrap::lambda::Base::load().await?;
    let consumer = base.consumer.clone();
    let ctx = base.worker().await?;
    let (ctx, consumer) = (&ctx, consumer.as_ref());
    lambda_runtime::run(service_fn(move |batch: LambdaEvent<SqsEvent>| async move {
        let mut response = SqsBatchResponse::default();
        for message in batch.payload.records {
            let body = message.body.as_deref().unwrap_or_default();
            let attempt = attempt(&message);
            if let Err(error) = carry_out(ctx, body, attempt).await {
                hand_back(consumer, &message, error.again_after(attempt)).await;
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = message.message_id.unwrap_or_default();
                response.batch_item_failures.push(failure);
            }
        }
        Ok::<_, anyhow::Error>(response)
    }))
    .await
}

/// Makes a failed message visible sooner than the queue would by itself, which waits out six times the worker's time-out.
async fn hand_back(consumer: &dyn Consumer, message: &SqsMessage, after: Duration) {
    let Some(receipt) = message.receipt_handle.clone() else { return };
    let delivery = Delivery { body: String::new(), receipt, attempt: attempt(message) };
    if let Err(error) = consumer.release(&delivery, after).await {
        tracing::warn!(error = %error, "a failed message could not be handed back early");
    }
}

/// How often the queue has handed the message out.
fn attempt(message: &SqsMessage) -> u32 {
    message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1)
}
