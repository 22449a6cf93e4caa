//! The web flow: an address to open, a code to end it with, tokens to renew and to give back.

use domain::interact::Person;
use http::Method;
use ports::{ForgeError, PersonError};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::held::Held;
use super::{LinkedPeople, unavailable};
use crate::http::{As, Ask, base64_url, escaped};
use crate::policy::{judge, parsed};

/// A code at most, in characters.
const LONGEST_CODE: usize = 200;

/// What GitHub answers to a code or to a renewal; errors come with status 200.
#[derive(Deserialize)]
struct Granted {
    access_token: Option<String>,
    expires_in: Option<i64>,
    refresh_token: Option<String>,
    refresh_token_expires_in: Option<i64>,
    error: Option<String>,
}

impl LinkedPeople {
    pub(super) async fn begun(&self, who: &Person) -> Result<String, PersonError> {
        let random = || uuid::Uuid::new_v4();
        let state = hex::encode(Sha256::digest([*random().as_bytes(), *random().as_bytes()].concat()));
        self.ledger.begin_link(who, &state).await.map_err(unavailable)?;
        let challenge = base64_url(&Sha256::digest(self.verifier(who, &state)));
        Ok(format!(
            "{}/login/oauth/authorize?client_id={}&redirect_uri={}&state={state}&code_challenge={challenge}&code_challenge_method=S256&allow_signup=false",
            self.web_url,
            escaped(&self.client_id),
            escaped(&self.callback_url),
        ))
    }

    /// Follows from our secret, from who began and from the state, so that it is nowhere kept.
    fn verifier(&self, who: &Person, state: &str) -> String {
        let mut hash = Sha256::new_with_prefix(b"preflux: a link's own secret\n");
        for part in [self.client_secret.expose_secret(), &who.team, &who.id, state] {
            hash.update(part);
            hash.update(b"\n");
        }
        hex::encode(hash.finalize())
    }

    pub(super) async fn finished(&self, who: &Person, code: &str) -> Result<String, PersonError> {
        let bad = |why: &str| Err(PersonError::BadCode(why.to_owned()));
        if code.len() > LONGEST_CODE || !code.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
            return bad("that is not a code as the browser shows it");
        }
        let Some(state) = self.ledger.end_link(who).await.map_err(unavailable)? else {
            return bad("no link of yours waits for a code: they are good once, and for ten minutes");
        };
        let asked = json!({
            "client_id": self.client_id, "client_secret": self.client_secret.expose_secret(), "code": code,
            "redirect_uri": self.callback_url, "code_verifier": self.verifier(who, &state),
        });
        let granted = self.grant("linking an account", &asked).await?;
        let Some(held) = self.held(granted) else {
            return bad("GitHub did not take that code for the link that you began");
        };
        let account = self.account_of(who, &held).await?;
        self.keep(who, &held, None).await?;
        Ok(account.login)
    }

    /// New tokens for a link; `None` when GitHub does not accept the old ones.
    pub(super) async fn renewed(&self, refresh: &str) -> Result<Option<Held>, PersonError> {
        let asked = json!({
            "client_id": self.client_id, "client_secret": self.client_secret.expose_secret(),
            "grant_type": "refresh_token", "refresh_token": refresh,
        });
        let granted = self.grant("renewing the link to an account", &asked).await?;
        Ok(self.held(granted))
    }

    fn held(&self, granted: Granted) -> Option<Held> {
        let now = self.clock.now();
        let until = |seconds: Option<i64>| seconds.map(|seconds| now.saturating_add(seconds));
        Some(Held {
            access: granted.access_token?,
            until: until(granted.expires_in),
            refresh: granted.refresh_token,
            refresh_until: until(granted.refresh_token_expires_in),
        })
    }

    async fn grant(&self, doing: &str, asked: &Value) -> Result<Granted, PersonError> {
        let path = "/login/oauth/access_token";
        let ask = Ask {
            method: &Method::POST,
            path,
            etag: None,
            body: Some(asked),
            doing,
            what: "the address where GitHub gives tokens",
        };
        let answer = self.web.send_as(ask, As::Nobody).await?;
        let granted: Granted = parsed(&judge(answer, ask, self.clock.now())?, doing)?;
        match granted.error.as_deref() {
            None | Some("bad_verification_code" | "bad_refresh_token") => Ok(granted),
            // Their words are GitHub's own list; anything else in this place is not repeated.
            Some(other) => {
                let known: String =
                    other.chars().filter(|c| c.is_ascii_lowercase() || *c == '_').take(40).collect();
                Err(PersonError::Forge(ForgeError::Refused {
                    doing: doing.to_owned(),
                    reason: format!(
                        "`{known}`: whoever runs Preflux looks at `people` in the configuration and at the GitHub App's callback URL and client secret"
                    ),
                }))
            }
        }
    }

    /// Ends the App's right to act as somebody. What GitHub does not know any more is ended already.
    pub(super) async fn given_back(&self, access: &str) -> Result<(), PersonError> {
        let path = format!("/applications/{}/grant", escaped(&self.client_id));
        let body = json!({ "access_token": access });
        let ask = Ask {
            method: &Method::DELETE,
            path: &path,
            etag: None,
            body: Some(&body),
            doing: "unlinking an account",
            what: "the link",
        };
        let secret = &self.client_secret;
        let answer = self.api.send_as(ask, As::Client { id: &self.client_id, secret }).await?;
        match judge(answer, ask, self.clock.now()) {
            Ok(_) | Err(ForgeError::NotFound(_)) => Ok(()),
            Err(ForgeError::Refused { reason, .. }) if reason.ends_with("(422)") => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
