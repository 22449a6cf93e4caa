//! What leaves this crate of an object: a Secret's values as tokens, of which only "the same" and "another" can be told, and
//! only within one process; of every object without the copy of itself that `kubectl apply` leaves in an annotation.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::mask::{Mask, token};
use hmac::{Hmac, KeyInit as _, Mac as _};
use ports::Refusal;
use serde_json::{Map, Value};
use sha2::Sha256;

use crate::discovery::Resource;

/// All that a Secret may consist of; anything else that comes along is dropped.
const FIELDS: [&str; 7] = ["apiVersion", "kind", "metadata", "type", "immutable", "data", "stringData"];
/// Parts of a Secret's metadata that name it and are never masked.
const NAMES: [&str; 8] = [
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "selfLink",
];
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Makes tokens with a key that this process made up and tells nobody.
pub(crate) struct Reducer {
    key: [u8; 32],
}

impl Reducer {
    pub(crate) fn new() -> Self {
        let mut key = [0; 32];
        key[..16].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        key[16..].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        Self { key }
    }

    /// An object as it may leave. Where it was asked for counts as much as what it says it is: neither alone is believed.
    pub(crate) fn object(&self, asked: Option<&Resource>, mut object: Value) -> Value {
        if let Some(annotations) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut)
        {
            annotations.remove(LAST_APPLIED);
        }
        if asked.is_some_and(is_secrets) || object.get("kind").and_then(Value::as_str) == Some("Secret") {
            self.secret(&mut object);
        }
        object
    }

    fn secret(&self, object: &mut Value) {
        let Some(fields) = object.as_object_mut() else {
            *object = Value::Null;
            return;
        };
        fields.retain(|field, _| FIELDS.contains(&field.as_str()));
        let mut values = Vec::new();
        for field in ["data", "stringData"] {
            if let Some(data) = fields.get_mut(field) {
                self.data(field == "data", data, &mut values);
            }
        }
        let mask = Mask::new(values);
        for field in ["type", "immutable"] {
            fields.entry(field).and_modify(|value| mask.mask(value));
        }
        if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.get_mut("managedFields").into_iter().for_each(drop_values);
            let rest = metadata.iter_mut().filter(|(field, _)| !NAMES.contains(&field.as_str()));
            rest.for_each(|(_, value)| mask.mask(value));
        }
    }

    /// Puts a token in place of every value, and gives the values.
    fn data(&self, encoded: bool, data: &mut Value, values: &mut Vec<String>) {
        match data {
            Value::Object(entries) => {
                for (key, value) in entries {
                    *value = self.token(key, encoded, value, values);
                }
            }
            Value::Null => {}
            other => *other = self.token("", encoded, other, values),
        }
    }

    /// The token of a value depends on its key as well, so that values of two keys cannot be told to be the same.
    fn token(&self, key: &str, encoded: bool, value: &Value, values: &mut Vec<String>) -> Value {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let decoded = if encoded { STANDARD.decode(text.trim()).ok() } else { None };
        let bytes = decoded.unwrap_or_else(|| text.clone().into_bytes());
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("any length of key will do");
        mac.update(&(key.len() as u64).to_be_bytes());
        mac.update(key.as_bytes());
        mac.update(&bytes);
        values.push(text);
        values.extend(String::from_utf8(bytes).ok());
        Value::from(token(&mac.finalize().into_bytes()[..16]))
    }
}

/// The server's words about a Secret may repeat its values, so they stay here.
pub(crate) fn refusal(asked: &Resource, refusal: Refusal) -> Refusal {
    if !is_secrets(asked) {
        return refusal;
    }
    let unsaid = |what: &str| format!("{what}; its words may repeat the Secret's values and are not shown");
    match refusal {
        Refusal::Immutable(_) => Refusal::Immutable(unsaid("the Secret is immutable")),
        Refusal::Invalid(_) => Refusal::Invalid(unsaid("the API server finds the Secret invalid")),
        Refusal::Unprocessable(_) => {
            Refusal::Unprocessable(unsaid("the API server finds the Secret invalid"))
        }
        Refusal::Denied { by, forcing, .. } => {
            Refusal::Denied { by, forcing, why: unsaid("a Secret is refused") }
        }
        Refusal::Conflict(_) => Refusal::Conflict(unsaid("the Secret changed in between")),
        Refusal::WebhookDown(_) => Refusal::WebhookDown(unsaid("a webhook for Secrets did not answer")),
        Refusal::NoDryRun(_) => Refusal::NoDryRun(unsaid("a webhook for Secrets said so")),
        Refusal::Unavailable(_) => Refusal::Unavailable(unsaid("the request for the Secret failed")),
        Refusal::Throttled(_) => Refusal::Throttled(unsaid("too many requests")),
        Refusal::TimedOut(_) => Refusal::TimedOut(unsaid("no answer to the request for the Secret")),
        Refusal::NamespaceMissing
        | Refusal::NamespaceTerminating
        | Refusal::KindMissing
        | Refusal::OutOfTime
        | Refusal::Aggregated(_)
        | Refusal::MissingRight(_)
        | Refusal::Forbidden(_) => refusal,
    }
}

pub(crate) fn is_secrets(resource: &Resource) -> bool {
    resource.group.is_empty() && resource.plural == "secrets"
}

/// `managedFields` names fields as `f:NAME`. List items stand there as `k:…` and `v:…`, with their values.
fn drop_values(fields: &mut Value) {
    match fields {
        Value::Object(map) => {
            let drop = |key: &str| key.starts_with("v:") || key.starts_with("k:");
            *map =
                std::mem::take(map).into_iter().filter(|(key, _)| !drop(key)).collect::<Map<String, Value>>();
            map.values_mut().for_each(drop_values);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_values),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "the objects of the cases are well formed")]
    use super::*;
    use serde_json::json;

    fn resource(plural: &str) -> Resource {
        Resource {
            group: String::new(),
            version: "v1".to_owned(),
            plural: plural.to_owned(),
            namespaced: true,
            patchable: true,
        }
    }

    fn secret(data: Value, string_data: Value) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": data, "stringData": string_data, "more": "hunter2-long",
            "metadata": {
                "name": "login", "namespace": "apps",
                "annotations": {LAST_APPLIED: "{\"data\":{\"a\":\"aHVudGVyMi1sb25n\"}}", "copy": "is hunter2-long", "plain": "kept"},
                "managedFields": [{"manager": "m", "fieldsV1": {"f:data": {"f:a": {}}, "f:x": {"v:\"hunter2-long\"": {}}}}],
            },
        })
    }

    #[test]
    fn nothing_of_a_secrets_values_is_left() {
        let reducer = Reducer::new();
        let given = secret(json!({"a": "aHVudGVyMi1sb25n", "n": 5}), json!({"b": "hunter2-long"}));
        let reduced = reducer.object(Some(&resource("secrets")), given);
        let text = reduced.to_string();
        for gone in ["hunter2", "aHVudGVyMi1", "last-applied", "more", "v:"] {
            assert!(!text.contains(gone), "{gone} in {text}");
        }
        assert_eq!(reduced["metadata"]["annotations"]["plain"], "kept");
        assert_eq!(
            reduced["metadata"]["managedFields"][0]["fieldsV1"],
            json!({"f:data": {"f:a": {}}, "f:x": {}})
        );
        assert_eq!((&reduced["metadata"]["name"], &reduced["type"]), (&json!("login"), &json!("Opaque")));
    }

    #[test]
    fn tokens_tell_the_same_from_another_and_nothing_else() {
        let reducer = Reducer::new();
        let token = |reducer: &Reducer, key: &str, data: &str, plain: &str| {
            let reduced = reducer.object(None, secret(json!({key: data}), json!({key: plain})));
            (reduced["data"][key].as_str().unwrap().to_owned(), reduced["stringData"][key].clone())
        };
        let (same, plain) = token(&reducer, "a", "aHVudGVyMi1sb25n", "hunter2-long");
        assert_eq!(json!(same), plain, "encoded or not");
        assert_eq!(same, token(&reducer, "a", "aHVudGVyMi1sb25n", "").0);
        assert_ne!(same, token(&reducer, "a", "b3RoZXI=", "").0);
        assert_ne!(same, token(&reducer, "b", "aHVudGVyMi1sb25n", "").0, "another key");
        assert_ne!(same, token(&Reducer::new(), "a", "aHVudGVyMi1sb25n", "").0, "another process");
        let lengths =
            ["", "eA==", &STANDARD.encode("x".repeat(999))].map(|v| token(&reducer, "a", v, "").0.len());
        assert_eq!(lengths, [same.len(); 3], "no length");
    }

    #[test]
    fn neither_the_question_nor_the_answer_alone_says_what_a_secret_is() {
        let reducer = Reducer::new();
        let odd = json!({"kind": "ConfigMap", "data": {"a": "aHVudGVyMi1sb25n"}});
        assert!(!reducer.object(Some(&resource("secrets")), odd).to_string().contains("aHVud"));
        let odd = json!({"kind": "Secret", "data": ["hunter2-long"]});
        assert!(!reducer.object(Some(&resource("configmaps")), odd).to_string().contains("hunter2"));
        assert_eq!(reducer.object(Some(&resource("secrets")), json!("hunter2")), Value::Null);
        let map = json!({"kind": "ConfigMap", "metadata": {"annotations": {LAST_APPLIED: "x", "a": "b"}}, "data": {"a": "b"}});
        let reduced = reducer.object(Some(&resource("configmaps")), map);
        assert_eq!(
            reduced,
            json!({"kind": "ConfigMap", "metadata": {"annotations": {"a": "b"}}, "data": {"a": "b"}})
        );
    }

    #[test]
    fn words_about_a_secret_stay_here() {
        let words = || "Invalid value: \"hunter2-long\"".to_owned();
        for given in [
            Refusal::Immutable(words()),
            Refusal::Invalid(words()),
            Refusal::NoDryRun(words()),
            Refusal::Unavailable(words()),
        ] {
            let said = format!("{:?}", refusal(&resource("secrets"), given.clone()));
            assert!(!said.contains("hunter2") && said.contains("are not shown"), "{said}");
            assert_eq!(refusal(&resource("configmaps"), given.clone()), given);
        }
    }
}
