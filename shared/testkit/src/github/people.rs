//! People who let the App act as them: the pages that a browser sees are methods, the endpoints that programs ask are functions.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use url::Url;

use super::auth::Caller;
use super::read::At;
use super::rest::{Answer, Ask};
use super::shape::{self, Links};
use super::state::{PullState, Token};
use super::{FakeGitHub, Inner, RepoHandle};
use crate::clock::rfc3339;

/// The App as an OAuth client.
pub const CLIENT_ID: &str = "Iv23testkitClient";
/// Its client secret.
pub const CLIENT_SECRET: &str = "testkit0client0secret0000000000000000000";
/// A code is good for this long (seconds).
const CODE_S: i64 = 600;
/// A token is good for this long (seconds).
const TOKEN_S: i64 = 28_800;
/// What renews it is good for this long (seconds).
const REFRESH_S: i64 = 15_897_600;

#[derive(Clone, Debug)]
struct Code {
    login: String,
    challenge: String,
    redirect: String,
    until: i64,
}

/// What is known of people who let the App act as them, and of who pushed what.
#[derive(Debug, Default)]
pub(crate) struct Granted {
    callback: String,
    codes: BTreeMap<String, Code>,
    /// Login, end and access token, by what renews it.
    refreshes: BTreeMap<String, (String, i64, String)>,
    emails: BTreeMap<String, Vec<String>>,
    hidden_emails: bool,
    sign_in: BTreeSet<String>,
    /// Who made a commit of it, and who pushed it, where that is not its author.
    pub(crate) committers: BTreeMap<String, String>,
    pushers: BTreeMap<String, Option<String>>,
}

impl FakeGitHub {
    /// Registers where browsers may be sent back to.
    pub fn set_callback(&self, url: &str) {
        url.clone_into(&mut self.inner.state().granted.callback);
    }

    /// What the browser of somebody who is signed in does with such an address, and says yes: where it is sent back to.
    ///
    /// # Errors
    /// GitHub's page says that something is wrong with the address.
    pub fn authorize(&self, address: &str, login: &str) -> Result<String, String> {
        let url = Url::parse(address).map_err(|error| error.to_string())?;
        let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        let get = |name: &str| query.get(name).cloned().unwrap_or_default();
        let mut state = self.inner.state();
        if url.path() != "/login/oauth/authorize" || get("client_id") != CLIENT_ID {
            return Err("404".to_owned());
        }
        let redirect = get("redirect_uri");
        if redirect != state.granted.callback {
            return Err("The redirect_uri is not associated with this application.".to_owned());
        }
        if get("code_challenge_method") != "S256" {
            return Err("no PKCE".to_owned());
        }
        state.user(login);
        let code = format!("{:020x}", state.id());
        let until = state.clock.now() + CODE_S;
        let kept = Code {
            login: login.to_owned(),
            challenge: get("code_challenge"),
            redirect: redirect.clone(),
            until,
        };
        state.granted.codes.insert(code.clone(), kept);
        Ok(format!("{redirect}?code={code}&state={}", get("state")))
    }

    /// Gives somebody e-mail addresses besides the one that GitHub makes up for them.
    pub fn set_emails(&self, login: &str, emails: &[&str]) {
        let emails = emails.iter().map(|email| (*email).to_owned()).collect();
        self.inner.state().granted.emails.insert(login.to_owned(), emails);
    }

    /// Takes the permission `Email addresses: read` from the App.
    pub fn hide_emails(&self) {
        self.inner.state().granted.hidden_emails = true;
    }

    /// Somebody's organisation wants single sign-on from them.
    pub fn require_sign_in(&self, login: &str) {
        self.inner.state().granted.sign_in.insert(login.to_owned());
    }

    /// Somebody takes back what they allowed the App, on GitHub's own page.
    pub fn revoke_person(&self, login: &str) {
        let mut state = self.inner.state();
        state.tokens.retain(|text, token| token.login != login || !text.starts_with("ghu_"));
        state.granted.refreshes.retain(|_, (who, _, _)| who != login);
    }

    /// Every token that somebody's consent has led to so far and that still works.
    pub fn person_tokens(&self) -> Vec<String> {
        let state = self.inner.state();
        let tokens = state.tokens.keys().filter(|text| text.starts_with("ghu_")).cloned();
        tokens.chain(state.granted.refreshes.keys().cloned()).collect()
    }
}

impl RepoHandle {
    /// Says that somebody else than its author made a commit of it.
    pub fn set_committer(&self, sha: &str, login: &str) {
        let mut state = self.inner.state();
        state.user(login);
        state.granted.committers.insert(sha.to_owned(), login.to_owned());
    }

    /// Says that somebody else than its author pushed a commit; `None`: nobody knows.
    pub fn set_pusher(&self, sha: &str, login: Option<&str>) {
        self.inner.state().granted.pushers.insert(sha.to_owned(), login.map(str::to_owned));
    }
}

/// What is in the way of a person's token: their organisation's single sign-on.
pub(crate) fn barred(inner: &Inner, caller: &Caller) -> Option<Answer> {
    let Caller::Token(token) = caller else { return None };
    let wants = inner.state().granted.sign_in.contains(&token.login);
    let text = "Resource protected by organization SAML enforcement. You must grant your OAuth token access to this organization.";
    let place = "required; url=https://github.com/orgs/acme/sso?authorization_request=TEST";
    wants.then(|| Answer::error(403, text).with("x-github-sso", place))
}

/// `POST /login/oauth/access_token`: errors come with status 200.
pub(crate) fn access_token(inner: &Inner, ask: &Ask) -> Answer {
    let given = ask.json();
    let text = |name: &str| given[name].as_str().unwrap_or_default().to_owned();
    let wrong = |error: &str| {
        Answer::json(
            200,
            &json!({"error": error, "error_description": "See the documentation.", "error_uri": "https://docs.github.com/apps"}),
        )
    };
    if ask.header("accept") != Some("application/json") {
        return Answer::error(415, "the fake speaks JSON alone here");
    }
    if text("client_id") != CLIENT_ID || text("client_secret") != CLIENT_SECRET {
        return wrong("incorrect_client_credentials");
    }
    let mut state = inner.state();
    let now = state.clock.now();
    let login = if text("grant_type") == "refresh_token" {
        match state.granted.refreshes.remove(&text("refresh_token")) {
            Some((login, until, access)) if now < until => {
                state.tokens.remove(&access);
                login
            }
            _ => return wrong("bad_refresh_token"),
        }
    } else {
        let Some(code) = state.granted.codes.remove(&text("code")).filter(|code| now < code.until) else {
            return wrong("bad_verification_code");
        };
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text("code_verifier").as_bytes());
        if URL_SAFE_NO_PAD.encode(digest) != code.challenge {
            return wrong("bad_verification_code");
        }
        if text("redirect_uri") != code.redirect {
            return wrong("redirect_uri_mismatch");
        }
        code.login
    };
    let (access, refresh) =
        (format!("ghu_testkit{:025}", state.id()), format!("ghr_testkit{:060}", state.id()));
    let token = Token { login: login.clone(), installation: None, expires_at: Some(now + TOKEN_S) };
    state.tokens.insert(access.clone(), token);
    state.granted.refreshes.insert(refresh.clone(), (login, now + REFRESH_S, access.clone()));
    Answer::json(
        200,
        &json!({"access_token": access, "expires_in": TOKEN_S, "refresh_token": refresh,
                "refresh_token_expires_in": REFRESH_S, "scope": "", "token_type": "bearer"}),
    )
}

/// `DELETE /applications/{client_id}/grant`: everything that the owner of the token allowed ends.
pub(crate) fn end_grant(inner: &Inner, ask: &Ask, client: &str) -> Answer {
    let expected = format!("Basic {}", STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}")));
    if client != CLIENT_ID || ask.header("authorization") != Some(expected.as_str()) {
        return Answer::not_found();
    }
    let given = ask.json();
    let Some(login) = given["access_token"]
        .as_str()
        .and_then(|text| inner.state().tokens.get(text).map(|token| token.login.clone()))
    else {
        return Answer::error(422, "Validation Failed");
    };
    let mut state = inner.state();
    state.tokens.retain(|text, token| token.login != login || !text.starts_with("ghu_"));
    state.granted.refreshes.retain(|_, (who, _, _)| *who != login);
    Answer::empty(204)
}

/// `GET /user/emails`.
pub(crate) fn emails(inner: &Inner, caller: &Caller) -> Answer {
    let state = inner.state();
    match caller {
        Caller::Token(token) if token.installation.is_none() && !state.granted.hidden_emails => {
            let made_up = format!("{}@users.noreply.github.com", token.login);
            let own = state.granted.emails.get(&token.login).cloned().unwrap_or_default();
            let show = |email: String| json!({"email": email, "primary": false, "verified": true, "visibility": null});
            Answer::json(200, &own.into_iter().chain([made_up]).map(show).collect())
        }
        _ => Answer::error(403, "Resource not accessible by integration"),
    }
}

/// `GET /repos/{owner}/{repo}/activity` of one branch: one push for each commit, newest first.
pub(crate) fn activity(at: &At<'_>) -> Answer {
    let wanted = at.ask.query.get("ref").cloned().unwrap_or_default();
    let branch = wanted.trim_start_matches("refs/heads/").to_owned();
    let links = at.links();
    let mut state = at.inner.state();
    // A fork's pushes are found through the pull request that it is the head of.
    let upstream = state.repos.values().find_map(|repo| {
        let of = |pull: &&super::state::Pull| {
            pull.fork && pull.head_ref == branch && pull.author == at.owner && repo.name == at.name
        };
        repo.pulls.values().find(of).map(|pull| (repo.bare.clone(), pull.head_sha.clone()))
    });
    let found = match upstream {
        Some(found) => Ok(found),
        None => at.repo(&state, "contents", "read").and_then(|repo| {
            let tip = repo.bare.branch(&branch).ok_or_else(Answer::not_found)?;
            Ok((repo.bare.clone(), tip))
        }),
    };
    let (bare, tip) = match found {
        Ok(found) => found,
        Err(refusal) => return refusal,
    };
    let Some(info) = bare.commit_info(&tip) else { return Answer::not_found() };
    let author = info.email.split('@').next().unwrap_or_default().to_owned();
    let actor = state.granted.pushers.get(&tip).cloned().unwrap_or(Some(author));
    let actor = actor.map_or(Value::Null, |login| shape::user(&mut state, &links, &login));
    let before = info.parents.first().cloned().unwrap_or_else(|| "0".repeat(40));
    Answer::json(
        200,
        &json!([{"id": 1, "node_id": "PSH_1", "before": before, "after": tip, "ref": wanted,
                 "timestamp": rfc3339(state.clock.now()), "activity_type": "push", "actor": actor}]),
    )
}

/// `PUT /repos/{owner}/{repo}/pulls/{number}/reviews/{id}/dismissals`.
pub(crate) fn dismiss(at: &At<'_>, number: &str, id: &str) -> Answer {
    let found = match at.find(number, "pull_requests", "write") {
        Ok(found) => found,
        Err(refusal) => return refusal,
    };
    if at.ask.json()["message"].as_str().is_none_or(str::is_empty) {
        return Answer::error(422, "Validation Failed");
    }
    if found.pull.state != PullState::Open {
        return Answer::error(422, "Can not dismiss a review on a closed pull request");
    }
    let links: Links = at.links();
    let mut state = at.inner.state();
    let now = state.tick();
    let pull = state.repos.get_mut(&at.key()).and_then(|repo| repo.pulls.get_mut(&found.pull.number));
    let Some(pull) = pull else { return Answer::not_found() };
    pull.updated_at = now;
    let Some(review) = pull.reviews.iter_mut().find(|review| review.id.to_string() == id) else {
        return Answer::not_found();
    };
    if review.state != "APPROVED" && review.state != "CHANGES_REQUESTED" {
        return Answer::error(422, "Can not dismiss a commented pull request review");
    }
    "DISMISSED".clone_into(&mut review.state);
    let changed = review.clone();
    Answer::json(200, &shape::review(&mut state, &links, &found.full, found.pull.number, &changed))
}
