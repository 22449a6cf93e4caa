//! Programs from PyPI, each set in a virtual environment, every wheel pinned by hash in `tests/tools/python`.

use std::process::Command;

use anyhow::Result;

use super::{Setup, Tool, need, pins_of_files};
use crate::{proc, workspace};

pub(crate) const AWS: Tool = Tool {
    name: "aws",
    about: "sam, cfn-lint and cargo-lambda (with zig), which check and build template.yaml",
    heavy: false,
    pins: || pins_of_files(&["python/aws.txt"]),
    proof: "bin/sam",
    setup: |setup| environment(setup, "python/aws.txt"),
};

pub(crate) const MOTO: Tool = Tool {
    name: "moto",
    about: "moto's server, the stand-in for S3 and Secrets Manager",
    heavy: false,
    pins: || pins_of_files(&["python/emulators.txt"]),
    proof: "bin/moto_server",
    setup: |setup| environment(setup, "python/emulators.txt"),
};

/// The list is complete, so pip resolves nothing: `--no-deps`, and `pip check` says whether the set fits together.
fn environment(setup: &Setup, requirements: &str) -> Result<String> {
    need("python3", "to run tools from PyPI")?;
    proc::run_logged(Command::new("python3").args(["-m", "venv"]).arg(&setup.dir), &setup.log)?;
    let pip = setup.dir.join("bin/pip");
    let mut install = Command::new(&pip);
    install
        .args(["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"])
        .args(["--no-compile", "--require-hashes", "--requirement"])
        .arg(workspace::pins(requirements));
    proc::run_logged(&mut install, &setup.log)?;
    proc::run_logged(Command::new(&pip).arg("check"), &setup.log)?;
    Ok("installed, hashes checked".to_owned())
}
