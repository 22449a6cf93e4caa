//! Fits a comment into its limit without cutting a line in two: the biggest diffs become one line each, and get as many of their
//! first lines back as there is room for; then whole objects at the end go, then whole sections. What went is counted.

use super::item::{CLOSE, Item, Section};
use crate::words;

/// Room for the sentence about what was left out.
const RESERVE: usize = 400;
/// First lines are shown from this many on; fewer tell nobody anything.
const FEWEST: usize = 3;

/// A limit, and what counts against it.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    pub(super) most: usize,
    pub(super) measure: fn(&str) -> usize,
}

/// How an item is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Full,
    Name,
    Start(usize),
}

struct Shown<'a> {
    item: &'a Item,
    form: Form,
    full: usize,
    name: usize,
}

impl Shown<'_> {
    fn text(&self) -> String {
        match self.form {
            Form::Full => self.item.full(),
            Form::Name => self.item.name(),
            Form::Start(lines) => self.item.start(lines),
        }
    }
}

/// Head, sections, and a sentence about what was left out. The head itself must fit.
pub(super) fn fit(head: &str, sections: &[Section], limit: Limit) -> String {
    let measure = limit.measure;
    let room = limit.most.saturating_sub(RESERVE);
    let mut all: Vec<(&Section, Vec<Shown<'_>>)> = sections
        .iter()
        .map(|section| (section, section.items.iter().map(|item| sized(item, measure)).collect()))
        .collect();
    let frame = |section: &Section| measure(&section.open) + measure(CLOSE);
    let mut size = measure(head)
        + all
            .iter()
            .map(|(section, items)| frame(section) + items.iter().map(|i| i.full).sum::<usize>())
            .sum::<usize>();
    shorten(&mut all, &mut size, room);
    let (mut unlisted, mut folded, mut lost) = (0, 0, 0);
    while size > room {
        let Some((section, items)) = all.last_mut() else { break };
        match items.pop() {
            Some(item) => {
                size -= if item.form == Form::Full { item.full } else { item.name };
                unlisted += 1;
                lost += usize::from(item.item.block.is_some());
            }
            None => {
                size -= frame(section);
                folded += 1;
                all.pop();
            }
        }
    }
    refill(&mut all, room.saturating_sub(size), measure);
    let named = all.iter().flat_map(|(_, items)| items).filter(|item| item.form != Form::Full).count();
    let mut out = head.to_owned();
    if named + lost + unlisted + folded > 0 {
        out.push_str(&format!("\n**{}**\n", words::left_out(named + lost, unlisted, folded)));
    }
    for (section, items) in &all {
        out.push_str(&section.open);
        items.iter().for_each(|item| out.push_str(&item.text()));
        out.push_str(CLOSE);
    }
    out
}

/// Whether nothing has to be left out.
pub(super) fn all_fits(head: &str, sections: &[Section], limit: Limit) -> bool {
    let measure = limit.measure;
    let items = |section: &Section| section.items.iter().map(|item| measure(&item.full())).sum::<usize>();
    let size: usize = sections.iter().map(|s| measure(&s.open) + measure(CLOSE) + items(s)).sum();
    measure(head) + size + RESERVE <= limit.most
}

fn sized(item: &Item, measure: fn(&str) -> usize) -> Shown<'_> {
    let name = measure(&item.name());
    Shown {
        item,
        form: Form::Full,
        full: if item.block.is_some() { measure(&item.full()) } else { name },
        name,
    }
}

/// Takes away the diffs that save most, until the rest fits or none is left.
fn shorten(all: &mut [(&Section, Vec<Shown<'_>>)], size: &mut usize, room: usize) {
    if *size <= room {
        return;
    }
    let mut items: Vec<&mut Shown<'_>> =
        all.iter_mut().flat_map(|(_, items)| items).filter(|item| item.full > item.name).collect();
    items.sort_by_key(|item| std::cmp::Reverse(item.full - item.name));
    for item in items {
        if *size <= room {
            break;
        }
        *size -= item.full - item.name;
        item.form = Form::Name;
    }
}

/// Gives what was shortened as many of its first lines as there is room for, one after the other.
fn refill(all: &mut [(&Section, Vec<Shown<'_>>)], mut room: usize, measure: fn(&str) -> usize) {
    for item in all.iter_mut().flat_map(|(_, items)| items).filter(|item| item.form == Form::Name) {
        let lines = item.item.fitting(room + item.name, measure);
        let start = measure(&item.item.start(lines));
        if lines >= FEWEST && start <= room + item.name {
            room = room + item.name - start;
            item.form = Form::Start(lines);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::item::Block;
    use super::*;
    use crate::safe::units;

    fn item(name: &str, lines: usize) -> Item {
        let block = Block::new("diff", "+xxxxxxxx\n".repeat(lines));
        Item {
            title: name.to_owned(),
            end: "",
            short: format!(" — {lines} lines left out"),
            block: Some(block),
        }
    }

    fn check(items: Vec<Item>, most: usize, has: &[&str], lacks: &[&str]) {
        let sections = [Section { open: "<details>\n".to_owned(), again: String::new(), items }];
        let text = fit("head\n", &sections, Limit { most, measure: units });
        assert!(units(&text) <= most, "{} > {most}", units(&text));
        for part in has {
            assert!(text.contains(part), "no {part:?} in {text}");
        }
        for part in lacks {
            assert!(!text.contains(part), "{part:?} in {text}");
        }
    }

    #[test]
    fn the_biggest_diff_goes_first_and_is_counted() {
        check(vec![item("a", 30), item("b", 1)], 1000, &["a\n\n```", "b\n\n```"], &["left out"]);
        check(
            vec![item("a", 90), item("b", 1)],
            700,
            &["b\n\n```diff\n+x", "1 diff is left out"],
            &["a\n\n"],
        );
    }

    #[test]
    fn what_is_too_long_shows_its_first_lines() {
        check(
            vec![item("a", 90), item("b", 1)],
            1000,
            &[
                "a, the first 44",
                " of 90 lines\n\n```diff\n+x",
                "b\n\n```",
                "1 diff is left out here or shown in part",
            ],
            &[],
        );
    }

    #[test]
    fn what_is_not_even_listed_is_counted() {
        let many = (0..400).map(|i| item(&format!("object-{i}"), 2)).collect();
        let has = ["object-0 —", "400 diffs are left out", "objects are not even listed"];
        check(many, 1000, &has, &["object-399"]);
    }
}
