//! What a reader must know of one change besides its lines: what goes along with it, and what the comparison remarked.

use domain::change::{Change, ChangeKind};

use super::quoted;
use crate::safe::one_line;

/// Every remark on a change, the most serious first. A remark longer than `most` characters is cut.
pub fn remarks(change: &Change, most: usize) -> Vec<String> {
    let renamed = change.renamed_from.as_ref().map(|old| format!("It was {} before", quoted(&old.name)));
    let said = change.remarks.iter().map(|remark| one_line(remark, most));
    goes_along(change).into_iter().chain(renamed).chain(said).collect()
}

/// What the deletion of a Namespace or of a CRD takes along.
pub(super) fn goes_along(change: &Change) -> Option<String> {
    if !matches!(change.kind, ChangeKind::Deleted | ChangeKind::Recreated) {
        return None;
    }
    match (change.object.group.as_str(), change.object.kind.as_str()) {
        ("", "Namespace") => Some("Everything in this namespace is deleted with it".to_owned()),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            let kind = change.before.as_ref().and_then(|crd| crd.pointer("/spec/names/kind")?.as_str());
            let kind =
                kind.map_or_else(|| "this kind".to_owned(), |kind| format!("the kind {}", quoted(kind)));
            Some(format!("Every object of {kind} is deleted with it, in all namespaces"))
        }
        ("", "PersistentVolumeClaim") => {
            Some("Its volume is deleted with it, unless the volume's reclaim policy keeps it".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::object;
    use domain::change::Check;
    use domain::mask::Mask;
    use serde_json::{Value, json};

    fn deleted(group: &str, kind: &str, before: Value) -> Change {
        let mut id = object(kind, "x");
        id.group = group.to_owned();
        Change::new(id, ChangeKind::Deleted, Check::DryRun, (Some(before), None), &Mask::default())
    }

    #[test]
    fn deletions_say_what_they_take_along() {
        let check = |group: &str, kind: &str, before: Value, expected: &[&str]| {
            assert_eq!(remarks(&deleted(group, kind, before), 100), expected);
        };
        check("", "Namespace", json!({}), &["Everything in this namespace is deleted with it"]);
        let crd = json!({"spec": {"names": {"kind": "Widget"}}});
        let all = "Every object of the kind `Widget` is deleted with it, in all namespaces";
        check("apiextensions.k8s.io", "CustomResourceDefinition", crd, &[all]);
        check("", "ConfigMap", json!({}), &[]);
    }

    #[test]
    fn remarks_follow() {
        let mut change =
            deleted("", "ConfigMap", json!({})).remarked("it is not in the inventory", &Mask::default());
        change.renamed_from = Some(object("ConfigMap", "old"));
        assert_eq!(remarks(&change, 100), ["It was `old` before", "it is not in the inventory"]);
    }
}
