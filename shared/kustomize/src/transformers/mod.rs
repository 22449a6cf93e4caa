//! What a kustomization does to the objects it has gathered; the order is that of [`of_fields`].

mod images;
mod metadata;
mod names;
mod namespace;
mod patches;
mod value_add;

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::fieldspec::FieldSpec;
use crate::loader::Loader;
use crate::origin::Trace;
use crate::replacements::{self, Replacement};
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::specs::Specs;
use crate::types::{Image, Kustomization};
use crate::{Error, pipeline};

pub(crate) use namespace::{Namespace, Subjects};
pub(crate) use patches::{load as load_patch, load_json as load_json_patch, load_strategic};
pub(crate) use value_add::{Target, ValueAdd};

/// A transformer with its configuration.
pub(crate) enum Transformer<'a> {
    StrategicPatches(Vec<Resource>),
    Patch(patches::Loaded),
    Namespace(namespace::Namespace<'a>),
    Prefix(Cow<'a, str>, Places<'a>),
    Suffix(Cow<'a, str>, Places<'a>),
    Labels(Pairs<'a>, Places<'a>),
    Annotations(Pairs<'a>, Places<'a>),
    JsonPatch(patches::Loaded),
    Replicas(Cow<'a, str>, i64, Places<'a>),
    Image(Cow<'a, Image>, Places<'a>),
    Replacements(Vec<Replacement>),
    Hash,
    ValueAdd(ValueAdd),
    /// Several that count as one.
    Several(Vec<Transformer<'a>>),
}

type Pairs<'a> = Cow<'a, BTreeMap<String, String>>;
type Places<'a> = Cow<'a, [FieldSpec]>;

impl Transformer<'_> {
    pub(crate) fn apply(&self, loader: &mut Loader<'_>, resources: &mut ResMap) -> Result<(), Error> {
        match self {
            Transformer::StrategicPatches(patches) => patches::apply_strategic(resources, patches),
            Transformer::Patch(patch) => patches::apply(loader, resources, patch),
            Transformer::Namespace(namespace) => namespace.apply(resources),
            Transformer::Prefix(prefix, specs) => names::prefix(resources, prefix, specs),
            Transformer::Suffix(suffix, specs) => names::suffix(resources, suffix, specs),
            Transformer::Labels(pairs, specs) | Transformer::Annotations(pairs, specs) => {
                metadata::apply(resources, pairs, specs)
            }
            Transformer::JsonPatch(patch) => patches::apply_json(loader, resources, patch, false),
            Transformer::Replicas(name, count, specs) => names::replicas(resources, name, *count, specs),
            Transformer::Image(image, specs) => images::apply(resources, image, specs),
            Transformer::Replacements(list) => replacements::apply(loader, list, resources),
            Transformer::Hash => pipeline::add_hashes(resources),
            Transformer::ValueAdd(value) => value.apply(resources),
            Transformer::Several(several) => several.iter().try_for_each(|t| t.apply(loader, resources)),
        }
    }
}

/// A transformer, the field that asks for it, and what it notes on the objects it has run over.
pub(crate) struct Step<'a> {
    pub(crate) field: &'static str,
    pub(crate) transformer: Transformer<'a>,
    pub(crate) trace: Option<Trace>,
}

/// What the fields of the kustomization in `dir` ask for, in the order in which it runs.
///
/// `trace` makes the note that a transformer of a kind leaves on the objects.
pub(crate) fn of_fields<'a>(
    loader: &mut Loader<'_>,
    dir: &str,
    fields: &'a Kustomization,
    specs: &'a Specs,
    trace: &dyn Fn(&str) -> Option<Trace>,
) -> Result<Vec<Step<'a>>, Error> {
    let mut steps = Vec::new();
    let mut add = |field, kind, transformers: Result<Vec<Transformer<'a>>, Error>| {
        let transformers = transformers.map_err(|error| error.in_field(field))?;
        let step = |transformer| Step { field, transformer, trace: trace(kind) };
        steps.extend(transformers.into_iter().map(step));
        Ok::<(), Error>(())
    };
    add("patchesStrategicMerge", "PatchStrategicMergeTransformer", strategic_patches(loader, dir, fields))?;
    add("patches", "PatchTransformer", patches(loader, dir, fields))?;
    add("namespace", "NamespaceTransformer", namespaces(fields, specs))?;
    add("namePrefix", "PrefixTransformer", prefixes(fields, specs))?;
    add("nameSuffix", "SuffixTransformer", suffixes(fields, specs))?;
    add("labels", "LabelTransformer", labels(fields, specs))?;
    add("commonAnnotations", "AnnotationsTransformer", annotations(fields, specs))?;
    add("patchesJson6902", "PatchJson6902Transformer", json_patches(loader, dir, fields))?;
    add("replicas", "ReplicaCountTransformer", replicas(fields, specs))?;
    add("images", "ImageTagTransformer", images(fields, specs))?;
    add("replacements", "ReplacementTransformer", replacements(loader, dir, fields))?;
    Ok(steps)
}

/// Runs the transformers one after another.
pub(crate) fn run(loader: &mut Loader<'_>, steps: &[Step<'_>], resources: &mut ResMap) -> Result<(), Error> {
    for step in steps {
        step.transformer.apply(loader, resources).map_err(|error| error.in_field(step.field))?;
        if let Some(trace) = &step.trace {
            trace.note_transformed(resources).map_err(|error| error.in_field(step.field))?;
        }
        resources.drop_gone();
    }
    resources.changed();
    Ok(())
}

fn strategic_patches<'a>(
    loader: &mut Loader<'_>,
    dir: &str,
    fields: &Kustomization,
) -> Result<Vec<Transformer<'a>>, Error> {
    if fields.patches_strategic_merge.is_empty() {
        return Ok(Vec::new());
    }
    let patches = patches::load_strategic(loader, dir, &fields.patches_strategic_merge, "")?;
    Ok(vec![Transformer::StrategicPatches(patches)])
}

fn patches<'a>(
    loader: &mut Loader<'_>,
    dir: &str,
    fields: &Kustomization,
) -> Result<Vec<Transformer<'a>>, Error> {
    fields.patches.iter().map(|p| Ok(Transformer::Patch(patches::load(loader, dir, p)?))).collect()
}

fn namespaces<'a>(fields: &'a Kustomization, specs: &'a Specs) -> Result<Vec<Transformer<'a>>, Error> {
    let namespace = || namespace::Namespace::new(&fields.namespace, &specs.namespace);
    Ok((!fields.namespace.is_empty()).then(|| Transformer::Namespace(namespace())).into_iter().collect())
}

fn prefixes<'a>(fields: &'a Kustomization, specs: &'a Specs) -> Result<Vec<Transformer<'a>>, Error> {
    let prefix = || Transformer::Prefix((&*fields.name_prefix).into(), (&*specs.name_prefix).into());
    Ok((!fields.name_prefix.is_empty()).then(prefix).into_iter().collect())
}

fn suffixes<'a>(fields: &'a Kustomization, specs: &'a Specs) -> Result<Vec<Transformer<'a>>, Error> {
    let suffix = || Transformer::Suffix((&*fields.name_suffix).into(), (&*specs.name_suffix).into());
    Ok((!fields.name_suffix.is_empty()).then(suffix).into_iter().collect())
}

/// `labels`, then `commonLabels`, which counts as a transformer as soon as either is there.
fn labels<'a>(fields: &'a Kustomization, specs: &'a Specs) -> Result<Vec<Transformer<'a>>, Error> {
    if fields.labels.is_empty() && fields.common_labels.is_empty() {
        return Ok(Vec::new());
    }
    let labels = fields.labels.iter().map(|label| {
        let places = metadata::label_places(label, specs)?;
        Ok(Transformer::Labels(Cow::Borrowed(&label.pairs), Cow::Owned(places)))
    });
    let common = Transformer::Labels(Cow::Borrowed(&fields.common_labels), (&*specs.common_labels).into());
    labels.chain([Ok(common)]).collect()
}

fn annotations<'a>(fields: &'a Kustomization, specs: &'a Specs) -> Result<Vec<Transformer<'a>>, Error> {
    let pairs = &fields.common_annotations;
    let transformer = || Transformer::Annotations(Cow::Borrowed(pairs), (&*specs.common_annotations).into());
    Ok((!pairs.is_empty()).then(transformer).into_iter().collect())
}

fn json_patches<'a>(
    loader: &mut Loader<'_>,
    dir: &str,
    fields: &Kustomization,
) -> Result<Vec<Transformer<'a>>, Error> {
    let patches = fields.patches_json6902.iter();
    patches.map(|p| Ok(Transformer::JsonPatch(patches::load_json(loader, dir, p)?))).collect()
}

fn replicas<'a>(fields: &'a Kustomization, specs: &'a Specs) -> Result<Vec<Transformer<'a>>, Error> {
    let replicas = fields.replicas.iter();
    Ok(replicas
        .map(|(name, count)| Transformer::Replicas(name.into(), *count, (&*specs.replicas).into()))
        .collect())
}

fn images<'a>(fields: &'a Kustomization, specs: &'a Specs) -> Result<Vec<Transformer<'a>>, Error> {
    let images = fields.images.iter();
    Ok(images.map(|image| Transformer::Image(Cow::Borrowed(image), (&*specs.images).into())).collect())
}

fn replacements<'a>(
    loader: &mut Loader<'_>,
    dir: &str,
    fields: &Kustomization,
) -> Result<Vec<Transformer<'a>>, Error> {
    if fields.replacements.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![Transformer::Replacements(replacements::load(loader, dir, &fields.replacements)?)])
}
