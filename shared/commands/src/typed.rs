//! Words as people type them: keyboards put typographic quotes and dashes in place of plain ones, and Slack escapes three characters and
//! links what looks like an address.

/// Splits a text into words; quotes keep several together.
pub(crate) fn words(text: &str) -> Result<Vec<String>, String> {
    let text = unlinked(text).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in text.chars().map(plain) {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                word.get_or_insert_default();
                quote = Some(c);
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if let Some(open) = quote {
        return Err(format!("a quote ({open}) is opened and not closed"));
    }
    words.extend(word);
    Ok(words.into_iter().map(flag).collect())
}

/// A word as it can be typed again.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && !matches!(c, '"' | '\'');
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    // What has both kinds of quotes is put together from parts.
    let part = |part: &str| format!("'{part}'");
    word.split('\'').map(part).collect::<Vec<_>>().join("\"'\"")
}

/// Typographic quotes as plain ones.
fn plain(c: char) -> char {
    match c {
        '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{201f}' => '"',
        '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}' => '\'',
        other => other,
    }
}

/// A flag whose dashes became one long one: of `—namespace` and `–n`, what was meant.
fn flag(word: String) -> String {
    let Some(rest) = word.strip_prefix(['\u{2013}', '\u{2014}']) else { return word };
    let name = rest.split('=').next().unwrap_or_default();
    let dashes = if name.chars().count() > 1 { "--" } else { "-" };
    format!("{dashes}{}", rest.trim_start_matches('-'))
}

/// `<https://a.example/b|b>` as what was typed: the address, or what it is called where Slack only guessed that it is one.
fn unlinked(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(start) = rest.find('<') {
        let Some(length) = rest[start..].find('>') else { break };
        let inside = &rest[start + 1..start + length];
        out.push_str(&rest[..start]);
        match inside.split_once('|') {
            Some((to, label)) if to.contains("://") || to.starts_with("mailto:") => out.push_str(label),
            None if inside.contains("://") => out.push_str(inside),
            _ => out.push_str(&rest[start..=start + length]),
        }
        rest = &rest[start + length + 1..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn words_are_those_that_were_meant() {
        for (text, expected) in [
            ("", &[][..]),
            ("  get\u{a0}ks  -A ", &["get", "ks", "-A"]),
            ("get ks \u{2014}namespace apps", &["get", "ks", "--namespace", "apps"]),
            ("get ks \u{2013}namespace=apps", &["get", "ks", "--namespace=apps"]),
            ("get ks \u{2014}n apps", &["get", "ks", "-n", "apps"]),
            ("get ks \u{2014}-namespace", &["get", "ks", "--namespace"]),
            ("get ks -l \u{201c}a=b, c in (d)\u{201d}", &["get", "ks", "-l", "a=b, c in (d)"]),
            ("a \u{2018}\u{2019} b''c", &["a", "", "bc"]),
            ("x &lt;&amp;lt;", &["x", "<&lt;"]),
            (
                "--ref <https://github.com/acme/fleet/pull/7>",
                &["--ref", "https://github.com/acme/fleet/pull/7"],
            ),
            ("get ks <http://apps.prod|apps.prod>", &["get", "ks", "apps.prod"]),
            ("<@U1|ann> < b", &["<@U1|ann>", "<", "b"]),
        ] {
            assert_eq!(
                words(text).as_deref(),
                Ok(expected.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>().as_slice()),
                "{text}"
            );
        }
        assert!(words("get 'ks").is_err_and(|why| why.contains('\'')));
    }
}
