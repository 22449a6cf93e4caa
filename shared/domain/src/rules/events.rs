//! What is watched of repositories besides their pull requests: stars, issues, releases, pushes, whatever GitHub lists as events.

use regex::Regex;
use serde_json::Value;
use serde_json_path::JsonPath;

use super::{Button, Repositories, RuleError};

/// Which events of which repositories are told, where, and in which words.
#[derive(Debug, Clone)]
pub struct EventRule {
    /// The repositories.
    pub repositories: Repositories,
    /// The Slack channel id that they are told in.
    pub channel: String,
    /// An event that one of these fits is told.
    pub on: Vec<EventMatch>,
    /// The words; a template over `event` (as GitHub's API gives it) and `repository`. Slack's own markup in it is taken as such, and
    /// nothing that is filled in.
    pub text: String,
    /// Buttons under it.
    pub buttons: Vec<Button>,
}

/// Which events fit.
#[derive(Debug, Clone)]
pub struct EventMatch {
    /// GitHub's name of the event's type, such as `ReleaseEvent`.
    pub kind: String,
    /// What else it must hold; without it the type is enough.
    pub holds: Option<Holds>,
}

/// A place in an event, and what stands there.
#[derive(Debug, Clone)]
pub struct Holds {
    path: JsonPath,
    value: Option<Regex>,
}

impl Holds {
    /// Reads a JSONPath (RFC 9535; `$` in front of it may be left out) and a regular expression over what stands there. Without one,
    /// anything may stand there.
    pub fn new(path: &str, value: Option<&str>) -> Result<Self, RuleError> {
        let error = |pattern: &str, reason: String| RuleError { pattern: pattern.to_owned(), reason };
        let whole = if path.starts_with('$') { path.to_owned() } else { format!("${path}") };
        let read = JsonPath::parse(&whole).map_err(|e| error(path, e.to_string()))?;
        let value = value.map(|value| {
            Regex::new(value).map_err(|_| error(value, "it is no regular expression".to_owned()))
        });
        Ok(Self { path: read, value: value.transpose()? })
    }

    fn fits(&self, event: &Value) -> bool {
        self.path.query(event).iter().any(|found| {
            let text = match found {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            self.value.as_ref().is_none_or(|value| value.is_match(&text))
        })
    }
}

impl EventRule {
    /// A short id of what the rule says, by which what it told is known again, wherever it stands among the others.
    pub fn id(&self) -> String {
        super::id_of(&format!("{self:?}"))
    }

    /// Whether an event, as GitHub's API gives it, is told.
    pub fn wants(&self, event: &Value) -> bool {
        let kind = event["type"].as_str().unwrap_or_default();
        let fits =
            |on: &EventMatch| on.kind == kind && on.holds.as_ref().is_none_or(|holds| holds.fits(event));
        self.on.iter().any(fits)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wants(kind: &str, holds: Option<(&str, Option<&str>)>) -> bool {
        let holds = holds.map(|(path, value)| Holds::new(path, value).expect("the cases are well formed"));
        let rule = EventRule {
            repositories: Repositories::Named("acme/fleet".parse().expect("a name")),
            channel: "C1".to_owned(),
            on: vec![EventMatch { kind: kind.to_owned(), holds }],
            text: String::new(),
            buttons: Vec::new(),
        };
        let payload = json!({"action": "published", "release": {"tag_name": "v1.2", "draft": false, "assets": [{"size": 7}]}});
        rule.wants(&json!({"type": "ReleaseEvent", "payload": payload}))
    }

    #[test]
    fn events_are_matched_by_type_place_and_value() {
        for (kind, holds, wanted) in [
            ("ReleaseEvent", None, true),
            ("WatchEvent", None, false),
            ("ReleaseEvent", Some(("$.payload.action", Some("^published$"))), true),
            ("ReleaseEvent", Some((".payload.action", Some("^publish$"))), false),
            ("ReleaseEvent", Some(("$.payload.release.tag_name", Some(r"^v\d+\."))), true),
            ("ReleaseEvent", Some(("$.payload.release.draft", Some("false"))), true),
            ("ReleaseEvent", Some(("$.payload.release.assets[?@.size > 5]", None)), true),
            ("ReleaseEvent", Some(("$.payload.release.assets[?@.size > 9]", None)), false),
            ("ReleaseEvent", Some(("$.payload.nothing", None)), false),
        ] {
            assert_eq!(wants(kind, holds), wanted, "{kind} {holds:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_so() {
        assert!(Holds::new("$.payload[", None).is_err_and(|e| e.pattern == "$.payload["));
        assert!(Holds::new("$.a", Some("(")).is_err_and(|e| e.reason.contains("regular expression")));
    }
}
