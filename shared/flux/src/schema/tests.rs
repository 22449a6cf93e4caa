//! What can be seen without an API server; `tests/promises/definitions` compares verdicts with a real one.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn definition(schema: &Value) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"kind": "Thing"},
            "versions": [
                {"name": "v1", "served": true, "schema": {"openAPIV3Schema": schema}},
                {"name": "v0", "served": false, "schema": {"openAPIV3Schema": schema}},
            ],
        },
    })
}

fn thing(spec: Value) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": spec})
}

fn judge(spec_schema: Value, spec: Value) -> Judged {
    let crd = definition(&json!({"type": "object", "properties": {"spec": spec_schema}}));
    Definition::of(&crd)
        .map(|definition| definition.judge(&thing(spec), None))
        .unwrap_or_else(|| panic!("{crd}"))
}

#[track_caller]
fn check(schema: Value, spec: Value, expected: &[&str]) {
    let judged = judge(schema, spec);
    let told: Vec<String> = judged.problems.iter().map(Problem::to_string).collect();
    assert_eq!(told, expected);
}

#[test]
fn problems_say_where_and_what_and_no_values() {
    let fields = json!({"type": "object", "required": ["size"], "properties": {"size": {"type": "string", "enum": ["Small", "Large"]}, "ports": {"type": "array", "items": {"type": "integer", "maximum": 9}}}});
    check(fields.clone(), json!({"size": "Small"}), &[]);
    check(fields.clone(), json!({}), &["spec.size: is required"]);
    check(fields.clone(), json!({"size": "s3cr3t"}), &["spec.size: must be one of Small, Large"]);
    check(fields.clone(), json!({"size": "Small", "ports": [1, 10]}), &["spec.ports[1]: must be at most 9"]);
    check(fields, json!({"a.b": 1}), &["spec[\"a.b\"]: the schema does not declare this field"]);
}

#[test]
fn what_is_dropped_or_not_evaluated_is_said() {
    let judged = judge(json!({"type": "object"}), json!({"a": 1}));
    assert_eq!((judged.dropped, judged.stored["spec"].clone()), (vec!["spec.a".to_owned()], json!({})));
    let rules = json!([{"rule": "self.a > 1"}]);
    let schema = json!({"type": "object", "x-kubernetes-validations": rules, "properties": {"a": {"type": "string", "format": "isbn"}}});
    let judged = judge(schema, json!({"a": "1"}));
    assert_eq!(judged.skipped, ["rules in CEL (`x-kubernetes-validations`)", "the format `isbn`"]);
    let unusual = judge(
        json!({"type": "object", "properties": {"a": {"type": "string", "pattern": "(a{500}){500}"}}}),
        json!({"a": "a"}),
    );
    assert_eq!((unusual.problems.len(), unusual.skipped.len()), (0, 1));
}

#[test]
fn versions_that_are_not_served_and_other_definitions() {
    let crd = definition(&json!({"type": "object", "description": "old"}));
    let other = definition(&json!({"type": "object", "description": "new"}));
    let stricter = definition(&json!({"type": "object", "required": ["spec"]}));
    let [Some(crd), Some(other), Some(stricter)] = [&crd, &other, &stricter].map(Definition::of) else {
        panic!("they are definitions")
    };
    assert!(crd.agrees_with(&other, "v1") && !crd.agrees_with(&stricter, "v1"));
    assert!(crd.serves("v1") && !crd.serves("v0"));
    let old = json!({"apiVersion": "example.com/v0", "kind": "Thing", "metadata": {"name": "a"}});
    assert_eq!(crd.judge(&old, None).problems[0].to_string(), "version v0 is not served by its CRD");
    assert!(
        Definition::of(
            &json!({"kind": "CustomResourceDefinition", "apiVersion": "apiextensions.k8s.io/v1beta1"})
        )
        .is_none()
    );
}

#[test]
fn names_and_labels_are_looked_at() {
    let crd = definition(&json!({"type": "object"}));
    let metadata = json!({"name": "A", "labels": {"a/b/c": "x"}, "annotations": {"a b": "x"}});
    let object = json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": metadata});
    let judged = Definition::of(&crd).map(|definition| definition.judge(&object, None));
    let paths: Vec<String> = judged.iter().flat_map(|j| &j.problems).map(|p| p.path.clone()).collect();
    assert_eq!(paths, ["metadata.name", "metadata.labels", "metadata.annotations"]);
}

#[test]
fn what_did_not_change_passes_where_it_was_wrong_before() {
    let text = json!({"type": "string", "minLength": 3});
    let crd = definition(
        &json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {"a": text, "b": text}}}}),
    );
    let over = |before: Value, after: Value| {
        let judged = Definition::of(&crd).map(|d| d.judge(&thing(after), Some(&thing(before))));
        judged.iter().flat_map(|j| &j.problems).map(|p| p.path.clone()).collect::<Vec<_>>()
    };
    assert!(over(json!({"a": "x"}), json!({"a": "x", "b": "long"})).is_empty());
    assert_eq!(over(json!({"a": "x"}), json!({"a": "y"})), ["spec.a"]);
}

fn nested(depth: usize, leaf: Value, wrap: impl Fn(Value) -> Value) -> Value {
    (0..depth).fold(leaf, |inner, _| wrap(inner))
}

#[test]
fn hostile_schemas_take_bounded_work() {
    let deep =
        nested(110, json!({"type": "string"}), |inner| json!({"type": "object", "properties": {"a": inner}}));
    let value = nested(110, json!("x"), |inner| json!({"a": inner}));
    assert_eq!(judge(deep, value).skipped, ["what is nested deeper than 100 fields"]);
    let many: Vec<Value> = (0..300).map(|n| json!({"pattern": format!("^(a|b)*{n}$")})).collect();
    let items = json!({"type": "array", "items": {"type": "string", "anyOf": many}});
    let texts: Vec<String> = (0..3000).map(|n| format!("{}{n}", "ab".repeat(200))).collect();
    let judged = judge(items, json!(texts));
    assert_eq!(judged.skipped, ["what is beyond 400000 checks of one object"]);
    let wrong: Vec<u8> = vec![1; 500];
    let judged = judge(json!({"type": "array", "items": {"type": "string"}}), json!(wrong));
    assert_eq!((judged.problems.len(), judged.more), (50, 450));
}

fn any_json() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "type",
        "properties",
        "items",
        "required",
        "enum",
        "pattern",
        "format",
        "anyOf",
        "not",
        "object",
        "array",
        "string",
        "integer",
        "default",
        "nullable",
        "a",
        "b",
        "spec",
        "metadata",
        "x-kubernetes-list-type",
        "map",
        "set",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-embedded-resource",
        "x-kubernetes-int-or-string",
        "additionalProperties",
        "minimum",
        "multipleOf",
        "maxLength",
        "[",
        "(",
        "é",
        "date-time",
        "duration",
        "uri",
        "ssn",
        "uuid",
        "cidr",
        "mac",
        "hostname",
        "labels",
        "-",
        "9é:",
        "a%é",
    ]);
    let words = words.prop_map(str::to_owned);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        words.clone().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((words.clone(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_panics_whatever_schema_and_object_are(schema in any_json(), object in any_json(), before in any_json()) {
        let (crd, mut thing) = (definition(&schema), thing(object.clone()));
        let Some(definition) = Definition::of(&crd) else { panic!("it is one") };
        let judged = definition.judge(&thing, Some(&before));
        prop_assert!(judged.problems.len() <= 50);
        // What is stored is complete: it stays as it is.
        if judged.problems.is_empty() {
            let again = definition.judge(&judged.stored, None);
            prop_assert_eq!(&again.stored, &judged.stored);
        }
        thing["metadata"] = object;
        let judged = definition.judge(&thing, None);
        prop_assert_eq!(judged.stored["kind"].as_str(), Some("Thing"));
    }

    #[test]
    fn no_format_panics(text in "\\PC{0,40}", format in prop::sample::select(vec!["date", "datetime", "duration", "ipv4", "ipv6", "cidr", "mac", "byte", "uuid", "uuid3", "uuid4", "uuid5", "ssn", "hexcolor", "hostname", "email", "uri", "bsonobjectid"])) {
        let said = formats::fits(format, &text);
        prop_assert_ne!(said, formats::Fits::NotAsked);
    }
}
