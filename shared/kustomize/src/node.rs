//! A YAML tree as the build edits it: scalars keep their text, tag and style until the very end, because kustomize
//! writes strings into existing scalars and lets the emitter decide what type they become.

use compact_str::CompactString;

use crate::share::Share;
use crate::yaml::resolve::resolve_v3;

/// What a scalar resolves to, as go-yaml names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag {
    /// No tag: decided by the text when the object is written.
    None,
    Str,
    Int,
    Float,
    Bool,
    Null,
    Timestamp,
    Merge,
    Binary,
    /// A tag of the author's, such as `!custom`, which says nothing to kustomize.
    Other,
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Style {
    #[default]
    Plain,
    Single,
    Double,
    Literal,
    Folded,
}

/// A scalar or a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scalar {
    pub(crate) value: CompactString,
    pub(crate) tag: Tag,
    /// Whether the tag stands in the text.
    pub(crate) tagged: bool,
    pub(crate) style: Style,
    /// A null that a merge keeps.
    pub(crate) keep: bool,
    /// Whether other places of the object change with this one.
    pub(crate) share: Share,
}

impl Scalar {
    /// Text without a tag, as `NewScalarRNode` makes it.
    pub(crate) fn bare(value: impl Into<CompactString>) -> Self {
        Scalar {
            value: value.into(),
            tag: Tag::None,
            tagged: false,
            style: Style::Plain,
            keep: false,
            share: Share::default(),
        }
    }

    /// Text that is a string whatever it looks like.
    pub(crate) fn string(value: impl Into<CompactString>) -> Self {
        Scalar { tag: Tag::Str, ..Scalar::bare(value) }
    }

    /// Text with the given tag.
    pub(crate) fn tagged(value: impl Into<CompactString>, tag: Tag) -> Self {
        Scalar { tag, ..Scalar::bare(value) }
    }

    /// Text whose tag is what it resolves to, as a parser makes it.
    pub(crate) fn parsed(value: impl Into<CompactString>) -> Self {
        let value = value.into();
        let tag = resolve_v3(&value).tag();
        Scalar { tag, ..Scalar::bare(value) }
    }
}

/// A YAML value. Keys of maps are scalars; their order and duplicates are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Scalar(Scalar),
    Map(Vec<(Scalar, Node)>),
    Seq(Vec<Node>),
}

impl Node {
    /// A scalar tagged null.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Node::Scalar(scalar) if scalar.tag == Tag::Null)
    }

    /// Null, an empty map or an empty list.
    pub(crate) fn is_nil_or_empty(&self) -> bool {
        match self {
            Node::Scalar(scalar) => scalar.tag == Tag::Null,
            Node::Map(fields) => fields.is_empty(),
            Node::Seq(items) => items.is_empty(),
        }
    }

    /// Fields or items directly within it.
    pub(crate) fn width(&self) -> usize {
        match self {
            Node::Scalar(_) => 0,
            Node::Map(fields) => fields.len(),
            Node::Seq(items) => items.len(),
        }
    }

    /// The text of a scalar, `""` of anything else.
    pub(crate) fn text(&self) -> &str {
        match self {
            Node::Scalar(scalar) => &scalar.value,
            _ => "",
        }
    }

    /// The text of a scalar that is not null.
    pub(crate) fn non_null_text(&self) -> &str {
        if self.is_null() { "" } else { self.text() }
    }

    /// The first field of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Node> {
        match self {
            Node::Map(fields) => fields.iter().find(|(key, _)| key.value == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The first field of that name, to edit.
    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Node> {
        match self {
            Node::Map(fields) => fields.iter_mut().find(|(key, _)| key.value == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Takes the first field of that name out.
    pub(crate) fn remove(&mut self, name: &str) -> Option<Node> {
        let Node::Map(fields) = self else { return None };
        let at = fields.iter().position(|(key, _)| key.value == name)?;
        Some(fields.remove(at).1)
    }

    /// The field of that name, made with `create` when missing; `None` when this is no map.
    pub(crate) fn get_or_create(&mut self, name: &str, create: Node) -> Option<&mut Node> {
        let Node::Map(fields) = self else { return None };
        let at = match fields.iter().position(|(key, _)| key.value == name) {
            Some(at) => at,
            None => {
                fields.push((Scalar::bare(name), create));
                fields.len() - 1
            }
        };
        fields.get_mut(at).map(|(_, value)| value)
    }

    /// Sets a scalar in place and keeps its style, as kyaml's setter without a name.
    ///
    /// Returns false when this is neither a scalar nor null.
    pub(crate) fn set_scalar(&mut self, mut scalar: Scalar) -> bool {
        let Node::Scalar(old) = self else { return false };
        scalar.style = old.style;
        scalar.share = old.share.written();
        *old = scalar;
        true
    }

    /// Sets a field as kyaml's setter does: an existing scalar keeps its style, `None` and null clear the field.
    pub(crate) fn set_field(&mut self, key: &Scalar, value: Option<Node>) {
        let Node::Map(fields) = self else { return };
        let at = fields.iter().position(|(k, _)| k.value == key.value);
        let Some(mut value) =
            value.filter(|v| !matches!(v, Node::Scalar(s) if s.tag == Tag::Null && !s.keep))
        else {
            if let Some(at) = at {
                fields.remove(at);
            }
            return;
        };
        match at.and_then(|at| fields.get_mut(at)) {
            Some((_, old)) => {
                if let Node::Scalar(new) = &mut value {
                    (new.style, new.share) = match old {
                        Node::Scalar(old) => (old.style, old.share.written()),
                        _ => (Style::Plain, Share::default()),
                    };
                }
                *old = value;
            }
            None => {
                if let Node::Scalar(new) = &mut value
                    && matches!(new.tag, Tag::None)
                    && new.style == Style::Plain
                    && crate::yaml::is_v2_non_string(&new.value)
                {
                    new.style = Style::Double;
                }
                fields.push((key.clone(), value));
            }
        }
    }

    /// Sets a field by name.
    pub(crate) fn set(&mut self, name: &str, scalar: Scalar) {
        self.set_field(&Scalar::bare(name), Some(Node::Scalar(scalar)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_stays_small() {
        assert_eq!((size_of::<Scalar>(), size_of::<Node>()), (32, 32));
    }
}
