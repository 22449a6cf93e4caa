//! `sortOptions`: the order in which the root's objects are printed.

use std::collections::{HashMap, HashSet};

use crate::Error;
use crate::configuration::{FIRST, LAST};
use crate::decode::Fields;
use crate::resid::{Gvk, ResId};
use crate::resmap::ResMap;
use crate::resource::Resource;

/// The field as written.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct SortOptions {
    order: String,
    legacy: Option<Kinds>,
}

/// The kinds that come first and last.
#[derive(Debug, Clone, Default, PartialEq)]
struct Kinds {
    first: Vec<String>,
    last: Vec<String>,
}

impl SortOptions {
    pub(crate) fn decode(mut fields: Fields) -> Result<Self, Error> {
        let order = fields.text("order")?;
        let legacy = match fields.maybe_object("legacySortOptions")? {
            None => None,
            Some(mut kinds) => {
                let (first, last) = (kinds.texts("orderFirst")?, kinds.texts("orderLast")?);
                kinds.done()?;
                Some(Kinds { first, last })
            }
        };
        fields.done()?;
        Ok(SortOptions { order, legacy })
    }

    /// Puts the objects in order.
    pub(crate) fn apply(&self, resources: &mut ResMap) -> Result<(), Error> {
        match (self.order.as_str(), &self.legacy) {
            ("fifo", None) => Ok(()),
            ("fifo", Some(_)) => {
                Err(Error::invalid("`legacySortOptions` is set but the order is `fifo`, not `legacy`"))
            }
            ("legacy", Some(kinds)) => sort(resources, &ranks(&kinds.first, &kinds.last)),
            ("legacy", None) => sort(resources, &ranks(&FIRST, &LAST)),
            _ => Err(Error::invalid("`order` must be `fifo` or `legacy`")),
        }
    }
}

type Ranks = HashMap<String, isize>;

/// The rank of each kind that is named; all others have the rank 0.
fn ranks<S: AsRef<str>>(first: &[S], last: &[S]) -> Ranks {
    let kind = |kind: &S| kind.as_ref().to_owned();
    let place = |at: usize| isize::try_from(at).unwrap_or(isize::MAX);
    let firsts = first.iter().enumerate().map(|(at, name)| (kind(name), place(at) - place(first.len())));
    let lasts = last.iter().enumerate().map(|(at, name)| (kind(name), place(at) + 1));
    firsts.chain(lasts).collect()
}

fn sort(resources: &mut ResMap, ranks: &Ranks) -> Result<(), Error> {
    refuse_circles(resources, ranks)?;
    let mut seen = HashSet::with_capacity(resources.list.len());
    for resource in &resources.list {
        let id = resource.current_id();
        if !seen.insert(id.key()) {
            return Err(Error::invalid(format!("several objects are called `{id}`")));
        }
    }
    let list = std::mem::take(&mut resources.list).into_iter();
    let mut keyed: Vec<(Key, Resource)> = list.map(|r| (Key::of(&r.current_id(), ranks), r)).collect();
    keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
    resources.list = keyed.into_iter().map(|(_, resource)| resource).collect();
    resources.changed();
    Ok(())
}

/// Namespaces of the core group come before those of other groups, and their versions the other way round. Among
/// other kinds of their rank that makes circles, where the order would be that of one sorting algorithm.
fn refuse_circles(resources: &ResMap, ranks: &Ranks) -> Result<(), Error> {
    if ranks.contains_key("Namespace") {
        return Ok(());
    }
    let gvks = resources.list.iter().filter(|r| r.kind() == "Namespace").map(Resource::gvk);
    let gvks: HashSet<Gvk> = gvks.collect();
    if gvks.len() > 1 && gvks.iter().any(|gvk| gvk.group.is_empty()) {
        return Err(Error::unsupported(
            "an order that does not name `Namespace`, of several kinds called so",
        ));
    }
    Ok(())
}

/// What objects are ordered by.
#[derive(PartialEq, Eq)]
struct Key {
    rank: isize,
    kind: String,
    /// A Namespace of the core group.
    core_namespace: bool,
    gvk: String,
    rest: String,
}

impl Key {
    fn of(id: &ResId, ranks: &Ranks) -> Key {
        let Gvk { group, version, kind, .. } = &id.gvk;
        Key {
            rank: ranks.get(kind).copied().unwrap_or(0),
            kind: kind.clone(),
            core_namespace: kind == "Namespace" && group.is_empty(),
            gvk: format!("{}_{}_{}", or(group, "~G"), or(version, "~V"), or(kind, "~K")),
            rest: format!("{}|{}", or(&id.namespace, "~X"), or(&id.name, "~N")),
        }
    }

    fn cmp(&self, other: &Key) -> std::cmp::Ordering {
        let by_gvk = if self.kind == other.kind && (self.core_namespace || other.core_namespace) {
            other.gvk.cmp(&self.gvk)
        } else {
            self.gvk.cmp(&other.gvk)
        };
        self.rank.cmp(&other.rank).then(by_gvk).then_with(|| self.rest.cmp(&other.rest))
    }
}

fn or<'a>(text: &'a str, none: &'a str) -> &'a str {
    if text.is_empty() { none } else { text }
}
