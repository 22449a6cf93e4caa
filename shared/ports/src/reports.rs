//! Whole reports, kept so that a click days later publishes what was shown.

use async_trait::async_trait;
use domain::ReportId;

/// A report could not be stored or read.
#[derive(Debug, thiserror::Error)]
#[error("report store is not reachable: {0}")]
pub struct ReportStoreError(pub String);

/// Keeps reports as bytes.
#[async_trait]
pub trait ReportStore: Send + Sync {
    /// Stores a report; the same id again replaces it.
    async fn put(&self, id: &ReportId, bytes: &[u8]) -> Result<(), ReportStoreError>;

    /// The report; `None` when it was never stored or has been cleared away.
    async fn get(&self, id: &ReportId) -> Result<Option<Vec<u8>>, ReportStoreError>;
}
