//! A slash command that needs the cluster or GitHub, carried out and answered in private.

use std::sync::Arc;

use commands::Request;
use domain::interact::Command;
use domain::job::Outcome;
use ports::{ChatMessage, Cluster};
use report::slack;
use report::words::replies;

use super::get::{Asked, tables_of};
use super::{WorkCtx, act, approve};
use crate::error::JobError;
use crate::typed::instead;

pub(super) async fn run(ctx: &WorkCtx, command: &Command, last_try: bool) -> Result<Outcome, JobError> {
    let message = match answer(ctx, command).await {
        Ok(message) => message,
        Err(error) if !error.heals() || last_try => plain(&failed(command, &error)),
        Err(error) => return Err(error),
    };
    match command.replaces {
        true => ctx.chat.replace(&command.answer_url, &message).await?,
        false => ctx.chat.answer(&command.answer_url, true, &message).await?,
    }
    Ok(Outcome::Done)
}

fn failed(command: &Command, error: &JobError) -> String {
    match commands::parse(&command.text) {
        Ok(Request::Get { .. } | Request::Act(_)) => replies::cluster_failed(&error.sentence()),
        _ => replies::command_failed(&error.sentence(), error.heals()),
    }
}

async fn answer(ctx: &WorkCtx, command: &Command) -> Result<ChatMessage, JobError> {
    match commands::parse(&command.text) {
        Ok(Request::Get { kinds, listing, page }) => match picked(ctx, listing.cluster.as_deref()) {
            Ok(cluster) => {
                let asked = Asked { kinds: &kinds, listing: &listing, page };
                tables_of(ctx, cluster.as_ref(), command, &asked).await
            }
            Err(why) => Ok(plain(&why)),
        },
        Ok(Request::Act(act)) => match picked(ctx, act.cluster.as_deref()) {
            Ok(cluster) => act::run(ctx, cluster.as_ref(), command, &act).await,
            Err(why) => Ok(plain(&why)),
        },
        Ok(Request::Link { code }) => Ok(plain(&approve::link(ctx, &command.by, code.as_deref()).await?)),
        Ok(Request::Unlink) => Ok(plain(&approve::unlink(ctx, &command.by).await?)),
        Ok(Request::WhoAmI) => Ok(plain(&approve::who_am_i(ctx, &command.by).await?)),
        Err(told) => {
            let (text, blocks) = instead(&told);
            Ok(ChatMessage { text, blocks })
        }
    }
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

fn plain(text: &str) -> ChatMessage {
    let (text, blocks) = slack::answer(text);
    ChatMessage { text, blocks }
}
