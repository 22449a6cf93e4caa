//! Whether a comment is harmless, by two Markdown parsers that know nothing of how we write: comrak, which is GitHub's own with its
//! extensions, and pulldown-cmark.

use std::collections::HashSet;

use comrak::nodes::NodeValue;
use comrak::{Arena, Options, parse_document};
use domain::report::Report;
use pulldown_cmark::{Event, Parser, Tag, TagEnd};

/// What GitHub takes.
const LIMIT: usize = 65_536;
/// The tags that we write.
const TAGS: [&str; 6] = ["<details>", "</details>", "<summary>", "</summary>", "<code>", "</code>"];

/// The lines that may stand in our fences: those of the report as plain text.
pub(crate) fn lines_of(report: &Report) -> HashSet<String> {
    let text = report::text(&report.for_everyone());
    text.split('\n').filter_map(|line| line.strip_prefix("    ")).map(str::to_owned).collect()
}

/// What a parser saw.
#[derive(Default)]
struct Seen {
    blocks: Vec<String>,
    html: String,
    /// Runs of text outside of code.
    texts: Vec<String>,
}

/// What is wrong with a comment.
pub(crate) fn comment(comment: &str, report: &Report, lines: &HashSet<String>) -> Result<(), String> {
    let (chars, units) = (comment.chars().count(), comment.encode_utf16().count());
    if chars > LIMIT || units > LIMIT {
        return Err(format!("it has {chars} characters, {units} UTF-16 units"));
    }
    if let Some(c) = comment.chars().find(|c| unseen(*c)) {
        return Err(format!("{c:?} is in it as itself"));
    }
    let seen = read(comment)?;
    for line in seen.blocks.iter().flat_map(|block| block.lines()) {
        let ours = lines.contains(line) || line.ends_with(" more characters, cut here)");
        if !ours && !line.is_empty() {
            return Err(format!("a line of a fence is not the report's: {line:?}"));
        }
    }
    if blocks_by_another(comment) != seen.blocks {
        return Err("two parsers see different fences".to_owned());
    }
    seen.texts.iter().try_for_each(|text| inert(text))?;
    let opened = html(&seen.html)?;
    if opened > report.kustomizations.len() {
        return Err(format!("{opened} parts of {} Kustomizations", report.kustomizations.len()));
    }
    Ok(())
}

/// What is wrong with a review: there is nothing but text and code in it.
pub(crate) fn review(review: &str) -> Result<(), String> {
    if review.encode_utf16().count() > LIMIT {
        return Err("it is too long".to_owned());
    }
    if let Some(c) = review.chars().find(|c| unseen(*c)) {
        return Err(format!("{c:?} is in it as itself"));
    }
    let seen = read(review)?;
    if !seen.html.is_empty() || !seen.blocks.is_empty() || !blocks_by_another(review).is_empty() {
        return Err(format!("it has {:?} and {:?}", seen.html, seen.blocks));
    }
    seen.texts.iter().try_for_each(|text| inert(text))
}

/// Whether all parts together show every line, unless they say that they do not.
pub(crate) fn whole(parts: &[String], lines: &HashSet<String>) -> Result<(), String> {
    let says_so =
        |part: &String| part.contains("left out here") || part.contains("more characters, cut here)");
    if parts.iter().any(says_so) {
        return Ok(());
    }
    let mut shown = HashSet::new();
    for part in parts {
        shown.extend(
            read(part)?.blocks.iter().flat_map(|block| block.lines().map(str::to_owned)).collect::<Vec<_>>(),
        );
    }
    // What stands beside an object as a sentence does not begin like this.
    let diff = |line: &&String| line.starts_with("@@ ") || line.starts_with('+');
    match lines.iter().filter(diff).find(|line| !shown.contains(*line)) {
        Some(line) => Err(format!("the line {line:?} is nowhere")),
        None => Ok(()),
    }
}

fn read(comment: &str) -> Result<Seen, String> {
    let mut options = Options::default();
    let e = &mut options.extension;
    (e.strikethrough, e.table, e.autolink, e.tasklist, e.footnotes) = (true, true, true, true, true);
    (e.alerts, e.math_dollars, e.math_code) = (true, true, true);
    let arena = Arena::new();
    let mut seen = Seen::default();
    for node in parse_document(&arena, comment, &options).descendants() {
        match &node.data.borrow().value {
            NodeValue::Document
            | NodeValue::Paragraph
            | NodeValue::List(_)
            | NodeValue::Item(_)
            | NodeValue::Strong
            | NodeValue::SoftBreak
            | NodeValue::Code(_) => {}
            NodeValue::Heading(heading) if heading.level == 3 && !heading.setext => {}
            NodeValue::Text(text) => seen.texts.push(text.to_string()),
            NodeValue::HtmlBlock(block) => seen.html.push_str(&block.literal),
            NodeValue::CodeBlock(block)
                if block.fenced && ["diff", "text"].contains(&block.info.as_str()) =>
            {
                seen.blocks.push(block.literal.clone());
            }
            other => return Err(format!("it has {other:?}")),
        }
    }
    Ok(seen)
}

fn blocks_by_another(comment: &str) -> Vec<String> {
    let (mut blocks, mut inside) = (Vec::new(), false);
    for event in Parser::new(comment) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => {
                blocks.push(String::new());
                inside = true;
            }
            Event::End(TagEnd::CodeBlock) => inside = false,
            Event::Text(text) if inside => {
                blocks.iter_mut().last().into_iter().for_each(|b| b.push_str(&text))
            }
            _ => {}
        }
    }
    blocks
}

/// Our own tags and nothing else; gives how many parts are opened, each of which is closed.
fn html(html: &str) -> Result<usize, String> {
    let mut rest = html;
    if let Some(marker) = html.strip_prefix("<!-- preflux:report") {
        rest = marker.split_once("-->\n").map_or("", |(_, rest)| rest);
    }
    let (mut outside, mut code) = (String::new(), false);
    let (mut opened, mut closed) = (0, 0);
    while let Some(at) = rest.find('<') {
        let (text, from) = rest.split_at(at);
        if !code {
            outside.push_str(text);
        }
        let tag = TAGS
            .iter()
            .find(|tag| from.starts_with(**tag))
            .ok_or_else(|| format!("foreign HTML in {html:?}"))?;
        match *tag {
            "<details>" => opened += 1,
            "</details>" => closed += 1,
            "<code>" => code = true,
            "</code>" => code = false,
            _ => {}
        }
        if code && *tag != "<code>" {
            return Err(format!("{tag} inside of code in {html:?}"));
        }
        rest = &from[tag.len()..];
    }
    outside.push_str(rest);
    if outside.contains('>') || opened != closed {
        return Err(format!("{opened} parts opened and {closed} closed, or a stray bracket in {html:?}"));
    }
    inert(&outside.replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&"))?;
    Ok(opened)
}

/// Whether GitHub makes nothing of a text outside of code: its filters look for these in what Markdown leaves as text.
fn inert(text: &str) -> Result<(), String> {
    let lower = text.to_lowercase();
    let live = ["@", "#", "://", "www.", "gh-7", "abc-123"];
    if let Some(found) = live.iter().find(|mark| lower.contains(**mark)) {
        return Err(format!("{found:?} is alive in {text:?}"));
    }
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric());
    for word in words {
        if word.len() >= 7 && word.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(format!("{word:?} may be a commit in {text:?}"));
        }
    }
    let name = |part: &&str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-_".contains(&b))
    };
    let parts: Vec<&str> = lower.split(':').collect();
    match parts.get(1..parts.len() - 1).and_then(|inner| inner.iter().find(|part| name(part))) {
        Some(emoji) => Err(format!("{emoji:?} may be a picture in {text:?}")),
        None => Ok(()),
    }
}

/// Control, bidirectional and zero-width characters, apart from what ends a line.
fn unseen(c: char) -> bool {
    let code = u32::from(c);
    (c.is_control() && c != '\n' && c != '\t')
        || [0xad, 0x61c, 0x180e, 0x200b, 0x200c, 0x200d, 0x200e, 0x200f, 0x2028, 0x2029, 0x2060, 0xfeff]
            .contains(&code)
        || (0x202a..=0x202e).contains(&code)
        || (0x2066..=0x2069).contains(&code)
        || (0xe0000..=0xe0fff).contains(&code)
}

/// The judge must not be blind.
pub(crate) fn tests() {
    let alive = [
        "a @team",
        "see #1",
        "see https://evil.example",
        "![i](https://evil.example/i.png)",
        "[x](/y)",
        "<img src=x>",
        "a <b>b</b>",
        "<details><summary>x @team</summary>\n\n</details>",
        "<details><summary>x</summary>\n",
        "commit deadbeef",
        "nice :shipit: one",
        "> quoted",
        "    indented",
        "```sh\nrm\n```",
        "a\u{202e}b",
        "$x$",
        "[^1]\n\n[^1]: x",
    ];
    for text in alive {
        let seen = read(text).and_then(|seen| {
            seen.texts.iter().try_for_each(|text| inert(text))?;
            html(&seen.html).map(drop)
        });
        assert!(seen.is_err() || text.chars().any(unseen), "{text:?} is alive");
    }
    for text in ["`@team` #", "plain"] {
        assert!(read(text).is_ok(), "{text:?} is code or plain");
    }
}
