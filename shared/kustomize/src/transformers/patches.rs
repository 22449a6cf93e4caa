//! `patches`, `patchesStrategicMerge` and `patchesJson6902`: loading, choosing the objects, applying.

use std::collections::HashSet;

use serde_json::Value;

use crate::json6902::JsonPatch;
use crate::loader::Loader;
use crate::node::Node;
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::schemas::Schemas;
use crate::selector::Selector;
use crate::types::Patch;
use crate::yaml::{Budget, from_json_lossy, object_to_json, parse_v2_within};
use crate::{Error, ErrorKind, meter, objects, share, smp};

/// Steps that making a node JSON for a JSON patch and back takes.
const PATCHED_NODE_STEPS: usize = 60;

/// A patch ready to apply.
pub(crate) struct Loaded {
    body: Body,
    target: Option<Selector>,
    /// The file it came from.
    file: Option<String>,
}

enum Body {
    Strategic(Vec<Resource>),
    Json(JsonPatch),
}

/// Loads an entry of `patches`: a strategic merge patch or a JSON patch, whichever it can be read as.
pub(crate) fn load(loader: &mut Loader<'_>, dir: &str, patch: &Patch) -> Result<Loaded, Error> {
    let inline = patch.patch.trim();
    let (file, text) = match (inline.is_empty(), patch.path.is_empty()) {
        (true, true) => return Err(Error::invalid("must specify one of patch and path")),
        (false, false) => return Err(Error::invalid("patch and path can't be set at the same time")),
        (false, true) => (None, inline.to_owned()),
        (true, false) => {
            let (file, text) = loader.load_text(dir, &patch.path)?;
            (Some(file), text)
        }
    };
    let in_file = |error: Error| match &file {
        Some(file) => error.in_file(file),
        None => error,
    };
    let strategic = objects::read(&text, loader);
    let json = decode_json(&text, &mut loader.budget);
    let body = match (strategic, json) {
        (Err(error), _) | (_, Err(error)) if matches!(error.kind, ErrorKind::Limit { .. }) => {
            return Err(in_file(error));
        }
        (Ok(patches), Ok(json)) if !patches.is_empty() && !json.is_empty() => {
            return Err(in_file(Error::invalid("illegally qualifies as both an SM and JSON patch")));
        }
        (Ok(mut patches), _) => {
            for resource in &mut patches {
                resource.allow_name_change = patch.allow_name_change;
                resource.allow_kind_change = patch.allow_kind_change;
                if patch.allow_name_change || patch.allow_kind_change {
                    // kustomize notes the option in the patch's annotations, and writes all of them as texts.
                    resource.normalise_annotations();
                }
            }
            Body::Strategic(patches)
        }
        (Err(_), Ok(json)) => Body::Json(json),
        (Err(error), Err(_)) => return Err(in_file(error)),
    };
    Ok(Loaded { body, target: patch.target.clone(), file })
}

/// Decodes a JSON patch, written in JSON or YAML.
fn decode_json(text: &str, budget: &mut Budget) -> Result<JsonPatch, Error> {
    if text.is_empty() {
        return Err(Error::invalid("empty json patch operations"));
    }
    let value: Value = if text.starts_with('[') {
        // Each value but the first follows one of these, so they bound what the text can come to.
        budget.spend(text.bytes().filter(|b| matches!(b, b'[' | b'{' | b',' | b':')).count())?;
        serde_json::from_str(text).map_err(|e| Error::invalid(format!("bad json: {e}")))?
    } else {
        parse_v2_within(text, budget)?
    };
    JsonPatch::decode(value).ok_or_else(|| Error::invalid("not a list of json patch operations"))
}

/// Applies one entry of `patches`.
pub(super) fn apply(loader: &mut Loader<'_>, resources: &mut ResMap, patch: &Loaded) -> Result<(), Error> {
    let in_file = |error: Error| match &patch.file {
        Some(file) => error.in_file(file),
        None => error,
    };
    match (&patch.body, &patch.target) {
        (Body::Json(_), _) => apply_json(loader, resources, patch, true),
        (Body::Strategic(patches), Some(target)) => match patches.as_slice() {
            [] => Ok(()),
            [one] => {
                target.select(&resources.list).and_then(|selected| merge_into(resources, &selected, one))
            }
            _ => Err(Error::invalid("several strategic merge patches in one entry cannot have a `target`")),
        },
        (Body::Strategic(patches), None) => patches.iter().try_for_each(|patch| {
            let index = find(resources, patch)?;
            match resources.list.get_mut(index) {
                Some(resource) => merge_one(resource, patch.node.clone(), patch),
                None => Ok(()),
            }
        }),
    }
    .map_err(in_file)
}

/// The one object that has or had the identity of the patch.
fn find(resources: &ResMap, patch: &Resource) -> Result<usize, Error> {
    let id = patch.original_id();
    match resources.indices_by_any_id(&id).as_slice() {
        [index] => Ok(*index),
        [] => Err(Error::invalid(format!("no resource matches strategic merge patch `{id}`"))),
        _ => Err(Error::invalid(format!("several resources match strategic merge patch `{id}`"))),
    }
}

/// Where the objects are that share an identity with the selected ones.
fn all_of_same_identity(list: &[Resource], selected: &[usize]) -> Vec<usize> {
    let ids: HashSet<_> = selected.iter().filter_map(|i| list.get(*i)).map(Resource::current).collect();
    let names: HashSet<&str> = ids.iter().map(|id| id.name).collect();
    let same = |r: &Resource| names.contains(r.name()) && ids.contains(&r.current());
    list.iter().enumerate().filter(|(_, r)| same(r)).map(|(index, _)| index).collect()
}

/// Applies a patch to all objects that share an identity with the selected ones.
fn merge_into(resources: &mut ResMap, selected: &[usize], patch: &Resource) -> Result<(), Error> {
    for index in all_of_same_identity(&resources.list, selected) {
        let Some(resource) = resources.list.get_mut(index) else { continue };
        let mut copy = patch.clone();
        for field in ["labels", "annotations"] {
            let pairs = copy.string_map(field);
            copy.set_string_map(field, pairs);
        }
        let (name, namespace) = (patch.name().to_owned(), patch.namespace().to_owned());
        copy.set_name(&name);
        copy.set_namespace(&namespace);
        copy.set_kind(patch.kind());
        copy.set_api_version(&resource.gvk().api_version());
        merge_one(resource, copy.node, patch)?;
    }
    resources.drop_gone();
    resources.check_unique()
}

fn merge_one(resource: &mut Resource, patch: Node, options: &Resource) -> Result<(), Error> {
    let (name, namespace) = (resource.name().to_owned(), resource.namespace().to_owned());
    let kind = resource.kind().to_owned();
    if options.allow_name_change || options.allow_kind_change {
        resource.store_previous_id();
    }
    if takes_annotations(&patch) {
        resource.forget();
    }
    let node = std::mem::replace(&mut resource.node, Node::Map(Vec::new()));
    let Some(merged) = smp::merge(node, patch, options.schemas.as_deref().unwrap_or(&Schemas::default()))?
    else {
        return Ok(());
    };
    resource.node = merged;
    if resource.shares > 0 {
        share::settle(&mut resource.node);
    }
    if resource.is_gone() {
        return Ok(());
    }
    if !options.allow_kind_change {
        resource.set_kind(&kind);
    }
    if !options.allow_name_change {
        resource.set_name(&name);
    }
    resource.set_namespace(&namespace);
    Ok(())
}

/// Whether a patch takes all annotations away, and with them what kustomize keeps there for itself.
fn takes_annotations(patch: &Node) -> bool {
    let takes = |node: &Node| {
        node.is_null() || node.get("$patch").is_some_and(|d| matches!(d.text(), "delete" | "replace"))
    };
    let Some(metadata) = patch.get("metadata") else { return false };
    takes(metadata) || metadata.get("annotations").is_some_and(takes)
}

/// Loads `patchesStrategicMerge`: entries are files, or patches themselves; `inline` are more of those.
pub(crate) fn load_strategic(
    loader: &mut Loader<'_>,
    dir: &str,
    entries: &[String],
    inline: &str,
) -> Result<Vec<Resource>, Error> {
    let mut patches = Vec::new();
    for entry in entries {
        match objects::read(entry, loader) {
            Ok(inline) => patches.extend(inline),
            Err(error) if matches!(error.kind, ErrorKind::Limit { .. }) => return Err(error),
            Err(_) => {
                let (file, text) = loader.load_text(dir, entry)?;
                patches.extend(objects::read(&text, loader).map_err(|e| e.in_file(&file))?);
            }
        }
    }
    patches.extend(objects::read(inline, loader)?);
    if patches.is_empty() {
        return Err(Error::invalid("the patches appear to be empty"));
    }
    Ok(patches)
}

/// Applies `patchesStrategicMerge`.
pub(super) fn apply_strategic(resources: &mut ResMap, patches: &[Resource]) -> Result<(), Error> {
    for patch in patches {
        let index = find(resources, patch)?;
        merge_into(resources, &[index], patch)?;
    }
    Ok(())
}

/// Loads an entry of `patchesJson6902`.
pub(crate) fn load_json(loader: &mut Loader<'_>, dir: &str, patch: &Patch) -> Result<Loaded, Error> {
    if patch.target.as_ref().is_none_or(|t| t.name.is_empty()) {
        return Err(Error::invalid("must specify the target name"));
    }
    let (file, text) = match (patch.patch.is_empty(), patch.path.is_empty()) {
        (true, true) => return Err(Error::invalid("empty file path and empty patch")),
        (false, false) => return Err(Error::invalid("must specify a file path or patch, not both")),
        (false, true) => (None, patch.patch.clone()),
        (true, false) => {
            let (file, text) = loader.load_text(dir, &patch.path)?;
            (Some(file), text)
        }
    };
    let json = decode_json(&text, &mut loader.budget)?;
    if json.is_empty() {
        return Err(Error::invalid("the patch appears to be empty"));
    }
    Ok(Loaded { body: Body::Json(json), target: patch.target.clone(), file })
}

/// Applies a JSON patch to the objects that its target selects; none is no error.
pub(super) fn apply_json(
    loader: &mut Loader<'_>,
    resources: &mut ResMap,
    patch: &Loaded,
    remember: bool,
) -> Result<(), Error> {
    let Body::Json(json) = &patch.body else { return Ok(()) };
    let Some(target) = &patch.target else {
        // kustomize takes an empty patch for a strategic one with nothing in it.
        if json.is_empty() {
            return Ok(());
        }
        return Err(Error::invalid("must specify a target for a json patch").in_field("target"));
    };
    for index in target.select(&resources.list)? {
        let Some(resource) = resources.list.get_mut(index) else { continue };
        if remember {
            resource.store_previous_id();
        }
        let result = patch_json(resource, json, &mut loader.budget);
        result.map_err(|error| match &patch.file {
            Some(file) => error.in_file(file),
            None => error,
        })?;
    }
    Ok(())
}

fn patch_json(resource: &mut Resource, patch: &JsonPatch, budget: &mut Budget) -> Result<(), Error> {
    if resource.has_hidden_annotations() {
        patch.check_notes()?;
    }
    let mut value = object_to_json(&resource.node)?;
    // kustomize's own annotations make the map exist for the patch's paths, though they are never printed.
    if resource.has_hidden_annotations()
        && let Some(Value::Object(metadata)) = value.get_mut("metadata")
    {
        let annotations = metadata.entry("annotations").or_insert(Value::Null);
        if annotations.is_null() {
            *annotations = Value::Object(serde_json::Map::new());
        }
    }
    patch.apply(&mut value, &mut |moved| Ok(budget.spend_value(moved)?))?;
    if !value.is_object() {
        return Err(Error::invalid("the json patch leaves no object"));
    }
    meter::work(budget.check_value(&value)? * PATCHED_NODE_STEPS)?;
    resource.node = from_json_lossy(&value);
    resource.normalise_annotations();
    Ok(())
}
