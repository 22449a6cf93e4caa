//! `cargo xtask bench poll`: what hundreds of quiet repositories cost, counted by the stand-in for GitHub as GitHub counts.
//!
//! The work is done by `tests/bench-poll`, a program of its own; here it is built and run, and a page made of what it says.

use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::bench::measure::median;
use crate::bench::programs::cargo;
use crate::bench::report::{machine, rustc};
use crate::{proc, workspace};

/// The page's first line.
pub(crate) const TITLE: &str = "# Polling hundreds of repositories";

/// Measures, and answers with the page.
pub(crate) fn page(quick: bool) -> Result<String> {
    cargo(&["--package", "preflux-tests", "--example", "bench-poll"])?;
    let program = workspace::target().join("release/examples/bench-poll");
    let (repositories, pulls, minutes) = if quick { ("20", "5", "10") } else { ("200", "50", "60") };
    let machine = machine();
    let out = proc::output(Command::new(program).args([repositories, pulls, minutes]))?;
    let said: Value = serde_json::from_str(out.trim()).context("reading what the benchmark says")?;
    Ok(write(&said, &machine, &rustc()?))
}

fn write(said: &Value, machine: &str, rustc: &str) -> String {
    let number = |key: &str| said[key].as_u64().unwrap_or_default();
    let times: Vec<f64> =
        said["poll_ms"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    let (middle, longest) = (median(&times).unwrap_or_default(), times.iter().copied().fold(0.0, f64::max));
    let (asked, charged) = (number("asked"), number("charged"));
    format!(
        "{TITLE}\n\nWritten by `cargo xtask bench poll --write docs/benchmarks.md`. Do not edit it: run that.\n\n\
         - **Machine**: {machine}\n- **Versions**: {rustc}, release build\n\
         - **Work**: {} repositories of one organisation with {} open pull requests each, polled by a GitHub App every minute for {} \
         minutes, in a new process every ten; every third minute a pull request somewhere changes. The stand-in for GitHub answers {} ms \
         later than it could, runs on the same machine, and counts what GitHub would charge.\n\n\
         A client without conditional requests pays for every request: that is the second row's peer.\n\n\
         | | |\n|---|--:|\n\
         | first poll, everything new | {:.1} s, {} charged requests |\n\
         | charged of all requests, in {} minutes | {charged} of {asked} (1 : {:.0}) |\n\
         | answered 304 | {:.1} % |\n\
         | a poll, median (longest) | {:.1} s ({:.1} s) |\n\
         | most memory of the polling process | {:.0} MB |\n",
        number("repositories"),
        number("pulls"),
        number("minutes"),
        number("away_ms"),
        said["first_ms"].as_f64().unwrap_or_default() / 1e3,
        number("first_charged"),
        number("minutes"),
        asked as f64 / charged.max(1) as f64,
        100.0 * number("unchanged") as f64 / asked.max(1) as f64,
        middle / 1e3,
        longest / 1e3,
        number("peak_kb") as f64 / 1024.0,
    )
}

#[cfg(test)]
mod tests {
    use super::write;
    use serde_json::json;

    #[test]
    fn the_page_says_what_was_counted() {
        let said = json!({
            "repositories": 200, "pulls": 50, "minutes": 60, "away_ms": 80, "first_ms": 4000.0, "first_charged": 204,
            "poll_ms": [1000.0, 3000.0, 2000.0], "peak_kb": 51_200, "asked": 24_000, "unchanged": 23_400, "charged": 600,
        });
        let page = write(&said, "a machine", "a compiler");
        for row in [
            "| first poll, everything new | 4.0 s, 204 charged requests |",
            "| charged of all requests, in 60 minutes | 600 of 24000 (1 : 40) |",
            "| answered 304 | 97.5 % |",
            "| a poll, median (longest) | 2.0 s (3.0 s) |",
            "| most memory of the polling process | 50 MB |",
        ] {
            assert!(page.contains(row), "{row}\n{page}");
        }
    }
}
