//! Which objects a patch is for: patterns over identity, and label and annotation selectors.

use crate::pattern::Pattern;
use crate::resource::Resource;
use crate::{Error, meter};

/// The `target` of a patch as written.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Selector {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) label_selector: String,
    pub(crate) annotation_selector: String,
}

/// A pattern for a whole text; none when nothing is asked of it.
pub(crate) fn whole(text: &str) -> Result<Option<Pattern>, Error> {
    match text {
        "" => Ok(None),
        text => Pattern::whole(text).map(Some),
    }
}

impl Selector {
    /// The places of the selected resources, in order.
    pub(crate) fn select(&self, list: &[Resource]) -> Result<Vec<usize>, Error> {
        let (group, version, kind) = (whole(&self.group)?, whole(&self.version)?, whole(&self.kind)?);
        let (name, namespace) = (whole(&self.name)?, whole(&self.namespace)?);
        let labels = requirements(&self.label_selector);
        let annotations = requirements(&self.annotation_selector);
        let fits = |pattern: &Option<Pattern>, text: &str| pattern.as_ref().is_none_or(|p| p.is_match(text));
        let by_identity = |resource: &Resource| {
            let (current, original) = (resource.current(), resource.original());
            let either = |pattern: &Option<Pattern>, a: &str, b: &str| fits(pattern, a) || fits(pattern, b);
            either(&namespace, original.effective_namespace(), current.effective_namespace())
                && either(&name, original.name, current.name)
                && fits(&group, current.gvk.group)
                && fits(&version, current.gvk.version)
                && fits(&kind, current.gvk.kind)
        };
        // Selectors that cannot be read matter only where there is an object to select.
        let holds = |requirements: &Result<Vec<Requirement>, Error>, resource: &Resource, field| {
            let requirements = requirements.as_ref().map_err(Clone::clone)?;
            Ok::<bool, Error>(requirements.is_empty() || all_hold(requirements, &resource.string_map(field)))
        };
        meter::work(list.len() * 20)?;
        let mut selected = Vec::new();
        for (index, resource) in list.iter().enumerate().filter(|(_, resource)| by_identity(resource)) {
            if holds(&labels, resource, "labels")? && holds(&annotations, resource, "annotations")? {
                selected.push(index);
            }
        }
        Ok(selected)
    }
}

#[derive(Debug, PartialEq)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
    Greater(i64),
    Less(i64),
}

/// What a label or annotation selector asks for.
pub(crate) struct Requirements(Vec<Requirement>);

impl Requirements {
    pub(crate) fn new(selector: &str) -> Result<Self, Error> {
        requirements(selector).map(Requirements)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether pairs of names and values are as asked.
    pub(crate) fn hold(&self, pairs: &[(String, String)]) -> bool {
        all_hold(&self.0, pairs)
    }
}

#[derive(Debug, PartialEq)]
struct Requirement {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

impl Requirement {
    fn holds(&self, pairs: &[(String, String)]) -> bool {
        let value = pairs.iter().find(|(key, _)| *key == self.key).map(|(_, value)| value);
        match self.operator {
            Operator::In => value.is_some_and(|v| self.values.contains(v)),
            Operator::NotIn => value.is_none_or(|v| !self.values.contains(v)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::Greater(than) => value.and_then(|v| v.parse().ok()).is_some_and(|v: i64| v > than),
            Operator::Less(than) => value.and_then(|v| v.parse().ok()).is_some_and(|v: i64| v < than),
        }
    }
}

fn all_hold(requirements: &[Requirement], pairs: &[(String, String)]) -> bool {
    requirements.iter().all(|r| r.holds(pairs))
}

/// Kubernetes' selector grammar: `a=b, c!=d, e in (f,g), h notin (i), j, !k, l>1`.
fn requirements(selector: &str) -> Result<Vec<Requirement>, Error> {
    let bad = || Error::invalid(format!("`{selector}` is not a selector"));
    let tokens = tokens(selector);
    let mut tokens = tokens.iter().map(String::as_str).peekable();
    let mut result = Vec::new();
    if tokens.peek().is_none() {
        return Ok(result);
    }
    loop {
        let absent = tokens.next_if_eq(&"!").is_some();
        let key = tokens.next().filter(|t| is_word(t)).ok_or_else(bad)?.to_owned();
        if !valid_key(&key) {
            return Err(bad());
        }
        let (operator, values) = match tokens.peek().copied() {
            None | Some(",") if absent => (Operator::DoesNotExist, Vec::new()),
            None | Some(",") => (Operator::Exists, Vec::new()),
            _ if absent => return Err(bad()),
            Some(operator) => {
                tokens.next();
                match operator {
                    "in" | "notin" => {
                        let mut values = Vec::new();
                        if tokens.next() != Some("(") {
                            return Err(bad());
                        }
                        loop {
                            match tokens.next().ok_or_else(bad)? {
                                ")" => break,
                                "," => {}
                                value if is_word(value) => values.push(value.to_owned()),
                                _ => return Err(bad()),
                            }
                        }
                        if values.is_empty() {
                            values.push(String::new());
                        }
                        (if operator == "in" { Operator::In } else { Operator::NotIn }, values)
                    }
                    "=" | "==" | "!=" => {
                        let value = tokens.next_if(|t| is_word(t)).unwrap_or_default().to_owned();
                        (if operator == "!=" { Operator::NotIn } else { Operator::In }, vec![value])
                    }
                    ">" | "<" => {
                        let number = tokens.next().and_then(|t| t.parse().ok()).ok_or_else(bad)?;
                        let greater = operator == ">";
                        (if greater { Operator::Greater(number) } else { Operator::Less(number) }, Vec::new())
                    }
                    _ => return Err(bad()),
                }
            }
        };
        if !values.iter().all(|v| valid_value(v)) {
            return Err(bad());
        }
        result.push(Requirement { key, operator, values });
        match tokens.next() {
            None => return Ok(result),
            Some(",") => {}
            Some(_) => return Err(bad()),
        }
    }
}

fn valid_value(value: &str) -> bool {
    let edge = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    value.len() <= 63
        && edge(value.chars().next())
        && edge(value.chars().last())
        && value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn valid_key(key: &str) -> bool {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let dns = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    !name.is_empty() && valid_value(name) && prefix.is_none_or(|p| p.len() <= 253 && p.split('.').all(dns))
}

fn is_word(token: &str) -> bool {
    !token.starts_with(['!', '=', '<', '>', ',', '(', ')']) && !token.is_empty()
}

fn tokens(selector: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut chars = selector.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => {}
            '!' | '=' | '<' | '>' | ',' | '(' | ')' => {
                let mut token = c.to_string();
                if matches!(c, '!' | '=') && chars.next_if_eq(&'=').is_some() {
                    token.push('=');
                }
                tokens.push(token);
            }
            _ => {
                let mut token = c.to_string();
                while let Some(c) = chars.next_if(|c| !" \t\r\n!=<>,()".contains(*c)) {
                    token.push(c);
                }
                tokens.push(token);
            }
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn selectors_follow_the_grammar_of_kubernetes() {
        let pairs = [("app".to_owned(), "web".to_owned()), ("n".to_owned(), "5".to_owned())];
        let check = |selector: &str, expected: bool| {
            assert_eq!(all_hold(&requirements(selector).unwrap(), &pairs), expected, "{selector}");
        };
        check("app=web", true);
        check("app==web,n", true);
        check("app!=web", false);
        check("x!=web", true);
        check("app in (a, web)", true);
        check("app notin (web)", false);
        check("!app", false);
        check("!x, n>4, n<6", true);
        check("x", false);
        check("", true);
        for bad in ["app in", "=a", "a=b c", "a in (b", "!a=b", "a=b,", "-x"] {
            assert!(requirements(bad).is_err(), "{bad}");
        }
    }
}
