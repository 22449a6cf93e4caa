//! Whole renders against what Flux's own packages gave for the same input.
//!
//! A case is a folder in `cases`: `tree/` is the artifact, `case.json` the Kustomization, then either `expected.yaml`
//! (the stream whose digest counts) with `objects.json` (the objects to apply), or `error.txt` with a part of our
//! error.

use crate::common;
use flux::render;
use serde_json::Value;
use std::error::Error;

#[test]
fn every_case_renders_as_flux_does() {
    let cases = common::cases();
    assert!(cases.len() > 40);
    let wrong: Vec<String> = cases.iter().filter_map(|case| check(case).err()).collect();
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n\n"));
}

fn check(case: &common::Case) -> Result<(), String> {
    let rendered = render(&case.tree(), &case.kustomization(), &case.variables(), &case.options());
    match (rendered, &case.error) {
        (Err(error), Some(part)) => {
            let words = chain(&error);
            if words.contains(part) {
                Ok(())
            } else {
                Err(format!("{}: {words:?} lacks {part:?}", case.name))
            }
        }
        (Err(error), None) => Err(format!("{}: {}", case.name, chain(&error))),
        (Ok(_), Some(part)) => Err(format!("{}: rendered, but should fail with {part:?}", case.name)),
        (Ok(rendered), None) => {
            let (objects, expected) = (rendered.objects, &case.objects);
            if &objects != expected {
                return Err(format!(
                    "{}: got\n{}\nexpected\n{}",
                    case.name,
                    lines(&objects),
                    lines(expected)
                ));
            }
            if rendered.digest != common::digest(&case.yaml) {
                return Err(format!("{}: the digest differs for\n{}", case.name, case.yaml));
            }
            Ok(())
        }
    }
}

/// One object a line.
fn lines(objects: &[Value]) -> String {
    objects.iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
}

/// The error with its causes.
fn chain(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", chain(cause)),
        None => error.to_string(),
    }
}
