//! A slash command that needs the cluster or GitHub, carried out and answered in private.

use domain::interact::{Command, FluxCommand, parse_command};
use domain::job::Outcome;
use flux::Kustomization;
use ports::ChatMessage;
use report::slack::{self, KustomizationRow, kustomizations_table};
use report::words::replies;

use super::{WorkCtx, approve};
use crate::error::JobError;

pub(super) async fn run(ctx: &WorkCtx, command: &Command, last_try: bool) -> Result<Outcome, JobError> {
    let message = match answer(ctx, command).await {
        Ok(message) => message,
        Err(error) if !error.heals() || last_try => plain(&failed(command, &error)),
        Err(error) => return Err(error),
    };
    ctx.chat.answer(&command.answer_url, true, &message).await?;
    Ok(Outcome::Done)
}

fn failed(command: &Command, error: &JobError) -> String {
    match parse_command(&command.text) {
        Ok(FluxCommand::GetKustomizations { .. }) => replies::cluster_failed(&error.sentence()),
        _ => replies::command_failed(&error.sentence(), error.heals()),
    }
}

async fn answer(ctx: &WorkCtx, command: &Command) -> Result<ChatMessage, JobError> {
    match parse_command(&command.text) {
        Ok(FluxCommand::GetKustomizations { namespace }) => {
            get_kustomizations(ctx, namespace.as_deref()).await
        }
        Ok(FluxCommand::Link { code }) => Ok(plain(&approve::link(ctx, &command.by, code.as_deref()).await?)),
        Ok(FluxCommand::Unlink) => Ok(plain(&approve::unlink(ctx, &command.by).await?)),
        Ok(FluxCommand::WhoAmI) => Ok(plain(&approve::who_am_i(ctx, &command.by).await?)),
        Ok(FluxCommand::Help) => Ok(plain(replies::help())),
        Err(why) => Ok(plain(&replies::unknown_command(&why))),
    }
}

async fn get_kustomizations(ctx: &WorkCtx, namespace: Option<&str>) -> Result<ChatMessage, JobError> {
    let cluster = match &ctx.cluster {
        Ok(cluster) => cluster,
        Err(why) => return Ok(plain(&replies::no_cluster(why))),
    };
    let objects = cluster.flux_objects().await?;
    let parsed = objects.kustomizations.iter().filter_map(|value| Kustomization::from_value(value).ok());
    let mut rows: Vec<KustomizationRow> =
        parsed.filter(|k| namespace.is_none_or(|n| n == k.key.namespace)).map(row).collect();
    rows.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    let (text, blocks) = kustomizations_table(cluster.name(), &rows, rows.len());
    Ok(ChatMessage { text, blocks })
}

/// The columns of `flux get kustomizations`. Without a Ready condition the CLI says that it waits.
fn row(kustomization: Kustomization) -> KustomizationRow {
    let ready = kustomization.status.ready;
    KustomizationRow {
        namespace: kustomization.key.namespace,
        name: kustomization.key.name,
        revision: kustomization.status.last_applied_revision.unwrap_or_default(),
        suspended: kustomization.spec.suspend,
        ready: ready.as_ref().map_or_else(|| "False".to_owned(), |r| r.status.clone()),
        message: ready.map_or_else(|| "waiting to be reconciled".to_owned(), |r| r.message),
    }
}

fn plain(text: &str) -> ChatMessage {
    let (text, blocks) = slack::answer(text);
    ChatMessage { text, blocks }
}
