//! Values that stand in several places of an object at once.
//!
//! A label or annotation that kustomize adds to an object is one and the same value wherever it is added: what later
//! writes it in one place, such as a label of an overlay, a patch or a var, writes it in the others too. Places that
//! had a value before are written alone.

use std::collections::BTreeMap;

use crate::meter;
use crate::node::{Node, Scalar};

/// Which other places of its object a scalar shares its value with, and whether it was written and they were not yet.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Share(u32);

/// Scalars are compared by what they hold.
impl PartialEq for Share {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Share {}

impl Share {
    const WRITTEN: u32 = 1 << 31;

    /// A value of its own number within the object; from 1.
    pub(crate) fn new(number: u32) -> Self {
        Share(number & !Self::WRITTEN)
    }

    /// The same for what is written in its place.
    pub(crate) fn written(self) -> Self {
        if self.0 == 0 { self } else { Share(self.0 | Self::WRITTEN) }
    }

    fn is_written(self) -> bool {
        self.0 & Self::WRITTEN != 0
    }
}

/// Whether a field, or a value directly within it, was written and stands elsewhere.
pub(crate) fn is_written(field: &Node) -> bool {
    let written = |node: &Node| matches!(node, Node::Scalar(scalar) if scalar.share.is_written());
    match field {
        Node::Scalar(scalar) => scalar.share.is_written(),
        Node::Map(fields) => fields.iter().any(|(_, value)| written(value)),
        Node::Seq(items) => items.iter().any(written),
    }
}

/// Makes the values of a copy its own.
pub(crate) fn forget(copy: &mut Node) {
    match copy {
        Node::Scalar(scalar) => scalar.share = Share::default(),
        Node::Map(fields) => fields.iter_mut().for_each(|(_, value)| forget(value)),
        Node::Seq(items) => items.iter_mut().for_each(forget),
    }
}

/// What was written in one place, by number.
type Written = BTreeMap<u32, Scalar>;

/// Writes what was written in one place of an object into all places that share it.
pub(crate) fn settle(object: &mut Node) {
    let mut written = Written::new();
    collect(object, &mut written);
    if !written.is_empty() {
        spread(object, &written);
    }
}

/// Finds what was written; of several, kustomize writes that last whose path is last in order of names.
fn collect(node: &mut Node, written: &mut Written) {
    meter::note(2);
    match node {
        Node::Scalar(scalar) if scalar.share.is_written() => {
            scalar.share = Share::new(scalar.share.0);
            written.insert(scalar.share.0, scalar.clone());
        }
        Node::Scalar(_) => {}
        Node::Map(fields) => {
            let mut order: Vec<usize> = (0..fields.len()).collect();
            order.sort_by(|a, b| {
                fields.get(*a).map(|(k, _)| &k.value).cmp(&fields.get(*b).map(|(k, _)| &k.value))
            });
            for at in order {
                if let Some((_, value)) = fields.get_mut(at) {
                    collect(value, written);
                }
            }
        }
        Node::Seq(items) => items.iter_mut().for_each(|item| collect(item, written)),
    }
}

fn spread(node: &mut Node, written: &Written) {
    match node {
        Node::Scalar(scalar) => {
            if let Some(new) = written.get(&scalar.share.0) {
                *scalar = new.clone();
            }
        }
        Node::Map(fields) => fields.iter_mut().for_each(|(_, value)| spread(value, written)),
        Node::Seq(items) => items.iter_mut().for_each(|item| spread(item, written)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_once_stands_everywhere() {
        let shared = |number| Node::Scalar(Scalar { share: Share::new(number), ..Scalar::string("old") });
        let list = Node::Seq(vec![shared(1), shared(2), Node::Scalar(Scalar::string("old"))]);
        let mut object = Node::Map(vec![(Scalar::bare("a"), shared(1)), (Scalar::bare("b"), list)]);
        object.set("a", Scalar::string("new"));
        assert!(is_written(&object));
        settle(&mut object);
        let texts = |node: Option<&Node>| match node {
            Some(Node::Seq(items)) => items.iter().map(|i| i.text().to_owned()).collect(),
            node => vec![node.map_or("", Node::text).to_owned()],
        };
        assert_eq!(texts(object.get("a")), ["new"]);
        assert_eq!(texts(object.get("b")), ["new", "old", "old"]);
        assert!(!is_written(&object));
    }
}
