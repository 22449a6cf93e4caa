//! Repositories under another name: an old name leads to the repository's number, which never changes and which `Link` headers use too.
//! Who may not see the repository learns of no move.

use serde_json::json;

use super::auth::{self, Access, Caller};
use super::rest::{Answer, Ask};
use super::state::{Repo, State};
use super::{Inner, message};

/// The repository that had this name, when nobody else has it now.
pub(crate) fn now<'s>(state: &'s State, full: &str) -> Option<&'s Repo> {
    let key = full.to_ascii_lowercase();
    let id = state.moved.get(&key).filter(|_| !state.repos.contains_key(&key))?;
    numbered(state, *id)
}

/// The repository of this number.
pub(crate) fn numbered(state: &State, id: u64) -> Option<&Repo> {
    state.repos.values().find(|repo| repo.id == id)
}

/// The redirect of a request that uses an old name: 301 for reading; 307 otherwise, which keeps the method.
pub(crate) fn redirect(inner: &Inner, ask: &Ask, caller: &Caller, owner: &str, name: &str) -> Option<Answer> {
    let state = inner.state();
    let repo = now(&state, &format!("{owner}/{name}"))?;
    if auth::access(&state, repo, caller, "metadata", "read") == Access::Hidden {
        return None;
    }
    let (status, text) =
        if ask.method == "GET" { (301, "Moved Permanently") } else { (307, "Temporary Redirect") };
    let place = format!("{}/repositories/{}{}{}", inner.url, repo.id, below(&ask.path), query(ask));
    let mut body = message(status, text);
    body["url"] = json!(place);
    Some(Answer::json(status, &body).with("location", place))
}

/// The same for git: the other address, under the new name.
pub(crate) fn git_redirect(inner: &Inner, ask: &Ask, caller: &Caller, full: &str) -> Option<Answer> {
    let state = inner.state();
    let repo = now(&state, full)?;
    let seen = auth::access(&state, repo, caller, "contents", "read") == Access::Granted;
    let (_, action) = ask.path.split_once(".git/")?;
    let place = format!("{}/{}.git/{action}{}", inner.url, repo.full_name(), query(ask));
    seen.then(|| Answer::empty(301).with("location", place))
}

/// Names the repository by its number in a list's `Link` header, as GitHub does.
pub(crate) fn in_links(inner: &Inner, ask: &Ask, mut answer: Answer) -> Answer {
    let mut parts = ask.path.trim_start_matches('/').split('/');
    let (Some("repos"), Some(owner), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
        return answer;
    };
    let id = inner.state().repos.get(&format!("{owner}/{name}").to_ascii_lowercase()).map(|repo| repo.id);
    let Some(id) = id else { return answer };
    let (named, by_number) =
        (format!("{}/repos/{owner}/{name}/", inner.url), format!("{}/repositories/{id}/", inner.url));
    for (_, value) in answer.headers.iter_mut().filter(|(name, _)| *name == "link") {
        *value = value.replace(&named, &by_number);
    }
    answer
}

/// What follows `/repos/OWNER/NAME`.
fn below(path: &str) -> String {
    path.splitn(5, '/').nth(4).map_or_else(String::new, |rest| format!("/{rest}"))
}

fn query(ask: &Ask) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&ask.query).finish();
    if query.is_empty() { query } else { format!("?{query}") }
}
