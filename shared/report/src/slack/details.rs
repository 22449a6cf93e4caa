//! The thread under a pull request's message: the whole report as blocks, or as a file where it does not fit.

use domain::change::Change;
use domain::report::{Finding, KustomizationReport, Report};
use serde_json::Value;

use super::mrkdwn::{code, cost, escape, fence, fenced_line, sentence};
use super::{limits, section};
use crate::{diff, words};

/// What goes into the thread.
#[derive(Debug, Clone, PartialEq)]
pub enum Details {
    /// Everything, as blocks.
    Blocks {
        /// What notifications say.
        text: String,
        /// The blocks.
        blocks: Vec<Value>,
    },
    /// Everything as a text file, and a short message that says so.
    File {
        /// The file's name.
        name: String,
        /// Its title.
        title: String,
        /// Its content.
        text: String,
        /// The message: what notifications say, and its blocks.
        notice: (String, Vec<Value>),
    },
}

/// The whole report for the thread.
pub fn details(report: &Report) -> Details {
    let text = format!("The whole report on {} at {}", report.pull.key, report.pull.head.short());
    let text = escape(&text);
    let mut pages = Pages::default();
    write(report, &mut pages);
    match pages.finish() {
        Some(blocks) if limits::fits(&blocks).is_ok() => Details::Blocks { text, blocks },
        _ => file(report, text),
    }
}

fn file(report: &Report, title: String) -> Details {
    let pull = &report.pull;
    let repo = pull.key.repo.to_string().replace('/', "-");
    let name = format!("{repo}-{}-{}.diff", pull.key.number, pull.head.short());
    let text = crate::text(report);
    let said = words::in_a_file(&name, text.len());
    let blocks =
        vec![section("notice", &format!("*{}*\n{}", escape(&words::headline(report)), escape(&said)))];
    Details::File { name, title, text, notice: (escape(&said), blocks) }
}

fn write(report: &Report, pages: &mut Pages) {
    pages.text(&format!("*{}*", escape(&words::headline(report))));
    let sentences =
        [words::risks(report), words::unresolved(&report.coverage, limits::ALL_TEXT), report.notes.clone()]
            .concat();
    for said in sentences {
        // Here nothing may be cut: what is too long for a line is too long for blocks.
        pages.text(&sentence(&said, usize::MAX));
    }
    report.kustomizations.iter().for_each(|kustomization| one(kustomization, pages));
    if report.kustomizations.is_empty() {
        pages.text(&escape(&words::coverage(&report.coverage)));
    }
}

fn one(kustomization: &KustomizationReport, pages: &mut Pages) {
    let mut title = format!("*Kustomization* {}", code(&kustomization.name, 600));
    words::presence(kustomization).iter().for_each(|word| title.push_str(&format!(", {word}")));
    pages.start(&title);
    kustomization.notes.iter().for_each(|note| pages.text(&sentence(note, usize::MAX)));
    match &kustomization.finding {
        Finding::Failed { side, error, unknown } => {
            pages.text(words::failed(*side, *unknown));
            pages.fence(error);
        }
        Finding::Changes { changes } if changes.is_empty() => pages.text("No object changes"),
        Finding::Changes { changes } => {
            changes.iter().for_each(|change| object(change, words::kind(change.kind), pages));
        }
    }
    if !kustomization.drift.is_empty() {
        pages.text(&format!("_{}_", escape(&words::drift(kustomization.drift.len()))));
        kustomization.drift.iter().for_each(|change| object(change, words::drifted(), pages));
    }
}

fn object(change: &Change, what: &str, pages: &mut Pages) {
    let mut title = format!("{} {what}", code(&change.object.to_string(), 600));
    if let Some(said) = words::check(change, limits::SECTION_USED) {
        title.push_str(&format!(" — ⚠️ {}", sentence(&said, usize::MAX)));
    }
    for remark in words::remarks(change, limits::SECTION_USED) {
        title.push_str(&format!(" — {}", sentence(&remark, usize::MAX)));
    }
    let lines = diff::of(change);
    if lines.is_empty() {
        title.push_str(&format!(" — {}", words::no_lines(change)));
    }
    pages.start(&title);
    pages.fence(&lines);
}

/// Sections in the making. Gives up as soon as it is clear that they will not fit.
#[derive(Default)]
struct Pages {
    done: Vec<String>,
    page: String,
    size: usize,
    over: bool,
}

impl Pages {
    /// A line of mrkdwn.
    fn text(&mut self, line: &str) {
        self.add(line);
    }

    /// A line of mrkdwn in a new section.
    fn start(&mut self, line: &str) {
        self.turn();
        self.add(line);
    }

    /// Lines in a code block, over as many sections as it takes.
    fn fence(&mut self, lines: &str) {
        let mut block = String::new();
        for line in lines.lines() {
            let line = fenced_line(line);
            self.size += cost(&line);
            if self.over || self.size > limits::ALL_TEXT || cost(&line) > limits::SECTION_USED - 20 {
                self.over = true;
                return;
            }
            if cost(&self.page) + cost(&block) + cost(&line) > limits::SECTION_USED - 20 {
                self.close(&mut block);
                self.turn();
            }
            block.push_str(&line);
            block.push('\n');
        }
        self.close(&mut block);
    }

    fn close(&mut self, block: &mut String) {
        if !block.is_empty() {
            self.page.push_str(&fence(block));
            self.page.push('\n');
            block.clear();
        }
    }

    fn add(&mut self, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        self.size += cost(line);
        if self.over || self.size > limits::ALL_TEXT || cost(line) > limits::SECTION_USED {
            self.over = true;
            return;
        }
        if cost(&self.page) + cost(line) > limits::SECTION_USED {
            self.turn();
        }
        self.page.push_str(line);
        self.page.push('\n');
    }

    fn turn(&mut self) {
        if !self.page.is_empty() {
            self.done.push(std::mem::take(&mut self.page));
        }
    }

    fn finish(mut self) -> Option<Vec<Value>> {
        self.turn();
        let block = |(i, text): (usize, &String)| section(&format!("details-{i}"), one_block(text));
        (!self.over && !self.done.is_empty()).then(|| self.done.iter().enumerate().map(block).collect())
    }
}

fn one_block(text: &str) -> &str {
    text.trim_end_matches('\n')
}
