//! [`KubeOperator`]: what people may have Flux do. Its identity is another one than that of [`crate::KubeCluster`], and may nothing else
//! (infra/cluster/preflux-flux.yaml); the two never share a connection.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use kube::Client;
use ports::{ClusterError, FluxAct, FluxObject, Lock, Operator, REQUESTED};
use secrecy::SecretString;
use serde_json::Value;

use crate::api::{Api, Failure};
use crate::call::{Call, Path};
use crate::discovery::Discovery;
use crate::kubeconfig::{self, ConfigError, Options};
use crate::locks;
use crate::reduce::Reducer;
use crate::refusal::cluster_error;

/// Annotations that only mean something to HelmReleases.
const FORCE: &str = "reconcile.fluxcd.io/forceAt";
const RESET: &str = "reconcile.fluxcd.io/resetAt";

/// Who has Flux do something, in one cluster.
pub struct KubeOperator {
    name: String,
    api: Arc<Api>,
    discovery: Discovery,
    reducer: Reducer,
}

impl KubeOperator {
    /// The identity that the current context of a stored kubeconfig names. Nothing is sent yet.
    pub async fn connect(
        name: &str,
        kubeconfig: &SecretString,
        options: &Options,
    ) -> Result<Self, ConfigError> {
        let (config, bearer) = kubeconfig::read(name, kubeconfig, None, options).await?;
        // kube's words for a bad certificate or key do not repeat it.
        let client = Client::try_from(config)
            .map_err(|e| ConfigError::Invalid { cluster: name.to_owned(), reason: e.to_string() })?;
        Ok(Self::over(name, Api::new(client, options).with_bearer(bearer)))
    }

    pub(crate) fn over(name: &str, api: Api) -> Self {
        let (discovery, reducer) = (Discovery::default(), Reducer::new());
        Self { name: name.to_owned(), api: Arc::new(api), discovery, reducer }
    }

    /// Where an object is; `None` where nothing can be of that name.
    async fn place(&self, object: &FluxObject) -> Result<Option<Path>, ClusterError> {
        let (group, kind) = (object.kind.group(), object.kind.kind());
        let served = self.discovery.resolve_any(&self.api, group, kind).await;
        let served = served.map_err(|failure| self.error("read which kinds it serves", failure))?;
        let what = || format!("{}.{group}", object.kind.plural());
        let resource =
            served.ok_or_else(|| ClusterError::NoFlux { cluster: self.name.clone(), what: what() })?;
        Ok(resource.path(&object.namespace, &object.name))
    }

    async fn send(
        &self,
        object: &FluxObject,
        verb: &str,
        call: &Call,
    ) -> Result<Option<Value>, ClusterError> {
        match self.api.ask(call).await {
            Ok(found) => Ok(Some(self.reducer.object(None, found))),
            Err(Failure::Status(status)) if status.code == 404 => Ok(None),
            Err(failure) => {
                let (plural, group, namespace) =
                    (object.kind.plural(), object.kind.group(), &object.namespace);
                Err(self.error(&format!("{verb} {plural}.{group} in namespace `{namespace}`"), failure))
            }
        }
    }

    fn error(&self, what: &str, failure: Failure) -> ClusterError {
        match failure {
            Failure::Status(status) => cluster_error(&self.name, what, &status),
            Failure::Lost { brief, .. } => {
                ClusterError::Unreachable { cluster: self.name.clone(), reason: brief }
            }
        }
    }
}

#[async_trait]
impl Operator for KubeOperator {
    async fn act(&self, object: &FluxObject, act: &FluxAct) -> Result<Option<Value>, ClusterError> {
        let Some(path) = self.place(object).await? else { return Ok(None) };
        let call = match act {
            FluxAct::Reconcile { at, force, reset } => {
                let mut names = vec![REQUESTED];
                names.extend(force.then_some(FORCE));
                names.extend(reset.then_some(RESET));
                let at = Timestamp::from_second(*at).unwrap_or(Timestamp::UNIX_EPOCH).to_string();
                Call::request_reconciliation(&path, &names, &at)
            }
            FluxAct::Suspend => Call::suspend(&path, true),
            FluxAct::Resume => Call::suspend(&path, false),
        };
        self.send(object, "patch", &call).await
    }

    async fn read(&self, object: &FluxObject) -> Result<Option<Value>, ClusterError> {
        let Some(path) = self.place(object).await? else { return Ok(None) };
        self.send(object, "get", &Call::read(&path)).await
    }

    async fn locks(&self) -> Result<Vec<Lock>, ClusterError> {
        let error = |failure| self.error("ask who we are (selfsubjectreviews)", failure);
        locks::of_an_operator(&self.api, error).await
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed call is a failed test")]
    use domain::FluxKind;
    use serde_json::json;

    use super::*;
    use crate::fake::Fake;

    const GROUP: &str = "/apis/kustomize.toolkit.fluxcd.io";

    fn served() -> Fake {
        let versions = json!({"preferredVersion": {"version": "v1"}, "versions": [{"version": "v1"}]});
        let kinds = json!({"resources": [{"name": "kustomizations", "kind": "Kustomization", "namespaced": true, "verbs": ["patch"]}]});
        Fake::default().with(&format!("GET {GROUP}"), 200, versions).with(
            &format!("GET {GROUP}/v1"),
            200,
            kinds,
        )
    }

    fn apps() -> FluxObject {
        FluxObject { kind: FluxKind::Kustomization, namespace: "apps".to_owned(), name: "web".to_owned() }
    }

    #[tokio::test]
    async fn what_is_asked_of_flux_is_a_patch_of_its_own_fields() {
        let patch = format!("PATCH {GROUP}/v1/namespaces/apps/kustomizations/web");
        let (operator, log) = served().with(&patch, 200, json!({"a": 1})).operator();
        let reconcile = FluxAct::Reconcile { at: 1_700_000_000, force: true, reset: false };
        for act in [reconcile, FluxAct::Suspend, FluxAct::Resume] {
            assert_eq!(operator.act(&apps(), &act).await.unwrap(), Some(json!({"a": 1})));
        }
        let sent: Vec<String> =
            log.lock().unwrap().iter().filter(|s| s.starts_with("PATCH")).cloned().collect();
        let patch = |body: &str| format!("{patch}?fieldManager=preflux {body}");
        assert_eq!(
            sent,
            [
                patch(
                    r#"{"metadata":{"annotations":{"reconcile.fluxcd.io/forceAt":"2023-11-14T22:13:20Z","reconcile.fluxcd.io/requestedAt":"2023-11-14T22:13:20Z"}}}"#
                ),
                patch(r#"{"spec":{"suspend":true}}"#),
                patch(r#"{"spec":{"suspend":null}}"#),
            ]
        );
    }

    #[tokio::test]
    async fn what_is_not_there_or_not_allowed_is_told_apart() {
        let patch = format!("PATCH {GROUP}/v1/namespaces/apps/kustomizations/web");
        let (operator, _) = served().operator();
        assert_eq!(operator.act(&apps(), &FluxAct::Suspend).await.unwrap(), None);
        assert_eq!(operator.read(&apps()).await.unwrap(), None);
        let slash = FluxObject { name: "a/status".to_owned(), ..apps() };
        assert_eq!(operator.act(&slash, &FluxAct::Suspend).await.unwrap(), None);
        let (operator, _) = served().with(&patch, 403, json!({"message": "no"})).operator();
        let error = operator.act(&apps(), &FluxAct::Suspend).await.unwrap_err().to_string();
        assert!(
            error.contains(
                "does not allow patch kustomizations.kustomize.toolkit.fluxcd.io in namespace `apps`"
            ),
            "{error}"
        );
        let other = FluxObject { kind: FluxKind::Alert, ..apps() };
        assert!(matches!(operator.act(&other, &FluxAct::Suspend).await, Err(ClusterError::NoFlux { .. })));
    }
}
