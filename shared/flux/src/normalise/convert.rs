//! An object to a kind's Go struct and back, as the controller's converter does both: unknown fields go, fields that
//! are not left out when empty come, and values take their canonical form. One that does not fit stays as it was.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value};

use super::table::{self, Field, Omit, Struct, Type};
use super::{quantity, time};
use crate::variables::decode_base64;

/// How deep an object is followed.
const MAX_DEPTH: usize = 256;
/// How many unknown fields are named.
const MAX_UNKNOWN: usize = 20;

/// An object does not convert: a value has the wrong type, or no canonical form.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misfit;

/// What a conversion gave.
#[derive(Debug, PartialEq)]
pub(super) struct Converted {
    /// The object's fields.
    pub(super) fields: Map<String, Value>,
    /// Paths of fields that its kind does not have, up to a bound.
    pub(super) unknown: Vec<String>,
}

/// Converts a whole object.
pub(super) fn convert(object: &Map<String, Value>, of: Struct) -> Result<Converted, Misfit> {
    let mut converter = Converter::default();
    let mut fields = Map::new();
    converter.structure(object, of, &mut fields)?;
    converter.note_unknown(object, of);
    Ok(Converted { fields, unknown: converter.unknown })
}

/// A converted value, and whether Go holds it for empty: a pointer's target never is.
struct Done {
    value: Value,
    empty: bool,
}

impl Done {
    fn full(value: impl Into<Value>) -> Self {
        Self { value: value.into(), empty: false }
    }
}

#[derive(Default)]
struct Converter {
    path: Vec<String>,
    unknown: Vec<String>,
}

impl Converter {
    fn structure(
        &mut self,
        source: &Map<String, Value>,
        of: Struct,
        out: &mut Map<String, Value>,
    ) -> Result<(), Misfit> {
        for field in table::fields(of) {
            match field {
                Field::Inlined(inner) => self.structure(source, *inner, out)?,
                Field::Named { name, omit, kind } => {
                    let value = source.get(*name).unwrap_or(&Value::Null);
                    let done = self.below((*name).to_owned(), value, kind)?;
                    let left_out = match omit {
                        Omit::Never => false,
                        Omit::Empty => done.empty,
                        Omit::Zero => done.value.is_null(),
                    };
                    if !left_out {
                        out.insert((*name).to_owned(), done.value);
                    }
                }
            }
        }
        Ok(())
    }

    /// A value one level down.
    fn below(&mut self, step: String, value: &Value, kind: &Type) -> Result<Done, Misfit> {
        if value.is_null() {
            return self.zero(kind);
        }
        if self.path.len() >= MAX_DEPTH {
            return Err(Misfit);
        }
        self.path.push(step);
        let done = self.value(value, kind);
        self.path.pop();
        done
    }

    /// A value that is not null.
    fn value(&mut self, value: &Value, kind: &Type) -> Result<Done, Misfit> {
        Ok(match (kind, value) {
            (Type::Pointer(inner), _) => Done::full(self.value(value, inner)?.value),
            (Type::Struct(of), Value::Object(source)) => {
                let mut fields = Map::new();
                self.structure(source, *of, &mut fields)?;
                self.note_unknown(source, *of);
                Done::full(fields)
            }
            (Type::List(inner), Value::Array(items)) => {
                let items = items.iter().enumerate();
                let items = items.map(|(i, item)| Ok(self.below(i.to_string(), item, inner)?.value));
                let items = items.collect::<Result<Vec<_>, _>>()?;
                Done { empty: items.is_empty(), value: items.into() }
            }
            (Type::Map(inner), Value::Object(source)) => {
                let all = source.iter();
                let all = all.map(|(k, v)| Ok((k.clone(), self.below(k.clone(), v, inner)?.value)));
                let all = all.collect::<Result<Map<_, _>, _>>()?;
                Done { empty: all.is_empty(), value: all.into() }
            }
            (Type::Text, Value::String(text)) => Done { empty: text.is_empty(), value: text.as_str().into() },
            (Type::Flag, Value::Bool(flag)) => Done { empty: !flag, value: (*flag).into() },
            (Type::Int32, Value::Number(number)) => {
                // Too long a number is cut to its low bits.
                #[expect(clippy::cast_possible_truncation, reason = "Go's conversion cuts too")]
                let int = integer(number).ok_or(Misfit)? as i32;
                Done { empty: int == 0, value: int.into() }
            }
            (Type::Int64, Value::Number(number)) => {
                let int = integer(number).ok_or(Misfit)?;
                Done { empty: int == 0, value: int.into() }
            }
            (Type::Bytes, _) => bytes(value)?,
            (Type::Quantity, Value::String(text)) => {
                Done::full(quantity::canonical(quantity::trimmed(text)).ok_or(Misfit)?)
            }
            (Type::Quantity, Value::Number(number)) => {
                Done::full(quantity::canonical(&quantity::printed(number)).ok_or(Misfit)?)
            }
            (Type::IntOrString, Value::String(text)) => Done::full(text.as_str()),
            (Type::IntOrString, Value::Number(number)) => {
                Done::full(number.as_i64().and_then(|int| i32::try_from(int).ok()).ok_or(Misfit)?)
            }
            (Type::Time, Value::String(text)) => Done::full(time::seconds(text).ok_or(Misfit)?),
            (Type::MicroTime, Value::String(text)) => Done::full(time::microseconds(text).ok_or(Misfit)?),
            (Type::Raw, _) => Done::full(value.clone()),
            _ => return Err(Misfit),
        })
    }

    /// What Go holds where nothing is given.
    fn zero(&mut self, kind: &Type) -> Result<Done, Misfit> {
        let empty = |value: Value| Done { value, empty: true };
        Ok(match kind {
            Type::Text => empty("".into()),
            Type::Flag => empty(false.into()),
            Type::Int32 | Type::Int64 => empty(0.into()),
            Type::Bytes | Type::Pointer(_) | Type::List(_) | Type::Map(_) => empty(Value::Null),
            Type::Quantity => Done::full("0"),
            Type::IntOrString => Done::full(0),
            Type::Time | Type::MicroTime | Type::Raw => Done::full(Value::Null),
            Type::Struct(of) => {
                let mut fields = Map::new();
                self.structure(&Map::new(), *of, &mut fields)?;
                Done::full(fields)
            }
        })
    }

    fn note_unknown(&mut self, source: &Map<String, Value>, of: Struct) {
        for (name, value) in source {
            if self.unknown.len() < MAX_UNKNOWN && !value.is_null() && !table::has(of, name) {
                let path = self.path.iter().chain([name]).map(String::as_str).collect::<Vec<_>>();
                self.unknown.push(path.join("."));
            }
        }
    }
}

/// A whole number; one with a fraction is none.
fn integer(number: &Number) -> Option<i64> {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if let Some(int) = number.as_i64() {
        return Some(int);
    }
    let float = number.as_f64().filter(|float| float.fract() == 0.0)?;
    // What is out of range becomes the smallest number, as on the machines that the controller runs on.
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    Some(if (-BEYOND..BEYOND).contains(&float) { float as i64 } else { i64::MIN })
}

/// Bytes, from base64 or from a list of numbers, as base64.
fn bytes(value: &Value) -> Result<Done, Misfit> {
    let bytes = match value {
        Value::String(text) => decode_base64(text).ok_or(Misfit)?,
        Value::Array(items) => items.iter().map(byte).collect::<Option<_>>().ok_or(Misfit)?,
        _ => return Err(Misfit),
    };
    Ok(Done { empty: bytes.is_empty(), value: STANDARD.encode(bytes).into() })
}

fn byte(value: &Value) -> Option<u8> {
    match value {
        Value::Null => Some(0),
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "Go's conversion cuts too"
        )]
        Value::Number(number) => Some(integer(number)? as u8),
        _ => None,
    }
}
