//! `cargo xtask bench diff` is in [`diff`], `cargo xtask bench poll` in [`poll`]. `cargo xtask bench render`: the same builds by our crate, by `preflux build`, by the kustomize library and by
//! `kustomize build`, in turn on the same machine, and a page of what came out.
//!
//! It measures and asserts nothing about time. What is built is in `shared/kustomize/benches/workloads`; the programs
//! that build in process are `shared/kustomize/examples/timed.rs` and `tests/oracle/kustomize/timed`.

mod diff;
mod measure;
mod poll;
mod programs;
mod report;
mod workloads;

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::bench::programs::Programs;
use crate::bench::report::Report;

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Render,
    Diff,
    Poll,
}

/// What was asked for.
struct Options {
    /// What is measured.
    what: What,
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
    let (title, page) = match options.what {
        What::Diff => (diff::TITLE, diff::page(options.quick)?),
        What::Poll => (poll::TITLE, poll::page(options.quick)?),
        What::Render => (report::TITLE, render(&options)?),
    };
    println!("\n{page}");
    if let Some(file) = options.write {
        let before = fs::read_to_string(&file).unwrap_or_default();
        fs::write(&file, replaced(&before, title, &page))
            .with_context(|| format!("writing `{}`", file.display()))?;
        println!("written to {}", file.display());
    }
    Ok(())
}

fn render(options: &Options) -> Result<String> {
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
    Ok(report.page())
}

/// The file with one of its pages written anew: a page goes from its title to the next.
fn replaced(before: &str, title: &str, page: &str) -> String {
    let mut pages: Vec<String> = Vec::new();
    for line in before.lines() {
        if line.starts_with("# ") || pages.is_empty() {
            pages.push(String::new());
        }
        if let Some(last) = pages.last_mut() {
            last.push_str(line);
            last.push('\n');
        }
    }
    match pages.iter_mut().find(|old| old.starts_with(title)) {
        Some(old) => page.clone_into(old),
        None => pages.push(page.to_owned()),
    }
    let pages: Vec<&str> = pages.iter().map(|page| page.trim_end()).filter(|page| !page.is_empty()).collect();
    format!("{}\n", pages.join("\n\n"))
}

fn parse(args: Vec<String>) -> Result<Options> {
    let mut args = args.into_iter();
    let what = match args.next().as_deref() {
        Some("render") => What::Render,
        Some("diff") => What::Diff,
        Some("poll") => What::Poll,
        _ => bail!("`bench` knows `render`, `diff` and `poll`; see `cargo xtask bench --help`"),
    };
    let mut options = Options { what, quick: false, only: None, write: None };
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--quick" => options.quick = true,
            "--only" if what == What::Render => {
                options.only = Some(args.next().context("`--only` needs a workload")?)
            }
            "--write" => options.write = Some(args.next().context("`--write` needs a file")?.into()),
            _ => bail!("`bench` knows no `{arg}` here; see `cargo xtask bench --help`"),
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::replaced;

    #[test]
    fn a_page_is_written_anew_and_the_others_stay() {
        let file = replaced("", "# A", "# A\n\none\n");
        let file = replaced(&file, "# B", "# B\n\n## Part\n");
        assert_eq!(file, "# A\n\none\n\n# B\n\n## Part\n");
        assert_eq!(replaced(&file, "# A", "# A\ntwo"), "# A\ntwo\n\n# B\n\n## Part\n");
    }
}
