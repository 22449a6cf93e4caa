//! The objects of a build in order, found by identity.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use crate::resid::ResId;
use crate::resource::{Behavior, Resource};
use crate::{Error, Limits, meter};

/// Objects in the order they were loaded. No two have the same current identity when they are added.
#[derive(Default)]
pub(crate) struct ResMap {
    pub(crate) list: Vec<Resource>,
    /// Hashes of the identities of `list`, empty when they have to be found anew.
    ids: HashSet<u64>,
    hasher: RandomState,
}

impl ResMap {
    /// Adds resources, refusing one whose identity is taken.
    pub(crate) fn append_all(&mut self, resources: Vec<Resource>, limits: &Limits) -> Result<(), Error> {
        if self.list.len() + resources.len() > limits.objects {
            return Err(crate::ErrorKind::Limit { limit: "objects", value: limits.objects }.into());
        }
        if self.ids.is_empty() {
            self.ids = self.list.iter().map(|r| self.hasher.hash_one(r.current().key())).collect();
        }
        meter::work(20 * resources.len())?;
        for resource in resources {
            let key = resource.current().key();
            let is_known = !self.ids.insert(self.hasher.hash_one(key));
            if is_known && self.list.iter().any(|r| r.current().key() == key) {
                return Err(already_registered(&resource));
            }
            self.list.push(resource);
        }
        Ok(())
    }

    /// Says that identities may have changed.
    pub(crate) fn changed(&mut self) {
        self.ids.clear();
    }

    /// Checks that no two objects share an identity.
    pub(crate) fn check_unique(&self) -> Result<(), Error> {
        meter::note(self.list.len() * 30);
        let mut seen = HashSet::with_capacity(self.list.len());
        match self.list.iter().find(|r| !seen.insert(r.current().key())) {
            None => Ok(()),
            Some(resource) => Err(already_registered(resource)),
        }
    }

    /// Adds a generated object, or lets it replace or merge the one that has or had its identity.
    pub(crate) fn absorb(&mut self, mut new: Resource, limits: &Limits) -> Result<(), Error> {
        let id = new.current_id();
        let matches = self.indices_by_any_id(&id);
        let index = match (matches.as_slice(), new.behavior) {
            ([], Behavior::Create) => return self.append_all(vec![new], limits),
            ([], _) => return Err(Error::invalid(format!("`{id}` does not exist; cannot merge or replace"))),
            ([_], Behavior::Create) => {
                return Err(Error::invalid(format!("`{id}` exists; behavior must be merge or replace")));
            }
            ([index], _) => *index,
            _ => {
                return Err(Error::invalid(format!(
                    "found multiple objects that could accept merge of `{id}`"
                )));
            }
        };
        let Some(old) = self.list.get_mut(index) else { return Ok(()) };
        let behavior = new.behavior;
        let new_annotations = new.string_map("annotations");
        let merged = merge(old.string_map("annotations"), new_annotations);
        new.set_string_map("labels", merge(old.string_map("labels"), new.string_map("labels")));
        new.set_string_map("annotations", merged);
        let (name, namespace) = (old.name().to_owned(), old.namespace().to_owned());
        new.set_name(&name);
        new.set_namespace(&namespace);
        new.take_state_of(old);
        if behavior == Behavior::Merge {
            for field in ["data", "binaryData"] {
                let data = merge(old.data(field), new.data(field));
                crate::generators::set_data(&mut new.node, field, data);
            }
            if let Some(origin) = old.annotation(crate::origin::ORIGIN).map(str::to_owned) {
                new.set_annotation(crate::origin::ORIGIN, &origin);
            }
            new.origin.clone_from(&old.origin);
        }
        let key = new.current().key().to_owned();
        *old = new;
        self.ids.clear();
        if self.list.iter().filter(|r| r.current().key() == key.as_ref()).count() > 1 {
            return Err(Error::invalid(format!("`{id}` matched several resources")));
        }
        Ok(())
    }

    /// Where the objects are that have or had this identity.
    pub(crate) fn indices_by_any_id(&self, id: &ResId) -> Vec<usize> {
        meter::note(self.list.len() * 10);
        let key = id.as_ref().key();
        let matches = |r: &Resource| !r.is_gone() && r.ids().any(|i| i.name == key.name && i.key() == key);
        self.list.iter().enumerate().filter(|(_, r)| matches(r)).map(|(index, _)| index).collect()
    }

    /// Drops what patches deleted.
    pub(crate) fn drop_gone(&mut self) {
        self.list.retain(|r| !r.is_gone());
    }
}

fn already_registered(resource: &Resource) -> Error {
    Error::invalid(format!("may not add resource with an already registered id: `{}`", resource.current_id()))
}

/// Pairs of both, the second winning.
fn merge(first: Vec<(String, String)>, second: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut map: std::collections::BTreeMap<String, String> = first.into_iter().collect();
    map.extend(second);
    map.into_iter().collect()
}
