//! Schemas written by hand, each with values that fit and values that do not.

use serde_json::{Value, json};

/// A schema of `spec`, and what objects have there.
pub(super) struct Case {
    pub(super) kind: &'static str,
    pub(super) schema: Value,
    pub(super) specs: Vec<Value>,
}

/// One field, `it`, with this schema and these values.
fn field(kind: &'static str, schema: &Value, values: Value) -> Case {
    let Value::Array(values) = values else { panic!("values are a list") };
    Case {
        kind,
        schema: json!({"type": "object", "properties": {"it": schema, "more": {"type": "integer"}}}),
        specs: values.into_iter().map(|value| json!({"it": value})).collect(),
    }
}

fn format(kind: &'static str, name: &str, texts: &[&str]) -> Case {
    field(kind, &json!({"type": "string", "format": name}), json!(texts))
}

pub(super) fn all() -> Vec<Case> {
    [values(), shapes(), lists(), combined(), formats()].into_iter().flatten().collect()
}

fn values() -> Vec<Case> {
    vec![
        field(
            "Whole",
            &json!({"type": "integer", "minimum": 2, "maximum": 10, "exclusiveMaximum": true}),
            json!([2, 1, 9, 10, 3.0, 3.5, "3", true, null, [], {}]),
        ),
        field("Multiple", &json!({"type": "integer", "multipleOf": 3}), json!([0, 3, 4, -3, 6.0])),
        field("Broken", &json!({"type": "number", "multipleOf": 0.5}), json!([0.5, 0.75, 1.5])),
        field("Narrow", &json!({"type": "integer", "format": "int64"}), json!([2147483648_u64, -1, 0])),
        field(
            "Number",
            &json!({"type": "number", "minimum": 0.5, "exclusiveMinimum": true}),
            json!([0.5, 0.6, 0.4, 1, "1"]),
        ),
        field(
            "Text",
            &json!({"type": "string", "minLength": 2, "maxLength": 3}),
            json!(["a", "ab", "éé", "abcd", "éééé", 5, true]),
        ),
        field(
            "Pattern",
            &json!({"type": "string", "pattern": "^[a-z]+(-\\w+)?$"}),
            json!(["abc", "abc-É", "abc-e1", "ABC", ""]),
        ),
        field("Loose", &json!({"type": "string", "pattern": "b{2}|\\d"}), json!(["abba", "abc", "x1", "٣"])),
        field("Enum", &json!({"type": "string", "enum": ["a", "b"]}), json!(["a", "c", "", 1])),
        field(
            "EnumNull",
            &json!({"type": "string", "enum": ["a", null], "nullable": true}),
            json!(["a", null]),
        ),
        field("Numbers", &json!({"type": "integer", "enum": [1, 2]}), json!([1, 3, 2.0])),
        field("Nullable", &json!({"type": "string", "nullable": true}), json!([null, "a"])),
        field("NotNull", &json!({"type": "string"}), json!([null, "a"])),
        field(
            "Either",
            &json!({"x-kubernetes-int-or-string": true}),
            json!([1, "a", 1.5, true, [], {}, null]),
        ),
        field(
            "EitherMore",
            &json!({"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}], "pattern": "^\\d+%$"}),
            json!([1, "5%", "5", null]),
        ),
        field("Flag", &json!({"type": "boolean"}), json!([true, false, "true", 1])),
    ]
}

fn shapes() -> Vec<Case> {
    let required = json!({"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "string"}, "b": {"type": "string", "default": "x"}, "c": {"type": "object", "properties": {"d": {"type": "integer", "default": 3}}}}});
    let embedded = json!({"type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true});
    vec![
        field(
            "Required",
            &required,
            json!([{"a": "1"}, {"b": "1"}, {"a": null}, {"a": "1", "b": null}, {"a": "1", "c": {}}, {"a": "1", "c": null}, {"a": "1", "d": 1}, {"a": "1", "c": {"e": 1}}, "x"]),
        ),
        field("Free", &json!({"type": "object"}), json!([{}, {"a": 1}, {"a": {"b": [1]}}])),
        field(
            "Kept",
            &json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {"a": {"type": "object", "properties": {"b": {"type": "string"}}}}}),
            json!([{"x": {"y": null}}, {"a": {"b": "1", "c": 1}}, {"a": {"b": 1}}, {"a": 1}]),
        ),
        field(
            "KeptAny",
            &json!({"x-kubernetes-preserve-unknown-fields": true}),
            json!([1, "a", [{"a": null}], {"a": [1, {"b": 2}]}, null]),
        ),
        field(
            "Map",
            &json!({"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}, "minProperties": 1, "maxProperties": 2}),
            json!([{}, {"a": 1}, {"a": 0}, {"a": "1"}, {"a": 1, "b": 2, "c": 3}, {"a": null}]),
        ),
        field(
            "AnyMap",
            &json!({"type": "object", "additionalProperties": true}),
            json!([{"a": 1, "b": {"c": 1}}, {"a": [1, {"b": 1}]}]),
        ),
        field(
            "Embedded",
            &embedded,
            json!([{"apiVersion": "v1", "kind": "Pod", "spec": {"x": 1}}, {"kind": "Pod"}, {"apiVersion": "v1"}, {"apiVersion": "", "kind": "a b"}, {"apiVersion": "a/b/c", "kind": "Pod"}, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "labels": {"a": "b"}}}, {"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {"a": "b c"}}}, {"apiVersion": "v1", "kind": "Pod", "metadata": {"whatever": 1}}, {"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {"a": 1}}}]),
        ),
        field(
            "Rest",
            &json!({"type": "object", "properties": {"a": {"type": "object", "properties": {"b": {"type": "string"}}}}}),
            json!([{"a": {"b": "1"}}, {"b": 1}, {"a": {"c": 1}, "b": 1}]),
        ),
        field(
            "Defaults",
            &json!({"type": "object", "default": {"a": 1}, "properties": {"a": {"type": "integer"}, "b": {"type": "array", "items": {"type": "object", "properties": {"c": {"type": "string", "default": "d"}}}}}}),
            json!([null, {}, {"a": null}, {"b": [{}, {"c": "e"}]}]),
        ),
        Case {
            kind: "Absent",
            schema: json!({"type": "object", "required": ["it"], "properties": {"it": {"type": "object", "default": {}, "properties": {"a": {"type": "string", "default": "b"}}}, "n": {"type": "string"}}}),
            specs: vec![json!({}), json!({"it": {"a": "c"}}), json!(null), json!([]), json!({"x": 1})],
        },
    ]
}

fn lists() -> Vec<Case> {
    let items = json!({"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "port": {"type": "integer", "default": 80}, "protocol": {"type": "string", "default": "TCP"}}});
    let keyed = |keys: Value| json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys, "items": items});
    vec![
        field(
            "List",
            &json!({"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1, "maxItems": 2}),
            json!([[], ["a"], ["a", ""], ["a", "b", "c"], ["a", 1], "a", [null], ["a", "a"]]),
        ),
        field(
            "Set",
            &json!({"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}),
            json!([["a", "b"], ["a", "a"], ["a", "a", "a"], [1, 1], []]),
        ),
        field(
            "SetOfNumbers",
            &json!({"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "integer"}}),
            json!([[1, 2], [1, 1], ["a", 1]]),
        ),
        field(
            "ByName",
            &keyed(json!(["name"])),
            json!([[{"name": "a"}, {"name": "b"}], [{"name": "a"}, {"name": "a"}], [{"port": 1}], [{"name": "a", "x": 1}], [{"name": 1}], ["a"], [{"name": "a"}, null]]),
        ),
        field(
            "ByPort",
            &keyed(json!(["port", "protocol"])),
            json!([[{"name": "a", "port": 1}, {"name": "b", "port": 1}], [{"name": "a", "port": 1}, {"name": "b", "port": 1, "protocol": "UDP"}], [{"name": "a"}, {"name": "b", "port": 80}], [{"name": "a"}]]),
        ),
        field(
            "Nested",
            &json!({"type": "array", "items": {"type": "array", "items": {"type": "integer", "maximum": 3}}}),
            json!([[[1], [2, 3]], [[4]], [1], [[]]]),
        ),
    ]
}

fn combined() -> Vec<Case> {
    let pair = json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}});
    let with = |keyword: &str, rules: Value| {
        let mut schema = pair.clone();
        schema[keyword] = rules;
        schema
    };
    let sides = json!([{"required": ["a"]}, {"required": ["b"]}]);
    let given = json!([{}, {"a": "1"}, {"b": "1"}, {"a": "1", "b": "1"}]);
    vec![
        field("AnyOf", &with("anyOf", sides.clone()), given.clone()),
        field("OneOf", &with("oneOf", sides.clone()), given.clone()),
        field("AllOf", &with("allOf", sides), given.clone()),
        field("Not", &with("not", json!({"required": ["a"]})), given.clone()),
        field(
            "Deep",
            &with(
                "anyOf",
                json!([{"properties": {"a": {"enum": ["x"]}}, "required": ["a"]}, {"not": {"anyOf": [{"required": ["a"]}]}}]),
            ),
            json!([{}, {"a": "x"}, {"a": "y"}, {"b": "y"}]),
        ),
        field(
            "TextOf",
            &json!({"type": "string", "anyOf": [{"minLength": 5}, {"pattern": "^a"}], "not": {"enum": ["abc"]}}),
            json!(["a", "abc", "bcdef", "b"]),
        ),
        field(
            "FormatOf",
            &json!({"type": "string", "oneOf": [{"format": "ipv4"}, {"format": "ipv6"}]}),
            json!(["1.2.3.4", "::1", "x"]),
        ),
        field(
            "NumberOf",
            &json!({"type": "integer", "allOf": [{"minimum": 2}, {"maximum": 4}]}),
            json!([1, 2, 5]),
        ),
    ]
}

fn formats() -> Vec<Case> {
    vec![
        format("Date", "date", &["2024-02-29", "2023-02-29", "2024-1-01", "2024-01-01T00:00:00Z", ""]),
        format(
            "Datetime",
            "date-time",
            &[
                "2024-02-29T10:00:00Z",
                "2024-02-29t10:00:00.5z",
                "2024-02-29 10:00:00Z",
                "2024-02-29T10:00:00+01:00",
                "2024-02-29T24:00:00Z",
                "2024-02-29T10:00:00",
                "x",
            ],
        ),
        format(
            "Duration",
            "duration",
            &["5m", "1h30m", "1.5h", "2 days", "5", "", "-1s", "1w", "abc", "0", "1 fortnight", "5x"],
        ),
        format("Ipv4", "ipv4", &["1.2.3.4", "1.2.3", "01.2.3.4", "::1", "256.1.1.1", "::ffff:1.2.3.4"]),
        format("Ipv6", "ipv6", &["::1", "1.2.3.4", "fe80::1%eth0", "1::2::3", "::ffff:1.2.3.4"]),
        format(
            "Cidr",
            "cidr",
            &["10.0.0.0/8", "10.0.0.0", "10.0.0.0/33", "::/0", "10.0.0.1/8", "010.0.0.0/8"],
        ),
        format("Mac", "mac", &["01:23:45:67:89:ab", "01-23-45-67-89-ab", "0123.4567.89ab", "01:23", "x"]),
        format("Byte", "byte", &["YQ==", "YWI=", "YWJj", "YQ", "", "Y Q=", "=YQ="]),
        format(
            "Uuid",
            "uuid",
            &[
                "123e4567-e89b-12d3-a456-426614174000",
                "123e4567e89b12d3a456426614174000",
                "123e4567-e89b-12d3-a456",
                "zz",
            ],
        ),
        format(
            "Uuid4",
            "uuid4",
            &[
                "123e4567-e89b-42d3-a456-426614174000",
                "123e4567-e89b-12d3-a456-426614174000",
                "123e4567-e89b-42d3-c456-426614174000",
            ],
        ),
        format(
            "Hostname",
            "hostname",
            &[
                "example.com",
                "a",
                "my-host",
                "my-host.example.com",
                "-a.example.com",
                "a_b",
                "example.c",
                "1.2.3.4",
                "",
            ],
        ),
        format("Email", "email", &["a@example.com", "a.b@example", "a", "@example.com", "a@"]),
        format(
            "Uri",
            "uri",
            &[
                "https://example.com/a?b=c",
                "/a/b",
                "a/b",
                "",
                "mailto:a@b",
                "http://exa mple.com/",
                "https://example.com/%zz",
                "1http://x",
                "http:",
            ],
        ),
        format("Bson", "bsonobjectid", &["507f1f77bcf86cd799439011", "507f"]),
        format("Colour", "hexcolor", &["#fff", "ffffff", "#ffff"]),
        format("Ssn", "ssn", &["123-45-6789", "123456789", "123-456-789"]),
        format("Password", "password", &["", "x"]),
        format("Unheard", "whatever", &["", "x"]),
    ]
}

/// A schema, a stricter one, and changes of objects that only the first accepts.
pub(super) fn tightened() -> (Value, Value, Vec<(Value, Value)>) {
    let schema = |least: u8, mark: Value| {
        let text = json!({"type": "string", "minLength": least});
        let items = json!({"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "text": text}});
        json!({"type": "object", "properties": {
            "mark": mark, "a": text, "b": text, "plain": {"type": "array", "items": text},
            "keyed": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "items": items},
        }})
    };
    let item = |name: &str, text: &str| json!({"name": name, "text": text});
    let changes = vec![
        (json!({"a": "x", "b": "x"}), json!({"a": "x", "b": "long"})),
        (json!({"a": "x", "b": "x"}), json!({"a": "x", "b": "y"})),
        (json!({"plain": ["x"]}), json!({"plain": ["x"], "b": "long"})),
        (json!({"plain": ["x"]}), json!({"plain": ["x", "long"]})),
        (json!({"keyed": [item("n", "x")]}), json!({"keyed": [item("m", "long"), item("n", "x")]})),
        (json!({"keyed": [item("n", "x")]}), json!({"keyed": [item("m", "x"), item("n", "x")]})),
    ];
    (schema(0, json!({"type": "string"})), schema(3, json!({"type": "string", "default": "new"})), changes)
}
