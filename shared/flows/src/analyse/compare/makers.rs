//! Objects that make others by themselves, out of what is not rendered here: that what follows from them is not shown is said.

use domain::change::{Change, ChangeKind};

/// Groups and kinds of those that make objects or sources of Flux.
const MAKERS: [(&str, &str); 3] = [
    ("fluxcd.controlplane.io", "ResourceSet"),
    ("fluxcd.controlplane.io", "ResourceSetInputProvider"),
    ("source.extensions.fluxcd.io", "ArtifactGenerator"),
];

/// A sentence for each change of such an object.
pub(super) fn notes(changes: &[Change]) -> impl Iterator<Item = String> {
    let makes = |change: &&Change| {
        MAKERS.iter().any(|(group, kind)| change.object.group == *group && change.object.kind == *kind)
    };
    changes.iter().filter(makes).map(|change| match change.kind {
        ChangeKind::Deleted => {
            format!("What `{}` made goes with it, and is not shown here.", change.object)
        }
        _ => format!("What `{}` makes is not worked out here: how that changes is not shown.", change.object),
    })
}
