//! A slash command that needs the cluster or GitHub, carried out and answered in private.

use std::sync::Arc;

use commands::{Listing, Request};
use domain::interact::Command;
use domain::job::Outcome;
use flux::Kustomization;
use ports::{ChatMessage, Cluster};
use report::slack::{self, KustomizationRow, kustomizations_table};
use report::words::replies;

use super::{WorkCtx, approve};
use crate::error::JobError;
use crate::typed::instead;

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
    match commands::parse(&command.text) {
        Ok(Request::GetKustomizations(_)) => replies::cluster_failed(&error.sentence()),
        _ => replies::command_failed(&error.sentence(), error.heals()),
    }
}

async fn answer(ctx: &WorkCtx, command: &Command) -> Result<ChatMessage, JobError> {
    match commands::parse(&command.text) {
        Ok(Request::GetKustomizations(listing)) => get_kustomizations(ctx, &listing).await,
        Ok(Request::Link { code }) => Ok(plain(&approve::link(ctx, &command.by, code.as_deref()).await?)),
        Ok(Request::Unlink) => Ok(plain(&approve::unlink(ctx, &command.by).await?)),
        Ok(Request::WhoAmI) => Ok(plain(&approve::who_am_i(ctx, &command.by).await?)),
        Err(told) => {
            let (text, blocks) = instead(&told);
            Ok(ChatMessage { text, blocks })
        }
    }
}

async fn get_kustomizations(ctx: &WorkCtx, listing: &Listing) -> Result<ChatMessage, JobError> {
    let cluster = match picked(ctx, listing.cluster.as_deref()) {
        Ok(cluster) => cluster,
        Err(why) => return Ok(plain(&why)),
    };
    let objects = cluster.flux_objects().await?;
    let wanted = objects.kustomizations.iter().filter(|object| listing.wants(object));
    let parsed = wanted.filter_map(|value| Kustomization::from_value(value).ok());
    let mut rows: Vec<KustomizationRow> = parsed.map(row).collect();
    rows.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    let (text, blocks) = kustomizations_table(cluster.name(), &rows, rows.len());
    Ok(ChatMessage { text, blocks })
}

/// The cluster that is meant, or what is said in its place.
fn picked<'a>(ctx: &'a WorkCtx, name: Option<&str>) -> Result<&'a Arc<dyn Cluster>, String> {
    let several = !ctx.more_clusters.is_empty();
    let first = ctx.cluster_names.first().is_none_or(|first| name.is_none_or(|name| name == first));
    let found = match name {
        None if several => None,
        _ if first => Some(&ctx.cluster),
        Some(name) => ctx.more_clusters.iter().find(|(of, _)| of == name).map(|(_, cluster)| cluster),
        None => Some(&ctx.cluster),
    };
    let found = found.ok_or_else(|| replies::which_cluster(name, &ctx.cluster_names))?;
    found.as_ref().map_err(|why| replies::no_cluster(why))
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
