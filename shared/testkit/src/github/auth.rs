//! Who is calling: personal and installation tokens, and the App's own RS256 tokens. What they may do to a repository is asked here.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::rest::Answer;
use super::state::{Grant, Permission, Repo, State, Token};
use super::{Inner, jwt};

/// What the App itself was given; an installation token has no more than this.
pub(crate) const APP_PERMISSIONS: [(&str, &str); 6] = [
    ("checks", "write"),
    ("contents", "read"),
    ("issues", "write"),
    ("metadata", "read"),
    ("pull_requests", "write"),
    ("statuses", "write"),
];

#[derive(Debug)]
pub(crate) struct AppKey {
    pub(crate) pem: String,
    public: Vec<u8>,
}

/// The App's key pair, made on first use: making one costs a fraction of a second.
pub(crate) fn app_key(inner: &Inner) -> &AppKey {
    inner.app_key.get_or_init(|| {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("the machine has randomness");
        let der: Pkcs8V1Der<'_> = pair.as_der().expect("a fresh key can be written");
        let text = STANDARD.encode(der.as_ref());
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).filter_map(|c| std::str::from_utf8(c).ok()).collect();
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
        AppKey { pem, public: pair.public_key().as_ref().to_vec() }
    })
}

/// A caller whose credentials were accepted.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    Anonymous,
    Token(Token),
    App,
}

/// `None` means bad credentials.
pub(crate) fn caller(inner: &Inner, authorization: Option<&str>) -> Option<Caller> {
    let Some(value) = authorization else { return Some(Caller::Anonymous) };
    let secret = secret_of(value)?;
    if jwt::has_its_form(&secret) {
        return judged(inner, &secret).is_ok().then_some(Caller::App);
    }
    let state = inner.state();
    let token = state.tokens.get(&secret)?;
    let alive = token.expires_at.is_none_or(|at| state.clock.now() < at);
    alive.then(|| Caller::Token(token.clone()))
}

/// The token of `Bearer x`, `token x` or `Basic base64(any:x)`.
pub(crate) fn secret_of(authorization: &str) -> Option<String> {
    let (scheme, rest) = authorization.split_once(' ')?;
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" | "token" => Some(rest.trim().to_owned()),
        "basic" => {
            let text = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
            text.split_once(':').map(|(_, secret)| secret.to_owned())
        }
        _ => None,
    }
}

fn judged(inner: &Inner, jwt: &str) -> Result<(), (u16, &'static str)> {
    let nows = [inner.state().clock.now(), jiff::Timestamp::now().as_second()];
    jwt::check(&app_key(inner).public, jwt, &nows)
}

/// How credentials that [`caller`] does not take are refused.
pub(crate) fn refusal(inner: &Inner, authorization: Option<&str>) -> Answer {
    let secret = authorization.and_then(secret_of).filter(|secret| jwt::has_its_form(secret));
    match secret.map(|jwt| judged(inner, &jwt)) {
        Some(Err(why)) => jwt::refusal(why),
        _ => Answer::error(401, "Bad credentials"),
    }
}

/// A new installation token and its expiry.
pub(crate) fn mint(state: &mut State, mut grant: Grant, seconds: i64) -> (String, i64) {
    if grant.permissions.is_empty() {
        grant.permissions = APP_PERMISSIONS.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    }
    let (token, expires_at) =
        (format!("ghs_testkitInstallation{:016}", state.id()), state.clock.now() + seconds);
    let login = state.bot();
    state.user(&login);
    let kept = Token { login, installation: Some(grant), expires_at: Some(expires_at) };
    state.tokens.insert(token.clone(), kept);
    (token, expires_at)
}

/// How a caller stands to a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// As if the repository did not exist.
    Hidden,
    /// Seen, but this is refused with 403.
    Refused,
    Granted,
}

/// May the caller do this (`pull_requests`/`write`, …) there? For users, writing comments and reviews needs only sight.
pub(crate) fn access(state: &State, repo: &Repo, caller: &Caller, permission: &str, level: &str) -> Access {
    match caller {
        Caller::App => Access::Refused,
        Caller::Anonymous if repo.private => Access::Hidden,
        Caller::Anonymous => {
            if level == "read" {
                Access::Granted
            } else {
                Access::Refused
            }
        }
        Caller::Token(Token { installation: None, login, .. }) => {
            if state.permission(repo, login) >= Permission::Read { Access::Granted } else { Access::Hidden }
        }
        Caller::Token(Token { installation: Some(grant), .. }) => {
            let chosen = grant.repositories.is_empty() || grant.repositories.contains(&repo.id);
            let held = grant.permissions.get(permission).map(String::as_str);
            let enough = permission == "metadata"
                || held == Some("write")
                || (held == Some("read") && level == "read");
            match (chosen, enough) {
                (true, true) => Access::Granted,
                (true, false) => Access::Refused,
                (false, _) if !repo.private && level == "read" => Access::Granted,
                (false, _) if repo.private => Access::Hidden,
                (false, _) => Access::Refused,
            }
        }
    }
}
