//! Live objects that are read ahead, for several Kustomizations at once: a list gives what would be a read for each.
//!
//! Only presence counts. What is not here is read when its turn comes; and where a dry-run shows that an object was written since,
//! it is read again, so that no doing of the meantime is taken for drift.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use domain::{Drift, ObjectId};
use ports::{Cluster, Refusal};
use serde_json::Value;
use tokio::sync::OnceCell;

use super::{How, stays_encrypted, unchanged};
use crate::analyse::pair::Pair;
use crate::analyse::target::Target;

/// Objects that are read ahead together: what they are is held in memory.
const AT_ONCE: usize = 1_000;

/// What was found of one cluster's objects, by API version and identity; and what is read when its turn comes, and only once.
#[derive(Default)]
pub(super) struct Ahead {
    found: BTreeMap<Key, Value>,
    once: Mutex<BTreeMap<Key, Arc<OnceCell<Read>>>>,
}

type Key = (String, ObjectId);
type Read = Result<Option<Value>, Refusal>;

impl Ahead {
    /// Reads what comparing these Kustomizations will ask of one cluster.
    async fn read(cluster: &dyn Cluster, pairs: &[&Pair], how: How<'_>) -> Self {
        let manifests: Vec<&Value> = pairs.iter().flat_map(|pair| wanted(pair, how.drift)).collect();
        let found = how.time.bounded(cluster.live_ahead(&manifests)).await;
        let known = manifests.into_iter().zip(found.into_iter().flatten());
        let found = known.filter_map(|(manifest, live)| Some((key(manifest)?, live?))).collect();
        Self { found, ..Self::default() }
    }

    /// The live object of a manifest, if it was found.
    pub(super) fn get(&self, manifest: &Value) -> Option<&Value> {
        self.found.get(&key(manifest)?)
    }

    /// What reading a manifest's object gave the first time.
    pub(super) async fn once(&self, manifest: &Value, read: impl Future<Output = Read>) -> Read {
        let Some(key) = key(manifest) else { return read.await };
        let cell = {
            let mut once = self.once.lock().unwrap_or_else(PoisonError::into_inner);
            once.entry(key).or_default().clone()
        };
        cell.get_or_init(|| read).await.clone()
    }
}

fn key(manifest: &Value) -> Option<Key> {
    Some((manifest["apiVersion"].as_str()?.to_owned(), ObjectId::of(manifest)?))
}

/// The manifests of the base whose live objects will be asked for.
fn wanted(pair: &Pair, look: Drift) -> Vec<&Value> {
    if pair.failure.is_some() {
        return Vec::new();
    }
    let planned = pair.plans.iter().filter(|plan| !stays_encrypted(pair, plan));
    let planned = planned.filter(|plan| plan.after.is_none() || look != Drift::Off);
    let mut wanted: Vec<&Value> = planned.filter_map(|plan| plan.before.as_ref()).collect();
    if look == Drift::Affected {
        wanted.extend(unchanged(pair));
    }
    wanted
}

/// Kustomizations to compare together, in their order: those whose objects are not too many.
pub(super) fn batches<'a>(
    pairs: Vec<(&'a Pair, Target<'a>)>,
    look: Drift,
) -> Vec<Vec<(&'a Pair, Target<'a>)>> {
    let mut batches: Vec<Vec<_>> = Vec::new();
    let mut objects = 0;
    for one in pairs {
        let more = wanted(one.0, look).len();
        objects += more;
        match batches.last_mut() {
            Some(batch) if objects <= AT_ONCE => batch.push(one),
            _ => {
                objects = more;
                batches.push(vec![one]);
            }
        }
    }
    batches
}

/// What was found, by the name of the cluster.
pub(super) async fn all(batch: &[(&Pair, Target<'_>)], how: How<'_>) -> BTreeMap<String, Ahead> {
    let mut asked = BTreeMap::<&str, (&dyn Cluster, Vec<&Pair>)>::new();
    for (pair, target) in batch {
        if let Some(cluster) = target.cluster() {
            asked.entry(cluster.name()).or_insert((cluster, Vec::new())).1.push(pair);
        }
    }
    let mut found = BTreeMap::new();
    for (name, (cluster, pairs)) in asked {
        found.insert(name.to_owned(), Ahead::read(cluster, &pairs, how).await);
    }
    found
}
