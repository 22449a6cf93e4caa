//! References to objects whose name changed: each field that may hold such a name is given the new one.

use std::collections::{HashMap, HashSet};

use compact_str::CompactString;

use crate::fieldspec::{self, Create, FieldSpec};
use crate::node::{Node, Scalar};
use crate::resid::{CLUSTER, Gvk, GvkRef};
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::specs::NameReference;
use crate::yaml::node_to_json;
use crate::{Error, ErrorKind, meter};

/// What a reference asks of an object it may mean.
struct Candidate {
    group: CompactString,
    version: CompactString,
    kind: CompactString,
    name: CompactString,
    namespace: CompactString,
    /// The namespaces that count, now and at first.
    current: CompactString,
    original: CompactString,
    /// Earlier names, and the kinds then.
    previous: Vec<(CompactString, CompactString)>,
    prefixes: Vec<CompactString>,
    suffixes: Vec<CompactString>,
}

impl Candidate {
    fn of(resource: &Resource) -> Self {
        let id = resource.current();
        Candidate {
            group: id.gvk.group.into(),
            version: id.gvk.version.into(),
            kind: id.gvk.kind.into(),
            name: id.name.into(),
            namespace: id.namespace.into(),
            current: id.effective_namespace().into(),
            original: resource.original().effective_namespace().into(),
            previous: resource.previous().map(|id| (id.name.into(), id.gvk.kind.into())).collect(),
            prefixes: resource.prefixes.clone(),
            suffixes: resource.suffixes.clone(),
        }
    }

    fn is_cluster_scoped(&self) -> bool {
        self.current == CLUSTER
    }

    fn was(&self, gvk: &Gvk) -> bool {
        let gvk_then = |kind| GvkRef { group: &self.group, version: &self.version, kind, cluster: false };
        self.previous.iter().any(|(_, kind)| gvk_then(kind).is_selected(gvk))
    }

    /// Whether the names were changed alike; nothing fits anything where `lax`.
    fn changed_like(&self, other: &Candidate, lax: bool) -> bool {
        let alike = |a: &[CompactString], b: &[CompactString]| {
            (lax && (a.is_empty() || b.is_empty())) || same_ending(a, b)
        };
        alike(&self.prefixes, &other.prefixes) && alike(&self.suffixes, &other.suffixes)
    }
}

fn same_ending(a: &[CompactString], b: &[CompactString]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if short.is_empty() { long.is_empty() } else { long.ends_with(short) }
}

/// Rewrites all references among the objects.
pub(crate) fn fix(resources: &mut ResMap, references: &[NameReference]) -> Result<(), Error> {
    let candidates: Vec<Candidate> = resources.list.iter().map(Candidate::of).collect();
    let mut by_old_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, candidate) in candidates.iter().enumerate() {
        let names: HashSet<&str> = candidate.previous.iter().map(|(name, _)| name.as_str()).collect();
        for name in names {
            by_old_name.entry(name).or_default().push(at);
        }
    }
    let mut specs = SpecsByKind { references, found: HashMap::new() };
    for (at, resource) in resources.list.iter_mut().enumerate() {
        let Some(me) = candidates.get(at) else { continue };
        let mut referrer = Referrer {
            me,
            candidates: &candidates,
            by_old_name: &by_old_name,
            accounts: account_namespaces(resource)?,
            role: None,
        };
        for (target, spec) in specs.of(resource.original().gvk) {
            referrer.role = spec.path.ends_with("roleRef/name").then(|| role(&resource.node)).flatten();
            let mut set = |node: &mut Node| referrer.set(node, target);
            let applied = fieldspec::apply_to_any(&mut resource.node, spec, Create::Nothing, &mut set);
            applied.map_err(|error| in_reference(error, resource))?;
        }
    }
    Ok(())
}

fn in_reference(error: Error, resource: &Resource) -> Error {
    if matches!(error.kind, ErrorKind::Limit { .. }) {
        return error;
    }
    let message = format!("updating name reference of `{}`: {}", resource.current_id(), error.kind);
    Error { field: error.field, ..Error::invalid(message) }
}

/// What each kind may refer to, in order; looked for once per kind.
struct SpecsByKind<'a> {
    references: &'a [NameReference],
    found: HashMap<Gvk, Vec<(&'a Gvk, &'a FieldSpec)>>,
}

impl<'a> SpecsByKind<'a> {
    fn of(&mut self, gvk: GvkRef<'_>) -> &[(&'a Gvk, &'a FieldSpec)] {
        self.found.entry(gvk.to_owned()).or_insert_with(|| {
            let all = self.references.iter().flat_map(|r| r.referrers.iter().map(move |s| (&r.target, s)));
            all.filter(|(_, spec)| gvk.is_selected(&spec.gvk)).collect()
        })
    }
}

/// The namespaces of the service accounts that a RoleBinding names.
fn account_namespaces(resource: &Resource) -> Result<HashSet<String>, Error> {
    let mut namespaces = HashSet::new();
    if resource.kind() != "RoleBinding" {
        return Ok(namespaces);
    }
    if let Some(Node::Seq(subjects)) = resource.node.get("subjects") {
        for subject in subjects {
            if !matches!(subject, Node::Map(_)) {
                return Err(Error::invalid("an entry of `subjects` is not a map"));
            }
            let (Some(kind), Some(namespace)) = (subject.get("kind"), subject.get("namespace")) else {
                continue;
            };
            if !node_to_json(kind)?.is_string() {
                return Err(Error::invalid("the kind of a subject is not a text"));
            }
            if kind.text() == "ServiceAccount" {
                if namespace.is_null() {
                    return Err(Error::invalid("a subject's namespace is blank"));
                }
                namespaces.insert(namespace.text().to_owned());
            }
        }
    }
    Ok(namespaces)
}

/// The group and kind of a `roleRef`.
fn role(node: &Node) -> Option<Gvk> {
    let reference = node.get("roleRef")?;
    let text = |field: &str| reference.get(field).map(|n| n.text().to_owned());
    Some(Gvk::of(text("apiGroup")?, "", text("kind")?))
}

/// One object and what it may refer to.
struct Referrer<'a> {
    me: &'a Candidate,
    candidates: &'a [Candidate],
    by_old_name: &'a HashMap<&'a str, Vec<usize>>,
    accounts: HashSet<String>,
    role: Option<Gvk>,
}

impl<'a> Referrer<'a> {
    /// Updates the node that a field spec leads to.
    fn set(&self, node: &mut Node, target: &Gvk) -> Result<(), Error> {
        match node {
            node if node.is_null() => Ok(()),
            Node::Scalar(_) => self.set_scalar(node, target),
            Node::Map(_) => self.set_map(node, target),
            Node::Seq(items) => {
                items.iter_mut().filter(|item| !item.is_null()).try_for_each(|item| match item {
                    Node::Scalar(_) => self.set_scalar(item, target),
                    Node::Map(_) => self.set_map(item, target),
                    Node::Seq(_) => Err(Error::invalid("expected a string or a map")),
                })
            }
        }
    }

    fn set_scalar(&self, node: &mut Node, target: &Gvk) -> Result<(), Error> {
        let same = |a: &Candidate, b: &Candidate| a.name == b.name;
        if let Some(referral) = self.select(node.text(), target, None, same)?
            && referral.name != node.text()
        {
            node.set_scalar(Scalar::bare(referral.name.clone()));
        }
        Ok(())
    }

    fn set_map(&self, node: &mut Node, target: &Gvk) -> Result<(), Error> {
        let Some(name) = node.get("name").map(|n| n.text().to_owned()) else {
            return Err(Error::invalid("path config error; no `name` field in node"));
        };
        let namespace = node.get("namespace").map(|n| n.text().to_owned());
        let same = |a: &Candidate, b: &Candidate| a.name == b.name && a.namespace == b.namespace;
        let Some(referral) = self.select(&name, target, namespace.as_deref(), same)? else { return Ok(()) };
        if referral.name == name && referral.namespace.is_empty() {
            return Ok(());
        }
        node.set("name", Scalar::bare(referral.name.clone()));
        if !referral.namespace.is_empty() {
            node.set("namespace", Scalar::bare(referral.namespace.clone()));
        }
        Ok(())
    }

    /// Whether kustomize lets this object refer to the candidate at all.
    fn reaches(&self, candidate: &Candidate) -> bool {
        self.me.is_cluster_scoped()
            || candidate.is_cluster_scoped()
            || candidate.current == self.me.current
            || self.accounts.contains(candidate.namespace.as_str())
    }

    /// Whether a candidate counts for a reference that names a namespace: by its first one if any object had that.
    fn in_namespace(&self, namespace: &str) -> impl Fn(&Candidate) -> bool {
        let by_original = self.candidates.iter().any(|c| self.reaches(c) && c.original == namespace);
        move |candidate| {
            let its = if by_original { &candidate.original } else { &candidate.current };
            *its == namespace && *its != CLUSTER
        }
    }

    /// The object that is meant by an old name.
    fn select(
        &self,
        old_name: &str,
        target: &Gvk,
        namespace: Option<&str>,
        same: impl Fn(&Candidate, &Candidate) -> bool,
    ) -> Result<Option<&'a Candidate>, Error> {
        let Some(places) = self.by_old_name.get(old_name) else { return Ok(None) };
        meter::work(places.len() * 20)?;
        let mut found: Vec<&Candidate> = places.iter().filter_map(|at| self.candidates.get(*at)).collect();
        found.retain(|c| {
            self.reaches(c) && c.was(target) && self.role.as_ref().is_none_or(|role| c.was(role))
        });
        found.retain(|c| {
            self.me.is_cluster_scoped()
                || c.is_cluster_scoped()
                || c.kind == "ServiceAccount"
                || c.current == self.me.current
        });
        if let Some(namespace) = namespace
            && !found.is_empty()
        {
            meter::work(self.candidates.len())?;
            let fits = self.in_namespace(namespace);
            found.retain(|c| fits(c));
        }
        if found.len() != 1 {
            found.retain(|c| c.changed_like(self.me, true));
        }
        if found.len() > 1 {
            found.retain(|c| c.changed_like(self.me, false));
        }
        match found.as_slice() {
            [] => Ok(None),
            [first, rest @ ..] if rest.iter().all(|c| same(first, c)) => Ok(Some(first)),
            _ => {
                let names: Vec<String> = found.iter().map(|c| format!("{} {}", c.kind, c.name)).collect();
                Err(Error::invalid(format!("found multiple possible referrals: {}", names.join(", "))))
            }
        }
    }
}
