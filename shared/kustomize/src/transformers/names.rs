//! `namePrefix`, `nameSuffix` and `replicas`.

use crate::Error;
use crate::fieldspec::{self, Create, CreateTag, FieldSpec};
use crate::node::{Node, Scalar, Tag};
use crate::resid::ResId;
use crate::resmap::ResMap;
use crate::resource::Resource;

/// Kinds whose name means something outside the build.
fn keeps_its_name(id: &ResId) -> bool {
    match id.gvk.kind.as_str() {
        "CustomResourceDefinition" | "Namespace" => true,
        "APIService" => id.gvk.group == "apiregistration.k8s.io",
        _ => false,
    }
}

pub(super) fn prefix(resources: &mut ResMap, prefix: &str, specs: &[FieldSpec]) -> Result<(), Error> {
    let note = |resource: &mut Resource| {
        if !prefix.is_empty() {
            resource.prefixes.push(prefix.into());
            resource.store_previous_id();
        }
    };
    rename(resources, specs, note, |name| format!("{prefix}{name}"))
}

pub(super) fn suffix(resources: &mut ResMap, suffix: &str, specs: &[FieldSpec]) -> Result<(), Error> {
    let note = |resource: &mut Resource| {
        if !suffix.is_empty() {
            resource.suffixes.push(suffix.into());
            resource.store_previous_id();
        }
    };
    rename(resources, specs, note, |name| format!("{name}{suffix}"))
}

fn rename(
    resources: &mut ResMap,
    specs: &[FieldSpec],
    note: impl Fn(&mut Resource),
    new_name: impl Fn(&str) -> String,
) -> Result<(), Error> {
    for resource in resources.list.iter_mut().filter(|r| !r.is_gone()) {
        let id = resource.original_id();
        if keeps_its_name(&id) {
            continue;
        }
        for spec in specs.iter().filter(|spec| id.gvk.is_selected(&spec.gvk)) {
            if spec.path == "metadata/name" {
                note(resource);
            }
            let gvk = resource.gvk();
            resource.reveal_annotations(&spec.path);
            fieldspec::apply(&mut resource.node, &gvk, spec, Create::Scalar(CreateTag::Str), &mut |node| {
                let name = new_name(node.text());
                if name.is_empty() && matches!(node, Node::Scalar(_)) {
                    return unnamed(node);
                }
                let name = Scalar::bare(name);
                if node.set_scalar(name) { Ok(()) } else { Err(Error::invalid("a name is not a scalar")) }
            })?;
        }
    }
    Ok(())
}

/// kustomize sets no empty text. What it makes of a field that it has just created depends on brackets around it.
fn unnamed(node: &Node) -> Result<(), Error> {
    match node {
        Node::Scalar(scalar) if scalar.tag == Tag::None => {
            Err(Error::unsupported("a created field without text"))
        }
        _ => Ok(()),
    }
}

pub(super) fn replicas(
    resources: &mut ResMap,
    name: &str,
    count: i64,
    specs: &[FieldSpec],
) -> Result<(), Error> {
    let mut found = false;
    for spec in specs {
        for resource in resources.list.iter_mut().filter(|r| !r.is_gone()) {
            if !resource.ids().any(|id| id.name == name && id.gvk.is_selected(&spec.gvk)) {
                continue;
            }
            found = true;
            let gvk = resource.gvk();
            resource.reveal_annotations(&spec.path);
            fieldspec::apply(
                &mut resource.node,
                &gvk,
                spec,
                Create::Scalar(CreateTag::Int),
                &mut |node: &mut Node| {
                    let scalar = Scalar::tagged(count.to_string(), Tag::Int);
                    if node.set_scalar(scalar) {
                        Ok(())
                    } else {
                        Err(Error::invalid("`replicas` is not a scalar"))
                    }
                },
            )?;
        }
    }
    if found {
        return Ok(());
    }
    Err(Error::invalid(format!("no resource named `{name}` has replicas")))
}
