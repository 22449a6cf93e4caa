//! Telling SOPS data from other data. Nothing is decrypted here.

use serde_json::Value;

use crate::control::is_decryption_disabled;
use crate::variables::decode_base64;

/// What tells an encrypted file from another: its message authentication code in JSON, dotenv, ini or YAML.
const MARKERS: [&str; 4] = ["\"mac\": \"ENC[", "sops_mac=ENC[", "[sops]", "mac: ENC["];

/// Whether an object, of any kind, is encrypted as a whole, or is a Secret made from encrypted files; and is not
/// exempt from decryption.
pub(crate) fn is_encrypted(object: &Value) -> bool {
    let whole = object["sops"]["mac"].as_str().is_some_and(|mac| !mac.is_empty());
    !is_decryption_disabled(object) && (whole || has_encrypted_values(object))
}

/// Whether a Secret holds the content of an encrypted file.
fn has_encrypted_values(object: &Value) -> bool {
    let Some(data) = object["data"].as_object().filter(|_| is_secret(object)) else { return false };
    let decoded = data.values().filter_map(|value| decode_base64(value.as_str()?));
    decoded.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).any(|text| has_marker(&text))
}

fn has_marker(text: &str) -> bool {
    MARKERS.iter().any(|marker| text.contains(marker))
}

/// Whether the controller refuses the object: a Secret that still has its `sops` field.
pub(crate) fn is_refused(object: &Value) -> bool {
    is_secret(object) && object.get("sops").is_some() && !is_decryption_disabled(object)
}

/// Whether the object is a Secret of the core group.
pub(crate) fn is_secret(object: &Value) -> bool {
    object["apiVersion"] == "v1" && object["kind"] == "Secret"
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use serde_json::json;

    fn secret(extra: Value) -> Value {
        let mut secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}});
        for (key, value) in extra.as_object().into_iter().flatten() {
            secret[key] = value.clone();
        }
        secret
    }

    #[test]
    fn encrypted_objects_are_found() {
        let mac = json!({"mac": "ENC[AES256_GCM,data:x]"});
        assert!(is_encrypted(&json!({"kind": "ConfigMap", "sops": mac})));
        let file = base64::engine::general_purpose::STANDARD.encode("a: ENC[x]\nsops:\n    mac: ENC[y]\n");
        assert!(is_encrypted(&secret(json!({"data": {"f": file}}))));
        assert!(!is_encrypted(&secret(json!({"data": {"f": "YQ=="}}))));
        let exempt = json!({"annotations": {"kustomize.toolkit.fluxcd.io/decrypt": "Disabled"}});
        assert!(!is_encrypted(&secret(json!({"metadata": exempt, "sops": mac}))));
    }

    #[test]
    fn only_secrets_with_their_sops_field_are_refused() {
        assert!(is_refused(&secret(json!({"sops": {}}))) && !is_refused(&secret(json!({}))));
        assert!(!is_refused(&json!({"apiVersion": "v1", "kind": "ConfigMap", "sops": {}})));
    }
}
