//! [`KubeCluster`]: what the port asks for, in calls.

use std::collections::BTreeMap;
use std::path::Path as FilePath;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::{FluxKind, ObjectId};
use kube::{Client, Config};
use ports::{Cluster, ClusterError, ConfigRef, ControllerSeen, Data, DryRun, FluxObjects, Lock, Refusal};
use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::ahead;
use crate::api::{Api, Failure};
use crate::call::{Call, Path};
use crate::discovery::{Discovery, Resource};
use crate::eks::Bearer;
use crate::kubeconfig::{self, ConfigError, Options, Trust};
use crate::locks;
use crate::reduce::{self, Reducer};
use crate::refusal::{cluster_error, refusal, webhook_down};

/// Pages of a list, 500 objects each, that are read before something must be wrong.
const MAX_PAGES: usize = 200;

/// One cluster.
pub struct KubeCluster {
    name: String,
    pub(crate) api: Arc<Api>,
    pub(crate) discovery: Discovery,
    pub(crate) reducer: Reducer,
    remotes: BTreeMap<ConfigRef, Result<Arc<dyn Cluster>, String>>,
    flux: FluxAt,
    pub(crate) trust: Trust,
    pub(crate) unlisted: ahead::Refused,
    locks: Mutex<Option<(Instant, Vec<Lock>)>>,
    tenants: Option<Tenants>,
    /// Of one that acts as a service account: our own identity, which looks at the locks.
    own: Option<Arc<Api>>,
}

/// The service accounts that it was asked as, by namespace and name.
type Tenants = std::sync::Mutex<BTreeMap<(String, String), Arc<KubeCluster>>>;

/// Where Flux's own controllers are, and which version is assumed where that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FluxAt {
    /// Their namespace.
    pub namespace: String,
    /// The version of kustomize-controller, such as `v1.9.4`.
    pub version: Option<String>,
}

impl Default for FluxAt {
    fn default() -> Self {
        Self { namespace: "flux-system".to_owned(), version: None }
    }
}

/// How long locks that hold are believed to; a policy is not taken away in passing.
const LOCKED: Duration = Duration::from_secs(3600);

/// How long open locks are believed to be open: somebody is mending them.
const UNLOCKED: Duration = Duration::from_secs(60);

impl KubeCluster {
    /// The cluster that the current context of a stored kubeconfig names. Nothing is sent yet.
    pub async fn connect(
        name: &str,
        kubeconfig: &SecretString,
        options: &Options,
    ) -> Result<Self, ConfigError> {
        Self::make(name, kubeconfig::read(name, kubeconfig, None, options).await?, options)
    }

    /// The cluster that the current context of a person's own kubeconfig names. Such a file may name other files, by paths
    /// relative to its own, whatever `options.trust` says; it may not run programs either.
    pub async fn from_file(name: &str, path: &FilePath, options: &Options) -> Result<Self, ConfigError> {
        let failed = |source| ConfigError::File { path: path.to_owned(), source };
        let text: SecretString = tokio::fs::read_to_string(path).await.map_err(failed)?.into();
        let whole = std::path::absolute(path).map_err(failed)?;
        let options = Options { trust: Trust::OwnFile, ..options.clone() };
        Self::make(name, kubeconfig::read(name, &text, whole.parent(), &options).await?, &options)
    }

    fn make(
        name: &str,
        (config, bearer): (Config, Option<Bearer>),
        options: &Options,
    ) -> Result<Self, ConfigError> {
        // kube's words for a bad certificate or key do not repeat it.
        let client = Client::try_from(config)
            .map_err(|e| ConfigError::Invalid { cluster: name.to_owned(), reason: e.to_string() })?;
        let api = Api::new(client, options).with_bearer(bearer);
        Ok(Self { trust: options.trust, ..Self::over(name, api) })
    }

    /// With the clusters that its Kustomizations reach by `spec.kubeConfig`, or why they cannot be asked.
    pub fn with_remotes(self, remotes: BTreeMap<ConfigRef, Result<Arc<dyn Cluster>, String>>) -> Self {
        Self { remotes, ..self }
    }

    /// With Flux's own controllers somewhere else than usual, or in a version that need not be read.
    pub fn with_flux(self, flux: FluxAt) -> Self {
        Self { flux, ..self }
    }

    pub(crate) fn over(name: &str, api: Api) -> Self {
        Self {
            name: name.to_owned(),
            api: Arc::new(api),
            discovery: Discovery::default(),
            reducer: Reducer::new(),
            remotes: BTreeMap::new(),
            flux: FluxAt::default(),
            trust: Trust::Stored,
            unlisted: ahead::Refused::default(),
            locks: Mutex::default(),
            tenants: None,
            own: None,
        }
    }

    /// With the right to act as the service accounts that Kustomizations name, always in the group that the admission policy guards.
    pub fn with_impersonation(self, impersonates: bool) -> Self {
        Self { tenants: impersonates.then(Tenants::default), ..self }
    }

    /// As a service account, with the groups that it has anyway, and with the marker.
    fn tenant(&self, namespace: &str, name: &str) -> Option<Self> {
        let groups = [
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{namespace}"),
            "system:authenticated".to_owned(),
            locks::MARKER.to_owned(),
        ];
        let api = self.api.acting_as(&format!("system:serviceaccount:{namespace}:{name}"), &groups)?;
        let own = Some(self.api.clone());
        let name = format!("{} as {namespace}/{name}", self.name);
        Some(Self { own, trust: self.trust, flux: self.flux.clone(), ..Self::over(&name, api) })
    }

    /// Tries all locks now, in the namespaces that hold Kustomizations and everywhere that matters anyway.
    async fn try_locks(&self) -> Result<Vec<Lock>, ClusterError> {
        let error = |failure| self.error("ask who we are (selfsubjectreviews)", failure);
        if let Some(own) = &self.own {
            return locks::of_a_tenant(own, &self.api, error).await;
        }
        // Without Flux there is nothing to compare either, which is said elsewhere.
        let flux = self.flux_kind(FluxKind::Kustomization).await.unwrap_or_default();
        let namespace = |object: &Value| object["metadata"]["namespace"].as_str().map(str::to_owned);
        locks::all(&self.api, &flux.iter().filter_map(namespace).collect(), error).await
    }

    /// Every object of one of Flux's kinds, in v1 or else in the version that the cluster prefers.
    async fn flux_kind(&self, kind: FluxKind) -> Result<Vec<Value>, ClusterError> {
        let (group, plural) = (kind.group(), kind.plural());
        let what = format!("list {plural}.{group}");
        let list = async |version: &str| match Path::new(&["apis", group, version, plural]) {
            Some(path) => self.list(&path).await.map_err(|e| self.error(&what, e)),
            None => Ok(None),
        };
        if let Some(found) = list("v1").await? {
            return Ok(found);
        }
        for version in self.discovery.versions(&self.api, group).await.map_err(|e| self.error(&what, e))? {
            if let Some(found) = list(&version).await? {
                return Ok(found);
            }
        }
        Err(ClusterError::NoFlux { cluster: self.name.clone(), what: format!("{plural}.{group}") })
    }

    /// All pages of a list; `None` when it is not served.
    async fn list(&self, path: &Path) -> Result<Option<Vec<Value>>, Failure> {
        let mut found = Vec::new();
        let mut next: Option<String> = None;
        let mut again = true;
        for _ in 0..MAX_PAGES {
            let mut page = match self.api.ask(&Call::read_page(path, next.as_deref())).await {
                Err(Failure::Status(status)) if status.code == 404 => return Ok(None),
                // The server forgot where we were: from the start, once.
                Err(Failure::Status(status)) if status.code == 410 && again => {
                    (found, next, again) = (Vec::new(), None, false);
                    continue;
                }
                page => page?,
            };
            if let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) {
                found.extend(items.into_iter().map(|item| self.reducer.object(None, item)));
            }
            next = page.pointer("/metadata/continue").and_then(Value::as_str).map(str::to_owned);
            if next.as_deref().is_none_or(str::is_empty) {
                return Ok(Some(found));
            }
        }
        Err(Failure::lost(format!("the list has over {MAX_PAGES} pages")))
    }

    pub(crate) fn error(&self, what: &str, failure: Failure) -> ClusterError {
        match failure {
            Failure::Status(status) => cluster_error(&self.name, what, &status),
            Failure::Lost { brief, .. } => {
                ClusterError::Unreachable { cluster: self.name.clone(), reason: brief }
            }
        }
    }

    /// Where a manifest's object is.
    async fn place(&self, manifest: &Value) -> Result<(Resource, Path), Refusal> {
        let missing = |field: &str| Refusal::Invalid(format!("`{field}` is missing"));
        let version = manifest.get("apiVersion").and_then(Value::as_str);
        let version = version.ok_or_else(|| missing("apiVersion"))?;
        if manifest.get("kind").and_then(Value::as_str).is_none() {
            return Err(missing("kind"));
        }
        let id = ObjectId::of(manifest).ok_or_else(|| missing("metadata.name"))?;
        let resource = self.discovery.resolve(&self.api, version, &id.kind).await.map_err(refused)?;
        let resource = resource.ok_or(Refusal::KindMissing)?;
        let path = path(&resource, &id)?;
        Ok((resource, path))
    }

    async fn read(&self, resource: &Resource, path: &Path) -> Result<Option<Value>, Refusal> {
        match self.api.ask(&Call::read(path)).await {
            Err(Failure::Status(status)) if status.code == 404 => Ok(None),
            answer => self.leaves(resource, answer).map(Some),
        }
    }

    /// An answer about an object, as far as it may leave this crate.
    fn leaves(&self, asked: &Resource, answer: Result<Value, Failure>) -> Result<Value, Refusal> {
        match answer {
            Ok(object) => Ok(self.reducer.object(Some(asked), object)),
            Err(failure) => Err(reduce::refusal(asked, refused(failure))),
        }
    }

    async fn apply(&self, object: &Value) -> Result<Value, Refusal> {
        let (resource, path) = self.place(object).await?;
        if !resource.patchable {
            return Err(Refusal::Invalid(format!("`{}` cannot be applied", resource.plural)));
        }
        if self.discovery.served_elsewhere(&self.api, &resource).await.map_err(refused)? {
            return Err(Refusal::Aggregated(resource.group));
        }
        self.leaves(&resource, self.api.ask(&Call::dry_run_apply(&path, object)).await)
    }
}

#[async_trait]
impl Cluster for KubeCluster {
    fn name(&self) -> &str {
        &self.name
    }

    fn remote(&self, reference: &ConfigRef) -> Option<Result<Arc<dyn Cluster>, String>> {
        self.remotes.get(reference).cloned()
    }

    fn acting_as(&self, namespace: &str, name: &str) -> Option<Arc<dyn Cluster>> {
        let mut tenants = self.tenants.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (namespace.to_owned(), name.to_owned());
        if let Some(tenant) = tenants.get(&key) {
            return Some(tenant.clone());
        }
        let tenant = Arc::new(self.tenant(namespace, name)?);
        tenants.insert(key, tenant.clone());
        Some(tenant)
    }

    async fn locks(&self) -> Result<Vec<Lock>, ClusterError> {
        if self.trust == Trust::OwnFile {
            return Ok(Vec::new());
        }
        let mut kept = self.locks.lock().await;
        if let Some((at, locks)) = kept.as_ref() {
            let all_hold = locks.iter().all(|lock| lock.open.is_none());
            if at.elapsed() < if all_hold { LOCKED } else { UNLOCKED } {
                return Ok(locks.clone());
            }
        }
        let locks = self.try_locks().await?;
        *kept = Some((Instant::now(), locks.clone()));
        Ok(locks)
    }

    async fn flux_objects(&self) -> Result<FluxObjects, ClusterError> {
        let kustomizations = self.flux_kind(FluxKind::Kustomization).await?;
        let git_repositories = self.flux_kind(FluxKind::GitRepository).await?;
        Ok(FluxObjects { kustomizations, git_repositories })
    }

    async fn objects(&self, kind: FluxKind) -> Result<Vec<Value>, ClusterError> {
        self.flux_kind(kind).await
    }

    async fn controller(&self) -> ControllerSeen {
        let FluxAt { namespace, version } = &self.flux;
        let parts = ["apis", "apps", "v1", "namespaces", namespace, "deployments", "kustomize-controller"];
        let why = match Path::new(&parts) {
            None => "its namespace is no name".to_owned(),
            Some(path) => match self.api.ask(&Call::read(&path)).await {
                Ok(deployment) => return ControllerSeen::Deployment(deployment),
                Err(Failure::Status(status)) if status.code == 404 => "there is none by that name".to_owned(),
                Err(Failure::Status(status)) if status.code == 403 => "reading it is not granted".to_owned(),
                Err(_) => "the API server did not answer".to_owned(),
            },
        };
        match version {
            Some(version) => ControllerSeen::Configured(version.clone()),
            None => ControllerSeen::Unknown(format!(
                "the Deployment `{namespace}/kustomize-controller` of cluster `{}` could not be read ({why}): grant it \
                 (infra/cluster), or set `cluster.flux_namespace` or `cluster.controller_version`",
                self.name
            )),
        }
    }

    async fn data(&self, reference: &ConfigRef) -> Result<Option<Data>, ClusterError> {
        let ConfigRef { secret, namespace, name } = reference;
        let plural = if *secret { "secrets" } else { "configmaps" };
        let Some(path) = Path::new(&["api", "v1", "namespaces", namespace, plural, name]) else {
            return Ok(None);
        };
        match self.api.ask(&Call::read(&path)).await {
            Ok(object) => Ok(Some(data(&object, *secret))),
            Err(Failure::Status(status)) if status.code == 404 => Ok(None),
            Err(failure) => Err(self.error(&format!("get {plural} in namespace `{namespace}`"), failure)),
        }
    }

    async fn dry_run(&self, object: &Value) -> DryRun {
        match self.apply(object).await {
            Ok(stored) => DryRun::Accepted(stored),
            Err(refusal) => DryRun::Refused(refusal),
        }
    }

    async fn live(&self, manifest: &Value) -> Result<Option<Value>, Refusal> {
        match self.place(manifest).await {
            Ok((resource, path)) => self.read(&resource, &path).await,
            // What cannot be stored there is not there.
            Err(Refusal::KindMissing) => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    async fn live_ahead(&self, manifests: &[&Value]) -> Vec<Option<Value>> {
        self.ahead(manifests).await
    }

    async fn live_by_id(&self, id: &ObjectId) -> Result<Option<Value>, Refusal> {
        match self.discovery.resolve_any(&self.api, &id.group, &id.kind).await.map_err(refused)? {
            Some(resource) => self.read(&resource, &path(&resource, id)?).await,
            None => Ok(None),
        }
    }
}

fn path(resource: &Resource, id: &ObjectId) -> Result<Path, Refusal> {
    if resource.namespaced && id.namespace.is_empty() {
        return Err(Refusal::Invalid("namespace not specified".to_owned()));
    }
    let wrong = || Refusal::Invalid("name or namespace is empty, or holds `/` or `%`".to_owned());
    resource.path(&id.namespace, &id.name).ok_or_else(wrong)
}

fn refused(failure: Failure) -> Refusal {
    match failure {
        Failure::Status(status) => refusal(&status),
        Failure::Lost { whole, .. } if webhook_down(&whole) => Refusal::WebhookDown(whole),
        Failure::Lost { code: 409, whole, .. } => Refusal::Conflict(whole),
        Failure::Lost { code: 429, whole, .. } => Refusal::Throttled(whole),
        Failure::Lost { code: 408 | 504, whole, .. } => Refusal::TimedOut(whole),
        Failure::Lost { whole, .. } => Refusal::Unavailable(whole),
    }
}

/// Flux puts a Secret's bytes into YAML text, where only UTF-8 can be: other bytes are shown as U+FFFD.
fn data(object: &Value, encoded: bool) -> Data {
    let entries = object.get("data").and_then(Value::as_object).into_iter().flatten();
    let entries = entries.filter_map(|(key, value)| Some((key.clone(), value.as_str()?)));
    let text = |value: &str| match encoded {
        true => STANDARD.decode(value).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).ok(),
        false => Some(value.to_owned()),
    };
    entries.filter_map(|(key, value)| Some((key, text(value)?))).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed call is the test's failure")]
    use super::*;
    use crate::fake::{Fake, Sent};
    use serde_json::json;

    const MAP: &str = "/api/v1/namespaces/apps/configmaps/web";

    fn map(name: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "apps"}})
    }

    fn sent(sent: &Sent) -> Vec<String> {
        sent.lock().unwrap().clone()
    }

    async fn refused(fake: Fake, object: &Value) -> Refusal {
        match fake.cluster().0.dry_run(object).await {
            DryRun::Refused(refusal) => refusal,
            DryRun::Accepted(object) => panic!("accepted {object}"),
        }
    }

    #[tokio::test]
    async fn a_dry_run_is_one_patch_and_discovery_is_kept() {
        let patch = format!("PATCH {MAP}");
        let (cluster, log) = Fake::core().with(&patch, 200, json!({"kind": "ConfigMap"})).cluster();
        for _ in 0..2 {
            assert_eq!(cluster.dry_run(&map("web")).await, DryRun::Accepted(json!({"kind": "ConfigMap"})));
        }
        let patch = format!("{patch}?dryRun=All&force=true&fieldManager=kustomize-controller");
        assert_eq!(sent(&log), ["GET /api/v1", &patch, &patch]);
    }

    #[tokio::test]
    async fn what_cannot_be_placed_is_refused_before_it_is_sent() {
        let check = async |object: Value, expected: &str| {
            let (cluster, log) = Fake::core().cluster();
            let DryRun::Refused(Refusal::Invalid(why)) = cluster.dry_run(&object).await else {
                panic!("{object}")
            };
            assert!(why.contains(expected), "{why}");
            assert!(sent(&log).iter().all(|s| s.starts_with("GET")), "{:?}", sent(&log));
        };
        check(json!({"kind": "ConfigMap", "metadata": {"name": "a"}}), "`apiVersion` is missing").await;
        check(json!({"apiVersion": "v1", "metadata": {"name": "a"}}), "`kind` is missing").await;
        check(json!({"apiVersion": "v1", "kind": "ConfigMap"}), "`metadata.name` is missing").await;
        let bare = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
        check(bare, "namespace not specified").await;
        for name in ["", "..", "web/token", "a%2Fb"] {
            check(map(name), "name or namespace is empty, or holds").await;
        }
        let binding =
            json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "a", "namespace": "b"}});
        check(binding, "`bindings` cannot be applied").await;
    }

    #[tokio::test]
    async fn kinds_that_are_not_served_are_missing() {
        let kind = |version: &str, kind: &str| json!({"apiVersion": version, "kind": kind, "metadata": {"name": "a"}});
        for object in [
            kind("v1", "Widget"),
            kind("example.test/v1", "Widget"),
            kind("a/b/c", "Widget"),
            kind("", "Widget"),
            // A subresource is no kind of its own.
            kind("v1", "TokenRequest"),
        ] {
            assert_eq!(refused(Fake::core(), &object).await, Refusal::KindMissing, "{object}");
            assert_eq!(Fake::core().cluster().0.live(&object).await, Ok(None));
        }
    }

    #[tokio::test]
    async fn aggregated_servers_are_not_asked() {
        let service = "GET /apis/apiregistration.k8s.io/v1/apiservices/v1.example.test";
        let kinds = json!([{"name": "widgets", "kind": "Widget", "namespaced": false, "verbs": ["patch"]}]);
        let fake = || Fake::core().with("GET /apis/example.test/v1", 200, json!({"resources": kinds}));
        let widget = json!({"apiVersion": "example.test/v1", "kind": "Widget", "metadata": {"name": "a"}});
        let elsewhere = fake().with(service, 200, json!({"spec": {"service": {"name": "x"}}}));
        assert!(
            matches!(refused(elsewhere, &widget).await, Refusal::Aggregated(group) if group == "example.test")
        );
        let denied = "apiservices \"x\" is forbidden: User \"u\" cannot get resource \"apiservices\" in API group \"g\" at the cluster scope";
        let unknown = fake().with(service, 403, json!({"message": denied}));
        assert!(
            matches!(refused(unknown, &widget).await, Refusal::MissingRight(right) if right.verb == "get")
        );
        let here = fake().with(service, 200, json!({"spec": {"group": "example.test"}}));
        let (cluster, _) = here.with("PATCH /apis/example.test/v1/widgets/a", 201, json!({"a": 1})).cluster();
        assert_eq!(cluster.dry_run(&widget).await, DryRun::Accepted(json!({"a": 1})));
    }

    #[tokio::test]
    async fn overload_is_tried_again_but_not_for_ever() {
        let patch = format!("PATCH {MAP}");
        let busy = || Fake::core().with(&patch, 429, json!({"message": "busy"})).with(&patch, 503, json!({}));
        let (cluster, log) = busy().with(&patch, 200, json!({"a": 1})).cluster();
        assert_eq!(cluster.dry_run(&map("web")).await, DryRun::Accepted(json!({"a": 1})));
        assert_eq!(sent(&log).len(), 4);
        let refusal = refused(busy(), &map("web")).await;
        assert_eq!(refusal, Refusal::Unavailable(format!("{patch}: HTTP status 503")));
        let (cluster, log) = Fake::core().with(&patch, 422, json!({"message": "is immutable"})).cluster();
        assert_eq!(
            cluster.dry_run(&map("web")).await,
            DryRun::Refused(Refusal::Immutable("is immutable".to_owned()))
        );
        assert_eq!(sent(&log).len(), 2, "a definite answer is not asked for twice");
    }

    #[tokio::test]
    async fn a_server_that_asks_for_a_long_wait_is_left_alone() {
        let patch = format!("PATCH {MAP}");
        let slow_down = json!({"message": "slow down", "details": {"retryAfterSeconds": 120}});
        let (cluster, log) = Fake::core().with(&patch, 429, slow_down).cluster();
        let DryRun::Refused(Refusal::Throttled(why)) = cluster.dry_run(&map("web")).await else { panic!() };
        assert!(why.ends_with("slow down (it asks to come back after 120 s)"), "{why}");
        assert_eq!(sent(&log).len(), 2, "coming back earlier would only add to the load");
        let conflict = json!({"message": "the object has been modified"});
        assert!(matches!(
            refused(Fake::core().with(&patch, 409, conflict), &map("web")).await,
            Refusal::Conflict(_)
        ));
    }

    #[tokio::test]
    async fn lists_are_read_to_the_end_in_the_version_that_is_served() {
        let kustomizations = "GET /apis/kustomize.toolkit.fluxcd.io/v1/kustomizations";
        let versions = json!({"preferredVersion": {"version": "v1beta2"}, "versions": [{"version": "v1beta2"}, {"version": "v1beta1"}]});
        let fake = Fake::default()
            .with(kustomizations, 200, json!({"items": [1, 2], "metadata": {"continue": "a&b"}}))
            .with(kustomizations, 410, json!({}))
            .with(kustomizations, 200, json!({"items": [1, 2], "metadata": {"continue": "c"}}))
            .with(kustomizations, 200, json!({"items": [3], "metadata": {}}))
            .with("GET /apis/source.toolkit.fluxcd.io", 200, versions)
            .with("GET /apis/source.toolkit.fluxcd.io/v1beta2/gitrepositories", 200, json!({"items": [4]}));
        let (cluster, log) = fake.cluster();
        let found = cluster.flux_objects().await.unwrap();
        assert_eq!(
            (found.kustomizations, found.git_repositories),
            (vec![json!(1), json!(2), json!(3)], vec![json!(4)])
        );
        assert!(sent(&log)[1].ends_with("?limit=500&continue=a%26b"), "{:?}", sent(&log));
        let group = "GET /apis/notification.toolkit.fluxcd.io";
        let versions = json!({"preferredVersion": {"version": "v1"}, "versions": [{"version": "v1"}, {"version": "v1beta3"}]});
        let fake = Fake::default().with(group, 200, versions).with(
            &format!("{group}/v1beta3/alerts"),
            200,
            json!({"items": [5]}),
        );
        let (cluster, _) = fake.cluster();
        assert_eq!(cluster.objects(FluxKind::Alert).await.unwrap(), [json!(5)], "not every kind is in v1");
        let missing = cluster.objects(FluxKind::Provider).await.unwrap_err();
        assert!(matches!(missing, ClusterError::NoFlux { .. }), "{missing}");
    }

    #[tokio::test]
    async fn a_cluster_without_flux_or_permission_says_so() {
        let said = async |fake: Fake| fake.cluster().0.flux_objects().await.unwrap_err().to_string();
        let missing =
            "cluster `fake` does not serve `kustomizations.kustomize.toolkit.fluxcd.io`: is Flux installed?";
        assert_eq!(said(Fake::default()).await, missing);
        let list = "GET /apis/kustomize.toolkit.fluxcd.io/v1/kustomizations";
        let denied = said(Fake::default().with(list, 403, json!({"message": "no"}))).await;
        assert!(
            denied.contains("does not allow list kustomizations.kustomize.toolkit.fluxcd.io"),
            "{denied}"
        );
        let renew = said(Fake::default().with(list, 401, json!({}))).await;
        assert!(renew.contains("refused the credentials (401)"), "{renew}");
    }

    #[tokio::test]
    async fn the_controller_is_read_else_configured_else_unknown() {
        const DEPLOYMENT: &str = "GET /apis/apps/v1/namespaces/flux/deployments/kustomize-controller";
        let seen = async |code: u16, version: Option<&str>| {
            let (cluster, _) = Fake::default()
                .with(DEPLOYMENT, code, json!({"message": "no", "kind": "Deployment"}))
                .cluster();
            let flux = FluxAt { namespace: "flux".to_owned(), version: version.map(str::to_owned) };
            cluster.with_flux(flux).controller().await
        };
        assert!(
            matches!(seen(200, Some("v1.8.0")).await, ControllerSeen::Deployment(found) if found["kind"] == "Deployment")
        );
        assert_eq!(seen(403, Some("v1.8.0")).await, ControllerSeen::Configured("v1.8.0".to_owned()));
        for (code, why) in [(403, "is not granted"), (404, "none by that name"), (503, "did not answer")] {
            let ControllerSeen::Unknown(said) = seen(code, None).await else { panic!("{code}") };
            assert!(said.contains(why) && said.contains("`flux/kustomize-controller`"), "{said}");
        }
    }

    #[tokio::test]
    async fn data_is_decoded() {
        let secrets = "GET /api/v1/namespaces/apps/secrets/web";
        let stored = json!({"data": {"a": "w6kK", "bytes": "/w==", "wrong": "%", "odd": 1}});
        let fake = Fake::core().with(secrets, 200, stored).with(
            &format!("GET {MAP}"),
            200,
            json!({"data": {"a": "b"}, "binaryData": {"c": "/w=="}}),
        );
        let (cluster, _) = fake.cluster();
        let get = async |secret, name: &str| {
            let reference = ConfigRef { secret, namespace: "apps".to_owned(), name: name.to_owned() };
            let data = cluster.data(&reference).await.unwrap();
            data.map(|d| d.into_iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(get(true, "web").await.as_deref(), Some("a=é\n bytes=\u{fffd}"));
        assert_eq!(get(false, "web").await.as_deref(), Some("a=b"));
        assert_eq!((get(true, "none").await, get(true, "a/b").await), (None, None));
    }
}
