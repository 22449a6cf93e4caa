//! Objects decrypted after the build: as a whole, or, for Secrets, the encrypted files among their values.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kustomize::yaml::Ordered;
use serde_json::{Map, Value};

use super::decrypt::{Decryptor, Outcome};
use super::format::Format;
use super::{Encryption, encryption, json};
use crate::control::is_decryption_disabled;
use crate::inventory::describe;
use crate::variables::decode_base64;

/// Objects that stay encrypted, and why.
pub(crate) type Encrypted = BTreeMap<String, String>;

/// Decrypts what is encrypted. The error names the object.
pub(super) fn decrypt(
    objects: &mut [Value],
    decryptor: &mut Decryptor<'_>,
    warnings: &mut Vec<String>,
) -> Result<Encrypted, String> {
    let mut encrypted = Encrypted::new();
    for object in objects {
        let name = describe(object);
        let stays = match encryption(object) {
            Some(Encryption::Object) => whole(object, decryptor),
            Some(Encryption::Files) => values(object, decryptor, warnings),
            None => Ok(None),
        };
        if let Some(why) = stays.map_err(|why| format!("`{name}`: {why}"))? {
            encrypted.insert(name, why);
        }
        if object["kind"] == "Secret" && object.get("sops").is_none() && !is_decryption_disabled(object) {
            rewrite_data(object);
        }
    }
    Ok(encrypted)
}

/// Decrypts an object with a `sops` field; the answer is why it stays encrypted.
fn whole(object: &mut Value, decryptor: &mut Decryptor<'_>) -> Result<Option<String>, String> {
    let Ordered::Map(mut fields) = json::from_object(object) else { return Ok(None) };
    let Some(at) = fields.iter().position(|(name, _)| name == "sops") else { return Ok(None) };
    let (_, sops) = fields.remove(at);
    match decryptor.content(Ordered::Map(fields), &sops, false, |_| false)? {
        Outcome::Done(plain) => {
            *object = json::to_object(plain);
            Ok(None)
        }
        Outcome::Later => Ok(None),
        Outcome::Encrypted(why) => Ok(Some(why)),
    }
}

fn values(
    object: &mut Value,
    decryptor: &mut Decryptor<'_>,
    warnings: &mut Vec<String>,
) -> Result<Option<String>, String> {
    let object_name = describe(object);
    let mut stays = None;
    let data = object.get_mut("data").and_then(Value::as_object_mut);
    for (key, value) in data.into_iter().flatten() {
        let Some(text) =
            value.as_str().and_then(decode_base64).and_then(|bytes| String::from_utf8(bytes).ok())
        else {
            continue;
        };
        let Some(format) = Format::of_content(&text) else { continue };
        let outcome = decryptor.file(&text, format, Format::of_path(key));
        match outcome.map_err(|why| format!("its `{key}`: {why}"))? {
            Outcome::Done(plain) => {
                if plain.lost_comments {
                    warnings.push(format!("`{key}` of `{object_name}` is decrypted without its comments"));
                }
                *value = Value::String(STANDARD.encode(plain.bytes));
            }
            Outcome::Later => {}
            Outcome::Encrypted(why) => stays = Some(why),
        }
    }
    Ok(stays)
}

/// The controller writes the data of every Secret anew: as texts, and none where it is empty.
fn rewrite_data(object: &mut Value) {
    let Some(fields) = object.as_object_mut() else { return };
    let Some(data) = fields.get("data") else { return };
    let data: Map<String, Value> = match data {
        Value::Object(data) => {
            data.iter().map(|(key, value)| (key.clone(), Value::String(text(value)))).collect()
        }
        _ => Map::new(),
    };
    if data.is_empty() {
        fields.remove("data");
    } else {
        fields.insert("data".to_owned(), Value::Object(data));
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
    }
}
