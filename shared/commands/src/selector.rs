//! Label selectors as kubectl and the Flux CLI take them (`-l`), and the CLI's `--status-selector`.

use domain::FluxKind;
use serde_json::Value;

/// Requirements on labels; all have to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    /// What the value has to be among; `None` asks for the label alone.
    among: Option<Vec<String>>,
    /// Whether the opposite is asked for.
    not: bool,
}

impl Selector {
    /// Reads `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a` and `!a`, with commas in between.
    ///
    /// # Errors
    /// Which part is no requirement, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        parts(text)?.into_iter().map(requirement).collect::<Result<_, _>>().map(Self)
    }

    /// Whether an object's labels meet them all. As in Kubernetes, `a!=b` and `a notin (b)` also hold where there is no label `a`.
    pub fn selects(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        self.0.iter().all(|Requirement { key, among, not }| {
            let value = labels[key].as_str();
            let holds = match among {
                None => value.is_some(),
                Some(among) => value.is_some_and(|value| among.iter().any(|one| one == value)),
            };
            holds != *not
        })
    }
}

/// The parts between the commas that are in no parentheses.
fn parts(text: &str) -> Result<Vec<&str>, String> {
    let (mut parts, mut start, mut inside) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        match c {
            '(' if !inside => inside = true,
            ')' if inside => inside = false,
            '(' | ')' => return Err(format!("the parentheses of `{text}` do not match")),
            ',' if !inside => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if inside {
        return Err(format!("the parentheses of `{text}` do not match"));
    }
    parts.push(&text[start..]);
    Ok(parts)
}

fn requirement(part: &str) -> Result<Requirement, String> {
    let wrong = || {
        format!(
            "`{}` is no label selector; `app=web`, `app!=web`, `app in (web,api)`, `app` and `!app` are",
            part.trim()
        )
    };
    let made = |key: &str, among, not| {
        let key = key.trim();
        let fits = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
        if fits { Ok(Requirement { key: key.to_owned(), among, not }) } else { Err(wrong()) }
    };
    if let Some((key, value)) = part.split_once("!=") {
        return made(key, Some(vec![value_of(value).ok_or_else(wrong)?]), true);
    }
    if let Some((key, value)) = part.split_once('=') {
        let value = value.strip_prefix('=').unwrap_or(value);
        return made(key, Some(vec![value_of(value).ok_or_else(wrong)?]), false);
    }
    if let Some((head, list)) = part.split_once('(') {
        let list = list.trim_end().strip_suffix(')').ok_or_else(wrong)?;
        let among = list.split(',').map(value_of).collect::<Option<Vec<String>>>().ok_or_else(wrong)?;
        return match head.split_whitespace().collect::<Vec<_>>().as_slice() {
            [key, "in"] => made(key, Some(among), false),
            [key, "notin"] => made(key, Some(among), true),
            _ => Err(wrong()),
        };
    }
    match part.trim().strip_prefix('!') {
        Some(key) => made(key, None, true),
        None => made(part, None, false),
    }
}

/// A label's value; empty is one.
fn value_of(text: &str) -> Option<String> {
    let text = text.trim();
    text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)).then(|| text.to_owned())
}

/// A condition that is asked for: `ready=false`, or `ready!=true`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    kind: String,
    status: String,
    not: bool,
}

impl Status {
    /// Reads `TYPE=STATUS` or `TYPE!=STATUS`.
    ///
    /// # Errors
    /// What it should look like, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (parts, not) = match text.split_once("!=") {
            Some(parts) => (Some(parts), true),
            None => (text.split_once('='), false),
        };
        let parts = parts.filter(|(kind, status)| !kind.is_empty() && !status.is_empty());
        let (kind, status) =
            parts.ok_or_else(|| "a condition and its status are needed, such as `ready=false`".to_owned())?;
        Ok(Self { kind: kind.to_owned(), status: status.to_owned(), not })
    }

    /// Whether an object has that condition (or, with `!=`, not), whatever the case. As in the Flux CLI, what has no controller is ready.
    pub fn selects(&self, object: &Value) -> bool {
        let is_static = FluxKind::of(object).is_some_and(FluxKind::is_static);
        let conditions = object["status"]["conditions"].as_array();
        let of_kind = |c: &&Value| c["type"].as_str().is_some_and(|t| t.eq_ignore_ascii_case(&self.kind));
        let found = match is_static {
            true => self.kind.eq_ignore_ascii_case("Ready").then_some("True"),
            false => conditions.into_iter().flatten().rfind(of_kind).and_then(|c| c["status"].as_str()),
        };
        found.is_some_and(|status| status.eq_ignore_ascii_case(&self.status)) != self.not
    }
}

#[cfg(test)]
mod tests {
    use super::{Selector, Status};
    use serde_json::json;

    #[test]
    fn labels_are_selected_as_kubernetes_does() {
        let object = json!({"metadata": {"labels": {"app": "web", "team.example/x": "a", "empty": ""}}});
        for (text, expected) in [
            ("app=web", true),
            ("app==web,team.example/x=a", true),
            ("app=api", false),
            ("app!=api", true),
            ("none!=x", true),
            ("app in (api, web)", true),
            ("app notin (api,web)", false),
            ("none notin (a)", true),
            ("none in (a)", false),
            ("app", true),
            ("!app", false),
            ("!none, app in (web)", true),
            ("empty=", true),
            ("none=", false),
        ] {
            assert_eq!(Selector::parse(text).map(|s| s.selects(&object)), Ok(expected), "{text}");
        }
        assert!(!Selector::parse("app").is_ok_and(|s| s.selects(&json!({}))));
    }

    #[test]
    fn what_is_no_selector_is_said() {
        for text in ["", "a b", "a in b", "a in (b", "a)", "=b", "a=b c", "a in ((b))", "in (a)", "a,", "a>1"]
        {
            assert!(Selector::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_status_is_compared_in_any_case() {
        let object = json!({"status": {"conditions": [{"type": "Ready", "status": "False"}, {"type": "Stalled", "status": "True"}]}});
        let has = |text: &str| Status::parse(text).map(|status| status.selects(&object));
        for (text, expected) in [
            ("ready=false", true),
            ("Ready=True", false),
            ("ready!=true", true),
            ("ready!=False", false),
            ("stalled=true", true),
            ("healthy=true", false),
            ("healthy!=true", true),
        ] {
            assert_eq!(has(text), Ok(expected), "{text}");
        }
        for text in ["ready", "=true", "ready=", "ready!="] {
            assert!(Status::parse(text).is_err(), "{text}");
        }
        let alert = json!({"apiVersion": "notification.toolkit.fluxcd.io/v1beta3", "kind": "Alert"});
        let has = |text: &str| Status::parse(text).is_ok_and(|status| status.selects(&alert));
        assert_eq!([has("ready=true"), has("ready=false"), has("stalled!=true")], [true, false, true]);
    }
}
