//! Which Kustomizations this repository and branch feed: from the cluster, or from the tree where no cluster is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::report::{ClusterAsked, Unresolved};
use flux::{Controller, Follows, GitRepository, Kustomization, ObjectKey};
use kustomize::{EntryKind, Tree};
use ports::{Cluster, ControllerSeen};
use serde_json::{Value, json};

use super::{Alone, Question};

/// Files of a tree that are searched for Flux objects at most.
const MOST_FILES: usize = 50_000;
/// Directories below each other that are searched at most.
const DEEPEST: usize = 64;

/// Which sources count as this repository and branch.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Whose sources count.
    repository: Repository,
    /// The cluster, if it answered.
    pub(super) cluster: Option<Arc<dyn Cluster>>,
    /// What the report says of it.
    pub(super) asked: ClusterAsked,
    /// The sources, whoever they follow.
    sources: BTreeMap<ObjectKey, GitRepository>,
    /// Whether the Kustomizations are those of files; then a source that is nowhere to be seen is taken for this repository.
    pub(super) from_files: bool,
    /// The Kustomizations at their sources.
    pub(super) kustomizations: Vec<Kustomization>,
    /// Every Kustomization of the cluster, whatever feeds it.
    pub(super) live: BTreeMap<ObjectKey, Kustomization>,
    /// Where the Kustomizations are those of files: the same at the result.
    pub(super) at_result: Option<Vec<Kustomization>>,
    /// Kustomizations that cannot be looked at.
    pub(super) unresolved: Vec<Unresolved>,
    /// Kustomizations that merging does not reach.
    pub(super) unaffected: Vec<Unresolved>,
    /// Who applies what is rendered.
    pub(super) controller: Controller,
    /// Sentences for every reader.
    pub(super) notes: Vec<String>,
}

/// Where a Kustomization's content comes from.
pub(super) enum Feed {
    /// This repository and branch, by this source.
    Here(Box<GitRepository>),
    /// Elsewhere: a sentence without a full stop.
    Not(String),
}

impl Known {
    /// Where the source of a Kustomization leads; `rendered` is the source as this side renders it, which counts first.
    pub(super) fn feed(&self, kind: &str, key: &ObjectKey, rendered: Option<&GitRepository>) -> Feed {
        if kind != "GitRepository" {
            return Feed::Not(format!("its content comes from `{kind}/{key}`, which is not looked into"));
        }
        let Some(source) = rendered.or_else(|| self.sources.get(key)) else {
            return self.unseen(key);
        };
        match follows(&self.repository, source) {
            Follows::Branch => Feed::Here(Box::new(source.clone())),
            Follows::Pinned { what } => Feed::Not(format!(
                "its source `{key}` is pinned to {what}, so its content does not come from the branch"
            )),
            Follows::No => Feed::Not(format!("its source `{key}` is of another repository or branch")),
        }
    }

    /// A source that nobody can see: without a cluster, one of this repository without rules of its own.
    fn unseen(&self, key: &ObjectKey) -> Feed {
        let stand_in = json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": { "name": key.name, "namespace": key.namespace },
            "spec": { "url": "https://unseen.invalid/repository" },
        });
        match GitRepository::from_value(&stand_in) {
            Ok(source) if self.from_files => Feed::Here(Box::new(source)),
            _ => Feed::Not(format!("its source `{key}` is not in the cluster")),
        }
    }

    /// Takes down who applies what is rendered, and says what of that is assumed.
    fn applied_by(&mut self, seen: ControllerSeen) {
        self.controller = match seen {
            ControllerSeen::Deployment(deployment) => Controller::of_deployment(&deployment),
            ControllerSeen::Configured(version) => Controller::of_version(&version),
            ControllerSeen::Unknown(why) => {
                let controller = Controller::default();
                self.notes.push(format!("kustomize-controller {} is assumed: {why}.", controller.version));
                controller
            }
        };
        self.notes.extend(self.controller.notes.iter().map(|note| format!("{note}.")));
    }

    /// Whether any source follows this repository and branch.
    fn follows_any(&self) -> bool {
        self.sources.values().any(|source| follows(&self.repository, source) == Follows::Branch)
    }

    /// Sources that are not of this branch and hold what it holds, because they include it: each with how, and whether the
    /// pull request changes any of that.
    fn including(&self, changed: &BTreeSet<String>) -> BTreeMap<ObjectKey, (String, bool)> {
        let mut found: BTreeMap<ObjectKey, (String, bool)> = BTreeMap::new();
        // Each round goes one include further.
        for _ in 0..self.sources.len().min(MOST_INCLUDES) {
            let before = found.len();
            for source in self.sources.values().filter(|s| follows(&self.repository, s) != Follows::Branch) {
                for include in &source.include {
                    let key = ObjectKey::new(&source.key.namespace, &include.repository);
                    let touched = match (self.feed("GitRepository", &key, None), found.get(&key)) {
                        (Feed::Here(_), _) => {
                            touches(include.from_path.as_deref().unwrap_or_default(), changed)
                        }
                        (Feed::Not(_), Some((_, touched))) => *touched,
                        (Feed::Not(_), None) => continue,
                    };
                    let at = include.to_path.as_deref().unwrap_or(&include.repository);
                    let how = format!("its source `{}` includes `{key}` at `{at}`", source.key);
                    let entry = found.entry(source.key.clone()).or_insert((how, false));
                    entry.1 |= touched;
                }
            }
            if found.len() == before {
                break;
            }
        }
        found
    }
}

/// Includes of includes that are followed.
const MOST_INCLUDES: usize = 8;

/// Whether anything below a directory, given as Flux takes it, is among the changed paths.
fn touches(dir: &str, changed: &BTreeSet<String>) -> bool {
    let parts: Vec<&str> = dir.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let dir = parts.join("/");
    // What leads up is not worked out here: it may be anything.
    dir.is_empty()
        || parts.contains(&"..")
        || changed.iter().any(|path| {
            let ignored = path.rsplit('/').next() == Some(".sourceignore");
            ignored || path.strip_prefix(&dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
}

/// Discovers, and falls back to the tree when the cluster does not answer: a report without a cluster beats no report.
pub(super) async fn kustomizations(question: &Question<'_>, alone: Alone) -> Known {
    let why = match &question.cluster {
        Err(why) => why.clone(),
        Ok(cluster) => match cluster.flux_objects().await {
            Ok(objects) => {
                let live: Vec<Kustomization> = objects
                    .kustomizations
                    .iter()
                    .filter_map(|object| Kustomization::from_value(object).ok())
                    .collect();
                let (sources, kustomizations) = (objects.git_repositories, objects.kustomizations);
                let mut known = sort_out(question, sources, kustomizations, false);
                if alone == Alone::Yes
                    && !known.follows_any()
                    && known.unresolved.is_empty()
                    && known.unaffected.is_empty()
                {
                    known = in_tree(question).await;
                    known.notes.push(NOT_BOOTSTRAPPED.to_owned());
                }
                known.applied_by(cluster.controller().await);
                known.cluster = Some(cluster.clone());
                known.live = live.into_iter().map(|k| (k.key.clone(), k)).collect();
                known.asked = ClusterAsked::Yes { name: cluster.name().to_owned() };
                return known;
            }
            Err(error) => {
                format!("{error}. Run again once it answers; what follows is the rendered change alone")
            }
        },
    };
    if alone == Alone::No {
        let mut known = sort_out(question, Vec::new(), Vec::new(), false);
        known.unresolved.push(Unresolved { name: "every Kustomization".to_owned(), why });
        return known;
    }
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
    let mut known = sort_out(question, base.sources, base.kustomizations, true);
    let mut after = sort_out(question, result.sources, result.kustomizations, true);
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

/// What a cluster with these objects would give.
#[cfg(test)]
pub(super) fn as_live(question: &Question<'_>, sources: Vec<Value>, kustomizations: Vec<Value>) -> Known {
    sort_out(question, sources, kustomizations, false)
}

fn sort_out(
    question: &Question<'_>,
    sources: Vec<Value>,
    kustomizations: Vec<Value>,
    from_files: bool,
) -> Known {
    let mut known = Known {
        repository: question.repository.clone(),
        cluster: None,
        asked: ClusterAsked::No { why: String::new() },
        sources: BTreeMap::new(),
        from_files,
        kustomizations: Vec::new(),
        live: BTreeMap::new(),
        at_result: None,
        unresolved: Vec::new(),
        unaffected: Vec::new(),
        controller: Controller::default(),
        notes: Vec::new(),
    };
    for value in sources {
        match GitRepository::from_value(&value) {
            Err(error) => known.notes.push(format!("A GitRepository could not be read: {error}.")),
            Ok(source) => drop(known.sources.insert(source.key.clone(), source)),
        }
    }
    let including = known.including(&question.checkout.changed);
    let mut generated = BTreeSet::new();
    for value in kustomizations {
        match Kustomization::from_value(&value) {
            Err(error) => known.notes.push(format!("A Kustomization could not be read: {error}.")),
            Ok(own) if own.spec.source_ref.kind == "ExternalArtifact" => {
                generated.insert(format!("`{}`", own.key));
            }
            Ok(own) => place(&mut known, &including, own),
        }
    }
    if !generated.is_empty() {
        let names = generated.into_iter().collect::<Vec<_>>().join(", ");
        known.notes.push(format!(
            "Whether this repository is in the ExternalArtifacts of {names} was not looked at."
        ));
    }
    known
}

/// Puts a Kustomization where it belongs: to those that are rendered, or to those of which something has to be said.
fn place(known: &mut Known, including: &BTreeMap<ObjectKey, (String, bool)>, own: Kustomization) {
    let (name, key) = (own.key.to_string(), own.spec.source_ref.key());
    if let Feed::Here(_) = known.feed(&own.spec.source_ref.kind, &key, None) {
        return known.kustomizations.push(own);
    }
    if own.spec.source_ref.kind != "GitRepository" {
        return;
    }
    match including.get(&key) {
        Some((how, true)) => {
            let why = format!(
                "{how}, where the pull request changes something, and its own content is not known here"
            );
            return known.unresolved.push(Unresolved { name, why });
        }
        Some((how, false)) => {
            let why = format!("{how}, and the pull request changes nothing of that");
            return known.unaffected.push(Unresolved { name, why });
        }
        None => {}
    }
    let followed = known.sources.get(&key).map(|source| follows(&known.repository, source));
    if let Some(Follows::Pinned { what }) = followed {
        let why = format!("its source `{key}` is pinned to {what}: nothing changes until the pin moves");
        known.unaffected.push(Unresolved { name, why });
    }
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
