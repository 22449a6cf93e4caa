//! Patterns over names. Most are the names themselves, which need no regular expression to be compiled.

mod re2;

use regex::{Regex, RegexBuilder};

use crate::{Error, ErrorKind, meter};

/// Bytes that one compiled pattern may take.
const SIZE: usize = 1 << 18;

/// Steps that compiling one takes, at least.
const STEPS: usize = 2_000;

/// Steps that compiling one may take that repeats parts by number or names classes of letters.
const STEPS_OF_LARGE: usize = 150_000;

/// Steps that matching takes for each byte of a text.
const STEPS_PER_BYTE: usize = 20;

/// Bytes of a pattern that is matched without compiling it, which takes time for each of them on each letter.
const LONGEST_SIMPLE: usize = 256;

/// A regular expression as Go writes it, in the words of the `regex` crate; `None` when Go does not take it for one.
pub fn go_pattern(pattern: &str) -> Option<String> {
    re2::translate(pattern)
}

/// A pattern that a whole text must match.
pub(crate) enum Pattern {
    /// Alternatives of letters that stand for themselves, dots, and `.*`.
    Simple(Vec<String>),
    Compiled(Compiled),
}

/// A compiled regular expression.
#[derive(Debug)]
pub(crate) struct Compiled(Regex);

impl Compiled {
    /// Whether it matches. Where no steps are left nothing matches any more, and the build fails at its next step.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        meter::work(1 + text.len() * STEPS_PER_BYTE).is_ok() && self.0.is_match(text)
    }
}

impl Pattern {
    /// The pattern of a file, anchored at both ends.
    pub(crate) fn whole(text: &str) -> Result<Pattern, Error> {
        if text.len() <= LONGEST_SIMPLE
            && text.split('|').all(|alternative| is_simple(&alternative.replace(".*", ".")))
        {
            return Ok(Pattern::Simple(text.split('|').map(str::to_owned).collect()));
        }
        compile(&format!("^(?:{text})$")).map(Pattern::Compiled)
    }

    pub(crate) fn is_match(&self, text: &str) -> bool {
        match self {
            Pattern::Simple(alternatives) => alternatives.iter().any(|simple| is_whole_match(simple, text)),
            Pattern::Compiled(regex) => regex.is_match(text),
        }
    }
}

/// Compiles a regular expression from a file within bounds.
pub(crate) fn compile(text: &str) -> Result<Compiled, Error> {
    let counts = text.split('{').skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let large = counts || text.contains("\\p") || text.contains("\\P");
    meter::work(if large { STEPS_OF_LARGE } else { STEPS } + text.len() * 100)?;
    let wrong = || Error::invalid(format!("`{text}` is not a pattern that is supported"));
    let spelled = re2::translate(text).ok_or_else(wrong)?;
    let built = RegexBuilder::new(&spelled).size_limit(SIZE).dfa_size_limit(SIZE).build();
    built.map(Compiled).map_err(|error| match error {
        regex::Error::CompiledTooBig(value) => ErrorKind::Limit { limit: "bytes of a pattern", value }.into(),
        _ => wrong(),
    })
}

/// Whether no letter but the dot means anything else than itself.
pub(crate) fn is_simple(pattern: &str) -> bool {
    pattern.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_/.:@".contains(&b))
}

/// What follows in the text after a match of a simple pattern at its start.
pub(crate) fn after_simple<'t>(simple: &str, text: &'t str) -> Option<&'t str> {
    let mut rest = text.chars();
    for wanted in simple.chars() {
        let found = rest.next()?;
        if found != wanted && (wanted != '.' || found == '\n') {
            return None;
        }
    }
    Some(rest.as_str())
}

/// Whether the text matches letters, dots and `.*` from its start to its end.
fn is_whole_match(simple: &str, text: &str) -> bool {
    let Some((start, mut rest)) = simple.split_once(".*") else {
        return after_simple(simple, text) == Some("");
    };
    let Some(mut text) = after_simple(start, text) else { return false };
    // Nothing here matches a line break.
    if text.contains('\n') {
        return false;
    }
    // What stands between two `.*` may match at its first place: what follows then has the most left to match.
    while let Some((part, more)) = rest.split_once(".*") {
        let Some(after) = first_match(part, text) else { return false };
        (text, rest) = (after, more);
    }
    let length = rest.chars().count();
    let end = text.char_indices().rev().take(length).last().map_or(text.len(), |(at, _)| at);
    text.get(end..).is_some_and(|end| after_simple(rest, end) == Some(""))
}

/// What follows in the text after the first match of a simple pattern.
fn first_match<'t>(simple: &str, text: &'t str) -> Option<&'t str> {
    let starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    starts.filter_map(|at| text.get(at..)).find_map(|rest| after_simple(simple, rest))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn simple_patterns_match_as_compiled_ones_do() {
        let texts = [
            "web",
            "webs",
            "we",
            "a.b",
            "axb",
            "aéb",
            "a\nb",
            "é",
            "\n",
            "",
            "r.io/a-b:1@x",
            "WEB",
            "abab",
            "aXbXbab",
            "ab",
            "web\n",
            "aab",
        ];
        let patterns = [
            "web",
            "a.b",
            ".",
            "r.io/a-b:1@x",
            "",
            "a|web",
            "|x",
            "we.*",
            ".*b",
            "a.*b",
            ".*",
            "a.*b.*b",
            "a.*.b",
            "a.*ab",
            ".*a.*|WEB",
            "..*b",
            "a.*b.*ab",
            ".*.*",
        ];
        for pattern in patterns {
            let simple = Pattern::whole(pattern).unwrap();
            assert!(matches!(simple, Pattern::Simple(_)), "{pattern}");
            let compiled = compile(&format!("^(?:{pattern})$")).unwrap();
            for text in texts {
                assert_eq!(simple.is_match(text), compiled.is_match(text), "`{pattern}` on `{text}`");
            }
        }
        for compiled in ["a+", "(a|b)", "a*", "[a]", "a.?b", "^a", "a.**"] {
            assert!(!matches!(Pattern::whole(compiled), Ok(Pattern::Simple(_))), "{compiled}");
        }
        assert!(Pattern::whole("(").is_err());
    }
}
