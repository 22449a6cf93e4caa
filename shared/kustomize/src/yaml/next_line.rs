//! The character U+0085 in output: kustomize reads its JSON as YAML before it prints it, and there that character is a
//! line break, which is folded away. All other breaks are escaped in JSON and so stay.

use serde_json::Value;

use super::YamlError;

const NEXT_LINE: char = '\u{85}';

/// The value as kustomize reads it back. Of keys that become equal the last one wins.
pub(crate) fn fold(value: Value) -> Result<Value, YamlError> {
    if !contains(&value) {
        return Ok(value);
    }
    match value {
        Value::String(text) => Ok(Value::String(fold_text(&text)?)),
        Value::Array(items) => items.into_iter().map(fold).collect(),
        Value::Object(map) => {
            map.into_iter().map(|(key, value)| Ok((fold_text(&key)?, fold(value)?))).collect()
        }
        other => Ok(other),
    }
}

fn contains(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(NEXT_LINE),
        Value::Array(items) => items.iter().any(contains),
        Value::Object(map) => map.iter().any(|(key, value)| key.contains(NEXT_LINE) || contains(value)),
        _ => false,
    }
}

/// Spaces around breaks go; one break is a space, and of several all but the first stay.
fn fold_text(text: &str) -> Result<String, YamlError> {
    let mut lines = text.split(NEXT_LINE);
    let mut out = lines.next().unwrap_or_default().to_owned();
    let mut breaks = 0_usize;
    let mut rest = lines.peekable();
    while let Some(line) = rest.next() {
        refuse_marker(line, rest.peek().is_some())?;
        if breaks == 0 {
            out.truncate(out.trim_end_matches(' ').len());
        }
        breaks += 1;
        let line = line.trim_start_matches(' ');
        if !line.is_empty() || rest.peek().is_none() {
            let joint = if breaks == 1 { " ".to_owned() } else { "\n".repeat(breaks - 1) };
            out.push_str(&joint);
            out.push_str(line);
            breaks = 0;
        }
    }
    Ok(out)
}

/// A line that looks like the border of a document is an error within quotes too.
fn refuse_marker(line: &str, goes_on: bool) -> Result<(), YamlError> {
    let Some(after) = line.strip_prefix("---").or_else(|| line.strip_prefix("...")) else { return Ok(()) };
    if after.starts_with(' ') || (after.is_empty() && goes_on) {
        return Err(YamlError::at(0, "found unexpected document indicator"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn next_lines_are_folded() {
        let check = |text: &str, expected: &str| assert_eq!(fold_text(text).unwrap(), expected, "{text:?}");
        check("a\u{85}b", "a b");
        check("\u{85}", " ");
        check("a \u{85} b", "a b");
        check("a\u{85}\u{85} \u{85}b", "a\n\nb");
        check("a\u{85}\n", "a \n");
        check("a\u{85}b \u{85}", "a b ");
        check("a\u{85}---", "a ---");
        for bad in ["\u{85}--- x", "a\u{85}...\u{85}"] {
            assert!(fold_text(bad).is_err(), "{bad:?}");
        }
    }
}
