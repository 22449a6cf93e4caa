//! Chromium, for the one test that clicks through the sandbox page: found, or installed from Debian where that is safe.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::Ordering;

use anyhow::{Result, bail};

use super::{REQUIRE_ALL, Setup, Tool, link};
use crate::proc;

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

pub(crate) const CHROMIUM: Tool = Tool {
    name: "chromium",
    about: "a browser, for the test that clicks through the sandbox page",
    heavy: false,
    pins: || Ok(format!("{:?}", find())),
    proof: "chromium",
    setup,
};

/// A Chromium or Chrome on PATH.
pub(crate) fn find() -> Option<PathBuf> {
    NAMES.iter().find_map(|name| proc::on_path(name))
}

fn setup(setup: &Setup) -> Result<String> {
    let how = if find().is_some() { "found" } else { "installed with apt-get" };
    if find().is_none() {
        install(setup)?;
    }
    let Some(found) = find() else {
        bail!("apt-get left no chromium on PATH");
    };
    link(&found, &setup.dir.join("chromium"))?;
    Ok(format!("{how} as `{}`", found.display()))
}

/// Only where it disturbs nobody: as root on Debian, in continuous integration or when every part is required.
fn install(setup: &Setup) -> Result<()> {
    let asked =
        REQUIRE_ALL.load(Ordering::Relaxed) || std::env::var_os("CI").is_some_and(|ci| !ci.is_empty());
    let root = proc::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !(asked && root && proc::on_path("apt-get").is_some()) {
        bail!(
            "no chromium or google-chrome on PATH; install one (`apt-get install chromium`), or run as root on Debian with --require-all"
        );
    }
    let apt = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(args);
        proc::run_logged(&mut command, &setup.log)
    };
    apt(&["update", "--quiet"])?;
    apt(&["install", "--yes", "--quiet", "--no-install-recommends", "chromium"])
}
