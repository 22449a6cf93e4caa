//! Data keys of encrypted files: opened as rendering asks for them, once for both sides, and only for trusted pull
//! requests.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use flux::{DataKey, Unwrapped, WrappedKey};
use ports::{DataKeys, WrappedDataKey};
use secrecy::ExposeSecret as _;

/// Data keys that one report opens at most.
const MOST: usize = 500;

/// Whether encrypted files may be decrypted.
#[derive(Clone)]
pub enum DecryptionAccess {
    /// No, because of this (a sentence without a full stop, with what to do about it).
    None(String),
    /// With these keys.
    With(Arc<dyn DataKeys>),
    /// With the keys of each cluster, for its own Kustomizations alone.
    ByCluster {
        /// The first cluster's, which is the only one's where there is one.
        first: Box<DecryptionAccess>,
        /// Those of further clusters, by name.
        further: Arc<BTreeMap<String, DecryptionAccess>>,
    },
}

impl DecryptionAccess {
    /// That of the first cluster.
    pub(super) fn first(&self) -> &Self {
        match self {
            DecryptionAccess::ByCluster { first, .. } => first.first(),
            other => other,
        }
    }

    /// That of a further cluster. Keys of one cluster are not another's.
    pub(super) fn of_further(&self, name: &str) -> Self {
        let none = || DecryptionAccess::None(format!("no keys are configured for the cluster `{name}`"));
        match self {
            DecryptionAccess::None(why) => DecryptionAccess::None(why.clone()),
            DecryptionAccess::With(_) => none(),
            DecryptionAccess::ByCluster { further, .. } => further.get(name).cloned().unwrap_or_else(none),
        }
    }
}

/// What was opened so far.
pub(super) struct Opened {
    access: DecryptionAccess,
    so_far: RwLock<Arc<Unwrapped>>,
}

impl Opened {
    pub(super) fn new(access: DecryptionAccess) -> Self {
        Self { access: access.first().clone(), so_far: RwLock::default() }
    }

    /// What renders are handed.
    pub(super) fn given(&self) -> flux::DataKeys {
        match &self.access {
            DecryptionAccess::None(why) => flux::DataKeys::Absent(why.clone()),
            DecryptionAccess::With(_) => flux::DataKeys::Known(self.so_far()),
            DecryptionAccess::ByCluster { .. } => flux::DataKeys::default(),
        }
    }

    /// Opens what a render lacks. `false` when that is not why it failed.
    pub(super) async fn after(&self, error: &flux::Error) -> bool {
        let (DecryptionAccess::With(keys), flux::Error::DataKeys { wrapped, .. }) = (&self.access, error)
        else {
            return false;
        };
        let known = self.so_far();
        let mut more = Unwrapped::clone(&known);
        for key in wrapped.iter().filter(|key| !known.contains_key(*key)) {
            let opened = match more.len() < MOST {
                true => keys.unwrap(&asked(key)).await.map(|key| DataKey::new(key.expose_secret().to_vec())),
                false => Err(format!("only the first {MOST} data keys of a report are opened")),
            };
            more.insert(key.clone(), opened);
        }
        let brings = more.len() > known.len();
        *self.so_far.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(more);
        brings
    }

    fn so_far(&self) -> Arc<Unwrapped> {
        self.so_far.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn asked(key: &WrappedKey) -> WrappedDataKey {
    match key.clone() {
        WrappedKey::Age { armored, .. } => WrappedDataKey::Age { armored },
        WrappedKey::AwsKms { arn, role, context, ciphertext } => {
            WrappedDataKey::AwsKms { arn, role, context, ciphertext }
        }
    }
}
