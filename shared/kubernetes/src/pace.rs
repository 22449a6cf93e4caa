//! When a call may start: so many a second, and a second's worth at once after a quiet time.

use std::time::Duration;

use tokio::time::Instant;

/// How much may be made up for at once.
const AHEAD: Duration = Duration::from_secs(1);

/// The pace of the calls to one API server.
#[derive(Debug)]
pub(crate) struct Pace {
    /// When the next call would start if all kept the pace; in the past after a quiet time.
    due: Instant,
    between: Duration,
}

impl Pace {
    /// So many a second, at least one. The time before counts as quiet.
    pub(crate) fn new(per_second: u32, now: Instant) -> Self {
        Self {
            due: now.checked_sub(AHEAD).unwrap_or(now),
            between: Duration::from_secs(1) / per_second.max(1),
        }
    }

    /// Starts nothing before `until`: the server asked us to wait.
    pub(crate) fn hold(&mut self, until: Instant) {
        self.due = self.due.max(until);
    }

    /// When the next call may start.
    pub(crate) fn turn(&mut self, now: Instant) -> Instant {
        let due = self.due.max(now.checked_sub(AHEAD).unwrap_or(now));
        self.due = due + self.between;
        due.max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of so many calls may start within a time, asked for at once after a quiet hour.
    fn started(per_second: u32, calls: u32, within: Duration) -> usize {
        let begun = Instant::now() + Duration::from_secs(3600);
        let mut pace = Pace::new(per_second, begun - Duration::from_secs(3600));
        (0..calls).map(|_| pace.turn(begun)).filter(|turn| *turn <= begun + within).count()
    }

    #[test]
    fn a_seconds_worth_at_once_and_then_the_pace() {
        assert_eq!(started(50, 1000, Duration::ZERO), 51);
        assert_eq!(started(50, 1000, Duration::from_secs(1)), 101);
        assert_eq!(started(50, 1000, Duration::from_secs(10)), 551);
        assert_eq!(started(1, 10, Duration::from_secs(2)), 4);
    }

    #[test]
    fn a_server_that_asks_to_wait_holds_every_call() {
        let begun = Instant::now();
        let mut pace = Pace::new(50, begun);
        pace.hold(begun + Duration::from_secs(2));
        assert_eq!(pace.turn(begun), begun + Duration::from_secs(2));
        pace.hold(begun);
        assert!(pace.turn(begun) > begun + Duration::from_secs(2), "an earlier hold shortens none");
    }

    #[test]
    fn whoever_keeps_the_pace_never_waits_and_nothing_is_saved_up_meanwhile() {
        let begun = Instant::now();
        let mut pace = Pace::new(50, begun);
        let at = |calls: u32| begun + Duration::from_millis(20) * calls;
        assert!((0..500).all(|call| pace.turn(at(call)) == at(call)));
        let left = (0..200).filter(|_| pace.turn(at(500)) == at(500)).count();
        assert_eq!(left, 51, "a second's worth, however long it was quiet");
    }
}
