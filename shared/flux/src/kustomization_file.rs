//! The kustomization file at `spec.path`, read as Flux reads it: unknown fields are dropped, names may have any case,
//! numbers and truth values where text belongs become text, and any other wrong type is an error. Files below it are kustomize's, which is stricter.

use serde_json::{Map, Number, Value};

/// What a field holds.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Text,
    Flag,
    Integer,
    Any,
    Map,
    List(&'static Shape),
    Fields(&'static [(&'static str, Shape)]),
}

use Shape::{Any, Fields, Flag, Integer, List, Map as TextMap, Text};

const TEXTS: Shape = List(&Text);
const SELECTOR: Shape = Fields(&[
    ("group", Text),
    ("version", Text),
    ("kind", Text),
    ("name", Text),
    ("namespace", Text),
    ("annotationSelector", Text),
    ("labelSelector", Text),
]);
const PATCHES: Shape = List(&Fields(&[
    ("path", Text),
    ("patch", Text),
    ("target", SELECTOR),
    ("options", Fields(&[("allowNameChange", Flag), ("allowKindChange", Flag)])),
]));
const IMAGES: Shape = List(&Fields(&[
    ("name", Text),
    ("newName", Text),
    ("tagSuffix", Text),
    ("newTag", Text),
    ("digest", Text),
]));
const GENERATOR_OPTIONS: Shape = Fields(&[
    ("labels", TextMap),
    ("annotations", TextMap),
    ("disableNameSuffixHash", Flag),
    ("immutable", Flag),
]);
const GENERATORS: Shape = List(&Fields(&[
    ("namespace", Text),
    ("name", Text),
    ("behavior", Text),
    ("literals", TEXTS),
    ("files", TEXTS),
    ("envs", TEXTS),
    ("env", Text),
    ("options", GENERATOR_OPTIONS),
    ("type", Text),
]));
const FIELD_OPTIONS: Shape =
    Fields(&[("delimiter", Text), ("index", Integer), ("encoding", Text), ("create", Flag)]);
const REPLACEMENTS: Shape = List(&Fields(&[
    ("path", Text),
    ("sourceValue", Text),
    (
        "source",
        Fields(&[
            ("group", Text),
            ("version", Text),
            ("kind", Text),
            ("name", Text),
            ("namespace", Text),
            ("fieldPath", Text),
            ("options", FIELD_OPTIONS),
        ]),
    ),
    (
        "targets",
        List(&Fields(&[
            ("select", SELECTOR),
            ("reject", List(&SELECTOR)),
            ("fieldPaths", TEXTS),
            ("options", FIELD_OPTIONS),
        ])),
    ),
]));
const LABELS: Shape = List(&Fields(&[
    ("pairs", TextMap),
    ("includeSelectors", Flag),
    ("includeTemplates", Flag),
    (
        "fields",
        List(&Fields(&[
            ("group", Text),
            ("version", Text),
            ("kind", Text),
            ("path", Text),
            ("create", Flag),
        ])),
    ),
]));
const VARS: Shape = List(&Fields(&[
    ("name", Text),
    (
        "objref",
        Fields(&[
            ("apiVersion", Text),
            ("group", Text),
            ("version", Text),
            ("kind", Text),
            ("name", Text),
            ("namespace", Text),
        ]),
    ),
    ("fieldref", Fields(&[("fieldPath", Text)])),
]));
const SORT_OPTIONS: Shape =
    Fields(&[("order", Text), ("legacySortOptions", Fields(&[("orderFirst", TEXTS), ("orderLast", TEXTS)]))]);
const FILE: Shape = Fields(&[
    ("apiVersion", Text),
    ("kind", Text),
    (
        "metadata",
        Fields(&[("name", Text), ("namespace", Text), ("labels", TextMap), ("annotations", TextMap)]),
    ),
    ("openapi", TextMap),
    ("namePrefix", Text),
    ("nameSuffix", Text),
    ("namespace", Text),
    ("commonLabels", TextMap),
    ("labels", LABELS),
    ("commonAnnotations", TextMap),
    ("patchesStrategicMerge", TEXTS),
    ("patchesJson6902", PATCHES),
    ("patches", PATCHES),
    ("images", IMAGES),
    ("imageTags", IMAGES),
    ("replacements", REPLACEMENTS),
    ("replicas", List(&Fields(&[("name", Text), ("count", Integer)]))),
    ("vars", VARS),
    ("sortOptions", SORT_OPTIONS),
    ("resources", TEXTS),
    ("components", TEXTS),
    ("crds", TEXTS),
    ("bases", TEXTS),
    ("configMapGenerator", GENERATORS),
    ("secretGenerator", GENERATORS),
    ("helmGlobals", Any),
    ("helmCharts", Any),
    ("helmChartInflationGenerator", Any),
    ("generatorOptions", GENERATOR_OPTIONS),
    ("configurations", TEXTS),
    ("generators", TEXTS),
    ("transformers", TEXTS),
    ("validators", TEXTS),
    ("buildMetadata", TEXTS),
]);

/// The fields of a kustomization file under their proper names, empty ones left out.
///
/// # Errors
/// A sentence that names the field with a wrong type, or the place where the text is no YAML.
pub(crate) fn read(text: &str) -> Result<Map<String, Value>, String> {
    let value = kustomize::yaml::parse_v2(text).map_err(|error| error.to_string())?;
    match clean(value, FILE, "")? {
        Some(Value::Object(fields)) => Ok(fields),
        _ => Ok(Map::new()),
    }
}

/// The value with the fields of its shape only; `None` for a null, which is an absent field.
fn clean(value: Value, shape: Shape, path: &str) -> Result<Option<Value>, String> {
    let wrong = |expected: &str| Err(format!("field `{path}` must be {expected}"));
    let cleaned = match (shape, value) {
        (_, Value::Null) => return Ok(None),
        (Any, value) => value,
        (Text, Value::Bool(flag)) => flag.to_string().into(),
        (Text, Value::Number(number)) => go_text(&number).into(),
        (Text, value) if !value.is_string() => return wrong("a string"),
        (Flag, value) if !value.is_boolean() => return wrong("true or false"),
        (Integer, value) if !value.is_i64() => return wrong("an integer"),
        (Text | Flag | Integer, value) => value,
        (TextMap, Value::Object(map)) => {
            let text = |(key, value): (String, Value)| match value {
                Value::Null => Ok((key, Value::String(String::new()))),
                value => Ok((key.clone(), clean(value, Text, &below(path, &key))?.unwrap_or_default())),
            };
            Value::Object(map.into_iter().map(text).collect::<Result<_, String>>()?)
        }
        (List(item), Value::Array(items)) => {
            let zero = || {
                if matches!(item, Text) { Value::String(String::new()) } else { Value::Object(Map::new()) }
            };
            let items = items.into_iter().enumerate();
            let items =
                items.map(|(i, v)| Ok(clean(v, *item, &format!("{path}[{i}]"))?.unwrap_or_else(zero)));
            Value::Array(items.collect::<Result<_, String>>()?)
        }
        (Fields(known), Value::Object(map)) => Value::Object(clean_fields(map, known, path)?),
        (List(_), _) => return wrong("a list"),
        (TextMap, _) => return wrong("a map of strings"),
        (Fields(_), _) => return wrong("an object"),
    };
    Ok(Some(cleaned))
}

/// Fields are found by name, whatever its case; of two spellings the one that sorts last wins.
fn clean_fields(
    map: Map<String, Value>,
    known: &'static [(&'static str, Shape)],
    path: &str,
) -> Result<Map<String, Value>, String> {
    let mut fields = Map::new();
    for (key, value) in map {
        let Some((name, shape)) = known.iter().find(|(name, _)| name.eq_ignore_ascii_case(&key)) else {
            continue;
        };
        if let Some(value) = clean(value, *shape, &below(path, name))? {
            fields.insert((*name).to_owned(), value);
        }
    }
    Ok(fields)
}

/// A number where text is wanted, as Go writes it: whole, or with an exponent outside `1e-4..1e6`.
fn go_text(number: &Number) -> String {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else { return number.to_string() };
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>().unwrap_or_default() {
        -4..6 => format!("{float}"),
        exponent => format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs()),
    }
}

fn below(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use serde_json::json;

    fn check(text: &str, expected: Value) {
        assert_eq!(Value::Object(read(text).unwrap()), expected);
    }

    #[test]
    fn unknown_fields_are_dropped_and_case_is_forgiven() {
        check("", json!({}));
        check("Resources: [a]\nunknown: 1\nnamespace: null", json!({"resources": ["a"]}));
        check(
            "patches: [{path: p, foo: 1, target: {Kind: A, x: y}}]",
            json!({"patches": [{"path": "p", "target": {"kind": "A"}}]}),
        );
        check(
            "secretGenerator: [{name: a, literals: [x=y], options: {immutable: true}}]",
            json!({"secretGenerator": [{"name": "a", "literals": ["x=y"], "options": {"immutable": true}}]}),
        );
    }

    #[test]
    fn numbers_become_text() {
        let texts = json!({"a": "true", "b": "1.1", "c": "1.2345675e+06", "d": "511", "e": "1e-05", "f": ""});
        check(
            "commonLabels: {a: yes, b: 1.10, c: 1234567.5, d: 0777, e: 0.00001, f: ~}",
            json!({ "commonLabels": texts }),
        );
    }

    #[test]
    fn wrong_types_name_the_field() {
        let error = |text: &str| read(text).unwrap_err();
        assert_eq!(error("namePrefix: [5]"), "field `namePrefix` must be a string");
        assert_eq!(error("patches: [p.yaml]"), "field `patches[0]` must be an object");
        assert_eq!(error("commonLabels: {a: {}}"), "field `commonLabels.a` must be a string");
        assert_eq!(error("resources: a"), "field `resources` must be a list");
    }
}
