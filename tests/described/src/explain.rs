//! What a validator found, in lines that fit a screen: where, what, and of several alternatives the one that came nearest.

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

/// Most problems told of one body: the first ones say it.
const MOST: usize = 10;

/// What is wrong with `value`, in a few lines.
pub(crate) fn problems(validator: &Validator, value: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for error in validator.iter_errors(value) {
        told(&error, &mut lines);
        if lines.len() >= MOST {
            break;
        }
    }
    lines.truncate(MOST);
    lines
}

fn told(error: &ValidationError<'_>, lines: &mut Vec<String>) {
    match error.kind() {
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            let nearest = context.iter().min_by_key(|errors| (is_another_kind(errors, error), errors.len()));
            nearest.into_iter().flatten().for_each(|error| told(error, lines));
        }
        _ => {
            let at = error.instance_path().to_string();
            let at = if at.is_empty() { "the body".to_owned() } else { format!("`{at}`") };
            let text: String = error.masked_with("it").to_string().chars().take(300).collect();
            lines.push(format!("{at}: {text}"));
        }
    }
}

/// Whether an alternative is for another type altogether, null among them: it says nothing of what is there.
fn is_another_kind(errors: &[ValidationError<'_>], whole: &ValidationError<'_>) -> bool {
    errors.iter().any(|error| {
        matches!(error.kind(), ValidationErrorKind::Type { .. })
            && error.instance_path() == whole.instance_path()
    })
}
