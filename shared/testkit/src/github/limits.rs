//! GitHub's secondary limits: how much may be asked within a minute and at the same time, whatever the hour's budget still holds.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::auth::Caller;
use super::rest::{Answer, meter_key};
use super::{Inner, message};

/// Most points that one caller's requests may have within a minute.
pub(crate) const POINTS_PER_MINUTE: u64 = 900;
/// Most requests that may be under way at once.
const AT_ONCE: usize = 100;

const ABOUT: &str = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api";

/// What was asked lately.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    /// By caller: when, and how many points.
    lately: Mutex<BTreeMap<String, Vec<(i64, u64)>>>,
    under_way: AtomicUsize,
    answered: AtomicU64,
}

/// A request under way, until it is dropped.
pub(crate) struct UnderWay<'i>(&'i Limits);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Limits {
    /// Lets a request in; `None` when too many are under way.
    pub(crate) fn enter(&self) -> Option<UnderWay<'_>> {
        let guard = UnderWay(self);
        (self.under_way.fetch_add(1, Ordering::Relaxed) < AT_ONCE).then_some(guard)
    }

    /// The id of the next answer, as GitHub writes them.
    pub(crate) fn request_id(&self) -> String {
        format!("7E57:{:X}:1F0A:2B3C:6553F100", self.answered.fetch_add(1, Ordering::Relaxed))
    }

    /// Counts a request: reading is one point, anything else five.
    pub(crate) fn count(&self, inner: &Inner, method: &str, caller: &Caller) -> Result<(), Answer> {
        let now = inner.state().clock.now();
        let mut lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = lately.entry(meter_key(caller)).or_default();
        mine.retain(|(at, _)| now - at < 60);
        let points = if matches!(method, "GET" | "HEAD" | "OPTIONS") { 1 } else { 5 };
        if mine.iter().map(|(_, points)| points).sum::<u64>() + points > POINTS_PER_MINUTE {
            let first = mine.first().map_or(now, |(at, _)| *at);
            return Err(secondary_limit(403, u64::try_from(first + 60 - now).ok()));
        }
        match mine.last_mut().filter(|(at, _)| *at == now) {
            Some((_, sum)) => *sum += points,
            None => mine.push((now, points)),
        }
        Ok(())
    }
}

/// GitHub gives it as 403 or 429.
pub(crate) fn secondary_limit(status: u16, after: Option<u64>) -> Answer {
    let text = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
    let answer = about(status, text, "#about-secondary-rate-limits");
    match after {
        Some(seconds) => answer.with("retry-after", seconds.to_string()),
        None => answer,
    }
}

/// The hour's budget is used up.
pub(crate) fn primary_limit(inner: &Inner, caller: &Caller) -> Answer {
    let whose = match caller {
        Caller::Anonymous => "127.0.0.1".to_owned(),
        Caller::Token(token) if token.installation.is_none() => {
            format!("user ID {}", inner.state().user(&token.login).id)
        }
        _ => format!("installation ID {}", super::INSTALLATION_ID),
    };
    about(403, &format!("API rate limit exceeded for {whose}."), "#about-primary-rate-limits")
}

fn about(status: u16, text: &str, part: &str) -> Answer {
    let mut body = message(status, text);
    body["documentation_url"] = format!("{ABOUT}{part}").into();
    Answer::json(status, &body)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::super::{FakeGitHub, Options};
    use super::*;

    #[test]
    fn a_minute_has_so_many_points_and_writing_takes_five() {
        let github = FakeGitHub::start(Options::default()).unwrap();
        let ask = |method: &str, caller| github.inner.limits.count(&github.inner, method, &caller);
        let passed = |method: &str| (0..1000).take_while(|_| ask(method, Caller::App).is_ok()).count();
        assert_eq!((passed("POST"), passed("GET")), (180, 0));
        ask("GET", Caller::Anonymous).unwrap();
        github.clock().advance(30);
        let refusal = ask("GET", Caller::App).unwrap_err();
        assert_eq!(refusal.status, 403);
        assert!(refusal.headers.contains(&("retry-after", "30".to_owned())), "{refusal:?}");
        github.clock().advance(30);
        assert_eq!(passed("GET"), 900);
    }

    #[test]
    fn so_many_requests_may_be_under_way() {
        let limits = Limits::default();
        let mut under_way: Vec<_> = (0..100).filter_map(|_| limits.enter()).collect();
        assert_eq!((under_way.len(), limits.enter().is_none()), (100, true));
        under_way.pop();
        assert!(limits.enter().is_some());
    }
}
