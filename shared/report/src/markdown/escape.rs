//! How other people's text gets into GitHub Markdown: as code. Backslashes are not enough, because GitHub looks for `@name`, `#7`
//! and addresses in the text that is left after unescaping; inside code it does not.

use crate::safe::visible;

/// A fenced code block around `content`, with a fence longer than any run of backticks in it.
pub(super) fn fence(language: &str, content: &str) -> String {
    let fence = "`".repeat(longest_run(content).max(2) + 1);
    let end = if content.is_empty() || content.ends_with('\n') { "" } else { "\n" };
    format!("{fence}{language}\n{content}{end}{fence}\n")
}

/// A code span around one line of text.
pub(super) fn span(text: &str) -> String {
    let text = visible(text).replace(['\n', '\t'], " ");
    if text.trim().is_empty() {
        return "(empty)".to_owned();
    }
    let ticks = "`".repeat(longest_run(&text) + 1);
    // With a space on both sides, one is stripped; it keeps apart the ticks of the text and of the span.
    let bare = !text.starts_with(['`', ' ']) && !text.ends_with(['`', ' ']);
    if bare { format!("{ticks}{text}{ticks}") } else { format!("{ticks} {text} {ticks}") }
}

/// A name inside HTML, where Markdown is not read.
pub(super) fn html_code(text: &str) -> String {
    format!("<code>{}</code>", html(text))
}

/// A phrase of ours inside HTML, which may hold other people's names: as it is, or as code where it could mean something.
pub(super) fn html_prose(phrase: &str) -> String {
    let phrase = visible(phrase).replace(['\n', '\t'], " ");
    if means_nothing(&phrase) { html(&phrase) } else { html_code(&phrase) }
}

fn html(text: &str) -> String {
    let mut out = String::new();
    for c in visible(text).replace(['\n', '\t'], " ").chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A sentence of ours that may hold other people's names. Parts in backticks become code spans. Where anything outside of them
/// could mean something to Markdown or GitHub, the whole sentence becomes one code span.
pub(super) fn prose(sentence: &str) -> String {
    let sentence = visible(sentence).replace(['\n', '\t'], " ");
    let sentence = sentence.trim();
    let parts: Vec<&str> = sentence.split('`').collect();
    let harmless = parts.len() % 2 == 1 && parts.iter().step_by(2).all(|part| means_nothing(part));
    let named = parts.iter().skip(1).step_by(2).all(|part| !part.trim().is_empty());
    if !(harmless && named) || sentence.is_empty() {
        return span(sentence);
    }
    parts
        .iter()
        .enumerate()
        .map(|(i, part)| if i % 2 == 0 { (*part).to_owned() } else { span(part) })
        .collect()
}

/// Whether text has only characters that GitHub Markdown takes for themselves, and nothing that it makes a link, a picture or a
/// list of: addresses, references (`GH-7`, and `ABC-7` where a repository says so), commits, emoji names.
fn means_nothing(text: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || " .,;:()'\"%/+-·…→‹›?!".contains(c);
    let lower = text.to_lowercase();
    text.chars().all(plain)
        && !["://", "www."].iter().any(|mark| lower.contains(mark))
        && !text
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            .any(|word| reference(word) || commit(word))
        && !emoji(text)
        && !begins_a_list(text)
}

/// A letter or digit, a hyphen, a digit.
fn reference(word: &str) -> bool {
    let bytes = word.as_bytes();
    bytes.windows(3).any(|w| w[0].is_ascii_alphanumeric() && w[1] == b'-' && w[2].is_ascii_digit())
}

/// Seven hexadecimal digits or more: GitHub looks whether there is such a commit.
fn commit(word: &str) -> bool {
    word.split('-').any(|part| part.len() >= 7 && part.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// `:name:`, which is a picture for some names.
fn emoji(text: &str) -> bool {
    let name = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'-')
    };
    let parts: Vec<&str> = text.split(':').collect();
    parts.len() > 2 && parts[1..parts.len() - 1].iter().any(|part| name(part))
}

fn begins_a_list(text: &str) -> bool {
    let text = text.trim_start();
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    text.starts_with(['+', '-']) || (rest.len() < text.len() && rest.starts_with(['.', ')']))
}

pub(super) fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_is_longer_than_what_is_in_it() {
        assert_eq!(fence("diff", "+a\n"), "```diff\n+a\n```\n");
        assert_eq!(fence("diff", "```\n````"), "`````diff\n```\n````\n`````\n");
    }

    #[test]
    fn spans_hold_any_line() {
        let check = |given: &str, expected: &str| assert_eq!(span(given), expected);
        check("apps/web", "`apps/web`");
        check("a`b", "``a`b``");
        check("`@team`", "`` `@team` ``");
        check("a\nb", "`a b`");
        check("", "(empty)");
    }

    #[test]
    fn sentences_stay_readable_unless_they_mean_something() {
        let check = |given: &str, expected: &str| assert_eq!(prose(given), expected);
        check("Cluster `prod` did not answer (timed out).", "Cluster `prod` did not answer (timed out).");
        check("`@team` is a name", "`@team` is a name");
        check("ping @team", "`ping @team`");
        check("see https://evil.example", "`see https://evil.example`");
        check("closes GH-7", "`closes GH-7`");
        check("---GH-7", "`---GH-7`");
        check("closes ABC-12-x", "`closes ABC-12-x`");
        check("flux-system is not ready", "flux-system is not ready");
        check("as in 0123abc of main", "`as in 0123abc of main`");
        check("日本0123abc", "`日本0123abc`");
        check("a :shipit: b", "`a :shipit: b`");
        check("Not looked at: why: it is so", "Not looked at: why: it is so");
        check("- item", "`- item`");
        check("12. item", "`12. item`");
        check("12 changed", "12 changed");
        check("an `open one", "`` an `open one ``".replace("`` ", "``").replace(" ``", "``").as_str());
        check("![x](y)", "`![x](y)`");
        check("<img src=x>", "`<img src=x>`");
    }
}
