//! What can go wrong between a Kustomization and its objects. Every sentence names the object, file or field
//! that somebody has to look at; the cause, where there is one, is the source.

use std::collections::BTreeSet;

use crate::{ObjectKey, WrappedKey};

/// Why a Flux object could not be read or rendered.
///
/// All of them fail the same way when tried again with the same input, except [`Error::VariablesMissing`], which
/// goes away when the ConfigMap or Secret appears in the cluster.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A Flux object has a field that its schema does not allow.
    #[error("invalid field `{field}` of `{object}`: {reason}")]
    InvalidField {
        /// The object, as `Kind/namespace/name` as far as it is known.
        object: String,
        /// The path of the field, such as `spec.postBuild.substitute`.
        field: String,
        /// What is wrong with it.
        reason: String,
    },

    /// The content of a source could not be listed or read, or is beyond what is walked.
    #[error("content of `{object}` {reason}")]
    Content {
        /// The source, as `Kind/namespace/name`.
        object: String,
        /// What is wrong with its content.
        reason: String,
    },

    /// `spec.path` is not a directory of the artifact.
    #[error("kustomization path not found: `{path}` of `Kustomization/{kustomization}`")]
    PathNotFound {
        /// The Kustomization.
        kustomization: ObjectKey,
        /// Its `spec.path`, cleaned.
        path: String,
    },

    /// The `kustomization.yaml` at `spec.path` could not be read, or one could not be generated.
    #[error("generating the kustomization of `Kustomization/{kustomization}` at `{path}` failed: {reason}")]
    Generate {
        /// The Kustomization.
        kustomization: ObjectKey,
        /// The file or directory in the artifact.
        path: String,
        /// What is wrong with it.
        reason: String,
    },

    /// kustomize refused the build.
    #[error("kustomize build of `Kustomization/{kustomization}` failed at `{path}`")]
    Kustomize {
        /// The Kustomization.
        kustomization: ObjectKey,
        /// Its directory in the artifact.
        path: String,
        /// kustomize's own account.
        source: Box<kustomize::Error>,
    },

    /// A kustomization builds on a repository, and the controller may not clone any.
    #[error(
        "`{url}`, which `Kustomization/{kustomization}` builds on, is refused: the controller runs with `--no-remote-bases`"
    )]
    RemoteBase {
        /// The Kustomization.
        kustomization: ObjectKey,
        /// The address as written.
        url: String,
    },

    /// A variable has a name that can never be used.
    #[error(
        "`{name}` var name is invalid, must match `^[_[:alpha:]][_[:alpha:][:digit:]]*$` (postBuild of `Kustomization/{kustomization}`)"
    )]
    VariableName {
        /// The Kustomization.
        kustomization: ObjectKey,
        /// The variable's name.
        name: String,
    },

    /// A ConfigMap or Secret that `spec.postBuild.substituteFrom` needs was not found.
    #[error(
        "substitute from `{reference}` of `Kustomization/{kustomization}` failed: not found; create it in namespace `{}` first, or mark it `optional: true`",
        kustomization.namespace
    )]
    VariablesMissing {
        /// The Kustomization.
        kustomization: ObjectKey,
        /// The reference, as `Kind/name`.
        reference: String,
    },

    /// Post-build substitution of one object failed.
    #[error("post build failed for `{object}` of `Kustomization/{kustomization}`: {reason}")]
    Substitution {
        /// The Kustomization.
        kustomization: ObjectKey,
        /// The object, as `Kind/namespace/name` before substitution.
        object: String,
        /// What the substitution said.
        reason: String,
    },

    /// A Secret is encrypted with SOPS and the Kustomization has no `spec.decryption`.
    #[error(
        "`{object}` is SOPS encrypted, configuring decryption is required for it to be reconciled (`spec.decryption` of `Kustomization/{kustomization}`)"
    )]
    SopsEncrypted {
        /// The Kustomization.
        kustomization: ObjectKey,
        /// The Secret.
        object: String,
    },

    /// Decryption failed, and would in the controller.
    #[error("decryption failed for `Kustomization/{kustomization}`: {reason}")]
    Decryption {
        /// The Kustomization.
        kustomization: ObjectKey,
        /// Which file or object, and what is wrong with it; never a value.
        reason: String,
    },

    /// Data keys have to be unwrapped before anything can be rendered; see [`crate::DataKeys::Known`].
    #[error("data keys of `Kustomization/{kustomization}` are not unwrapped yet")]
    DataKeys {
        /// The Kustomization.
        kustomization: ObjectKey,
        /// What is to be unwrapped.
        wrapped: BTreeSet<WrappedKey>,
    },

    /// A rendered object has no apiVersion, kind or name, or cannot be an object at all.
    #[error("invalid object `{object}` in `Kustomization/{kustomization}`: {reason}")]
    InvalidObject {
        /// The Kustomization.
        kustomization: ObjectKey,
        /// The object as far as it can be named.
        object: String,
        /// What is wrong with it.
        reason: String,
    },

    /// The object asks for something that this crate does not do.
    #[error("`{field}` of `{object}` is not supported: {reason}")]
    Unsupported {
        /// The object, as `Kind/namespace/name`.
        object: String,
        /// The path of the field.
        field: String,
        /// What is not supported about it.
        reason: String,
    },
}
