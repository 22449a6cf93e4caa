//! Taking turns: in each round everybody builds the same once, so that a busy machine is busy for all alike.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::bench::programs::{Answer, Programs, Request, Worker};
use crate::bench::workloads::{Point, Workload};

/// Milliseconds per build, of every round.
pub(crate) type Times = Vec<f64>;

/// What one workload took. A list is empty where nothing was measured.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Builds that a time is the mean of.
    pub(crate) builds: usize,
    pub(crate) objects: u64,
    pub(crate) ours: Times,
    pub(crate) library: Times,
    pub(crate) library_reset: Times,
    pub(crate) preflux: Times,
    pub(crate) kustomize: Times,
    pub(crate) memory: Memory,
}

/// One build in a fresh process, in kB.
pub(crate) struct Memory {
    pub(crate) input_kb: f64,
    pub(crate) output_kb: f64,
    /// What the build added to our process.
    pub(crate) ours_growth: f64,
    pub(crate) library_growth: f64,
    /// The most that the whole command took.
    pub(crate) preflux: f64,
    pub(crate) kustomize: f64,
}

/// Measures one workload.
pub(crate) fn workload(programs: &Programs, workload: &Workload) -> Result<Row> {
    let (dir, builds) = programs.write(workload.name)?;
    let (mut ours, mut library) = (Worker::start(&programs.ours)?, Worker::start(&programs.library)?);
    let repeated: Vec<String> = (0..workload.repeats).flat_map(|_| builds.iter().cloned()).collect();
    let request = |reset| Request { tree: &dir, builds: &repeated, disk: false, reset };
    let mut row = empty(workload, builds.len());
    if workload.rounds > 1 {
        // The first round warms both up.
        both(&mut ours, &mut library, &request(false))?;
    }
    for _ in 0..workload.rounds {
        let (mine, theirs) = both(&mut ours, &mut library, &request(false))?;
        row.objects = mine.objects / workload.repeats as u64;
        row.ours.push(per_build(&mine, repeated.len()));
        row.library.push(per_build(&theirs, repeated.len()));
        row.memory.library_growth = growth(&theirs);
    }
    let once = Request { tree: &dir, builds: &builds, disk: false, reset: true };
    for _ in 0..workload.reset_rounds {
        row.library_reset.push(per_build(&library.ask(&once)?, builds.len()));
    }
    drop((ours, library));
    let chosen = &builds[..workload.process_builds.min(builds.len())];
    for _ in 0..workload.process_rounds {
        processes(programs, &dir, chosen, &mut row)?;
    }
    in_fresh_process(&programs.ours, &dir, &builds[..1], |mine| {
        row.memory.input_kb = mine.input as f64 / 1024.0;
        row.memory.output_kb = mine.output as f64 / 1024.0;
        row.memory.ours_growth = growth(mine);
    })?;
    if workload.rounds > 1 {
        // Else its one round above was in a fresh process, and it takes too long for another.
        in_fresh_process(&programs.library, &dir, &builds[..1], |theirs| {
            row.memory.library_growth = growth(theirs);
        })?;
    }
    Ok(row)
}

fn empty(workload: &Workload, builds: usize) -> Row {
    let memory = Memory {
        input_kb: 0.0,
        output_kb: 0.0,
        ours_growth: 0.0,
        library_growth: 0.0,
        preflux: 0.0,
        kustomize: 0.0,
    };
    let (name, about) = (workload.name, workload.about);
    let (ours, library, library_reset) = (Vec::new(), Vec::new(), Vec::new());
    let (preflux, kustomize) = (Vec::new(), Vec::new());
    Row { name, about, builds, objects: 0, ours, library, library_reset, preflux, kustomize, memory }
}

/// Both build, and must have made as much.
fn both(ours: &mut Worker, library: &mut Worker, request: &Request<'_>) -> Result<(Answer, Answer)> {
    let (mine, theirs) = (ours.ask(request)?, library.ask(request)?);
    let made = |answer: &Answer| (answer.objects, answer.output);
    ensure!(made(&mine) == made(&theirs), "{:?} made, and kustomize made {:?}", made(&mine), made(&theirs));
    Ok((mine, theirs))
}

fn per_build(answer: &Answer, builds: usize) -> f64 {
    answer.ns as f64 / 1e6 / builds as f64
}

/// Runs both commands on each build in turn, and adds the mean of each.
fn processes(programs: &Programs, dir: &Path, builds: &[String], row: &mut Row) -> Result<()> {
    let (mut preflux, mut kustomize) = (Duration::ZERO, Duration::ZERO);
    for (at, path) in builds.iter().enumerate() {
        let dir = dir.join(path);
        let theirs = command(&programs.kustomize, kustomize_args(), &dir)?;
        let mine = command(&programs.preflux, &["build"], &dir)?;
        kustomize += theirs.took;
        preflux += mine.took;
        if at == 0 {
            row.memory.preflux = row.memory.preflux.max(mine.peak_kb);
            row.memory.kustomize = row.memory.kustomize.max(theirs.peak_kb);
        }
    }
    row.preflux.push(preflux.as_secs_f64() * 1e3 / builds.len() as f64);
    row.kustomize.push(kustomize.as_secs_f64() * 1e3 / builds.len() as f64);
    Ok(())
}

fn kustomize_args() -> &'static [&'static str] {
    &["build", "--load-restrictor", "LoadRestrictionsNone", "--reorder", "none"]
}

/// A command that ended.
struct Ended {
    took: Duration,
    /// The most memory it was seen with.
    peak_kb: f64,
}

/// Runs a command to its end, with its output read and dropped.
fn command(program: &Path, args: &[&str], dir: &Path) -> Result<Ended> {
    let start = Instant::now();
    let mut child = Command::new(program)
        .args(args)
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("starting `{}`", program.display()))?;
    let mut output = child.stdout.take().context("its standard output is piped")?;
    // Neither command writes before it is done, so the process is at its peak when its first bytes come.
    let mut buffer = vec![0; 1 << 16];
    let mut bytes = output.read(&mut buffer)?;
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    while bytes > 0 {
        bytes = output.read(&mut buffer)?;
    }
    let ended = child.wait()?;
    let took = start.elapsed();
    ensure!(ended.success(), "`{} {}` in `{}` {ended}", program.display(), args.join(" "), dir.display());
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak_kb = peak.and_then(|kb| kb.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default();
    Ok(Ended { took, peak_kb })
}

/// One build, read from the disk, by a process that did nothing before.
fn in_fresh_process(program: &Path, dir: &Path, one: &[String], note: impl FnOnce(&Answer)) -> Result<()> {
    let answer =
        Worker::start(program)?.ask(&Request { tree: dir, builds: one, disk: true, reset: false })?;
    note(&answer);
    Ok(())
}

/// What a build added to its process, in kB.
fn growth(answer: &Answer) -> f64 {
    answer.peak_kb.saturating_sub(answer.idle_kb) as f64
}

/// A point of the curve: milliseconds for the one build.
pub(crate) struct CurvePoint {
    pub(crate) objects: u64,
    pub(crate) ours: Times,
    pub(crate) library: Times,
    /// What the build added to our process, and bytes of input and output, in kB.
    pub(crate) growth_kb: f64,
    pub(crate) data_kb: f64,
}

/// Measures one point of the curve.
pub(crate) fn point(programs: &Programs, point: &Point) -> Result<CurvePoint> {
    let (dir, builds) = programs.write(point.name)?;
    let request = Request { tree: &dir, builds: &builds, disk: false, reset: false };
    let (mut ours, mut library) = (Worker::start(&programs.ours)?, Worker::start(&programs.library)?);
    let mut made =
        CurvePoint { objects: 0, ours: Vec::new(), library: Vec::new(), growth_kb: 0.0, data_kb: 0.0 };
    let fresh = Worker::start(&programs.ours)?.ask(&Request { disk: true, ..request })?;
    made.objects = fresh.objects;
    made.growth_kb = growth(&fresh);
    made.data_kb = (fresh.input + fresh.output) as f64 / 1024.0;
    ours.ask(&request)?;
    for round in 0..point.rounds.max(point.go_rounds) {
        if round < point.rounds {
            made.ours.push(per_build(&ours.ask(&request)?, 1));
        }
        if round < point.go_rounds {
            made.library.push(per_build(&library.ask(&request)?, 1));
        }
    }
    Ok(made)
}

/// The middle of the times; nothing of nothing.
pub(crate) fn median(times: &[f64]) -> Option<f64> {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted.get(sorted.len().checked_sub(1)? / 2)?, sorted.get(sorted.len() / 2)?);
    Some((low + high) / 2.0)
}

/// The shortest of the times.
pub(crate) fn shortest(times: &[f64]) -> Option<f64> {
    times.iter().copied().min_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use super::{median, shortest};

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0]), Some(2.5));
        assert_eq!(median(&[]), None);
        assert_eq!(shortest(&[3.0, 1.0]), Some(1.0));
    }
}
