//! The Flux Kustomization (`kustomize.toolkit.fluxcd.io/v1`): its spec with every field of kustomize-controller 1.9,
//! and what of its status the product reads. Parsing only; rendering is in `render`.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

use crate::fields::Fields;
use crate::{Error, ObjectId};

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
        let key = object_key("Kustomization", GROUP, value)?;
        let root = Fields::root(format!("Kustomization/{key}"), value)?;
        let spec = spec(&root.object("spec")?, &key.namespace)?;
        let status = status(&root.object("status")?)?;
        Ok(Self { key, spec, status, value: value.clone() })
    }

    /// Whether `value` is a Flux Kustomization, of whatever version.
    pub fn is(value: &Value) -> bool {
        let group = value["apiVersion"].as_str().and_then(|v| v.split_once('/')).map(|(group, _)| group);
        value["kind"] == "Kustomization" && group == Some(GROUP)
    }
}

/// Checks group and kind and takes the key.
pub(crate) fn object_key(kind: &str, group: &str, value: &Value) -> Result<ObjectKey, Error> {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let (namespace, name) = (text(&value["metadata"]["namespace"]), text(&value["metadata"]["name"]));
    let root = Fields::root(format!("{kind}/{namespace}/{name}"), value)?;
    if root.required("kind")? != kind {
        return Err(root.invalid("kind", format!("must be {kind}")));
    }
    if root.required("apiVersion")?.split_once('/').map(|(group, _)| group) != Some(group) {
        return Err(root.invalid("apiVersion", format!("must be of the group {group}")));
    }
    let metadata = root.object("metadata")?;
    Ok(ObjectKey { namespace: metadata.required("namespace")?, name: metadata.required("name")? })
}

fn spec(f: &Fields<'_>, namespace: &str) -> Result<Spec, Error> {
    let in_namespace =
        |f: &Fields<'_>| Ok::<_, Error>(f.string("namespace")?.unwrap_or_else(|| namespace.to_owned()));
    let source = f.object("sourceRef")?;
    Ok(Spec {
        path: f.string("path")?.unwrap_or_default(),
        source_ref: SourceRef {
            api_version: source.string("apiVersion")?,
            kind: source.required("kind")?,
            name: source.required("name")?,
            namespace: in_namespace(&source)?,
        },
        target_namespace: f.string("targetNamespace")?,
        name_prefix: f.string("namePrefix")?,
        name_suffix: f.string("nameSuffix")?,
        patches: f.list("patches", patch)?,
        components: f.strings("components")?,
        ignore_missing_components: f.flag("ignoreMissingComponents")?,
        images: f.list("images", image)?,
        build_metadata: f.strings("buildMetadata")?,
        post_build: f.optional_object("postBuild")?.map(|f| post_build(&f)).transpose()?,
        common_metadata: f.optional_object("commonMetadata")?.map(|f| common_metadata(&f)).transpose()?,
        decryption: f.optional_object("decryption")?.map(|f| decryption(&f)).transpose()?,
        prune: f.flag("prune")?,
        deletion_policy: deletion_policy(f)?,
        force: f.flag("force")?,
        wait: f.flag("wait")?,
        suspend: f.flag("suspend")?,
        kube_config: f.optional_object("kubeConfig")?.map(|f| kube_config(&f)).transpose()?,
        service_account_name: f.string("serviceAccountName")?,
        depends_on: f.list("dependsOn", |f| {
            let key = ObjectKey { namespace: in_namespace(f)?, name: f.required("name")? };
            Ok(Dependency { key, ready_expr: f.string("readyExpr")? })
        })?,
        ignore: f.list("ignore", |f| {
            Ok(DriftIgnoreRule { paths: f.strings("paths")?, target: f.value("target").cloned() })
        })?,
        interval: f.string("interval")?,
        retry_interval: f.string("retryInterval")?,
        timeout: f.string("timeout")?,
        health_checks: values(f, "healthChecks")?,
        health_check_exprs: values(f, "healthCheckExprs")?,
    })
}

fn values(f: &Fields<'_>, field: &str) -> Result<Vec<Value>, Error> {
    match f.value(field) {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => Ok(items.clone()),
        Some(_) => Err(f.invalid(field, "must be a list")),
    }
}

fn patch(f: &Fields<'_>) -> Result<Patch, Error> {
    let target = match f.value("target") {
        Some(target @ Value::Object(_)) => Some(target.clone()),
        Some(_) => return Err(f.invalid("target", "must be an object")),
        None => None,
    };
    Ok(Patch { patch: f.string("patch")?.unwrap_or_default(), target })
}

fn image(f: &Fields<'_>) -> Result<Image, Error> {
    Ok(Image {
        name: f.required("name")?,
        new_name: f.string("newName")?,
        new_tag: f.string("newTag")?,
        digest: f.string("digest")?,
    })
}

fn post_build(f: &Fields<'_>) -> Result<PostBuild, Error> {
    let strategy = match f.string("substituteStrategy")?.as_deref() {
        None | Some("WithVariables") => SubstituteStrategy::WithVariables,
        Some("Always") => SubstituteStrategy::Always,
        Some(other) => return Err(f.invalid("substituteStrategy", format!("`{other}` is not a strategy"))),
    };
    let substitute_from = f.list("substituteFrom", |f| {
        let kind = match f.required("kind")?.as_str() {
            "ConfigMap" => SubstituteKind::ConfigMap,
            "Secret" => SubstituteKind::Secret,
            other => return Err(f.invalid("kind", format!("`{other}` is neither ConfigMap nor Secret"))),
        };
        Ok(SubstituteReference { kind, name: f.required("name")?, optional: f.flag("optional")? })
    })?;
    Ok(PostBuild { substitute: f.string_map("substitute")?, substitute_from, strategy })
}

fn common_metadata(f: &Fields<'_>) -> Result<CommonMetadata, Error> {
    Ok(CommonMetadata { labels: f.string_map("labels")?, annotations: f.string_map("annotations")? })
}

fn decryption(f: &Fields<'_>) -> Result<Decryption, Error> {
    Ok(Decryption {
        provider: f.required("provider")?,
        secret_name: f.object("secretRef")?.string("name")?,
        service_account_name: f.string("serviceAccountName")?,
    })
}

fn deletion_policy(f: &Fields<'_>) -> Result<DeletionPolicy, Error> {
    Ok(match f.string("deletionPolicy")?.as_deref() {
        None | Some("MirrorPrune") => DeletionPolicy::MirrorPrune,
        Some("Delete") => DeletionPolicy::Delete,
        Some("WaitForTermination") => DeletionPolicy::WaitForTermination,
        Some("Orphan") => DeletionPolicy::Orphan,
        Some(other) => return Err(f.invalid("deletionPolicy", format!("`{other}` is not a policy"))),
    })
}

fn kube_config(f: &Fields<'_>) -> Result<KubeConfig, Error> {
    if let Some(map) = f.optional_object("configMapRef")? {
        return Ok(KubeConfig::ConfigMap { name: map.required("name")? });
    }
    let secret = f.object("secretRef")?;
    Ok(KubeConfig::Secret { name: secret.required("name")?, key: secret.string("key")? })
}

fn status(f: &Fields<'_>) -> Result<Status, Error> {
    let entries = f.object("inventory")?.list("entries", |f| {
        let (id, version) = (f.required("id")?, f.string("v")?.unwrap_or_default());
        ObjectId::parse(&id, &version)
            .ok_or_else(|| f.invalid("id", format!("`{id}` is not an inventory id")))
    })?;
    Ok(Status {
        inventory: entries,
        last_applied_revision: f.string("lastAppliedRevision")?,
        last_attempted_revision: f.string("lastAttemptedRevision")?,
        last_handled_reconcile_at: f.string("lastHandledReconcileAt")?,
        observed_generation: f.integer("observedGeneration")?,
        ready: ready(f)?,
        history: f.list("history", |f| {
            Ok(Snapshot {
                digest: f.required("digest")?,
                revision: f.object("metadata")?.string("revision")?,
                last_reconciled_status: f.string("lastReconciledStatus")?,
            })
        })?,
    })
}

/// The `Ready` condition of a status.
pub(crate) fn ready(f: &Fields<'_>) -> Result<Option<Condition>, Error> {
    let conditions = f.list("conditions", |f| {
        let condition = Condition {
            status: f.string("status")?.unwrap_or_default(),
            reason: f.string("reason")?.unwrap_or_default(),
            message: f.string("message")?.unwrap_or_default(),
            last_transition_time: f.string("lastTransitionTime")?,
        };
        Ok((f.required("type")?, condition))
    })?;
    Ok(conditions.into_iter().find(|(kind, _)| kind == "Ready").map(|(_, condition)| condition))
}
