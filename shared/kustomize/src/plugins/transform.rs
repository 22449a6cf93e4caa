//! The transformers that objects configure, also where they are to validate.

use std::borrow::Cow;

use super::{fields, kind, misplaced};
use crate::Error;
use crate::decode::Fields;
use crate::fieldspec::FieldSpec;
use crate::loader::Loader;
use crate::replacements;
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::transformers::{
    Namespace, Subjects, Target, Transformer, ValueAdd, load_json_patch, load_patch, load_strategic,
};
use crate::types::{Patch, field_spec, image, patch, replica, selector};
use crate::yaml::{node_to_json, parse_v2_within};

pub(super) const KINDS: [&str; 14] = [
    "AnnotationsTransformer",
    "HashTransformer",
    "ImageTagTransformer",
    "LabelTransformer",
    "NamespaceTransformer",
    "PatchJson6902Transformer",
    "PatchStrategicMergeTransformer",
    "PatchTransformer",
    "PrefixSuffixTransformer",
    "PrefixTransformer",
    "SuffixTransformer",
    "ReplacementTransformer",
    "ReplicaCountTransformer",
    "ValueAddTransformer",
];

/// The transformer that an object configures; paths are those of the kustomization in `dir`.
///
/// It writes where its own `fieldSpecs` say, and nowhere without them.
pub(crate) fn transformer(
    loader: &mut Loader<'_>,
    dir: &str,
    config: &Resource,
) -> Result<Transformer<'static>, Error> {
    let kind = kind(config)?;
    match kind {
        "HashTransformer" => return Ok(Transformer::Hash),
        "PrefixTransformer" => return prefix(config),
        "SuffixTransformer" => return suffix(config),
        "PrefixSuffixTransformer" => return Ok(Transformer::Several(vec![prefix(config)?, suffix(config)?])),
        _ => {}
    }
    let mut fields = fields(config)?;
    match kind {
        "AnnotationsTransformer" => {
            let pairs = Cow::Owned(fields.text_map("annotations")?);
            Ok(Transformer::Annotations(pairs, places(&mut fields)?))
        }
        "LabelTransformer" => {
            let pairs = Cow::Owned(fields.text_map("labels")?);
            Ok(Transformer::Labels(pairs, places(&mut fields)?))
        }
        "ImageTagTransformer" => {
            let image = Cow::Owned(image(fields.object("imageTag")?)?);
            Ok(Transformer::Image(image, places(&mut fields)?))
        }
        "NamespaceTransformer" => namespace(fields),
        "PatchJson6902Transformer" => {
            let target = fields.maybe_object("target")?.map(selector).transpose()?;
            let (path, patch) = (fields.text("path")?, fields.text("jsonOp")?);
            let patch = Patch { path, patch, target, ..Patch::default() };
            Ok(Transformer::JsonPatch(load_json_patch(loader, dir, &patch)?))
        }
        "PatchStrategicMergeTransformer" => {
            let (paths, inline) = (fields.texts("paths")?, fields.text("patches")?);
            Ok(Transformer::StrategicPatches(load_strategic(loader, dir, &paths, &inline)?))
        }
        "PatchTransformer" => Ok(Transformer::Patch(load_patch(loader, dir, &patch(fields)?)?)),
        "ReplacementTransformer" => {
            let entries = fields.each("replacements", replacements::plugin_entry)?;
            Ok(Transformer::Replacements(replacements::load(loader, dir, &entries)?))
        }
        "ReplicaCountTransformer" => {
            let (name, count) = replica(fields.object("replica")?)?;
            Ok(Transformer::Replicas(Cow::Owned(name), count, places(&mut fields)?))
        }
        "ValueAddTransformer" => value_add(loader, dir, fields),
        kind => Err(misplaced(kind, "transformer")),
    }
}

fn places(fields: &mut Fields) -> Result<Cow<'static, [FieldSpec]>, Error> {
    Ok(Cow::Owned(fields.each("fieldSpecs", field_spec)?))
}

fn prefix(config: &Resource) -> Result<Transformer<'static>, Error> {
    let (prefix, places) = affix(config, "prefix")?;
    Ok(Transformer::Prefix(prefix, places))
}

fn suffix(config: &Resource) -> Result<Transformer<'static>, Error> {
    let (suffix, places) = affix(config, "suffix")?;
    Ok(Transformer::Suffix(suffix, places))
}

type Affix = (Cow<'static, str>, Cow<'static, [FieldSpec]>);

/// kustomize decodes these two by other means than the rest.
fn affix(config: &Resource, name: &str) -> Result<Affix, Error> {
    let mut fields = Fields::exact(node_to_json(&config.node)?)?;
    let text = fields.text(name)?;
    match fields.maybe_each("fieldSpecs", field_spec)? {
        Some(places) => Ok((Cow::Owned(text), Cow::Owned(places))),
        None => Err(Error::invalid("`fieldSpecs` is missing").in_field("fieldSpecs")),
    }
}

fn namespace(mut fields: Fields) -> Result<Transformer<'static>, Error> {
    let mut metadata = fields.object("metadata")?;
    let subjects = match fields.text("setRoleBindingSubjects")?.as_str() {
        "" | "defaultOnly" => Subjects::NamedDefault,
        "allServiceAccounts" => Subjects::ServiceAccounts,
        "none" => Subjects::None,
        other => {
            let message = format!("`{other}` is none of `defaultOnly`, `allServiceAccounts` and `none`");
            return Err(Error::invalid(message).in_field("setRoleBindingSubjects"));
        }
    };
    Ok(Transformer::Namespace(Namespace {
        namespace: Cow::Owned(metadata.text("namespace")?),
        unset_only: fields.flag("unsetOnly")?,
        places: places(&mut fields)?,
        subjects,
    }))
}

fn value_add(loader: &mut Loader<'_>, dir: &str, mut fields: Fields) -> Result<Transformer<'static>, Error> {
    let value = fields.text("value")?.trim().to_owned();
    let mut targets = fields.each("targets", target)?;
    let file = fields.text("targetFilePath")?;
    if !file.is_empty() {
        let (file, text) = loader.load_text(dir, &file)?;
        let more = parse_v2_within(&text, &mut loader.budget).map_err(Error::from);
        let more = more.and_then(|value| Fields::loose(value)?.each("targets", target));
        targets.extend(more.map_err(|error| error.in_file(&file))?);
    }
    if targets.is_empty() {
        return Err(Error::invalid("must specify at least one target").in_field("targets"));
    }
    let value = match (value.is_empty(), dir.rsplit('/').next().unwrap_or_default()) {
        (false, _) => value,
        // The name of the directory that the tree happens to lie in is not known here.
        (true, "") => {
            return Err(Error::unsupported("a ValueAddTransformer without `value` at the tree's root"));
        }
        (true, name) => name.to_owned(),
    };
    Ok(Transformer::ValueAdd(ValueAdd { value, targets }))
}

fn target(mut fields: Fields) -> Result<Target, Error> {
    let selector = fields.maybe_object("selector")?.map(selector).transpose()?;
    let path = fields.text("fieldPath")?;
    if path.is_empty() {
        return Err(Error::invalid("`fieldPath` cannot be empty").in_field("fieldPath"));
    }
    let position = usize::try_from(fields.integer("filePathPosition")?)
        .map_err(|_| Error::invalid("`filePathPosition` cannot be negative").in_field("filePathPosition"))?;
    Ok(Target { selector, path, position })
}

/// The label that a validator may leave.
const VALIDATED_BY: &str = "validated-by";

/// Runs a transformer that must change nothing but that label.
///
/// kustomize compares where in its file each node stood, too, and takes a value that is set anew for a changed one
/// even where it is the same; so all that is known to pass there is a validator that sets nothing.
pub(crate) fn validate(
    loader: &mut Loader<'_>,
    validator: &Transformer<'_>,
    resources: &mut ResMap,
) -> Result<(), Error> {
    let before = resources.list.clone();
    validator.apply(loader, resources)?;
    let changed = || Error::invalid("a validator shouldn't modify the objects");
    if before.len() != resources.list.len() {
        return Err(changed());
    }
    for (before, after) in before.iter().zip(&resources.list) {
        let mut unlabelled = after.clone();
        let mut labels = unlabelled.string_map("labels");
        let labelled = labels.len();
        labels.retain(|(name, _)| name != VALIDATED_BY);
        if labels.len() < labelled {
            unlabelled.set_string_map("labels", labels);
        }
        if !unlabelled.is_same(before) {
            return Err(changed());
        }
    }
    let inert = match validator {
        Transformer::Labels(pairs, _) => {
            let alone = |r: &Resource| r.label(VALIDATED_BY).is_none() || r.string_map("labels").len() == 1;
            pairs.keys().all(|name| name == VALIDATED_BY) && resources.list.iter().all(alone)
        }
        _ => resources.list.is_empty(),
    };
    if inert { Ok(()) } else { Err(Error::unsupported("a validator that may set what is there already")) }
}
