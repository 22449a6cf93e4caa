//! The chores of the project, run as `cargo xtask CHORE`: which there are, and nothing of how they work.
//!
//! This is not shipped and holds no product logic. Each chore is one file; the tools they need are in [`tools`].
#![expect(clippy::print_stdout, reason = "a command-line tool talks on its standard output")]

mod bench;
mod cluster;
mod emulators;
mod functions;
mod fuzz;
mod policy;
mod proc;
mod sandbox;
mod steps;
mod test;
mod tools;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

/// One chore: its name, one line on it, and what runs it. It answers with our exit code.
struct Chore {
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    run: fn(Vec<String>) -> Result<ExitCode>,
}

const CHORES: &[Chore] = &[
    Chore {
        name: "sandbox",
        usage: "[--once] [--no-cluster] [FLAGS OF `preflux sandbox`]",
        about: "run the whole product here, with stand-ins for GitHub and Slack",
        run: sandbox::run,
    },
    Chore {
        name: "test",
        usage: "[--require-all] [--older] [-p CRATE] [FILTER]",
        about: "every check and every test, on real parts; sets up all it needs under target/ (-p or FILTER: only those tests; --older: only those on the oldest Kubernetes)",
        run: |args| test::run(args).map(exit_code),
    },
    Chore {
        name: "bench",
        usage: "render|diff|poll [--quick] [--only WORKLOAD] [--write FILE]",
        about: "render: builds beside the kustomize command and library; diff: a pull request's diff beside `flux diff`; poll: hundreds of repositories; tells times and ratios",
        run: |args| bench::run(args).map(|()| ExitCode::SUCCESS),
    },
    Chore {
        name: "tools",
        usage: "[NAME...]",
        about: "fetch or build the test tools (all, or the named ones) into target/tools",
        run: |args| tools::run(args).map(exit_code),
    },
    Chore {
        name: "fuzz",
        usage: "[TARGET...] [--seconds N] | --short",
        about: "look for inputs that break the kustomize crate, each target for a minute or N seconds; --short: as `test` does",
        run: fuzz::run,
    },
    Chore {
        name: "cluster",
        usage: "up|down|check-policy [--json] [--dir DIR] [--older]",
        about: "a real kube-apiserver with Flux's CRDs, for tests and for trying things out; --older: the oldest that is supported",
        run: |args| cluster::run(args).map(exit_code),
    },
];

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    match dispatch(&name, rest) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all went well, as an exit code.
fn exit_code(well: bool) -> ExitCode {
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn dispatch(name: &str, args: Vec<String>) -> Result<ExitCode> {
    if matches!(name, "" | "help" | "--help" | "-h") {
        print_chores();
        return Ok(ExitCode::SUCCESS);
    }
    let Some(chore) = CHORES.iter().find(|chore| chore.name == name) else {
        bail!("no chore `{name}`; `cargo xtask` lists them");
    };
    // The sandbox hands its flags on, so it alone answers for its own --help.
    if name != "sandbox" && args.iter().any(|arg| arg == "--help" || arg == "-h") {
        println!("cargo xtask {} {}\n\n{}", chore.name, chore.usage, chore.about);
        return Ok(ExitCode::SUCCESS);
    }
    (chore.run)(args)
}

fn print_chores() {
    println!("The chores, run as `cargo xtask CHORE`:\n");
    for chore in CHORES {
        println!("  {:<8} {}\n           {}", chore.name, chore.usage, chore.about);
    }
    println!("\nThe tools that `cargo xtask tools` knows:\n");
    tools::print_list();
}
