//! Which Kustomizations this repository and branch feed: from the cluster, or from the tree where no cluster is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::report::{ClusterAsked, Unresolved};
use flux::{Follows, GitRepository, Kustomization, ObjectKey};
use kustomize::{EntryKind, Tree};
use ports::Cluster;
use serde_json::{Value, json};

use super::Question;

/// Files of a tree that are searched for Flux objects at most.
const MOST_FILES: usize = 50_000;
/// Directories below each other that are searched at most.
const DEEPEST: usize = 64;

/// Which sources count as this repository and branch.
#[derive(Debug, Clone)]
pub enum Repository {
    /// Sources with one of these addresses that follow this branch.
    Known {
        /// Clone addresses of the repository, any form.
        urls: Vec<String>,
        /// The base branch.
        branch: String,
    },
    /// Nobody knows the address (a local checkout without a remote): every GitRepository counts.
    Any,
}

/// What was discovered.
pub(super) struct Known {
    /// The cluster, if it answered.
    pub(super) cluster: Option<Arc<dyn Cluster>>,
    /// What the report says of it.
    pub(super) asked: ClusterAsked,
    /// The sources that count; for a source that is nowhere to be seen, see `assumed`.
    pub(super) sources: BTreeMap<ObjectKey, GitRepository>,
    /// Whether a source that is not in `sources` is taken for this repository, because no cluster could say.
    pub(super) assume_unknown: bool,
    /// Sources that are somebody else's, or of another branch.
    pub(super) others: Vec<ObjectKey>,
    /// The Kustomizations at their sources.
    pub(super) kustomizations: Vec<Kustomization>,
    /// Where the Kustomizations are those of files: the same at the result.
    pub(super) at_result: Option<Vec<Kustomization>>,
    /// Kustomizations that cannot be looked at.
    pub(super) unresolved: Vec<Unresolved>,
    /// Sentences for every reader.
    pub(super) notes: Vec<String>,
}

impl Known {
    /// Whether a Kustomization is fed by this repository and branch.
    pub(super) fn feeds(&self, kustomization: &Kustomization) -> bool {
        let source = &kustomization.spec.source_ref;
        if source.kind != "GitRepository" {
            return false;
        }
        let key = source.key();
        self.sources.contains_key(&key) || (self.assume_unknown && !self.others.contains(&key))
    }
}

impl Known {
    /// The source of a Kustomization; where nobody can see it, one without ignore rules of its own.
    pub(super) fn source(&self, kustomization: &Kustomization) -> Result<GitRepository, String> {
        let key = kustomization.spec.source_ref.key();
        if let Some(source) = self.sources.get(&key) {
            return Ok(source.clone());
        }
        let unseen = json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": { "name": key.name, "namespace": key.namespace },
            "spec": { "url": "https://unseen.invalid/repository" },
        });
        GitRepository::from_value(&unseen).map_err(|e| e.to_string())
    }
}

/// Discovers, and falls back to the tree when the cluster does not answer: a report without a cluster beats no report.
pub(super) async fn kustomizations(question: &Question<'_>) -> Known {
    let why = match &question.cluster {
        Err(why) => why.clone(),
        Ok(cluster) => match cluster.flux_objects().await {
            Ok(objects) => {
                let (sources, kustomizations) = (objects.git_repositories, objects.kustomizations);
                let mut known = sort_out(&question.repository, sources, kustomizations, false);
                if known.sources.is_empty() && known.unresolved.is_empty() {
                    known = in_tree(question).await;
                    known.notes.push(NOT_BOOTSTRAPPED.to_owned());
                }
                known.cluster = Some(cluster.clone());
                known.asked = ClusterAsked::Yes { name: cluster.name().to_owned() };
                return known;
            }
            Err(error) => {
                format!("{error}. Run again once it answers; what follows is the rendered change alone")
            }
        },
    };
    let mut known = in_tree(question).await;
    known.asked = ClusterAsked::No { why };
    known
}

const NOT_BOOTSTRAPPED: &str = "The cluster has no GitRepository for this repository and branch, so the Kustomizations are those that the repository itself holds.";

/// What the files of both sides hold. Two files that name the same Kustomization differently belong to different clusters, and
/// without a cluster nobody can say which is meant: that is said, not guessed.
async fn in_tree(question: &Question<'_>) -> Known {
    let (base, result) = (question.checkout.base.clone(), question.checkout.result.clone());
    let search = move || (search(base.as_ref()), search(result.as_ref()));
    let (base, result) = tokio::task::spawn_blocking(search).await.unwrap_or_default();
    let mut notes: BTreeSet<String> = base.notes.into_iter().chain(result.notes).collect();
    let mut known = sort_out(&question.repository, base.sources, base.kustomizations, true);
    let mut after = sort_out(&question.repository, result.sources, result.kustomizations, true);
    let mut several = take_ambiguous(&mut known.kustomizations);
    several.extend(take_ambiguous(&mut after.kustomizations));
    for (key, paths) in several {
        known.kustomizations.retain(|k| k.key != key);
        after.kustomizations.retain(|k| k.key != key);
        let why = format!(
            "the repository holds several with this name (for {paths}), and only a cluster says which applies"
        );
        known.unresolved.push(Unresolved { name: key.to_string(), why });
    }
    notes.extend(known.notes.drain(..).chain(after.notes));
    known.notes = notes.into_iter().collect();
    known.at_result = Some(after.kustomizations);
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

fn sort_out(
    repository: &Repository,
    sources: Vec<Value>,
    kustomizations: Vec<Value>,
    from_tree: bool,
) -> Known {
    let mut known = Known {
        cluster: None,
        asked: ClusterAsked::No { why: String::new() },
        sources: BTreeMap::new(),
        assume_unknown: from_tree,
        others: Vec::new(),
        kustomizations: Vec::new(),
        at_result: None,
        unresolved: Vec::new(),
        notes: Vec::new(),
    };
    let mut pinned = BTreeMap::new();
    for value in sources {
        match GitRepository::from_value(&value) {
            Err(error) => known.notes.push(format!("A GitRepository could not be read: {error}.")),
            Ok(source) => match follows(repository, &source) {
                Follows::Branch => drop(known.sources.insert(source.key.clone(), source)),
                Follows::Pinned { what } => drop(pinned.insert(source.key.clone(), what)),
                Follows::No => known.others.push(source.key.clone()),
            },
        }
    }
    for value in kustomizations {
        let kustomization = match Kustomization::from_value(&value) {
            Ok(kustomization) => kustomization,
            Err(error) => {
                known.notes.push(format!("A Kustomization could not be read: {error}."));
                continue;
            }
        };
        let (name, source) = (kustomization.key.to_string(), kustomization.spec.source_ref.key());
        if let Some(what) = pinned.get(&source) {
            let why =
                format!("its source `{source}` is pinned to {what}: nothing changes until the pin moves");
            known.unresolved.push(Unresolved { name, why });
        } else if known.feeds(&kustomization) {
            known.kustomizations.push(kustomization);
        }
    }
    known.others.extend(pinned.into_keys());
    known
}

fn follows(repository: &Repository, source: &GitRepository) -> Follows {
    match repository {
        Repository::Known { urls, branch } => source.follows(urls, branch),
        Repository::Any => Follows::Branch,
    }
}

#[derive(Default)]
struct Found {
    sources: Vec<Value>,
    kustomizations: Vec<Value>,
    notes: Vec<String>,
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
    if !text.contains("toolkit.fluxcd.io/") {
        return;
    }
    let documents = match kustomize::yaml::parse_documents_v3(text, &kustomize::Limits::default()) {
        Ok(documents) => documents,
        Err(error) => {
            found.notes.push(format!("`{path}` names Flux objects and cannot be read: {error}."));
            return;
        }
    };
    for document in documents {
        let group = document["apiVersion"].as_str().and_then(|v| v.split_once('/')).map(|(group, _)| group);
        match (group, document["kind"].as_str()) {
            (Some("kustomize.toolkit.fluxcd.io"), Some("Kustomization")) => {
                found.kustomizations.push(document)
            }
            (Some("source.toolkit.fluxcd.io"), Some("GitRepository")) => found.sources.push(document),
            _ => {}
        }
    }
}
