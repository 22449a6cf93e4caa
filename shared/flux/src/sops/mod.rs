//! SOPS: telling encrypted data from other data, and decrypting it as kustomize-controller does, with data keys that
//! others unwrap. Message authentication codes are not checked, as the controller does not check them.

mod conceal;
mod decrypt;
mod dotenv;
mod format;
mod ini;
mod json;
mod keys;
mod metadata;
mod objects;
mod sources;
mod value;

use std::collections::BTreeSet;

use kustomize::OverlayTree;
use serde_json::Value;

pub use conceal::{conceal, is_ciphertext, is_rotated};
pub use keys::{DataKey, DataKeys, Unwrapped, WrappedKey};
pub(crate) use objects::Encrypted;
pub(crate) use sources::Sources;

use crate::control::is_decryption_disabled;
use crate::variables::decode_base64;
use decrypt::Decryptor;

/// What tells an encrypted file from another: its message authentication code in JSON, dotenv, ini or YAML.
const MARKERS: [&str; 4] = ["\"mac\": \"ENC[", "sops_mac=ENC[", "[sops]", "mac: ENC["];

/// How an object is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// As a whole; an object of any kind.
    Object,
    /// It is a Secret made from encrypted files.
    Files,
}

/// Why decrypting stopped.
pub(crate) enum Stopped {
    /// These have to be unwrapped first.
    Keys(BTreeSet<WrappedKey>),
    /// It fails, for this reason.
    Failed(String),
}

/// Decrypts the files that generators and patches name; what must be masked is added to `secrets`.
pub(crate) fn decrypt_sources(
    tree: &OverlayTree<'_>,
    dir: &str,
    keys: &DataKeys,
    secrets: &mut BTreeSet<String>,
) -> Result<Sources, Stopped> {
    let mut decryptor = Decryptor::new(keys);
    let found = sources::decrypt(tree, dir, &mut decryptor).map_err(Stopped::Failed)?;
    finish(decryptor, secrets).map(|()| found)
}

/// Decrypts what was built; the answer names what stays encrypted, and why.
pub(crate) fn decrypt_objects(
    objects: &mut [Value],
    keys: &DataKeys,
    secrets: &mut BTreeSet<String>,
    warnings: &mut Vec<String>,
) -> Result<Encrypted, Stopped> {
    let mut decryptor = Decryptor::new(keys);
    let encrypted = objects::decrypt(objects, &mut decryptor, warnings).map_err(Stopped::Failed)?;
    finish(decryptor, secrets).map(|()| encrypted)
}

fn finish(decryptor: Decryptor<'_>, secrets: &mut BTreeSet<String>) -> Result<(), Stopped> {
    if !decryptor.missing.is_empty() {
        return Err(Stopped::Keys(decryptor.missing));
    }
    secrets.extend(decryptor.secrets);
    Ok(())
}

/// How an object is encrypted, if it is and is not exempt from decryption.
pub(crate) fn encryption(object: &Value) -> Option<Encryption> {
    if is_decryption_disabled(object) {
        return None;
    }
    let whole = object["sops"]["mac"].as_str().is_some_and(|mac| !mac.is_empty());
    whole.then_some(Encryption::Object).or_else(|| has_encrypted_values(object).then_some(Encryption::Files))
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
        assert_eq!(encryption(&json!({"kind": "ConfigMap", "sops": mac})), Some(Encryption::Object));
        let file = base64::engine::general_purpose::STANDARD.encode("a: ENC[x]\nsops:\n    mac: ENC[y]\n");
        assert_eq!(encryption(&secret(json!({"data": {"f": file}}))), Some(Encryption::Files));
        assert_eq!(encryption(&secret(json!({"data": {"f": "YQ=="}}))), None);
        let exempt = json!({"annotations": {"kustomize.toolkit.fluxcd.io/decrypt": "Disabled"}});
        assert_eq!(encryption(&secret(json!({"metadata": exempt, "sops": mac}))), None);
    }

    #[test]
    fn only_secrets_with_their_sops_field_are_refused() {
        assert!(is_refused(&secret(json!({"sops": {}}))) && !is_refused(&secret(json!({}))));
        assert!(!is_refused(&json!({"apiVersion": "v1", "kind": "ConfigMap", "sops": {}})));
    }
}
