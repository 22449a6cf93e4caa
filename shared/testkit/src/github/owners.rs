//! The repositories of an owner: what organisations, people, installations and tokens list. An owner with a token of their own is a
//! person; every other one is an organisation.

use serde_json::{Value, json};

use super::auth::{self, Access, Caller};
use super::read::{At, pages};
use super::rest::{Answer, Ask};
use super::shape::{self, Links, RepoFacts};
use super::state::State;
use super::{Inner, read};

/// `GET /orgs/{owner}/repos` and `GET /users/{owner}/repos`; each knows only its own sort of owner.
pub(crate) fn repositories(inner: &Inner, ask: &Ask, caller: &Caller, kind: &str, owner: &str) -> Answer {
    if !known(&inner.state(), owner) || person(&inner.state(), owner) != (kind == "users") {
        return Answer::not_found();
    }
    listed(inner, ask, caller, |_, found| kind == "orgs" || !found.1, Some(owner))
}

/// `GET /user/repos`: whatever the token's account may read.
pub(crate) fn mine(inner: &Inner, ask: &Ask, caller: &Caller) -> Answer {
    match caller {
        Caller::Token(token) if token.installation.is_none() => listed(inner, ask, caller, |_, _| true, None),
        Caller::Token(_) => Answer::error(403, "Resource not accessible by integration"),
        _ => Answer::error(401, "Requires authentication"),
    }
}

/// `GET /installation/repositories`.
pub(crate) fn installed(inner: &Inner, ask: &Ask, caller: &Caller) -> Answer {
    if !matches!(caller, Caller::Token(token) if token.installation.is_some()) {
        return Answer::error(
            403,
            "You must authenticate with an installation access token in order to list repositories for an installation.",
        );
    }
    let mut answer = listed(inner, ask, caller, |_, _| true, None);
    let list: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let total = visible(&inner.state(), caller, None).len();
    answer.body = json!({"total_count": total, "repository_selection": "all", "repositories": list})
        .to_string()
        .into_bytes();
    answer
}

/// `GET /orgs/{owner}/installation` and `GET /users/{owner}/installation`.
pub(crate) fn installation(inner: &Inner, caller: &Caller, kind: &str, owner: &str) -> Answer {
    if !known(&inner.state(), owner) || person(&inner.state(), owner) != (kind == "users") {
        return Answer::not_found();
    }
    let some = visible_names(&inner.state(), owner).into_iter().next();
    match some {
        Some(name) => read::installation(inner, caller, owner, &name),
        None => Answer::not_found(),
    }
}

fn known(state: &State, owner: &str) -> bool {
    !visible_names(state, owner).is_empty() || person(state, owner)
}

fn person(state: &State, owner: &str) -> bool {
    state.tokens.values().any(|token| token.installation.is_none() && token.login.eq_ignore_ascii_case(owner))
}

fn visible_names(state: &State, owner: &str) -> Vec<String> {
    state
        .repos
        .values()
        .filter(|repo| repo.owner.eq_ignore_ascii_case(owner))
        .map(|repo| repo.name.clone())
        .collect()
}

/// What a caller may see, each with whether it is private.
fn visible(state: &State, caller: &Caller, owner: Option<&str>) -> Vec<(RepoFacts, bool)> {
    let of = |repo: &&super::state::Repo| owner.is_none_or(|owner| repo.owner.eq_ignore_ascii_case(owner));
    let sees = |repo: &&super::state::Repo| {
        matches!(auth::access(state, repo, caller, "metadata", "read"), Access::Granted)
    };
    state.repos.values().filter(of).filter(sees).map(|repo| (RepoFacts::of(repo), repo.private)).collect()
}

fn listed(
    inner: &Inner,
    ask: &Ask,
    caller: &Caller,
    wanted: impl Fn(&State, &(RepoFacts, bool)) -> bool,
    owner: Option<&str>,
) -> Answer {
    let links = Links::of(inner);
    let mut state = inner.state();
    let mut found = visible(&state, caller, owner);
    found.retain(|facts| wanted(&state, facts));
    let shown: Vec<Value> =
        found.iter().map(|(facts, _)| shape::repository(&mut state, &links, facts)).collect();
    drop(state);
    pages(inner, ask, &shown, Value::clone)
}

impl At<'_> {
    /// The caller's own page of `all`.
    pub(crate) fn paged<T>(&self, all: &[T], show: impl FnMut(&T) -> Value) -> Answer {
        pages(self.inner, self.ask, all, show)
    }
}
