//! A cluster: Flux's objects and variables to read, server-side-apply dry-runs to ask for. Nothing here changes anything.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use domain::{FluxKind, ObjectId};
use serde_json::Value;

/// Flux's own objects in a cluster, as stored.
#[derive(Debug, Clone, Default)]
pub struct FluxObjects {
    /// Every `Kustomization` of `kustomize.toolkit.fluxcd.io`.
    pub kustomizations: Vec<Value>,
    /// Every `GitRepository` of `source.toolkit.fluxcd.io`.
    pub git_repositories: Vec<Value>,
}

/// A ConfigMap or Secret that variables come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigRef {
    /// `true` for a Secret, `false` for a ConfigMap.
    pub secret: bool,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

/// As `Secret/NAMESPACE/NAME` or `ConfigMap/NAMESPACE/NAME`, the form of the configuration.
impl fmt::Display for ConfigRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.secret { "Secret" } else { "ConfigMap" };
        write!(f, "{kind}/{}/{}", self.namespace, self.name)
    }
}

/// The decoded `data` of a ConfigMap or Secret.
pub type Data = BTreeMap<String, String>;

/// What is known of the kustomize-controller that runs in a cluster.
#[derive(Debug, Clone, PartialEq)]
pub enum ControllerSeen {
    /// Its Deployment.
    Deployment(Value),
    /// The Deployment cannot be read; this version is configured.
    Configured(String),
    /// Neither: a sentence without a full stop that says why, and what to do.
    Unknown(String),
}

/// What the API server said to a dry-run.
#[derive(Debug, Clone, PartialEq)]
pub enum DryRun {
    /// It would store this. In a Secret, tokens stand in place of the values (`domain::mask::token`).
    Accepted(Value),
    /// It would not.
    Refused(Refusal),
}

/// Why the API server did not accept an object. Messages are the server's own: mask them before they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The object's namespace does not exist.
    NamespaceMissing,
    /// The object's namespace is being deleted.
    NamespaceTerminating,
    /// The kind is not served: its CRD is not there (yet).
    KindMissing,
    /// An immutable field would change.
    Immutable(String),
    /// The object does not pass validation (422), not only because of immutable fields: merging it would fail. Flux takes every
    /// such answer for an immutable field where it may force.
    Unprocessable(String),
    /// The object cannot be read as its kind, or is refused for another reason that is the same for everybody: merging it would fail.
    Invalid(String),
    /// A policy, webhook or quota denies it to everybody: merging it would fail.
    Denied {
        /// Which.
        by: Gate,
        /// What it says.
        why: String,
        /// Whether it says so with 409 or 422: Flux takes every such answer for an immutable field where it may force.
        forcing: bool,
    },
    /// The object changed in between, or is not the one that the manifest names (409), each time.
    Conflict(String),
    /// A webhook cannot be asked in a dry-run.
    NoDryRun(String),
    /// The kind's group, which another API server answers for: it need not honour a dry-run, so it is not asked.
    Aggregated(String),
    /// An admission webhook cannot be reached, after retries.
    WebhookDown(String),
    /// Our identity may not ask, for it lacks this right.
    MissingRight(Right),
    /// Our identity may not ask, for another reason.
    Forbidden(String),
    /// Too many requests, after retries.
    Throttled(String),
    /// No answer in time, after retries.
    TimedOut(String),
    /// No connection or a server error, after retries.
    Unavailable(String),
    /// It was not asked: the time that whoever asks has for everything was over.
    OutOfTime,
}

/// What denies an object to everybody, by its name in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gate {
    /// A ValidatingAdmissionPolicy.
    Policy(String),
    /// An admission webhook.
    Webhook(String),
    /// A ResourceQuota of the object's namespace.
    Quota(String),
    /// The level of Pod Security of the object's namespace.
    PodSecurity(String),
}

/// A right that RBAC can grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Right {
    /// `get`, `create`, `patch` and so on.
    pub verb: String,
    /// API group; empty for the core group.
    pub group: String,
    /// The plural, such as `deployments`.
    pub resource: String,
    /// Where it is needed; empty for the whole cluster.
    pub namespace: String,
}

/// The cluster could not be asked at all.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClusterError {
    /// No connection, or no answer.
    #[error("cluster `{cluster}` is not reachable: {reason}")]
    Unreachable {
        /// The cluster's name.
        cluster: String,
        /// What went wrong.
        reason: String,
    },
    /// The credentials are refused.
    #[error("cluster `{cluster}` refused the credentials (401): renew the kubeconfig")]
    Unauthorized {
        /// The cluster's name.
        cluster: String,
    },
    /// A permission is missing.
    #[error("cluster `{cluster}` does not allow {what}: grant it (infra/cluster)")]
    Forbidden {
        /// The cluster's name.
        cluster: String,
        /// What is not allowed, such as `list kustomizations.kustomize.toolkit.fluxcd.io`.
        what: String,
    },
    /// Flux is not installed there.
    #[error("cluster `{cluster}` does not serve `{what}`: is Flux installed?")]
    NoFlux {
        /// The cluster's name.
        cluster: String,
        /// What is not served.
        what: String,
    },
    /// It was not asked: the time that whoever asks has for everything was over.
    #[error("cluster `{cluster}` did not answer before the time for comparing was over")]
    OutOfTime {
        /// The cluster's name.
        cluster: String,
    },
}

/// A guard between the cluster identity and a real write, and whether it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// What it is, in a few words, such as `admission policy`.
    pub name: String,
    /// Why it does not hold and what to do, as a sentence without a full stop; `None` when it holds.
    pub open: Option<String>,
}

/// A cluster. Implementations bound their own concurrency and never send a mutating request without `dryRun=All`. Objects come
/// without the annotation that `kubectl apply` copies them into, and Secrets with tokens in place of their values.
#[async_trait]
pub trait Cluster: Send + Sync {
    /// The cluster's name in the configuration.
    fn name(&self) -> &str;

    /// The cluster that is configured for what a `spec.kubeConfig` of this one names, or why it cannot be asked; `None` when
    /// none is configured for it.
    fn remote(&self, _reference: &ConfigRef) -> Option<Result<Arc<dyn Cluster>, String>> {
        None
    }

    /// The same cluster, asked as a service account that a Kustomization names (`spec.serviceAccountName`); `None` where that is not
    /// configured.
    fn acting_as(&self, _namespace: &str, _name: &str) -> Option<Arc<dyn Cluster>> {
        None
    }

    /// Tries every guard between our identity and a real write. Empty where the identity is a person's own, which
    /// nothing guards. Answers are kept for a while, those that hold for longer.
    async fn locks(&self) -> Result<Vec<Lock>, ClusterError>;

    /// Flux's Kustomizations and GitRepositories.
    async fn flux_objects(&self) -> Result<FluxObjects, ClusterError>;

    /// Every object of a kind of Flux's, as stored.
    async fn objects(&self, kind: FluxKind) -> Result<Vec<Value>, ClusterError> {
        let what = format!("{}.{}", kind.plural(), kind.group());
        match kind {
            FluxKind::Kustomization => Ok(self.flux_objects().await?.kustomizations),
            FluxKind::GitRepository => Ok(self.flux_objects().await?.git_repositories),
            _ => Err(ClusterError::NoFlux { cluster: self.name().to_owned(), what }),
        }
    }

    /// The kustomize-controller that runs there.
    async fn controller(&self) -> ControllerSeen;

    /// The data of a ConfigMap or Secret that variables come from; `None` when it does not exist. The one way for a Secret's
    /// values to get here: whoever asks masks them wherever they turn up.
    async fn data(&self, reference: &ConfigRef) -> Result<Option<Data>, ClusterError>;

    /// Asks what server-side apply would store (`dryRun=All`, `force`, field manager `kustomize-controller`).
    async fn dry_run(&self, object: &Value) -> DryRun;

    /// The object as it is; `None` when it does not exist. The API version is taken from `manifest`.
    async fn live(&self, manifest: &Value) -> Result<Option<Value>, Refusal>;

    /// Reads ahead: what few requests tell of many objects that Flux applied, each at the place of its manifest, as [`Self::live`]
    /// would give it. `None` says nothing at all about an object: it may be there, and has to be read by itself.
    async fn live_ahead(&self, manifests: &[&Value]) -> Vec<Option<Value>> {
        vec![None; manifests.len()]
    }

    /// The object as it is, by identity alone, any served version; `None` when it does not exist or its kind is not served.
    async fn live_by_id(&self, id: &ObjectId) -> Result<Option<Value>, Refusal>;
}
