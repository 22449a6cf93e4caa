//! What differs between two states of one object, and what the API server said of it. Which fields differ is in `fields`, how the
//! items of two lists are matched in `lists`.

mod fields;
mod lists;
mod public;
mod same;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use fields::{FieldChange, fields, join};
pub use lists::labels;
pub use public::Public;
pub use same::{same, same_but_for_repeats};

use crate::mask::Mask;
use crate::object::ObjectId;

/// What will happen to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It comes into being.
    Created,
    /// Some of its fields change.
    Changed,
    /// It is deleted and made anew, because a field that changes is immutable and the Kustomization forces it.
    Recreated,
    /// It is pruned.
    Deleted,
    /// It leaves Git but stays in the cluster (pruning is off, for it or for its Kustomization).
    Orphaned,
    /// It leaves this Kustomization, and another one renders it.
    Moved,
    /// It gets another name, with its content or without: a new object takes the place of the old one.
    Renamed,
}

/// How far a change was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "check", rename_all = "snake_case")]
pub enum Check {
    /// The API server accepted both sides in a dry-run, and the difference is between its answers.
    DryRun,
    /// The difference is between renders; no cluster was asked.
    RenderOnly,
    /// The difference is between what applying makes of the live object on either side, told without the API server, which was only read.
    Structural,
    /// The API server could not judge it (a new namespace or kind, a webhook that refuses dry-runs, a missing permission, a time-out).
    NotValidated {
        /// Why, and what to do about it.
        why: String,
    },
    /// The API server refuses the result: merging it would fail.
    Refused {
        /// The API server's reason, masked.
        why: String,
    },
}

impl Check {
    /// Why the API server refuses a change or could not judge it.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Refused { why } | Self::NotValidated { why } => Some(why),
            Self::DryRun | Self::RenderOnly | Self::Structural => None,
        }
    }
}

/// One object's change. Values are masked before they get here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Which object.
    pub object: ObjectId,
    /// What happens to it.
    pub kind: ChangeKind,
    /// How far that was checked.
    #[serde(flatten)]
    pub check: Check,
    /// The object before, without server-side noise.
    pub before: Option<Value>,
    /// The object after, without server-side noise.
    pub after: Option<Value>,
    /// The name it had, of a renamed object.
    #[serde(default)]
    pub renamed_from: Option<ObjectId>,
    /// What else a reader must know of it, as sentences without a full stop, masked.
    #[serde(default)]
    pub remarks: Vec<String>,
    /// The same for everyone who sees the pull request; `None` until it is disclosed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<Box<Public>>,
}

impl Change {
    /// A change of `object` from `before` to `after`: noise dropped, secrets masked.
    pub fn new(
        object: ObjectId,
        kind: ChangeKind,
        check: Check,
        sides: (Option<Value>, Option<Value>),
        mask: &Mask,
    ) -> Self {
        let check = match check {
            Check::Refused { why } => Check::Refused { why: mask.text(&why) },
            Check::NotValidated { why } => Check::NotValidated { why: mask.text(&why) },
            other => other,
        };
        let (before, after) = mask.pair(sides.0.map(comparable), sides.1.map(comparable));
        Self { object, kind, check, before, after, renamed_from: None, remarks: Vec::new(), public: None }
    }

    /// The same with a remark, masked.
    pub fn remarked(mut self, remark: &str, mask: &Mask) -> Self {
        self.remarks.push(mask.text(remark));
        self
    }

    /// The fields that differ, with paths a person can read; empty for created and deleted objects.
    pub fn fields(&self) -> Vec<FieldChange> {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => fields(before, after),
            _ => Vec::new(),
        }
    }
}

/// Drops what the API server fills in by itself and changes on every request, and the status, which is not the manifest's.
pub fn comparable(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for noise in
            ["managedFields", "generation", "resourceVersion", "uid", "creationTimestamp", "selfLink"]
        {
            metadata.remove(noise);
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn server_side_noise_is_no_change() {
        let side = |n: u64| json!({"kind": "A", "metadata": {"name": "a", "generation": n, "resourceVersion": n, "uid": n, "managedFields": [n]}, "status": {"n": n}});
        assert_eq!(comparable(side(1)), comparable(side(2)));
        assert_eq!(comparable(side(1)), json!({"kind": "A", "metadata": {"name": "a"}}));
    }

    #[test]
    fn changes_stored_earlier_still_parse() {
        let stored = json!({"object": {"group": "", "kind": "A", "namespace": "", "name": "a"}, "kind": "deleted", "check": "dry_run", "before": null, "after": null});
        let change: Change = serde_json::from_value(stored).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((change.remarks.len(), change.renamed_from), (0, None));
    }
}
