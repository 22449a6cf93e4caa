//! How AWS is reached: credentials, region and endpoints from the environment, with time limits of ours.

use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use ports::Clock;

use crate::{AwsSecrets, DynamoTable, S3Reports, SqsQueue};

/// Credentials and region as every AWS tool finds them, and endpoints from `AWS_ENDPOINT_URL` or
/// `AWS_ENDPOINT_URL_DYNAMODB`, `_SQS`, `_S3`, `_SECRETS_MANAGER`. A call takes at most 15 s, all tries together.
pub async fn sdk_config() -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(5))
        .operation_timeout(Duration::from_secs(15))
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .load()
        .await
}

/// Makes backends that share credentials and connections.
#[derive(Debug, Clone)]
pub struct Aws {
    config: SdkConfig,
}

impl Aws {
    /// AWS as [`sdk_config`] finds it.
    pub async fn load() -> Self {
        Self { config: sdk_config().await }
    }

    /// AWS as `config` says.
    pub fn new(config: SdkConfig) -> Self {
        Self { config }
    }

    /// State in a DynamoDB table.
    pub fn table(&self, name: &str, clock: Arc<dyn Clock>) -> DynamoTable {
        DynamoTable::new(aws_sdk_dynamodb::Client::new(&self.config), name, clock)
    }

    /// Jobs in an SQS queue; `dead_letter_url` is where its redrive policy puts what was handed out five times.
    pub fn queue(&self, url: &str, dead_letter_url: Option<&str>) -> SqsQueue {
        SqsQueue::new(aws_sdk_sqs::Client::new(&self.config), url, dead_letter_url)
    }

    /// Reports in an S3 bucket, under `prefix`.
    pub fn reports(&self, bucket: &str, prefix: &str) -> S3Reports {
        let elsewhere =
            self.config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
        // Other S3 servers seldom have a host name for each bucket. Reports may be megabytes: they get more time.
        let config = aws_sdk_s3::config::Builder::from(&self.config)
            .force_path_style(elsewhere)
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(2))
                    .operation_attempt_timeout(Duration::from_secs(20))
                    .operation_timeout(Duration::from_secs(45))
                    .build(),
            )
            .build();
        S3Reports::new(aws_sdk_s3::Client::from_conf(config), bucket, prefix)
    }

    /// Data keys of SOPS, by AWS KMS.
    #[cfg(feature = "kms")]
    pub fn kms(&self) -> crate::KmsKeys {
        crate::KmsKeys::new(self.config.clone())
    }

    /// Tokens of EKS clusters, for the role whose credentials these are.
    #[cfg(feature = "eks")]
    pub fn eks(&self) -> crate::RoleTokens {
        crate::RoleTokens::new(self.config.clone())
    }

    /// Secrets of Secrets Manager.
    pub fn secrets(&self, clock: Arc<dyn Clock>) -> AwsSecrets {
        AwsSecrets::new(aws_sdk_secretsmanager::Client::new(&self.config), clock)
    }
}
