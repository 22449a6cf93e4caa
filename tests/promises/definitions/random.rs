//! Random structural schemas, and values that fit them more or less.

use serde_json::{Map, Value, json};

/// Random numbers from a fixed seed (xorshift).
pub(super) struct Random(u64);

const NAMES: [&str; 4] = ["alpha", "beta", "gamma", "delta"];
const TEXTS: [&str; 9] = ["", "a", "abc", "ABC", "1.2.3.4", "5m", "a@b.c", "2024-01-01", "x-1"];
const NUMBERS: [f64; 8] = [0.0, 1.0, -1.0, 2.0, 3.0, 7.0, 2.5, 1000.0];

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }

    fn number(&mut self) -> Value {
        let number = self.pick(&NUMBERS);
        if number.fract() == 0.0 { json!(number as i64) } else { json!(number) }
    }

    /// A schema of an object with fields of its own.
    pub(super) fn object(&mut self, depth: usize) -> Value {
        let mut properties = Map::new();
        for name in NAMES.iter().take(2 + self.below(3)) {
            let schema = self.schema(depth);
            properties.insert((*name).to_owned(), schema);
        }
        let mut schema = json!({"type": "object", "properties": properties});
        if self.one_in(2) {
            schema["required"] = json!([self.pick(&NAMES[..2])]);
        }
        if self.one_in(5) {
            schema["x-kubernetes-preserve-unknown-fields"] = json!(true);
        }
        if self.one_in(4) {
            let keyword = self.pick(&["anyOf", "oneOf", "allOf"]);
            schema[keyword] = json!([{"required": [self.pick(&NAMES)]}, {"required": [self.pick(&NAMES)]}]);
        }
        if self.one_in(6) {
            schema["not"] = json!({"required": [self.pick(&NAMES)]});
        }
        schema
    }

    fn schema(&mut self, depth: usize) -> Value {
        let mut schema = match self.below(if depth == 0 { 5 } else { 9 }) {
            0 | 1 => self.text(),
            2 => self.numeric("integer"),
            3 => self.numeric("number"),
            4 if self.one_in(2) => json!({"x-kubernetes-int-or-string": true}),
            4 => json!({"type": "boolean"}),
            5 | 6 => self.object(depth - 1),
            7 => json!({"type": "object", "additionalProperties": self.schema(depth - 1)}),
            _ => self.list(depth - 1),
        };
        if self.one_in(5) {
            schema["nullable"] = json!(true);
        }
        schema
    }

    fn text(&mut self) -> Value {
        let mut schema = json!({"type": "string"});
        match self.below(7) {
            0 => schema["minLength"] = json!(self.below(4)),
            1 => schema["maxLength"] = json!(self.below(4)),
            2 => schema["pattern"] = json!(self.pick(&["^a", "[0-9]+$", "^\\w+$", "b|c", "^(a|x)[^-]*$"])),
            3 => schema["enum"] = json!(["a", "abc", self.pick(&TEXTS)]),
            4 => {
                schema["format"] =
                    json!(self.pick(&["ipv4", "duration", "email", "date", "hostname", "byte", "made-up"]))
            }
            5 => schema["default"] = json!(self.pick(&TEXTS)),
            _ => schema["anyOf"] = json!([{"minLength": 3}, {"pattern": "^[A-Z]*$"}]),
        }
        schema
    }

    fn numeric(&mut self, kind: &str) -> Value {
        let mut schema = json!({"type": kind});
        if self.one_in(3) {
            schema["minimum"] = json!(self.below(3));
            schema["exclusiveMinimum"] = json!(self.one_in(2));
        }
        if self.one_in(3) {
            schema["maximum"] = json!(self.below(9));
            schema["exclusiveMaximum"] = json!(self.one_in(2));
        }
        match self.below(6) {
            0 => schema["multipleOf"] = json!(self.pick(&[1, 2, 3])),
            1 => schema["format"] = json!(self.pick(&["int64", "double", "made-up"])),
            _ => {}
        }
        schema
    }

    fn list(&mut self, depth: usize) -> Value {
        let mut schema = match self.below(4) {
            0 => json!({"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}),
            1 => {
                let items = json!({"type": "object", "required": ["alpha"], "properties": {"alpha": {"type": "string"}, "beta": self.schema(depth)}});
                json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["alpha"], "items": items})
            }
            _ => json!({"type": "array", "items": self.schema(depth)}),
        };
        if self.one_in(3) {
            schema["minItems"] = json!(self.below(2));
            schema["maxItems"] = json!(1 + self.below(2));
        }
        schema
    }

    /// A value that fits the schema, most of the time.
    pub(super) fn value(&mut self, schema: &Value) -> Value {
        if self.one_in(25) {
            return match self.below(4) {
                0 => Value::Null,
                1 => self.number(),
                2 => json!([1]),
                _ => json!({"alpha": "a"}),
            };
        }
        match schema["type"].as_str() {
            Some("object") => self.fields(schema),
            Some("array") => (0..self.below(3)).map(|_| self.value(&schema["items"])).collect(),
            Some("integer" | "number") => self.number(),
            Some("boolean") => json!(self.one_in(2)),
            Some("string") => match schema["enum"].as_array() {
                Some(all) if self.one_in(2) => self.pick(all),
                _ => json!(self.pick(&TEXTS)),
            },
            _ if self.one_in(2) => self.number(),
            _ => json!(self.pick(&TEXTS)),
        }
    }

    fn fields(&mut self, schema: &Value) -> Value {
        let mut found = Map::new();
        for name in NAMES {
            let next = schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
            if next.is_object() && !self.one_in(4) {
                found.insert(name.to_owned(), self.value(next));
            }
        }
        if self.one_in(12) {
            found.insert("unknown".to_owned(), json!({"a": [null]}));
        }
        Value::Object(found)
    }
}
