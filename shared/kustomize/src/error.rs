//! The one error of a build: which file, which field, what is wrong.

use std::fmt;

use crate::RemoteAddress;

/// Why a build failed, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The file or directory at fault, from the root of the tree.
    pub file: Option<String>,
    /// The kustomization field at fault, such as `patches` or `resources`.
    pub field: Option<String>,
    /// What is wrong.
    pub kind: ErrorKind,
}

/// What is wrong, for callers that branch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// kustomize has this feature and this crate does not, or not under Flux: nothing was rendered.
    Unsupported {
        /// The field or feature.
        field: String,
    },
    /// Something lives outside the tree, and nothing was handed in for it; [`crate::remotes`] lists all of a build.
    Remote {
        /// The address as written.
        url: String,
        /// The git reference within the address, if it names one.
        reference: Option<String>,
        /// The git repository, when the address can be one's.
        repository: Option<Box<RemoteAddress>>,
    },
    /// A bound of [`crate::Limits`] was reached.
    Limit {
        /// Which bound, such as `bytes` or `yaml nodes`.
        limit: &'static str,
        /// Its value.
        value: usize,
    },
    /// A file is not the YAML that kustomize accepts.
    Yaml {
        /// The line, from 1; 0 when unknown.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// A file or directory that the build names is not in the tree.
    NotFound {
        /// The path from the root of the tree.
        path: String,
    },
    /// A path leaves the tree.
    OutsideTree {
        /// The path as written.
        path: String,
    },
    /// A path is a symbolic link or a submodule, which are not in what Flux builds from.
    NotAFile {
        /// The path from the root of the tree.
        path: String,
        /// What it is, such as `symbolic link`.
        what: &'static str,
    },
    /// A kustomization includes itself.
    Cycle {
        /// The directory that closes the circle.
        directory: String,
    },
    /// The tree could not give a file that it lists.
    Unavailable {
        /// The path from the root of the tree.
        path: String,
        /// The tree's reason.
        reason: String,
    },
    /// kustomize refuses this input too; the message says why.
    Invalid {
        /// The reason.
        message: String,
    },
}

impl Error {
    /// An error that is not yet tied to a file or field.
    #[must_use]
    pub fn new(kind: ErrorKind) -> Self {
        Error { file: None, field: None, kind }
    }

    /// Input that kustomize refuses too.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Invalid { message: message.into() })
    }

    /// A feature that this crate lacks.
    pub(crate) fn unsupported(field: impl Into<String>) -> Self {
        Error::new(ErrorKind::Unsupported { field: field.into() })
    }

    /// Names the file, unless an inner frame has.
    #[must_use]
    pub(crate) fn in_file(mut self, file: &str) -> Self {
        self.file.get_or_insert_with(|| file.to_owned());
        self
    }

    /// Says that the file is in the repository of a remote address.
    #[must_use]
    pub(crate) fn in_remote(mut self, address: &str) -> Self {
        self.file = Some(match self.file {
            Some(file) => crate::loader::in_remote(address, &file),
            None => address.to_owned(),
        });
        self
    }

    /// Names the field, unless an inner frame has.
    #[must_use]
    pub(crate) fn in_field(mut self, field: &str) -> Self {
        self.field.get_or_insert_with(|| field.to_owned());
        self
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Error::new(kind)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "in `{}`: ", if file.is_empty() { "." } else { file })?;
        }
        if let Some(field) = &self.field {
            write!(f, "field `{field}`: ")?;
        }
        self.kind.fmt(f)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::Unsupported { field } => write!(f, "`{field}` is not supported"),
            ErrorKind::Remote { url, reference: Some(reference), .. } => {
                write!(f, "`{url}` is remote (reference `{reference}`) and is not fetched")
            }
            ErrorKind::Remote { url, reference: None, .. } => {
                write!(f, "`{url}` is remote and is not fetched")
            }
            ErrorKind::Limit { limit, value } => {
                write!(f, "the limit of {value} {limit} is reached")
            }
            ErrorKind::Yaml { line: 0, message } => write!(f, "bad yaml: {message}"),
            ErrorKind::Yaml { line, message } => write!(f, "bad yaml at line {line}: {message}"),
            ErrorKind::NotFound { path } => write!(f, "`{path}` does not exist"),
            ErrorKind::OutsideTree { path } => write!(f, "`{path}` is outside the tree"),
            ErrorKind::NotAFile { path, what } => write!(f, "`{path}` is a {what}"),
            ErrorKind::Cycle { directory } => write!(f, "`{directory}` includes itself"),
            ErrorKind::Unavailable { path, reason } => {
                write!(f, "`{path}` could not be read: {reason}")
            }
            ErrorKind::Invalid { message } => f.write_str(message),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_file_field_and_reason() {
        let error =
            Error::unsupported("vars").in_field("vars").in_file("apps/kustomization.yaml").in_file("outer");
        assert_eq!(error.to_string(), "in `apps/kustomization.yaml`: field `vars`: `vars` is not supported");
    }
}
