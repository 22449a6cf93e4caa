//! The value that is written: a copy, or a place that is read anew for every write, since kustomize points at it.

use crate::Error;
use crate::node::{Node, Scalar};
use crate::paths::{Place, at, lookup, split_dotted};
use crate::resource::Resource;
use crate::selector::Selector;

use super::config::{Options, Source};

/// The value of a replacement.
pub(super) enum Value {
    Own(Node),
    /// The place of an object, which earlier writes may have changed.
    At {
        index: usize,
        place: Place,
    },
}

impl Value {
    /// The value as it stands.
    pub(super) fn get<'a>(&'a self, list: &'a [Resource]) -> Result<&'a Node, Error> {
        match self {
            Value::Own(node) => Ok(node),
            Value::At { index, place } => list
                .get(*index)
                .and_then(|resource| at(&resource.node, place))
                .ok_or_else(|| Error::invalid("the source of a replacement is gone")),
        }
    }

    /// Keeps the value when a write is about to replace what holds it.
    pub(super) fn keep_before(
        &mut self,
        index: usize,
        place: &[usize],
        list: &[Resource],
    ) -> Result<(), Error> {
        if let Value::At { index: mine, place: own } = &*self
            && *mine == index
            && own.len() > place.len()
            && own.starts_with(place)
        {
            *self = Value::Own(self.get(list)?.clone());
        }
        Ok(())
    }
}

/// The value that a source names.
pub(super) fn find(source: &Source, list: &[Resource]) -> Result<Value, Error> {
    let selector = &source.selector;
    let mut matches = list.iter().enumerate().filter(|(_, resource)| is_selected(resource, selector));
    let found = match (matches.next(), matches.next()) {
        (None, _) => return Err(Error::invalid(format!("nothing selected by `{}`", words(selector)))),
        (Some(_), Some(_)) => {
            return Err(Error::invalid(format!("multiple matches for selector `{}`", words(selector))));
        }
        (Some(found), None) => found,
    };
    let (index, resource) = found;
    let path = &source.field_path;
    let missing = || {
        Error::invalid(format!("fieldPath `{path}` is missing for replacement source `{}`", words(selector)))
    };
    let place = lookup(&resource.node, &split_dotted(path)?).map_err(|error| {
        Error::invalid(format!("error looking up replacement source: `{path}`: {}", error.kind))
    })?;
    let place = place.ok_or_else(missing)?;
    refuse_hidden(resource, &place)?;
    let node = at(&resource.node, &place).filter(|node| !node.is_nil_or_empty()).ok_or_else(missing)?;
    match refined(node, &source.options)? {
        Some(piece) => Ok(Value::Own(piece)),
        None => Ok(Value::At { index, place }),
    }
}

/// The piece of a text that the options name; `None` when they name none.
fn refined(node: &Node, options: &Options) -> Result<Option<Node>, Error> {
    if options.delimiter.is_empty() {
        return Ok(None);
    }
    let Node::Scalar(scalar) = node else {
        return Err(Error::invalid("delimiter option can only be used with scalar nodes"));
    };
    let text = scalar.value.as_str();
    let index = usize::try_from(options.index).ok();
    let piece = index.and_then(|index| text.split(options.delimiter.as_str()).nth(index));
    let out_of_bounds =
        || Error::invalid(format!("options.index {} is out of bounds for value {text}", options.index));
    let piece = Scalar { value: piece.ok_or_else(out_of_bounds)?.into(), ..scalar.clone() };
    Ok(Some(Node::Scalar(piece)))
}

/// Whether an identity that the object has or had is the one selected.
fn is_selected(resource: &Resource, selector: &Selector) -> bool {
    let fits = |wanted: &str, mine: &str| wanted.is_empty() || wanted == mine;
    // Kinds without a namespace are not told apart here.
    let space = |name: &str| if name.is_empty() { "default".to_owned() } else { name.to_owned() };
    resource.ids().any(|id| {
        fits(&selector.name, id.name)
            && (selector.namespace.is_empty() || space(&selector.namespace) == space(id.namespace))
            && fits(&selector.group, id.gvk.group)
            && fits(&selector.version, id.gvk.version)
            && fits(&selector.kind, id.gvk.kind)
    })
}

/// Refuses `metadata` or its annotations as a whole where kustomize would keep annotations of its own.
pub(super) fn refuse_hidden(resource: &Resource, place: &[usize]) -> Result<(), Error> {
    if !resource.has_hidden_annotations() || place.len() > 2 {
        return Ok(());
    }
    let mut names = Vec::new();
    let mut node = &resource.node;
    for index in place {
        let Node::Map(fields) = node else { return Ok(()) };
        let Some((key, value)) = fields.get(*index) else { return Ok(()) };
        names.push(key.value.as_str());
        node = value;
    }
    match names.as_slice() {
        [] | ["metadata"] | ["metadata", "annotations"] => Err(Error::unsupported(
            "a replacement of all annotations of an object that the build has changed",
        )),
        _ => Ok(()),
    }
}

fn words(selector: &Selector) -> String {
    let parts = [&selector.group, &selector.version, &selector.kind, &selector.name, &selector.namespace];
    let given: Vec<&str> = parts.iter().map(|part| part.as_str()).filter(|part| !part.is_empty()).collect();
    given.join(" ")
}
