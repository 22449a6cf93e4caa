//! Data keys of SOPS, opened with age identities that the operator keeps in the secret store. All cryptography is the
//! `age` crate's. Identities are those of `age-keygen`; SSH keys and plugins are not taken.

use std::io::Read as _;

use age::armor::ArmoredReader;
use age::{Decryptor, Identity, IdentityFile};
use async_trait::async_trait;
use ports::{DataKeys, WrappedDataKey};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

/// A data key has 32 bytes; nothing longer is read.
const LONGEST: u64 = 256;

/// Identities (private keys) that open data keys.
pub struct AgeKeys {
    identities: Vec<Box<dyn Identity + Send + Sync>>,
}

impl AgeKeys {
    /// The identities of a text as `age-keygen` writes it: one on each line, comments after `#`.
    ///
    /// # Errors
    /// The text holds none, or something else; the error never shows it.
    pub fn read(text: &SecretString) -> Result<Self, String> {
        let file = IdentityFile::from_buffer(text.expose_secret().as_bytes()).map_err(
            |_| "it holds something that is no age identity (`AGE-SECRET-KEY-1...` on a line of its own)",
        )?;
        let identities = file.into_identities().map_err(|_| "an age identity of it cannot be used")?;
        if identities.is_empty() {
            return Err("it holds no age identity (`AGE-SECRET-KEY-1...`)".to_owned());
        }
        Ok(Self { identities })
    }

    /// The data key in an armored age file.
    ///
    /// # Errors
    /// It is no age file, or is for others.
    pub fn open(&self, armored: &str) -> Result<SecretSlice<u8>, String> {
        let file = Decryptor::new_buffered(ArmoredReader::new(armored.as_bytes()))
            .map_err(|_| "its `enc` is not an age file")?;
        let identities = self.identities.iter().map(|identity| identity.as_ref() as &dyn Identity);
        let reader =
            file.decrypt(identities).map_err(|_| "none of the configured age identities is its recipient")?;
        let mut key = Vec::new();
        reader.take(LONGEST).read_to_end(&mut key).map_err(|_| "its `enc` was changed")?;
        Ok(key.into())
    }
}

#[async_trait]
impl DataKeys for AgeKeys {
    async fn unwrap(&self, wrapped: &WrappedDataKey) -> Result<SecretSlice<u8>, String> {
        match wrapped {
            WrappedDataKey::Age { armored } => self.open(armored),
            WrappedDataKey::AwsKms { .. } => Err("AWS KMS is not set up".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_identity_is_refused_without_being_shown() {
        for text in ["", "# nothing\n", "hunter2-hunter2", "AGE-SECRET-KEY-1XXXX"] {
            let error = AgeKeys::read(&SecretString::from(text)).err().unwrap_or_default();
            assert!(error.contains("age identity") && !error.contains("hunter2"), "{text:?}: {error}");
        }
    }
}
