//! Blueprints: what a table of Flux's objects shows, and what can be done with one of them. Each kind has one, a YAML file in
//! `kinds/`, built in; the configuration may put others in their place.
//!
//! A value is a template over the object: `metadata`, `spec` and `status` as the cluster holds them, and `namespace`, `name`,
//! `suspended` (`True` or `False`), `ready` and `message` of its Ready condition, as the Flux CLI shows them.

mod read;

use std::collections::BTreeMap;

use domain::{ButtonStyle, FluxKind};
use serde_json::{Map, Value, json};
use templates::Template;

pub use read::{Problem, Written, WrittenAction, WrittenColumn};

/// Bytes of a cell; whoever shows it cuts earlier.
const CELL: usize = 4_096;
/// Bytes of a command.
const COMMAND: usize = 1_500;

/// One for each kind.
#[derive(Debug)]
pub struct Blueprints(BTreeMap<FluxKind, Blueprint>);

/// How objects of a kind are shown.
#[derive(Debug)]
struct Blueprint {
    columns: Vec<Column>,
    actions: Vec<Action>,
}

#[derive(Debug)]
struct Column {
    name: String,
    value: Template,
}

#[derive(Debug)]
struct Action {
    text: String,
    style: ButtonStyle,
    command: Vec<Template>,
    when: Option<Template>,
    confirm: Option<Template>,
}

/// A row of words below its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    /// What stands above.
    pub columns: Vec<String>,
    /// One row for each object, in the order of namespace and name.
    pub rows: Vec<Row>,
}

/// One object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its kind.
    pub kind: FluxKind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Whether it is ready.
    pub ready: bool,
    /// As many as there are columns.
    pub cells: Vec<String>,
}

/// A button that runs a command on one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doing {
    /// What stands on it.
    pub text: String,
    /// How it looks.
    pub style: ButtonStyle,
    /// What could be typed behind `/flux`.
    pub command: String,
    /// What is asked before it is run; nothing where it changes nothing.
    pub confirm: Option<String>,
}

/// Those that are built in.
impl Default for Blueprints {
    fn default() -> Self {
        let files = read::built_in().into_iter().map(|text| read::file(text).ok());
        Self(files.map(|read| read.expect("a test reads every file that is built in")).collect())
    }
}

impl Blueprints {
    /// Those that are built in, with others in place of some.
    ///
    /// # Errors
    /// Every problem, with the place of the blueprint that has it.
    pub fn with(others: &[Written]) -> Result<Self, Vec<(usize, Problem)>> {
        let Self(mut all) = Self::default();
        let mut problems = Vec::new();
        for (place, written) in others.iter().enumerate() {
            match read::blueprint(written) {
                Ok((kind, blueprint)) => drop(all.insert(kind, blueprint)),
                Err(found) => problems.extend(found.into_iter().map(|problem| (place, problem))),
            }
        }
        if problems.is_empty() { Ok(Self(all)) } else { Err(problems) }
    }

    /// Objects of one kind as a table. With `kinds` each name carries its kind in front, as where several kinds are listed.
    pub fn grid(&self, kind: FluxKind, objects: &[Value], kinds: bool) -> Grid {
        let columns = self.0.get(&kind).map_or(&[][..], |blueprint| blueprint.columns.as_slice());
        let names = ["NAMESPACE", "NAME"].into_iter().map(str::to_owned);
        let mut rows: Vec<Row> = objects.iter().map(|object| row(kind, columns, object, kinds)).collect();
        rows.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        Grid { columns: names.chain(columns.iter().map(|column| column.name.clone())).collect(), rows }
    }

    /// What can be done with an object, in order; what cannot be filled in is left out.
    pub fn doings(&self, kind: FluxKind, object: &Value) -> Vec<Doing> {
        let view = view(kind, object);
        let actions = self.0.get(&kind).map_or(&[][..], |blueprint| blueprint.actions.as_slice());
        actions.iter().filter_map(|action| doing(action, &view)).collect()
    }
}

fn row(kind: FluxKind, columns: &[Column], object: &Value, kinds: bool) -> Row {
    let view = view(kind, object);
    let text = |field: &str| view[field].as_str().unwrap_or_default().to_owned();
    let (namespace, name) = (text("namespace"), text("name"));
    let shown = if kinds { format!("{}/{name}", kind.kind().to_lowercase()) } else { name.clone() };
    let cells =
        columns.iter().map(|column| column.value.render(&view, CELL).unwrap_or_else(|_| "?".to_owned()));
    let ready = kind.is_static() || text("ready") == "True";
    Row { kind, ready, cells: [namespace.clone(), shown].into_iter().chain(cells).collect(), namespace, name }
}

fn doing(action: &Action, view: &Value) -> Option<Doing> {
    let fill = |template: &Template| template.render(view, COMMAND).ok();
    if let Some(when) = &action.when
        && !matches!(fill(when)?.trim(), "true" | "True")
    {
        return None;
    }
    let words: Option<Vec<String>> = action.command.iter().map(fill).collect();
    let words = words?;
    // One word stays one: names in a cluster have no blanks, and nothing else is filled in.
    let whole = words
        .iter()
        .all(|word| !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || c.is_control()));
    let confirm = match &action.confirm {
        Some(confirm) => Some(fill(confirm)?),
        None => None,
    };
    whole.then(|| Doing { text: action.text.clone(), style: action.style, command: words.join(" "), confirm })
}

/// What templates see of an object. What is large and shown nowhere is left out.
fn view(kind: FluxKind, object: &Value) -> Value {
    const LARGE: [&str; 1] = ["inventory"];
    let part = |name: &str| object[name].as_object().cloned().unwrap_or_default();
    let (mut metadata, spec, mut status) = (part("metadata"), part("spec"), part("status"));
    metadata.remove("managedFields");
    status.retain(|field, _| !LARGE.contains(&field.as_str()));
    let conditions = object["status"]["conditions"].as_array();
    let ready = conditions.into_iter().flatten().find(|condition| condition["type"] == "Ready");
    let of = |field: &str, without: &str| match ready {
        Some(condition) => condition[field].as_str().unwrap_or_default().to_owned(),
        None => without.to_owned(),
    };
    json!({
        "kind": kind.kind(),
        "namespace": name_of(&metadata, "namespace"),
        "name": name_of(&metadata, "name"),
        "suspended": if spec.get("suspend") == Some(&Value::Bool(true)) { "True" } else { "False" },
        "ready": of("status", "False"),
        "message": of("message", "waiting to be reconciled"),
        "metadata": metadata, "spec": spec, "status": status,
    })
}

fn name_of(metadata: &Map<String, Value>, field: &str) -> String {
    metadata.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
