//! What the files of both sides hold, where no cluster says which Kustomizations there are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::report::{ClusterAsked, Unresolved};
use flux::{Kustomization, ObjectKey};
use kustomize::{EntryKind, Tree};
use ports::{Cluster, ControllerSeen};
use serde_json::Value;

use super::entries::{Entry, split};
use super::{Known, sort_out};
use crate::analyse::{Question, generated};

/// Files of a tree that are searched for Flux objects at most.
const MOST_FILES: usize = 50_000;
/// Directories below each other that are searched at most.
const DEEPEST: usize = 64;
/// Entry points that are looked at.
const MOST_ENTRIES: usize = 200;

/// The entry points of a repository, and what is known besides.
pub(in crate::analyse) struct InFiles {
    /// Each with its files.
    pub(in crate::analyse) entries: Vec<Entry>,
    /// Entry points that are not looked at.
    pub(in crate::analyse) beyond: Vec<Unresolved>,
    /// Sentences about the search.
    pub(in crate::analyse) notes: BTreeSet<String>,
    /// What the report says of the cluster.
    asked: ClusterAsked,
    /// A cluster that answered, and holds none of the repository's Kustomizations.
    pub(in crate::analyse) cluster: Option<Bare>,
}

/// A cluster without Kustomizations of this repository.
#[derive(Clone)]
pub(in crate::analyse) struct Bare {
    pub(super) cluster: Arc<dyn Cluster>,
    pub(super) controller: ControllerSeen,
    pub(super) live: BTreeMap<ObjectKey, Kustomization>,
}

const NOT_BOOTSTRAPPED: &str = "The cluster has no GitRepository for this repository and branch, so the Kustomizations are those that the repository itself holds.";

/// Searches both sides. `why` no cluster is asked, or the one that holds nothing of this.
pub(super) async fn of(question: &Question<'_>, cluster: Result<Bare, String>) -> InFiles {
    let (base, result) = (question.checkout.base.clone(), question.checkout.result.clone());
    let searched = move || (search(base.as_ref()), search(result.as_ref()));
    let (base, result) = tokio::task::spawn_blocking(searched).await.unwrap_or_default();
    let notes = base.notes.iter().chain(&result.notes).cloned().collect();
    let mut entries = split(base, result);
    let mut beyond = Vec::new();
    if entries.len() > MOST_ENTRIES {
        // What is in none comes last, and stays.
        let cut = entries.drain(MOST_ENTRIES - 1..entries.len() - 1);
        let why = format!(
            "only the first {MOST_ENTRIES} entry points of a repository are looked at: configure its cluster to have it asked"
        );
        let unresolved = |dir| Unresolved { name: format!("every Kustomization on {dir}"), why: why.clone() };
        beyond = cut.filter_map(|entry| entry.dir).map(unresolved).collect();
    }
    let (asked, cluster) = match cluster {
        Ok(bare) => (ClusterAsked::Yes { name: bare.cluster.name().to_owned() }, Some(bare)),
        Err(why) => (ClusterAsked::No { why }, None),
    };
    InFiles { entries, beyond, notes, asked, cluster }
}

impl InFiles {
    /// What is known of one entry point, without the files that another renders (`elsewhere`). Of `several`, none is the cluster's
    /// for certain.
    pub(in crate::analyse) fn known(
        &self,
        question: &Question<'_>,
        entry: &Entry,
        elsewhere: &BTreeSet<String>,
        several: bool,
    ) -> Known {
        let (mut known, mut after) =
            (side(question, &entry.base, elsewhere), side(question, &entry.result, elsewhere));
        let mut ambiguous = take_ambiguous(&mut known.kustomizations);
        ambiguous.extend(take_ambiguous(&mut after.kustomizations));
        for (key, paths) in ambiguous {
            known.kustomizations.retain(|k| k.key != key);
            after.kustomizations.retain(|k| k.key != key);
            let why = format!(
                "the repository holds several with this name (for {paths}), and only a cluster says which applies"
            );
            known.unresolved.push(Unresolved { name: key.to_string(), why });
        }
        let notes: BTreeSet<String> = known.notes.drain(..).chain(after.notes).collect();
        known.notes = notes.into_iter().collect();
        known.unreadable.extend(after.unreadable);
        known.external.extend(after.external);
        known.generators_at_result = after.generators;
        known.at_result = Some(after.kustomizations);
        known.elsewhere_at_result = after.elsewhere;
        known.sources_at_result = after.sources;
        self.ask_cluster(&mut known, several);
        known
    }

    /// Whose the only entry point is, is plain; several are of several clusters, and nobody knows which of them this one is.
    fn ask_cluster(&self, known: &mut Known, several: bool) {
        known.asked = self.asked.clone();
        let Some(bare) = &self.cluster else { return };
        if several {
            known.applied_by(bare.controller.clone());
            let why = format!(
                "cluster `{}` has no GitRepository for this repository and branch, and the repository holds several entry points: nobody knows which is the cluster's",
                bare.cluster.name()
            );
            known.asked = ClusterAsked::No { why };
            return;
        }
        known.notes.push(NOT_BOOTSTRAPPED.to_owned());
        known.applied_by(bare.controller.clone());
        known.cluster = Some(bare.cluster.clone());
        known.live = bare.live.clone();
    }
}

fn side(question: &Question<'_>, found: &Found, elsewhere: &BTreeSet<String>) -> Known {
    let own = found.kustomizations.iter().filter(|written| !elsewhere.contains(&written.path)).cloned();
    let mut known = sort_out(question, found.sources.clone(), own.collect(), true);
    known.generators = found.generators.iter().map(|written| written.value.clone()).collect();
    known
}

/// Takes out the Kustomizations that differ under one name, and gives their names with the paths they render.
fn take_ambiguous(found: &mut Vec<Kustomization>) -> BTreeMap<ObjectKey, String> {
    let mut by_key: BTreeMap<ObjectKey, Vec<Kustomization>> = BTreeMap::new();
    for kustomization in found.drain(..) {
        let same = by_key.entry(kustomization.key.clone()).or_default();
        if same.iter().all(|known| known.spec != kustomization.spec) {
            same.push(kustomization);
        }
    }
    let mut ambiguous = BTreeMap::new();
    for (key, mut same) in by_key {
        if same.len() > 1 {
            let paths: Vec<String> = same.iter().map(|k| format!("`{}`", k.spec.path)).collect();
            ambiguous.insert(key, paths.join(" and "));
        } else {
            found.append(&mut same);
        }
    }
    ambiguous
}

/// A Flux object as a file holds it.
#[derive(Clone)]
pub(in crate::analyse) struct Written {
    /// The file; empty where a cluster holds it.
    pub(super) path: String,
    /// The object.
    pub(super) value: Value,
}

/// What the files of one side hold.
#[derive(Clone, Default)]
pub(super) struct Found {
    pub(super) sources: Vec<Written>,
    pub(super) kustomizations: Vec<Written>,
    pub(super) generators: Vec<Written>,
    pub(super) notes: Vec<String>,
}

/// Searches every YAML file of a tree for Flux objects, as they stand there: nothing rendered yet.
fn search(tree: &dyn Tree) -> Found {
    let mut found = Found::default();
    let (mut stack, mut files) = (vec![(String::new(), 0)], 0);
    while let Some((dir, depth)) = stack.pop() {
        for entry in tree.list(&dir).unwrap_or_default() {
            let path = if dir.is_empty() { entry.name.clone() } else { format!("{dir}/{}", entry.name) };
            match entry.kind {
                EntryKind::Directory if depth < DEEPEST => stack.push((path, depth + 1)),
                EntryKind::File if path.ends_with(".yaml") || path.ends_with(".yml") => {
                    files += 1;
                    if files > MOST_FILES {
                        found.notes.push(format!(
                            "Only the first {MOST_FILES} YAML files were searched for Kustomizations."
                        ));
                        return found;
                    }
                    read(tree, &path, &mut found);
                }
                _ => {}
            }
        }
    }
    found
}

fn read(tree: &dyn Tree, path: &str, found: &mut Found) {
    let Ok(bytes) = tree.read(path) else { return };
    let Ok(text) = std::str::from_utf8(&bytes) else { return };
    // Most files hold no Flux object, and parsing them all would cost more than the rest of the report.
    if !text.contains(".fluxcd.io/") {
        return;
    }
    let documents = match kustomize::yaml::parse_documents_v3(text, &kustomize::Limits::default()) {
        Ok(documents) => documents,
        Err(error) => {
            found.notes.push(format!("`{path}` names Flux objects and cannot be read: {error}."));
            return;
        }
    };
    for value in documents {
        let group = value["apiVersion"].as_str().and_then(|v| v.split_once('/')).map(|(group, _)| group);
        match (group, value["kind"].as_str()) {
            (Some("kustomize.toolkit.fluxcd.io"), Some("Kustomization")) => {
                found.kustomizations.push(written(path, value))
            }
            (Some("source.toolkit.fluxcd.io"), Some("GitRepository")) => {
                found.sources.push(written(path, value))
            }
            _ if generated::is_generator(&value) => found.generators.push(written(path, value)),
            _ => {}
        }
    }
}

fn written(path: &str, value: Value) -> Written {
    Written { path: path.to_owned(), value }
}
