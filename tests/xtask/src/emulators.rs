//! The stand-ins for AWS that tests talk to: DynamoDB Local, ElasticMQ for SQS, moto for S3 and Secrets Manager.
//!
//! They hold everything in memory, listen on free loopback ports and end with this process.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::proc::{self, Leash, Service};
use crate::tools;

/// A running stand-in; it ends when this is dropped.
pub(crate) struct Emulator {
    /// Its address, `http://127.0.0.1:PORT`.
    pub(crate) url: String,
    _leash: Leash,
}

/// An emulator that can be started: the tool it comes from and the variables that tell tests its address.
pub(crate) struct Kind {
    /// The tool's name.
    pub(crate) tool: &'static str,
    /// What tests read.
    pub(crate) variables: &'static [&'static str],
    command: fn(&Path, &Path, u16) -> Result<Command>,
}

/// All of them.
pub(crate) const KINDS: [Kind; 3] = [
    Kind { tool: "dynamodb-local", variables: &["PREFLUX_TEST_DYNAMODB"], command: dynamodb },
    Kind { tool: "elasticmq", variables: &["PREFLUX_TEST_SQS"], command: elasticmq },
    Kind {
        tool: "moto",
        variables: &["PREFLUX_TEST_S3", "PREFLUX_TEST_SECRETS", "PREFLUX_TEST_KMS"],
        command: moto,
    },
];

/// Starts one, and waits until it takes connections. Its log is in `dir`.
pub(crate) fn start(kind: &Kind, dir: &Path) -> Result<Emulator> {
    let tool = tools::ready(kind.tool)
        .with_context(|| format!("`{}` is not set up; `cargo xtask tools {0}` does it", kind.tool))?;
    let dir = dir.join(kind.tool);
    fs::create_dir_all(&dir)?;
    let [port] = proc::free_ports()?;
    let mut command = (kind.command)(&tool, &dir, port)?;
    command.current_dir(&dir);
    let begun = Instant::now();
    let mut service = Service::start(kind.tool, &mut command, dir.join("output.log"))?;
    let leash = Leash::on(service.pid())?;
    proc::wait_for(&format!("starting {}", kind.tool), Duration::from_secs(60), || {
        service.check_alive()?;
        Ok(TcpStream::connect(("127.0.0.1", port)).is_ok())
    })?;
    println!("emulator {:<15} {:>4.1} s  127.0.0.1:{port}", kind.tool, begun.elapsed().as_secs_f64());
    Ok(Emulator { url: format!("http://127.0.0.1:{port}"), _leash: leash })
}

fn dynamodb(jars: &Path, _dir: &Path, port: u16) -> Result<Command> {
    let mut command = java(jars);
    command
        .arg(format!("-Djava.library.path={}", jars.display()))
        .arg("software.amazon.dynamodb.services.local.main.ServerRunner")
        .args(["-inMemory", "-disableTelemetry", "-port", &port.to_string()]);
    Ok(command)
}

fn elasticmq(jars: &Path, dir: &Path, port: u16) -> Result<Command> {
    let file = dir.join("elasticmq.conf");
    let text = format!(
        "include classpath(\"application.conf\")\n\
         node-address {{ protocol = http, host = \"127.0.0.1\", port = {port}, context-path = \"\" }}\n\
         rest-sqs {{ enabled = true, bind-hostname = \"127.0.0.1\", bind-port = {port}, sqs-limits = strict }}\n\
         rest-stats {{ enabled = false }}\n"
    );
    fs::write(&file, text)?;
    let mut command = java(jars);
    command.arg(format!("-Dconfig.file={}", file.display())).arg("org.elasticmq.server.Main");
    Ok(command)
}

fn moto(venv: &Path, _dir: &Path, port: u16) -> Result<Command> {
    let mut command = Command::new(venv.join("bin/moto_server"));
    command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
    Ok(command)
}

fn java(jars: &Path) -> Command {
    let mut command = Command::new("java");
    let all: PathBuf = jars.join("*");
    // Quick to start and small: these live for a minute.
    command.args(["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-cp"]).arg(all);
    command
}
