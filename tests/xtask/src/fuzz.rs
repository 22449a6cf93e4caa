//! `cargo xtask fuzz`: looks for inputs on which the kustomize crate breaks a promise, with libFuzzer on stable Rust.
//!
//! The programs are those of `shared/kustomize/fuzz`. They are built here with the flags that count covered code, so
//! neither nightly Rust nor cargo-fuzz is needed. What a run learns stays in `target/fuzz/corpus`, what it finds in
//! `target/fuzz/findings`; only `seeds` is kept in the checkout.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{proc, workspace};

/// Code that counts which parts of it ran. cargo-fuzz passes the same; none of it needs nightly Rust.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// How long each target runs when nothing else is asked for.
const SECONDS: u32 = 60;

/// How many inputs each target tries within `cargo xtask test`: a number, so that a slow machine tries as many.
const SHORT_RUNS: u32 = 30_000;

/// How far a run goes, and from where it begins.
#[derive(Clone, Copy)]
enum Extent {
    /// So many seconds, each time from another seed.
    Seconds(u32),
    /// So many inputs, each time from the same seed. Not quite the same inputs: hash maps differ from run to run.
    Runs(u32),
}

impl Extent {
    fn arguments(self) -> [String; 3] {
        match self {
            Self::Seconds(seconds) => {
                [format!("-max_total_time={seconds}"), "-runs=-1".to_owned(), "-seed=0".to_owned()]
            }
            Self::Runs(runs) => {
                ["-max_total_time=300".to_owned(), format!("-runs={runs}"), "-seed=1".to_owned()]
            }
        }
    }
}

/// What was asked for.
struct Options {
    targets: Vec<String>,
    seconds: u32,
}

/// The chore. It fails when a target was found to fail.
pub(crate) fn run(args: Vec<String>) -> Result<ExitCode> {
    if args == ["--short"] {
        println!("{}", short()?);
        return Ok(ExitCode::SUCCESS);
    }
    let options = parse(args)?;
    let programs = build()?;
    let mut failed = Vec::new();
    for target in &options.targets {
        let corpus = output().join("corpus").join(target);
        fs::create_dir_all(&corpus)?;
        match fuzz(&programs, target, Some(&corpus), Extent::Seconds(options.seconds)) {
            Ok(line) => println!("{line}"),
            Err(error) => {
                println!("{error:#}");
                failed.push(target.as_str());
            }
        }
    }
    if !failed.is_empty() {
        println!(
            "\nCONTRIBUTING.md says how to look at a finding and how to keep it. Failed: {}",
            failed.join(", ")
        );
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The step of `cargo xtask test`: every target on its seeds and on some thousand inputs more.
pub(crate) fn short() -> Result<String> {
    let programs = build()?;
    let targets = targets()?;
    for target in &targets {
        println!("{}", fuzz(&programs, target, None, Extent::Runs(SHORT_RUNS))?);
    }
    Ok(format!("{} targets, {SHORT_RUNS} inputs each", targets.len()))
}

fn parse(args: Vec<String>) -> Result<Options> {
    let known = targets()?;
    let mut options = Options { targets: Vec::new(), seconds: SECONDS };
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--seconds" => {
                let seconds = args.next().context("`--seconds` needs a number")?;
                options.seconds = seconds.parse().context("reading `--seconds`")?;
            }
            flag if flag.starts_with('-') => bail!("`fuzz` knows no `{flag}`; see `cargo xtask fuzz --help`"),
            _ if !known.contains(&arg) => bail!("no target `{arg}`; there are {}", known.join(", ")),
            _ => options.targets.push(arg),
        }
    }
    if options.targets.is_empty() {
        options.targets = known;
    }
    Ok(options)
}

/// The folder of the fuzz programs.
fn folder() -> PathBuf {
    workspace::root().join("shared/kustomize/fuzz")
}

/// Where builds, corpora and findings go.
fn output() -> PathBuf {
    workspace::target().join("fuzz")
}

/// The names of the targets: each has a folder of seeds.
fn targets() -> Result<Vec<String>> {
    let seeds = folder().join("seeds");
    let mut names = Vec::new();
    for entry in fs::read_dir(&seeds).with_context(|| format!("reading `{}`", seeds.display()))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Builds the programs of all targets. Answers with the folder they are in.
fn build() -> Result<PathBuf> {
    ensure!(proc::on_path("c++").is_some(), "no `c++` on PATH; libFuzzer is built with it");
    let host = host()?;
    let status = Command::new("cargo")
        .current_dir(folder())
        .args(["build", "--release", "--quiet", "--target", &host, "--target-dir"])
        .arg(output())
        .env("RUSTFLAGS", FLAGS)
        .status()
        .context("starting cargo")?;
    ensure!(status.success(), "the fuzz programs could not be built");
    Ok(output().join(host).join("release"))
}

/// The triple of this machine. With a `--target` the flags stay away from build scripts.
fn host() -> Result<String> {
    let version = proc::output(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`rustc -vV` names no host")?.to_owned())
}

/// Runs one target. Answers with a line on what was done; the error says what was found.
fn fuzz(programs: &Path, target: &str, corpus: Option<&Path>, extent: Extent) -> Result<String> {
    let findings = output().join("findings").join(target);
    fs::create_dir_all(&findings)?;
    let log = output().join(format!("{target}.log"));
    let scratch = output().join("scratch").join(target);
    if scratch.exists() {
        fs::remove_dir_all(&scratch)?;
    }
    fs::create_dir_all(&scratch)?;
    let mut command = Command::new(programs.join(target));
    command
        .current_dir(folder())
        .args(extent.arguments())
        .args(["-timeout=10", "-rss_limit_mb=1024", "-max_len=4096", "-print_final_stats=1"])
        .arg(format!("-dict={}", folder().join("dictionary.txt").display()))
        .arg(format!("-artifact_prefix={}/", findings.display()))
        // New inputs go into the first folder, which in a short run is forgotten.
        .arg(corpus.unwrap_or(&scratch))
        .arg(folder().join("seeds").join(target));
    if target == "builds" {
        command.arg(cases()?);
    }
    let well = proc::run_logged(command.env("RUST_BACKTRACE", "0"), &log).is_ok();
    let log = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    ensure!(well, "`{target}` fails on an input that is in `{}`:\n{}", findings.display(), failure(&log));
    summary(target, &log)
}

/// The part of a log that says what went wrong.
fn failure(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    let says = |line: &&str| line.contains("panicked at") || line.contains("ERROR: libFuzzer");
    let from = lines.iter().position(says).unwrap_or(lines.len().saturating_sub(12));
    lines.iter().skip(from).take(12).map(|line| format!("  {line}\n")).collect()
}

/// What libFuzzer tells of a run, in one line.
fn summary(target: &str, log: &str) -> Result<String> {
    let number = |name: &str| {
        let line = log.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').trim().parse::<u64>().ok()
    };
    let covered = log.lines().rev().find_map(|line| line.split_once("cov: ")?.1.split(' ').next());
    let (runs, peak) = (number("stat::number_of_executed_units"), number("stat::peak_rss_mb"));
    let (Some(runs), Some(peak), Some(covered)) = (runs, peak, covered) else {
        bail!("`{target}` told nothing of its run");
    };
    ensure!(runs > 0, "`{target}` tried nothing");
    Ok(format!("fuzz {target:<13} {runs:>9} inputs, {covered:>6} branches, {peak:>4} MB"))
}

/// The oracle cases of the crate as inputs of `builds`: every file behind a line that names it.
fn cases() -> Result<PathBuf> {
    let to = output().join("cases");
    fs::create_dir_all(&to)?;
    let from = folder().join("../tests/cases");
    for case in fs::read_dir(&from).with_context(|| format!("reading `{}`", from.display()))? {
        let case = case?;
        let mut text = Vec::new();
        spell(&case.path().join("input"), "", &mut text)?;
        fs::write(to.join(case.file_name()), text)?;
    }
    Ok(to)
}

fn spell(dir: &Path, prefix: &str, text: &mut Vec<u8>) -> Result<()> {
    let mut entries: Vec<_> = fs::read_dir(dir)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            spell(&entry.path(), &format!("{path}/"), text)?;
        } else if path == "root.txt" {
            text.extend_from_slice(b"#/ ");
            text.extend(fs::read(entry.path())?);
        } else {
            text.extend_from_slice(format!("#= {path}\n").as_bytes());
            text.extend(fs::read(entry.path())?);
        }
        if !text.ends_with(b"\n") {
            text.push(b'\n');
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{parse, summary};

    #[test]
    fn flags() {
        let parsed = |args: &[&str]| {
            parse(args.iter().map(|arg| (*arg).to_owned()).collect())
                .map(|options| (options.targets.join(" "), options.seconds))
                .map_err(|error| format!("{error:#}"))
        };
        assert_eq!(parsed(&["yaml", "--seconds", "3600"]), Ok(("yaml".to_owned(), 3600)));
        assert!(parsed(&[]).is_ok_and(|(targets, _)| targets.split(' ').count() >= 6));
        assert!(parsed(&["nothing"]).is_err_and(|error| error.contains("`nothing`")));
        assert!(parsed(&["--fast"]).is_err_and(|error| error.contains("`--fast`")));
    }

    #[test]
    fn a_run_that_tried_nothing_is_no_success() {
        let log = "#2 INITED cov: 10 ft: 11\n#9 DONE cov: 12 ft: 13\nstat::number_of_executed_units: 9\nstat::peak_rss_mb: 30\n";
        let line = summary("yaml", log).unwrap_or_default();
        assert!(line.contains(" 9 inputs") && line.contains(" 12 branches"), "{line}");
        assert!(summary("yaml", "stat::number_of_executed_units: 0").is_err());
    }
}
