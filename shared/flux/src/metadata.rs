//! Labels and annotations that Flux sets: who owns an object, and `spec.commonMetadata`.

use serde_json::{Map, Value};
use std::collections::BTreeMap;

use crate::control::{OWNER_NAME, OWNER_NAMESPACE};
use crate::{CommonMetadata, ObjectKey};

/// Sets the owner labels. Labels that are not all text are lost, as in the controller; the answer says so.
pub(crate) fn set_owner(object: &mut Value, owner: &ObjectKey) -> bool {
    let (labels, lost) = strings(object, "labels");
    let owned = [(OWNER_NAME, &owner.name), (OWNER_NAMESPACE, &owner.namespace)];
    let owned = owned.map(|(key, value)| (key.to_owned(), value.clone()));
    set(object, "labels", labels.into_iter().chain(owned).collect());
    lost
}

/// Sets common labels and annotations, over what is there.
pub(crate) fn set_common(object: &mut Value, common: &CommonMetadata) {
    for (field, added) in [("labels", &common.labels), ("annotations", &common.annotations)] {
        let (mut all, _) = strings(object, field);
        all.extend(added.clone());
        if !all.is_empty() {
            set(object, field, all);
        }
    }
}

/// A map of strings in the metadata, `null` values as empty ones; nothing at all when a value is something else.
fn strings(object: &Value, field: &str) -> (BTreeMap<String, String>, bool) {
    let map = match &object["metadata"][field] {
        Value::Object(map) => map,
        other => return (BTreeMap::new(), !other.is_null()),
    };
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Null => Some(String::new()),
        _ => None,
    };
    let all: Option<BTreeMap<_, _>> = map.iter().map(|(k, v)| Some((k.clone(), text(v)?))).collect();
    let lost = all.is_none();
    (all.unwrap_or_default(), lost)
}

fn set(object: &mut Value, field: &str, map: BTreeMap<String, String>) {
    let map: Map<String, Value> = map.into_iter().map(|(k, v)| (k, Value::String(v))).collect();
    let metadata =
        object.as_object_mut().map(|o| o.entry("metadata").or_insert_with(|| Value::Object(Map::new())));
    if let Some(Value::Object(metadata)) = metadata {
        metadata.insert(field.to_owned(), Value::Object(map));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(labels: Value, expected: Value, lost: bool) {
        let mut object = json!({"metadata": {"labels": labels}});
        assert_eq!(set_owner(&mut object, &ObjectKey::new("ns", "apps")), lost);
        let mut expected = expected;
        expected[OWNER_NAME] = json!("apps");
        expected[OWNER_NAMESPACE] = json!("ns");
        assert_eq!(object["metadata"]["labels"], expected);
    }

    #[test]
    fn owner_labels_are_added() {
        check(Value::Null, json!({}), false);
        check(json!({"a": "b", "n": null, OWNER_NAME: "other"}), json!({"a": "b", "n": ""}), false);
        check(json!({"a": "b", "version": 1.1}), json!({}), true);
    }

    #[test]
    fn common_metadata_wins() {
        let mut object = json!({"metadata": {"labels": {"a": "b"}, "annotations": {"n": 1}}});
        let map = |k: &str, v: &str| BTreeMap::from([(k.to_owned(), v.to_owned())]);
        set_common(&mut object, &CommonMetadata { labels: map("a", "c"), annotations: BTreeMap::new() });
        assert_eq!(object, json!({"metadata": {"labels": {"a": "c"}, "annotations": {"n": 1}}}));
        set_common(&mut object, &CommonMetadata { labels: BTreeMap::new(), annotations: map("x", "y") });
        assert_eq!(object["metadata"]["annotations"], json!({"x": "y"}));
    }
}
