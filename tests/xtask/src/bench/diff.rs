//! `cargo xtask bench diff`: a pull request's diff beside what `flux diff kustomization` does, on a real API server 5 ms away.
//!
//! The work is done by `tests/bench`, a program of its own; here it is built and run, and a page made of what it says.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::bench::measure::{median, shortest};
use crate::bench::programs::cargo;
use crate::bench::report::{machine, rustc};
use crate::cluster::{self, Kubernetes};
use crate::{proc, tools, workspace};

/// The page's first line.
pub(crate) const TITLE: &str = "# Comparing, beside `flux diff`";

/// Measures, and answers with the page.
pub(crate) fn page(quick: bool) -> Result<String> {
    let wanted = ["kube", "flux-crds", "flux-oracle"].map(str::to_owned).to_vec();
    ensure!(tools::run(wanted)?, "the API server or Flux's packages could not be had");
    let oracle = tools::oracle("flux-oracle").context("no flux-oracle")?;
    cargo(&["--package", "preflux-tests", "--example", "bench-diff"])?;
    let dir = workspace::target().join("bench-cluster");
    cluster::down(&dir)?;
    let cluster = cluster::up(&dir, Kubernetes::Current)?;
    let leashes = cluster.leash()?;
    let machine = machine();
    let mut command = Command::new(workspace::target().join("release/examples/bench-diff"));
    let out =
        proc::output(command.arg(cluster.kubeconfig("admin")).arg(oracle).arg(if quick { "1" } else { "5" }));
    drop(leashes);
    cluster::down(&dir)?;
    let said: Value = serde_json::from_str(out?.trim()).context("reading what the benchmark says")?;
    Ok(write(&said, &machine, &rustc()?))
}

fn times(said: &Value, key: &str) -> Vec<f64> {
    said[key].as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
}

fn write(said: &Value, machine: &str, rustc: &str) -> String {
    let number = |key: &str| said[key].as_u64().unwrap_or_default();
    let (objects, changed, away) = (number("objects"), number("changed"), number("away_ms"));
    let ours = times(said, "ours_ms");
    let row = |name: &str, key: &str, requests: &str| {
        let times = times(said, key);
        let (Some(middle), Some(least), Some(own)) = (median(&times), shortest(&times), median(&ours)) else {
            return format!("| {name} | - | - | - |\n");
        };
        let asked = requests_of(&said[requests]);
        format!("| {name} | {middle:.0} ({least:.0}) | {asked} | {:.1}x |\n", middle / own)
    };
    format!(
        "{TITLE}\n\nWritten by `cargo xtask bench diff --write docs/benchmarks.md`. Do not edit it: run that.\n\n\
         - **Machine**: {machine}\n- **Versions**: {rustc}, release build; Flux's packages as `tests/oracle/flux/go.mod` names them\n\
         - **Work**: {} Kustomizations with {objects} objects in all, {changed} of which a pull request changes; a real API server \
         that answers {away} ms later than it would.\n\n\
         Ours is the whole analysis after the checkout: both sides rendered, the cluster's Kustomizations read, every changed object's two \
         sides rehearsed and live states read, with the defaults of 8 requests in flight and 50 a second (a second's worth at once after \
         a quiet time). Flux's is its `ssa` package over every object of the same Kustomizations, one after the other, without the render: \
         what `flux diff kustomization` does, once with the bound of its command line (50 requests a second, 300 at once) and once without any. \
         Each begins with a client that knows nothing of the cluster. Both must find the same {changed} changes. \
         Live objects are read by lists of one kind in one namespace, selected by the labels of their Kustomizations; where the cluster's \
         identity may not list a kind, each is a read of its own, and at 50 requests a second {objects} reads take {} s or more, whatever \
         else is quick.\n\n\
         | | ms, median (shortest) | requests: discovery, lists, reads, dry-runs | time : first row |\n|---|--:|---|--:|\n{}{}{}{}",
        number("kustomizations"),
        objects.saturating_sub(50) / 50,
        row("ours, drift of what changes", "ours_ms", "our_requests"),
        row("ours, drift of every object (the default)", "ours_affected_ms", "our_affected_requests"),
        row("`flux diff`, its bound", "flux_ms", "their_requests"),
        row("`flux diff`, no bound", "flux_unlimited_ms", "their_requests"),
    )
}

fn requests_of(counts: &Value) -> String {
    let keys = ["discovery", "lists", "reads", "dry_runs"];
    let all: u64 = keys.iter().filter_map(|key| counts[*key].as_u64()).sum();
    let each: Vec<String> = keys.iter().map(|key| counts[*key].to_string()).collect();
    format!("{all}: {}", each.join(", "))
}

#[cfg(test)]
mod tests {
    use super::write;
    use serde_json::json;

    #[test]
    fn the_page_has_a_row_for_each_side() {
        let counts = json!({"discovery": 3, "lists": 2, "reads": 20, "dry_runs": 40});
        let said = json!({
            "objects": 500, "changed": 20, "kustomizations": 10, "away_ms": 5, "ours_ms": [200.0, 100.0, 300.0],
            "flux_ms": [4000.0], "flux_unlimited_ms": [], "our_requests": counts, "their_requests": counts,
        });
        let page = write(&said, "a machine", "a compiler");
        assert!(
            page.contains("| ours, drift of what changes | 200 (100) | 65: 3, 2, 20, 40 | 1.0x |"),
            "{page}"
        );
        assert!(
            page.contains("| `flux diff`, its bound | 4000 (4000) | 65: 3, 2, 20, 40 | 20.0x |"),
            "{page}"
        );
        assert!(page.contains("| `flux diff`, no bound | - | - | - |"), "{page}");
    }
}
