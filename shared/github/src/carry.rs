//! ETags that outlive the token they were got with. GitHub's tag of an answer is a hash over the request's `Accept` and `Authorization`
//! and the answer's body (found out by others, documented nowhere), so what the next token would be given for the same body can be
//! worked out: an App, whose tokens change every hour, then still gets 304s. A guess that is wrong costs what asking without a tag
//! costs; where guesses turn out wrong though nothing changed, none is made for a day.
//!
//! A body is kept only when [`Carry::keep`] says that all it stands for is durably done, like a tag of the usual sort.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use ports::ledger::Ledger;
use ports::{Clock, TableError};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// A kept body, compressed, at most: what fits into an item of DynamoDB with its name and in base64.
const MOST: usize = 280 << 10;
/// An answer at most, once unpacked.
const UNPACKED: u64 = 32 << 20;
/// Guesses that may turn out wrong, one after the other, though nothing changed.
const WRONG: u32 = 3;
/// How long none is made then (seconds).
const PAUSE_S: i64 = 86_400;
/// Where it is kept how guesses went.
const NOTE: &str = "carry";

/// A tag that was worked out, and the body that it was worked out from.
pub(crate) struct Guess {
    pub(crate) etag: String,
    body: Option<Vec<u8>>,
}

/// A tag for one token, so that a process that starts need not work it out again.
#[derive(Clone, Serialize, Deserialize)]
struct Carried {
    token: String,
    etag: String,
}

#[derive(Default, Serialize, Deserialize)]
struct Went {
    wrong: u32,
    off_until: i64,
}

/// What is needed to carry tags over.
pub(crate) struct Carry {
    on: bool,
    ledger: Ledger,
    clock: Arc<dyn Clock>,
    /// Answers by their tags, until it is said that they are done with.
    fresh: Mutex<HashMap<String, (String, Vec<u8>)>>,
    /// Tags that were worked out, by path.
    carried: Mutex<HashMap<String, Carried>>,
}

impl Carry {
    pub(crate) fn new(on: bool, ledger: Ledger, clock: Arc<dyn Clock>) -> Self {
        Self { on, ledger, clock, fresh: Mutex::default(), carried: Mutex::default() }
    }

    /// The tag that GitHub would give this token for what was last answered; nothing where that is not known.
    pub(crate) async fn guess(
        &self,
        path: &str,
        accept: &str,
        token: &SecretString,
    ) -> Result<Option<Guess>, TableError> {
        if !self.on || self.went().await?.off_until > self.clock.now() {
            return Ok(None);
        }
        let fingerprint = hex::encode(&Sha256::digest(token.expose_secret())[..8]);
        let kept = lock(&self.carried).get(path).cloned();
        let kept = match kept {
            Some(kept) => Some(kept),
            None => {
                self.ledger.note(&carried(path)).await?.and_then(|kept| serde_json::from_value(kept).ok())
            }
        };
        if let Some(kept) = kept.filter(|kept: &Carried| kept.token == fingerprint) {
            lock(&self.carried).insert(path.to_owned(), kept.clone());
            return Ok(Some(Guess { etag: kept.etag, body: None }));
        }
        let body = self.ledger.note(&kept_body(path)).await?;
        let Some(body) = body.and_then(|body| unpacked(body.as_str()?)) else { return Ok(None) };
        let mut hash = Sha256::new();
        for part in [accept, ":Bearer ", token.expose_secret(), ":"] {
            hash.update(part);
        }
        hash.update(&body);
        let etag = format!("W/\"{}\"", hex::encode(hash.finalize()));
        lock(&self.carried).insert(path.to_owned(), Carried { token: fingerprint, etag: etag.clone() });
        Ok(Some(Guess { etag, body: Some(body) }))
    }

    /// A guess was right: GitHub knows the tag.
    pub(crate) async fn right(&self, path: &str, guess: &Guess) -> Result<(), TableError> {
        if guess.body.is_none() {
            return Ok(());
        }
        let kept = lock(&self.carried).get(path).cloned();
        if let Some(kept) = kept {
            self.ledger.save_note(&carried(path), &json!(kept)).await?;
        }
        self.note(|went| went.wrong = 0).await
    }

    /// A guess was not: either something changed, or GitHub makes its tags otherwise by now.
    pub(crate) async fn wrong(&self, path: &str, guess: &Guess, answer: &[u8]) -> Result<(), TableError> {
        lock(&self.carried).remove(path);
        if guess.body.as_deref() != Some(answer) {
            return Ok(());
        }
        let now = self.clock.now();
        self.note(|went| {
            went.wrong += 1;
            if went.wrong >= WRONG {
                tracing::warn!("GitHub makes its ETags otherwise than they are worked out here: for a day they are not carried over to new tokens");
                *went = Went { wrong: 0, off_until: now + PAUSE_S };
            }
        })
        .await
    }

    /// Remembers an answer until [`Self::keep`] is asked for its tag.
    pub(crate) fn remember(&self, path: &str, etag: &str, body: &[u8]) {
        if !self.on {
            return;
        }
        let Some(packed) = packed(body).filter(|packed| packed.len() <= MOST) else { return };
        let mut fresh = lock(&self.fresh);
        fresh.retain(|_, (of, _)| of != path);
        fresh.insert(etag.to_owned(), (path.to_owned(), packed));
    }

    /// Keeps the answer with this tag: all that it stands for is durably done.
    pub(crate) async fn keep(&self, etag: &str) -> Result<(), TableError> {
        let Some((path, packed)) = lock(&self.fresh).remove(etag) else { return Ok(()) };
        lock(&self.carried).remove(&path);
        self.ledger.save_note(&kept_body(&path), &json!(STANDARD.encode(packed))).await
    }

    async fn went(&self) -> Result<Went, TableError> {
        let note = self.ledger.note(NOTE).await?;
        Ok(note.and_then(|note| serde_json::from_value(note).ok()).unwrap_or_default())
    }

    async fn note(&self, change: impl FnOnce(&mut Went)) -> Result<(), TableError> {
        let mut went = self.went().await?;
        let before = (went.wrong, went.off_until);
        change(&mut went);
        if before != (went.wrong, went.off_until) {
            self.ledger.save_note(NOTE, &json!(went)).await?;
        }
        Ok(())
    }
}

fn lock<T>(held: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

fn carried(path: &str) -> String {
    format!("carried#{path}")
}

fn kept_body(path: &str) -> String {
    format!("body#{path}")
}

fn packed(body: &[u8]) -> Option<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(body).ok()?;
    packer.finish().ok()
}

fn unpacked(text: &str) -> Option<Vec<u8>> {
    let packed = STANDARD.decode(text).ok()?;
    let mut body = Vec::new();
    GzDecoder::new(packed.as_slice()).take(UNPACKED).read_to_end(&mut body).ok()?;
    Some(body)
}
