//! Jobs in an SQS standard queue. Its redrive policy (`maxReceiveCount` 5) makes the dead letters, not this code.

use std::time::Duration;

use async_trait::async_trait;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use ports::{Consumer, Delivery, Queue, QueueError};

use crate::failure::Failure;

/// SQS's longest delay.
const MAX_DELAY: Duration = Duration::from_secs(900);

/// SQS's longest wait for a message.
const MAX_WAIT: Duration = Duration::from_secs(20);

/// SQS's longest visibility.
const MAX_VISIBILITY: Duration = Duration::from_secs(12 * 3600);

/// Jobs in one SQS queue.
#[derive(Debug, Clone)]
pub struct SqsQueue {
    client: Client,
    url: String,
    dead_letter_url: Option<String>,
}

impl SqsQueue {
    /// The queue at `url`; `dead_letter_url` is the queue that its redrive policy names.
    pub fn new(client: Client, url: impl Into<String>, dead_letter_url: Option<&str>) -> Self {
        Self { client, url: url.into(), dead_letter_url: dead_letter_url.map(str::to_owned) }
    }

    fn call(&self, name: &str) -> String {
        format!("sqs:{name} on queue `{}`", self.url)
    }
}

#[async_trait]
impl Queue for SqsQueue {
    async fn send(&self, body: &str, delay: Duration) -> Result<(), QueueError> {
        if delay > MAX_DELAY {
            return Err(QueueError(format!("a delay of {} s is over 900 s", delay.as_secs())));
        }
        let send = self.client.send_message().queue_url(&self.url).message_body(body);
        let sent = send.delay_seconds(seconds(delay)).send().await;
        sent.map_err(|e| Failure::of(&self.call("SendMessage"), &e))?;
        Ok(())
    }
}

#[async_trait]
impl Consumer for SqsQueue {
    async fn receive(
        &self,
        max: u32,
        visibility: Duration,
        wait: Duration,
    ) -> Result<Vec<Delivery>, QueueError> {
        let wait = wait.min(MAX_WAIT);
        // The answer comes when the wait is over, which may be later than other calls are allowed to take.
        let limit = wait + Duration::from_secs(10);
        let patient =
            TimeoutConfig::builder().operation_attempt_timeout(limit).operation_timeout(limit * 2).build();
        let receive = self.client.receive_message().queue_url(&self.url);
        let receive = receive.max_number_of_messages(max.clamp(1, 10).try_into().unwrap_or(1));
        let receive = receive.visibility_timeout(seconds(visibility.min(MAX_VISIBILITY)));
        let receive = receive.wait_time_seconds(seconds(wait));
        let receive =
            receive.message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount);
        let receive =
            receive.customize().config_override(aws_sdk_sqs::Config::builder().timeout_config(patient));
        let got = receive.send().await.map_err(|e| Failure::of(&self.call("ReceiveMessage"), &e))?;
        Ok(got.messages.unwrap_or_default().into_iter().filter_map(delivery).collect())
    }

    async fn ack(&self, delivery: &Delivery) -> Result<(), QueueError> {
        let delete = self.client.delete_message().queue_url(&self.url).receipt_handle(&delivery.receipt);
        match delete.send().await {
            Err(e) if !e.as_service_error().is_some_and(|e| e.is_receipt_handle_is_invalid()) => {
                Err(Failure::of(&self.call("DeleteMessage"), &e).into())
            }
            _ => Ok(()),
        }
    }

    async fn release(&self, delivery: &Delivery, delay: Duration) -> Result<(), QueueError> {
        let change = self.client.change_message_visibility().queue_url(&self.url);
        let change = change.receipt_handle(&delivery.receipt);
        match change.visibility_timeout(seconds(delay.min(MAX_VISIBILITY))).send().await {
            Ok(_) => Ok(()),
            Err(e) if e.as_service_error().is_some_and(|e| e.is_message_not_inflight()) => Ok(()),
            Err(e) => Err(Failure::of(&self.call("ChangeMessageVisibility"), &e).into()),
        }
    }

    async fn dead_letters(&self) -> Result<u64, QueueError> {
        let unknown = |reason: &str| QueueError(format!("dead letters cannot be counted: {reason}"));
        let url =
            self.dead_letter_url.as_ref().ok_or_else(|| unknown("no dead-letter queue is configured"))?;
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let get = self.client.get_queue_attributes().queue_url(url).attribute_names(name.clone());
        let got = get
            .send()
            .await
            .map_err(|e| Failure::of(&format!("sqs:GetQueueAttributes on queue `{url}`"), &e))?;
        let count = got.attributes().and_then(|all| all.get(&name)).and_then(|count| count.parse().ok());
        count.ok_or_else(|| unknown("SQS did not give the number"))
    }
}

impl From<Failure> for QueueError {
    fn from(failure: Failure) -> Self {
        Self(failure.reason)
    }
}

fn delivery(message: Message) -> Option<Delivery> {
    let count = message.attributes.as_ref()?.get(&MessageSystemAttributeName::ApproximateReceiveCount);
    let attempt = count.and_then(|n| n.parse().ok()).unwrap_or(1);
    Some(Delivery { body: message.body?, receipt: message.receipt_handle?, attempt })
}

/// SQS counts seconds: a part of one counts as a whole.
fn seconds(time: Duration) -> i32 {
    let whole = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
    i32::try_from(whole).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed call is the test's failure")]
    use ports::contract;
    use serde_json::json;

    use super::*;
    use crate::emulator;

    async fn set_up(test: &str) -> Option<SqsQueue> {
        let client = Client::new(&emulator::named("PREFLUX_TEST_SQS", test)?);
        let (name, dead) = (emulator::fresh("jobs"), emulator::fresh("dead"));
        let dead = client.create_queue().queue_name(dead).send().await.unwrap().queue_url.unwrap();
        let arn =
            client.get_queue_attributes().queue_url(&dead).attribute_names(QueueAttributeName::QueueArn);
        let arn =
            arn.send().await.unwrap().attributes.unwrap().remove(&QueueAttributeName::QueueArn).unwrap();
        let policy = json!({"deadLetterTargetArn": arn, "maxReceiveCount": 5}).to_string();
        let create =
            client.create_queue().queue_name(name).attributes(QueueAttributeName::RedrivePolicy, policy);
        let url = create.send().await.unwrap().queue_url.unwrap();
        Some(SqsQueue::new(client, url, Some(&dead)))
    }

    #[tokio::test]
    async fn queue_keeps_the_contract() {
        let Some(queue) = set_up("queue_keeps_the_contract").await else { return };
        // The emulator's clock is the machine's: its shortest visibility of one second has to go by.
        contract::queue(&queue, Duration::from_secs(1), tokio::time::sleep).await;
    }

    #[tokio::test]
    async fn a_missing_queue_is_an_error_with_its_address() {
        let Some(mut queue) = set_up("a_missing_queue_is_an_error_with_its_address").await else { return };
        queue.url.push_str("-gone");
        let error = queue.send("x", Duration::ZERO).await.unwrap_err().to_string();
        assert!(error.contains("sqs:SendMessage on queue `http") && error.contains("-gone`"), "{error}");
    }

    #[tokio::test]
    async fn limits_are_checked_before_anything_is_sent() {
        let queue =
            SqsQueue::new(Client::new(&emulator::at("http://127.0.0.1:1")), "http://127.0.0.1:1/q", None);
        let error = queue.send("x", Duration::from_secs(901)).await.unwrap_err().to_string();
        assert!(error.contains("901 s is over 900 s"), "{error}");
        let error = queue.dead_letters().await.unwrap_err().to_string();
        assert!(error.contains("no dead-letter queue is configured"), "{error}");
    }

    #[test]
    fn parts_of_seconds_count_as_whole() {
        let check = |millis, expected| assert_eq!(seconds(Duration::from_millis(millis)), expected);
        check(0, 0);
        check(1, 1);
        check(1000, 1);
        check(1001, 2);
        assert_eq!(seconds(Duration::MAX), i32::MAX);
    }
}
