//! A cluster whose answers before any object is compared (locks, Flux's objects, variables) come in time or count as none.
//! Objects have bounds of their own in `compare`, where each says what was not asked.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use domain::ObjectId;
use ports::{Cluster, ClusterError, ConfigRef, ControllerSeen, Data, DryRun, FluxObjects, Lock, Refusal};
use serde_json::Value;

use super::compare::Time;

struct Bounded {
    cluster: Arc<dyn Cluster>,
    time: Arc<Time>,
}

/// The cluster, as long as there is time.
pub(super) fn bounded(cluster: Arc<dyn Cluster>, time: &Arc<Time>) -> Arc<dyn Cluster> {
    Arc::new(Bounded { cluster, time: time.clone() })
}

impl Bounded {
    async fn ask<T>(&self, asked: impl Future<Output = Result<T, ClusterError>>) -> Result<T, ClusterError> {
        let late = || Err(ClusterError::OutOfTime { cluster: self.cluster.name().to_owned() });
        self.time.bounded(asked).await.unwrap_or_else(late)
    }
}

#[async_trait]
impl Cluster for Bounded {
    fn name(&self) -> &str {
        self.cluster.name()
    }

    fn remote(&self, reference: &ConfigRef) -> Option<Result<Arc<dyn Cluster>, String>> {
        Some(self.cluster.remote(reference)?.map(|remote| bounded(remote, &self.time)))
    }

    fn acting_as(&self, namespace: &str, name: &str) -> Option<Arc<dyn Cluster>> {
        Some(bounded(self.cluster.acting_as(namespace, name)?, &self.time))
    }

    async fn locks(&self) -> Result<Vec<Lock>, ClusterError> {
        self.ask(self.cluster.locks()).await
    }

    async fn flux_objects(&self) -> Result<FluxObjects, ClusterError> {
        self.ask(self.cluster.flux_objects()).await
    }

    async fn controller(&self) -> ControllerSeen {
        let late =
            || ControllerSeen::Unknown("the time for comparing was over before it was read".to_owned());
        self.time.bounded(self.cluster.controller()).await.unwrap_or_else(late)
    }

    async fn data(&self, reference: &ConfigRef) -> Result<Option<Data>, ClusterError> {
        self.ask(self.cluster.data(reference)).await
    }

    async fn dry_run(&self, object: &Value) -> DryRun {
        self.cluster.dry_run(object).await
    }

    async fn live(&self, manifest: &Value) -> Result<Option<Value>, Refusal> {
        self.cluster.live(manifest).await
    }

    async fn live_ahead(&self, manifests: &[&Value]) -> Vec<Option<Value>> {
        self.cluster.live_ahead(manifests).await
    }

    async fn live_by_id(&self, id: &ObjectId) -> Result<Option<Value>, Refusal> {
        self.cluster.live_by_id(id).await
    }
}
