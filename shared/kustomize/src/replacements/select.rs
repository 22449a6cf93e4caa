//! Which objects a replacement writes into.

use std::cell::OnceCell;

use crate::Error;
use crate::pattern::Pattern;
use crate::resid::IdRef;
use crate::resource::Resource;
use crate::selector::{Requirements, Selector, whole};

/// The objects of a target: selected, and not rejected.
pub(super) struct TargetSelector<'a> {
    select: Patterns,
    select_pairs: Pairs<'a>,
    reject: Vec<Patterns>,
    reject_pairs: Vec<Pairs<'a>>,
}

impl<'a> TargetSelector<'a> {
    pub(super) fn new(select: &'a Selector, reject: &'a [Selector]) -> Result<Self, Error> {
        let named = |s: &&Selector| {
            ![&s.group, &s.version, &s.kind, &s.name, &s.namespace].iter().all(|p| p.is_empty())
        };
        let paired = |s: &&Selector| !s.label_selector.is_empty() || !s.annotation_selector.is_empty();
        // Patterns are read though they may not be used.
        Ok(TargetSelector {
            select: Patterns::new(select)?,
            select_pairs: Pairs::new(select),
            reject: reject.iter().filter(named).map(Patterns::new).collect::<Result<_, _>>()?,
            reject_pairs: reject.iter().filter(paired).map(Pairs::new).collect(),
        })
    }

    pub(super) fn selects(&self, resource: &Resource) -> Result<bool, Error> {
        if !self.select_pairs.hold(resource)? {
            return Ok(false);
        }
        for pairs in &self.reject_pairs {
            if pairs.hold(resource)? {
                return Ok(false);
            }
        }
        let rejected = self.reject.iter().any(|patterns| resource.ids().any(|id| patterns.match_id(id)));
        Ok(!rejected && resource.ids().any(|id| self.select.match_id(id)))
    }
}

/// Patterns over an identity; those that are not given match anything.
struct Patterns {
    group: Option<Pattern>,
    version: Option<Pattern>,
    kind: Option<Pattern>,
    name: Option<Pattern>,
    namespace: Option<Pattern>,
}

impl Patterns {
    fn new(selector: &Selector) -> Result<Self, Error> {
        Ok(Patterns {
            group: whole(&selector.group)?,
            version: whole(&selector.version)?,
            kind: whole(&selector.kind)?,
            name: whole(&selector.name)?,
            namespace: whole(&selector.namespace)?,
        })
    }

    fn match_id(&self, id: IdRef<'_>) -> bool {
        let fits = |pattern: &Option<Pattern>, text: &str| pattern.as_ref().is_none_or(|p| p.is_match(text));
        fits(&self.kind, id.gvk.kind)
            && fits(&self.name, id.name)
            && fits(&self.namespace, id.namespace)
            && fits(&self.group, id.gvk.group)
            && fits(&self.version, id.gvk.version)
    }
}

/// Selectors of annotations and labels, read when the first object is asked, as kustomize does.
struct Pairs<'a> {
    selector: &'a Selector,
    read: OnceCell<(Requirements, Requirements)>,
}

impl<'a> Pairs<'a> {
    fn new(selector: &'a Selector) -> Self {
        Pairs { selector, read: OnceCell::new() }
    }

    fn hold(&self, resource: &Resource) -> Result<bool, Error> {
        let (annotations, labels) = match self.read.get() {
            Some(read) => read,
            None => {
                let annotations = Requirements::new(&self.selector.annotation_selector)?;
                let read = (annotations, Requirements::new(&self.selector.label_selector)?);
                self.read.get_or_init(|| read)
            }
        };
        let hold =
            |wanted: &Requirements, field| wanted.is_empty() || wanted.hold(&resource.string_map(field));
        Ok(hold(annotations, "annotations") && hold(labels, "labels"))
    }
}
