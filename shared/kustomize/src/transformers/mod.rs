//! What a kustomization does to the objects it has gathered; the order is that of [`run`].

mod images;
mod metadata;
mod names;
mod namespace;
mod patches;

use crate::Error;
use crate::loader::Loader;
use crate::resmap::ResMap;
use crate::specs::Specs;
use crate::types::Kustomization;

/// Runs all transformers of the kustomization in `dir`.
pub(crate) fn run(
    loader: &mut Loader<'_>,
    dir: &str,
    kustomization: &Kustomization,
    specs: &Specs,
    resources: &mut ResMap,
) -> Result<(), Error> {
    let strategic = patches::load_strategic(loader, dir, &kustomization.patches_strategic_merge)
        .map_err(|e| e.in_field("patchesStrategicMerge"))?;
    let patches = patches::load(loader, dir, &kustomization.patches).map_err(|e| e.in_field("patches"))?;
    let json = patches::load_json(loader, dir, &kustomization.patches_json6902)
        .map_err(|e| e.in_field("patchesJson6902"))?;

    patches::apply_strategic(resources, &strategic).map_err(|e| e.in_field("patchesStrategicMerge"))?;
    for patch in &patches {
        patches::apply(loader, resources, patch).map_err(|e| e.in_field("patches"))?;
        resources.drop_gone();
    }
    namespace::apply(resources, &kustomization.namespace, &specs.namespace)
        .map_err(|e| e.in_field("namespace"))?;
    names::prefix(resources, &kustomization.name_prefix, &specs.name_prefix)
        .map_err(|e| e.in_field("namePrefix"))?;
    names::suffix(resources, &kustomization.name_suffix, &specs.name_suffix)
        .map_err(|e| e.in_field("nameSuffix"))?;
    for label in &kustomization.labels {
        metadata::label(resources, label, specs).map_err(|e| e.in_field("labels"))?;
    }
    metadata::apply(resources, &kustomization.common_labels, &specs.common_labels)
        .map_err(|e| e.in_field("commonLabels"))?;
    metadata::apply(resources, &kustomization.common_annotations, &specs.common_annotations)
        .map_err(|e| e.in_field("commonAnnotations"))?;
    for patch in &json {
        patches::apply_json(loader, resources, patch, false).map_err(|e| e.in_field("patchesJson6902"))?;
    }
    for (name, count) in &kustomization.replicas {
        names::replicas(resources, name, *count, &specs.replicas).map_err(|e| e.in_field("replicas"))?;
    }
    for image in &kustomization.images {
        images::apply(resources, image, &specs.images).map_err(|e| e.in_field("images"))?;
    }
    resources.drop_gone();
    resources.changed();
    Ok(())
}
