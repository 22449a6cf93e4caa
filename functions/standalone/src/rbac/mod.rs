//! `preflux cluster rbac`: the identity of `infra/cluster/preflux.yaml`, with the rights that this cluster's Kustomizations take and
//! no others.

mod kinds;
mod manifest;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use kubernetes::{KubeCluster, Options};
use ports::{Cluster as _, ConfigRef};

use crate::diff::print;
use kinds::Kinds;

/// What `preflux cluster` takes.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print the identity that can only rehearse, with its locks, granted the kinds that the cluster's Kustomizations hold.
    Rbac(Args),
}

/// What `preflux cluster rbac` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A kubeconfig that may list Kustomizations. It is only read with.
    #[arg(long)]
    kubeconfig: PathBuf,
    /// A repository on disk, whose Kustomizations hold kinds as well.
    #[arg(long)]
    repo: Option<PathBuf>,
    /// Its revision.
    #[arg(long, default_value = "HEAD", requires = "repo")]
    rev: String,
    /// For another cluster, which Kustomizations reach by `spec.kubeConfig`: Secret/NAMESPACE/NAME=KUBECONFIG (or ConfigMap/...).
    #[arg(long, value_name = "WHAT=FILE", value_parser = remote)]
    remote: Option<(ConfigRef, PathBuf)>,
    /// The namespace of the identity.
    #[arg(long, default_value = "preflux", value_parser = label)]
    namespace: String,
    /// The namespace of Flux's own controllers.
    #[arg(long, default_value = "flux-system", value_parser = label)]
    flux_namespace: String,
}

fn remote(text: &str) -> Result<(ConfigRef, PathBuf), String> {
    let wrong = || "must be Secret/NAMESPACE/NAME=FILE or ConfigMap/NAMESPACE/NAME=FILE".to_owned();
    let (what, file) = text.split_once('=').filter(|(_, file)| !file.is_empty()).ok_or_else(wrong)?;
    Ok((bootstrap::config::reference(what).ok_or_else(wrong)?, PathBuf::from(file)))
}

fn label(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let good = !text.is_empty() && text.len() <= 63 && text.chars().all(fits);
    match good && !text.starts_with('-') && !text.ends_with('-') {
        true => Ok(text.to_owned()),
        false => Err("must be the name of a namespace".to_owned()),
    }
}

/// Prints the manifests; what they leave out is said on the error stream as well. Exits 0.
pub(crate) async fn run(Command::Rbac(args): Command) -> anyhow::Result<ExitCode> {
    let flux = KubeCluster::from_file("cluster", &args.kubeconfig, &Options::default()).await?;
    let objects = flux.flux_objects().await?;
    let mut kinds = Kinds::default();
    let on = args.remote.as_ref().map(|(what, _)| what);
    kinds.add_inventories(&objects.kustomizations, on);
    if let Some(repo) = &args.repo {
        kinds.add_renders(repo, &args.rev, on).await?;
    }
    let grants = match &args.remote {
        Some((_, file)) => {
            let cluster = KubeCluster::from_file("remote", file, &Options::default()).await?;
            cluster.grants(&kinds.all, &kinds.defined).await?
        }
        None => flux.grants(&kinds.all, &kinds.defined).await?,
    };
    let place =
        manifest::Place { namespace: &args.namespace, flux: &args.flux_namespace, remote: on.is_some() };
    print(&manifest::text(&grants, &kinds.from, &place));
    for line in manifest::left_out(&grants).into_iter().chain(kinds.notes) {
        complain(&line);
    }
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stderr, reason = "what is not granted is for the terminal, not for the file")]
fn complain(line: &str) {
    eprintln!("note: {line}");
}
