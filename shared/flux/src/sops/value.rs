//! One encrypted value: its text form, and what decrypting it gives.

use std::sync::LazyLock;

use aes_gcm::aead::consts::U32;
use aes_gcm::aead::{Aead, KeyInit, Nonce, Payload};
use aes_gcm::{Aes256Gcm, AesGcm, aes::Aes256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kustomize::yaml::Ordered;
use regex::Regex;

use super::keys::DataKey;

/// `data`, `iv`, `tag`, `type`. What follows is ignored, as SOPS does.
static FORM: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^ENC\[AES256_GCM,data:(.+),iv:(.+),tag:(.+),type:(.+)\]").ok());

/// SOPS makes nonces of 32 bytes.
type Long = AesGcm<Aes256, U32>;

/// Whether a text is an encrypted value.
pub(crate) fn is_encrypted(text: &str) -> bool {
    FORM.as_ref().is_some_and(|form| form.is_match(text))
}

/// What an encrypted value holds. `path` are the names on the way to it; errors never show a value.
pub(super) fn decrypt(text: &str, key: &DataKey, path: &[&str]) -> Result<Ordered, String> {
    if text.is_empty() {
        return Ok(Ordered::Text(String::new()));
    }
    let parts = FORM.as_ref().and_then(|form| form.captures(text));
    let parts = parts.ok_or("is not encrypted, and should be")?;
    let part = |index: usize| parts.get(index).map_or("", |part| part.as_str());
    let bytes = |index: usize, name: &str| {
        STANDARD.decode(part(index)).map_err(|_| format!("its `{name}` is not base64"))
    };
    let (mut data, nonce, tag) = (bytes(1, "data")?, bytes(2, "iv")?, bytes(3, "tag")?);
    data.extend(tag);
    let place = format!("{}:", path.join(":"));
    let plain = match nonce.len() {
        32 => open::<Long>(key, &nonce, &data, &place),
        12 => open::<Aes256Gcm>(key, &nonce, &data, &place),
        other => return Err(format!("its `iv` has {other} bytes, where SOPS writes 32")),
    };
    let plain = plain.ok_or("does not decrypt: it was changed or moved, or is another file's")?;
    typed(plain, part(4))
}

fn open<C: Aead + KeyInit>(key: &DataKey, nonce: &[u8], data: &[u8], place: &str) -> Option<Vec<u8>> {
    let nonce = Nonce::<C>::try_from(nonce).ok()?;
    let cipher = C::new_from_slice(key.bytes()).ok()?;
    cipher.decrypt(&nonce, Payload { msg: data, aad: place.as_bytes() }).ok()
}

fn typed(plain: Vec<u8>, kind: &str) -> Result<Ordered, String> {
    let text =
        String::from_utf8(plain).map_err(|_| "holds bytes that are no text, which is not supported")?;
    let wrong = || format!("says that it is of type `{kind}` and is not");
    Ok(match kind {
        "str" => Ordered::Text(text),
        "int" => Ordered::Int(text.parse().map_err(|_| wrong())?),
        "float" => Ordered::Float(text.parse().map_err(|_| wrong())?),
        "bool" => match text.as_str() {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Ordered::Bool(true),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => Ordered::Bool(false),
            _ => return Err(wrong()),
        },
        "time" => Ordered::Time(text),
        other => return Err(format!("is of type `{other}`, which is not supported")),
    })
}
