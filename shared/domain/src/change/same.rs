//! Whether Flux sees a difference between two states of an object, and so whether it applies anything.

use std::borrow::Cow;

use serde_json::Value;

/// So many metrics are compared with each other; nobody scales by more.
const MOST_METRICS: usize = 256;

/// Whether kustomize-controller takes two states of an object for the same: it looks at labels, annotations and what is beside
/// the metadata and the status. Finalizers and owners alone are never reason enough to apply.
pub fn same(left: &Value, right: &Value) -> bool {
    let entries = |object: &Value, key: &str| match &object["metadata"][key] {
        Value::Object(map) if map.is_empty() => Value::Null,
        other => other.clone(),
    };
    if ["labels", "annotations"].into_iter().any(|key| entries(left, key) != entries(right, key)) {
        return false;
    }
    let (left, right) = (without_repeats(left), without_repeats(right));
    body(&left).eq(body(&right))
}

/// Whether two states that Flux takes for the same differ in repeated metrics of a HorizontalPodAutoscaler.
pub fn same_but_for_repeats(left: &Value, right: &Value) -> bool {
    same(left, right) && !body(left).eq(body(right))
}

/// A HorizontalPodAutoscaler without metrics that repeat an earlier one or have no type: Flux looks past both, because older API
/// servers made them up. In other versions of the kind it does not.
fn without_repeats(object: &Value) -> Cow<'_, Value> {
    let is_autoscaler =
        object["kind"] == "HorizontalPodAutoscaler" && object["apiVersion"] == "autoscaling/v2";
    let Some(metrics) = object["spec"]["metrics"].as_array().filter(|_| is_autoscaler) else {
        return Cow::Borrowed(object);
    };
    let mut kept: Vec<&Value> = Vec::new();
    for metric in metrics.iter().take(MOST_METRICS) {
        if metric["type"].as_str().is_some_and(|kind| !kind.is_empty()) && !kept.contains(&metric) {
            kept.push(metric);
        }
    }
    kept.extend(metrics.iter().skip(MOST_METRICS));
    let kept: Vec<Value> = kept.into_iter().cloned().collect();
    let mut object = object.clone();
    object["spec"]["metrics"] = kept.into();
    Cow::Owned(object)
}

fn body(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let fields = object.as_object().into_iter().flatten();
    fields.filter(|(key, _)| !matches!(key.as_str(), "metadata" | "status"))
}

#[cfg(test)]
mod tests {
    use super::{same, same_but_for_repeats};
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

    #[test]
    fn repeated_metrics_do_not_count() {
        let cpu = json!({"type": "Resource", "resource": {"name": "cpu"}});
        let memory = json!({"type": "Resource", "resource": {"name": "memory"}});
        let scaler = |version: &str, metrics: Value| json!({"apiVersion": version, "kind": "HorizontalPodAutoscaler", "spec": {"metrics": metrics}});
        let of = |metrics: Value| scaler("autoscaling/v2", metrics);
        let (one, both) = (of(json!([cpu])), of(json!([cpu, memory])));
        for repeated in [json!([cpu, cpu]), json!([cpu, {"type": ""}]), json!([cpu, {}, cpu])] {
            let repeated = of(repeated);
            assert!(same(&one, &repeated) && same(&repeated, &one) && !same(&both, &repeated), "{repeated}");
            assert!(same_but_for_repeats(&one, &repeated) && !same_but_for_repeats(&both, &repeated));
        }
        assert!(!same_but_for_repeats(&one, &one) && !same(&both, &of(json!([memory, cpu]))));
        let beta = |metrics: Value| scaler("autoscaling/v2beta2", metrics);
        assert!(!same(&beta(json!([cpu])), &beta(json!([cpu, cpu]))));
    }
}
