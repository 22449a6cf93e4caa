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
    let what = match at {
        _ if !earlier => {
            return Some(lead(first) + "Flux applies and deletes nothing of this Kustomization.");
        }
        Stage::Definitions | Stage::Classes => "CustomResourceDefinitions, Namespaces and ClusterRoles",
        Stage::Rest => "CustomResourceDefinitions, Namespaces, ClusterRoles and classes",
    };
    Some(lead(first) + &format!("Flux applies only the {what} of this Kustomization, and deletes nothing."))
}

fn lead(refused: &Change) -> String {
    format!("As long as `{}` is refused, ", refused.object)
}

fn stage_of(id: &ObjectId) -> Stage {
    let group = if id.group.is_empty() { String::new() } else { format!("{}/", id.group) };
    stage(&json!({ "apiVersion": format!("{group}v1"), "kind": id.kind }))
}
