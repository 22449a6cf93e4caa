//! `configurations`: files that add field specs to the built-in ones.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::Error;
use crate::decode::Fields;
use crate::fieldspec::{FieldSpec, merge_specs};
use crate::loader::Loader;
use crate::resid::Gvk;
use crate::specs::{NameReference, Specs};
use crate::types::field_spec;
use crate::yaml::parse_v2_strict;

/// The built-in specs with those of the files.
pub(crate) fn load(loader: &mut Loader<'_>, dir: &str, paths: &[String]) -> Result<Arc<Specs>, Error> {
    if paths.is_empty() {
        return Ok(Specs::builtin());
    }
    let mut merged = Specs::default();
    for path in paths {
        let (file, text) = loader.load_text(dir, path)?;
        let specs = parse_v2_strict(&text, &mut loader.budget)
            .map_err(Error::from)
            .and_then(|value| decode(Fields::of(value)?))
            .map_err(|error| error.in_file(&file))?;
        merged = merge(merged, &specs)?;
    }
    Ok(Arc::new(merge(Specs::builtin().as_ref().clone(), &merged)?))
}

/// Adds specs to those gathered so far, of which there may be none.
///
/// The order in which specs were gathered shows: a spec is dropped when an earlier one is for the same path of some of
/// its kinds, so that specs of a file may take the place of built-in ones.
pub(crate) fn gather(gathered: &mut Option<Arc<Specs>>, more: Arc<Specs>) -> Result<(), Error> {
    let builtin = Specs::builtin();
    let is_builtin = |specs: &Arc<Specs>| Arc::ptr_eq(specs, &builtin);
    match gathered {
        None if is_builtin(&more) => *gathered = Some(more),
        Some(mine) if is_builtin(mine) && is_builtin(&more) => {}
        _ => {
            let mine = gathered.take().map(Arc::unwrap_or_clone).unwrap_or_default();
            *gathered = Some(Arc::new(merge(mine, &more)?));
        }
    }
    Ok(())
}

fn decode(mut fields: Fields) -> Result<Specs, Error> {
    let specs = Specs {
        name_prefix: fields.each("namePrefix", field_spec)?,
        name_suffix: fields.each("nameSuffix", field_spec)?,
        namespace: fields.each("namespace", field_spec)?,
        labels: fields.each("labels", field_spec)?,
        common_labels: fields.each("commonLabels", field_spec)?,
        template_labels: fields.each("templateLabels", field_spec)?,
        common_annotations: fields.each("commonAnnotations", field_spec)?,
        images: fields.each("images", field_spec)?,
        replicas: fields.each("replicas", field_spec)?,
        name_references: fields.each("nameReference", name_reference)?,
        var_references: fields.each("varReference", field_spec)?,
    };
    fields.done()?;
    Ok(specs)
}

fn name_reference(mut fields: Fields) -> Result<NameReference, Error> {
    let reference = NameReference {
        target: Gvk::of(fields.text("group")?, fields.text("version")?, fields.text("kind")?),
        referrers: fields.each("fieldSpecs", field_spec)?,
    };
    fields.done()?;
    Ok(reference)
}

/// The specs of both, in the order in which kustomize applies references.
pub(crate) fn merge(mut specs: Specs, more: &Specs) -> Result<Specs, Error> {
    let lists: [(&mut Vec<FieldSpec>, &Vec<FieldSpec>); 10] = [
        (&mut specs.name_prefix, &more.name_prefix),
        (&mut specs.name_suffix, &more.name_suffix),
        (&mut specs.namespace, &more.namespace),
        (&mut specs.labels, &more.labels),
        (&mut specs.common_labels, &more.common_labels),
        (&mut specs.template_labels, &more.template_labels),
        (&mut specs.common_annotations, &more.common_annotations),
        (&mut specs.images, &more.images),
        (&mut specs.replicas, &more.replicas),
        (&mut specs.var_references, &more.var_references),
    ];
    for (list, more) in lists {
        merge_specs(list, more)?;
        list.sort_by(|a, b| order(&a.gvk, &b.gvk));
    }
    for reference in &more.name_references {
        add_reference(&mut specs.name_references, reference)?;
    }
    specs.name_references.sort_by(|a, b| order(&a.target, &b.target));
    Ok(specs)
}

/// Adds the fields that hold the name of a kind to those known for it.
pub(crate) fn add_reference(references: &mut Vec<NameReference>, more: &NameReference) -> Result<(), Error> {
    match references.iter_mut().find(|r| r.target == more.target) {
        Some(same) => merge_specs(&mut same.referrers, &more.referrers),
        None => {
            references.push(more.clone());
            Ok(())
        }
    }
}

/// Kinds that come first, in their order.
pub(crate) const FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

/// Kinds that come last, in their order.
pub(crate) const LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// kustomize's order of kinds.
pub(crate) fn order(a: &Gvk, b: &Gvk) -> Ordering {
    let rank = |gvk: &Gvk| {
        let first = FIRST.iter().position(|kind| *kind == gvk.kind);
        let last = LAST.iter().position(|kind| *kind == gvk.kind).map(|at| FIRST.len() + 1 + at);
        first.or(last).unwrap_or(FIRST.len())
    };
    rank(a).cmp(&rank(b)).then_with(|| order_text(a).cmp(order_text(b)))
}

/// The bytes by which kinds of one rank are ordered.
fn order_text(gvk: &Gvk) -> impl Iterator<Item = u8> {
    fn or<'a>(text: &'a str, none: &'a str) -> &'a str {
        if text.is_empty() { none } else { text }
    }
    let parts = [or(&gvk.group, "~G"), "_", or(&gvk.version, "~V"), "_", or(&gvk.kind, "~K")];
    parts.into_iter().flat_map(str::bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builtin_references_stand_in_the_order_of_kinds() {
        let targets: Vec<Gvk> = Specs::builtin().name_references.iter().map(|r| r.target.clone()).collect();
        let mut sorted = targets.clone();
        sorted.sort_by(order);
        assert_eq!(targets, sorted);
    }
}
