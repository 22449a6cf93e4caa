//! Shell patterns over bytes: `*`, `?`, `[a-z]`, `[^a]`, and `\` before a character. `*` matches anything, slashes too.

/// A pattern that no text can match, such as an open `[`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadPattern;

/// Steps left before a match gives up; a pattern over a long text can be slow.
#[derive(Debug)]
pub(crate) struct Budget(pub(crate) usize);

impl Budget {
    /// Takes `steps`; false when there are none left.
    pub(crate) fn take(&mut self, steps: usize) -> bool {
        self.0 = self.0.saturating_sub(steps);
        self.0 > 0
    }
}

/// Whether `pattern` matches all of `text`; `None` when the budget is used up.
pub(crate) fn matches(pattern: &[u8], text: &[u8], budget: &mut Budget) -> Option<Result<bool, BadPattern>> {
    let (mut pattern, mut text) = (pattern, text);
    while !pattern.is_empty() {
        let (star, chunk, rest) = next_chunk(pattern);
        pattern = rest;
        if star && chunk.is_empty() {
            return Some(Ok(true));
        }
        let last = pattern.is_empty();
        let offsets = if star { 0..=text.len() } else { 0..=0 };
        let mut found = None;
        for offset in offsets {
            if !budget.take(1 + chunk.len()) {
                return None;
            }
            match match_chunk(chunk, &text[offset..]) {
                Err(bad) => return Some(Err(bad)),
                Ok(Some(remaining)) if remaining.is_empty() || !last => {
                    found = Some(remaining);
                    break;
                }
                Ok(_) => {}
            }
        }
        match found {
            Some(remaining) => text = remaining,
            None => return Some(Ok(false)),
        }
    }
    Some(Ok(text.is_empty()))
}

/// Splits off leading stars and what follows up to the next star outside brackets.
fn next_chunk(pattern: &[u8]) -> (bool, &[u8], &[u8]) {
    let stars = pattern.iter().take_while(|byte| **byte == b'*').count();
    let body = &pattern[stars..];
    let (mut in_class, mut i) = (false, 0);
    while i < body.len() {
        match body[i] {
            b'\\' => i += 1,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'*' if !in_class => break,
            _ => {}
        }
        i += 1;
    }
    let (chunk, rest) = body.split_at(i.min(body.len()));
    (stars > 0, chunk, rest)
}

/// Matches a chunk without stars at the beginning of `text`; what remains of `text`.
fn match_chunk<'t>(mut chunk: &[u8], mut text: &'t [u8]) -> Result<Option<&'t [u8]>, BadPattern> {
    while let Some((&op, rest)) = chunk.split_first() {
        if text.is_empty() {
            return Ok(None);
        }
        match op {
            b'[' => {
                let (c, width) = decode(text);
                let (matched, after) = match_class(rest, c)?;
                if !matched {
                    return Ok(None);
                }
                (chunk, text) = (after, &text[width..]);
            }
            b'?' => (chunk, text) = (rest, &text[decode(text).1..]),
            _ => {
                let literal = if op == b'\\' { rest } else { chunk };
                let (&byte, after) = literal.split_first().ok_or(BadPattern)?;
                if byte != text[0] {
                    return Ok(None);
                }
                (chunk, text) = (after, &text[1..]);
            }
        }
    }
    Ok(Some(text))
}

/// Matches a character against a class whose `[` is already gone; whether it does, and what follows the `]`.
fn match_class(class: &[u8], c: char) -> Result<(bool, &[u8]), BadPattern> {
    let (negated, mut class) = match class.strip_prefix(b"^") {
        Some(rest) => (true, rest),
        None => (false, class),
    };
    let (mut matched, mut first) = (false, true);
    loop {
        if !first && class.first() == Some(&b']') {
            return Ok((matched != negated, &class[1..]));
        }
        let (low, rest) = class_char(class)?;
        let (high, rest) = match rest.strip_prefix(b"-") {
            Some(rest) => class_char(rest)?,
            None => (low, rest),
        };
        matched |= (low..=high).contains(&c);
        (class, first) = (rest, false);
    }
}

/// One character of a class; something must follow it.
fn class_char(class: &[u8]) -> Result<(char, &[u8]), BadPattern> {
    let class = match class.first() {
        None | Some(b'-' | b']') => return Err(BadPattern),
        Some(b'\\') => &class[1..],
        Some(_) => class,
    };
    let (c, width) = decode(class);
    let broken = c == char::REPLACEMENT_CHARACTER && width <= 1;
    if broken || class.len() <= width { Err(BadPattern) } else { Ok((c, &class[width..])) }
}

/// The first character of `bytes` and its width; a byte that is no UTF-8 is U+FFFD of width 1, nothing is width 0.
pub(crate) fn decode(bytes: &[u8]) -> (char, usize) {
    let head = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default(),
    };
    match valid.chars().next() {
        Some(c) => (c, c.len_utf8()),
        None => (char::REPLACEMENT_CHARACTER, head.len().min(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, text: &str, expected: Result<bool, BadPattern>) {
        let result = matches(pattern.as_bytes(), text.as_bytes(), &mut Budget(100_000));
        assert_eq!(result, Some(expected), "{pattern} on {text}");
    }

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("a", "ab", false),
            ("*", "a/b", true),
            ("a*c", "a/b/c", true),
            ("a*c", "acb", false),
            ("*.jpg", "x.jpg", true),
            ("a?c", "aéc", true),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[é]", "é", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("*b*", "abc", true),
            ("*ab", "aab", true),
        ] {
            check(pattern, text, Ok(expected));
        }
    }

    #[test]
    fn bad_patterns_are_told_apart() {
        for pattern in ["[", "[]a]", "[a", "[-x]", "\\", "[x-]"] {
            check(pattern, "ab]", Err(BadPattern));
        }
        check("a[", "b", Ok(false));
    }

    #[test]
    fn a_budget_ends_slow_matches() {
        let text = "a".repeat(10_000);
        assert_eq!(matches(b"*aaaaaaaab*", text.as_bytes(), &mut Budget(1_000)), None);
    }
}
