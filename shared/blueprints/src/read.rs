//! YAML files as blueprints.

use domain::{ButtonStyle, FluxKind};
use serde::Deserialize;
use templates::Template;

use crate::{Action, Blueprint, Column};

/// Columns at most, besides namespace and name: Slack's tables have twenty.
const COLUMNS: usize = 12;
/// Actions at most: a row of Slack's has twenty-five.
const ACTIONS: usize = 20;

/// Something in a blueprint that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its field, such as `columns[0].value`; empty for the whole.
    pub at: String,
    /// What is wrong with it, as the end of a sentence that begins with the field.
    pub what: String,
}

macro_rules! kinds {
    ($($name:literal),+ $(,)?) => {
        [$(include_str!(concat!("../kinds/", $name, ".yaml"))),+]
    };
}

/// The files that are built in.
pub(crate) fn built_in() -> [&'static str; 15] {
    kinds![
        "alert",
        "artifact-generator",
        "bucket",
        "external-artifact",
        "git-repository",
        "helm-chart",
        "helm-release",
        "helm-repository",
        "image-policy",
        "image-repository",
        "image-update-automation",
        "kustomization",
        "oci-repository",
        "provider",
        "receiver",
    ]
}

/// A blueprint as it is written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// A kind of Flux's, such as `Kustomization`.
    pub kind: String,
    /// What stands behind namespace and name.
    pub columns: Vec<WrittenColumn>,
    /// What can be done with one of them.
    #[serde(default)]
    pub actions: Vec<WrittenAction>,
}

/// A column.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenColumn {
    /// What stands above it.
    pub name: String,
    /// Its value, a template.
    pub value: String,
}

/// An action.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenAction {
    /// What stands on the button.
    pub text: String,
    /// What could be typed behind `/flux`, with templates in it.
    pub command: String,
    /// `plain`, `primary` or `danger`.
    pub style: Option<String>,
    /// A template; only where it gives `true` is the action there.
    pub when: Option<String>,
    /// What is asked before, a template.
    pub confirm: Option<String>,
}

/// Reads one file.
pub(crate) fn file(text: &str) -> Result<(FluxKind, Blueprint), Vec<Problem>> {
    let written = serde_saphyr::from_str::<Written>(text);
    let written = written.map_err(|error| vec![Problem { at: String::new(), what: error.to_string() }])?;
    blueprint(&written)
}

/// Reads what is written, with every problem.
pub(crate) fn blueprint(written: &Written) -> Result<(FluxKind, Blueprint), Vec<Problem>> {
    let mut problems = Vec::new();
    let kind = FluxKind::named(&written.kind);
    if kind.is_none() {
        let known: Vec<&str> = FluxKind::ALL.into_iter().map(FluxKind::kind).collect();
        let what = format!("is `{}`, which is none of Flux's kinds: {}", written.kind, known.join(", "));
        problems.push(Problem { at: "kind".to_owned(), what });
    }
    for (at, is, most) in
        [("columns", written.columns.len(), COLUMNS), ("actions", written.actions.len(), ACTIONS)]
    {
        if is > most {
            problems.push(Problem { at: at.to_owned(), what: format!("lists {is}, where {most} fit") });
        }
    }
    let mut template = |at: String, text: &str| match Template::over_objects(text) {
        Ok(template) => Some(template),
        Err(error) => {
            problems.push(Problem { at, what: format!("cannot be filled in: {error}") });
            None
        }
    };
    let mut columns = Vec::new();
    for (i, column) in written.columns.iter().enumerate() {
        let value = template(format!("columns[{i}].value"), &column.value);
        columns.extend(value.map(|value| Column { name: column.name.clone(), value }));
    }
    let mut actions = Vec::new();
    for (i, action) in written.actions.iter().enumerate() {
        let at = |field: &str| format!("actions[{i}].{field}");
        let command: Vec<Option<Template>> =
            words(&action.command).map(|word| template(at("command"), word)).collect();
        let when = action.when.as_deref().and_then(|text| template(at("when"), text));
        let confirm = action.confirm.as_deref().and_then(|text| template(at("confirm"), text));
        let (text, command) = (action.text.clone(), command.into_iter().flatten().collect());
        actions.push(Action { text, style: ButtonStyle::Plain, command, when, confirm });
    }
    for (i, (written, action)) in written.actions.iter().zip(&mut actions).enumerate() {
        let mut problem = |field: &str, what: &str| {
            problems.push(Problem { at: format!("actions[{i}].{field}"), what: what.to_owned() });
        };
        if written.text.trim().is_empty() {
            problem("text", "is missing: what stands on the button");
        }
        if written.command.trim().is_empty() {
            problem("command", "is missing: what could be typed behind /flux");
        }
        match written.style.as_deref() {
            None | Some("plain") => {}
            Some("primary") => action.style = ButtonStyle::Primary,
            Some("danger") => action.style = ButtonStyle::Danger,
            Some(_) => problem("style", "must be `plain`, `primary` or `danger`"),
        }
    }
    match kind {
        Some(kind) if problems.is_empty() => Ok((kind, Blueprint { columns, actions })),
        _ => Err(problems),
    }
}

/// The words of a command; a place to fill in is one, whatever blanks it has: `get ks {{ namespace }}/{{ name }}`.
fn words(command: &str) -> impl Iterator<Item = &str> {
    let (mut words, mut start, mut depth) = (Vec::new(), None, 0_usize);
    let bytes = command.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match (byte, bytes.get(at + 1)) {
            (b'{', Some(b'{' | b'%')) => depth += 1,
            (b'}' | b'%', Some(b'}')) if depth > 0 => depth -= 1,
            _ => {}
        }
        let blank = byte.is_ascii_whitespace() && depth == 0;
        match (blank, start) {
            (true, Some(from)) => {
                words.push(&command[from..at]);
                start = None;
            }
            (false, None) => start = Some(at),
            _ => {}
        }
    }
    words.extend(start.map(|from| &command[from..]));
    words.into_iter()
}
