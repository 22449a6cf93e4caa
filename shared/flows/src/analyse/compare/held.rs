//! What one refused object keeps from happening. The controller tries all objects of a stage before it applies any of them, goes to
//! the next stage only when all of one are applied, and prunes last.

use domain::ObjectId;
use domain::change::{Change, ChangeKind, Check};
use domain::report::Presence;
use flux::{Stage, stage};
use serde_json::json;

use super::Pair;

/// A sentence for the reader of changes beside a refused one; nothing where there is none, or nothing else.
pub(super) fn note(pair: &Pair, changes: &[Change]) -> Option<String> {
    let refused = |change: &&Change| matches!(change.check, Check::Refused { .. });
    let first = changes.iter().filter(refused).min_by_key(|change| stage_of(&change.object))?;
    let others = changes.iter().any(|change| !refused(&change) && change.kind != ChangeKind::Orphaned);
    if pair.presence == Presence::Removed || !others {
        return None;
    }
    let at = stage_of(&first.object);
    let earlier = pair.brings.iter().any(|object| stage(object) < at);
    let lost = lost(changes, at);
    let removes = if lost.is_empty() { "deletes" } else { "prunes" };
    let what = match at {
        _ if !earlier => format!("applies and {removes} nothing of this Kustomization"),
        Stage::Definitions | Stage::Classes => {
            only("CustomResourceDefinitions, Namespaces and ClusterRoles", removes)
        }
        Stage::Rest => only("CustomResourceDefinitions, Namespaces, ClusterRoles and classes", removes),
    };
    Some(format!("As long as `{}` is refused, Flux {what}.{lost}", first.object))
}

fn only(what: &str, removes: &str) -> String {
    format!("applies only the {what} of this Kustomization, and {removes} nothing")
}

/// Objects that are deleted while others of their stage are still being tried, and not made anew before all are accepted.
fn lost(changes: &[Change], at: Stage) -> String {
    let forced = changes.iter().filter(|change| {
        change.kind == ChangeKind::Recreated
            && matches!(change.check, Check::DryRun | Check::Structural)
            && change.after.is_some()
            && stage_of(&change.object) == at
    });
    let all: Vec<String> = forced.map(|change| format!("`{}`", change.object)).collect();
    match all.is_empty() {
        true => String::new(),
        false => format!(
            " What it is told to force it may delete before it knows that, and it makes it anew only when nothing is refused any more: {}.",
            all.join(", ")
        ),
    }
}

fn stage_of(id: &ObjectId) -> Stage {
    let group = if id.group.is_empty() { String::new() } else { format!("{}/", id.group) };
    stage(&json!({ "apiVersion": format!("{group}v1"), "kind": id.kind }))
}
