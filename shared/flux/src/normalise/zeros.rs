//! The inverse of what normalising adds: a rendered object as its author would write it, for people to read.

use serde_json::{Map, Value};

use super::table::{self, Field, Kind, Struct, Type};

/// An object without the fields that a Go type fills in where nothing was given, such as `resources: {}` and
/// `strategy: {}`. To Kubernetes it is the same object; server-side apply wants the one with them.
#[must_use]
pub fn without_zeros(object: &Value) -> Value {
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    let mut object = object.clone();
    if let (Kind::Known(of), Some(fields)) =
        (table::kind(text("apiVersion"), text("kind")), object.as_object_mut())
    {
        strip(fields, of);
    }
    object
}

fn strip(fields: &mut Map<String, Value>, of: Struct) {
    for field in table::fields(of) {
        match field {
            Field::Inlined(inner) => strip(fields, *inner),
            Field::Named { name, kind, .. } => {
                let Some(value) = fields.get_mut(*name) else { continue };
                strip_value(value, kind);
                if is_zero(value, kind) {
                    fields.remove(*name);
                }
            }
        }
    }
}

fn strip_value(value: &mut Value, kind: &Type) {
    match (kind, value) {
        (Type::Struct(of), Value::Object(fields)) => strip(fields, *of),
        (Type::Pointer(inner), value) => strip_value(value, inner),
        (Type::List(inner), Value::Array(items)) => {
            items.iter_mut().for_each(|item| strip_value(item, inner))
        }
        (Type::Map(inner), Value::Object(map)) => map.values_mut().for_each(|item| strip_value(item, inner)),
        _ => {}
    }
}

fn is_zero(value: &Value, kind: &Type) -> bool {
    match (kind, value) {
        (_, Value::Null) => true,
        (Type::Struct(_), Value::Object(fields)) => fields.is_empty(),
        (Type::Text, Value::String(text)) => text.is_empty(),
        (Type::Flag, Value::Bool(flag)) => !flag,
        (Type::Int32 | Type::Int64 | Type::IntOrString, Value::Number(number)) => number.as_i64() == Some(0),
        (Type::Quantity, Value::String(text)) => text == "0",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::super::normalise;
    use super::*;
    use serde_json::json;

    #[test]
    fn what_normalising_adds_goes_again() {
        let container = json!({"name": "a", "image": "b", "env": [{"name": "c", "value": "d"}]});
        let volumes = json!([{"name": "tmp", "emptyDir": {}}]);
        let template = json!({"spec": {"containers": [container], "volumes": volumes}});
        let given = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"},
            "spec": {"replicas": 0, "selector": {}, "template": template}});
        let mut object = given.clone();
        normalise(&mut object).unwrap();
        assert!(object["spec"]["strategy"].is_object());
        assert_eq!(without_zeros(&object), given);
    }

    #[test]
    fn other_kinds_stay_as_they_are() {
        let object = json!({"apiVersion": "x/v1", "kind": "A", "spec": {"a": null, "b": {}}});
        assert_eq!(without_zeros(&object), object);
    }
}
