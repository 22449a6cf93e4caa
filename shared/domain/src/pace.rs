//! How often a repository is polled: every tick, as long as GitHub's limits allow; else busy ones every tick and quiet ones more rarely.

use serde::{Deserialize, Serialize};

/// Requests that one poll of a repository makes when nothing changed: the listing, and a base branch.
const REQUESTS: u64 = 2;
/// Requests a minute that polling may make with one token: half of what GitHub allows before its secondary limit.
const PER_MINUTE: u64 = 450;
/// A repository counts as busy for this long after something happened in it (seconds).
const BUSY_S: i64 = 1_800;
/// How often a repository that is gone is looked for (seconds).
const LOOK_AGAIN_S: i64 = 3_600;
/// The share of an hour's requests that polling leaves to people's clicks and the diffs they wait for, in percent.
const RESERVE_PERCENT: u64 = 20;

/// What GitHub said is left of a token's requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Requests an hour.
    pub limit: u64,
    /// Requests that are left until `reset`.
    pub remaining: u64,
    /// When it starts anew, seconds since 1970.
    pub reset: i64,
}

/// When a repository was polled, and when something last happened in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// Seconds since 1970; 0 for never.
    pub polled_at: i64,
    /// Seconds since 1970; 0 for never.
    pub active_at: i64,
    /// Since when it is not there, seconds since 1970; 0 while it is.
    #[serde(default)]
    pub missing_since: i64,
    /// Whether people were told that it is gone.
    #[serde(default)]
    pub gone: bool,
}

/// How all repositories are polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// A tick: how often there is a poll (seconds).
    pub every_s: u64,
    /// No repository is polled more rarely than this, unless a limit is reached (seconds).
    pub at_least_every_s: u64,
    /// Repositories that are polled at the same time.
    pub at_once: usize,
    /// What a poll does not come to within this is first in the next one (seconds).
    pub within_s: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { every_s: 60, at_least_every_s: 900, at_once: 16, within_s: 40 }
    }
}

/// What becomes of a repository in a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It is polled.
    Now,
    /// It is quiet, and polled in a later tick.
    Later,
    /// What is left of the hour's requests is kept for people.
    HeldBack,
}

impl Pace {
    /// Whether it is the turn of a repository, one of so many. `place` spreads those that are polled rarely over the ticks.
    pub fn turn(&self, past: Past, place: u64, of: usize, budget: Option<&Budget>, now: i64) -> Turn {
        let budget = budget.filter(|budget| budget.reset > now);
        if past.gone && now - past.polled_at < LOOK_AGAIN_S {
            return Turn::Later;
        }
        let Some(thrift) = budget.map_or(Some(1), Budget::thrift) else { return Turn::HeldBack };
        if past.polled_at == 0 || past.missing_since != 0 || now - past.active_at < BUSY_S {
            return Turn::Now;
        }
        let every = self.quiet_ticks(of) * thrift;
        let tick = u64::try_from(now).unwrap_or_default() / self.every_s.max(1);
        let waited = u64::try_from(now - past.polled_at).unwrap_or_default();
        let most = self.at_least_every_s.max(self.every_s);
        // A tick may come a little early.
        let long = waited + self.every_s / 2 >= most.min(every.saturating_add(1) * self.every_s);
        if long || (tick + place).is_multiple_of(every) { Turn::Now } else { Turn::Later }
    }

    /// A quiet repository is polled every so many ticks, so that all polls together stay within the requests of a minute.
    fn quiet_ticks(&self, of: usize) -> u64 {
        let a_tick = (PER_MINUTE * self.every_s / 60).max(1);
        (u64::try_from(of).unwrap_or(u64::MAX).saturating_mul(REQUESTS)).div_ceil(a_tick).max(1)
    }
}

impl Budget {
    /// Whether nothing is left of this hour's requests but what people may need.
    pub fn is_used_up(&self, now: i64) -> bool {
        self.reset > now && self.thrift().is_none()
    }

    /// Whether so little is left that only what is urgent should ask.
    pub fn is_short(&self, now: i64) -> bool {
        self.reset > now && self.thrift() != Some(1)
    }

    /// How much more rarely quiet repositories are polled; `None` when nothing is left but what people may need.
    fn thrift(&self) -> Option<u64> {
        let left = self.remaining.checked_sub(self.limit * RESERVE_PERCENT / 100).filter(|left| *left > 0)?;
        Some(match left * 100 / self.limit.max(1) {
            40.. => 1,
            20..40 => 2,
            _ => 4,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_040;

    fn past(polled: i64, active: i64) -> Past {
        Past { polled_at: NOW - polled, active_at: NOW - active, ..Past::default() }
    }

    fn polls(of: usize, remaining: u64) -> Vec<i64> {
        let (pace, budget) = (Pace::default(), Budget { limit: 5_000, remaining, reset: i64::MAX });
        let mut past = past(60, 86_400);
        let mut at = Vec::new();
        for tick in 0..30 {
            let now = NOW + tick * 60;
            if pace.turn(past, 0, of, Some(&budget), now) == Turn::Now {
                past.polled_at = now;
                at.push(tick);
            }
        }
        at
    }

    #[test]
    fn as_long_as_there_is_room_everything_is_polled_every_tick() {
        assert_eq!(polls(200, 5_000).len(), 30);
        assert_eq!(polls(1, 3_000).len(), 30);
    }

    #[test]
    fn many_repositories_or_few_requests_make_quiet_ones_wait() {
        assert_eq!(polls(400, 5_000).len(), 15, "two ticks for each");
        assert_eq!(polls(1, 2_900).len(), 15);
        assert_eq!(polls(1, 1_900).len(), 7);
        assert_eq!(polls(1, 1_000).len(), 0, "the rest is for people");
        assert_eq!(polls(100_000, 5_000).len(), 2, "never more rarely than is configured");
    }

    #[test]
    fn busy_and_new_ones_do_not_wait_unless_nothing_is_left() {
        let pace = Pace::default();
        let turn = |past, remaining| {
            pace.turn(past, 0, 10_000, Some(&Budget { limit: 5_000, remaining, reset: NOW + 1 }), NOW)
        };
        assert_eq!(turn(past(60, 60), 1_100), Turn::Now);
        assert_eq!(turn(Past::default(), 1_100), Turn::Now);
        assert_eq!(turn(past(60, 60), 900), Turn::HeldBack);
        let over = Budget { limit: 5_000, remaining: 0, reset: NOW };
        assert_eq!(pace.turn(past(60, 60), 0, 1, Some(&over), NOW), Turn::Now, "its hour is over");
    }
}
