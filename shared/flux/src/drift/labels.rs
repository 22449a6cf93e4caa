//! Kubernetes' label selectors: `a=b, c!=d, e in (x, y), f notin (z), g, !h, i>1, j<2`. All requirements must hold.

use serde_json::Value;

/// A selector that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LabelSelector(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
    Above(i64),
    Below(i64),
}

impl LabelSelector {
    /// Reads a selector; the error is a sentence about the part that is none.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        parts(text).into_iter().map(|part| requirement(part.trim())).collect::<Result<_, _>>().map(Self)
    }

    /// Whether all requirements hold for a map of labels; what is no text counts as absent.
    pub(super) fn matches(&self, labels: &Value) -> bool {
        self.0.iter().all(|requirement| requirement.test.holds(labels[requirement.key.as_str()].as_str()))
    }
}

impl Test {
    fn holds(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        let among = |values: &[String]| value.is_some_and(|value| values.iter().any(|v| v == value));
        match self {
            Self::Exists => value.is_some(),
            Self::Absent => value.is_none(),
            Self::In(values) => among(values),
            Self::NotIn(values) => !among(values),
            Self::Above(bound) => number().is_some_and(|n| n > *bound),
            Self::Below(bound) => number().is_some_and(|n| n < *bound),
        }
    }
}

/// Splits at commas outside brackets.
fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut inside) = (Vec::new(), 0, false);
    for (i, c) in text.char_indices() {
        match c {
            '(' => inside = true,
            ')' => inside = false,
            ',' if !inside => {
                parts.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn requirement(text: &str) -> Result<Requirement, String> {
    let bad = || format!("`{text}` is no requirement");
    let end = text.find(|c: char| c.is_whitespace() || "=!<>(".contains(c)).unwrap_or(text.len());
    let (key, rest) = text.split_at(end);
    let (key, test) = match (key, rest.trim()) {
        ("", rest) => (rest.strip_prefix('!').ok_or_else(bad)?.trim(), Test::Absent),
        (key, "") => (key, Test::Exists),
        (key, rest) => (key, test(rest).ok_or_else(bad)?),
    };
    let valid = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
    if valid { Ok(Requirement { key: key.to_owned(), test }) } else { Err(bad()) }
}

fn test(text: &str) -> Option<Test> {
    let list = |text: &str| {
        let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
        inner.split(',').map(|value| one(value.trim())).collect::<Option<Vec<_>>>()
    };
    if let Some(values) = text.strip_prefix("notin") {
        return list(values).map(Test::NotIn);
    }
    if let Some(values) = text.strip_prefix("in") {
        return list(values).map(Test::In);
    }
    if let Some(value) = text.strip_prefix("!=") {
        return one(value.trim()).map(|value| Test::NotIn(vec![value]));
    }
    if let Some(value) = text.strip_prefix("==").or_else(|| text.strip_prefix('=')) {
        return one(value.trim()).map(|value| Test::In(vec![value]));
    }
    if let Some(value) = text.strip_prefix('>') {
        return value.trim().parse().ok().map(Test::Above);
    }
    text.strip_prefix('<').and_then(|value| value.trim().parse().ok()).map(Test::Below)
}

/// A value of a label; the empty one is allowed.
fn one(text: &str) -> Option<String> {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(selector: &str, expected: bool) {
        let labels = json!({"app": "web", "n": "5", "empty": ""});
        assert_eq!(LabelSelector::parse(selector).map(|s| s.matches(&labels)), Ok(expected), "{selector}");
    }

    #[test]
    fn requirements_hold_or_not() {
        for selector in [
            "app",
            "app=web",
            "app == web",
            "app!=api",
            "none!=x",
            "!none",
            "app in (api, web)",
            "none notin (a)",
            "app=web,n>4,n<6",
            "empty=",
            "app notin (api,db), !none",
        ] {
            check(selector, true);
        }
        for selector in [
            "none",
            "app=api",
            "!app",
            "app!=web",
            "app in (api)",
            "none in (a)",
            "n>5",
            "app>1",
            "app=web,none",
        ] {
            check(selector, false);
        }
    }

    #[test]
    fn what_is_no_selector_is_an_error() {
        for selector in ["", "=", "a in x", "a b", "a>x", "!", "a=b c", "a,,b"] {
            assert!(LabelSelector::parse(selector).is_err(), "{selector}");
        }
    }
}
