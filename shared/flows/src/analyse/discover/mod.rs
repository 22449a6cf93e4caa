//! Which Kustomizations this repository and branch feed: from the cluster, or from the tree where no cluster is asked.

mod entries;
mod files;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::report::{ClusterAsked, Unresolved};
use flux::control::{self, SsaPolicy};
use flux::{Controller, Follows, GitRepository, Kustomization, ObjectKey};
use ports::{Cluster, ControllerSeen, FluxObjects};
use serde_json::{Value, json};

use super::render::Side;
use super::{Alone, Question, generated, leaving};
use files::{Bare, Written};

pub(super) use entries::Entry;
pub(super) use files::InFiles;

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
    /// Kustomizations that read a GitRepository which does not lead here, each with where it leads.
    pub(super) elsewhere: Vec<(Kustomization, String)>,
    /// Where the Kustomizations are those of files: the same at the result.
    pub(super) elsewhere_at_result: Vec<(Kustomization, String)>,
    /// And the sources there.
    pub(super) sources_at_result: BTreeMap<ObjectKey, GitRepository>,
    /// Kustomizations whose content is an ExternalArtifact.
    pub(super) external: Vec<Kustomization>,
    /// ArtifactGenerators that files of the base hold.
    pub(super) generators: Vec<Value>,
    /// And of the result.
    pub(super) generators_at_result: Vec<Value>,
    /// Files with Kustomizations that cannot be read, each with why.
    pub(super) unreadable: BTreeSet<(String, String)>,
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

    /// Whether Flux applies a Kustomization as its parent renders it. Without a cluster nobody knows what is there, and what Git
    /// says is followed.
    pub(super) fn applies(&self, rendered: &Kustomization) -> bool {
        self.from_files || leaving::is_applied(rendered, self.live.get(&rendered.key))
    }

    /// The same of a source, of which the cluster's own words are not known.
    pub(super) fn applies_source(&self, rendered: &Value, key: &ObjectKey) -> bool {
        let off = control::is_excluded(rendered);
        let only_created = control::ssa_policy(rendered) == SsaPolicy::IfNotPresent;
        self.from_files || !(off || (only_created && self.sources.contains_key(key)))
    }

    /// A source as it is at the base.
    pub(super) fn source<'a>(&'a self, base: &'a Side, key: &ObjectKey) -> Option<&'a GitRepository> {
        base.source(key).or_else(|| self.sources.get(key))
    }

    /// And at the result.
    pub(super) fn source_after<'a>(&'a self, result: &'a Side, key: &ObjectKey) -> Option<&'a GitRepository> {
        let held = if self.from_files { &self.sources_at_result } else { &self.sources };
        result.source(key).or_else(|| held.get(key))
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
pub(super) fn touches(dir: &str, changed: &BTreeSet<String>) -> bool {
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

/// What was discovered, and by whom.
pub(super) enum Discovered {
    /// The cluster says.
    Live(Box<Known>),
    /// Files do.
    InFiles(InFiles),
}

/// Discovers, and falls back to the tree when the cluster does not answer: a report without a cluster beats no report.
pub(super) async fn kustomizations(question: &Question<'_>, alone: Alone) -> Discovered {
    let why = match &question.cluster {
        Err(why) => why.clone(),
        Ok(cluster) => match cluster.flux_objects().await {
            Ok(objects) => return live(question, alone, cluster, objects).await,
            Err(error) => {
                format!("{error}. Run again once it answers; what follows is the rendered change alone")
            }
        },
    };
    if alone == Alone::No {
        let mut known = sort_out(question, Vec::new(), Vec::new(), false);
        known.unresolved.push(Unresolved { name: "every Kustomization".to_owned(), why });
        return Discovered::Live(Box::new(known));
    }
    Discovered::InFiles(files::of(question, Err(why)).await)
}

/// What the cluster holds; where it is the only one and holds nothing of this repository, what the files do.
async fn live(
    question: &Question<'_>,
    alone: Alone,
    cluster: &Arc<dyn Cluster>,
    objects: FluxObjects,
) -> Discovered {
    let live = objects.kustomizations.iter().filter_map(|object| Kustomization::from_value(object).ok());
    let live: BTreeMap<ObjectKey, Kustomization> = live.map(|k| (k.key.clone(), k)).collect();
    let (sources, kustomizations) = (held(objects.git_repositories), held(objects.kustomizations));
    let mut known = sort_out(question, sources, kustomizations, false);
    let controller = cluster.controller().await;
    let is_bare = !known.follows_any() && known.unresolved.is_empty() && known.unaffected.is_empty();
    if alone == Alone::Yes && is_bare {
        let bare = Bare { cluster: cluster.clone(), controller, live };
        return Discovered::InFiles(files::of(question, Ok(bare)).await);
    }
    known.applied_by(controller);
    known.cluster = Some(cluster.clone());
    known.live = live;
    known.asked = ClusterAsked::Yes { name: cluster.name().to_owned() };
    Discovered::Live(Box::new(known))
}

/// Objects that stand in no file.
fn held(values: Vec<Value>) -> Vec<Written> {
    values.into_iter().map(|value| Written { path: String::new(), value }).collect()
}

/// What a cluster with these objects would give.
#[cfg(test)]
pub(super) fn as_live(question: &Question<'_>, sources: Vec<Value>, kustomizations: Vec<Value>) -> Known {
    sort_out(question, held(sources), held(kustomizations), false)
}

/// What each entry point of the files would give.
#[cfg(test)]
pub(super) async fn as_files(question: &Question<'_>) -> Vec<Known> {
    let files = files::of(question, Err(String::new())).await;
    let several = files.entries.len() > 1;
    files.entries.iter().map(|e| files.known(question, e, &BTreeSet::new(), several)).collect()
}

fn sort_out(
    question: &Question<'_>,
    sources: Vec<Written>,
    kustomizations: Vec<Written>,
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
        elsewhere: Vec::new(),
        elsewhere_at_result: Vec::new(),
        sources_at_result: BTreeMap::new(),
        external: Vec::new(),
        generators: Vec::new(),
        generators_at_result: Vec::new(),
        unreadable: BTreeSet::new(),
        unresolved: Vec::new(),
        unaffected: Vec::new(),
        controller: Controller::default(),
        notes: Vec::new(),
    };
    for written in sources {
        match GitRepository::from_value(&written.value) {
            Err(error) => known.notes.push(format!("A GitRepository could not be read: {error}.")),
            Ok(source) => drop(known.sources.insert(source.key.clone(), source)),
        }
    }
    let including = known.including(&question.checkout.changed);
    for written in kustomizations {
        match Kustomization::from_value(&written.value) {
            Err(error) => {
                let note = format!("A Kustomization could not be read: {error}.");
                known.unreadable.insert((written.path, note));
            }
            Ok(own) if generated::is_external(&own) => known.external.push(own),
            Ok(own) => place(&mut known, &including, own),
        }
    }
    known
}

/// Puts a Kustomization where it belongs: to those that are rendered, or to those of which something has to be said.
fn place(known: &mut Known, including: &BTreeMap<ObjectKey, (String, bool)>, own: Kustomization) {
    let (name, key) = (own.key.to_string(), own.spec.source_ref.key());
    let why = match known.feed(&own.spec.source_ref.kind, &key, None) {
        Feed::Here(_) => return known.kustomizations.push(own),
        Feed::Not(why) => why,
    };
    if own.spec.source_ref.kind != "GitRepository" {
        return;
    }
    known.elsewhere.push((own, why));
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
