//! One walk over a side: from the tops down, level by level, dependencies first.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flux::{Artifact, Controller, GitRepository, Kustomization, Listing, ObjectKey, Rendered, Variables};
use ports::SharedTree;
use serde_json::Value;

use super::{Failure, Foreign, Node, Other, Side, Sources, child, graph, reuse, with_live_status};
use crate::analyse::discover::Feed;

/// Kustomizations below each other that are followed at most.
const DEEPEST: usize = 16;
/// Kustomizations that one side renders at most.
const MOST: usize = 5_000;
/// One Kustomization that takes too long must not take the time of all the others.
const LONGEST_RENDER: Duration = Duration::from_secs(60);

pub(super) struct Walk<'a> {
    tree: SharedTree,
    from: Sources<'a>,
    other: Other<'a>,
    /// What the walk before this one found.
    last: &'a Side,
    /// By source: the paths of its artifact that differ from the other side.
    differences: BTreeMap<ObjectKey, Arc<BTreeSet<String>>>,
    pub(super) side: Side,
}

impl<'a> Walk<'a> {
    pub(super) fn new(tree: SharedTree, from: Sources<'a>, other: Other<'a>, last: &'a Side) -> Self {
        let side = Side { listings: last.listings.clone(), ..Side::default() };
        Self { tree, from, other, last, differences: BTreeMap::new(), side }
    }

    /// Renders these and, level by level, all that they bring.
    pub(super) async fn down(&mut self, tops: Vec<Kustomization>) {
        let mut level = tops;
        for _ in 0..DEEPEST {
            let mut next = Vec::new();
            for kustomization in graph::by_dependency(level) {
                if self.side.nodes.contains_key(&kustomization.key) {
                    continue;
                }
                if self.side.nodes.len() >= MOST {
                    self.side.notes.push(format!("Only the first {MOST} Kustomizations were rendered."));
                    return;
                }
                next.extend(self.visit(kustomization).await);
            }
            if next.is_empty() {
                return;
            }
            level = next;
        }
        self.side
            .notes
            .push(format!("Kustomizations more than {DEEPEST} levels below a root were not followed."));
    }

    /// Renders one, if this repository feeds it, and gives its children.
    async fn visit(&mut self, kustomization: Kustomization) -> Vec<Kustomization> {
        if let Some(why) = self.across_namespaces(&kustomization) {
            let (variables, listing) = (Variables::default(), None);
            let node =
                Node { kustomization, variables, listing, outcome: Err(Failure::broken(why)), proved: false };
            self.side.order.push(node.kustomization.key.clone());
            self.side.nodes.insert(node.kustomization.key.clone(), node);
            return Vec::new();
        }
        let source =
            match self.feed(&kustomization.spec.source_ref.kind, &kustomization.spec.source_ref.key()) {
                Feed::Here(source) => *source,
                Feed::Not(why) => {
                    self.side.foreign.insert(kustomization.key.clone(), Foreign { kustomization, why });
                    return Vec::new();
                }
            };
        let (key, node) = (kustomization.key.clone(), self.node(kustomization, &source).await);
        self.side.foreign.remove(&key);
        if node.kustomization.spec.kube_config.is_some() {
            // What it brings is another cluster's, where another Flux may or may not see to it.
            if node.objects().any(Kustomization::is) {
                let note = format!(
                    "`{key}` brings Kustomizations to another cluster, which are not followed there."
                );
                self.side.notes.push(note);
            }
            self.side.order.push(key.clone());
            self.side.nodes.insert(key, node);
            return Vec::new();
        }
        let unreadable: Vec<_> =
            node.objects().filter(|o| Kustomization::is(o)).filter_map(|o| unreadable(o, &key)).collect();
        self.side.unreadable.extend(unreadable);
        let children = node.objects().filter(|o| Kustomization::is(o)).filter_map(child);
        let children = children.filter(|child| self.from.known.applies(child));
        let children = children.map(|child| self.with_live_status(child)).collect();
        let sources = node.objects().filter(|o| o["kind"] == "GitRepository");
        let sources = sources.filter_map(|o| Some((o, GitRepository::from_value(o).ok()?)));
        let sources = sources.filter(|(object, source)| self.from.known.applies_source(object, &source.key));
        let sources: Vec<GitRepository> = sources.map(|(_, source)| source).collect();
        self.side.sources.extend(sources.into_iter().map(|source| (source.key.clone(), source)));
        self.side.order.push(key.clone());
        self.side.nodes.insert(key, node);
        children
    }

    /// Why the controller refuses a source in another namespace, if it does.
    fn across_namespaces(&self, kustomization: &Kustomization) -> Option<String> {
        let source = &kustomization.spec.source_ref;
        let refused = source.namespace != kustomization.key.namespace
            && !self.from.known.controller.cross_namespace_refs;
        refused.then(|| {
            format!(
                "its source `{}` is in another namespace, which the controller refuses (`--no-cross-namespace-refs`)",
                source.key()
            )
        })
    }

    fn with_live_status(&self, child: Kustomization) -> Kustomization {
        match self.from.known.kustomizations.iter().find(|k| k.key == child.key) {
            Some(live) => with_live_status(child, live),
            None => child,
        }
    }

    /// What a source is at this side: as it is rendered, else as it is known.
    fn feed(&self, kind: &str, key: &ObjectKey) -> Feed {
        let rendered = self.side.sources.get(key).or_else(|| self.last.sources.get(key));
        self.from.known.feed(kind, key, rendered)
    }

    async fn node(&mut self, kustomization: Kustomization, source: &GitRepository) -> Node {
        let failed = |kustomization, variables, why| Node {
            kustomization,
            variables,
            listing: None,
            outcome: Err(why),
            proved: false,
        };
        let variables = match self.variables(&kustomization).await {
            Ok(variables) => variables,
            Err(why) => return failed(kustomization, Variables::default(), why),
        };
        let listing = match self.listing(source).await {
            Ok(listing) => listing,
            Err(why) => return failed(kustomization, variables, Failure::unknown(why)),
        };
        let (outcome, proved) = match self.known_outcome(&kustomization, &variables, &listing) {
            Some(known) => known,
            None => (self.render(&kustomization, &variables, &listing).await, false),
        };
        Node { kustomization, variables, listing: Some(listing), outcome, proved }
    }

    async fn variables(&self, kustomization: &Kustomization) -> Result<Variables, Failure> {
        let objects: Vec<&Value> = self.side.objects().chain(self.last.objects()).collect();
        let before: Vec<&Value> = self.other.iter().flat_map(|(side, _)| side.objects()).collect();
        self.from.values.of(kustomization, &objects, &before).await
    }

    /// What the last walk or the other side made of the same.
    fn known_outcome(
        &mut self,
        own: &Kustomization,
        variables: &Variables,
        listing: &Arc<Listing>,
    ) -> Option<(Result<Arc<Rendered>, Failure>, bool)> {
        let same = |node: &&Node| node.kustomization.spec == own.spec && node.variables == *variables;
        let last = self.last.nodes.get(&own.key).filter(same);
        if let Some(last) = last.filter(|node| node.listing.as_ref().is_some_and(|l| Arc::ptr_eq(l, listing)))
        {
            return Some((last.outcome.clone(), last.proved));
        }
        let (side, changed) = self.other?;
        let other = side.nodes.get(&own.key).filter(same)?;
        let (rendered, before) = (other.outcome.as_ref().ok()?, other.listing.as_ref()?);
        let differences = self.differences.entry(own.spec.source_ref.key());
        let differences =
            differences.or_insert_with(|| Arc::new(Listing::differences(before, listing, changed)));
        (!reuse::touches(&rendered.reads, differences)).then(|| (Ok(rendered.clone()), true))
    }

    async fn render(
        &mut self,
        kustomization: &Kustomization,
        variables: &Variables,
        listing: &Arc<Listing>,
    ) -> Result<Arc<Rendered>, Failure> {
        loop {
            let (tree, within) = (self.tree.clone(), listing.clone());
            let (kustomization, variables) = (kustomization.clone(), variables.clone());
            let mut options = options(&self.from.known.controller);
            options.kustomize.remotes = self.from.remotes.given();
            options.data_keys = self.from.data_keys.given();
            let rendered = aside(move || {
                let artifact = Artifact::with(tree.as_ref(), within);
                Ok(flux::render(&artifact, &kustomization, &variables, &options))
            });
            let error = match rendered.await.map_err(Failure::unknown)? {
                Ok(rendered) => return complete(rendered, listing),
                Err(error) => error,
            };
            if self.from.data_keys.after(&error).await {
                continue;
            }
            // What is fetched is handed to the next try; every try but the last brings something new.
            match self.from.remotes.after(&error).await {
                Ok(true) => {}
                Ok(false) => return Err(lacking(&error, listing)),
                Err(why) => return Err(Failure::unknown(format!("{}: {why}", chain(&error)))),
            }
        }
    }

    /// What the artifact of a source holds at this side, with what it includes of other sources of this repository.
    async fn listing(&mut self, source: &GitRepository) -> Result<Arc<Listing>, String> {
        let others = self.included(source);
        let made_from: Vec<GitRepository> = std::iter::once(source).chain(others.values()).cloned().collect();
        if let Some((known_from, known)) = self.side.listings.get(&source.key)
            && *known_from == made_from
        {
            return known.clone();
        }
        let (tree, own) = (self.tree.clone(), source.clone());
        let listing = aside(move || {
            Listing::with_includes(tree.as_ref(), &own, &others).map_err(|error| chain(&error))
        });
        let listing = listing.await.map(Arc::new);
        self.differences.remove(&source.key);
        self.side.listings.insert(source.key.clone(), (made_from, listing.clone()));
        listing
    }

    /// The sources of this repository that a source includes, and those that these include.
    fn included(&self, source: &GitRepository) -> BTreeMap<ObjectKey, GitRepository> {
        let mut found = BTreeMap::new();
        let mut waiting = vec![source.clone()];
        while let Some(next) = waiting.pop() {
            for include in &next.include {
                let key = ObjectKey::new(&next.key.namespace, &include.repository);
                if found.contains_key(&key) {
                    continue;
                }
                if let Feed::Here(other) = self.feed("GitRepository", &key) {
                    waiting.push((*other).clone());
                    found.insert(key, *other);
                }
            }
        }
        found
    }
}

/// The name of a child that cannot be read, and what is wrong with it. Without a name it is nobody's child.
fn unreadable(object: &Value, parent: &ObjectKey) -> Option<(ObjectKey, String)> {
    let error = Kustomization::from_value(object).err()?;
    let text = |field: &str| object["metadata"][field].as_str();
    let why = format!(
        "it cannot be read as `{parent}` renders it, and while the API server refuses it for that, what is there stays as it is: {}",
        chain(&error)
    );
    Some((ObjectKey::new(text("namespace")?, text("name")?), why))
}

/// A render that looked where content is not known is not the controller's.
fn complete(rendered: Rendered, listing: &Listing) -> Result<Arc<Rendered>, Failure> {
    match listing.unknown(&rendered.reads) {
        Some(why) => Err(Failure::unknown(why)),
        None => Ok(Arc::new(rendered)),
    }
}

/// An error that may come from what is not known says so.
fn lacking(error: &flux::Error, listing: &Listing) -> Failure {
    let words = chain(error);
    match listing.unknown(&BTreeSet::from([String::new()])) {
        Some(why) => Failure::unknown(format!("{words} ({why})")),
        None => Failure::of(error, words),
    }
}

/// CPU work on hostile input: off the async threads, and a panic there is this Kustomization's error alone.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let crashed = "rendering it crashed; please report this with the repository's files";
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(crashed.to_owned()))
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

fn options(controller: &Controller) -> flux::Options {
    let begun = Instant::now();
    let is_over = move || begun.elapsed() > LONGEST_RENDER;
    let deadline = kustomize::Deadline::new(LONGEST_RENDER.as_secs() as usize * 1000, is_over);
    let kustomize = kustomize::Options { deadline: Some(deadline), ..kustomize::Options::default() };
    flux::Options { controller: controller.clone(), kustomize, ..flux::Options::default() }
}
