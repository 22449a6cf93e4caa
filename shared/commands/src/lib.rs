//! What is typed behind `/flux`, read as the Flux CLI reads it, from a phone too: no I/O, text in, a request or an explanation out.

mod elsewhere;
mod grammar;
mod listing;
mod selector;
mod typed;

use domain::FluxKind;

pub use listing::Listing;
pub use selector::{Selector, Status};

/// What somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// `/flux get kustomizations`, `get sources all`, `get all`.
    Get {
        /// What is listed, in this order.
        kinds: Vec<FluxKind>,
        /// Which of them.
        listing: Listing,
        /// Which part of the answer, from 1.
        page: usize,
    },
    /// `/flux reconcile`, `suspend` and `resume`.
    Act(Act),
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

/// Something that Flux is to do with objects of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// What.
    pub what: What,
    /// The kind.
    pub kind: FluxKind,
    /// Which objects: each by its name, or one listing without a name for all of a namespace.
    pub objects: Vec<Listing>,
    /// The cluster's name in the configuration; `None` is the only one there is.
    pub cluster: Option<String>,
}

/// What Flux is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Reconcile now.
    Reconcile {
        /// Its source first.
        with_source: bool,
        /// Of a HelmRelease: install or upgrade once, whatever it looks like.
        force: bool,
        /// Of a HelmRelease: forget its failures.
        reset: bool,
    },
    /// Reconcile no more.
    Suspend,
    /// Reconcile again.
    Resume,
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

/// The same command for another part of its answer.
pub fn on_page(text: &str, page: usize) -> String {
    let (mut kept, mut skip) = (Vec::new(), false);
    for word in typed::words(text).unwrap_or_default() {
        match word.as_str() {
            _ if std::mem::take(&mut skip) => {}
            "--page" => skip = true,
            word if word.starts_with("--page=") => {}
            word => kept.push(typed::quoted(word)),
        }
    }
    kept.push(format!("--page {page}"));
    kept.join(" ")
}

#[cfg(test)]
mod tests {
    use super::{Request, on_page, parse};

    #[test]
    fn a_command_for_another_page_is_the_same_otherwise() {
        assert_eq!(on_page("get ks", 2), "get ks --page 2");
        assert_eq!(on_page("get --page 3 ks -n a", 4), "get ks -n a --page 4");
        let text = "get ks \u{2014}page=1 -l 'a in (b, c)' --cluster \"it's\"";
        let (Ok(Request::Get { listing, .. }), Ok(Request::Get { listing: other, page, .. })) =
            (parse(text), parse(&on_page(text, 7)))
        else {
            panic!("both are commands")
        };
        assert_eq!((listing, page), (other, 7));
    }
}
