//! `images`: new names, tags and digests, wherever containers are.

use crate::fieldspec::{self, Create, FieldSpec};
use crate::node::{Node, Scalar};
use crate::pattern::{Compiled, after_simple, compile, is_simple};
use crate::resmap::ResMap;
use crate::types::Image;
use crate::{Error, meter};

pub(super) fn apply(resources: &mut ResMap, image: &Image, specs: &[FieldSpec]) -> Result<(), Error> {
    let update = Update { image, matches: Named::of(&image.name)? };
    let is_crd = |kind: &str| kind == "CustomResourceDefinition";
    for resource in resources.list.iter_mut().filter(|r| !r.is_gone() && !is_crd(r.kind())) {
        update.containers(&mut resource.node)?;
    }
    for resource in resources.list.iter_mut().filter(|r| !r.is_gone() && !is_crd(r.kind())) {
        let gvk = resource.gvk();
        for spec in specs {
            resource.reveal_annotations(&spec.path);
            fieldspec::apply(&mut resource.node, &gvk, spec, Create::Nothing, &mut |node| update.set(node))?;
        }
    }
    Ok(())
}

/// The images of a name, with any tag and digest. The name is a pattern, as it is in kustomize.
enum Named<'a> {
    Simple(&'a str),
    Compiled(Compiled),
}

impl Named<'_> {
    fn of(name: &str) -> Result<Named<'_>, Error> {
        if is_simple(name) {
            return Ok(Named::Simple(name));
        }
        let whole = format!("^{name}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$");
        compile(&whole).map(Named::Compiled)
    }

    fn is_match(&self, image: &str) -> bool {
        let name = match self {
            Named::Compiled(regex) => return regex.is_match(image),
            Named::Simple(name) => name,
        };
        let letter = |c: char| c.is_ascii_alphanumeric() || "_.{}-".contains(c);
        after_simple(name, image).is_some_and(|rest| {
            let rest = rest.strip_prefix(':').map_or(rest, |tag| tag.trim_start_matches(letter));
            rest.strip_prefix("@sha256:").map_or(rest, |digest| digest.trim_start_matches(letter)).is_empty()
        })
    }
}

struct Update<'a> {
    image: &'a Image,
    matches: Named<'a>,
}

impl Update<'_> {
    /// Updates the `image` of every entry of every list called `containers` or `initContainers`.
    fn containers(&self, node: &mut Node) -> Result<(), Error> {
        meter::work(2)?;
        match node {
            Node::Scalar(_) => Ok(()),
            Node::Seq(items) => items.iter_mut().try_for_each(|item| self.containers(item)),
            Node::Map(fields) => fields.iter_mut().try_for_each(|(key, value)| {
                self.containers(value)?;
                match value {
                    Node::Seq(items) if matches!(key.value.as_str(), "containers" | "initContainers") => {
                        items.iter_mut().try_for_each(|item| self.container(item))
                    }
                    _ => Ok(()),
                }
            }),
        }
    }

    fn container(&self, item: &mut Node) -> Result<(), Error> {
        match item {
            Node::Map(_) => item.get_mut("image").map_or(Ok(()), |image| self.set(image)),
            item if item.is_null() => Ok(()),
            _ => Err(Error::invalid("wrong node kind: a container is not a map")),
        }
    }

    fn set(&self, node: &mut Node) -> Result<(), Error> {
        let Node::Scalar(scalar) = node else {
            return Err(Error::invalid("wrong node kind: an image is not a scalar"));
        };
        if !self.matches.is_match(&scalar.value) {
            return Ok(());
        }
        let (name, mut tag, mut digest) = split(&scalar.value);
        let image = self.image;
        let name = if image.new_name.is_empty() { name } else { &image.new_name };
        let tagged;
        if !image.new_tag.is_empty() || !image.digest.is_empty() {
            (tag, digest) = (&image.new_tag, &image.digest);
        } else if !image.tag_suffix.is_empty() {
            tagged = format!("{tag}{}", image.tag_suffix);
            (tag, digest) = (&tagged, "");
        }
        let mut new = name.to_owned();
        if !tag.is_empty() {
            new = format!("{new}:{tag}");
        }
        if !digest.is_empty() {
            new = format!("{new}@{digest}");
        }
        node.set_scalar(Scalar::bare(new));
        Ok(())
    }
}

/// Name, tag and digest of an image; a colon in the registry's part does not count.
fn split(image: &str) -> (&str, &str, &str) {
    let from = image.find('/').unwrap_or(0);
    let rest = image.get(from..).unwrap_or_default();
    let (at, colon) = (rest.find('@').map(|i| i + from), rest.find(':').map(|i| i + from));
    let part = |start: usize, end: usize| image.get(start..end).unwrap_or_default();
    match (at, colon) {
        (None, None) => (image, "", ""),
        (Some(at), None) => (part(0, at), "", part(at + 1, image.len())),
        (Some(at), Some(colon)) if at < colon => (part(0, at), "", part(at + 1, image.len())),
        (Some(at), Some(colon)) => (part(0, colon), part(colon + 1, at), part(at + 1, image.len())),
        (None, Some(colon)) => (part(0, colon), part(colon + 1, image.len()), ""),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn names_match_with_any_tag_and_digest() {
        let check = |name: &str, image: &str, expected: bool| {
            assert_eq!(Named::of(name).unwrap().is_match(image), expected, "{name} {image}");
            // The group makes it compile without another meaning.
            assert_eq!(
                Named::of(&format!("(?:{name})")).unwrap().is_match(image),
                expected,
                "{name} {image}"
            );
        };
        for (image, expected) in [
            ("a.b/c", true),
            ("a.b/c:", true),
            ("a.b/c:1.2-x_{}", true),
            ("a.b/c:1@sha256:0f", true),
            ("a.b/c@sha256:", true),
            ("axb/c:1", true),
            ("a.b/cd", false),
            ("a.b/c:1:2", false),
            ("a.b/c@sha256:0f:1", false),
            ("a.b/c@sha512:0f", false),
            ("x/a.b/c", false),
            ("a.b/c:1\n", false),
        ] {
            check("a.b/c", image, expected);
        }
        check("", ":1", true);
    }

    #[test]
    fn images_split_into_name_tag_and_digest() {
        assert_eq!(split("nginx"), ("nginx", "", ""));
        assert_eq!(split("r:5000/a/b:1.2"), ("r:5000/a/b", "1.2", ""));
        assert_eq!(split("a/b:1@sha256:ff"), ("a/b", "1", "sha256:ff"));
        assert_eq!(split("a@sha256:ff"), ("a", "", "sha256:ff"));
    }
}
