//! What is typed behind `/flux`, read as the Flux CLI reads it, from a phone too: no I/O, text in, a request or an explanation out.

mod elsewhere;
mod grammar;
mod listing;
mod selector;
mod typed;

pub use listing::Listing;
pub use selector::Selector;

/// What somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// `/flux get kustomizations`.
    GetKustomizations(Listing),
    /// `/flux link`: begin to link one's own GitHub account, or end it with the code that the browser shows.
    Link {
        /// The code.
        code: Option<String>,
    },
    /// `/flux unlink`.
    Unlink,
    /// `/flux whoami`: which GitHub account is linked.
    WhoAmI,
}

/// What is said in place of doing anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Help that was asked for: lines of plain text, for a font of fixed width.
    Help(String),
    /// What was not understood, in the same form.
    Wrong(String),
    /// A command of the CLI that is not for Slack: a sentence with what to do instead.
    Elsewhere(String),
}

/// Reads the text behind `/flux`.
///
/// # Errors
/// Help that was asked for, and why something is not done; both are for whoever typed it.
pub fn parse(text: &str) -> Result<Request, Told> {
    let words = typed::words(text).map_err(Told::Wrong)?;
    if let Some(sentence) = elsewhere::of(&words) {
        return Err(Told::Elsewhere(sentence));
    }
    grammar::read(&words)
}
