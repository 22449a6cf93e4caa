//! A foldable part of a comment and what is in it, each of which can be shown in full, by its first lines, or by its name alone.

use super::escape::fence;
use crate::words;

/// What ends every foldable part.
pub(super) const CLOSE: &str = "</details>\n";

/// A foldable part.
pub(super) struct Section {
    /// From `<details>` to the first object.
    pub(super) open: String,
    /// The same where it goes on in a further comment.
    pub(super) again: String,
    pub(super) items: Vec<Item>,
}

/// One object, or one error.
pub(super) struct Item {
    /// Its line.
    pub(super) title: String,
    /// What its line ends in where all lines follow.
    pub(super) end: &'static str,
    /// What stands behind the title when the lines do not: how many they are, or the error in short.
    pub(super) short: String,
    /// Its lines, and the language they are in; `None` where there are none to leave out.
    pub(super) block: Option<Block>,
}

/// Lines inside a fence. All end in a line feed.
pub(super) struct Block {
    pub(super) language: &'static str,
    pub(super) lines: String,
    /// How many of them stand in an earlier comment.
    pub(super) before: usize,
}

impl Block {
    pub(super) fn new(language: &'static str, mut lines: String) -> Self {
        if !lines.ends_with('\n') {
            lines.push('\n');
        }
        Self { language, lines, before: 0 }
    }

    pub(super) fn count(&self) -> usize {
        self.lines.lines().count()
    }

    /// The start of it that holds this many lines.
    fn first(&self, lines: usize) -> &str {
        let end = self.lines.match_indices('\n').nth(lines.wrapping_sub(1));
        end.map_or("", |(end, _)| &self.lines[..=end])
    }
}

impl Item {
    pub(super) fn full(&self) -> String {
        match &self.block {
            Some(block) if block.before > 0 => {
                format!("{}, {}\n\n{}\n", self.title, words::continued(), fence(block.language, &block.lines))
            }
            Some(block) => {
                format!("{}{}\n\n{}\n", self.title, self.end, fence(block.language, &block.lines))
            }
            None => self.name(),
        }
    }

    /// Without its lines.
    pub(super) fn name(&self) -> String {
        format!("{}{}\n\n", self.title, self.short)
    }

    /// With its first lines only.
    pub(super) fn start(&self, lines: usize) -> String {
        let Some(block) = &self.block else { return self.name() };
        let all = block.before + block.count();
        let said = match block.before {
            0 => words::first_lines(lines, all),
            _ => words::continued().to_owned(),
        };
        format!("{}, {said}\n\n{}\n", self.title, fence(block.language, block.first(lines)))
    }

    /// The most whole lines with which [`Item::start`] measures no more than `room`; 0 when not even one fits.
    pub(super) fn fitting(&self, room: usize, measure: fn(&str) -> usize) -> usize {
        let Some(block) = &self.block else { return 0 };
        // A fence is as long as the longest run of backticks in it: twice, and once more for good measure.
        let (mut used, mut run, mut lines) = (measure(&self.start(0)) + 64, 0, 0);
        for line in block.lines.split_inclusive('\n') {
            used += measure(line);
            run = run.max(super::escape::longest_run(line));
            if used + 2 * run > room {
                break;
            }
            lines += 1;
        }
        lines
    }

    /// Takes the first lines away, because they are shown.
    pub(super) fn shown(&mut self, lines: usize) {
        if let Some(block) = &mut self.block {
            let end = block.first(lines).len();
            block.lines.drain(..end);
            block.before += lines;
        }
    }
}
