//! What GitHub does although its description does not say so: each with its reason, and each of them used by a test.

use std::sync::Mutex;

/// One thing that the description leaves out.
#[derive(Debug, PartialEq, Eq)]
pub struct Undescribed {
    /// `GET`, `POST`, …; empty for any.
    pub method: &'static str,
    /// The whole path template as the description would spell it; empty for any.
    pub path: &'static str,
    /// The status that it answers with where the operation declares no such status; 0 when the operation itself is undescribed.
    pub status: u16,
    /// The schema, of `components/schemas`, that the body has all the same; empty when there is no body.
    pub body: &'static str,
    /// Why GitHub does it, and where it says so.
    pub why: &'static str,
}

/// A status of any operation, with GitHub's usual error.
const fn status(status: u16, why: &'static str) -> Undescribed {
    Undescribed { method: "", path: "", status, body: "basic-error", why }
}

/// All of them. `shared/github/tests/writing/described.rs` makes each happen: one that nothing needs fails there.
pub const UNDESCRIBED: &[Undescribed] = &[
    Undescribed {
        method: "GET",
        path: "",
        status: 304,
        body: "",
        why: "conditional requests work everywhere (\"Best practices\"), declared for few operations",
    },
    status(301, "a renamed repository's old name leads to the new one, for any GET (\"Follow redirects\")"),
    status(307, "the same for whatever is no GET: the method and the body go along (\"Follow redirects\")"),
    status(401, "bad credentials are refused before the path is looked at"),
    status(403, "rate limits, and what a token may not, are told so on any path"),
    status(404, "what a token may not see does not exist for it, on any path"),
];

static USED: Mutex<Vec<usize>> = Mutex::new(Vec::new());

impl Undescribed {
    /// Those that this program has met so far.
    pub fn used() -> Vec<&'static Self> {
        let used = USED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        used.iter().filter_map(|at| UNDESCRIBED.get(*at)).collect()
    }

    /// The entry for this status of an operation, or with 0 for the operation itself.
    pub(crate) fn find(method: &str, path: &str, status: u16) -> Option<&'static Self> {
        let at = UNDESCRIBED.iter().position(|one| {
            one.status == status
                && (one.method.is_empty() || one.method == method)
                && (one.path.is_empty() || fits(one.path, path))
        })?;
        let mut used = USED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !used.contains(&at) {
            used.push(at);
        }
        UNDESCRIBED.get(at)
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len() && template.iter().zip(&path).all(|(t, p)| t.starts_with('{') || t == p)
}

/// The path under which the description has an operation. A repository's number does as well as its name, which is said nowhere: redirects of
/// renamed repositories and the `Link` headers of lists lead there.
pub(crate) fn by_name(path: &str) -> String {
    let Some(rest) = path.strip_prefix("/repositories/") else { return path.to_owned() };
    let (_, below) =
        rest.split_once('/').map_or((rest, String::new()), |(id, below)| (id, format!("/{below}")));
    format!("/repos/-/-{below}")
}
