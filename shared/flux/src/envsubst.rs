//! Post-build substitution.

/// Whether a variable without value and default is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strictness {
    /// It is an error; the default since Flux 2.9.
    #[default]
    Strict,
    /// It is the empty string.
    Lenient,
}
