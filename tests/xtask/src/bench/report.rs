//! The page of figures: how they came about first, then what they are. It is the first part of `docs/benchmarks.md`.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use anyhow::Result;

use crate::bench::measure::{CurvePoint, Row, Times, median, shortest};
use crate::bench::programs::Programs;
use crate::proc;

/// The page's first line.
pub(crate) const TITLE: &str = "# Rendering, beside kustomize";

/// All that was measured.
pub(crate) struct Report {
    quick: bool,
    machine: String,
    versions: String,
    pub(crate) rows: Vec<Row>,
    pub(crate) curve: Vec<CurvePoint>,
    pub(crate) seconds: u64,
}

impl Report {
    /// A page without figures yet.
    pub(crate) fn of_this_machine(programs: &Programs, quick: bool) -> Result<Self> {
        Ok(Self {
            quick,
            machine: machine(),
            versions: versions(programs)?,
            rows: Vec::new(),
            curve: Vec::new(),
            seconds: 0,
        })
    }

    /// The page as Markdown.
    pub(crate) fn page(&self) -> String {
        let mut page = self.head();
        for (title, table) in [
            ("Ratios", self.ratios()),
            ("Times", self.times()),
            ("Memory of one build", self.memory()),
            ("Cost of more objects", self.curve()),
        ] {
            let _ = write!(page, "\n## {title}\n\n{table}");
        }
        page
    }

    fn head(&self) -> String {
        let quick = if self.quick { " --quick" } else { "" };
        let mut head = format!(
            "{TITLE}\n\nWritten by `cargo xtask bench render{quick} --write docs/benchmarks.md`, which took {} s after its builds. \
             Do not edit it: run that.\n\n- **Machine**: {}\n- **Versions**: {}\n- **Options**: those of kustomize-controller, \
             `--load-restrictor LoadRestrictionsNone --reorder none` on the command line.\n\n\
             Everybody builds the same files to YAML, in turn, round by round. Each figure is the median of its rounds; \
             both sides must make as many objects and as many bytes.\n\n\
             - **ours**: the crate `kustomize` in a process that is warm, files in memory.\n\
             - **library**: kustomize's Go library likewise, its OpenAPI schema loaded once and kept.\n\
             - **library, reset**: the same with the schema loaded anew for every build, as kustomize-controller does.\n\
             - **`preflux build`**, **`kustomize build`**: one process per build, from its start to its end.\n\n\
             The workloads are in `shared/kustomize/benches/workloads`:\n\n",
            self.seconds, self.machine, self.versions
        );
        for row in &self.rows {
            let _ = writeln!(head, "- **{}**: {}.", row.name, row.about);
        }
        head
    }

    fn ratios(&self) -> String {
        let mut table = String::from(
            "How many times faster. The headline is the second column: against the library, warm, without the reset.\n\n\
             | Workload | ours : `kustomize build` | ours : library | ours : library, reset | `preflux build` : `kustomize build` |\n|---|--:|--:|--:|--:|\n",
        );
        for row in &self.rows {
            let cells =
                [&row.kustomize, &row.library, &row.library_reset].map(|theirs| ratio(theirs, &row.ours));
            let commands = ratio(&row.kustomize, &row.preflux);
            let _ = writeln!(table, "| {} | {} | {commands} |", row.name, cells.join(" | "));
        }
        table
    }

    fn times(&self) -> String {
        let mut table = String::from(
            "Milliseconds per build: the median, and the shortest in parentheses.\n\n\
             | Workload | builds | objects | ours | library | library, reset | `preflux build` | `kustomize build` |\n|---|--:|--:|--:|--:|--:|--:|--:|\n",
        );
        for row in &self.rows {
            let all = [&row.ours, &row.library, &row.library_reset, &row.preflux, &row.kustomize];
            let cells = all.map(|times| ms(times)).join(" | ");
            let _ = writeln!(table, "| {} | {} | {} | {cells} |", row.name, row.builds, row.objects);
        }
        table
    }

    fn memory(&self) -> String {
        let mut table = String::from(
            "One build of each workload (of the fleet, its first) in a fresh process, files read from the disk. Growth is the peak \
             (`VmHWM`) less what the process took before the build; the commands show their whole peak. MB of 1,024 kB.\n\n\
             | Workload | input + output | ours, growth | growth : input + output | library, growth | `preflux build`, peak | `kustomize build`, peak |\n|---|--:|--:|--:|--:|--:|--:|\n",
        );
        for row in &self.rows {
            let memory = &row.memory;
            let data = memory.input_kb + memory.output_kb;
            let _ = writeln!(
                table,
                "| {} | {} | {} | {} | {} | {} | {} |",
                row.name,
                mb(data),
                mb(memory.ours_growth),
                multiple(memory.ours_growth, data),
                mb(memory.library_growth),
                mb(memory.preflux),
                mb(memory.kustomize)
            );
        }
        table
    }

    fn curve(&self) -> String {
        let mut table = String::from(
            "One build of the shape of `4000`, of ever more objects. Linear cost is a steady time per object.\n\n\
             | objects | ours, ms | ours, µs per object | library, ms | library, µs per object | growth : input + output |\n|--:|--:|--:|--:|--:|--:|\n",
        );
        for point in &self.curve {
            let each = |times: &Times| {
                median(times).map_or_else(dash, |ms| format!("{:.0}", ms * 1e3 / point.objects as f64))
            };
            let _ = writeln!(
                table,
                "| {} | {} | {} | {} | {} | {} |",
                point.objects,
                ms(&point.ours),
                each(&point.ours),
                ms(&point.library),
                each(&point.library),
                multiple(point.growth_kb, point.data_kb)
            );
        }
        table
    }
}

fn dash() -> String {
    "-".to_owned()
}

fn ratio(slow: &[f64], fast: &[f64]) -> String {
    match (median(slow), median(fast)) {
        (Some(slow), Some(fast)) if fast > 0.0 => format!("{:.1}x", slow / fast),
        _ => dash(),
    }
}

fn ms(times: &[f64]) -> String {
    match (median(times), shortest(times)) {
        (Some(median), Some(shortest)) => format!("{} ({})", digits(median), digits(shortest)),
        _ => dash(),
    }
}

/// Three digits that say something.
fn digits(number: f64) -> String {
    match number {
        n if n >= 100.0 => format!("{n:.0}"),
        n if n >= 10.0 => format!("{n:.1}"),
        n if n >= 1.0 => format!("{n:.2}"),
        n => format!("{n:.3}"),
    }
}

fn mb(kb: f64) -> String {
    if kb > 0.0 { digits(kb / 1024.0) } else { dash() }
}

fn multiple(growth: f64, data: f64) -> String {
    if data > 0.0 { format!("{:.1}", growth / data) } else { dash() }
}

/// This machine, in a line.
pub(crate) fn machine() -> String {
    let line = |file: &str, name: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map_or("unknown", |(_, value)| value.trim()).to_owned()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "{cores} cores of {}, {} of memory, {}; load average {} at the start",
        line("/proc/cpuinfo", "model name"),
        line("/proc/meminfo", "MemTotal"),
        std::env::consts::OS,
        load.split(' ').next().unwrap_or("unknown")
    )
}

/// The compiler.
pub(crate) fn rustc() -> Result<String> {
    Ok(proc::output(Command::new("rustc").arg("--version"))?.trim().to_owned())
}

fn versions(programs: &Programs) -> Result<String> {
    let rustc = rustc()?;
    let kustomize = proc::output(Command::new(&programs.kustomize).arg("version"))?;
    let library = proc::output(Command::new("go").args(["version", "-m"]).arg(&programs.library))?;
    let words = |start: &str| {
        let line = library.lines().map(str::trim).find(|line| line.contains(start)).unwrap_or_default();
        line.split_whitespace().skip(1).take(2).collect::<Vec<_>>().join(" ")
    };
    let go = library.lines().next().and_then(|line| line.split_whitespace().last()).unwrap_or("unknown");
    Ok(format!(
        "{}, release build; kustomize {}; {}; {}; {go}",
        rustc,
        kustomize.trim(),
        words("kustomize/api"),
        words("kustomize/kyaml"),
    ))
}

#[cfg(test)]
mod tests {
    use super::{digits, ms, ratio};

    #[test]
    fn figures_have_three_digits() {
        assert_eq!([1234.5, 12.345, 1.2345, 0.12345].map(digits), ["1234", "12.3", "1.23", "0.123"]);
        assert_eq!(ms(&[1.0, 2.0, 4.0]), "2.00 (1.00)");
        assert_eq!(ratio(&[30.0], &[2.0]), "15.0x");
        assert_eq!(ratio(&[], &[2.0]), "-");
    }
}
