//! `preflux doctor` on clusters: each that is configured, and each that their Kustomizations reach by `spec.kubeConfig`.

use std::collections::BTreeMap;
use std::sync::Arc;

use bootstrap::config::{ClusterConfig, Config, RemoteConfig};
use flows::analyse::other_cluster;
use flux::Kustomization;
use ports::{Cluster, ConfigRef, FluxObjects, Operator as _, Secrets};

use super::{Found, Part};

/// Tries every cluster by itself: one that cannot be asked keeps no other from being tried.
pub(super) async fn all(config: &Config) -> Vec<Part> {
    let secrets = bootstrap::local::secrets(config);
    let mut parts = Vec::new();
    for cluster in config.cluster.iter().chain(&config.more_clusters) {
        parts.push((format!("cluster {}", cluster.name), with_flux(cluster, secrets.as_ref()).await));
        if cluster.operator.is_some() {
            let name = format!("cluster {}, who may have Flux act", cluster.name);
            parts.push((name, operator(cluster, secrets.as_ref()).await));
        }
        for remote in &cluster.remotes {
            let name = format!("cluster {} (`spec.kubeConfig` on {})", remote.name, cluster.name);
            parts.push((
                name,
                locked(&alone(remote, cluster), secrets.as_ref()).await.map(|(_, found)| found),
            ));
        }
    }
    if parts.is_empty() {
        let none = "none is configured; reports show the rendered change alone".to_owned();
        parts.push(("cluster".to_owned(), Ok(Found { well: vec![none], notes: Vec::new() })));
    }
    parts
}

/// A cluster that another one's Kustomizations apply to, as if it were configured for itself.
fn alone(remote: &RemoteConfig, of: &ClusterConfig) -> ClusterConfig {
    ClusterConfig {
        name: remote.name.clone(),
        kubeconfig: remote.kubeconfig.clone(),
        remotes: Vec::new(),
        operator: None,
        ..of.clone()
    }
}

async fn with_flux(config: &ClusterConfig, secrets: &dyn Secrets) -> anyhow::Result<Found> {
    let (cluster, mut found) = locked(config, secrets).await?;
    let objects = cluster.flux_objects().await?;
    found.well.push(format!(
        "{} Kustomizations, {} GitRepositories",
        objects.kustomizations.len(),
        objects.git_repositories.len()
    ));
    found.notes = unreached(config, &objects);
    Ok(found)
}

/// The identity that may have Flux reconcile, suspend and resume, if it may that and nothing else.
async fn operator(config: &ClusterConfig, secrets: &dyn Secrets) -> anyhow::Result<Found> {
    let operator = bootstrap::worker::operator(config, secrets, None).await.map_err(anyhow::Error::msg)?;
    let locks = operator.locks().await?;
    let open: Vec<String> =
        locks.iter().filter_map(|lock| Some(format!("{}: {}", lock.name, lock.open.as_ref()?))).collect();
    anyhow::ensure!(open.is_empty(), "{}", open.join("\n      "));
    let well = locks.into_iter().map(|lock| format!("{} holds", lock.name)).collect();
    Ok(Found { well, notes: Vec::new() })
}

/// The cluster, if all of its locks hold.
async fn locked(config: &ClusterConfig, secrets: &dyn Secrets) -> anyhow::Result<(Arc<dyn Cluster>, Found)> {
    let cluster =
        bootstrap::worker::cluster(Some(config), secrets, None).await.map_err(anyhow::Error::msg)?;
    let (mut well, mut open) = (Vec::new(), Vec::new());
    for lock in cluster.locks().await? {
        match lock.open {
            None => well.push(format!("{} holds", lock.name)),
            Some(why) => open.push(format!("{}: {why}", lock.name)),
        }
    }
    anyhow::ensure!(
        open.is_empty(),
        "it is not compared with while its identity could really write there\n      {}",
        open.join("\n      ")
    );
    Ok((cluster, Found { well, notes: Vec::new() }))
}

/// Where what is configured and what the Kustomizations name with `spec.kubeConfig` do not meet.
fn unreached(config: &ClusterConfig, objects: &FluxObjects) -> Vec<String> {
    let mut named = BTreeMap::<ConfigRef, usize>::new();
    for kustomization in objects.kustomizations.iter().filter_map(|k| Kustomization::from_value(k).ok()) {
        if let Some(reference) = other_cluster(&kustomization) {
            *named.entry(reference).or_default() += 1;
        }
    }
    let configured: Vec<&ConfigRef> = config.remotes.iter().flat_map(|remote| &remote.references).collect();
    let missing = named.iter().filter(|(reference, _)| !configured.contains(reference)).map(|(reference, count)| {
        format!(
            "{count} of its Kustomizations apply to another cluster (`{0}`), which is not configured, so they are not compared: add it \
             to the `remotes` of `{1}` with `for: [{0}]`",
            reference,
            config.name
        )
    });
    let idle = configured.iter().filter(|reference| !named.contains_key(**reference));
    let idle = idle.map(|reference| {
        format!("none of its Kustomizations names `{reference}`, which `remotes` lists in `for`")
    });
    missing.chain(idle).collect()
}
