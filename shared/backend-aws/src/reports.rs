//! Whole reports as S3 objects. How long they are kept is the bucket's lifecycle rule.

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_smithy_types::byte_stream::ByteStream;
use domain::ReportId;
use ports::{ReportStore, ReportStoreError};

use crate::failure::Failure;

/// Reports in one bucket.
#[derive(Debug, Clone)]
pub struct S3Reports {
    client: Client,
    bucket: String,
    prefix: String,
}

impl S3Reports {
    /// Reports under `prefix` (such as `reports/`; may be empty). The identity needs `s3:ListBucket` as well: without it,
    /// S3 answers 403 for a report that is not there.
    pub fn new(client: Client, bucket: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self { client, bucket: bucket.into(), prefix: prefix.into() }
    }

    fn key(&self, id: &ReportId) -> String {
        format!("{}{id}", self.prefix)
    }

    fn failed(&self, call: &str, id: &ReportId, failure: impl FnOnce(&str) -> Failure) -> ReportStoreError {
        let call = format!("s3:{call} of `{}` in bucket `{}`", self.key(id), self.bucket);
        ReportStoreError(failure(&call).reason)
    }
}

#[async_trait]
impl ReportStore for S3Reports {
    async fn put(&self, id: &ReportId, bytes: &[u8]) -> Result<(), ReportStoreError> {
        let put = self.client.put_object().bucket(&self.bucket).key(self.key(id));
        let done = put.body(ByteStream::from(bytes.to_vec())).send().await;
        done.map_err(|e| self.failed("PutObject", id, |call| Failure::of(call, &e)))?;
        Ok(())
    }

    async fn get(&self, id: &ReportId) -> Result<Option<Vec<u8>>, ReportStoreError> {
        match self.client.get_object().bucket(&self.bucket).key(self.key(id)).send().await {
            Ok(object) => match object.body.collect().await {
                Ok(bytes) => Ok(Some(bytes.into_bytes().into())),
                Err(e) => Err(ReportStoreError(format!("the answer for `{}` broke off: {e}", self.key(id)))),
            },
            Err(e) if e.as_service_error().is_some_and(|e| e.is_no_such_key()) => Ok(None),
            Err(e) => Err(self.failed("GetObject", id, |call| Failure::of(call, &e))),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed call is the test's failure")]
    use ports::contract;

    use super::*;
    use crate::{Aws, emulator};

    async fn set_up(test: &str) -> Option<S3Reports> {
        let aws = Aws::new(emulator::named("PREFLUX_TEST_S3", test)?);
        let reports = aws.reports(&emulator::fresh("reports"), "whole/");
        // Without a location, buckets are created in us-east-1, which a client of another region refuses.
        let place = aws_sdk_s3::types::CreateBucketConfiguration::builder()
            .location_constraint(aws_sdk_s3::types::BucketLocationConstraint::EuCentral1);
        let create = reports.client.create_bucket().bucket(&reports.bucket);
        create.create_bucket_configuration(place.build()).send().await.unwrap();
        Some(reports)
    }

    #[tokio::test]
    async fn reports_keep_the_contract() {
        let Some(reports) = set_up("reports_keep_the_contract").await else { return };
        contract::reports(&reports).await;
        let found = reports.client.list_objects_v2().bucket(&reports.bucket).send().await.unwrap();
        let keys: Vec<_> = found.contents().iter().filter_map(|o| o.key()).collect();
        assert_eq!(keys, ["whole/contract-1"]);
    }

    #[tokio::test]
    async fn a_missing_bucket_is_an_error_with_its_name() {
        let Some(mut reports) = set_up("a_missing_bucket_is_an_error_with_its_name").await else { return };
        reports.bucket = "no-such-bucket".to_owned();
        let id = "report-1".parse().unwrap();
        let error = reports.get(&id).await.unwrap_err().to_string();
        assert!(error.contains("`whole/report-1` in bucket `no-such-bucket`: NoSuchBucket"), "{error}");
    }
}
