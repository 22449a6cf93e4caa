//! The report as a GitHub comment. Every text of the pull request is inside a code fence or a code span, so it can neither ping
//! people, nor load images, nor end the fence it is in. What does not fit is left out whole, diff by diff, and counted.

mod escape;
mod fit;
#[cfg(test)]
mod tests;

use domain::change::Change;
use domain::report::{Finding, KustomizationReport, Report};

use crate::safe::one_line;
use crate::{diff, words};
use escape::{fence, html_code, prose, span};
use fit::{Item, Section};

/// What GitHub takes in a comment, in characters. Counted in UTF-16 units, which are never fewer.
pub const COMMENT_LIMIT: usize = 65_536;
/// Notes shown of one list before the rest is counted.
const NOTES: usize = 10;
/// Characters of one sentence.
const SENTENCE: usize = 500;

/// The comment: a hidden first line with `marker`, the summary, then one foldable part per Kustomization.
/// At most [`COMMENT_LIMIT`] characters and UTF-16 units. `marker` may hold letters, digits and `:/#-_. `; others are dropped.
/// Shows what everyone may see who sees the pull request: text that stands in Git, and marks in place of the rest.
pub fn comment(report: &Report, marker: &str) -> String {
    let report = &report.for_everyone();
    let mut sections: Vec<Section> = report.kustomizations.iter().map(section).collect();
    let head = head(report, marker);
    fit::fit(&head, &mut sections, COMMENT_LIMIT)
}

/// The hidden line that a comment of ours begins with, to be found again by.
pub fn marker_line(marker: &str) -> String {
    let mut inner: String =
        marker.chars().filter(|c| c.is_ascii_alphanumeric() || ":/#-_. ".contains(*c)).take(200).collect();
    // Two hyphens could end the comment early.
    while inner.contains("--") {
        inner = inner.replace("--", "-");
    }
    format!("<!-- {} -->", inner.trim_matches(['-', ' ']))
}

fn head(report: &Report, marker: &str) -> String {
    let pull = &report.pull;
    let mut lines =
        vec![marker_line(marker), format!("### {}", prose(&words::headline(report))), String::new()];
    lines.extend(words::risks(report).iter().map(|risk| format!("- ⚠️ {}", prose(risk))));
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
    lines.join("\n") + "\n"
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
    words::presence(kustomization).iter().for_each(|word| title.push_str(&format!(", {word}")));
    let mut notes = sentences(&kustomization.notes, "- ");
    if !kustomization.drift.is_empty() {
        notes.push(format!("- {}, below as differing", prose(&words::drift(kustomization.drift.len()))));
        items.extend(kustomization.drift.iter().map(|change| item(change, words::drifted())));
    }
    let notes = if notes.is_empty() { String::new() } else { notes.join("\n") + "\n\n" };
    Section { open: format!("\n<details><summary>{title}</summary>\n\n{notes}"), items }
}

fn failure(what: &str, error: &str) -> Item {
    let error = crate::safe::visible(error);
    Item {
        full: format!("{what}:\n\n{}\n", fence("text", &error)),
        short: format!("{what}: {}\n\n", span(&one_line(&error, SENTENCE))),
        diff: true,
    }
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
        let whole = format!("{title} — {}\n\n", words::no_lines(change));
        return Item { full: whole.clone(), short: whole, diff: false };
    }
    let count = lines.lines().count();
    Item {
        full: format!("{title}\n\n{}\n", fence("diff", &lines)),
        short: format!("{title} — {} left out\n\n", words::plural(count, "line", "lines")),
        diff: true,
    }
}
