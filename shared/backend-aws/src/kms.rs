//! Data keys of SOPS, opened by AWS KMS with the worker's own rights: which keys those are is IAM's to say, since files
//! name their keys themselves.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use aws_config::{Region, SdkConfig};
use aws_sdk_kms::Client;
use aws_sdk_kms::config::Builder;
use aws_smithy_types::Blob;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ports::{DataKeys, WrappedDataKey};
use secrecy::SecretSlice;

use crate::failure::Failure;

/// KMS in whatever region a key is in.
pub struct KmsKeys {
    config: SdkConfig,
}

impl KmsKeys {
    /// KMS with the credentials of `config`.
    pub fn new(config: SdkConfig) -> Self {
        Self { config }
    }

    async fn open(
        &self,
        arn: &str,
        context: &BTreeMap<String, String>,
        ciphertext: &str,
    ) -> Result<SecretSlice<u8>, String> {
        let region = region(arn).ok_or("it is not named by the ARN of a key or of an alias")?;
        let ciphertext = STANDARD.decode(ciphertext).map_err(|_| "its `enc` is not base64")?;
        let client =
            Client::from_conf(Builder::from(&self.config).region(Region::new(region.to_owned())).build());
        let context: HashMap<String, String> = context.clone().into_iter().collect();
        let context = Some(context).filter(|context| !context.is_empty());
        let decrypt = client.decrypt().key_id(arn).ciphertext_blob(Blob::new(ciphertext));
        let answer = decrypt.set_encryption_context(context).send().await;
        let answer = answer.map_err(|error| Failure::of("kms:Decrypt", &error).reason)?;
        Ok(answer.plaintext.ok_or("kms:Decrypt gave nothing")?.into_inner().into())
    }
}

/// The region in the ARN of a key.
fn region(arn: &str) -> Option<&str> {
    let mut parts = arn.split(':');
    let (begin, _, service) = (parts.next()?, parts.next()?, parts.next()?);
    let region = parts.next().filter(|region| !region.is_empty())?;
    let plain = region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    (begin == "arn" && service == "kms" && plain).then_some(region)
}

#[async_trait]
impl DataKeys for KmsKeys {
    async fn unwrap(&self, wrapped: &WrappedDataKey) -> Result<SecretSlice<u8>, String> {
        match wrapped {
            WrappedDataKey::AwsKms { role: Some(role), .. } => Err(format!(
                "the file names the role `{role}`, and preflux assumes none: give the worker's role the right to the key"
            )),
            WrappedDataKey::AwsKms { arn, context, ciphertext, .. } => {
                self.open(arn, context, ciphertext).await
            }
            WrappedDataKey::Age { .. } => Err("it is not a key of AWS KMS".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed call is the test's failure")]
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::emulator;

    fn wrapped(arn: &str, context: &str, ciphertext: &str) -> WrappedDataKey {
        WrappedDataKey::AwsKms {
            arn: arn.to_owned(),
            role: None,
            context: BTreeMap::from([("team".to_owned(), context.to_owned())]),
            ciphertext: ciphertext.to_owned(),
        }
    }

    #[tokio::test]
    async fn data_keys_are_opened_in_their_context_only() {
        let Some(config) = emulator::named("PREFLUX_TEST_KMS", "data_keys_are_opened_in_their_context_only")
        else {
            return;
        };
        let client = Client::new(&config);
        let arn = client.create_key().send().await.unwrap().key_metadata.unwrap().arn.unwrap();
        let encrypt =
            client.encrypt().key_id(&arn).plaintext(Blob::new([7; 32])).encryption_context("team", "a");
        let ciphertext = STANDARD.encode(encrypt.send().await.unwrap().ciphertext_blob.unwrap());
        let keys = KmsKeys::new(config);
        let key = keys.unwrap(&wrapped(&arn, "a", &ciphertext)).await.unwrap();
        assert_eq!(key.expose_secret(), [7; 32]);
        let error = keys.unwrap(&wrapped(&arn, "b", &ciphertext)).await.unwrap_err();
        assert!(error.starts_with("kms:Decrypt: "), "{error}");
    }

    #[tokio::test]
    async fn what_is_no_key_is_asked_of_nobody() {
        let keys = KmsKeys::new(emulator::at("http://127.0.0.1:1"));
        for (arn, ciphertext, reason) in [
            ("alias/x", "eA==", "not named by the ARN"),
            ("arn:aws:s3:eu-central-1:1:key/x", "eA==", "not named by the ARN"),
            ("arn:aws:kms:evil.example/:1:key/x", "eA==", "not named by the ARN"),
            ("arn:aws:kms:eu-central-1:1:key/x", "%", "not base64"),
        ] {
            let error = keys.unwrap(&wrapped(arn, "a", ciphertext)).await.unwrap_err();
            assert!(error.contains(reason), "{arn}: {error}");
        }
    }
}
