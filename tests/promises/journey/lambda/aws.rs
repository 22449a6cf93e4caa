//! The emulators of AWS by plain HTTP: what a deployment creates, and what AWS does with the queue between the functions.

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use crate::support::part;

/// Where the emulators are.
pub(crate) struct Aws {
    http: Client,
    dynamodb: String,
    sqs: String,
    s3: String,
    secrets: String,
}

/// What one deployment has of its own.
pub(crate) struct Stack {
    pub(crate) table: String,
    pub(crate) queue: String,
    pub(crate) dead: String,
    pub(crate) bucket: String,
}

impl Aws {
    /// The emulators, or `None` (and the test is skipped) when one is missing.
    pub(crate) fn find() -> Option<Self> {
        Some(Self {
            dynamodb: part("PREFLUX_TEST_DYNAMODB")?,
            sqs: part("PREFLUX_TEST_SQS")?,
            s3: part("PREFLUX_TEST_S3")?,
            secrets: part("PREFLUX_TEST_SECRETS")?,
            http: Client::builder().no_proxy().build().unwrap(),
        })
    }

    /// A name that nobody else has.
    pub(crate) fn fresh(name: &str) -> String {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        format!("preflux-{name}-{}", now.as_nanos())
    }

    /// What makes the functions talk to the emulators.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_ENDPOINT_URL_DYNAMODB", &self.dynamodb),
            ("AWS_ENDPOINT_URL_SQS", &self.sqs),
            ("AWS_ENDPOINT_URL_S3", &self.s3),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &self.secrets),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// Table, queues and bucket as template.yaml declares them, with a name that nobody else has.
    pub(crate) async fn deploy(&self) -> Stack {
        let name = Self::fresh("stack");
        let keys = |kinds: [(&str, &str, &str); 2]| {
            kinds.map(|(name, key, value)| json!({"AttributeName": name, key: value}))
        };
        self.dynamodb(
            "CreateTable",
            json!({"TableName": name, "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": keys([("pk", "AttributeType", "S"), ("sk", "AttributeType", "S")]),
                "KeySchema": keys([("pk", "KeyType", "HASH"), ("sk", "KeyType", "RANGE")])}),
        )
        .await;
        let dead = self.queue_url(&format!("{name}-dead"), json!({})).await;
        let attributes =
            self.sqs("GetQueueAttributes", json!({"QueueUrl": dead, "AttributeNames": ["QueueArn"]})).await;
        let redrive =
            json!({"deadLetterTargetArn": attributes["Attributes"]["QueueArn"], "maxReceiveCount": "5"});
        let wanted = json!({"VisibilityTimeout": "1800", "RedrivePolicy": redrive.to_string()});
        let queue = self.queue_url(&name, wanted).await;
        let bucket = self.http.put(format!("{}/{name}", self.s3));
        self.send(bucket, "s3", "").await;
        Stack { table: name.clone(), queue, dead, bucket: name }
    }

    async fn queue_url(&self, name: &str, attributes: Value) -> String {
        let made = self.sqs("CreateQueue", json!({"QueueName": name, "Attributes": attributes})).await;
        made["QueueUrl"].as_str().unwrap().to_owned()
    }

    /// A secret; gives its ARN, by which template.yaml names secrets.
    pub(crate) async fn secret(&self, name: &str, value: &str) -> String {
        let body = json!({"Name": name, "SecretString": value, "ClientRequestToken": "0".repeat(32)});
        let made =
            self.call(&self.secrets, "secretsmanager", "secretsmanager.CreateSecret", "1.1", body).await;
        made["ARN"].as_str().unwrap().to_owned()
    }

    /// Puts a message on the queue.
    pub(crate) async fn enqueue(&self, stack: &Stack, body: &str) {
        self.sqs("SendMessage", json!({"QueueUrl": stack.queue, "MessageBody": body})).await;
    }

    /// Up to `most` messages, as the event that Lambda makes of them; `None` when there is none.
    pub(crate) async fn receive(&self, stack: &Stack, most: u8) -> Option<Value> {
        let wanted = json!({"QueueUrl": stack.queue, "MaxNumberOfMessages": most, "WaitTimeSeconds": 0,
            "AttributeNames": ["All"], "MessageSystemAttributeNames": ["All"]});
        let got = self.sqs("ReceiveMessage", wanted).await;
        let messages = got["Messages"].as_array().filter(|messages| !messages.is_empty())?;
        let record = |m: &Value| {
            json!({"messageId": m["MessageId"], "receiptHandle": m["ReceiptHandle"], "body": m["Body"],
                "attributes": m["Attributes"], "messageAttributes": {}, "md5OfBody": m["MD5OfBody"],
                "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:jobs", "awsRegion": "us-east-1"})
        };
        Some(json!({"Records": messages.iter().map(record).collect::<Vec<_>>()}))
    }

    /// Deletes what was done and leaves alone what was not, as an event source mapping does; gives the failed ids.
    pub(crate) async fn settle(&self, stack: &Stack, event: &Value, response: &Value) -> Vec<String> {
        let failures = response["batchItemFailures"].as_array().cloned().unwrap_or_default();
        let failed: Vec<String> =
            failures.iter().map(|f| f["itemIdentifier"].as_str().unwrap().to_owned()).collect();
        let done = |record: &&Value| !failed.iter().any(|id| record["messageId"] == id.as_str());
        for record in event["Records"].as_array().unwrap().iter().filter(done) {
            let receipt = json!({"QueueUrl": stack.queue, "ReceiptHandle": record["receiptHandle"]});
            self.sqs("DeleteMessage", receipt).await;
        }
        failed
    }

    /// Lets the time pass that the messages of an event stay hidden.
    pub(crate) async fn show(&self, stack: &Stack, event: &Value) {
        for record in event["Records"].as_array().unwrap() {
            let receipt = &record["receiptHandle"];
            let now = json!({"QueueUrl": stack.queue, "ReceiptHandle": receipt, "VisibilityTimeout": 0});
            self.sqs("ChangeMessageVisibility", now).await;
        }
    }

    /// How many messages are set aside.
    pub(crate) async fn dead_letters(&self, stack: &Stack) -> u64 {
        let wanted = json!({"QueueUrl": stack.dead, "AttributeNames": ["ApproximateNumberOfMessages"]});
        let got = self.sqs("GetQueueAttributes", wanted).await;
        got["Attributes"]["ApproximateNumberOfMessages"].as_str().unwrap().parse().unwrap()
    }

    /// Gives up every message that is on the queue: each is taken as often as the queue allows, and never settled.
    pub(crate) async fn give_up(&self, stack: &Stack) {
        while let Some(event) = self.receive(stack, 10).await {
            self.show(stack, &event).await;
        }
    }

    /// The messages that are set aside.
    pub(crate) async fn dead_bodies(&self, stack: &Stack) -> String {
        let wanted = json!({"QueueUrl": stack.dead, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 0});
        self.sqs("ReceiveMessage", wanted).await.to_string()
    }

    /// Everything in the table.
    pub(crate) async fn rows(&self, stack: &Stack) -> String {
        self.dynamodb("Scan", json!({"TableName": stack.table})).await.to_string()
    }

    /// Everything in the bucket: names, and what is under them.
    pub(crate) async fn objects(&self, stack: &Stack) -> String {
        let at = format!("{}/{}", self.s3, stack.bucket);
        let mut all = self.send(self.http.get(&at), "s3", "list").await;
        let keys: Vec<String> =
            all.split("<Key>").skip(1).filter_map(|rest| rest.split('<').next()).map(str::to_owned).collect();
        for key in keys {
            all.push_str(&self.send(self.http.get(format!("{at}/{key}")), "s3", "get").await);
        }
        all
    }

    pub(crate) fn dynamodb_url(&self) -> &str {
        &self.dynamodb
    }

    async fn dynamodb(&self, action: &str, body: Value) -> Value {
        self.call(&self.dynamodb, "dynamodb", &format!("DynamoDB_20120810.{action}"), "1.0", body).await
    }

    async fn sqs(&self, action: &str, body: Value) -> Value {
        self.call(&self.sqs, "sqs", &format!("AmazonSQS.{action}"), "1.0", body).await
    }

    async fn call(&self, url: &str, service: &str, target: &str, version: &str, body: Value) -> Value {
        let request = self
            .http
            .post(format!("{url}/"))
            .header("x-amz-target", target)
            .header("content-type", format!("application/x-amz-json-{version}"))
            .body(body.to_string());
        let text = self.send(request, service, target).await;
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// The emulators ask for a signature and look at nothing but its scope.
    async fn send(&self, request: RequestBuilder, service: &str, what: &str) -> String {
        let scope = format!("test/20260101/us-east-1/{service}/aws4_request");
        let signature = format!(
            "AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={}",
            "0".repeat(64)
        );
        let response = request
            .header("authorization", signature)
            .header("x-amz-date", "20260101T000000Z")
            .header("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
            .send()
            .await
            .unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert!(status.is_success(), "{service} {what}: {status}: {text}");
        text
    }
}
