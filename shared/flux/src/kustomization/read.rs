//! Reading a Kustomization, field by field. The API server has checked a live one; a rendered one may hold anything.

use serde_json::Value;

use super::{
    CommonMetadata, Condition, Decryption, DeletionPolicy, Dependency, DriftIgnoreRule, GROUP, Image,
    KubeConfig, Kustomization, ObjectKey, Patch, PostBuild, Snapshot, SourceRef, Spec, Status,
    SubstituteKind, SubstituteReference, SubstituteStrategy,
};
use crate::fields::Fields;
use crate::{Error, ObjectId};

/// Reads a whole Kustomization.
pub(super) fn kustomization(value: &Value) -> Result<Kustomization, Error> {
    let key = object_key("Kustomization", GROUP, value)?;
    let root = Fields::root(format!("Kustomization/{key}"), value)?;
    let spec = spec(&root.object("spec")?, &key.namespace)?;
    let status = status(&root.object("status")?)?;
    Ok(Kustomization { key, spec, status, value: value.clone() })
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use serde_json::json;

    fn read(spec: Value, status: Value) -> Result<Kustomization, String> {
        let mut spec = spec;
        spec["sourceRef"] = json!({"kind": "GitRepository", "name": "fleet"});
        let value = json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "apps", "namespace": "flux-system"}, "spec": spec, "status": status,
        });
        assert!(Kustomization::is(&value));
        Kustomization::from_value(&value).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_the_controllers() {
        let read = read(json!({"path": ""}), Value::Null).unwrap();
        let source_ref = SourceRef {
            api_version: None,
            kind: "GitRepository".into(),
            name: "fleet".into(),
            namespace: "flux-system".into(),
        };
        assert_eq!(read.spec, Spec { source_ref, ..Spec::default() });
        assert_eq!(read.status, Status::default());
    }

    #[test]
    fn every_field_is_read() {
        let spec = json!({
            "path": "./apps", "targetNamespace": "t", "deletionPolicy": "Orphan", "prune": true, "suspend": true,
            "dependsOn": [{"name": "infra"}, {"name": "x", "namespace": "y", "readyExpr": "true"}],
            "postBuild": {"substitute": {"a": "b"}, "substituteFrom": [{"kind": "Secret", "name": "s", "optional": true}]},
            "kubeConfig": {"secretRef": {"name": "k"}}, "decryption": {"provider": "sops", "secretRef": {"name": "age"}},
            "ignore": [{"paths": ["/spec/replicas"], "target": {"kind": "Deployment"}}],
        });
        let spec = read(spec, Value::Null).unwrap().spec;
        let keys: Vec<String> = spec.depends_on.iter().map(|d| d.key.to_string()).collect();
        assert_eq!(keys, ["flux-system/infra", "y/x"]);
        assert_eq!(spec.post_build.unwrap().substitute_from[0].to_string(), "Secret/s");
        assert_eq!(spec.kube_config, Some(KubeConfig::Secret { name: "k".into(), key: None }));
        assert_eq!(spec.decryption.unwrap().secret_name.as_deref(), Some("age"));
        assert_eq!(spec.ignore[0].paths, ["/spec/replicas"]);
        assert_eq!((spec.deletion_policy, spec.prune, spec.suspend), (DeletionPolicy::Orphan, true, true));
    }

    #[test]
    fn the_status_is_read() {
        let status = json!({
            "inventory": {"entries": [{"id": "apps_web_apps_Deployment", "v": "v1"}]},
            "lastAppliedRevision": "main@sha1:abc",
            "conditions": [{"type": "Healthy", "status": "True"}, {"type": "Ready", "status": "False", "reason": "R", "message": "m"}],
            "history": [{"digest": "sha256:1", "metadata": {"revision": "main@sha1:abc"}}],
        });
        let status = read(json!({}), status).unwrap().status;
        assert_eq!(status.inventory[0].to_string(), "Deployment/apps/web");
        assert_eq!(status.ready.unwrap().reason, "R");
        assert_eq!((status.history[0].digest.as_str(), status.history.len()), ("sha256:1", 1));
    }

    #[test]
    fn errors_name_the_field() {
        let error = |spec: Value| read(spec, Value::Null).unwrap_err();
        let of = "of `Kustomization/flux-system/apps`";
        assert_eq!(
            error(json!({"postBuild": {"substitute": {"PORT": 8080}}})),
            format!(
                "invalid field `spec.postBuild.substitute.PORT` {of}: must be a string; put it in quotes"
            )
        );
        assert_eq!(
            error(json!({"images": [{}]})),
            format!("invalid field `spec.images[0].name` {of}: is required")
        );
        assert_eq!(
            error(json!({"prune": "yes"})),
            format!("invalid field `spec.prune` {of}: must be true or false")
        );
        assert_eq!(
            error(json!({"patches": [1]})),
            format!("invalid field `spec.patches[0]` {of}: must be an object")
        );
        assert!(error(json!({"deletionPolicy": "Never"})).contains("`Never` is not a policy"));
        let bare = json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": {"name": "a"}});
        let error = Kustomization::from_value(&bare).unwrap_err().to_string();
        assert_eq!(error, "invalid field `metadata.namespace` of `Kustomization//a`: is required");
    }
}
