//! Every Kustomization of one side: parents first, children with the spec that the parent renders at that commit.
//!
//! At the result, what reads nothing that changed is not rendered again: it is proved identical by what it read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flux::{Artifact, Kustomization, Listing, ObjectKey, Rendered, Variables};
use ports::{Checkout, SharedTree};
use serde_json::Value;

use super::discover::Known;
use super::remote::Fetched;
use super::variables::Source;

/// Kustomizations below each other that are followed at most.
const DEEPEST: usize = 16;
/// Values of Secrets that stand in Git are masked elsewhere from this length up: `true` and `8080` are everywhere.
const SHORTEST_SECRET: usize = 8;
/// Kustomizations that one side renders at most.
const MOST: usize = 5_000;

/// One Kustomization at one side.
#[derive(Clone)]
pub(super) struct Node {
    /// With the spec of this side.
    pub(super) kustomization: Kustomization,
    /// Its variables at this side, if they could be had.
    pub(super) variables: Variables,
    /// Its objects, or why there are none (a sentence without a full stop).
    pub(super) outcome: Result<Arc<Rendered>, String>,
}

/// One side.
#[derive(Default)]
pub(super) struct Side {
    /// Every Kustomization of it.
    pub(super) nodes: BTreeMap<ObjectKey, Node>,
    /// In the order of rendering: parents and dependencies first.
    pub(super) order: Vec<ObjectKey>,
    /// Limits that were reached, as sentences.
    pub(super) notes: Vec<String>,
}

impl Side {
    /// Every text of this side that must be masked: what substitution made of Secrets, and the values of rendered Secrets.
    pub(super) fn secrets(&self) -> Vec<String> {
        let rendered = self.nodes.values().filter_map(|node| node.outcome.as_ref().ok());
        let mut all: Vec<String> = rendered.flat_map(|r| r.secrets.iter().cloned()).collect();
        all.extend(
            self.objects().flat_map(super::variables::secret_values).filter(|v| v.len() >= SHORTEST_SECRET),
        );
        all
    }

    fn objects(&self) -> impl Iterator<Item = &Value> {
        self.order.iter().filter_map(|key| self.nodes.get(key)).flat_map(|node| match &node.outcome {
            Ok(rendered) => rendered.objects.as_slice(),
            Err(_) => &[],
        })
    }
}

/// What rendering draws on besides a side's tree.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    pub(super) known: &'a Known,
    pub(super) values: &'a Source,
    pub(super) remotes: &'a Fetched,
}

struct Walk<'a> {
    tree: SharedTree,
    known: &'a Known,
    from: Sources<'a>,
    other: Option<(&'a Side, &'a BTreeSet<String>)>,
    /// What each source's artifact holds at this side: a walk of the whole tree, made once.
    listings: BTreeMap<ObjectKey, Result<Arc<Listing>, String>>,
    side: Side,
}

/// The base side: from the Kustomizations that nobody renders down to all others.
pub(super) async fn base(checkout: &Checkout, from: Sources<'_>) -> Side {
    let known = from.known;
    let mut walk = Walk::new(checkout.base.clone(), from);
    let (roots, children): (Vec<_>, Vec<_>) =
        known.kustomizations.iter().cloned().partition(|k| is_root(k, known));
    walk.from(roots).await;
    // A child that no parent renders at the base (made by hand, or by a parent that fails) is still there.
    let orphans = children.into_iter().filter(|k| !walk.side.nodes.contains_key(&k.key)).collect();
    walk.from(orphans).await;
    if known.assume_unknown { without_rendered_twice(walk, &known.kustomizations).await } else { walk.side }
}

/// The result side. What was a root at the base is one here; the rest comes from the parents, or is gone.
pub(super) async fn result(checkout: &Checkout, from: Sources<'_>, base: &Side) -> Side {
    let known = from.known;
    let other = Some((base, &checkout.changed));
    let mut walk = Walk { other, ..Walk::new(checkout.result.clone(), from) };
    // Without a cluster the files of the result say what there is, roots included.
    if let Some(found) = &known.at_result {
        walk.from(found.clone()).await;
        return without_rendered_twice(walk, found).await;
    }
    let rendered: BTreeSet<ObjectKey> = base
        .order
        .iter()
        .flat_map(|key| children_of(base, key))
        .filter(|(p, c)| p != c)
        .map(|(_, c)| c)
        .collect();
    let roots = base.order.iter().filter(|key| !rendered.contains(*key));
    let roots: Vec<Kustomization> =
        roots.filter_map(|key| base.nodes.get(key)).map(|n| n.kustomization.clone()).collect();
    walk.from(roots).await;
    let kept = kept_children(base, &walk.side);
    walk.from(kept).await;
    walk.side
}

/// Without owner labels to tell roots by (files, not live objects), every Kustomization was rendered with the spec of its
/// file. Those that another one renders are rendered again, from the top, with the spec that the parent gives them.
async fn without_rendered_twice(first: Walk<'_>, found: &[Kustomization]) -> Side {
    let rendered: BTreeSet<ObjectKey> = first
        .side
        .order
        .iter()
        .flat_map(|key| children_of(&first.side, key))
        .filter(|(parent, child)| parent != child)
        .map(|(_, child)| child)
        .collect();
    let roots = found.iter().filter(|k| !rendered.contains(&k.key)).cloned().collect();
    let other = first.other;
    let mut walk = Walk { other, listings: first.listings, ..Walk::new(first.tree, first.from) };
    walk.from(roots).await;
    // A file that its parent used to render and renders no more is not what Flux has, though it still lies there.
    let dropped: BTreeSet<ObjectKey> = other.map_or_else(BTreeSet::new, |(base, _)| {
        let pairs = base.order.iter().flat_map(|key| children_of(base, key)).filter(|(p, c)| p != c);
        let renders = |key: &ObjectKey| walk.side.nodes.get(key).is_some_and(|node| node.outcome.is_ok());
        pairs.filter(|(parent, _)| renders(parent)).map(|(_, child)| child).collect()
    });
    let lost = |k: &&Kustomization| !walk.side.nodes.contains_key(&k.key) && !dropped.contains(&k.key);
    let lost = found.iter().filter(lost).cloned().collect();
    walk.from(lost).await;
    walk.side
}

fn children_of(side: &Side, parent: &ObjectKey) -> Vec<(ObjectKey, ObjectKey)> {
    let Some(Ok(rendered)) = side.nodes.get(parent).map(|node| &node.outcome) else { return Vec::new() };
    let children = rendered.objects.iter().filter(|o| Kustomization::is(o)).filter_map(child);
    children.map(|child| (parent.clone(), child.key)).collect()
}

/// Children at the base whose parent fails at the result, or does not prune: they stay as they were.
fn kept_children(base: &Side, result: &Side) -> Vec<Kustomization> {
    let mut kept = Vec::new();
    for parent in &base.order {
        let stays = match result.nodes.get(parent) {
            Some(node) => node.outcome.is_err() || !node.kustomization.spec.prune,
            None => false,
        };
        for (_, key) in children_of(base, parent).into_iter().filter(|_| stays) {
            let gone = !result.nodes.contains_key(&key);
            kept.extend(base.nodes.get(&key).filter(|_| gone).map(|node| node.kustomization.clone()));
        }
    }
    kept
}

/// Whether a live Kustomization is rendered by none of the others: it has no owner among them, or owns itself.
fn is_root(kustomization: &Kustomization, known: &Known) -> bool {
    let label = |key: &str| kustomization.value["metadata"]["labels"][key].as_str();
    let owner = (label(flux::control::OWNER_NAMESPACE), label(flux::control::OWNER_NAME));
    let (Some(namespace), Some(name)) = owner else { return true };
    let owner = ObjectKey::new(namespace, name);
    owner == kustomization.key || !known.kustomizations.iter().any(|k| k.key == owner)
}

impl<'a> Walk<'a> {
    fn new(tree: SharedTree, from: Sources<'a>) -> Self {
        Self { tree, known: from.known, from, other: None, listings: BTreeMap::new(), side: Side::default() }
    }

    /// Renders these and, level by level, all that they bring.
    async fn from(&mut self, roots: Vec<Kustomization>) {
        let mut level = roots;
        for _ in 0..DEEPEST {
            let mut next = Vec::new();
            for kustomization in by_dependency(level) {
                if self.side.nodes.contains_key(&kustomization.key) {
                    continue;
                }
                if self.side.nodes.len() >= MOST {
                    self.side.notes.push(format!("Only the first {MOST} Kustomizations were rendered."));
                    return;
                }
                let (key, node) = (kustomization.key.clone(), self.node(kustomization).await);
                next.extend(self.children(&node));
                self.side.order.push(key.clone());
                self.side.nodes.insert(key, node);
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

    fn children(&self, node: &Node) -> Vec<Kustomization> {
        let Ok(rendered) = &node.outcome else { return Vec::new() };
        let objects = rendered.objects.iter().filter(|o| Kustomization::is(o));
        let parsed = objects.filter_map(child);
        parsed.filter(|k| self.known.feeds(k)).map(|k| self.with_live_status(k)).collect()
    }

    /// A rendered child has no status; the inventory and what was applied are the live one's.
    fn with_live_status(&self, mut child: Kustomization) -> Kustomization {
        if let Some(live) = self.known.kustomizations.iter().find(|k| k.key == child.key) {
            child.status = live.status.clone();
            // Server-side apply leaves alone what Git does not mention, so a suspension by hand stays.
            if child.value["spec"].get("suspend").is_none() {
                child.spec.suspend = live.spec.suspend;
            }
        }
        child
    }

    async fn node(&mut self, kustomization: Kustomization) -> Node {
        let objects: Vec<&Value> = self.side.objects().collect();
        let variables = match self.from.values.of(&kustomization, &objects).await {
            Ok(variables) => variables,
            Err(why) => {
                return Node { kustomization, variables: Variables::default(), outcome: Err(why) };
            }
        };
        if let Some(outcome) = self.same_as_other(&kustomization, &variables) {
            return Node { kustomization, variables, outcome };
        }
        let outcome = self.render(&kustomization, &variables).await;
        Node { kustomization, variables, outcome }
    }

    /// The other side's outcome, when spec, variables and every path that was read are the same.
    fn same_as_other(
        &self,
        own: &Kustomization,
        variables: &Variables,
    ) -> Option<Result<Arc<Rendered>, String>> {
        let (side, changed) = self.other?;
        let other = side.nodes.get(&own.key)?;
        let rendered = other.outcome.as_ref().ok()?;
        let same = other.kustomization.spec == own.spec && other.variables == *variables;
        (same && !touches(&rendered.reads, changed)).then(|| Ok(rendered.clone()))
    }

    async fn render(
        &mut self,
        kustomization: &Kustomization,
        variables: &Variables,
    ) -> Result<Arc<Rendered>, String> {
        let listing = self.listing(kustomization).await?;
        loop {
            let (tree, listing) = (self.tree.clone(), listing.clone());
            let (kustomization, variables) = (kustomization.clone(), variables.clone());
            let mut options = options();
            options.kustomize.remotes = self.from.remotes.given();
            let rendered = aside(move || {
                let artifact = Artifact::with(tree.as_ref(), listing);
                Ok(flux::render(&artifact, &kustomization, &variables, &options))
            });
            let error = match rendered.await? {
                Ok(rendered) => return Ok(Arc::new(rendered)),
                Err(error) => error,
            };
            // What is fetched is handed to the next try; every try but the last brings something new.
            match self.from.remotes.after(&error).await {
                Ok(true) => {}
                Ok(false) => return Err(chain(&error)),
                Err(why) => return Err(format!("{}: {why}", chain(&error))),
            }
        }
    }

    async fn listing(&mut self, kustomization: &Kustomization) -> Result<Arc<Listing>, String> {
        let key = kustomization.spec.source_ref.key();
        if let Some(known) = self.listings.get(&key) {
            return known.clone();
        }
        let (tree, source) = (self.tree.clone(), self.known.source(kustomization)?);
        let listing =
            aside(move || Listing::of(tree.as_ref(), &source).map_err(|e| chain(&e))).await.map(Arc::new);
        self.listings.insert(key, listing.clone());
        listing
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

/// A child as its parent renders it. Without a namespace of its own the API server refuses it, and then it is no child.
fn child(object: &Value) -> Option<Kustomization> {
    Kustomization::from_value(object).ok()
}

/// Whether anything that was read (or listed, or looked for) is among the changed paths.
fn touches(reads: &BTreeSet<String>, changed: &BTreeSet<String>) -> bool {
    // Ignore rules decide what every build sees, wherever they stand.
    if changed.iter().any(|path| path.rsplit('/').next() == Some(".sourceignore")) {
        return true;
    }
    reads.iter().any(|read| {
        if read.is_empty() || changed.contains(read) {
            return !changed.is_empty();
        }
        let below = format!("{read}/");
        changed.range(below.clone()..).next().is_some_and(|path| path.starts_with(&below))
    })
}

/// What others of the same level depend on comes first; cycles keep the order they came in.
fn by_dependency(level: Vec<Kustomization>) -> Vec<Kustomization> {
    let mut waiting = level;
    let mut sorted: Vec<Kustomization> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let names: BTreeSet<ObjectKey> = waiting.iter().map(|k| k.key.clone()).collect();
        let free =
            |k: &Kustomization| k.spec.depends_on.iter().all(|d| d.key == k.key || !names.contains(&d.key));
        let (ready, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(free);
        if ready.is_empty() {
            sorted.extend(rest);
            break;
        }
        sorted.extend(ready);
        waiting = rest;
    }
    sorted
}

/// One Kustomization that takes too long must not take the time of all the others.
const LONGEST_RENDER: Duration = Duration::from_secs(60);

fn options() -> flux::Options {
    let begun = Instant::now();
    let is_over = move || begun.elapsed() > LONGEST_RENDER;
    let deadline = kustomize::Deadline::new(LONGEST_RENDER.as_secs() as usize * 1000, is_over);
    let kustomize = kustomize::Options { deadline: Some(deadline), ..kustomize::Options::default() };
    flux::Options { kustomize, ..flux::Options::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(reads: &[&str], changed: &[&str], expected: bool) {
        let set = |paths: &[&str]| paths.iter().map(|p| (*p).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(touches(&set(reads), &set(changed)), expected, "{reads:?} {changed:?}");
    }

    #[test]
    fn a_build_is_touched_by_what_it_read_and_by_nothing_else() {
        check(&["apps/foo"], &["apps/foobar/x.yaml"], false);
        check(&["apps/foo"], &["apps/foo/new.yaml"], true);
        check(&["apps/foo/a.yaml"], &["apps/foo/a.yaml"], true);
        check(&["apps/foo/a.yaml"], &["apps/foo/b.yaml"], false);
        check(&["apps/foo/kustomization.yml"], &["apps/foo/kustomization.yml"], true);
        check(&[""], &["README.md"], true);
        check(&[""], &[], false);
        check(&["apps"], &["docs/.sourceignore"], true);
    }
}
