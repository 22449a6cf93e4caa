//! Why a Kustomization has no objects: it is broken and will be in the cluster, or what it renders from could not be had here.
//! Only the first is anybody's doing.

use kustomize::ErrorKind;

/// Why a Kustomization does not render.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::analyse) struct Failure {
    /// A sentence without a full stop.
    pub(in crate::analyse) why: String,
    /// Whether nobody here knows what the controller makes of it.
    pub(in crate::analyse) unknown: bool,
}

impl Failure {
    /// The controller fails the same way.
    pub(in crate::analyse) fn broken(why: impl Into<String>) -> Self {
        Self { why: why.into(), unknown: false }
    }

    /// The controller may well render it.
    pub(in crate::analyse) fn unknown(why: impl Into<String>) -> Self {
        Self { why: why.into(), unknown: true }
    }

    /// What an error of rendering is, with its causes as `why`.
    pub(super) fn of(error: &flux::Error, why: String) -> Self {
        Self { why, unknown: is_ours(error) }
    }
}

/// Whether an error is about what is not done here, rather than about what stands in Git.
fn is_ours(error: &flux::Error) -> bool {
    use flux::Error::{Content, DataKeys, Kustomize, Unsupported};
    match error {
        Kustomize { source, .. } => matches!(
            source.kind,
            ErrorKind::Unsupported { .. }
                | ErrorKind::Remote { .. }
                | ErrorKind::Limit { .. }
                | ErrorKind::Unavailable { .. }
        ),
        error => matches!(error, Content { .. } | DataKeys { .. } | Unsupported { .. }),
    }
}
