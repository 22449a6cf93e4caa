//! Every Kustomization of one side: parents first, children with the spec that the parent renders at that commit.
//!
//! A side is walked until nothing changes any more, since what is rendered last may steer what was rendered first: a root
//! renders itself and its source, and variables come from whoever renders them. At the result, what reads nothing that
//! changed is not rendered again: it is proved identical by what it read.

mod failure;
mod graph;
mod reuse;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use flux::{GitRepository, Kustomization, Listing, ObjectKey, Rendered, Variables};
use ports::{Checkout, SharedTree};
use serde_json::Value;

use super::decryption::Opened;
use super::discover::Known;
use super::leaving::{self, Live};
use super::remote::Fetched;
use super::variables::Source;
pub(super) use failure::Failure;
use walk::Walk;

/// Values of Secrets that stand in Git are masked elsewhere from this length up: `true` and `8080` are everywhere.
const SHORTEST_SECRET: usize = 8;
/// How often a side is walked at most.
const MOST_WALKS: usize = 6;

/// One Kustomization at one side.
#[derive(Clone)]
pub(super) struct Node {
    /// With the spec of this side.
    pub(super) kustomization: Kustomization,
    /// Its variables at this side, if they could be had.
    pub(super) variables: Variables,
    /// What its source's artifact holds, if that could be told.
    pub(super) listing: Option<Arc<Listing>>,
    /// Its objects, or why there are none.
    pub(super) outcome: Result<Arc<Rendered>, Failure>,
    /// Whether it was not rendered again, because nothing that it read differs from the other side.
    pub(super) proved: bool,
}

/// A Kustomization that is rendered here and fed from elsewhere.
#[derive(Clone)]
pub(super) struct Foreign {
    /// With the spec of this side.
    pub(super) kustomization: Kustomization,
    /// Where its content comes from, as a sentence without a full stop.
    pub(super) why: String,
}

/// What a source's artifact holds, with the sources that it was made from.
type Listed = (Vec<GitRepository>, Result<Arc<Listing>, String>);

/// One side.
#[derive(Default)]
pub(super) struct Side {
    /// Every Kustomization of it.
    pub(super) nodes: BTreeMap<ObjectKey, Node>,
    /// In the order of rendering: parents and dependencies first.
    pub(super) order: Vec<ObjectKey>,
    /// Kustomizations that are rendered and not fed by this repository and branch.
    pub(super) foreign: BTreeMap<ObjectKey, Foreign>,
    /// Kustomizations that are rendered and cannot be read, and why, as a sentence without a full stop.
    pub(super) unreadable: BTreeMap<ObjectKey, String>,
    /// Limits that were reached, cycles and the like, as sentences.
    pub(super) notes: Vec<String>,
    /// The sources that are rendered.
    sources: BTreeMap<ObjectKey, GitRepository>,
    /// What each source's artifact holds: a walk of the whole tree, made once.
    listings: BTreeMap<ObjectKey, Listed>,
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

    /// A source, as it is rendered.
    pub(super) fn source(&self, key: &ObjectKey) -> Option<&GitRepository> {
        self.sources.get(key)
    }

    /// A source that led its own renderer away is not rendered any more, and leads away all the same.
    fn keep_sources(&mut self, last: &Self) {
        for foreign in self.foreign.values() {
            let key = foreign.kustomization.spec.source_ref.key();
            if let (false, Some(source)) = (self.sources.contains_key(&key), last.sources.get(&key)) {
                self.sources.insert(key, source.clone());
            }
        }
    }

    /// Every object, in the order of rendering.
    pub(super) fn objects(&self) -> impl Iterator<Item = &Value> {
        self.order.iter().filter_map(|key| self.nodes.get(key)).flat_map(Node::objects)
    }

    /// The Kustomization of this name as it is rendered, whoever renders it first.
    fn rendered(&self, key: &ObjectKey) -> Option<Kustomization> {
        let named = |object: &&Value| {
            object["metadata"]["name"] == key.name.as_str()
                && object["metadata"]["namespace"] == key.namespace.as_str()
        };
        self.objects().filter(|o| Kustomization::is(o)).find(named).and_then(child)
    }

    /// Who renders whom, itself apart: each child with its parents.
    pub(super) fn parents(&self) -> BTreeMap<ObjectKey, Vec<ObjectKey>> {
        let mut parents: BTreeMap<ObjectKey, Vec<ObjectKey>> = BTreeMap::new();
        for parent in &self.order {
            for key in self.children(parent).into_iter().filter(|key| key != parent) {
                parents.entry(key).or_default().push(parent.clone());
            }
        }
        parents
    }

    pub(super) fn children(&self, parent: &ObjectKey) -> Vec<ObjectKey> {
        let objects = self.nodes.get(parent).into_iter().flat_map(Node::objects);
        objects.filter(|o| Kustomization::is(o)).filter_map(child).map(|child| child.key).collect()
    }

    /// The Kustomizations that one renders and does not apply, for what they or the live ones say themselves.
    pub(super) fn not_applied(&self, parent: &ObjectKey, live: &Live) -> BTreeSet<ObjectKey> {
        let objects = self.nodes.get(parent).into_iter().flat_map(Node::objects);
        let children = objects.filter(|o| Kustomization::is(o)).filter_map(child);
        children
            .filter(|child| !leaving::is_applied(child, live.get(&child.key)))
            .map(|child| child.key)
            .collect()
    }

    /// Whether another walk would give the same.
    fn is_like(&self, other: &Self) -> bool {
        self.order == other.order
            && self.sources == other.sources
            && self.nodes.values().zip(other.nodes.values()).all(|(a, b)| a.is_like(b))
    }
}

impl Node {
    /// Its objects; none where it does not render.
    fn objects(&self) -> impl Iterator<Item = &Value> {
        self.outcome.iter().flat_map(|rendered| &rendered.objects)
    }

    fn is_like(&self, other: &Self) -> bool {
        let same_outcome = match (&self.outcome, &other.outcome) {
            (Ok(a), Ok(b)) => Arc::ptr_eq(a, b) || a == b,
            (Err(a), Err(b)) => a == b,
            _ => false,
        };
        same_outcome && self.kustomization.spec == other.kustomization.spec
    }
}

/// What rendering draws on besides a side's tree.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    pub(super) known: &'a Known,
    pub(super) values: &'a Source,
    pub(super) remotes: &'a Fetched,
    pub(super) data_keys: &'a Opened,
    /// Both sides of other Kustomizations in the same trees: their artifacts need not be listed again.
    pub(super) earlier: Option<(&'a Side, &'a Side)>,
}

/// Where a side's Kustomizations come from.
#[derive(Clone, Copy)]
enum Roster<'a> {
    /// The cluster has them.
    Live(&'a Known),
    /// Files hold them; at the result, with the base before it.
    Files(&'a [Kustomization], Option<&'a Side>),
    /// What is there once the base is: its roots, what these bring, and what stays without being brought.
    After(&'a Side, &'a Live),
}

/// The base side: from the Kustomizations that nobody renders down to all others.
pub(super) async fn base(checkout: &Checkout, from: Sources<'_>) -> Side {
    let known = from.known;
    let roster =
        if known.from_files { Roster::Files(&known.kustomizations, None) } else { Roster::Live(known) };
    settle(&checkout.base, from, roster, None).await
}

/// The result side. What was a root at the base is one here; the rest comes from the parents, or is gone.
pub(super) async fn result(checkout: &Checkout, from: Sources<'_>, base: &Side) -> Side {
    // Without a cluster the files of the result say what there is, roots included.
    let roster = match &from.known.at_result {
        Some(found) => Roster::Files(found, Some(base)),
        None => Roster::After(base, &from.known.live),
    };
    let mut side = settle(&checkout.result, from, roster, Some((base, &checkout.changed))).await;
    // Files whose source leads away now: nobody renders them here any more, and they are not gone.
    for (kustomization, why) in &from.known.elsewhere_at_result {
        let key = &kustomization.key;
        if base.nodes.contains_key(key) && !side.nodes.contains_key(key) {
            let foreign = Foreign { kustomization: kustomization.clone(), why: why.clone() };
            side.foreign.entry(key.clone()).or_insert(foreign);
        }
    }
    side
}

/// The other side, with the paths of the repository that differ from it.
type Other<'a> = Option<(&'a Side, &'a BTreeSet<String>)>;

async fn settle(tree: &SharedTree, from: Sources<'_>, roster: Roster<'_>, other: Other<'_>) -> Side {
    let earlier = from.earlier.map(|(base, result)| if other.is_some() { result } else { base });
    let listings = earlier.map(|side| side.listings.clone()).unwrap_or_default();
    let mut last = Side { listings, ..Side::default() };
    let mut settled = false;
    for _ in 0..MOST_WALKS {
        let mut walk = Walk::new(tree.clone(), from, other, &last);
        walk.down(roster.tops(&last, from.known)).await;
        // What is kept may fail in its turn, and then its own children stay.
        for _ in 0..MOST_WALKS {
            let rest = roster.rest(&walk.side);
            if rest.is_empty() {
                break;
            }
            walk.down(rest).await;
        }
        let mut side = walk.side;
        side.keep_sources(&last);
        settled = side.is_like(&last);
        last = side;
        if settled {
            break;
        }
    }
    if !settled {
        last.notes.push(format!(
            "What the Kustomizations make of each other did not settle within {MOST_WALKS} rounds: the last one is shown."
        ));
    }
    last.notes.extend(graph::notes(&last));
    last
}

impl Roster<'_> {
    /// Those that nobody else renders, with what the last walk made of them.
    fn tops(&self, last: &Side, from: &Known) -> Vec<Kustomization> {
        let tops: Vec<Kustomization> = match self {
            Self::Live(known) => known.kustomizations.iter().filter(|k| is_root(k, known)).cloned().collect(),
            Self::Files(found, base) => {
                // What a parent rendered at the base is no top now, though its file may still lie there.
                let (parents, before) = (last.parents(), base.map(Side::parents).unwrap_or_default());
                let rendered = |key: &ObjectKey| parents.contains_key(key) || before.contains_key(key);
                found.iter().filter(|k| !rendered(&k.key)).cloned().collect()
            }
            Self::After(base, _) => {
                let parents = base.parents();
                let roots = base.order.iter().filter(|key| !parents.contains_key(*key));
                roots.filter_map(|key| base.nodes.get(key)).map(|n| n.kustomization.clone()).collect()
            }
        };
        tops.into_iter().map(|k| now(k, last, from)).collect()
    }

    /// Those that no parent brought and that are there all the same.
    fn rest(&self, side: &Side) -> Vec<Kustomization> {
        let missing =
            |k: &&Kustomization| !side.nodes.contains_key(&k.key) && !side.foreign.contains_key(&k.key);
        match self {
            // Made by hand, or by a parent that fails.
            Self::Live(known) => known.kustomizations.iter().filter(missing).cloned().collect(),
            Self::Files(found, base) => {
                // What parents rendered and render no more is gone, though its file may still lie there; unless it is kept.
                let rendered = base.map(Side::parents).unwrap_or_default();
                let kept =
                    base.map(|base| leaving::kept_children(base, side, &Live::new())).unwrap_or_default();
                let others = found.iter().filter(missing).filter(|k| !rendered.contains_key(&k.key)).cloned();
                others.chain(kept).collect()
            }
            Self::After(base, live) => leaving::kept_children(base, side, live),
        }
    }
}

/// A Kustomization with the spec that the last walk gave it, whether by itself or by another.
fn now(kustomization: Kustomization, last: &Side, from: &Known) -> Kustomization {
    match last.rendered(&kustomization.key).filter(|rendered| from.applies(rendered)) {
        Some(rendered) => with_live_status(rendered, &kustomization),
        None => kustomization,
    }
}

/// A rendered Kustomization has no status; the inventory and what was applied are the live one's.
fn with_live_status(mut rendered: Kustomization, live: &Kustomization) -> Kustomization {
    rendered.status = live.status.clone();
    // Server-side apply leaves alone what Git does not mention, so a suspension or policy by hand stays.
    if rendered.value["spec"].get("suspend").is_none() {
        rendered.spec.suspend = live.spec.suspend;
    }
    if rendered.value["spec"].get("deletionPolicy").is_none() {
        rendered.spec.deletion_policy = live.spec.deletion_policy;
    }
    rendered
}

/// Whether a live Kustomization is rendered by none of the others: it has no owner among them, or owns itself.
fn is_root(kustomization: &Kustomization, known: &Known) -> bool {
    let label = |key: &str| kustomization.value["metadata"]["labels"][key].as_str();
    let owner = (label(flux::control::OWNER_NAMESPACE), label(flux::control::OWNER_NAME));
    let (Some(namespace), Some(name)) = owner else { return true };
    let owner = ObjectKey::new(namespace, name);
    owner == kustomization.key || !known.kustomizations.iter().any(|k| k.key == owner)
}

/// A child as its parent renders it. Without a namespace of its own the API server refuses it, and then it is no child.
fn child(object: &Value) -> Option<Kustomization> {
    Kustomization::from_value(object).ok()
}
