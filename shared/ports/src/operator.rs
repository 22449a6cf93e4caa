//! What people may have Flux do: reconcile, suspend, resume. Another identity than the one that compares, and one that may nothing else.

use async_trait::async_trait;
use domain::FluxKind;
use serde_json::Value;

use crate::{ClusterError, Lock};

/// The annotation by which Flux is asked to reconcile an object. Its controller puts the same value into `status.lastHandledReconcileAt`.
pub const REQUESTED: &str = "reconcile.fluxcd.io/requestedAt";

/// One of Flux's objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FluxObject {
    /// Its kind.
    pub kind: FluxKind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// What is done with one of Flux's objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FluxAct {
    /// Ask for a reconciliation.
    Reconcile {
        /// When it is asked for, seconds since 1970: what tells one request from another.
        at: i64,
        /// Of a HelmRelease: install or upgrade once, whatever it looks like.
        force: bool,
        /// Of a HelmRelease: forget its failures.
        reset: bool,
    },
    /// Set `spec.suspend`.
    Suspend,
    /// Take `spec.suspend` away.
    Resume,
}

/// Somebody who may do that, in one cluster.
#[async_trait]
pub trait Operator: Send + Sync {
    /// Does it; the object as it is then, `None` when there is none.
    async fn act(&self, object: &FluxObject, act: &FluxAct) -> Result<Option<Value>, ClusterError>;

    /// The object as it is; `None` when there is none.
    async fn read(&self, object: &FluxObject) -> Result<Option<Value>, ClusterError>;

    /// Tries whether the identity has the rights that it needs, and none beyond.
    async fn locks(&self) -> Result<Vec<Lock>, ClusterError>;
}
