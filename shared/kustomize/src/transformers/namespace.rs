//! `namespace`: every object that can have one moves there, and some references with it.

use std::collections::HashMap;

use crate::Error;
use crate::fieldspec::{self, Create, CreateTag, FieldSpec};
use crate::node::{Node, Scalar};
use crate::resid::Gvk;
use crate::resmap::ResMap;

const NAMESPACE: &str = "metadata/namespace";
const SUBJECTS: &str = "subjects/namespace";

pub(super) fn apply(resources: &mut ResMap, namespace: &str, specs: &[FieldSpec]) -> Result<(), Error> {
    if namespace.is_empty() {
        return Ok(());
    }
    let mut ids: HashMap<_, usize> = HashMap::new();
    for resource in &resources.list {
        *ids.entry(resource.current_id().key()).or_default() += 1;
    }
    for resource in resources.list.iter_mut().filter(|r| !r.is_gone()) {
        let before = resource.current_id();
        resource.store_previous_id();
        set_all(&mut resource.node, &before.gvk, namespace, specs)?;
        let after = resource.current_id();
        if let Some(count) = ids.get_mut(&before.key()) {
            *count -= 1;
        }
        let count = ids.entry(after.key()).or_default();
        *count += 1;
        if *count != 1 {
            return Err(Error::invalid(format!("namespace transformation produces ID conflict: `{after}`")));
        }
    }
    Ok(())
}

fn set_all(node: &mut Node, gvk: &Gvk, namespace: &str, specs: &[FieldSpec]) -> Result<(), Error> {
    let mut set = |field: &mut Node| {
        if field.set_scalar(Scalar::string(namespace)) {
            return Ok(());
        }
        Err(Error::invalid("namespace field specs must target scalar nodes"))
    };
    if !gvk.is_cluster_scoped() {
        let create = Create::Scalar(CreateTag::Empty);
        fieldspec::apply(node, gvk, &FieldSpec::everywhere(NAMESPACE), create, &mut set)?;
    }
    let binding = matches!(gvk.kind.as_str(), "RoleBinding" | "ClusterRoleBinding");
    if binding {
        set_default_subjects(node, &mut set)?;
    }
    let core = gvk.api_version() == "v1";
    for spec in specs {
        let role = matches!(spec.gvk.kind.as_str(), "RoleBinding" | "ClusterRoleBinding");
        let skipped = spec.path == NAMESPACE
            || (spec.path == "metadata/name" && !core)
            || (binding && role && spec.path == SUBJECTS);
        if !skipped {
            fieldspec::apply(node, gvk, spec, Create::Scalar(CreateTag::Str), &mut set)?;
        }
    }
    Ok(())
}

/// Sets the namespace of the subjects named `default`; other service accounts follow as name references.
fn set_default_subjects(
    node: &mut Node,
    set: &mut dyn FnMut(&mut Node) -> Result<(), Error>,
) -> Result<(), Error> {
    let items = match node.get_mut("subjects") {
        None => return Ok(()),
        Some(subjects) if subjects.is_null() => return Ok(()),
        Some(Node::Seq(items)) => items,
        Some(_) => return Err(Error::invalid("`subjects` is not a list")),
    };
    for subject in items {
        let is_default = match &*subject {
            Node::Map(_) => subject.get("name").is_some_and(|n| n.non_null_text() == "default"),
            subject if subject.is_null() => false,
            _ => return Err(Error::invalid("an entry of `subjects` is not a map")),
        };
        if is_default && let Some(field) = subject.get_or_create("namespace", Node::Scalar(Scalar::bare("")))
        {
            set(field)?;
        }
    }
    Ok(())
}
