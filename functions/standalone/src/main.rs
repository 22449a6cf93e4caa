//! Preflux on one machine. Each subcommand is a file; what they share with the Lambda functions is in `bootstrap` and `flows`.

mod build;
mod config;
mod diff;
mod doctor;
mod rbac;
mod sandbox;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Shows what a pull request will do to a Flux-managed cluster, before it is merged.
#[derive(Parser)]
#[command(name = "preflux", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Watch the configured repositories, report in Slack, and answer its buttons.
    Serve {
        /// The configuration.
        #[arg(long, default_value = "preflux.yaml")]
        config: PathBuf,
    },
    /// Print the objects that kustomize builds from a folder, as kustomize-controller runs it.
    Build(build::Args),
    /// Print the report of a pull request, or of two revisions of a local repository.
    Diff(diff::Args),
    /// Try the whole product against local stand-ins for GitHub and Slack.
    Sandbox(sandbox::Args),
    /// Print what a cluster needs.
    #[command(subcommand)]
    Cluster(rbac::Command),
    /// Check the configuration, or print its schema.
    #[command(subcommand)]
    Config(config::Command),
    /// Say what is misconfigured and how to mend it.
    Doctor {
        /// The configuration.
        #[arg(long, default_value = "preflux.yaml")]
        config: PathBuf,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        // A build is over before a runtime would have started.
        Command::Build(args) => return build::run(&args),
        Command::Serve { config } => run(serve::run(&config)),
        Command::Diff(args) => run(diff::run(args)),
        Command::Sandbox(args) => run(sandbox::run(args)),
        Command::Cluster(command) => run(rbac::run(command)),
        Command::Config(command) => config::run(&command),
        Command::Doctor { config } => run(doctor::run(&config)),
    };
    result.unwrap_or_else(|error| {
        complain(&error);
        ExitCode::from(2)
    })
}

/// Starts what all but `build` need, and runs a command.
#[tokio::main]
async fn run(command: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    bootstrap::telemetry::start();
    command.await
}

#[expect(clippy::print_stderr, reason = "a command's error is for the terminal")]
fn complain(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}
