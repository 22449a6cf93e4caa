//! Fits a comment into its limit without cutting anything in two: the biggest diffs become one line each, then whole objects at the
//! end go, then whole sections; what went is counted in the comment.

use crate::safe::units;
use crate::words;

/// A foldable part: what opens it, and what is in it.
pub(super) struct Section {
    /// From `<details>` to the first object.
    pub(super) open: String,
    pub(super) items: Vec<Item>,
}

/// One object, or one error.
pub(super) struct Item {
    /// With its diff.
    pub(super) full: String,
    /// Without.
    pub(super) short: String,
    /// Whether `full` holds more than `short`.
    pub(super) diff: bool,
}

const CLOSE: &str = "</details>\n";
/// Room for the sentence about what was left out.
const RESERVE: usize = 400;

/// Head, sections, and a sentence about what was left out, within `limit` UTF-16 units. The head itself must fit.
pub(super) fn fit(head: &str, sections: &mut Vec<Section>, limit: usize) -> String {
    let room = limit.saturating_sub(RESERVE);
    let mut size = units(head) + sections.iter().map(section_size).sum::<usize>();
    let mut left_out = 0;
    if size > room {
        left_out = shorten(sections, &mut size, room);
    }
    let (mut unlisted, mut folded) = (0, 0);
    while size > room {
        let Some(last) = sections.last_mut() else { break };
        if let Some(item) = last.items.pop() {
            size -= units(&item.full);
            unlisted += 1;
            // What is not listed has its diff left out too; one that was shortened is counted already.
            left_out += usize::from(item.diff && item.full != item.short);
        } else if let Some(section) = sections.pop() {
            size -= section_size(&section);
            folded += 1;
        }
    }
    let mut out = head.to_owned();
    if left_out + unlisted + folded > 0 {
        out.push_str(&format!("\n**{}**\n", words::left_out(left_out, unlisted, folded)));
    }
    for section in sections.iter() {
        out.push_str(&section.open);
        section.items.iter().for_each(|item| out.push_str(&item.full));
        out.push_str(CLOSE);
    }
    out
}

/// Takes away the diffs that save most, until the rest fits or none is left. Gives how many.
fn shorten(sections: &mut [Section], size: &mut usize, room: usize) -> usize {
    let mut items: Vec<(usize, &mut Item)> = sections
        .iter_mut()
        .flat_map(|section| section.items.iter_mut())
        .map(|item| (units(&item.full).saturating_sub(units(&item.short)), item))
        .filter(|(saving, item)| item.diff && *saving > 0)
        .collect();
    items.sort_by_key(|(saving, _)| std::cmp::Reverse(*saving));
    let mut count = 0;
    for (saving, item) in items {
        if *size <= room {
            break;
        }
        *size -= saving;
        item.full.clone_from(&item.short);
        count += 1;
    }
    count
}

fn section_size(section: &Section) -> usize {
    let items: usize = section.items.iter().map(|item| units(&item.full)).sum();
    units(&section.open) + items + units(CLOSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &str, diff: usize) -> Item {
        Item { full: format!("{name} {}\n", "x".repeat(diff)), short: format!("{name}\n"), diff: true }
    }

    fn check(items: Vec<Item>, limit: usize, has: &[&str], lacks: &[&str]) {
        let mut sections = vec![Section { open: "<details>\n".to_owned(), items }];
        let text = fit("head\n", &mut sections, limit);
        assert!(units(&text) <= limit, "{} > {limit}", units(&text));
        for part in has {
            assert!(text.contains(part), "no {part:?} in {text}");
        }
        for part in lacks {
            assert!(!text.contains(part), "{part:?} in {text}");
        }
    }

    #[test]
    fn the_biggest_diff_goes_first_and_is_counted() {
        check(vec![item("a", 300), item("b", 10)], 1000, &["a xxx", "b xxx"], &["left out"]);
        check(vec![item("a", 900), item("b", 10)], 1000, &["a\n", "b xxx", "1 diff is left out"], &["a x"]);
    }

    #[test]
    fn what_is_not_even_listed_is_counted() {
        let many = (0..400).map(|i| item(&format!("object-{i}"), 10)).collect();
        check(
            many,
            1000,
            &["object-0\n", "400 diffs are left out", "objects are not even listed"],
            &["object-399"],
        );
    }
}
