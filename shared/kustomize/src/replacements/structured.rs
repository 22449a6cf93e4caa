//! Writing into JSON or YAML that stands in a text of an object, such as a file in a ConfigMap.
//!
//! What does not work out here is no error: kustomize then follows the path in the object itself.

use super::{FieldPath, is_ours, set};
use crate::Error;
use crate::node::Node;
use crate::paths::{Found, Kind, Place, Step, at, at_mut, step};
use crate::yaml::{Budget, Document, go_json, go_json_indented, node_to_json};

/// The first text on a path that is YAML and does not end it.
pub(super) struct Text {
    pub(super) place: Place,
    /// The parts of the path up to it.
    skip: usize,
    written: String,
    document: Document,
}

/// Finds the text to edit on the way of a path.
pub(super) fn find(budget: &mut Budget, root: &Node, path: &FieldPath) -> Result<Option<Text>, Error> {
    let mut place = Place::new();
    for (index, part) in path.parts.iter().enumerate() {
        let Some(node) = at(root, &place) else { return Ok(None) };
        match step(node, part) {
            Err(_) | Ok(Step::Nowhere) => return Ok(None),
            Ok(Step::Stay) => {}
            Ok(Step::To(index)) => place.push(index),
        }
        let skip = index + 1;
        let Some(Node::Scalar(scalar)) = at(root, &place).filter(|_| skip < path.parts.len()) else {
            continue;
        };
        match Document::parse(&scalar.value, budget).map_err(Error::from) {
            Ok(Some(document)) => {
                return Ok(Some(Text { place, skip, written: scalar.value.to_string(), document }));
            }
            // A text without a document has nothing below it.
            Ok(None) => return Ok(None),
            Err(error) if is_ours(&error) => return Err(error),
            Err(_) => {}
        }
    }
    Ok(None)
}

impl Text {
    /// The text with the value written into it; `None` when that does not work out.
    pub(super) fn edited(
        mut self,
        budget: &mut Budget,
        path: &FieldPath,
        create: Option<Kind>,
        value: &Node,
    ) -> Result<Option<String>, Error> {
        match self.edit(budget, path, create, value) {
            Ok(text) => Ok(text),
            Err(error) if is_ours(&error) => Err(error),
            Err(_) => Ok(None),
        }
    }

    fn edit(
        &mut self,
        budget: &mut Budget,
        path: &FieldPath,
        create: Option<Kind>,
        value: &Node,
    ) -> Result<Option<String>, Error> {
        let found = path.matcher.find(&mut self.document.node, self.skip, create, budget)?;
        if found.is_empty() {
            return Ok(None);
        }
        let mut inserted = false;
        for place in found {
            // What is found deeper, in a text within this one, is not written back.
            let Found::At(place) = place else { continue };
            budget.spend_copy(value, place.len())?;
            let Some(node) = at_mut(&mut self.document.node, &place) else { continue };
            inserted |= !matches!((&*node, value), (Node::Scalar(_), _) | (_, Node::Scalar(_)));
            set(node, value.clone());
        }
        self.write(inserted).map(Some)
    }

    fn write(&self, inserted: bool) -> Result<String, Error> {
        if !self.written.trim_start().starts_with(['{', '[']) {
            if inserted {
                return Err(Error::unsupported("a map or list written into yaml in a text"));
            }
            return Ok(self.document.write()?);
        }
        let json = node_to_json(&self.document.node)?;
        let indented = self.written.contains('\n') && self.written.contains("  ");
        Ok(if indented { go_json_indented(&json) } else { go_json(&json) })
    }
}
