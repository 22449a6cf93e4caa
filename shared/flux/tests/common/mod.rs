//! What the integration tests share.

use serde_json::Value;
use std::collections::BTreeMap;

/// Files from a JSON object of paths to texts.
pub(crate) fn files(value: &Value) -> BTreeMap<String, String> {
    let files = value.as_object().into_iter().flatten();
    files.map(|(path, text)| (path.clone(), text.as_str().unwrap_or_default().to_owned())).collect()
}
