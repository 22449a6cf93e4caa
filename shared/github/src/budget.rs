//! What is left of each token's requests, and until when it is limited: heard in every answer, and shared between processes, so that a
//! cold start neither asks too much nor asks at all while GitHub wants to be left alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::Budget;
use ports::ledger::Ledger;
use ports::{Clock, ForgeError, TableError};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::http::Answer;

/// What is left is told to other processes when it has shrunk by this share of the whole, in percent.
const STEP_PERCENT: u64 = 5;

/// What is known of a token, as it is kept.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Known {
    budget: Option<Budget>,
    /// Nothing may be asked before this, seconds since 1970.
    #[serde(default)]
    limited_until: i64,
}

pub(crate) struct Budgets {
    ledger: Ledger,
    clock: Arc<dyn Clock>,
    /// By the token's name: what is known, and what of it others know.
    known: Mutex<HashMap<String, (Known, Known)>>,
}

impl Budgets {
    pub(crate) fn new(ledger: Ledger, clock: Arc<dyn Clock>) -> Self {
        Self { ledger, clock, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, (Known, Known)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a token; read once from what other processes left.
    async fn of(&self, name: &str) -> Result<Known, ForgeError> {
        if let Some((known, _)) = self.known().get(name) {
            return Ok(*known);
        }
        let note = self.ledger.note(&note_name(name)).await.map_err(unavailable)?;
        let kept: Known = note.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default();
        Ok(self.known().entry(name.to_owned()).or_insert((kept, kept)).0)
    }

    pub(crate) async fn budget(&self, name: &str) -> Result<Option<Budget>, ForgeError> {
        Ok(self.of(name).await?.budget)
    }

    /// Until when nothing may be asked with this token; `None` when it may be asked now.
    pub(crate) async fn limited_until(&self, name: &str) -> Result<Option<i64>, ForgeError> {
        let until = self.of(name).await?.limited_until;
        Ok(Some(until).filter(|until| *until > self.clock.now()))
    }

    /// Notes a limit, for everybody.
    pub(crate) async fn limit(&self, name: &str, until: i64) {
        self.of(name).await.ok();
        if let Some((known, _)) = self.known().get_mut(name) {
            known.limited_until = until;
        }
        self.share(name, |_, _| true).await;
    }

    /// Notes what an answer says is left.
    pub(crate) async fn heard(&self, name: &str, answer: &Answer) {
        let number = |header: &str| answer.header(header)?.trim().parse::<i64>().ok().filter(|n| *n >= 0);
        let core = answer.header("x-ratelimit-resource").is_none_or(|resource| resource == "core");
        let (Some(limit), Some(remaining), Some(reset)) =
            (number("x-ratelimit-limit"), number("x-ratelimit-remaining"), number("x-ratelimit-reset"))
        else {
            return;
        };
        if !core || self.of(name).await.is_err() {
            return;
        }
        let budget = Budget { limit: limit.unsigned_abs(), remaining: remaining.unsigned_abs(), reset };
        if let Some((known, _)) = self.known().get_mut(name) {
            known.budget = Some(budget);
        }
        let step = budget.limit * STEP_PERCENT / 100;
        self.share(name, |now, shared| match (now.budget, shared.budget) {
            (Some(now), Some(then)) => {
                now.remaining + step.max(1) <= then.remaining || now.reset > then.reset + 60
            }
            _ => true,
        })
        .await;
    }

    /// Tells other processes, when it is worth it. That this fails changes nothing for this one.
    async fn share(&self, name: &str, worth: impl Fn(&Known, &Known) -> bool) {
        let news = self.known().get(name).filter(|(now, shared)| worth(now, shared)).map(|(now, _)| *now);
        let Some(news) = news else { return };
        match self.ledger.save_note(&note_name(name), &json!(news)).await {
            Ok(()) => {
                if let Some((_, shared)) = self.known().get_mut(name) {
                    *shared = news;
                }
            }
            Err(error) => {
                tracing::warn!(error = %error, "what is left of GitHub's requests could not be shared")
            }
        }
    }
}

fn note_name(name: &str) -> String {
    format!("budget#{name}")
}

fn unavailable(error: TableError) -> ForgeError {
    ForgeError::Unavailable {
        doing: "reading what is left of the requests".to_owned(),
        reason: error.to_string(),
    }
}
