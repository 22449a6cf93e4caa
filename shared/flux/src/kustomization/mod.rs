//! The Flux Kustomization (`kustomize.toolkit.fluxcd.io/v1`): its spec with every field of kustomize-controller 1.9,
//! and what of its status the product reads. How it is read is in `read`; rendering is in `render`.

mod read;

use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

use crate::{Error, ObjectId};

pub(crate) use read::{object_key, ready};

/// The API group of the Flux Kustomization.
pub const GROUP: &str = "kustomize.toolkit.fluxcd.io";

/// Namespace and name of a Flux object; prints as `namespace/name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// Its namespace; never empty for an object that was read by this crate.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ObjectKey {
    /// The key of `name` in `namespace`.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A Flux Kustomization, live or rendered by its parent.
#[derive(Debug, Clone, PartialEq)]
pub struct Kustomization {
    /// Its namespace and name.
    pub key: ObjectKey,
    /// What it asks for.
    pub spec: Spec,
    /// What the controller says about it; empty for one that is only rendered.
    pub status: Status,
    /// The object as it was given.
    pub value: Value,
}

/// `spec` of a Kustomization. An absent field and its zero value are the same, as in the controller.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spec {
    /// The directory in the artifact, as written (`./apps`, `apps`, or empty for the root).
    pub path: String,
    /// Where the artifact comes from.
    pub source_ref: SourceRef,
    /// Overrides `namespace` of the kustomization file.
    pub target_namespace: Option<String>,
    /// Overrides `namePrefix` of the kustomization file.
    pub name_prefix: Option<String>,
    /// Overrides `nameSuffix` of the kustomization file.
    pub name_suffix: Option<String>,
    /// Appended to `patches` of the kustomization file.
    pub patches: Vec<Patch>,
    /// Appended to `components` of the kustomization file.
    pub components: Vec<String>,
    /// Leaves out components that are not in the artifact.
    pub ignore_missing_components: bool,
    /// Merged into `images` of the kustomization file.
    pub images: Vec<Image>,
    /// Replaces `buildMetadata` of the kustomization file when not empty.
    pub build_metadata: Vec<String>,
    /// Variables for the rendered text.
    pub post_build: Option<PostBuild>,
    /// Labels and annotations set on every object.
    pub common_metadata: Option<CommonMetadata>,
    /// How to decrypt SOPS data.
    pub decryption: Option<Decryption>,
    /// Whether objects that are no longer rendered are deleted.
    pub prune: bool,
    /// What happens to the objects when the Kustomization itself is deleted.
    pub deletion_policy: DeletionPolicy,
    /// Whether objects with changed immutable fields are recreated.
    pub force: bool,
    /// Whether the controller waits for all objects to be ready.
    pub wait: bool,
    /// Whether reconciliation is suspended.
    pub suspend: bool,
    /// The cluster to apply to, when it is another one.
    pub kube_config: Option<KubeConfig>,
    /// The service account that the controller impersonates.
    pub service_account_name: Option<String>,
    /// Objects that must be ready first.
    pub depends_on: Vec<Dependency>,
    /// Drift that the controller leaves alone.
    pub ignore: Vec<DriftIgnoreRule>,
    /// How often it is reconciled, as a Go duration.
    pub interval: Option<String>,
    /// How soon after a failure, as a Go duration.
    pub retry_interval: Option<String>,
    /// How long one reconciliation may take, as a Go duration.
    pub timeout: Option<String>,
    /// Objects to wait for, as given.
    pub health_checks: Vec<Value>,
    /// CEL rules for health, as given.
    pub health_check_exprs: Vec<Value>,
}

/// `spec.sourceRef`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct SourceRef {
    /// Usually absent.
    pub api_version: Option<String>,
    /// GitRepository, OCIRepository, Bucket or ExternalArtifact.
    pub kind: String,
    /// The source's name.
    pub name: String,
    /// The source's namespace; the Kustomization's own when it gives none.
    pub namespace: String,
}

impl SourceRef {
    /// The key of the source.
    pub fn key(&self) -> ObjectKey {
        ObjectKey::new(&self.namespace, &self.name)
    }
}

/// An entry of `spec.patches`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// The patch, strategic merge or JSON 6902, as YAML text.
    pub patch: String,
    /// A kustomize selector, as given.
    pub target: Option<Value>,
}

/// An entry of `spec.images`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Image {
    /// The name that is looked for.
    pub name: String,
    /// The name that replaces it.
    pub new_name: Option<String>,
    /// The tag that replaces its tag.
    pub new_tag: Option<String>,
    /// The digest that replaces its tag.
    pub digest: Option<String>,
}

/// `spec.postBuild`. Its presence alone matters: without it nothing is substituted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PostBuild {
    /// Variables given in the object; they win.
    pub substitute: BTreeMap<String, String>,
    /// Objects that hold more, a later one over an earlier one.
    pub substitute_from: Vec<SubstituteReference>,
    /// Whether to substitute when there is no variable at all.
    pub strategy: SubstituteStrategy,
}

/// `spec.postBuild.substituteStrategy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SubstituteStrategy {
    /// Without any variable the text stays as it is, `$$` included.
    #[default]
    WithVariables,
    /// Substitution always runs.
    Always,
}

/// An entry of `spec.postBuild.substituteFrom`, in the Kustomization's namespace.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubstituteReference {
    /// ConfigMap or Secret.
    pub kind: SubstituteKind,
    /// The object's name.
    pub name: String,
    /// Whether the object may be missing.
    pub optional: bool,
}

/// What a [`SubstituteReference`] names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SubstituteKind {
    /// `data` of a ConfigMap; `binaryData` is not read.
    ConfigMap,
    /// `data` of a Secret.
    Secret,
}

impl fmt::Display for SubstituteReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}/{}", self.kind, self.name)
    }
}

/// `spec.commonMetadata`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommonMetadata {
    /// Set on every object, over what it has.
    pub labels: BTreeMap<String, String>,
    /// Set on every object, over what it has.
    pub annotations: BTreeMap<String, String>,
}

/// `spec.decryption`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decryption {
    /// Always `sops`.
    pub provider: String,
    /// The Secret with the keys.
    pub secret_name: Option<String>,
    /// The service account for workload identity.
    pub service_account_name: Option<String>,
}

/// `spec.deletionPolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeletionPolicy {
    /// Delete if `spec.prune` is set, else leave.
    #[default]
    MirrorPrune,
    /// Delete.
    Delete,
    /// Delete and wait until the objects are gone.
    WaitForTermination,
    /// Leave.
    Orphan,
}

/// `spec.kubeConfig`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KubeConfig {
    /// A Secret with a kubeconfig.
    Secret {
        /// The Secret's name.
        name: String,
        /// The key in it.
        key: Option<String>,
    },
    /// A ConfigMap for workload identity.
    ConfigMap {
        /// The ConfigMap's name.
        name: String,
    },
}

/// An entry of `spec.dependsOn`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The Kustomization that must be ready first.
    pub key: ObjectKey,
    /// A CEL rule for its readiness.
    pub ready_expr: Option<String>,
}

/// An entry of `spec.ignore`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriftIgnoreRule {
    /// JSON pointers.
    pub paths: Vec<String>,
    /// A selector with anchored regular expressions, as given; absent means every object.
    pub target: Option<Value>,
}

/// What of a Kustomization's `status` the product reads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// The objects that the controller manages.
    pub inventory: Vec<ObjectId>,
    /// The revision that was last applied with success, such as `main@sha1:<40 hex>`.
    pub last_applied_revision: Option<String>,
    /// The revision that was last tried.
    pub last_attempted_revision: Option<String>,
    /// The last value of the reconcile request annotation that was acted on.
    pub last_handled_reconcile_at: Option<String>,
    /// The generation that the status speaks of.
    pub observed_generation: Option<i64>,
    /// The `Ready` condition.
    pub ready: Option<Condition>,
    /// The last reconciliations, the newest first, five at most.
    pub history: Vec<Snapshot>,
}

/// A condition of a Flux object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// A word, such as `ReconciliationSucceeded`.
    pub reason: String,
    /// A sentence.
    pub message: String,
    /// When `status` last changed, RFC 3339.
    pub last_transition_time: Option<String>,
}

/// An entry of `status.history`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// `sha256:<hex>` of the rendered YAML; compare with [`Rendered::digest`](crate::Rendered::digest).
    pub digest: String,
    /// The artifact revision it was rendered from.
    pub revision: Option<String>,
    /// The outcome, as a reason.
    pub last_reconciled_status: Option<String>,
}

impl Kustomization {
    /// Reads a Kustomization, live or rendered.
    ///
    /// The namespace must be given: whoever renders a child has to set it first.
    pub fn from_value(value: &Value) -> Result<Self, Error> {
        read::kustomization(value)
    }

    /// Whether `value` is a Flux Kustomization, of whatever version.
    pub fn is(value: &Value) -> bool {
        let group = value["apiVersion"].as_str().and_then(|v| v.split_once('/')).map(|(group, _)| group);
        value["kind"] == "Kustomization" && group == Some(GROUP)
    }
}
