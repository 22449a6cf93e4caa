//! A cluster that refuses each object as its name says, and tells which requests it got.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::ObjectId;
use ports::{
    Cluster, ClusterError, ConfigRef, ControllerSeen, Data, DryRun, FluxObjects, Gate, Lock, Refusal, Right,
};
use serde_json::{Value, json};

#[derive(Default)]
pub(crate) struct Choosy {
    /// The arguments of its kustomize-controller.
    pub(crate) arguments: Vec<&'static str>,
    /// Live objects, by name; others are as Git has them.
    pub(crate) live: Vec<Value>,
    /// Whether Kustomization `apps` may force.
    pub(crate) force: bool,
    /// Whether it takes variables from a Secret, which nobody here may read.
    pub(crate) variables: bool,
    pub(crate) rehearsed: Mutex<Vec<String>>,
    /// The service account that Kustomization `apps` names.
    pub(crate) account: Option<&'static str>,
    /// Whether it is asked as service accounts, and which lock of those is open.
    pub(crate) acts: Option<Option<&'static str>>,
    /// The name that it goes by as somebody else, and its open lock.
    pub(crate) acting: Option<(String, Option<&'static str>)>,
}

fn name(manifest: &Value) -> &str {
    manifest["metadata"]["name"].as_str().unwrap_or_default()
}

fn missing(verb: &str, resource: &str) -> Refusal {
    let right = |text: &str| text.to_owned();
    Refusal::MissingRight(Right {
        verb: right(verb),
        group: String::new(),
        resource: right(resource),
        namespace: right("shop"),
    })
}

/// How an object is refused, by its name.
fn refusal(name: &str) -> Option<Refusal> {
    let why = || "the server's words".to_owned();
    let denied = |by, forcing| Refusal::Denied { by, why: "the server's words".to_owned(), forcing };
    Some(match name {
        "policy" => denied(Gate::Policy("no-latest".to_owned()), true),
        "webhook" => denied(Gate::Webhook("no.example".to_owned()), false),
        "quota" => denied(Gate::Quota("few".to_owned()), false),
        "pod-security" => denied(Gate::PodSecurity("restricted".to_owned()), false),
        "no-dry-run" => Refusal::NoDryRun(why()),
        "webhook-down" => Refusal::WebhookDown(why()),
        "no-right" => missing("patch", "configmaps"),
        "no-namespace" => Refusal::NamespaceMissing,
        "going" => Refusal::NamespaceTerminating,
        "no-kind" => Refusal::KindMissing,
        "invalid" => Refusal::Unprocessable(why()),
        "immutable" => Refusal::Immutable(why()),
        "conflict" => Refusal::Conflict(why()),
        "busy" => Refusal::Throttled(why()),
        "late" => Refusal::TimedOut(why()),
        "lost" => Refusal::Unavailable(why()),
        "aggregated" => Refusal::Aggregated("example.test".to_owned()),
        _ => return None,
    })
}

#[async_trait]
impl Cluster for Choosy {
    fn name(&self) -> &str {
        self.acting.as_ref().map_or("prod", |(name, _)| name)
    }

    fn acting_as(&self, namespace: &str, name: &str) -> Option<Arc<dyn Cluster>> {
        let acting = Some((format!("prod as {namespace}/{name}"), self.acts?));
        Some(Arc::new(Self { acting, live: self.live.clone(), ..Self::default() }))
    }

    async fn flux_objects(&self) -> Result<FluxObjects, ClusterError> {
        let metadata = |name: &str| json!({"name": name, "namespace": "flux-system"});
        let from = json!({"kind": "GitRepository", "name": "fleet"});
        let variables = match self.variables {
            true => json!({"substituteFrom": [{"kind": "Secret", "name": "vars", "optional": true}]}),
            false => json!({}),
        };
        Ok(FluxObjects {
            git_repositories: vec![json!({
                "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": metadata("fleet"),
                "spec": {"url": "https://git.example/acme/fleet", "ref": {"branch": "main"}},
            })],
            kustomizations: vec![json!({
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": metadata("apps"),
                "spec": {"path": "./apps", "prune": true, "interval": "1m", "sourceRef": from, "force": self.force, "serviceAccountName": self.account, "postBuild": variables},
            })],
        })
    }

    async fn locks(&self) -> Result<Vec<Lock>, ClusterError> {
        let open = self.acting.as_ref().and_then(|(_, open)| *open);
        Ok(open
            .map(|why| Lock { name: "policy".to_owned(), open: Some(why.to_owned()) })
            .into_iter()
            .collect())
    }

    async fn controller(&self) -> ControllerSeen {
        let container = json!({"name": "manager", "image": "ghcr.io/fluxcd/kustomize-controller:v1.9.4", "args": self.arguments});
        ControllerSeen::Deployment(json!({"spec": {"template": {"spec": {"containers": [container]}}}}))
    }

    async fn data(&self, reference: &ConfigRef) -> Result<Option<Data>, ClusterError> {
        let what = format!("get secrets in namespace `{}`", reference.namespace);
        Err(ClusterError::Forbidden { cluster: self.name().to_owned(), what })
    }

    async fn dry_run(&self, object: &Value) -> DryRun {
        self.rehearsed.lock().unwrap().push(format!("{} {}", object["kind"].as_str().unwrap(), name(object)));
        if let Some(refusal) = refusal(name(object)) {
            return DryRun::Refused(refusal);
        }
        let mut stored = object.clone();
        let live = self.live.iter().find(|live| name(live) == name(object));
        if let Some(live) = live {
            stored["metadata"]["managedFields"] = live["metadata"]["managedFields"].clone();
            let data = live["data"].as_object().cloned().unwrap_or_default();
            let data = data.into_iter().chain(object["data"].as_object().cloned().unwrap_or_default());
            stored["data"] = Value::Object(data.collect());
        }
        stored["metadata"]["resourceVersion"] = json!("1");
        DryRun::Accepted(stored)
    }

    async fn live(&self, manifest: &Value) -> Result<Option<Value>, Refusal> {
        if name(manifest) == "unread" {
            return Err(missing("get", "configmaps"));
        }
        if let Some(live) = self.live.iter().find(|live| name(live) == name(manifest)) {
            return Ok(Some(live.clone()));
        }
        let mut live = manifest.clone();
        live["metadata"]["resourceVersion"] = json!("1");
        Ok(Some(live))
    }

    async fn live_by_id(&self, _: &ObjectId) -> Result<Option<Value>, Refusal> {
        Ok(None)
    }
}
