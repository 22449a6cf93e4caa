//! The endpoints that change something: comments, reviews, installation tokens. Each refuses as GitHub does.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::auth::{self, APP_PERMISSIONS, Caller};
use super::limits::secondary_limit;
use super::read::At;
use super::rest::{Answer, Ask, meter_key};
use super::shape::{self, Links, RepoFacts};
use super::state::{Comment, Grant, Permission, PullState, Repo, Review};
use super::{INSTALLATION_ID, Inner, message};
use crate::clock::rfc3339;

/// Longest body of a comment or review, in characters.
pub(crate) const MAX_BODY: usize = 65_536;

pub(crate) fn refused(errors: Value, text: &str) -> Answer {
    let mut body = message(422, text);
    body["errors"] = errors;
    Answer::json(422, &body)
}

/// How reviews are refused: in one sentence, without a field.
fn unprocessable(text: &str) -> Answer {
    refused(json!([text]), "Unprocessable Entity")
}

/// The body of a new or changed comment, or GitHub's refusal of it.
fn body_of(ask: &Ask, resource: &str) -> Result<String, Answer> {
    let body = match &ask.json()["body"] {
        Value::String(body) if !body.trim().is_empty() => body.clone(),
        Value::String(_) | Value::Null => {
            let errors = json!([{"resource": resource, "code": "missing_field", "field": "body"}]);
            return Err(refused(errors, "Validation Failed"));
        }
        _ => {
            return Err(refused(json!([]), "Invalid request.\n\nFor 'properties/body', it is not a string."));
        }
    };
    check_length(&body, resource)?;
    Ok(body)
}

fn check_length(body: &str, resource: &str) -> Result<(), Answer> {
    if body.chars().count() <= MAX_BODY {
        return Ok(());
    }
    let text = format!("Body is too long (maximum is {MAX_BODY} characters)");
    let errors = json!([{"resource": resource, "code": "unprocessable", "field": "data", "message": text}]);
    Err(refused(errors, "Validation Failed"))
}

/// How much each identity may create within how many seconds.
const CREATIONS: [(usize, i64); 2] = [(80, 60), (500, 3600)];

/// Counts a creation by the caller, or refuses it for as long as too much was created.
pub(crate) fn may_create(at: &At<'_>) -> Result<(), Answer> {
    let mut state = at.inner.state();
    let now = state.clock.now();
    let mine = state.creations.entry(meter_key(at.caller)).or_default();
    for (most, within) in CREATIONS {
        let old = mine.partition_point(|made| now - made >= within);
        if mine.len() - old >= most {
            return Err(secondary_limit(403, u64::try_from(mine[old] + within - now).ok()));
        }
    }
    mine.retain(|made| now - made < 3600);
    mine.push(now);
    Ok(())
}

pub(crate) fn login(caller: &Caller) -> Result<String, Answer> {
    match caller {
        Caller::Token(token) => Ok(token.login.clone()),
        _ => Err(Answer::error(401, "Requires authentication")),
    }
}

/// Comments ask for `issues` or, on a pull request, `pull_requests`.
pub(crate) fn writable(at: &At<'_>) -> Result<(), Answer> {
    let state = at.inner.state();
    at.repo(&state, "issues", "write").or_else(|_| at.repo(&state, "pull_requests", "write")).map(drop)
}

pub(crate) fn flat(result: Result<Answer, Answer>) -> Answer {
    result.unwrap_or_else(|refusal| refusal)
}

pub(crate) fn comment(at: &At<'_>, number: &str) -> Answer {
    flat(try_comment(at, number))
}

fn try_comment(at: &At<'_>, number: &str) -> Result<Answer, Answer> {
    writable(at)?;
    let author = login(at.caller)?;
    let found = at.find(number, "metadata", "read")?;
    let body = body_of(at.ask, "IssueComment")?;
    may_create(at)?;
    let links = at.links();
    let mut state = at.inner.state();
    let (id, now) = (state.id(), state.tick());
    let comment = Comment { id, author, body, created_at: now, updated_at: now, pull: found.pull.number };
    if let Some(pull) = state.repos.get_mut(&at.key()).and_then(|r| r.pulls.get_mut(&found.pull.number)) {
        pull.comments.push(comment.clone());
        pull.updated_at = now;
    }
    let value = shape::comment(&mut state, &links, &found.full, &comment);
    let place = value["url"].as_str().unwrap_or_default().to_owned();
    Ok(Answer::json(201, &value).with("location", place))
}

pub(crate) fn edit_comment(at: &At<'_>, id: &str) -> Answer {
    flat(on_comment(at, id, |repo, now, comment| {
        comment.body = body_of(at.ask, "IssueComment")?;
        comment.updated_at = now;
        let changed = comment.clone();
        if let Some(pull) = repo.pulls.get_mut(&changed.pull) {
            pull.updated_at = now;
            pull.comments.iter_mut().filter(|c| c.id == changed.id).for_each(|c| *c = changed.clone());
        }
        Ok(Some(changed))
    }))
}

pub(crate) fn delete_comment(at: &At<'_>, id: &str) -> Answer {
    flat(on_comment(at, id, |repo, now, comment| {
        if let Some(pull) = repo.pulls.get_mut(&comment.pull) {
            pull.updated_at = now;
            pull.comments.retain(|c| c.id != comment.id);
        }
        Ok(None)
    }))
}

/// Finds a comment and lets its author, or who may push, change it; answers with what `act` leaves.
fn on_comment(
    at: &At<'_>,
    id: &str,
    act: impl FnOnce(&mut Repo, i64, &mut Comment) -> Result<Option<Comment>, Answer>,
) -> Result<Answer, Answer> {
    writable(at)?;
    let who = login(at.caller)?;
    let links = at.links();
    let mut state = at.inner.state();
    let repo = at.repo(&state, "metadata", "read")?;
    let full = repo.full_name();
    let mut comment = repo
        .pulls
        .values()
        .flat_map(|p| &p.comments)
        .find(|c| c.id.to_string() == id)
        .cloned()
        .ok_or_else(Answer::not_found)?;
    // An App whose permission was enough so far may change anybody's.
    let app = matches!(at.caller, Caller::Token(token) if token.installation.is_some());
    if comment.author != who && !app && state.permission(repo, &who) < Permission::Write {
        return Err(Answer::error(403, "Must have admin rights to Repository."));
    }
    let now = state.tick();
    let repo = state.repos.get_mut(&at.key()).ok_or_else(Answer::not_found)?;
    match act(repo, now, &mut comment)? {
        Some(changed) => Ok(Answer::json(200, &shape::comment(&mut state, &links, &full, &changed))),
        None => Ok(Answer::empty(204)),
    }
}

pub(crate) fn review(at: &At<'_>, number: &str) -> Answer {
    flat(try_review(at, number))
}

fn try_review(at: &At<'_>, number: &str) -> Result<Answer, Answer> {
    at.repo(&at.inner.state(), "pull_requests", "write")?;
    let author = login(at.caller)?;
    let found = at.find(number, "pull_requests", "write")?;
    let (ask, pull) = (at.ask.json(), &found.pull);
    let body = ask["body"].as_str().unwrap_or_default().to_owned();
    if body.chars().count() > MAX_BODY {
        return Err(unprocessable(&format!("Body is too long (maximum is {MAX_BODY} characters)")));
    }
    let state_name = review_state(&ask, &body, pull.state, pull.author == author)?;
    let commit_id = match &ask["commit_id"] {
        Value::Null => pull.head_sha.clone(),
        Value::String(sha) => sha.clone(),
        _ => return Err(unprocessable("Could not coerce value to GitObjectID")),
    };
    let known = found.bare.commits(&pull.base_sha, &pull.head_sha).unwrap_or_default();
    if commit_id != pull.head_sha && !known.iter().any(|c| c.sha == commit_id) {
        return Err(unprocessable("The commit_id is not part of the pull request"));
    }
    may_create(at)?;
    let links = at.links();
    let mut state = at.inner.state();
    let (id, now) = (state.id(), state.tick());
    let review = Review { id, author, body, state: state_name.to_owned(), commit_id, submitted_at: now };
    if let Some(pull) = state.repos.get_mut(&at.key()).and_then(|r| r.pulls.get_mut(&found.pull.number)) {
        pull.reviews.push(review.clone());
        pull.updated_at = now;
    }
    Ok(Answer::json(200, &shape::review(&mut state, &links, &found.full, found.pull.number, &review)))
}

/// What the event makes of the review, or GitHub's 422.
fn review_state(ask: &Value, body: &str, pull: PullState, own: bool) -> Result<&'static str, Answer> {
    let stop = |text: &str| Err(unprocessable(text));
    match (ask["event"].as_str(), ask["event"].is_null()) {
        (_, true) => Ok("PENDING"),
        (Some("APPROVE"), _) if own => stop("Can not approve your own pull request"),
        (Some("REQUEST_CHANGES"), _) if own => stop("Can not request changes on your own pull request"),
        (Some("APPROVE"), _) if pull != PullState::Open => stop("Can not approve a closed pull request"),
        (Some("REQUEST_CHANGES"), _) if pull != PullState::Open => {
            stop("Can not request changes on a closed pull request")
        }
        (Some("REQUEST_CHANGES" | "COMMENT"), _) if body.trim().is_empty() => stop("Body can't be blank"),
        (Some("APPROVE"), _) => Ok("APPROVED"),
        (Some("REQUEST_CHANGES"), _) => Ok("CHANGES_REQUESTED"),
        (Some("COMMENT"), _) => Ok("COMMENTED"),
        _ => stop("Variable $event of type PullRequestReviewEvent was provided invalid value"),
    }
}

/// `POST /app/installations/{id}/access_tokens`: an hour's token, no wider than the App, narrower when asked.
pub(crate) fn installation_token(inner: &Inner, ask: &Ask, caller: &Caller, id: &str) -> Answer {
    if !matches!(caller, Caller::App) {
        return Answer::error(401, "A JSON web token could not be decoded");
    }
    if id != INSTALLATION_ID.to_string() {
        return Answer::not_found();
    }
    let asked = ask.json();
    let mut permissions = BTreeMap::new();
    for (name, level) in asked["permissions"].as_object().into_iter().flatten() {
        let held = APP_PERMISSIONS.iter().find(|(k, _)| k == name).map(|(_, v)| *v);
        let level = level.as_str().unwrap_or_default();
        if !(held == Some(level) || (held == Some("write") && level == "read")) {
            return Answer::error(422, "The permissions requested are not granted to this installation.");
        }
        permissions.insert(name.clone(), level.to_owned());
    }
    let mut state = inner.state();
    let mut repositories = std::collections::BTreeSet::new();
    for wanted in asked["repository_ids"]
        .as_array()
        .into_iter()
        .flatten()
        .chain(asked["repositories"].as_array().into_iter().flatten())
    {
        let found =
            state.repos.values().find(|r| wanted.as_u64() == Some(r.id) || wanted.as_str() == Some(&r.name));
        match found {
            Some(repo) => repositories.insert(repo.id),
            None => {
                return Answer::error(
                    422,
                    "There is at least one repository that does not exist or is not accessible to the parent installation.",
                );
            }
        };
    }
    let selection = if repositories.is_empty() { "all" } else { "selected" };
    let chosen: Vec<RepoFacts> =
        state.repos.values().filter(|repo| repositories.contains(&repo.id)).map(RepoFacts::of).collect();
    let (token, expires_at) = auth::mint(&mut state, Grant { repositories, permissions }, 3600);
    let granted =
        state.tokens.get(&token).and_then(|t| t.installation.clone()).unwrap_or_default().permissions;
    let mut body = json!({"token": token, "expires_at": rfc3339(expires_at), "permissions": granted, "repository_selection": selection});
    if !chosen.is_empty() {
        let links = Links::of(inner);
        body["repositories"] = chosen
            .iter()
            .map(|facts| shape::repository(&mut state, &links, facts))
            .collect::<Vec<_>>()
            .into();
    }
    Answer::json(201, &body)
}
