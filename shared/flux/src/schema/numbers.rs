//! Numbers and their bounds, as Go compares them: bounds of whole numbers are whole, whatever the schema says.

use serde_json::{Number, Value};

use super::flag;
use super::walk::{At, Walk};

/// The largest number up to which every whole one can be told from its neighbours.
const EXACT: f64 = 9_007_199_254_740_991.0;
/// How far from whole a quotient may be.
const CLOSE: f64 = 1e-9;

/// Whether a value is a whole number, however it is written.
pub(super) fn is_integer(value: &Value) -> bool {
    value.as_i64().is_some() || value.as_f64().is_some_and(is_whole)
}

/// Whether two values are the same; one written as `1.0` is the same as one written as `1`.
pub(super) fn are_same(a: &Value, b: &Value) -> bool {
    a == b || (a.is_number() && b.is_number() && a.as_f64() == b.as_f64())
}

fn is_whole(number: f64) -> bool {
    let off = (number - number.round()).abs();
    number.abs() <= EXACT && (off == 0.0 || off < CLOSE * number.abs())
}

/// A number as the API server has it: whole where that is what it says.
fn whole(number: &Number) -> Option<i64> {
    number.as_i64().or_else(|| {
        let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() <= EXACT)?;
        format!("{float:.0}").parse().ok()
    })
}

/// The part of a bound before the point.
fn truncated(bound: f64) -> i128 {
    format!("{:.0}", bound.trunc()).parse().unwrap_or(if bound < 0.0 { i128::MIN } else { i128::MAX })
}

/// Holds a number against the bounds of its schema.
pub(super) fn number(walk: &mut Walk<'_>, schema: &Value, number: &Number, at: &At<'_>) {
    let (integer, float) = (whole(number), number.as_f64().unwrap_or_default());
    let format = schema["format"].as_str().unwrap_or_default();
    let is_integer = schema["type"] == "integer";
    if is_integer && format == "int32" && integer.is_none_or(|n| i32::try_from(n).is_err()) {
        walk.problem(at, "must be a number of 32 bits");
    } else if is_integer && integer.is_none() && is_whole(float) {
        walk.problem(at, "must be a number of 64 bits");
    }
    // A bound that is not whole fits no whole number.
    let odd = |bound: &f64| is_integer && !is_whole(*bound);
    let bound = |name: &str| schema[name].as_f64();
    if let Some(most) = bound("maximum") {
        let exclusive = flag(schema, "exclusiveMaximum");
        let over = match integer {
            Some(n) if !odd(&most) => {
                i128::from(n) > truncated(most) || exclusive && i128::from(n) == truncated(most)
            }
            _ => float > most || exclusive && float >= most,
        };
        if over || odd(&most) {
            let than = if exclusive { "less than" } else { "at most" };
            walk.problem(at, format!("must be {than} {most}"));
        }
    }
    if let Some(least) = bound("minimum") {
        let exclusive = flag(schema, "exclusiveMinimum");
        let under = match integer {
            Some(n) if !odd(&least) => {
                i128::from(n) < truncated(least) || exclusive && i128::from(n) == truncated(least)
            }
            _ => float < least || exclusive && float <= least,
        };
        if under || odd(&least) {
            let than = if exclusive { "more than" } else { "at least" };
            walk.problem(at, format!("must be {than} {least}"));
        }
    }
    if let Some(factor) =
        bound("multipleOf").filter(|factor| odd(factor) || !is_multiple(integer, float, *factor))
    {
        walk.problem(at, format!("must be a multiple of {factor}"));
    }
}

fn is_multiple(integer: Option<i64>, float: f64, factor: f64) -> bool {
    match integer {
        Some(n) => match truncated(factor) {
            factor if factor <= 0 => false,
            factor => i128::from(n) % factor == 0,
        },
        None if factor <= 0.0 => false,
        None if factor < 1.0 => is_whole(1.0 / factor * float),
        None => is_whole(float / factor),
    }
}
