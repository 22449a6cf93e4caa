//! `replacements` as they are written, in a kustomization or in files of their own.

use serde_json::Value;

use crate::Error;
use crate::decode::Fields;
use crate::loader::Loader;
use crate::selector::Selector;
use crate::types::selector;
use crate::yaml::parse_v2_within;

/// The field that is meant when none is named.
const DEFAULT_FIELD: &str = "metadata.name";

/// An entry of `replacements`: a replacement, or the file that holds one or several.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entry {
    pub(crate) path: String,
    replacement: Replacement,
}

/// A value and where it goes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Replacement {
    pub(crate) source: Option<Source>,
    pub(crate) source_value: Option<String>,
    pub(crate) targets: Option<Vec<Target>>,
}

/// Where a value comes from.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// Every part that is given must be equal; the patterns of a [`Selector`] are none here.
    pub(crate) selector: Selector,
    pub(crate) field_path: String,
    pub(crate) options: Options,
}

/// Where a value goes.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) select: Option<Selector>,
    pub(crate) reject: Vec<Selector>,
    pub(crate) field_paths: Vec<String>,
    pub(crate) options: Options,
}

/// Which piece of a text is meant, and whether a missing field is made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    pub(crate) delimiter: String,
    pub(crate) index: i64,
    pub(crate) create: bool,
}

/// Decodes an entry of the kustomization's field.
pub(crate) fn entry(mut fields: Fields) -> Result<Entry, Error> {
    let path = fields.text("path")?;
    let mut replacement = replacement(&mut fields)?;
    fields.done()?;
    // kustomize writes the field and reads it again, which loses an empty list.
    replacement.targets = replacement.targets.filter(|targets| !targets.is_empty());
    Ok(Entry { path, replacement })
}

/// Decodes an entry of a transformer's configuration.
pub(crate) fn plugin_entry(mut fields: Fields) -> Result<Entry, Error> {
    let path = fields.text("path")?;
    Ok(Entry { path, replacement: replacement(&mut fields.embedded())? })
}

/// The replacements of all entries; files are read from `dir`.
pub(crate) fn load(loader: &mut Loader<'_>, dir: &str, entries: &[Entry]) -> Result<Vec<Replacement>, Error> {
    let mut replacements = Vec::new();
    for Entry { path, replacement } in entries {
        if path.is_empty() {
            replacements.push(replacement.clone());
            continue;
        }
        let has_targets = replacement.targets.as_ref().is_some_and(|targets| !targets.is_empty());
        if replacement.source.is_some() || has_targets {
            return Err(Error::invalid("cannot specify both path and inline replacement"));
        }
        let (file, text) = loader.load_text(dir, path)?;
        let read = parse_v2_within(&text, &mut loader.budget).map_err(Error::from).and_then(from_file);
        replacements.extend(read.map_err(|error| error.in_file(&file))?);
    }
    Ok(replacements)
}

fn from_file(value: Value) -> Result<Vec<Replacement>, Error> {
    let one = |value| replacement(&mut Fields::loose(value)?);
    match value {
        Value::Array(items) => items.into_iter().map(one).collect(),
        Value::Object(_) => Ok(vec![one(value)?]),
        _ => Err(Error::invalid("the file of a replacement holds neither a map nor a list")),
    }
}

fn replacement(fields: &mut Fields) -> Result<Replacement, Error> {
    let has_value = fields.has("sourceValue");
    let text = fields.text("sourceValue")?;
    Ok(Replacement {
        source: fields.maybe_object("source")?.map(source).transpose()?,
        source_value: has_value.then_some(text),
        targets: fields.maybe_each("targets", target)?,
    })
}

fn source(mut fields: Fields) -> Result<Source, Error> {
    let field_path = match fields.text("fieldPath")? {
        path if path.is_empty() => DEFAULT_FIELD.to_owned(),
        path => path,
    };
    let options = options(&mut fields)?;
    Ok(Source { field_path, options, selector: id(fields)? })
}

fn id(mut fields: Fields) -> Result<Selector, Error> {
    let selector = Selector {
        group: fields.embedded_text("group")?,
        version: fields.embedded_text("version")?,
        kind: fields.embedded_text("kind")?,
        name: fields.embedded_text("name")?,
        namespace: fields.embedded_text("namespace")?,
        ..Selector::default()
    };
    fields.done()?;
    Ok(selector)
}

fn target(mut fields: Fields) -> Result<Target, Error> {
    if fields.lists_null("reject") {
        return Err(Error::invalid("an entry of `reject` is null").in_field("reject"));
    }
    let mut field_paths = fields.texts("fieldPaths")?;
    if field_paths.is_empty() {
        field_paths.push(DEFAULT_FIELD.to_owned());
    }
    let target = Target {
        select: fields.maybe_object("select")?.map(selector).transpose()?,
        reject: fields.each("reject", selector)?,
        field_paths,
        options: options(&mut fields)?,
    };
    fields.done()?;
    Ok(target)
}

fn options(fields: &mut Fields) -> Result<Options, Error> {
    let Some(mut fields) = fields.maybe_object("options")? else { return Ok(Options::default()) };
    // kustomize takes an encoding and does nothing with it.
    fields.text("encoding")?;
    let options = Options {
        delimiter: fields.text("delimiter")?,
        index: fields.integer("index")?,
        create: fields.flag("create")?,
    };
    fields.done()?;
    Ok(options)
}
