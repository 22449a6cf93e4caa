//! A cluster that answers in an order of its own, out of which nothing may follow.

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use domain::ObjectId;
use ports::{Cluster, ClusterError, ConfigRef, ControllerSeen, Data, DryRun, FluxObjects, Lock, Refusal};
use serde_json::{Value, json};

/// What is never answered.
#[derive(Default, PartialEq, Eq)]
pub(crate) enum Silent {
    #[default]
    Nothing,
    Locks,
    FluxObjects,
    Controller,
    Ahead,
}

/// Everything about an object follows from its name; when it is told, and what is told ahead, from the seed as well.
#[derive(Default)]
pub(crate) struct Scattered {
    pub(crate) seed: u64,
    pub(crate) flux: FluxObjects,
    /// What it never answers.
    pub(crate) silent: Silent,
    pub(crate) dry_runs: AtomicUsize,
    pub(crate) reads: AtomicUsize,
    pub(crate) ahead: AtomicUsize,
}

fn number(of: impl std::hash::Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(of)
}

fn name(manifest: &Value) -> String {
    manifest["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

fn versioned(manifest: &Value, version: &str) -> Value {
    let mut object = manifest.clone();
    object["metadata"]["resourceVersion"] = json!(version);
    object
}

/// As it is: some are gone, some may not be read, some were edited.
fn stored(manifest: &Value) -> Result<Option<Value>, Refusal> {
    let mut object = versioned(manifest, "2");
    match number(name(manifest)) % 16 {
        0 => return Ok(None),
        1 => return Err(Refusal::Forbidden(format!("configmaps \"{}\" is forbidden", name(manifest)))),
        2 | 3 => object["data"]["key"] = json!("by hand"),
        _ => {}
    }
    Ok(Some(object))
}

impl Scattered {
    pub(crate) fn new(seed: u64, flux: FluxObjects) -> Self {
        Self { seed, flux, ..Self::default() }
    }

    /// Does not come back, if this is what is never answered.
    async fn unless(&self, silent: Silent) {
        if self.silent == silent {
            std::future::pending::<()>().await;
        }
    }

    async fn later(&self, manifest: &Value, what: &str) {
        for _ in 0..number((self.seed, name(manifest), what)) % 6 {
            tokio::task::yield_now().await;
        }
    }

    /// Some are told ahead, and some of these as they were before they were last written.
    fn told_ahead(&self, manifest: &Value) -> Option<Value> {
        let live = stored(manifest).ok().flatten()?;
        match number((self.seed, name(manifest), "ahead")) % 4 {
            0 => None,
            1 => {
                let mut earlier = versioned(manifest, "1");
                earlier["data"]["key"] = json!("earlier");
                Some(earlier)
            }
            _ => Some(live),
        }
    }
}

#[async_trait]
impl Cluster for Scattered {
    fn name(&self) -> &str {
        "scattered"
    }

    async fn flux_objects(&self) -> Result<FluxObjects, ClusterError> {
        self.unless(Silent::FluxObjects).await;
        Ok(self.flux.clone())
    }

    async fn locks(&self) -> Result<Vec<Lock>, ClusterError> {
        self.unless(Silent::Locks).await;
        Ok(Vec::new())
    }

    async fn controller(&self) -> ControllerSeen {
        self.unless(Silent::Controller).await;
        ControllerSeen::Configured("1.9.4".to_owned())
    }

    async fn data(&self, _: &ConfigRef) -> Result<Option<Data>, ClusterError> {
        Ok(None)
    }

    async fn dry_run(&self, object: &Value) -> DryRun {
        self.dry_runs.fetch_add(1, Ordering::Relaxed);
        self.later(object, "dry-run").await;
        DryRun::Accepted(versioned(object, "2"))
    }

    async fn live(&self, manifest: &Value) -> Result<Option<Value>, Refusal> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.later(manifest, "read").await;
        stored(manifest)
    }

    async fn live_ahead(&self, manifests: &[&Value]) -> Vec<Option<Value>> {
        self.unless(Silent::Ahead).await;
        let told: Vec<Option<Value>> = manifests.iter().map(|manifest| self.told_ahead(manifest)).collect();
        self.ahead.fetch_add(told.iter().flatten().count(), Ordering::Relaxed);
        told
    }

    async fn live_by_id(&self, _: &ObjectId) -> Result<Option<Value>, Refusal> {
        Ok(None)
    }
}
