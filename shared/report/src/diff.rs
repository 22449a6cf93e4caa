//! Two states of an object as a unified diff of their YAML. Plain text: colours, fences and limits are the renderers' business.

use std::time::Duration;

use domain::change::{Change, ChangeKind};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use crate::safe::visible;
use crate::yaml;

/// Unchanged lines around a change.
const CONTEXT: usize = 3;
/// After this long a diff stops looking for the shortest form; what it then gives is longer, and as true.
const PATIENCE: Duration = Duration::from_secs(1);

/// A change as a unified diff; empty where there is nothing to compare. Every line ends in a line feed and is visible.
pub(crate) fn of(change: &Change) -> String {
    // An object that stays or moves is told elsewhere, or no news.
    if matches!(change.kind, ChangeKind::Orphaned | ChangeKind::Moved) {
        return String::new();
    }
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => between(before, after),
        (Some(only), None) => whole('-', only),
        (None, Some(only)) => whole('+', only),
        (None, None) => String::new(),
    }
}

fn whole(sign: char, value: &Value) -> String {
    yaml::lines(value).iter().map(|line| format!("{sign}{}\n", visible(&line.text))).collect()
}

fn between(before: &Value, after: &Value) -> String {
    let (old, new) = (yaml::lines(before), yaml::lines(after));
    let old_text: Vec<&str> = old.iter().map(|line| line.text.as_str()).collect();
    let new_text: Vec<&str> = new.iter().map(|line| line.text.as_str()).collect();
    let mut settings = TextDiff::configure();
    settings.timeout(PATIENCE);
    let diff = settings.diff_slices(&old_text, &new_text);
    let mut out = String::new();
    for group in diff.grouped_ops(CONTEXT) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let a = first.old_range().start..last.old_range().end;
        let b = first.new_range().start..last.new_range().end;
        let changed = group.iter().find(|op| op.tag() != similar::DiffTag::Equal).unwrap_or(first);
        // A removed field is only on the old side, every other change has a line on the new one.
        let line = new.get(changed.new_range().start).filter(|_| !changed.new_range().is_empty());
        let path = line.or_else(|| old.get(changed.old_range().start)).map_or("", |line| &line.path);
        out.push_str(&format!(
            "@@ -{},{} +{},{} @@ {}\n",
            a.start + 1,
            a.len(),
            b.start + 1,
            b.len(),
            crate::safe::one_line(path, 120)
        ));
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            out.push(sign);
            out.push_str(&visible(change.value()));
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_changed_field_shows_with_its_path_and_neighbours() {
        let side = |image: &str, more: Value| json!({"kind": "Deployment", "spec": {"a": 1, "b": 2, "c": 3, "image": image, "x": more}});
        assert_eq!(
            between(&side("web:1", json!(1)), &side("web:2", json!(1))),
            "@@ -3,5 +3,5 @@ spec.image\n   a: 1\n   b: 2\n   c: 3\n-  image: web:1\n+  image: web:2\n   x: 1\n"
        );
        assert_eq!(between(&side("same", json!(1)), &side("same", json!(1))), "");
    }

    #[test]
    fn the_order_of_fields_is_no_change() {
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
        assert_eq!(between(&parse(r#"{"a":1,"b":2}"#), &parse(r#"{"b":2,"a":1}"#)), "");
    }

    #[test]
    fn whole_objects_are_one_sided() {
        assert_eq!(whole('+', &json!({"kind": "A", "t": "x\u{1b}"})), "+kind: A\n+t: \"x\\x1B\"\n");
        assert_eq!(whole('-', &json!({"t": "x\r\ny"})), "-t: |-\n-  x\\u{d}\n-  y\n");
    }

    #[test]
    fn two_big_sides_without_a_common_line_are_done_in_time() {
        let side = |n: &str| Value::from((0..20_000).map(|i| format!("{n}{i}\n")).collect::<String>());
        let text = between(&side("a"), &side("b"));
        assert_eq!(text.lines().filter(|l| l.starts_with("-  a")).count(), 20_000);
        assert_eq!(text.lines().filter(|l| l.starts_with("+  b")).count(), 20_000);
    }
}
