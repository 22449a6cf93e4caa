//! Whether Flux sees a difference between two states of an object, and so whether it applies anything.

use serde_json::Value;

/// Whether kustomize-controller takes two states of an object for the same: it looks at labels, annotations and what is beside
/// the metadata and the status. Finalizers and owners alone are never reason enough to apply.
pub fn same(left: &Value, right: &Value) -> bool {
    let entries = |object: &Value, key: &str| match &object["metadata"][key] {
        Value::Object(map) if map.is_empty() => Value::Null,
        other => other.clone(),
    };
    ["labels", "annotations"].into_iter().all(|key| entries(left, key) == entries(right, key))
        && body(left).eq(body(right))
}

fn body(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let fields = object.as_object().into_iter().flatten();
    fields.filter(|(key, _)| !matches!(key.as_str(), "metadata" | "status"))
}

#[cfg(test)]
mod tests {
    use super::same;
    use serde_json::{Value, json};

    fn check(left: Value, right: Value, expected: bool) {
        let object =
            |metadata: &Value, data: &Value| json!({"kind": "A", "metadata": metadata, "data": data});
        let (left, right) = (object(&left[0], &left[1]), object(&right[0], &right[1]));
        assert_eq!((same(&left, &right), same(&right, &left)), (expected, expected), "{left} {right}");
    }

    #[test]
    fn labels_annotations_and_the_body_count() {
        let plain = json!([{}, {"a": "b"}]);
        check(plain.clone(), json!([{}, {"a": "c"}]), false);
        check(plain.clone(), json!([{"labels": {"a": "b"}}, {"a": "b"}]), false);
        check(plain.clone(), json!([{"annotations": {"a": "b"}}, {"a": "b"}]), false);
        check(plain.clone(), json!([{"labels": {}, "annotations": {}}, {"a": "b"}]), true);
        check(plain.clone(), json!([{"finalizers": ["x"], "ownerReferences": [{}]}, {"a": "b"}]), true);
        check(plain, json!([{"resourceVersion": "1", "managedFields": []}, {"a": "b"}]), true);
        assert!(same(&json!({"status": 1}), &json!({"status": 2})));
        assert!(!same(&json!({"spec": 1}), &json!({})));
    }
}
