//! Patterns over names. Most are the names themselves, which need no regular expression to be compiled.

use regex::{Regex, RegexBuilder};

use crate::{Error, ErrorKind, meter};

/// Bytes that one compiled pattern may take.
const SIZE: usize = 1 << 18;

/// Steps that compiling one takes, at least.
const STEPS: usize = 2_000;

/// A pattern that a whole text must match.
pub(crate) enum Pattern {
    /// Letters that stand for themselves, and dots.
    Simple(String),
    Compiled(Regex),
}

impl Pattern {
    /// The pattern of a file, anchored at both ends.
    pub(crate) fn whole(text: &str) -> Result<Pattern, Error> {
        if is_simple(text) {
            return Ok(Pattern::Simple(text.to_owned()));
        }
        compile(&format!("^(?:{text})$")).map(Pattern::Compiled)
    }

    pub(crate) fn is_match(&self, text: &str) -> bool {
        match self {
            Pattern::Simple(simple) => after_simple(simple, text) == Some(""),
            Pattern::Compiled(regex) => regex.is_match(text),
        }
    }
}

/// Compiles a regular expression from a file within bounds.
pub(crate) fn compile(text: &str) -> Result<Regex, Error> {
    meter::work(STEPS + text.len() * 100)?;
    RegexBuilder::new(text).size_limit(SIZE).dfa_size_limit(SIZE).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(value) => ErrorKind::Limit { limit: "bytes of a pattern", value }.into(),
        _ => Error::invalid(format!("`{text}` is not a pattern that is supported")),
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn simple_patterns_match_as_compiled_ones_do() {
        for pattern in ["web", "a.b", ".", "r.io/a-b_c:1@x", ""] {
            let simple = Pattern::whole(pattern).unwrap();
            assert!(matches!(simple, Pattern::Simple(_)), "{pattern}");
            let compiled = compile(&format!("^(?:{pattern})$")).unwrap();
            for text in
                ["web", "webs", "we", "a.b", "axb", "aéb", "a\nb", "é", "\n", "", "r.io/a-b_c:1@x", "WEB"]
            {
                assert_eq!(simple.is_match(text), compiled.is_match(text), "`{pattern}` on `{text}`");
            }
        }
        assert!(matches!(Pattern::whole("a|b").unwrap(), Pattern::Compiled(_)));
        assert!(Pattern::whole("(").is_err());
    }
}
