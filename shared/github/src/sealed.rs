//! Installation tokens and people's tokens as the ledger holds them: encrypted with a key that follows from the App's private key,
//! or from its client secret, so that whoever may read the table, its backups or the file cannot use them, and every process that could make such a token can.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{Aead, KeyInit, Nonce, Payload};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// What the key is derived for: the private key itself signs, and this one seals.
const PURPOSE: &[u8] = b"preflux: installation tokens at rest\n";
/// What a client secret's key is derived for.
const PEOPLE: &[u8] = b"preflux: people's tokens at rest\n";
/// Bytes of a nonce.
const NONCE: usize = 12;

/// Seals and opens tokens.
pub(crate) struct Seal(Aes256Gcm);

impl Seal {
    /// The seal of whoever holds this private key. Line ends and blanks around it do not matter.
    pub(crate) fn of(private_key_pem: &SecretString) -> Self {
        let mut hash = Sha256::new_with_prefix(PURPOSE);
        for line in private_key_pem.expose_secret().trim().lines() {
            hash.update(line.trim());
            hash.update(b"\n");
        }
        Self(Aes256Gcm::new(&hash.finalize()))
    }

    /// The seal of people's tokens: of whoever holds this client secret.
    pub(crate) fn of_people(client_secret: &SecretString) -> Self {
        let hash = Sha256::new_with_prefix(PEOPLE).chain_update(client_secret.expose_secret());
        Self(Aes256Gcm::new(&hash.finalize()))
    }

    /// The token under a name, encrypted; `None` cannot happen with tokens, which are short.
    pub(crate) fn close(&self, name: &str, token: &str) -> Option<String> {
        // Random, and another each time: a digest of 122 random bits.
        let random = Sha256::digest(uuid::Uuid::new_v4().as_bytes());
        let nonce = Nonce::<Aes256Gcm>::try_from(&random[..NONCE]).ok()?;
        let text = Payload { msg: token.as_bytes(), aad: name.as_bytes() };
        let sealed = self.0.encrypt(&nonce, text).ok()?;
        Some(hex::encode([nonce.as_slice(), &sealed].concat()))
    }

    /// What was sealed under that name; `None` for what another key sealed, and for what is no sealed token.
    pub(crate) fn open(&self, name: &str, sealed: &str) -> Option<SecretString> {
        let bytes = hex::decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE)?;
        let nonce = Nonce::<Aes256Gcm>::try_from(nonce).ok()?;
        let text = self.0.decrypt(&nonce, Payload { msg: sealed, aad: name.as_bytes() }).ok()?;
        String::from_utf8(text).ok().map(SecretString::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(key: &str) -> Seal {
        Seal::of(&SecretString::from(key.to_owned()))
    }

    #[test]
    fn only_the_same_key_and_name_open_it() {
        let sealed = seal("key\nof the app\n").close("one", "ghs_token").unwrap_or_default();
        let opened = |key: &str, name: &str, text: &str| {
            seal(key).open(name, text).map(|token| token.expose_secret().to_owned())
        };
        assert!(!sealed.is_empty() && !sealed.contains(&hex::encode("ghs")), "{sealed}");
        assert_eq!(opened("key\nof the app\n", "one", &sealed).as_deref(), Some("ghs_token"));
        assert_eq!(opened("  key\r\nof the app", "one", &sealed).as_deref(), Some("ghs_token"));
        for (key, name, text) in [
            ("another", "one", sealed.as_str()),
            ("key\nof the app", "another", &sealed),
            ("key\nof the app", "one", &sealed[2..]),
            ("key\nof the app", "one", "ghs_token"),
            ("key\nof the app", "one", ""),
        ] {
            assert_eq!(opened(key, name, text), None, "{key} {name} {text}");
        }
    }

    #[test]
    fn the_same_token_looks_different_each_time() {
        let seal = seal("key");
        assert_ne!(seal.close("one", "ghs_token"), seal.close("one", "ghs_token"));
    }
}
