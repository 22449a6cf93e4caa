//! Data keys: as they stand in encrypted files, and as whoever has the keys to them unwraps them. Unwrapping is not done
//! here.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A data key as a file holds it, encrypted for one recipient.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WrappedKey {
    /// For an age recipient.
    Age {
        /// The public key.
        recipient: String,
        /// The armored age file.
        armored: String,
    },
    /// By a key of AWS KMS.
    AwsKms {
        /// The key's ARN.
        arn: String,
        /// The role to assume before asking, where the file names one.
        role: Option<String>,
        /// The encryption context.
        context: BTreeMap<String, String>,
        /// What KMS gave, in base64.
        ciphertext: String,
    },
}

impl fmt::Display for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WrappedKey::Age { recipient, .. } => write!(f, "age recipient `{recipient}`"),
            WrappedKey::AwsKms { arn, .. } => write!(f, "AWS KMS key `{arn}`"),
        }
    }
}

/// The key that a file's values are encrypted with. It cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct DataKey(Vec<u8>);

impl DataKey {
    /// A data key of these bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        DataKey(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey")
    }
}

/// Data keys that were unwrapped so far, each by the text it was unwrapped from; or why it could not be.
pub type Unwrapped = BTreeMap<WrappedKey, Result<DataKey, String>>;

/// What may be used to decrypt.
#[derive(Debug, Clone)]
pub enum DataKeys {
    /// Nothing is decrypted, for this reason (a sentence without a full stop).
    Absent(String),
    /// What was unwrapped so far. Rendering asks for what it misses: [`crate::Error::DataKeys`].
    Known(Arc<Unwrapped>),
}

impl Default for DataKeys {
    fn default() -> Self {
        DataKeys::Absent("no keys are given to preflux for it".to_owned())
    }
}

/// What the data keys make of one file.
pub(super) enum Opened {
    Key(DataKey),
    /// Its keys were not unwrapped yet.
    Later,
    /// None of its keys can be used, and why.
    Never(String),
}

impl DataKeys {
    pub(super) fn open(&self, wrapped: &[WrappedKey], others: &[String]) -> Opened {
        let known = match self {
            DataKeys::Absent(why) => return Opened::Never(why.clone()),
            DataKeys::Known(known) => known,
        };
        let mut reasons = Vec::new();
        for key in wrapped {
            match known.get(key) {
                Some(Ok(data_key)) => return Opened::Key(data_key.clone()),
                Some(Err(why)) => reasons.push(format!("{key}: {why}")),
                None => return Opened::Later,
            }
        }
        reasons.extend(others.iter().map(|other| format!("{other}: not supported")));
        if reasons.is_empty() {
            reasons.push("it names none".to_owned());
        }
        Opened::Never(format!("none of its keys can be used ({})", reasons.join("; ")))
    }
}
