//! One report model to every form that people read: text for a terminal, a GitHub comment, Slack blocks, and JSON for programs.
//!
//! Pure: values in, text out. Everything that came with a pull request is hostile text here: it is made visible (`safe`), escaped for
//! the form it goes into, and kept within that form's limits; what does not fit is counted, never dropped silently.
//! Sentences are in [`words`], YAML in [`yaml`], diffs in `diff`; the forms are `text`, `markdown` and [`slack`].

#![deny(clippy::disallowed_methods)]

pub mod slack;
pub mod words;
pub mod yaml;

mod diff;
mod markdown;
mod safe;
mod text;

#[cfg(test)]
mod testing;

pub use markdown::{CHECK_LIMIT, COMMENT_LIMIT, check, comment, comments, review};
pub use text::{TextOptions, text, text_with};

use domain::report::Report;

/// The report as indented JSON, for programs and for keeping.
pub fn json(report: &Report) -> String {
    serde_json::to_string_pretty(report).expect("a report has only string keys and finite numbers")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn json_is_read_back_as_the_same_report(given in testing::reports(2_000)) {
            let read: Report = serde_json::from_str(&json(&given)).map_err(|e| TestCaseError::fail(e.to_string()))?;
            prop_assert_eq!(read, given);
        }
    }
}
