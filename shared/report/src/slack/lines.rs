//! The most telling thing about a change, in one line: `image 1.27.0 → 1.27.1, replicas 2 → 3`.

use domain::change::{Change, ChangeKind, Check, FieldChange};
use domain::report::{Finding, Report};
use serde_json::Value;

use super::mrkdwn::{code, words as plain};
use crate::safe::one_line;
use crate::words;

/// Fields told of one object.
const FIELDS: usize = 2;
/// Characters of one value.
const VALUE: usize = 40;

/// The changes of a report, what a reader should see first ahead.
pub(super) fn by_weight(report: &Report) -> Vec<&Change> {
    let mut all: Vec<&Change> = report
        .kustomizations
        .iter()
        .filter_map(|kustomization| match &kustomization.finding {
            Finding::Changes { changes } => Some(changes),
            Finding::Failed { .. } => None,
        })
        .flatten()
        .collect();
    all.sort_by_key(|change| weight(change));
    all
}

fn weight(change: &Change) -> u8 {
    match (&change.check, change.kind) {
        (Check::Refused { .. }, _) => 0,
        (_, ChangeKind::Deleted) => 1,
        (_, ChangeKind::Recreated) => 2,
        (Check::NotValidated { .. }, _) => 3,
        (_, ChangeKind::Changed | ChangeKind::Renamed) => 4,
        (_, ChangeKind::Created) => 5,
        (_, ChangeKind::Moved) => 6,
        (_, ChangeKind::Orphaned) => 7,
    }
}

/// One line of mrkdwn about a change.
pub(super) fn line(change: &Change) -> String {
    let name = code(&change.object.to_string(), 120);
    let mut line = format!("• {name} {}", words::kind(change.kind));
    let fields = telling(change);
    if !fields.is_empty() {
        line.push_str(&format!(": {}", fields.join(", ")));
    }
    match &change.check {
        Check::Refused { why } => line.push_str(&format!(" — ⚠️ refused: {}", plain(why, 160))),
        Check::NotValidated { why } => line.push_str(&format!(" — not validated: {}", plain(why, 160))),
        Check::DryRun | Check::RenderOnly | Check::Structural => {}
    }
    if let Some(remark) = words::remarks(change, 160).first() {
        line.push_str(&format!(" — {}", plain(remark, 160)));
    }
    line
}

/// The fields that say most, and how many others there are.
fn telling(change: &Change) -> Vec<String> {
    let mut fields = change.fields();
    fields.sort_by_key(rank);
    let more = fields.len().saturating_sub(FIELDS);
    let mut told: Vec<String> = fields.iter().take(FIELDS).map(field).collect();
    if more > 0 {
        told.push(format!("{more} more"));
    }
    told
}

fn rank(field: &FieldChange) -> u8 {
    let last = field.path.rsplit('.').next().unwrap_or_default();
    match last {
        "image" | "tag" | "newTag" | "version" => 0,
        "replicas" => 1,
        _ if field.path.starts_with("metadata.") => 3,
        _ => 2,
    }
}

fn field(field: &FieldChange) -> String {
    let path = short_path(&field.path);
    match (&field.before, &field.after) {
        (Some(Value::String(old)), Some(Value::String(new))) => {
            let (old, new) = tags(old, new).unwrap_or((old, new));
            format!("{path} {} → {}", code(old, VALUE), code(new, VALUE))
        }
        (Some(old), Some(new)) => format!("{path} {} → {}", value(old), value(new)),
        (None, Some(new)) => format!("{path} added: {}", value(new)),
        (Some(_), None) => format!("{path} removed"),
        (None, None) => path,
    }
}

/// Of two images of the same name, only what is behind it.
fn tags<'a>(old: &'a str, new: &'a str) -> Option<(&'a str, &'a str)> {
    let (old_name, old_tag) = old.rsplit_once(':')?;
    let (new_name, new_tag) = new.rsplit_once(':')?;
    let image =
        old_name == new_name && !old_tag.contains('/') && !old_name.contains(' ') && !old_tag.contains(' ');
    image.then_some((old_tag, new_tag))
}

/// The last two parts of a path say enough here: the whole one is in the thread.
fn short_path(path: &str) -> String {
    let cut = path
        .rmatch_indices('.')
        .nth(1)
        .filter(|_| !path.contains('"'))
        .map_or(path, |(at, _)| &path[at + 1..]);
    code(cut, 80)
}

fn value(value: &Value) -> String {
    match value {
        Value::String(text) => code(text, VALUE),
        Value::Array(items) => words::plural(items.len(), "item", "items"),
        Value::Object(fields) => words::plural(fields.len(), "field", "fields"),
        other => code(&one_line(&other.to_string(), VALUE), VALUE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{changed, object};
    use serde_json::json;

    fn check(before: Value, after: Value, expected: &str) {
        assert_eq!(line(&changed(object("Deployment", "web"), before, after)), expected);
    }

    #[test]
    fn the_telling_fields_come_first() {
        let spec = |image: &str, replicas: u64, more: &str| json!({"metadata": {"labels": {"a": more}}, "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"name": "web", "image": image}]}}}});
        check(
            spec("nginx:1.27.0", 2, "x"),
            spec("nginx:1.27.1", 3, "y"),
            "• `Deployment/apps/web` changed: `containers[web].image` `1.27.0` → `1.27.1`, `spec.replicas` `2` → `3`, 1 more",
        );
        check(
            json!({}),
            json!({"spec": {"a": [1, 2]}}),
            "• `Deployment/apps/web` changed: `spec` added: 1 field",
        );
        check(json!({"a": "`<!channel>"}), json!({}), "• `Deployment/apps/web` changed: `a` removed");
        check(
            json!({"a": 1}),
            json!({"a": "`<!channel>"}),
            "• `Deployment/apps/web` changed: `a` `1` → `ˋ&lt;!channel&gt;`",
        );
    }
}
