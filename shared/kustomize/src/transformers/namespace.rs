//! `namespace`: every object that can have one moves there, and some references with it.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::Error;
use crate::fieldspec::{self, Create, CreateTag, FieldSpec};
use crate::node::{Node, Scalar};
use crate::resid::Gvk;
use crate::resmap::ResMap;

const NAMESPACE: &str = "metadata/namespace";
const SUBJECTS: &str = "subjects/namespace";

/// The transformer's configuration.
pub(crate) struct Namespace<'a> {
    pub(crate) namespace: Cow<'a, str>,
    pub(crate) places: Cow<'a, [FieldSpec]>,
    /// Whether only what has no namespace gets it.
    pub(crate) unset_only: bool,
    pub(crate) subjects: Subjects,
}

/// Which subjects of role bindings get the namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subjects {
    /// Those named `default`; other service accounts follow as name references.
    NamedDefault,
    ServiceAccounts,
    None,
}

impl<'a> Namespace<'a> {
    pub(crate) fn new(namespace: &'a str, places: &'a [FieldSpec]) -> Self {
        Namespace {
            namespace: namespace.into(),
            places: places.into(),
            unset_only: false,
            subjects: Subjects::NamedDefault,
        }
    }

    pub(super) fn apply(&self, resources: &mut ResMap) -> Result<(), Error> {
        if self.namespace.is_empty() {
            return Ok(());
        }
        let mut ids: HashMap<_, usize> = HashMap::new();
        for resource in &resources.list {
            *ids.entry(resource.current_id().key()).or_default() += 1;
        }
        for resource in resources.list.iter_mut().filter(|r| !r.is_gone()) {
            let before = resource.current_id();
            resource.store_previous_id();
            self.places.iter().for_each(|spec| resource.reveal_annotations(&spec.path));
            self.set_all(&mut resource.node, &before.gvk)?;
            let after = resource.current_id();
            if let Some(count) = ids.get_mut(&before.key()) {
                *count -= 1;
            }
            let count = ids.entry(after.key()).or_default();
            *count += 1;
            if *count != 1 {
                let message = format!("namespace transformation produces ID conflict: `{after}`");
                return Err(Error::invalid(message));
            }
        }
        Ok(())
    }

    fn set(&self, field: &mut Node) -> Result<(), Error> {
        if self.unset_only && !field.non_null_text().is_empty() {
            return Ok(());
        }
        if field.set_scalar(Scalar::string(self.namespace.as_ref())) {
            return Ok(());
        }
        Err(Error::invalid("namespace field specs must target scalar nodes"))
    }

    /// Sets the namespace of one object, and what else of it holds that.
    pub(super) fn set_all(&self, node: &mut Node, gvk: &Gvk) -> Result<(), Error> {
        let mut set = |field: &mut Node| self.set(field);
        if !gvk.is_cluster_scoped() {
            let create = Create::Scalar(CreateTag::Empty);
            fieldspec::apply(node, gvk, &FieldSpec::everywhere(NAMESPACE), create, &mut set)?;
        }
        let binding = is_role_binding(&gvk.kind);
        if binding && self.subjects != Subjects::None {
            self.set_subjects(node)?;
        }
        let core = gvk.api_version() == "v1";
        for spec in self.places.iter() {
            let skipped = spec.path == NAMESPACE
                || (spec.path == "metadata/name" && !core)
                || (binding && is_role_binding(&spec.gvk.kind) && spec.path == SUBJECTS);
            if !skipped {
                fieldspec::apply(node, gvk, spec, Create::Scalar(CreateTag::Str), &mut set)?;
            }
        }
        Ok(())
    }

    fn set_subjects(&self, node: &mut Node) -> Result<(), Error> {
        let items = match node.get_mut("subjects") {
            None => return Ok(()),
            Some(subjects) if subjects.is_null() => return Ok(()),
            Some(Node::Seq(items)) => items,
            Some(_) => return Err(Error::invalid("`subjects` is not a list")),
        };
        let (field, wanted) = match self.subjects {
            Subjects::ServiceAccounts => ("kind", "ServiceAccount"),
            Subjects::NamedDefault | Subjects::None => ("name", "default"),
        };
        for subject in items {
            if subject.get(field).is_some_and(|n| !matches!(n, Node::Scalar(_))) {
                return Err(Error::invalid("the name or kind of a subject is not a scalar"));
            }
            let is_wanted = match &*subject {
                Node::Map(_) => subject.get(field).is_some_and(|n| n.non_null_text() == wanted),
                subject if subject.is_null() => false,
                _ => return Err(Error::invalid("an entry of `subjects` is not a map")),
            };
            let missing = Node::Scalar(Scalar::bare(""));
            if is_wanted && let Some(field) = subject.get_or_create("namespace", missing) {
                self.set(field)?;
            }
        }
        Ok(())
    }
}

fn is_role_binding(kind: &str) -> bool {
    matches!(kind, "RoleBinding" | "ClusterRoleBinding")
}
