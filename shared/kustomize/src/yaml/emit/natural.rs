//! The order of a map's keys: letters after all else, runs of digits by their value.

use std::cmp::Ordering;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

/// The fields of a map in the order of their keys.
pub(super) fn sorted(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let fields: Vec<_> = map.iter().collect();
    if fields.is_sorted_by(|(a, _), (b, _)| natural(a, b) != Ordering::Greater) {
        return fields;
    }
    merge_sort(fields)
}

/// The order has circles (`01`, `0a`, `1`), which the standard library's sort does not bear.
fn merge_sort<'a>(mut fields: Vec<(&'a String, &'a Value)>) -> Vec<(&'a String, &'a Value)> {
    let mut merged = Vec::with_capacity(fields.len());
    let mut width = 1;
    while width < fields.len() {
        for pair in fields.chunks(2 * width) {
            let (mut left, mut right) = pair.split_at(width.min(pair.len()));
            while let (Some((l, rest_l)), Some((r, rest_r))) = (left.split_first(), right.split_first()) {
                if natural(r.0, l.0) == Ordering::Less {
                    merged.push(*r);
                    right = rest_r;
                } else {
                    merged.push(*l);
                    left = rest_l;
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        std::mem::swap(&mut fields, &mut merged);
        merged.clear();
        width *= 2;
    }
    fields
}

fn natural(a: &str, b: &str) -> Ordering {
    let equal = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    let at = a.floor_char_boundary(equal);
    let (before, rest_a, rest_b) = (&a.get(..at), a.get(at..), b.get(at..));
    let (rest_a, rest_b) = (rest_a.unwrap_or_default(), rest_b.unwrap_or_default());
    let (Some(x), Some(y)) = (rest_a.chars().next(), rest_b.chars().next()) else {
        return a.len().cmp(&b.len());
    };
    match (is_letter(x), is_letter(y)) {
        (true, true) => return x.cmp(&y),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let before = before.unwrap_or_default();
    let in_number =
        (x == '0' || y == '0') && before.chars().rev().take_while(|c| is_digit(*c)).any(|c| c != '0');
    let start = i64::from(in_number);
    let ((an, al), (bn, bl)) = (number(rest_a, start), number(rest_b, start));
    an.cmp(&bn).then(al.cmp(&bl)).then(x.cmp(&y))
}

/// The value of the digits that a text starts with, after `start`, and how many there are.
fn number(text: &str, start: i64) -> (i64, usize) {
    text.chars().take_while(|c| is_digit(*c)).fold((start, 0), |(n, len), c| {
        (n.wrapping_mul(10).wrapping_add(i64::from(u32::from(c)).wrapping_sub(48)), len + 1)
    })
}

fn is_letter(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphabetic() } else { is_of(&LETTER, c) }
}

fn is_digit(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_digit() } else { is_of(&DIGIT, c) }
}

fn is_of(class: &LazyLock<Option<Regex>>, c: char) -> bool {
    class.as_ref().is_some_and(|class| class.is_match(c.encode_utf8(&mut [0; 4])))
}

static LETTER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\p{L}").ok());
static DIGIT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\p{Nd}").ok());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_whose_order_has_circles_are_all_kept() {
        let keys =
            (0..99).flat_map(|i| [format!("{i}"), format!("0{i}"), format!("0a{i}"), format!("\u{b2}{i}")]);
        let map: Map<String, Value> = keys.map(|key| (key, Value::Null)).collect();
        let mut got: Vec<&String> = sorted(&map).into_iter().map(|(key, _)| key).collect();
        got.sort();
        assert!(got.into_iter().eq(map.keys()));
    }

    #[test]
    fn numbers_count_by_value_and_letters_come_last() {
        let check = |a: &str, b: &str| assert_eq!(natural(a, b), Ordering::Less, "{a} {b}");
        check("a2", "a10");
        check("1", "01");
        check("a", "ab");
        check("_", "a");
        check("é2", "é10");
        check("2", "é");
        check("\u{b2}", "é");
    }
}
