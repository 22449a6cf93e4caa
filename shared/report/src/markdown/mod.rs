//! The report as GitHub comments. Every text of the pull request is inside a code fence or a code span, so it can neither ping
//! people, nor load images, nor end the fence it is in. What does not fit is left out by whole lines and objects, and counted;
//! or, where the reader asks for the whole, goes on in further comments.

mod escape;
mod fit;
mod item;
pub mod review;
mod split;
#[cfg(test)]
mod tests;

use domain::change::Change;
use domain::marker;
use domain::report::{Finding, KustomizationReport, Report};

use crate::safe::{cut, one_line, weight};
use crate::{diff, words};
use escape::{html_code, html_prose, prose, span};
use fit::Limit;
use item::{Block, Item, Section};

/// What GitHub takes in a comment, in characters. Counted in UTF-16 units, which are never fewer.
pub const COMMENT_LIMIT: usize = 65_536;
/// What a comment of ours may have of that, with each line feed counted twice.
const ROOM: Limit = Limit { most: COMMENT_LIMIT - 1_536, measure: weight };
/// Notes shown of one list before the rest is counted.
const NOTES: usize = 10;
/// Characters of one sentence.
const SENTENCE: usize = 500;

/// The comment: a hidden first line for `name` ([`domain::marker`]), the summary, then one foldable part per Kustomization.
/// Below [`COMMENT_LIMIT`] characters and UTF-16 units.
/// Shows what everyone may see who sees the pull request: text that stands in Git, and marks in place of the rest.
pub fn comment(report: &Report, name: &str) -> String {
    let report = &report.for_everyone();
    fit::fit(&head(report, name), &sections(report), ROOM)
}

/// The whole report over as many comments as it needs, ten at most: each like [`comment`], with a marker of its own.
pub fn comments(report: &Report, name: &str) -> Vec<String> {
    let report = &report.for_everyone();
    let first = head(report, name);
    split::split(sections(report), ROOM, |part, parts| match (part, parts) {
        (1, 1) => first.clone(),
        (1, _) => format!("{first}- {}\n", words::part(part, parts)),
        _ => format!("{}\n### {}\n", marker::line(name, part), words::part(part, parts)),
    })
}

/// What GitHub takes in the summary of a check run, in characters.
pub const CHECK_LIMIT: usize = 65_535;
/// What ours may have of that, counted in bytes, which are never fewer.
const CHECK_ROOM: Limit = Limit { most: CHECK_LIMIT - 535, measure: str::len };
/// The plain line over a check, in characters: what a commit status takes.
const CHECK_TITLE: usize = 140;

/// A check's plain line of at most 140 characters, and its summary below [`CHECK_LIMIT`]: what [`comment`] shows.
pub fn check(report: &Report) -> (String, String) {
    let report = &report.for_everyone();
    let head = facts(report).join("\n") + "\n";
    (cut(&words::check_title(report), CHECK_TITLE), fit::fit(&head, &sections(report), CHECK_ROOM))
}

/// Whether one comment leaves something out that several would show.
pub(crate) fn overflows(report: &Report) -> bool {
    let report = &report.for_everyone();
    !fit::all_fits(&head(report, "preflux:report"), &sections(report), ROOM)
}

fn sections(report: &Report) -> Vec<Section> {
    report.kustomizations.iter().map(section).collect()
}

fn head(report: &Report, name: &str) -> String {
    let first = [marker::line(name, 1), format!("### {}", prose(&words::headline(report))), String::new()];
    let lines: Vec<String> = first.into_iter().chain(facts(report)).collect();
    lines.join("\n") + "\n"
}

/// What is to be said of the report as a whole, a bullet each.
fn facts(report: &Report) -> Vec<String> {
    let pull = &report.pull;
    let mut lines: Vec<String> =
        words::risks(report).iter().map(|risk| format!("- ⚠️ {}", prose(risk))).collect();
    lines.push(format!("- {}", prose(&words::cluster(&report.cluster))));
    let optional =
        [words::comparison(&report.comparison), words::untrusted(report), words::for_everyone(report)];
    lines.extend(optional.into_iter().flatten().map(|sentence| format!("- {}", prose(&sentence))));
    lines.push(format!("- {}", prose(&words::coverage(&report.coverage))));
    lines.extend(sentences(&words::unresolved(&report.coverage, SENTENCE), "  - "));
    lines.extend(sentences(&report.notes, "- "));
    lines.push(format!(
        "- Head {} of {} into {} at {}",
        span(pull.head.short()),
        span(&one_line(&pull.head_branch, 250)),
        span(&one_line(&pull.base_branch, 250)),
        span(report.comparison.base.short()),
    ));
    lines
}

/// A bullet for each sentence, and one that counts those beyond the first ten.
fn sentences(all: &[String], bullet: &str) -> Vec<String> {
    let mut lines: Vec<String> =
        all.iter().take(NOTES).map(|text| format!("{bullet}{}", prose(&one_line(text, SENTENCE)))).collect();
    if all.len() > NOTES {
        lines.push(format!("{bullet}and {} more, in the whole report", all.len() - NOTES));
    }
    lines
}

fn section(kustomization: &KustomizationReport) -> Section {
    let mut title = html_code(&one_line(&kustomization.name, 250));
    let path = one_line(&kustomization.path, 250);
    if !path.is_empty() {
        title.push_str(&format!(" ({})", html_code(&path)));
    }
    let again = format!("\n<details><summary>{title} — {}</summary>\n\n", words::continued());
    let mut items = Vec::new();
    let facts = match &kustomization.finding {
        Finding::Failed { side, error, unknown } => {
            items.push(failure(words::failed(*side, *unknown), error));
            if *unknown { "not rendered here" } else { "does not render" }.to_owned()
        }
        Finding::Changes { changes } => {
            items.extend(changes.iter().map(|change| item(change, words::kind(change.kind))));
            match changes.len() {
                0 => "no object changes".to_owned(),
                n => words::plural(n, "object", "objects"),
            }
        }
    };
    title.push_str(&format!(" — {facts}"));
    words::presence(kustomization).iter().for_each(|word| title.push_str(&format!(", {}", html_prose(word))));
    let mut notes = sentences(&kustomization.notes, "- ");
    if !kustomization.drift.is_empty() {
        notes.push(format!("- {}, below as differing", prose(&words::drift(kustomization.drift.len()))));
        items.extend(kustomization.drift.iter().map(|change| item(change, words::drifted())));
    }
    let notes = if notes.is_empty() { String::new() } else { notes.join("\n") + "\n\n" };
    Section { open: format!("\n<details><summary>{title}</summary>\n\n{notes}"), again, items }
}

fn failure(what: &str, error: &str) -> Item {
    let error = crate::safe::visible(error);
    let short = format!(": {}", span(&one_line(&error, SENTENCE)));
    Item { title: what.to_owned(), end: ":", short, block: Some(Block::new("text", error)) }
}

fn item(change: &Change, what: &str) -> Item {
    let name = span(&one_line(&change.object.to_string(), 250));
    let mut title = format!("{name} {what}");
    if let Some(said) = words::check(change, SENTENCE) {
        title.push_str(&format!(" — ⚠️ {}", prose(&said)));
    }
    for remark in words::remarks(change, SENTENCE).iter().take(NOTES) {
        title.push_str(&format!(" — {}", prose(remark)));
    }
    let lines = diff::of(change);
    if lines.is_empty() {
        return Item { title, end: "", short: format!(" — {}", words::no_lines(change)), block: None };
    }
    let short = format!(" — {} left out", words::plural(lines.lines().count(), "line", "lines"));
    Item { title, end: "", short, block: Some(Block::new("diff", lines)) }
}
