//! What reviews say on GitHub. A name and a reason come from Slack, so they are escaped like everything in a comment: nothing in them
//! mentions anybody, shows a picture or links anywhere.

use domain::CommitSha;

use super::escape::{prose, span};
use crate::safe::{cut, one_line};

/// Characters of a name.
const NAME: usize = 80;
/// Characters of a reason; Slack's form takes fewer.
const REASON: usize = 4_000;
/// Lines of a reason.
const LINES: usize = 200;

/// The text of an approval.
pub fn approval(by: &str, head: &CommitSha) -> String {
    format!("Approved from Slack by {}, after reading the report on {}.", name(by), span(head.short()))
}

/// The text of an approval by the account that everybody shares.
pub fn shared_approval(by: &str, head: &CommitSha) -> String {
    format!(
        "Approved from Slack with the account that Preflux uses, for {}, after reading the report on {}. GitHub does not know who that is, and cannot tell whether they had a hand in it.",
        name(by),
        span(head.short())
    )
}

/// The text of a request for changes: the reason, line by line, and who gave it.
pub fn request(by: &str, head: &CommitSha, reason: &str) -> String {
    let reason = cut(reason.trim(), REASON);
    let lines: Vec<String> = reason
        .lines()
        .take(LINES)
        .map(|line| if line.trim().is_empty() { String::new() } else { prose(line) })
        .collect();
    format!(
        "{}\n\nAsked for from Slack by {}, after reading the report on {}.",
        lines.join("\n"),
        name(by),
        span(head.short())
    )
}

fn name(text: &str) -> String {
    span(&one_line(text, NAME))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> CommitSha {
        "a".repeat(40).parse().expect("forty digits are a commit id")
    }

    #[test]
    fn a_name_is_code() {
        let check = |by: &str, shown: &str| {
            let expected = format!("Approved from Slack by {shown}, after reading the report on `aaaaaaaa`.");
            assert_eq!(approval(by, &head()), expected);
            assert!(shared_approval(by, &head()).contains(&format!("for {shown}, after")));
        };
        check("Ann", "`Ann`");
        check("@acme/admins", "`@acme/admins`");
        check("`@ann`", "`` `@ann` ``");
        check("a\n\n![x](https://x)\u{202e}", "`a  ![x](https://x)\\u{202e}`");
        check("", "(empty)");
    }

    #[test]
    fn a_reason_stays_readable_and_means_nothing() {
        let check = |reason: &str, shown: &str| {
            let body = request("Ann", &head(), reason);
            let end = "\n\nAsked for from Slack by `Ann`, after reading the report on `aaaaaaaa`.";
            assert_eq!(body.strip_suffix(end), Some(shown));
        };
        check("Two replicas are not enough.\n\nWhy so few?", "Two replicas are not enough.\n\nWhy so few?");
        check("ask @acme/admins\r\nfixes #7", "`ask @acme/admins`\n`fixes #7`");
        check("```\n@ann\n```", "```` ``` ````\n`@ann`\n```` ``` ````");
        check("  # a heading\n- a list\n> a quote\n|a|", "`# a heading`\n`- a list`\n`> a quote`\n`|a|`");
        check("<img src=x>\n<!-- preflux:report -->", "`<img src=x>`\n`<!-- preflux:report -->`");
        check("a\u{2028}@b\u{202e}", "`a\\u{2028}@b\\u{202e}`");
    }
}
