//! One object within a build, with what kustomize remembers of it: earlier names, prefixes, how it was generated.

use std::rc::Rc;

use compact_str::CompactString;

use crate::Origin;
use crate::node::{Node, Scalar, Tag};
use crate::resid::{Gvk, GvkRef, IdRef, ResId};
use crate::schemas::Schemas;

/// What a generator does when its object exists already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Behavior {
    #[default]
    Create,
    Merge,
    Replace,
}

/// An earlier identity; the group and version are always the current ones.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Previous {
    kind: CompactString,
    name: CompactString,
    namespace: CompactString,
}

/// An object of the build.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    pub(crate) node: Node,
    previous: Vec<Previous>,
    pub(crate) prefixes: Vec<CompactString>,
    pub(crate) suffixes: Vec<CompactString>,
    pub(crate) behavior: Behavior,
    pub(crate) generated: bool,
    pub(crate) needs_hash: bool,
    pub(crate) allow_name_change: bool,
    pub(crate) allow_kind_change: bool,
    pub(crate) origin: Option<Origin>,
    /// The vars whose values come from this object.
    pub(crate) vars: Vec<String>,
    /// How many values were put into several places of the object at once.
    pub(crate) shares: u32,
    /// The schema of the build; none for objects whose kind needs none.
    pub(crate) schemas: Option<Rc<Schemas>>,
}

impl Resource {
    pub(crate) fn new(node: Node) -> Self {
        Resource {
            node,
            previous: Vec::new(),
            prefixes: Vec::new(),
            suffixes: Vec::new(),
            behavior: Behavior::Create,
            generated: false,
            needs_hash: false,
            allow_name_change: false,
            allow_kind_change: false,
            origin: None,
            vars: Vec::new(),
            shares: 0,
            schemas: None,
        }
    }

    /// Null or empty: a patch deleted it.
    pub(crate) fn is_gone(&self) -> bool {
        self.node.is_nil_or_empty()
    }

    pub(crate) fn kind(&self) -> &str {
        self.node.get("kind").map_or("", Node::text)
    }

    pub(crate) fn gvk(&self) -> Gvk {
        self.gvk_ref().to_owned()
    }

    fn gvk_ref(&self) -> GvkRef<'_> {
        let gvk = GvkRef::new(self.node.get("apiVersion").map_or("", Node::text), self.kind());
        let cluster = self.schemas.as_ref().is_some_and(|schemas| schemas.adds_cluster_scope(gvk));
        GvkRef { cluster, ..gvk }
    }

    fn meta_text(&self, field: &str) -> &str {
        let metadata = self.node.get("metadata").filter(|m| !m.is_nil_or_empty());
        metadata.and_then(|m| m.get(field)).filter(|n| !n.is_nil_or_empty()).map_or("", Node::text)
    }

    pub(crate) fn name(&self) -> &str {
        self.meta_text("name")
    }

    pub(crate) fn namespace(&self) -> &str {
        self.meta_text("namespace")
    }

    /// The identity as it stands.
    pub(crate) fn current(&self) -> IdRef<'_> {
        IdRef { gvk: self.gvk_ref(), name: self.name(), namespace: self.namespace() }
    }

    /// The earlier identities, oldest first.
    pub(crate) fn previous(&self) -> impl Iterator<Item = IdRef<'_>> {
        let gvk = self.gvk_ref();
        self.previous.iter().map(move |p| IdRef {
            gvk: GvkRef { kind: &p.kind, ..gvk },
            name: &p.name,
            namespace: &p.namespace,
        })
    }

    /// The identity it was read with.
    pub(crate) fn original(&self) -> IdRef<'_> {
        self.previous().next().unwrap_or_else(|| self.current())
    }

    /// All identities, the current one last.
    pub(crate) fn ids(&self) -> impl Iterator<Item = IdRef<'_>> {
        self.previous().chain(std::iter::once_with(|| self.current()))
    }

    /// The identity as it stands, to keep.
    pub(crate) fn current_id(&self) -> ResId {
        self.current().to_owned()
    }

    /// The identity it was read with, to keep.
    pub(crate) fn original_id(&self) -> ResId {
        self.original().to_owned()
    }

    /// Forgets all that kustomize keeps as annotations, which a patch can take away.
    pub(crate) fn forget(&mut self) {
        self.previous.clear();
        self.prefixes.clear();
        self.suffixes.clear();
        self.behavior = Behavior::Create;
        self.generated = false;
        self.needs_hash = false;
    }

    /// Remembers the identity before a change.
    pub(crate) fn store_previous_id(&mut self) {
        let id = self.current();
        let (kind, name) = (id.gvk.kind.into(), id.name.into());
        let previous = Previous { kind, name, namespace: id.effective_namespace().into() };
        // Large builds hold many of them.
        self.previous.reserve_exact(1);
        self.previous.push(previous);
    }

    /// The state of another resource that a generated one takes over when it replaces or merges it.
    pub(crate) fn take_state_of(&mut self, other: &Resource) {
        self.previous.clone_from(&other.previous);
        self.prefixes.clone_from(&other.prefixes);
        self.suffixes.clone_from(&other.suffixes);
        self.needs_hash = self.needs_hash && other.needs_hash;
        self.behavior = other.behavior;
        self.generated = other.generated;
        self.vars.clone_from(&other.vars);
    }

    /// Whether kustomize would keep annotations of its own on it at this point.
    pub(crate) fn has_hidden_annotations(&self) -> bool {
        !self.previous.is_empty() || !self.prefixes.is_empty() || !self.suffixes.is_empty() || self.generated
    }

    /// Lets a path into annotations find the map that kustomize's own make exist, though they are never printed.
    pub(crate) fn reveal_annotations(&mut self, path: &str) {
        if path.starts_with("metadata/annotations")
            && self.has_hidden_annotations()
            && let Some(metadata) = self.node.get_mut("metadata")
            && let Some(annotations) = metadata.get_or_create("annotations", Node::Map(Vec::new()))
            && annotations.is_null()
        {
            *annotations = Node::Map(Vec::new());
        }
    }

    /// Names and values of `metadata.labels` or `metadata.annotations`, as text.
    pub(crate) fn string_map(&self, field: &str) -> Vec<(String, String)> {
        let metadata = self.node.get("metadata").filter(|m| !m.is_nil_or_empty());
        match metadata.and_then(|m| m.get(field)) {
            Some(Node::Map(fields)) => last_wins(fields),
            _ => Vec::new(),
        }
    }

    /// One annotation.
    pub(crate) fn annotation(&self, name: &str) -> Option<&str> {
        self.node.get("metadata")?.get("annotations")?.get(name).map(Node::text)
    }

    /// One label.
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        self.node.get("metadata")?.get("labels")?.get(name).map(Node::text)
    }

    /// Whether kustomize would find the same object, with all it remembers of it.
    pub(crate) fn is_same(&self, other: &Resource) -> bool {
        self.node == other.node
            && self.previous == other.previous
            && self.prefixes == other.prefixes
            && self.suffixes == other.suffixes
            && self.behavior == other.behavior
            && self.needs_hash == other.needs_hash
    }

    /// Writes `metadata.labels` or `metadata.annotations` anew as strings in order; an empty map drops the field.
    pub(crate) fn set_string_map(&mut self, field: &str, mut pairs: Vec<(String, String)>) {
        let Some(metadata) = self.node.get_or_create("metadata", Node::Map(Vec::new())) else {
            return;
        };
        metadata.remove(field);
        if pairs.is_empty() {
            return;
        }
        pairs.sort();
        let fields =
            pairs.into_iter().map(|(k, v)| (Scalar::bare(k), Node::Scalar(Scalar::string(v)))).collect();
        if let Node::Map(metadata) = metadata {
            metadata.push((Scalar::bare(field), Node::Map(fields)));
        }
    }

    /// Rewrites the annotations as strings, as kustomize does whenever it touches them.
    pub(crate) fn normalise_annotations(&mut self) {
        let pairs = self.string_map("annotations");
        self.set_string_map("annotations", pairs);
    }

    /// Sets one annotation.
    pub(crate) fn set_annotation(&mut self, name: &str, value: &str) {
        let mut pairs = self.string_map("annotations");
        pairs.retain(|(key, _)| key != name);
        pairs.push((name.to_owned(), value.to_owned()));
        self.set_string_map("annotations", pairs);
    }

    fn set_meta(&mut self, field: &str, value: &str) {
        if let Some(metadata) = self.node.get_or_create("metadata", Node::Map(Vec::new())) {
            metadata.set(field, Scalar::bare(value));
        }
    }

    pub(crate) fn set_name(&mut self, name: &str) {
        self.set_meta("name", name);
    }

    /// Sets the namespace; an empty one drops the field.
    pub(crate) fn set_namespace(&mut self, namespace: &str) {
        if !namespace.is_empty() {
            self.set_meta("namespace", namespace);
        } else if let Some(metadata) = self.node.get_mut("metadata") {
            metadata.remove("namespace");
        }
    }

    pub(crate) fn set_kind(&mut self, kind: &str) {
        self.node.set("kind", Scalar::bare(kind));
    }

    pub(crate) fn set_api_version(&mut self, api_version: &str) {
        self.node.set("apiVersion", Scalar::bare(api_version));
    }

    /// Text of the entries of `data` or `binaryData`.
    pub(crate) fn data(&self, field: &str) -> Vec<(String, String)> {
        match self.node.get(field) {
            Some(Node::Map(fields)) => {
                let text = |n: &Node| n.non_null_text().to_owned();
                fields.iter().map(|(k, v)| (non_null(k), text(v))).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn non_null(key: &Scalar) -> String {
    if key.tag == Tag::Null { String::new() } else { key.value.to_string() }
}

fn last_wins(fields: &[(Scalar, Node)]) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> = Vec::with_capacity(fields.len());
    let mut at = std::collections::HashMap::new();
    for (key, value) in fields {
        let value = value.text().to_owned();
        match at.get(&key.value).and_then(|index: &usize| pairs.get_mut(*index)) {
            Some(pair) => pair.1 = value,
            None => {
                at.insert(key.value.clone(), pairs.len());
                pairs.push((key.value.to_string(), value));
            }
        }
    }
    pairs
}
