//! A cluster that plants `salt` into everything that Git does not say: Secrets, annotations, environments, data, errors.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use domain::ObjectId;
use ports::{
    Cluster, ClusterError, ConfigRef, ControllerSeen, Data, DryRun, FluxObjects, Gate, Lock, Refusal,
};
use serde_json::{Value, json};

pub(crate) struct Hostile {
    pub(crate) salt: String,
    pub(crate) asked: Mutex<Vec<String>>,
}

impl Hostile {
    pub(crate) fn new(salt: &str) -> Self {
        Self { salt: salt.to_owned(), asked: Mutex::default() }
    }

    fn note(&self, what: &str) {
        self.asked.lock().unwrap().push(what.to_owned());
    }

    /// What the server makes of a manifest: defaults, a webhook's doings, and copies of what was applied.
    fn stored(&self, manifest: &Value, live: bool) -> Value {
        let salt = &self.salt;
        let mut object = manifest.clone();
        object["metadata"]["resourceVersion"] = json!("1");
        object["metadata"]["managedFields"] =
            json!([{"manager": "m", "fieldsV1": {"f:x": {format!("v:\"{salt}\""): {}}}}]);
        let annotations =
            json!({"kubectl.kubernetes.io/last-applied-configuration": salt, "webhook.example/token": salt});
        object["metadata"]["annotations"] = annotations;
        match object["kind"].as_str().unwrap_or_default() {
            "Secret" => {
                object["data"]["planted"] = json!(salt);
                object["stringData"] = json!({ "more": salt });
            }
            "ConfigMap" => object["data"]["injected"] = json!(format!("vault says {salt}")),
            "HelmRelease" => object["spec"]["values"]["password"] = json!(salt),
            "Deployment" => {
                let container = &mut object["spec"]["template"]["spec"]["containers"][0];
                container["env"] = json!([{"name": "TOKEN", "value": salt}]);
                container["args"] = json!([format!("--token={salt}")]);
                container["terminationMessagePath"] = json!("/dev/termination-log");
            }
            _ => object["spec"]["note"] = json!(salt),
        }
        if live {
            object["metadata"]["labels"] = json!({ "by-hand": salt });
            object["spec"]["replicas"] = json!(77);
            object["data"]["drifted"] = json!(salt);
        }
        object
    }
}

pub(crate) fn flux() -> FluxObjects {
    let metadata = |name: &str| json!({"name": name, "namespace": "flux-system"});
    let from = json!({"kind": "GitRepository", "name": "fleet"});
    let build = json!({"substituteFrom": [{"kind": "Secret", "name": "vars"}]});
    FluxObjects {
        git_repositories: vec![json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": metadata("fleet"),
            "spec": {"url": "https://git.example/acme/fleet", "ref": {"branch": "main"}},
        })],
        kustomizations: vec![json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": metadata("apps"),
            "spec": {"path": "./apps", "prune": true, "interval": "1m", "sourceRef": from, "postBuild": build},
        })],
    }
}

#[async_trait]
impl Cluster for Hostile {
    fn name(&self) -> &str {
        self.note("name");
        "prod"
    }

    async fn flux_objects(&self) -> Result<FluxObjects, ClusterError> {
        self.note("flux_objects");
        Ok(flux())
    }

    async fn locks(&self) -> Result<Vec<Lock>, ClusterError> {
        self.note("locks");
        Ok(Vec::new())
    }

    async fn controller(&self) -> ControllerSeen {
        self.note("controller");
        ControllerSeen::Configured("1.9.4".to_owned())
    }

    async fn data(&self, _: &ConfigRef) -> Result<Option<Data>, ClusterError> {
        self.note("data");
        Ok(Some(BTreeMap::from([("password".to_owned(), format!("{}&{}", self.salt, self.salt))])))
    }

    async fn dry_run(&self, object: &Value) -> DryRun {
        self.note("dry_run");
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let words =
            format!("admission webhook denied it: the token {} is known, \"{}\"", self.salt, self.salt);
        match name {
            "refused" => DryRun::Refused(Refusal::Invalid(words)),
            "busy" => DryRun::Refused(Refusal::Unavailable(words)),
            "forbidden" => DryRun::Refused(Refusal::Forbidden(words)),
            "immutable" => DryRun::Refused(Refusal::Immutable(words)),
            "denied" => {
                let by = Gate::Webhook(self.salt.clone());
                DryRun::Refused(Refusal::Denied { by, why: words, forcing: true })
            }
            "conflict" => DryRun::Refused(Refusal::Conflict(words)),
            "throttled" => DryRun::Refused(Refusal::Throttled(words)),
            "late" => DryRun::Refused(Refusal::TimedOut(words)),
            "aggregated" => DryRun::Refused(Refusal::Aggregated(self.salt.clone())),
            _ => DryRun::Accepted(self.stored(object, false)),
        }
    }

    async fn live(&self, manifest: &Value) -> Result<Option<Value>, Refusal> {
        self.note("live");
        Ok(Some(self.stored(manifest, true)))
    }

    async fn live_by_id(&self, id: &ObjectId) -> Result<Option<Value>, Refusal> {
        self.note("live_by_id");
        let manifest = json!({"apiVersion": "v1", "kind": id.kind, "metadata": {"name": id.name, "namespace": id.namespace}});
        Ok(Some(self.stored(&manifest, true)))
    }
}
