//! Whether a live object is as its render would leave it, told without asking the API server again.
//!
//! Server-side apply changes three things: fields that are applied with another value, fields that this manager applied before
//! and now leaves out, and fields that nobody applied yet. So an apply changes nothing when the manager's entry in
//! `managedFields` names exactly the fields of the render and the live object has the render's values there. Whatever else is
//! in the object belongs to others, and server-side apply leaves it. Where anything here is not certain (another version, a
//! value that the API server writes differently, a list in another order) the answer is no, and the dry-run is asked: a wrong
//! "no" costs a request, a wrong "yes" would hide drift. What is not seen here is an admission webhook that was changed since the
//! last apply and would now change fields that Git does not set: that is the webhook's next doing, not a drift of the object.

use serde_json::{Map, Value};

/// The field manager of kustomize-controller.
const MANAGER: &str = "kustomize-controller";
/// Deeper values are left to the API server.
const DEEPEST: usize = 64;

/// Whether applying `render` would leave `live` as it is. A "no" may be wrong, a "yes" is not.
pub fn settles(render: &Value, live: &Value) -> bool {
    let Some(fields) = entry(render, live) else { return false };
    let (mut render, mut live) = (render.clone(), live.clone());
    // What identifies an object is not in the entry, and neither is what no manifest sets.
    for side in [&mut render, &mut live] {
        take(side, &["apiVersion", "kind", "status"]);
        let metadata = side.get_mut("metadata").into_iter();
        metadata.for_each(|metadata| take(metadata, &["name", "namespace", "creationTimestamp"]));
    }
    // A name is no field of anybody's.
    if render["metadata"].as_object().is_some_and(Map::is_empty) {
        take(&mut render, &["metadata"]);
    }
    same(&render, &live, fields, DEEPEST)
}

fn take(value: &mut Value, keys: &[&str]) {
    if let Some(map) = value.as_object_mut() {
        keys.iter().for_each(|key| drop(map.remove(*key)));
    }
}

/// What the controller applied, if it applied once, in the render's version.
fn entry<'a>(render: &Value, live: &'a Value) -> Option<&'a Map<String, Value>> {
    let entries = live.pointer("/metadata/managedFields")?.as_array()?;
    let ours = |entry: &&Value| entry["manager"] == MANAGER && entry.get("subresource").is_none();
    let mut ours = entries.iter().filter(ours);
    let (entry, None) = (ours.next()?, ours.next()) else { return None };
    let current = entry["operation"] == "Apply" && entry["apiVersion"] == render["apiVersion"];
    entry["fieldsV1"].as_object().filter(|_| current)
}

fn same(render: &Value, live: &Value, fields: &Map<String, Value>, depth: usize) -> bool {
    let own = fields.iter().filter(|(key, _)| *key != ".");
    if depth == 0 || own.clone().next().is_none() {
        return render == live;
    }
    match (render, live) {
        (Value::Object(render), Value::Object(live)) => {
            own.clone().count() == render.len()
                && own.clone().all(|(key, below)| {
                    let Some(name) = key.strip_prefix("f:") else { return false };
                    pair(key, render.get(name), live.get(name), below, depth)
                })
        }
        (Value::Array(render), Value::Array(live)) => items(render, live, own, depth),
        _ => false,
    }
}

/// What the types of Deployments and the like add where Git sets nothing: merged field by field, so that none of it changes.
fn is_empty_struct(key: &str, render: &Value) -> bool {
    matches!(key, "f:strategy" | "f:updateStrategy") && render.as_object().is_some_and(Map::is_empty)
}

fn pair(key: &str, render: Option<&Value>, live: Option<&Value>, below: &Value, depth: usize) -> bool {
    match (render, live, below.as_object()) {
        (Some(render), Some(live), Some(below)) => {
            (is_empty_struct(key, render) && live.is_object()) || same(render, live, below, depth - 1)
        }
        _ => false,
    }
}

/// Items of a list that is merged: each is found by its keys or its value, and they stand in the same order on both sides.
fn items<'a>(
    render: &[Value],
    live: &[Value],
    fields: impl Iterator<Item = (&'a String, &'a Value)>,
    depth: usize,
) -> bool {
    let mut places = Vec::new();
    for (key, below) in fields {
        let (Some(ours), Some(theirs)) = (place(key, render), place(key, live)) else { return false };
        if !pair(key, render.get(ours), live.get(theirs), below, depth) {
            return false;
        }
        places.push((ours, theirs));
    }
    places.sort_unstable();
    places.len() == render.len()
        && places.windows(2).all(|two| matches!(two, [a, b] if a.0 < b.0 && a.1 < b.1))
}

/// The one item that `k:{…}` or `v:…` names.
fn place(key: &str, list: &[Value]) -> Option<usize> {
    let (kind, text) = key.split_once(':')?;
    let wanted: Value = serde_json::from_str(text).ok()?;
    let is = |item: &Value| match (kind, &wanted) {
        ("v", wanted) => item == wanted,
        ("k", Value::Object(keys)) => keys.iter().all(|(key, value)| item.get(key) == Some(value)),
        _ => false,
    };
    let mut found = list.iter().enumerate().filter(|(_, item)| is(item)).map(|(place, _)| place);
    match (found.next(), found.next()) {
        (Some(place), None) => Some(place),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields() -> Value {
        json!({
            "f:metadata": {"f:labels": {"f:a": {}}},
            "f:spec": {
                "f:replicas": {},
                "f:tolerations": {},
                "f:containers": {"k:{\"name\":\"web\"}": {".": {}, "f:name": {}, "f:image": {}}},
                "f:finalizers": {"v:\"x\"": {}},
            },
        })
    }

    fn render() -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "apps", "labels": {"a": "b"}},
            "spec": {
                "replicas": 2,
                "tolerations": [{"key": "a"}],
                "containers": [{"name": "web", "image": "web:1"}],
                "finalizers": ["x"],
            },
        })
    }

    /// The render as the API server would hold it: with defaults, and with what others added.
    fn live() -> Value {
        let mut live = render();
        live["metadata"]["uid"] = json!("1");
        live["metadata"]["annotations"] = json!({"by": "others"});
        live["metadata"]["managedFields"] = json!([
            {"manager": "hpa", "operation": "Update", "apiVersion": "apps/v1", "fieldsV1": {}},
            {"manager": MANAGER, "operation": "Apply", "apiVersion": "apps/v1", "fieldsV1": fields()},
        ]);
        live["spec"]["strategy"] = json!({"type": "RollingUpdate"});
        live["spec"]["containers"] =
            json!([{"name": "injected"}, {"name": "web", "image": "web:1", "pull": "Always"}]);
        live["spec"]["finalizers"] = json!(["other", "x"]);
        live["status"] = json!({"replicas": 2});
        live
    }

    fn check(expected: bool, what: &str, change: impl FnOnce(&mut Value, &mut Value)) {
        let (mut render, mut live) = (render(), live());
        change(&mut render, &mut live);
        assert_eq!(settles(&render, &live), expected, "{what}");
    }

    #[test]
    fn what_others_added_is_left_alone() {
        check(true, "as applied", |_, _| {});
        check(true, "what the types add", |render, live| {
            render["spec"]["strategy"] = json!({});
            render["status"] = json!({});
            render["metadata"]["creationTimestamp"] = Value::Null;
            live["metadata"]["managedFields"][1]["fieldsV1"]["f:spec"]["f:strategy"] = json!({});
        });
        check(true, "a name alone", |render, live| {
            drop(render["metadata"].as_object_mut().map(|metadata| metadata.remove("labels")));
            drop(
                live["metadata"]["managedFields"][1]["fieldsV1"]
                    .as_object_mut()
                    .map(|f| f.remove("f:metadata")),
            );
        });
        check(true, "another's field", |_, live| live["spec"]["paused"] = json!(true));
    }

    #[test]
    fn any_doubt_is_left_to_the_api_server() {
        check(false, "a value by hand", |_, live| live["spec"]["replicas"] = json!(3));
        check(false, "an item's value by hand", |_, live| {
            live["spec"]["containers"][1]["image"] = json!("web:2")
        });
        check(false, "an item by hand in a list that is replaced whole", |_, live| {
            live["spec"]["tolerations"][0]["effect"] = json!("NoSchedule");
        });
        check(false, "a removed field", |_, live| {
            drop(live["spec"].as_object_mut().map(|s| s.remove("replicas")))
        });
        check(false, "a removed word", |_, live| live["spec"]["finalizers"] = json!(["other"]));
        check(false, "a field that Git dropped", |render, _| {
            drop(render["spec"].as_object_mut().map(|s| s.remove("replicas")))
        });
        check(false, "a field that Git added", |render, live| {
            render["spec"]["paused"] = json!(true);
            live["spec"]["paused"] = json!(true);
        });
        check(false, "an item that Git dropped", |render, _| render["spec"]["containers"] = json!([]));
        check(false, "a number written otherwise", |render, _| render["spec"]["replicas"] = json!("2"));
        check(false, "another version", |render, _| render["apiVersion"] = json!("apps/v1beta1"));
        check(false, "nobody applied it", |_, live| live["metadata"]["managedFields"] = json!([]));
        check(false, "applied before server-side apply", |_, live| {
            live["metadata"]["managedFields"][1]["operation"] = json!("Update");
        });
    }

    #[test]
    fn another_order_is_a_doubt() {
        let two = |first: &str, second: &str| json!([{"name": first}, {"name": second}]);
        let entry = json!({"k:{\"name\":\"a\"}": {"f:name": {}}, "k:{\"name\":\"b\"}": {"f:name": {}}});
        let fields = entry.as_object().cloned().unwrap_or_default();
        assert!(same(&two("a", "b"), &two("a", "b"), &fields, DEEPEST));
        assert!(!same(&two("a", "b"), &two("b", "a"), &fields, DEEPEST));
    }
}
