//! Other people's text made harmless to look at: what a reader could not see, or would see in the wrong order, is spelled out.
//! Not the escaping of a format: Markdown and Slack do that on top, each in its own module.

/// Spells out control, bidirectional, zero-width and other unseen characters as `\u{202e}`. Line feeds and tabs stay.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if unseen(c) && c != '\n' && c != '\t' {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// One visible line of at most `most` characters; longer text ends in `…`.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    // Spelling out can only lengthen, so what lies beyond `most` characters is cut off anyway.
    let start: String = text.trim().chars().take(most + 1).collect();
    cut(&visible(&start).replace(['\n', '\t'], " "), most)
}

/// At most `most` characters; longer text ends in `…`.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Length in UTF-16 code units: never less than the number of characters, so a limit kept in it is kept in both.
pub(crate) fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Whether a reader cannot see the character, or it moves the others around.
pub(crate) fn unseen(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0xad | 0x34f | 0x61c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f
            | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0x3164 | 0xfeff | 0xffa0
            | 0xfff0..=0xfffb | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unseen_characters_are_spelled_out() {
        let check = |given: &str, expected: &str| assert_eq!(visible(given), expected);
        check("plain é 日本 🚀\n\tx", "plain é 日本 🚀\n\tx");
        check("a\u{202e}b\u{200b}c\u{1b}[31m\r", "a\\u{202e}b\\u{200b}c\\u{1b}[31m\\u{d}");
        check("\u{e0041}\u{feff}\0", "\\u{e0041}\\u{feff}\\u{0}");
    }

    #[test]
    fn long_lines_say_that_they_are_cut() {
        assert_eq!(one_line(" a\nb ", 10), "a b");
        assert_eq!(one_line("abcdef", 6), "abcdef");
        assert_eq!(one_line("abcdefg", 6), "abcde…");
        assert_eq!(one_line("日本語日本語", 3), "日本…");
        assert_eq!(one_line("\u{202e}\u{202e}", 10), "\\u{202e}\\…");
    }

    #[test]
    fn units_are_never_fewer_than_characters() {
        assert_eq!(units("aé🚀"), 4);
    }
}
