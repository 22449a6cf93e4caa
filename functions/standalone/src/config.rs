//! `preflux config`: the configuration's form, and whether a text has it. Nothing is asked and nobody is reached.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use crate::diff::print;

/// The configuration's JSON Schema; a test of `bootstrap` holds it equal to what is read and to what README.md says of it.
const SCHEMA: &str = include_str!("../../../infra/preflux.schema.json");

/// What `preflux config` takes.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Say everything that is wrong with a configuration, with its lines. Secrets are not read, and nobody is reached.
    Check {
        /// The configuration.
        #[arg(long, default_value = "preflux.yaml")]
        config: PathBuf,
    },
    /// Print the JSON Schema of the configuration, for editors.
    Schema,
}

/// Runs it; a configuration that cannot be used is an error.
pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check { config } => {
            let read = bootstrap::local::config(config)?;
            let clusters = usize::from(read.cluster.is_some()) + read.more_clusters.len();
            let (file, rules) = (config.display(), read.repositories.len());
            print(&format!("ok    {file}: rules: {rules}, clusters: {clusters}"));
        }
        Command::Schema => print(SCHEMA),
    }
    Ok(ExitCode::SUCCESS)
}
