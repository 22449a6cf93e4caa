//! Both sides of an object walked together, so that a value that is marked on both sides still shows whether it differs.

use serde_json::{Map, Value};

use super::{FIELDS, GitText, IN_SLACK, LIVE, OTHER_IN_SLACK, OTHER_LIVE, Sides, fields};

/// Below this depth nothing is told apart: it is shown if all of it is in Git, else marked.
const DEEPEST: usize = 64;

/// Whose eyes the result is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// Everyone's: names and values of Git.
    Git,
    /// The team's, without live values.
    GitForTheTeam,
    /// The team's: every name, and live values of fields that hold no secrets; of kinds that nobody knows only numbers and switches.
    NoSecrets {
        /// Whether the kind's fields are known.
        known: bool,
    },
}

pub(super) struct Walk<'a> {
    pub(super) git: &'a GitText,
    pub(super) rule: Rule,
}

/// Where in an object the walk is.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// The field, of a list's items that of the list.
    field: &'a str,
    /// Whether it is below a field that may hold anything.
    open: bool,
    depth: usize,
}

impl<'a> Place<'a> {
    fn below(self, field: &'a str) -> Self {
        // The name of a variable is none of its value.
        let open = self.open && !(self.field == "env" && field == "name");
        Self { field, open: open || fields::is_open(field), depth: self.depth + 1 }
    }
}

impl Walk<'_> {
    pub(super) fn sides(&self, (before, after): &Sides) -> Sides {
        let top = Place { field: "", open: false, depth: 0 };
        self.pair(top, before.as_ref(), after.as_ref())
    }

    fn pair(&self, place: Place<'_>, before: Option<&Value>, after: Option<&Value>) -> Sides {
        match (before, after) {
            (Some(Value::Object(old)), Some(Value::Object(new))) if place.depth < DEEPEST => {
                self.objects(place, old, new)
            }
            (Some(Value::Array(old)), Some(Value::Array(new))) if place.depth < DEEPEST => {
                self.arrays(place, old, new)
            }
            (before, after) => {
                let same = before == after;
                let before = before.map(|value| self.one(place, value));
                let mut after = after.map(|value| self.one(place, value));
                let marked = after.as_ref().and_then(Value::as_str) == Some(self.mark());
                if marked && !same && before == after {
                    after = Some(Value::from(self.other_mark()));
                }
                (before, after)
            }
        }
    }

    fn objects(&self, place: Place<'_>, old: &Map<String, Value>, new: &Map<String, Value>) -> Sides {
        let (mut before, mut after) = (Map::new(), Map::new());
        let (mut differs_before, mut differs_after) = (false, false);
        for key in old.keys().chain(new.keys().filter(|key| !old.contains_key(*key))) {
            let (b, a) = (old.get(key), new.get(key));
            if !self.names(key) {
                differs_before |= b.is_some() && b != a;
                differs_after |= a.is_some() && b != a;
                continue;
            }
            let (b, a) = self.pair(place.below(key), b, a);
            before.extend(b.map(|value| (key.clone(), value)));
            after.extend(a.map(|value| (key.clone(), value)));
        }
        if differs_before {
            before.insert(FIELDS.to_owned(), Value::from(self.mark()));
        }
        if differs_after {
            let mark = if differs_before { self.other_mark() } else { self.mark() };
            after.insert(FIELDS.to_owned(), Value::from(mark));
        }
        (Some(Value::Object(before)), Some(Value::Object(after)))
    }

    fn arrays(&self, place: Place<'_>, old: &[Value], new: &[Value]) -> Sides {
        let place = Place { depth: place.depth + 1, ..place };
        let name = |value: &Value| value.get("name").and_then(Value::as_str).map(str::to_owned);
        // The item of the other list that belongs to one: by name, else by position.
        let partner = |item: &Value, at: usize, others: &[Value]| match name(item) {
            Some(own) => others.iter().find(|other| name(other).as_ref() == Some(&own)).cloned(),
            None => others.get(at).filter(|other| name(other).is_none()).cloned(),
        };
        let side = |items: &[Value], others: &[Value], is_old: bool| {
            let shown = items.iter().enumerate().filter_map(|(at, item)| {
                let other = partner(item, at, others);
                if is_old {
                    self.pair(place, Some(item), other.as_ref()).0
                } else {
                    self.pair(place, other.as_ref(), Some(item)).1
                }
            });
            Some(Value::Array(shown.collect()))
        };
        (side(old, new, true), side(new, old, false))
    }

    fn one(&self, place: Place<'_>, value: &Value) -> Value {
        match value {
            Value::Object(fields) if place.depth < DEEPEST => {
                let named = fields.iter().filter(|(key, _)| self.names(key));
                let shown: Map<String, Value> =
                    named.map(|(key, value)| (key.clone(), self.one(place.below(key), value))).collect();
                if shown.is_empty() && !fields.is_empty() {
                    return Value::from(self.mark());
                }
                Value::Object(shown)
            }
            Value::Array(items) if place.depth < DEEPEST => {
                let place = Place { depth: place.depth + 1, ..place };
                items.iter().map(|item| self.one(place, item)).collect()
            }
            scalar if self.shows(place, scalar) => scalar.clone(),
            _ => Value::from(self.mark()),
        }
    }

    fn names(&self, key: &str) -> bool {
        matches!(self.rule, Rule::NoSecrets { .. }) || self.git.has(key)
    }

    fn shows(&self, place: Place<'_>, value: &Value) -> bool {
        if self.git.shows(value) {
            return true;
        }
        match (self.rule, value) {
            (Rule::Git | Rule::GitForTheTeam, _) => false,
            (Rule::NoSecrets { .. }, _) if place.open => false,
            (Rule::NoSecrets { .. }, Value::Number(_) | Value::Bool(_) | Value::Null) => true,
            (Rule::NoSecrets { known }, Value::String(_)) => known && fields::is_plain(place.field),
            (Rule::NoSecrets { .. }, Value::Array(_) | Value::Object(_)) => false,
        }
    }

    fn mark(&self) -> &'static str {
        if self.rule == Rule::Git { IN_SLACK } else { LIVE }
    }

    fn other_mark(&self) -> &'static str {
        if self.rule == Rule::Git { OTHER_IN_SLACK } else { OTHER_LIVE }
    }
}
