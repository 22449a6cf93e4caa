//! The whole report over several comments: each is complete Markdown of its own, cut between lines. Only the last one may leave
//! something out, and says so.

use std::collections::VecDeque;

use super::fit::{Limit, fit};
use super::item::{CLOSE, Item, Section};
use crate::safe::cut;
use crate::words;

/// Comments that one report may take; what is beyond is in Slack.
pub(super) const MOST_PARTS: usize = 10;
/// Room that must be left in a comment for a long diff to begin there.
const START: usize = 4_000;
/// Characters of one line; what is longer is cut, and says by how much.
const LINE: usize = 5_000;

/// The sections over as few comments as they need. `head` gives the head of each, by its number and how many there are.
pub(super) fn split(
    mut sections: Vec<Section>,
    limit: Limit,
    head: impl Fn(usize, usize) -> String,
) -> Vec<String> {
    for item in sections.iter_mut().flat_map(|section| &mut section.items) {
        cut_lines(item);
    }
    let mut rest = VecDeque::from(sections);
    let mut bodies = Vec::new();
    while !rest.is_empty() && bodies.len() + 1 < MOST_PARTS {
        // The head is measured with the highest numbers it can hold.
        let taken = (limit.measure)(&head(bodies.len() + 1, MOST_PARTS));
        bodies.push(take(&mut rest, limit.most.saturating_sub(taken), limit.measure));
    }
    let last = Vec::from(rest);
    let parts = (bodies.len() + usize::from(!last.is_empty())).max(1);
    let mut all: Vec<String> = (1..).zip(bodies).map(|(part, body)| head(part, parts) + &body).collect();
    if all.len() < parts {
        all.push(fit(&head(parts, parts), &last, limit));
    }
    all
}

/// One comment's worth of sections, which go from `rest`.
fn take(rest: &mut VecDeque<Section>, room: usize, measure: fn(&str) -> usize) -> String {
    let mut page = Page { text: String::new(), used: 0, room, measure };
    while let Some(section) = rest.front_mut() {
        let frame = measure(&section.open) + measure(CLOSE);
        let whole: usize = frame + section.items.iter().map(|item| measure(&item.full())).sum::<usize>();
        let first = section.items.first().map_or(0, |item| measure(&item.start(1)));
        if page.used > 0 && page.used + whole > room && page.used + frame + first.max(START) > room {
            break;
        }
        page.add(&section.open);
        page.used += measure(CLOSE);
        let done = page.items(&mut section.items);
        page.text.push_str(CLOSE);
        if !done {
            section.open.clone_from(&section.again);
            break;
        }
        rest.pop_front();
    }
    page.text
}

struct Page {
    text: String,
    used: usize,
    room: usize,
    measure: fn(&str) -> usize,
}

impl Page {
    fn add(&mut self, text: &str) {
        self.used += (self.measure)(text);
        self.text.push_str(text);
    }

    /// Takes what fits. Gives whether that was all.
    fn items(&mut self, items: &mut Vec<Item>) -> bool {
        let mut items_left = VecDeque::from(std::mem::take(items));
        while let Some(item) = items_left.front_mut() {
            let full = item.full();
            let left = self.room.saturating_sub(self.used);
            if (self.measure)(&full) <= left {
                self.add(&full);
                items_left.pop_front();
                continue;
            }
            let lines = if left >= START.min(self.room / 2) { item.fitting(left, self.measure) } else { 0 };
            if lines > 0 {
                self.add(&item.start(lines));
                item.shown(lines);
            }
            break;
        }
        *items = items_left.into();
        items.is_empty()
    }
}

fn cut_lines(item: &mut Item) {
    let Some(block) = item.block.as_mut().filter(|b| b.lines.lines().any(|line| line.len() > LINE)) else {
        return;
    };
    let short = |line: &str| {
        let count = line.chars().count();
        if count <= LINE { line.to_owned() } else { cut(line, LINE) + &words::cut_line(count - LINE + 1) }
    };
    block.lines = block.lines.lines().map(|line| short(line) + "\n").collect();
}
