//! Keys to encrypted files. Files name whom they are encrypted for; only what the operator set up can open them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use secrecy::SecretSlice;

/// The key of an encrypted file, itself encrypted for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WrappedDataKey {
    /// For an age recipient.
    Age {
        /// The armored age file.
        armored: String,
    },
    /// By a key of AWS KMS.
    AwsKms {
        /// The key's ARN.
        arn: String,
        /// The role to assume, where the file names one.
        role: Option<String>,
        /// The encryption context.
        context: BTreeMap<String, String>,
        /// What KMS gave, in base64.
        ciphertext: String,
    },
}

/// Opens data keys.
#[async_trait]
pub trait DataKeys: Send + Sync {
    /// The data key.
    ///
    /// # Errors
    /// Why it cannot be had, as a sentence without a full stop and without secrets.
    async fn unwrap(&self, wrapped: &WrappedDataKey) -> Result<SecretSlice<u8>, String>;
}
