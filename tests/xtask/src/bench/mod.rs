//! `cargo xtask bench render`: the same builds by our crate, by `preflux build`, by the kustomize library and by
//! `kustomize build`, in turn on the same machine, and a page of what came out.
//!
//! It measures and asserts nothing about time. What is built is in `shared/kustomize/benches/workloads`; the programs
//! that build in process are `shared/kustomize/examples/timed.rs` and `tests/oracle/kustomize/timed`.

mod measure;
mod programs;
mod report;
mod workloads;

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::bench::programs::Programs;
use crate::bench::report::Report;

/// What was asked for.
#[derive(Default)]
struct Options {
    /// Fewer rounds and smaller workloads, for a look.
    quick: bool,
    /// Only the workload of this name.
    only: Option<String>,
    /// Where the page goes, beside the standard output.
    write: Option<PathBuf>,
}

/// The chore.
pub(crate) fn run(args: Vec<String>) -> Result<()> {
    let options = parse(args)?;
    let programs = Programs::build()?;
    let start = Instant::now();
    let mut report = Report::of_this_machine(&programs, options.quick)?;
    for workload in workloads::all(options.quick) {
        if options.only.as_ref().is_none_or(|only| only == workload.name) {
            println!("{} ...", workload.name);
            report.rows.push(measure::workload(&programs, &workload)?);
        }
    }
    if options.only.as_ref().is_none_or(|only| only == "curve") {
        for point in workloads::curve(options.quick) {
            println!("{} objects ...", point.name);
            report.curve.push(measure::point(&programs, &point)?);
        }
    }
    report.seconds = start.elapsed().as_secs();
    let page = report.page();
    println!("\n{page}");
    if let Some(file) = options.write {
        fs::write(&file, page).with_context(|| format!("writing `{}`", file.display()))?;
        println!("written to {}", file.display());
    }
    Ok(())
}

fn parse(args: Vec<String>) -> Result<Options> {
    let mut args = args.into_iter();
    if args.next().as_deref() != Some("render") {
        bail!("`bench` knows `render` only; see `cargo xtask bench --help`");
    }
    let mut options = Options::default();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--quick" => options.quick = true,
            "--only" => options.only = Some(args.next().context("`--only` needs a workload")?),
            "--write" => options.write = Some(args.next().context("`--write` needs a file")?.into()),
            _ => bail!("`bench render` knows no `{arg}`; see `cargo xtask bench --help`"),
        }
    }
    Ok(options)
}
