//! Other people's text made harmless to look at: what a reader could not see, or would see in the wrong order, is spelled out.
//! Not the escaping of a format: Markdown and Slack do that on top, each in its own module.

/// Spells out control, bidirectional, zero-width and other unseen characters as `\u{202e}`. Line feeds and tabs stay.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    for c in text.chars() {
        let hidden = unseen(c) || (c == COLOUR && !takes_colour(before));
        if hidden && c != '\n' && c != '\t' {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
        before = c;
    }
    out
}

/// Makes the sign before it an emoji in colour, as in a warning sign.
const COLOUR: char = '\u{fe0f}';

/// Whether there is a coloured form of a sign; a letter has none.
fn takes_colour(sign: char) -> bool {
    matches!(u32::from(sign), 0x203c..=0x3299 | 0x1f000..=0x1faff)
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

/// [`units`], with each line feed counted twice: as many as it can become on its way through a form in a browser.
pub(crate) fn weight(text: &str) -> usize {
    units(text) + text.matches('\n').count()
}

/// Whether a reader cannot see the character, or it moves the others around.
pub(crate) fn unseen(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0xa0 | 0xad | 0x34f | 0x61c | 0x115f | 0x1160 | 0x1680 | 0x17b4 | 0x17b5 | 0x180b..=0x180f
            | 0x2000..=0x200f | 0x2028..=0x202f | 0x205f..=0x206f | 0x2800 | 0x3164 | 0xfe00..=0xfe0e | 0xfeff | 0xffa0
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
        // A space that is none, and a letter that is another one: what differs must look different.
        check("a\u{a0}b x\u{fe0f} ⚠\u{fe0f}", "a\\u{a0}b x\\u{fe0f} ⚠\u{fe0f}");
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
