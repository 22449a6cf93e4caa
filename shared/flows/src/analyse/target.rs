//! Which cluster a Kustomization applies to: the one that is asked, or with `spec.kubeConfig` the one that is configured for it.

use std::sync::Arc;

use domain::report::Unresolved;
use flux::{KubeConfig, Kustomization};
use ports::{Cluster, ConfigRef};

use super::locks::guarded;
use super::render::Side;

/// Where a Kustomization applies.
pub(super) enum Target<'a> {
    /// No cluster is asked at all.
    Nobody,
    /// The cluster that Flux runs on.
    Here(&'a dyn Cluster),
    /// Another one, or one that is asked as a service account.
    Other(Other),
    /// One that cannot be asked, with why: a sentence without a full stop.
    Unknown(String),
}

/// A cluster besides the one that Flux runs on, or that one as somebody else.
pub(super) struct Other {
    cluster: Arc<dyn Cluster>,
    /// Its name, where it is another cluster.
    name: Option<String>,
    /// The service account that it is asked as.
    account: Option<String>,
}

impl<'a> Target<'a> {
    /// Where this one applies, if `asked` is the cluster that Flux runs on. `default_account` is the service account that the controller acts
    /// as for Kustomizations that name none.
    pub(super) async fn of(
        kustomization: &Kustomization,
        asked: Option<&'a dyn Cluster>,
        default_account: Option<&str>,
    ) -> Self {
        let Some(asked) = asked else { return Self::Nobody };
        let account = kustomization.spec.service_account_name.as_deref().or(default_account);
        let Some(reference) = other_cluster(kustomization) else {
            return match acting(kustomization, asked, account).await {
                None => Self::Here(asked),
                Some(Ok((cluster, account))) => {
                    Self::Other(Other { cluster, name: None, account: Some(account) })
                }
                Some(Err(why)) => Self::Unknown(why),
            };
        };
        let remote = match asked.remote(&reference) {
            Some(remote) => Some(guarded(remote).await),
            None => None,
        };
        match remote {
            Some(Ok(cluster)) => Self::remote(kustomization, cluster, account).await,
            Some(Err(why)) => Self::Unknown(format!(
                "its Kustomization applies to another cluster (`spec.kubeConfig`, {reference}), which cannot be asked: {why}"
            )),
            None => Self::Unknown(format!(
                "its Kustomization applies to another cluster (`spec.kubeConfig`, {reference}), which is not configured: add it \
                 to `cluster.remotes` with `for: [{reference}]`"
            )),
        }
    }

    async fn remote(kustomization: &Kustomization, cluster: Arc<dyn Cluster>, account: Option<&str>) -> Self {
        let name = Some(cluster.name().to_owned());
        match acting(kustomization, cluster.as_ref(), account).await {
            None => Self::Other(Other { cluster, name, account: None }),
            Some(Ok((cluster, account))) => Self::Other(Other { cluster, name, account: Some(account) }),
            Some(Err(why)) => Self::Unknown(why),
        }
    }

    /// The cluster to ask.
    pub(super) fn cluster(&self) -> Option<&dyn Cluster> {
        match self {
            Self::Here(cluster) => Some(*cluster),
            Self::Other(other) => Some(other.cluster.as_ref()),
            Self::Nobody | Self::Unknown(_) => None,
        }
    }

    /// Its name, where it is not the one that the report names anyway.
    pub(super) fn name(&self) -> Option<String> {
        match self {
            Self::Other(other) => other.name.clone(),
            _ => None,
        }
    }

    /// The service account that it is asked as, as `namespace/name`.
    pub(super) fn account(&self) -> Option<&str> {
        match self {
            Self::Other(other) => other.account.as_deref(),
            _ => None,
        }
    }
}

/// A cluster as the service account of a Kustomization, whose name is answered too; `None` where it is asked as ourselves.
async fn acting(
    kustomization: &Kustomization,
    cluster: &dyn Cluster,
    account: Option<&str>,
) -> Option<Result<(Arc<dyn Cluster>, String), String>> {
    let (namespace, name) = (&kustomization.key.namespace, account?);
    let tenant = guarded(Ok(cluster.acting_as(namespace, name)?)).await;
    Some(tenant.map(|tenant| (tenant, format!("{namespace}/{name}"))))
}

/// The cluster that a Kustomization applies to where it is not the one that Flux runs on: what `spec.kubeConfig` names, in the
/// Kustomization's own namespace.
pub fn other_cluster(kustomization: &Kustomization) -> Option<ConfigRef> {
    let (secret, name) = match kustomization.spec.kube_config.as_ref()? {
        KubeConfig::Secret { name, .. } => (true, name),
        KubeConfig::ConfigMap { name } => (false, name),
    };
    Some(ConfigRef { secret, namespace: kustomization.key.namespace.clone(), name: name.clone() })
}

/// Kustomizations that the pull request moves from one cluster to another: what becomes of their objects on the first is
/// not looked at.
pub(super) fn moved(base: &Side, result: &Side) -> Vec<Unresolved> {
    let moved = result.nodes.iter().filter(|(key, after)| {
        base.nodes.get(*key).is_some_and(|before| {
            before.kustomization.spec.kube_config != after.kustomization.spec.kube_config
        })
    });
    let why = "the pull request changes its `spec.kubeConfig`: what it applied to the cluster before stays there, and all of it is new to the other one";
    moved.map(|(key, _)| Unresolved { name: key.to_string(), why: why.to_owned() }).collect()
}
