//! What happens to the objects once, when all kustomizations are done: hashes, local objects, annotations, JSON.

use std::borrow::Cow;

use super::{BuildMetadata, Object};
use crate::fieldspec::FieldSpec;
use crate::loader::Loader;
use crate::node::Node;
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::transformers::Transformer;
use crate::yaml::{YamlError, check_emittable, fold_next_lines, object_to_json, printed_bytes};
use crate::{Error, generators, meter, origin};

/// Annotations that kustomize uses for itself and never prints.
const HIDDEN_ANNOTATIONS: [&str; 3] =
    ["config.kubernetes.io/path", "config.kubernetes.io/index", "config.k8s.io/id"];

/// The annotation of an object that is for kustomize alone and is not printed.
const LOCAL_ANNOTATION: &str = "config.kubernetes.io/local-config";

/// Adds the hash of their content to the names of generated objects.
pub(crate) fn add_hashes(resources: &mut ResMap) -> Result<(), Error> {
    for resource in resources.list.iter_mut().filter(|r| r.needs_hash) {
        let hash = generators::content_hash(&resource.node)?;
        resource.store_previous_id();
        let name = format!("{}-{hash}", resource.name());
        resource.set_name(&name);
    }
    Ok(())
}

/// Drops the objects that are for kustomize alone.
pub(super) fn drop_local(resources: &mut ResMap) -> Result<(), Error> {
    resources.drop_gone();
    for resource in &resources.list {
        let nameless = resource.name().is_empty() && !resource.kind().ends_with("List");
        if resource.kind().is_empty() || nameless {
            return Err(Error::invalid(format!(
                "missing kind or metadata.name in `{}`",
                resource.current_id()
            )));
        }
    }
    resources.check_unique()?;
    resources.list.retain(|r| r.annotation(LOCAL_ANNOTATION).is_none_or(|value| value == "false"));
    Ok(())
}

/// Adds the label that says kustomize made the objects.
///
/// Its value names the version of the kustomize program that is linked. kustomize-controller links the library alone, so
/// it is that of a development build, which no API server takes for a label.
pub(super) fn add_managed_by(loader: &mut Loader<'_>, resources: &mut ResMap) -> Result<(), Error> {
    let pairs = [("app.kubernetes.io/managed-by".to_owned(), "kustomize-(devel)".to_owned())].into();
    let places = vec![FieldSpec::everywhere("metadata/labels")];
    Transformer::Labels(Cow::Owned(pairs), Cow::Owned(places)).apply(loader, resources)
}

/// The JSON of an object, without the annotations that are not printed.
pub(super) fn object(mut resource: Resource, metadata: BuildMetadata) -> Result<Object, Error> {
    let mut annotations = resource.string_map("annotations");
    annotations.retain(|(key, _)| match key.as_str() {
        origin::ORIGIN => metadata.origins,
        origin::TRANSFORMATIONS => metadata.transformations,
        key => !HIDDEN_ANNOTATIONS.contains(&key),
    });
    resource.set_string_map("annotations", annotations);
    let name = |error: YamlError| {
        Error::invalid(format!("`{}` cannot be printed: {}", resource.current_id(), error.message))
    };
    let value = object_to_json(&resource.node).map_err(name)?;
    check_emittable(&value).map_err(name)?;
    let value = fold_next_lines(value).map_err(name)?;
    meter::output(printed_bytes(&value))?;
    debug_assert!(matches!(resource.node, Node::Map(_)));
    Ok(Object { value, origin: resource.origin })
}
