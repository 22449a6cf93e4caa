//! `replacements`: a value of one object, or a text, written into fields of others.
//!
//! Sources are found by equality and targets by patterns, both by all identities that an object has had. The paths
//! are those of [`crate::paths`]; `structured` writes into JSON and YAML that stands in a text.

mod config;
mod select;
mod source;
mod structured;

pub(crate) use config::{Entry, Replacement, entry, load, plugin_entry};

use crate::loader::Loader;
use crate::node::{Node, Scalar, Style, Tag};
use crate::paths::{Found, Kind, Matcher, Place, at_mut, split_dotted};
use crate::resmap::ResMap;
use crate::{Error, ErrorKind, meter, share};
use config::Options;
use select::TargetSelector;
use source::Value;

/// Steps that asking whether an object is a target takes.
const SELECT_STEPS: usize = 20;

/// Applies replacements in order; each sees what those before it wrote.
pub(crate) fn apply(
    loader: &mut Loader<'_>,
    replacements: &[Replacement],
    resources: &mut ResMap,
) -> Result<(), Error> {
    for replacement in replacements {
        let Some(targets) = &replacement.targets else { return Err(incomplete()) };
        let mut value = match (&replacement.source, &replacement.source_value) {
            (None, None) => return Err(incomplete()),
            (Some(_), Some(_)) => {
                return Err(Error::invalid("value and resource selectors are mutually exclusive"));
            }
            (Some(source), None) => source::find(source, &resources.list)?,
            (None, Some(text)) => Value::Own(Node::Scalar(Scalar::bare(text))),
        };
        for target in targets {
            let Some(select) = &target.select else {
                return Err(Error::invalid("target must specify resources to select"));
            };
            let selector = TargetSelector::new(select, &target.reject)?;
            let paths = target.field_paths.iter().map(|path| FieldPath::new(path));
            let paths = paths.collect::<Result<Vec<_>, _>>()?;
            meter::work(resources.list.len() * SELECT_STEPS)?;
            for index in 0..resources.list.len() {
                let Some(resource) = resources.list.get(index) else { continue };
                if selector.selects(resource)? {
                    let mut write = Write { loader, resources, index, options: &target.options };
                    paths.iter().try_for_each(|path| write.field(path, &mut value))?;
                }
            }
        }
    }
    Ok(())
}

fn incomplete() -> Error {
    Error::invalid("replacements must specify a source and at least one target")
}

/// A path into a target, read once for all of them.
pub(super) struct FieldPath {
    written: String,
    parts: Vec<String>,
    matcher: Matcher,
}

impl FieldPath {
    fn new(path: &str) -> Result<Self, Error> {
        let parts = split_dotted(path)?;
        Ok(FieldPath { written: path.to_owned(), matcher: Matcher::new(&parts), parts })
    }
}

/// Writing into one object.
struct Write<'a, 'b> {
    loader: &'a mut Loader<'b>,
    resources: &'a mut ResMap,
    index: usize,
    options: &'a Options,
}

impl Write<'_, '_> {
    fn field(&mut self, path: &FieldPath, value: &mut Value) -> Result<(), Error> {
        let create = match self.options.create {
            true => Some(Kind::of(value.get(&self.resources.list)?)),
            false => None,
        };
        if self.structured(path, create, value)? {
            return Ok(());
        }
        let Some(resource) = self.resources.list.get_mut(self.index) else { return Ok(()) };
        let found = path.matcher.find(&mut resource.node, 0, create, &mut self.loader.budget);
        let found = found.map_err(|error| missing(&path.written, create, Some(error)))?;
        if found.is_empty() {
            return Err(missing(&path.written, create, None));
        }
        for place in found {
            match place {
                Found::At(place) => self.place(&place, value)?,
                Found::Lost { scalar } => self.check_delimiter(scalar)?,
            }
        }
        Ok(())
    }

    /// Writes below a text on the path; false when there is none, or when it does not work out.
    fn structured(
        &mut self,
        path: &FieldPath,
        create: Option<Kind>,
        value: &mut Value,
    ) -> Result<bool, Error> {
        let Some(resource) = self.resources.list.get(self.index) else { return Ok(false) };
        let text = structured::find(&mut self.loader.budget, &resource.node, path)?;
        let Some(text) = text else { return Ok(false) };
        let (place, value) = (text.place.clone(), value.get(&self.resources.list)?);
        let edited = text.edited(&mut self.loader.budget, path, create, value)?;
        let Some(edited) = edited else { return Ok(false) };
        self.loader.spend_bytes(edited.len())?;
        let node = self.resources.list.get_mut(self.index).and_then(|r| at_mut(&mut r.node, &place));
        if let Some(Node::Scalar(scalar)) = node {
            scalar.value = edited.into();
            scalar.share = scalar.share.written();
            if let Some(resource) = self.resources.list.get_mut(self.index) {
                share::settle(&mut resource.node);
            }
        }
        Ok(true)
    }

    fn place(&mut self, place: &Place, value: &mut Value) -> Result<(), Error> {
        let mut written = value.get(&self.resources.list)?.clone();
        self.spend(&written, place.len())?;
        value.keep_before(self.index, place, &self.resources.list)?;
        let Some(resource) = self.resources.list.get_mut(self.index) else { return Ok(()) };
        source::refuse_hidden(resource, place)?;
        if matches!(written, Node::Seq(_)) && is_metadata(&resource.node, place) {
            return Err(Error::unsupported("a list written in place of metadata, labels or annotations"));
        }
        let Some(node) = at_mut(&mut resource.node, place) else { return Ok(()) };
        if !self.options.delimiter.is_empty() {
            let Node::Scalar(old) = &*node else { return self.check_delimiter(false) };
            let text = spliced(&old.value, written.non_null_text(), self.options);
            self.loader.spend_bytes(text.len())?;
            written = Node::Scalar(Scalar::bare(text));
        }
        refuse_blank(node, &written)?;
        set(node, written);
        if share::is_written(node) {
            share::settle(&mut resource.node);
        }
        Ok(())
    }

    fn check_delimiter(&self, scalar: bool) -> Result<(), Error> {
        if scalar || self.options.delimiter.is_empty() {
            return Ok(());
        }
        Err(Error::invalid("delimiter option can only be used with scalar nodes"))
    }

    /// Counts a copy against the limits: values grow when they are written into themselves.
    fn spend(&mut self, value: &Node, above: usize) -> Result<(), Error> {
        let bytes = self.loader.budget.spend_copy(value, above)?;
        self.loader.spend_bytes(bytes)
    }
}

/// Whether a place is that of metadata or of a field in it, where kustomize expects maps and looks at items in pairs.
fn is_metadata(root: &Node, place: &[usize]) -> bool {
    let (Node::Map(fields), Some(first)) = (root, place.first()) else { return false };
    place.len() <= 2 && fields.get(*first).is_some_and(|(key, _)| key.value == "metadata")
}

/// Refuses an empty text where null or nothing stood: it stays null there, but not within braces or brackets.
fn refuse_blank(node: &Node, value: &Node) -> Result<(), Error> {
    match node {
        Node::Scalar(old)
            if value.text().is_empty()
                && old.style == Style::Plain
                && !old.tagged
                && matches!(old.tag, Tag::Null | Tag::None) =>
        {
            Err(Error::unsupported("an empty value in place of null or of a field that is made"))
        }
        _ => Ok(()),
    }
}

/// A scalar takes the text and keeps its type; anything else becomes the value.
fn set(node: &mut Node, value: Node) {
    match (node, value) {
        (Node::Scalar(old), value) => {
            old.value = match value {
                Node::Scalar(new) => new.value,
                _ => Default::default(),
            };
            old.share = old.share.written();
        }
        (node, mut value) => {
            share::forget(&mut value);
            *node = value;
        }
    }
}

/// The text with one piece replaced, or with a new piece in front or behind when the index is out of range.
fn spliced(text: &str, new: &str, options: &Options) -> String {
    let delimiter = options.delimiter.as_str();
    let mut pieces: Vec<&str> = text.split(delimiter).collect();
    match usize::try_from(options.index) {
        Err(_) => pieces.insert(0, new),
        Ok(index) => match pieces.get_mut(index) {
            Some(piece) => *piece = new,
            None => pieces.push(new),
        },
    }
    pieces.join(delimiter)
}

fn missing(path: &str, create: Option<Kind>, cause: Option<Error>) -> Error {
    let verb = if create.is_some() { "find or create" } else { "find" };
    let cause = match cause {
        Some(error) if is_ours(&error) => return error,
        Some(error) => format!(": {}", error.kind),
        None => String::new(),
    };
    Error::invalid(format!("unable to {verb} field `{path}` in replacement target{cause}"))
}

/// Whether an error says something of this crate, not of the input.
fn is_ours(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Limit { .. } | ErrorKind::Unsupported { .. })
}
