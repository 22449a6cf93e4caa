//! Where `postBuild.substituteFrom` gets its values: from what this side renders, else from the cluster.
//!
//! Remembers every value that came from a Secret, so that all of them can be masked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use flux::{Kustomization, SubstituteKind, SubstituteReference, Variables};
use ports::{Cluster, ConfigRef};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::render::Failure;

/// Values for substitution, each cluster object asked for once.
pub(super) struct Source {
    cluster: Option<Arc<dyn Cluster>>,
    fetched: Mutex<BTreeMap<ConfigRef, Result<Option<Value>, String>>>,
    secrets: Mutex<BTreeSet<String>>,
}

impl Source {
    /// Values from this cluster, if any.
    pub(super) fn new(cluster: Option<Arc<dyn Cluster>>) -> Self {
        Self { cluster, fetched: Mutex::default(), secrets: Mutex::default() }
    }

    /// Every value that came from a Secret so far.
    pub(super) async fn secrets(&self) -> Vec<String> {
        self.secrets.lock().await.iter().cloned().collect()
    }

    /// The variables of a Kustomization. `rendered` are the objects of this side, `before` those of the base when this is the
    /// result: what is rendered at this commit counts before what the cluster still has. What is encrypted, or not applied
    /// over what is there, counts after it. The error is a sentence without a full stop.
    pub(super) async fn of(
        &self,
        kustomization: &Kustomization,
        rendered: &[&Value],
        before: &[&Value],
    ) -> Result<Variables, Failure> {
        let mut objects = BTreeMap::new();
        for reference in flux::substitute_from(kustomization) {
            let place = ConfigRef {
                secret: reference.kind == SubstituteKind::Secret,
                namespace: kustomization.key.namespace.clone(),
                name: reference.name.clone(),
            };
            let named = |objects: &[&Value]| objects.iter().find(|o| is(o, &place)).map(|o| (*o).clone());
            let value = match named(rendered) {
                Some(object) if encrypted(&object) => {
                    if !before.is_empty() && named(before).as_ref() != Some(&object) {
                        return Err(Failure::unknown(format!(
                            "its variables come from `{reference}`, which is encrypted and which the pull request changes"
                        )));
                    }
                    self.fetch(&place, &reference).await.map_err(Failure::unknown)?
                }
                Some(object) if !applied_over(&object) && self.cluster.is_some() => {
                    let created = Some(object).filter(|object| !flux::control::is_excluded(object));
                    self.fetch(&place, &reference).await.map_err(Failure::unknown)?.or(created)
                }
                Some(object) => Some(object),
                None => self.fetch(&place, &reference).await.map_err(Failure::unknown)?,
            };
            if let Some(value) = value {
                self.note_secrets(&value).await;
                objects.insert(reference, value);
            }
        }
        Variables::of(kustomization, &objects).map_err(|error| Failure::broken(error.to_string()))
    }

    async fn note_secrets(&self, object: &Value) {
        self.secrets.lock().await.extend(secret_values(object));
    }

    async fn fetch(
        &self,
        place: &ConfigRef,
        reference: &SubstituteReference,
    ) -> Result<Option<Value>, String> {
        let Some(cluster) = &self.cluster else {
            if reference.optional {
                return Ok(None);
            }
            return Err(format!(
                "its variables come from `{reference}`, which is not in the repository, and no cluster was asked for it"
            ));
        };
        let mut fetched = self.fetched.lock().await;
        if let Some(known) = fetched.get(place) {
            return known.clone();
        }
        let answer = match cluster.data(place).await {
            Ok(None) => Ok(None),
            Ok(Some(data)) if place.secret => Ok(Some(json!({ "kind": "Secret", "stringData": data }))),
            Ok(Some(data)) => Ok(Some(json!({ "kind": "ConfigMap", "data": data }))),
            Err(error) => Err(format!("its variables come from `{reference}`: {error}")),
        };
        fetched.insert(place.clone(), answer.clone());
        answer
    }
}

/// The values of a Secret, decoded; none for any other object.
pub(super) fn secret_values(object: &Value) -> Vec<String> {
    if object["kind"] != "Secret" {
        return Vec::new();
    }
    let texts =
        |field: &str| object[field].as_object().into_iter().flatten().filter_map(|(_, value)| value.as_str());
    texts("stringData").map(str::to_owned).chain(texts("data").filter_map(decode)).collect()
}

fn encrypted(object: &Value) -> bool {
    object["sops"]["mac"].as_str().is_some_and(|mac| !mac.is_empty())
}

/// Whether what is rendered replaces what the cluster has.
fn applied_over(object: &Value) -> bool {
    !flux::control::is_excluded(object)
        && flux::control::ssa_policy(object) != flux::control::SsaPolicy::IfNotPresent
}

fn is(object: &Value, place: &ConfigRef) -> bool {
    let kind = if place.secret { "Secret" } else { "ConfigMap" };
    object["kind"] == kind
        && object["apiVersion"] == "v1"
        && object["metadata"]["name"] == place.name.as_str()
        && object["metadata"]["namespace"] == place.namespace.as_str()
}

fn decode(text: &str) -> Option<String> {
    use base64::Engine as _;
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(compact).ok()?;
    String::from_utf8(bytes).ok()
}
