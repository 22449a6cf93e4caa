//! AWS behind the ports: DynamoDB holds state, SQS the jobs, S3 the reports, Secrets Manager the secrets, KMS opens data keys, and the role's
//! credentials sign tokens of EKS clusters.
//! [`Aws`] makes them all from one configuration. What they are given in an account stands in `infra`.

mod config;
#[cfg(feature = "eks")]
mod eks;
mod failure;
#[cfg(feature = "kms")]
mod kms;
mod queue;
mod reports;
mod secrets;
mod table;

#[cfg(test)]
mod emulator;

pub use config::{Aws, sdk_config};
#[cfg(feature = "eks")]
pub use eks::RoleTokens;
#[cfg(feature = "kms")]
pub use kms::KmsKeys;
pub use queue::SqsQueue;
pub use reports::S3Reports;
pub use secrets::AwsSecrets;
pub use table::DynamoTable;
