//! `/flux get`: tables of Flux's objects, as blueprints describe them.

use blueprints::{Grid, Row};
use commands::Listing;
use domain::FluxKind;
use domain::interact::Command;
use futures::future::join_all;
use ports::{ChatMessage, Cluster, ClusterError};
use report::slack::{CommandButton, Table, TableRow, Tables, tables};
use report::words::replies;
use serde_json::Value;

use super::WorkCtx;
use crate::error::JobError;

/// Names that are offered in place of one that is not there.
const SIMILAR: usize = 5;

/// What is asked for.
pub(super) struct Asked<'a> {
    pub(super) kinds: &'a [FluxKind],
    pub(super) listing: &'a Listing,
    pub(super) page: usize,
}

/// The answer, from one cluster. Where several kinds are asked for, those that cannot be listed are named below the others.
pub(super) async fn tables_of(
    ctx: &WorkCtx,
    cluster: &dyn Cluster,
    command: &Command,
    asked: &Asked<'_>,
) -> Result<ChatMessage, JobError> {
    let several = asked.kinds.len() > 1;
    let listed = join_all(asked.kinds.iter().map(|kind| cluster.objects(*kind))).await;
    let (mut all, mut notes, mut served) = (Vec::new(), Vec::new(), 0);
    for (kind, found) in asked.kinds.iter().zip(listed) {
        match found {
            Ok(objects) => {
                served += 1;
                all.push((*kind, objects));
            }
            Err(error) if !several => return Err(error.into()),
            // As the CLI does: components that are not installed have nothing to list.
            Err(ClusterError::NoFlux { .. }) => {}
            Err(error @ ClusterError::Forbidden { .. }) => {
                notes.push(replies::not_listed(kind.several(), &error.to_string()))
            }
            Err(error) => return Err(error.into()),
        }
    }
    if several && served == 0 && notes.is_empty() {
        notes.push(replies::no_flux(cluster.name()));
    }
    let view = view(ctx, cluster.name(), asked, &all, notes);
    let (text, blocks) = tables(&view, |page| commands::on_page(&command.text, page));
    Ok(ChatMessage { text, blocks })
}

fn view(
    ctx: &WorkCtx,
    cluster: &str,
    asked: &Asked<'_>,
    all: &[(FluxKind, Vec<Value>)],
    mut notes: Vec<String>,
) -> Tables {
    let several = asked.kinds.len() > 1;
    let with_cluster = (ctx.cluster_names.len() > 1).then_some(cluster);
    let wanted = |objects: &[Value]| -> Vec<Value> {
        objects.iter().filter(|object| asked.listing.wants(object)).cloned().collect()
    };
    let wanted: Vec<(FluxKind, Vec<Value>)> =
        all.iter().map(|(kind, objects)| (*kind, wanted(objects))).collect();
    let grids: Vec<Grid> =
        wanted.iter().map(|(kind, objects)| ctx.blueprints.grid(*kind, objects, several)).collect();
    let rows = || grids.iter().flat_map(|grid| &grid.rows);
    let count = rows().count();
    let what = match asked.kinds {
        [kind] if count == 1 => kind.kind(),
        [kind] => kind.several(),
        _ if count == 1 => "object of Flux",
        _ => "objects of Flux",
    };
    let not_ready = rows().filter(|row| !row.ready).count();
    let mut buttons = Vec::new();
    if let (Some(_), [object], [kind]) =
        (&asked.listing.name, wanted.iter().flat_map(|(_, o)| o).collect::<Vec<_>>().as_slice(), asked.kinds)
    {
        let doings = ctx.blueprints.doings(*kind, object).into_iter();
        buttons = doings.map(|doing| button(doing, with_cluster)).collect();
    }
    if rows().next().is_none()
        && let Some(name) = &asked.listing.name
    {
        notes.extend(replies::similar(&similar(all, name)));
    }
    let tables = grids.iter().map(|grid| Table {
        columns: grid.columns.clone(),
        rows: grid.rows.iter().map(|row| line(row, with_cluster)).collect(),
    });
    Tables {
        lead: replies::listed(count, what, cluster, not_ready),
        tables: tables.collect(),
        notes,
        page: asked.page,
        buttons,
    }
}

fn line(row: &Row, cluster: Option<&str>) -> TableRow {
    let name = format!("{}/{}", row.namespace, row.name);
    let command = on(format!("get {} {name}", row.kind.typed()), cluster);
    TableRow { cells: row.cells.clone(), label: name, command }
}

fn button(doing: blueprints::Doing, cluster: Option<&str>) -> CommandButton {
    let blueprints::Doing { text, style, command, confirm } = doing;
    CommandButton { text, style, command: on(command, cluster), confirm }
}

/// A command for the cluster that is meant, where there are several.
fn on(command: String, cluster: Option<&str>) -> String {
    match cluster {
        Some(cluster) => format!("{command} --cluster {cluster}"),
        None => command,
    }
}

/// Names that somebody may have meant.
pub(super) fn similar(all: &[(FluxKind, Vec<Value>)], name: &str) -> Vec<String> {
    let of = |object: &Value, field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    let names = all
        .iter()
        .flat_map(|(_, objects)| objects)
        .map(|object| (of(object, "namespace"), of(object, "name")));
    let mut found: Vec<String> = names
        .filter(|(_, one)| one.contains(name) || (one.len() > 2 && name.contains(one.as_str())))
        .map(|(namespace, name)| format!("{namespace}/{name}"))
        .collect();
    found.sort();
    found.dedup();
    found.truncate(SIMILAR);
    found
}
