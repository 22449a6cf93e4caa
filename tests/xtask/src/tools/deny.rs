//! cargo-deny, built from crates.io. Unoptimised: it is built in a minute instead of many, and checks in seconds.

use std::fs;
use std::process::Command;

use anyhow::Result;

use super::{Setup, Tool};
use crate::{proc, workspace};

const VERSION: &str = "0.20.2";

pub(crate) const CARGO_DENY: Tool = Tool {
    name: "cargo-deny",
    about: "cargo-deny 0.20.2, which checks licences, bans, sources and advisories",
    heavy: true,
    pins: || Ok(VERSION.to_owned()),
    proof: "bin/cargo-deny",
    setup,
};

fn setup(setup: &Setup) -> Result<String> {
    let scratch = workspace::tools().join("cargo-deny-build");
    let mut command = Command::new("cargo");
    command
        .args(["install", "--locked", "--debug", "--version", VERSION, "cargo-deny", "--root"])
        .arg(&setup.dir)
        .arg("--target-dir")
        .arg(&scratch)
        .env("CARGO_PROFILE_DEV_DEBUG", "0");
    proc::run_logged(&mut command, &setup.log)?;
    fs::remove_dir_all(&scratch)?;
    Ok("built from crates.io".to_owned())
}
