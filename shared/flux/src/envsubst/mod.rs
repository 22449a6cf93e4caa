//! Post-build substitution on text, with the grammar that Flux really accepts: `${v}`, defaults, case, length,
//! substring, trimming and replacing. It looks like a shell's and is not: `${v:+x}` is a default, `$$` is `$`, and
//! anything else after `${` is an error. The grammar is in `parse`, what each form does in `eval`.

mod eval;
mod parse;

use std::collections::BTreeSet;

use crate::{Controller, Variables};

/// Whether a variable without value and default is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strictness {
    /// It is an error; the default since Flux 2.9.
    #[default]
    Strict,
    /// It is the empty string.
    Lenient,
}

/// What of the grammar depends on the controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Language {
    /// Whether a variable without value and default is an error.
    pub(crate) strictness: Strictness,
    /// Whether a substring's negative length counts from the end.
    pub(crate) counts_from_the_end: bool,
}

impl Language {
    /// The grammar of a controller.
    pub(crate) fn of(controller: &Controller) -> Self {
        let strictness = if controller.is_strict() { Strictness::Strict } else { Strictness::Lenient };
        Self { strictness, counts_from_the_end: controller.counts_from_the_end() }
    }
}

/// Why a text could not be substituted. The first five speak as Flux does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubstitutionError {
    /// An operator without what belongs to it.
    #[error("bad substitution")]
    BadSubstitution,
    /// Something other than `}` or an operator follows the name.
    #[error("missing closing brace")]
    MissingClosingBrace,
    /// No name follows `${`.
    #[error("unable to parse variable name")]
    VariableName,
    /// An operator's argument is empty or has no end.
    #[error("unable to parse substitution within function")]
    Argument,
    /// A variable is not set.
    #[error("variable not set (strict mode): \"{0}\"")]
    NotSet(String),
    /// A substring ends before it begins; Flux panics here and reports a failed build.
    #[error("substring is out of range")]
    OutOfRange,
    /// Nesting beyond what is done here.
    #[error("substitutions nest deeper than {0}")]
    TooDeep(usize),
    /// A result beyond what is done here.
    #[error("the result is larger than {0} bytes")]
    TooLarge(usize),
    /// A pattern over a long value that would take too long.
    #[error("trimming `{0}` takes too long")]
    TooSlow(String),
    /// The result is no longer UTF-8, because a substring cut a character or a Secret holds other bytes.
    #[error("the result is not valid UTF-8")]
    NotText,
}

impl SubstitutionError {
    /// The error with what to do about it, for whoever wrote the text.
    pub(crate) fn with_advice(&self) -> String {
        match self {
            Self::NotSet(name) => format!(
                "{self}; set it in `spec.postBuild`, give it a default (`${{{name}:=value}}`), or write `$${{{name}}}` for text that is to stay"
            ),
            Self::BadSubstitution | Self::MissingClosingBrace | Self::VariableName | Self::Argument => {
                format!(
                    "{self}; write `$${{` for each `${{` that is to stay, or annotate the object with `kustomize.toolkit.fluxcd.io/substitute: disabled`"
                )
            }
            other => other.to_string(),
        }
    }
}

/// Nested `${` that are followed.
const MAX_DEPTH: usize = 64;
/// Bytes of a result, and of every argument; the API server takes a tenth of that.
const MAX_BYTES: usize = 16 << 20;
/// Steps of pattern matching in one text.
const MAX_STEPS: usize = 20_000_000;

/// Replaces what `text` asks for with `variables`.
///
/// # Errors
/// A form that Flux refuses, a variable that is not set when that is an error, and the bounds.
pub fn substitute(
    text: &str,
    variables: &Variables,
    strictness: Strictness,
) -> Result<String, SubstitutionError> {
    let language = Language { strictness, ..Language::default() };
    substitute_and_tell(text, variables, &language, &mut BTreeSet::new())
}

/// As [`substitute`], and adds to `secrets` every piece of the result that was made of a variable from a Secret: upper case, cut
/// or replaced parts too.
pub(crate) fn substitute_and_tell(
    text: &str,
    variables: &Variables,
    language: &Language,
    secrets: &mut BTreeSet<String>,
) -> Result<String, SubstitutionError> {
    let nodes = parse::parse(text)?;
    let mut evaluator = eval::Evaluator::new(variables, *language);
    let bytes = evaluator.run(&nodes)?;
    secrets.append(&mut evaluator.secrets);
    String::from_utf8(bytes).map_err(|_| SubstitutionError::NotText)
}
