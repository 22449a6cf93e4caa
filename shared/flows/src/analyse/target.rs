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
    /// Another one.
    Remote(Arc<dyn Cluster>),
    /// One that cannot be asked, with why: a sentence without a full stop.
    Unknown(String),
}

impl<'a> Target<'a> {
    /// Where this one applies, if `asked` is the cluster that Flux runs on.
    pub(super) async fn of(kustomization: &Kustomization, asked: Option<&'a dyn Cluster>) -> Self {
        let Some(asked) = asked else { return Self::Nobody };
        let Some(reference) = reference(kustomization) else { return Self::Here(asked) };
        let words = words(&reference);
        let remote = match asked.remote(&reference) {
            Some(remote) => Some(guarded(remote).await),
            None => None,
        };
        match remote {
            Some(Ok(cluster)) => Self::Remote(cluster),
            Some(Err(why)) => Self::Unknown(format!(
                "its Kustomization applies to another cluster (`spec.kubeConfig`, {words}), which cannot be asked: {why}"
            )),
            None => Self::Unknown(format!(
                "its Kustomization applies to another cluster (`spec.kubeConfig`, {words}), which is not configured: add it \
                 to `cluster.remotes` with `for: [{words}]`"
            )),
        }
    }

    /// The cluster to ask.
    pub(super) fn cluster(&self) -> Option<&dyn Cluster> {
        match self {
            Self::Here(cluster) => Some(*cluster),
            Self::Remote(cluster) => Some(cluster.as_ref()),
            Self::Nobody | Self::Unknown(_) => None,
        }
    }

    /// Its name, where it is not the one that the report names anyway.
    pub(super) fn name(&self) -> Option<String> {
        match self {
            Self::Remote(cluster) => Some(cluster.name().to_owned()),
            _ => None,
        }
    }
}

/// What `spec.kubeConfig` names, in the Kustomization's own namespace.
fn reference(kustomization: &Kustomization) -> Option<ConfigRef> {
    let (secret, name) = match kustomization.spec.kube_config.as_ref()? {
        KubeConfig::Secret { name, .. } => (true, name),
        KubeConfig::ConfigMap { name } => (false, name),
    };
    Some(ConfigRef { secret, namespace: kustomization.key.namespace.clone(), name: name.clone() })
}

fn words(reference: &ConfigRef) -> String {
    let kind = if reference.secret { "Secret" } else { "ConfigMap" };
    format!("{kind}/{}/{}", reference.namespace, reference.name)
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
