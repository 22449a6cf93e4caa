//! The ledger of a long chore: what ran, how it went, how long it took, what was skipped and why.

use std::time::{Duration, Instant};

use anyhow::Result;

/// How a step ended.
enum End {
    Passed(String),
    Failed(String),
    Skipped(String),
}

/// The steps so far.
#[derive(Default)]
pub(crate) struct Ledger {
    rows: Vec<(String, End, Duration)>,
    /// Tests that did not run, one line each: which, and why.
    pub(crate) skipped_tests: Vec<String>,
    /// What could not be looked at from here, and is no test.
    pub(crate) notes: Vec<String>,
}

impl Ledger {
    /// Runs a step and writes down how it went; a failure does not keep later steps from running.
    /// Answers whether it passed.
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce() -> Result<String>) -> bool {
        println!("\n=== {name}");
        let start = Instant::now();
        let result = work();
        self.record(name, result, start.elapsed())
    }

    /// Writes down a step that ran elsewhere.
    pub(crate) fn record(&mut self, name: &str, result: Result<String>, took: Duration) -> bool {
        let passed = result.is_ok();
        let end = match result {
            Ok(word) => End::Passed(word),
            Err(error) => {
                println!("xtask: {name} failed: {error:#}");
                End::Failed(format!("{error:#}"))
            }
        };
        self.rows.push((name.to_owned(), end, took));
        passed
    }

    /// Writes down a step that did not run.
    pub(crate) fn skip(&mut self, name: &str, why: &str) {
        self.rows.push((name.to_owned(), End::Skipped(why.to_owned()), Duration::ZERO));
    }

    /// The table, the skipped tests, and the count. With `require_all` a skipped step counts as
    /// failed (skipped tests fail the step that runs them). Answers with the text and whether all is well.
    pub(crate) fn summary(&self, require_all: bool) -> (String, bool) {
        let mut text = String::from("\n");
        let (mut passed, mut failed, mut skipped) = (0, 0, 0);
        for (name, end, took) in &self.rows {
            let (counter, word, detail) = match end {
                End::Passed(detail) => (&mut passed, "passed", detail),
                End::Failed(detail) => (&mut failed, "FAILED", detail),
                End::Skipped(detail) if require_all => (&mut failed, "MISSING", detail),
                End::Skipped(detail) => (&mut skipped, "skipped", detail),
            };
            *counter += 1;
            let detail = detail.lines().next().unwrap_or_default();
            let seconds = took.as_secs_f64();
            text.push_str(&format!("{name:<24} {word:<8} {seconds:>7.1} s  {detail}\n"));
        }
        for note in &self.notes {
            text.push_str(&format!("\nNOT CHECKED HERE: {note}\n"));
        }
        if !self.skipped_tests.is_empty() {
            text.push_str("\nskipped tests:\n");
            for line in &self.skipped_tests {
                text.push_str(&format!("  {line}\n"));
            }
        }
        text.push_str(&format!("\n{passed} passed, {failed} failed, {skipped} skipped\n"));
        (text, failed == 0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use anyhow::anyhow;

    use super::Ledger;

    fn ledger(steps: &[(&str, Option<&str>)]) -> Ledger {
        let mut ledger = Ledger::default();
        for (name, error) in steps {
            let result = error.map_or_else(|| Ok(String::new()), |error| Err(anyhow!("{error}")));
            ledger.record(name, result, Duration::from_secs(1));
        }
        ledger
    }

    fn check(ledger: &Ledger, require_all: bool, well: bool, last_line: &str) {
        let (text, answered) = ledger.summary(require_all);
        assert_eq!(text.trim_end().lines().last(), Some(last_line), "{text}");
        assert_eq!(answered, well, "{text}");
    }

    #[test]
    fn a_failed_step_fails_the_chore() {
        check(&ledger(&[("a", None), ("b", None)]), true, true, "2 passed, 0 failed, 0 skipped");
        check(&ledger(&[("a", None), ("b", Some("no"))]), false, false, "1 passed, 1 failed, 0 skipped");
    }

    #[test]
    fn a_skip_fails_only_where_everything_is_required() {
        let mut steps = ledger(&[("a", None)]);
        steps.skip("b", "no tool");
        check(&steps, false, true, "1 passed, 0 failed, 1 skipped");
        check(&steps, true, false, "1 passed, 1 failed, 0 skipped");
    }

    #[test]
    fn skipped_tests_are_named_with_their_reason() {
        let mut ledger = ledger(&[("a", None)]);
        ledger.skipped_tests.push("x: no API server".to_owned());
        assert!(ledger.summary(false).0.contains("  x: no API server\n"));
    }

    #[test]
    fn what_cannot_be_checked_here_is_said_and_fails_nothing() {
        let mut ledger = ledger(&[("a", None)]);
        ledger.notes.push("advisories".to_owned());
        assert!(ledger.summary(true).0.contains("NOT CHECKED HERE: advisories"));
        check(&ledger, true, true, "1 passed, 0 failed, 0 skipped");
    }
}
