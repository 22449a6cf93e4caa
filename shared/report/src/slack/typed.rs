//! Answers to what somebody typed: a sentence of ours, and lines in a font of fixed width, such as help.

use serde_json::Value;

use super::mrkdwn::{cost, fence, fenced_line, sentence};
use super::{limits, section};
use crate::safe::{cut, units};

/// Characters of a line.
const LINE: usize = 300;
/// Units of the sentence.
const LEAD: usize = 600;

/// The text and the blocks. `` ` `` marks names in `lead`; nothing else in it or in the lines has an effect. Lines that do not fit are
/// left out, and the last one says so.
pub fn lines_of(lead: &str, lines: &str) -> (String, Vec<Value>) {
    const MORE: &str = "… (more than fits here)";
    let mut text = sentence(lead, LEAD);
    let mut block = String::new();
    for line in lines.lines().map(|line| fenced_line(&cut(line.trim_end(), LINE))) {
        if units(&text) + units(&block) + cost(&line) + cost(MORE) + 20 > limits::SECTION_USED {
            block.push_str(MORE);
            break;
        }
        block.push_str(&line);
        block.push('\n');
    }
    if !block.trim().is_empty() {
        let between = if text.is_empty() { "" } else { "\n" };
        text = format!("{text}{between}{}", fence(&block));
    }
    let blocks = vec![section("answer", &text)];
    (text, blocks)
}

#[cfg(test)]
mod tests {
    use super::lines_of;
    use crate::slack::limits;

    #[test]
    fn lines_stand_as_they_are_and_have_no_effect() {
        let (text, blocks) = lines_of("No `get`.", "Usage:\n  <!channel> ``` & so on\n");
        assert_eq!(text, "No `get`.\n```\nUsage:\n  &lt;!channel&gt; ˋˋˋ &amp; so on\n```");
        assert_eq!(limits::fits(&blocks), Ok(()));
        assert_eq!(lines_of("", "a").0, "```\na\n```");
        assert_eq!(lines_of("only", "").0, "only");
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let (text, blocks) = lines_of("lead", &"<<<<<<<<< a line\n".repeat(500));
        assert!(text.ends_with("… (more than fits here)\n```"), "{text}");
        assert_eq!(limits::fits(&blocks), Ok(()));
        assert!(lines_of("", &"&".repeat(5_000)).0.contains('…'));
    }
}
