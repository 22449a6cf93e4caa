//! How other people's text gets into Slack's own markup. `&`, `<` and `>` are the only characters that open something with an effect
//! (mentions, links); Slack does not read entities twice, so each is escaped exactly once.

use crate::safe::{one_line, units, visible};

/// Text for a `mrkdwn` object: no mention, no link, nothing unseen. Not for inside code: use [`code`] or [`fence`].
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        push(&mut out, c);
    }
    out
}

/// One line as inline code, at most `most` units of it.
pub(super) fn code(text: &str, most: usize) -> String {
    let line = one_line(text, most);
    if line.is_empty() {
        return "(empty)".to_owned();
    }
    format!("`{}`", escape_within(&line, most).replace('`', "ˋ"))
}

/// One line as plain words, at most `most` units of it; it should be the last thing on its line, because an asterisk in it
/// still formats what follows.
pub(super) fn words(text: &str, most: usize) -> String {
    sentence(&one_line(text, most), most)
}

/// A sentence of ours in which `` ` `` marks names, at most `most` units of it: the names stay code, everything is escaped. Backticks
/// that do not pair up, or that would open a block, are replaced by a look-alike.
pub(super) fn sentence(text: &str, most: usize) -> String {
    let escaped = escape_within(text, most);
    let pairs = escaped.matches('`').count().is_multiple_of(2) && !escaped.contains("``");
    if pairs { escaped } else { escaped.replace('`', "ˋ") }
}

/// Escaped text of at most `most` units, never cut within an entity; longer text ends in `…`.
pub(super) fn escape_within(text: &str, most: usize) -> String {
    let whole = escape(text);
    if units(&whole) <= most {
        return whole;
    }
    let (mut out, mut size) = (String::new(), 1);
    for c in visible(text).chars() {
        let before = out.len();
        push(&mut out, c);
        size += units(&out[before..]);
        if size > most {
            out.truncate(before);
            break;
        }
    }
    out.push('…');
    out
}

/// A code block around lines that [`fenced_line`] made.
pub(super) fn fence(lines: &str) -> String {
    format!("```\n{}\n```", lines.trim_end_matches('\n'))
}

/// A line for inside a code block: what would end the block is replaced by a look-alike.
pub(super) fn fenced_line(line: &str) -> String {
    let escaped = escape(line);
    if escaped.contains("``") { escaped.replace('`', "ˋ") } else { escaped }
}

/// Units that a line takes in a block.
pub(super) fn cost(line: &str) -> usize {
    units(line) + 1
}

fn push(out: &mut String, c: char) {
    match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        c => out.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_others_is_live() {
        let check = |given: &str, expected: &str| assert_eq!(escape(given), expected);
        check("<!channel> & <@U1>", "&lt;!channel&gt; &amp; &lt;@U1&gt;");
        check("&lt;!here&gt;", "&amp;lt;!here&amp;gt;");
        check("a\u{202e}b", "a\\u{202e}b");
    }

    #[test]
    fn code_cannot_be_left() {
        assert_eq!(code("a`b", 10), "`aˋb`");
        assert_eq!(code("<!channel>", 20), "`&lt;!channel&gt;`");
        assert_eq!(code("abcdef", 4), "`abc…`");
        assert_eq!(fenced_line("``` out"), "ˋˋˋ out");
        assert_eq!(fenced_line("run `x`"), "run `x`");
        assert_eq!(sentence("run `x` & ```", 50), "run ˋxˋ &amp; ˋˋˋ");
        assert_eq!(escape_within("a<<<<", 10), "a&lt;&lt;…");
        assert_eq!(escape_within("a<", 5), "a&lt;");
        assert_eq!(words("one ` only", 20), "one ˋ only");
    }
}
