//! Walking an object along its schema: where one is, what was found, and how much may be done.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use super::{Judged, Problem};

/// Fields deep that an object is followed.
const DEEPEST: usize = 100;
/// Values that are looked at, each as often as rules apply to it.
const MOST_STEPS: usize = 400_000;
/// Problems that are told.
const MOST_PROBLEMS: usize = 50;
/// Dropped fields that are told.
const MOST_DROPPED: usize = 50;
/// Bytes that one compiled pattern may take.
const PATTERN_SIZE: usize = 1 << 18;
/// Steps that compiling a pattern takes.
const STEPS_OF_PATTERN: usize = 500;
/// Bytes of a text that is matched against a pattern.
const LONGEST_TEXT: usize = 1 << 16;

/// A place in an object.
#[derive(Clone, Copy)]
pub(super) enum At<'a> {
    Root,
    Field(&'a At<'a>, &'a str),
    Item(&'a At<'a>, usize),
}

impl At<'_> {
    pub(super) fn path(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Item(parent, at) => format!("{}[{at}]", parent.path()),
            Self::Field(parent, name) => {
                let parent = parent.path();
                let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
                match (parent.is_empty(), !name.is_empty() && name.bytes().all(plain)) {
                    (true, true) => (*name).to_owned(),
                    (false, true) => format!("{parent}.{name}"),
                    (_, false) => format!("{parent}[{name:?}]"),
                }
            }
        }
    }

    fn depth(&self) -> usize {
        let (mut depth, mut at) = (0, self);
        while let Self::Field(parent, _) | Self::Item(parent, _) = at {
            (depth, at) = (depth + 1, parent);
        }
        depth
    }
}

/// What was found so far.
#[derive(Default)]
pub(super) struct Walk<'s> {
    steps: usize,
    problems: Vec<Problem>,
    found: usize,
    dropped: BTreeSet<String>,
    skipped: BTreeSet<Cow<'static, str>>,
    patterns: HashMap<&'s str, Option<Regex>>,
}

/// A moment of a walk.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    told: usize,
    found: usize,
}

impl<'s> Walk<'s> {
    /// Whether there is work left for one more value, at this place.
    pub(super) fn enters(&mut self, at: &At<'_>) -> bool {
        if at.depth() > DEEPEST {
            self.skips(format!("what is nested deeper than {DEEPEST} fields"));
            return false;
        }
        self.works(1)
    }

    fn works(&mut self, steps: usize) -> bool {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > MOST_STEPS {
            self.skips(format!("what is beyond {MOST_STEPS} checks of one object"));
        }
        self.steps <= MOST_STEPS
    }

    pub(super) fn skips(&mut self, what: impl Into<Cow<'static, str>>) {
        self.skipped.insert(what.into());
    }

    pub(super) fn drops(&mut self, at: &At<'_>) {
        if self.dropped.len() < MOST_DROPPED {
            self.dropped.insert(at.path());
        }
    }

    pub(super) fn problem(&mut self, at: &At<'_>, rule: impl Into<String>) {
        self.found += 1;
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(Problem { path: at.path(), rule: rule.into() });
        }
    }

    pub(super) fn has_problems(&self) -> bool {
        self.found > 0
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { told: self.problems.len(), found: self.found }
    }

    pub(super) fn is_clean_since(&self, mark: Mark) -> bool {
        self.found == mark.found
    }

    /// Forgets the problems that were found since.
    pub(super) fn forget(&mut self, mark: Mark) {
        self.problems.truncate(mark.told);
        self.found = mark.found;
    }

    /// Whether a text matches a pattern as Go writes it; `None`, and said, when that cannot be told.
    pub(super) fn matches(&mut self, pattern: &'s str, text: &str) -> Option<bool> {
        if text.len() > LONGEST_TEXT {
            self.skips("patterns of very long texts");
            return None;
        }
        let known = self.patterns.contains_key(pattern);
        let cost = if known { 1 } else { STEPS_OF_PATTERN + pattern.len() };
        if !self.works(cost + text.len() * pattern.len() / 64) {
            return None;
        }
        let compiled = self.patterns.entry(pattern).or_insert_with(|| compile(pattern));
        let answer = compiled.as_ref().map(|regex| regex.is_match(text));
        if answer.is_none() {
            self.skips("patterns that are too large or unusual");
        }
        answer
    }

    pub(super) fn judged(mut self, stored: Value) -> Judged {
        let mut seen = BTreeSet::new();
        self.problems.retain(|problem| seen.insert(problem.clone()));
        Judged {
            more: self.found.saturating_sub(MOST_PROBLEMS),
            problems: self.problems,
            dropped: self.dropped.into_iter().collect(),
            skipped: self.skipped.into_iter().map(Cow::into_owned).collect(),
            stored,
        }
    }
}

fn compile(pattern: &str) -> Option<Regex> {
    let spelled = kustomize::go_pattern(pattern)?;
    RegexBuilder::new(&spelled).size_limit(PATTERN_SIZE).dfa_size_limit(PATTERN_SIZE).build().ok()
}

/// A schema without what it only says to people.
pub(super) fn without_prose(schema: &Value) -> Value {
    let Value::Object(keywords) = schema else { return schema.clone() };
    let each = |schemas: &Value| match schemas {
        Value::Object(named) => named.iter().map(|(k, v)| (k.clone(), without_prose(v))).collect(),
        Value::Array(all) => all.iter().map(without_prose).collect(),
        other => other.clone(),
    };
    let spoken = ["description", "title", "example", "externalDocs"];
    let kept = keywords.iter().filter(|(keyword, _)| !spoken.contains(&keyword.as_str()));
    let kept = kept.map(|(keyword, value)| {
        let value = match keyword.as_str() {
            "properties" | "allOf" | "anyOf" | "oneOf" => each(value),
            "items" | "additionalProperties" | "not" => without_prose(value),
            _ => value.clone(),
        };
        (keyword.clone(), value)
    });
    kept.collect()
}
