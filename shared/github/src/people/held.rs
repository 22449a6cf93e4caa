//! Tokens in hand: sealed in the ledger per Slack workspace and person, renewed once for all, forgotten when GitHub refuses them.

use domain::interact::Person;
use http::header::HeaderName;
use ports::{ForgeError, PersonError};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::makers::asking;
use super::{LinkedPeople, unavailable};
use crate::http::{Answer, As, Ask};
use crate::policy::{judge, parsed};
use crate::wire::User;

/// A token with less than this left (seconds) is renewed.
const MARGIN_S: i64 = 300;
/// Renewing is one request, and nobody waits longer for another process (seconds).
const RENEWING_S: i64 = 60;
/// Where GitHub says that a person has to sign in with their organisation first.
const SSO: HeaderName = HeaderName::from_static("x-github-sso");

/// A person's tokens. No `Debug`: they are shown nowhere.
#[derive(Serialize, Deserialize)]
pub(super) struct Held {
    pub(super) access: String,
    pub(super) until: Option<i64>,
    pub(super) refresh: Option<String>,
    pub(super) refresh_until: Option<i64>,
}

/// Somebody with one token for all that one action asks: another account that they link meanwhile has no part in it.
pub(super) struct Actor<'a> {
    who: &'a Person,
    version: u64,
    held: Held,
    /// The id of the token's account.
    pub(super) account: u64,
    /// Its login.
    pub(super) login: String,
}

impl LinkedPeople {
    /// Keeps tokens where the version is still this one. Whether they were kept.
    pub(super) async fn keep(
        &self,
        who: &Person,
        held: &Held,
        version: Option<u64>,
    ) -> Result<bool, PersonError> {
        let text = serde_json::to_string(held).ok().and_then(|text| self.seal.close(&name(who), &text));
        let Some(sealed) = text else { return Ok(false) };
        // Without an end to either token the link stands until it is taken back.
        let end = if held.until.is_none() { None } else { held.refresh_until.or(held.until) };
        self.ledger.save_link(who, &sealed, version, end).await.map_err(unavailable)
    }

    async fn known(&self, who: &Person) -> Result<Option<(u64, Held)>, PersonError> {
        let Some((version, sealed)) = self.ledger.link(who).await.map_err(unavailable)? else {
            return Ok(None);
        };
        let open = self.seal.open(&name(who), &sealed);
        // What cannot be opened is of another client secret: the person links again.
        Ok(open.and_then(|text| Some((version, serde_json::from_str(text.expose_secret()).ok()?))))
    }

    fn good(&self, held: &Held) -> bool {
        held.until.is_none_or(|until| until > self.clock.now() + MARGIN_S)
    }

    /// A token of theirs that is good for some minutes, with the version that it was read at.
    async fn token(&self, who: &Person) -> Result<(u64, Held), PersonError> {
        let (version, held) = self.known(who).await?.ok_or(PersonError::NotLinked)?;
        if self.good(&held) {
            return Ok((version, held));
        }
        let _one = self.renewing.lock().await;
        let Some(lease) = self.ledger.lease(&name(who), RENEWING_S).await.map_err(unavailable)? else {
            return Err(PersonError::Forge(ForgeError::Unavailable {
                doing: "renewing the link to your account".to_owned(),
                reason: "another process is at it".to_owned(),
            }));
        };
        let renewed = self.renew(who).await;
        self.ledger.release(lease).await.map_err(unavailable)?;
        renewed
    }

    async fn renew(&self, who: &Person) -> Result<(u64, Held), PersonError> {
        let (version, old) = self.known(who).await?.ok_or(PersonError::NotLinked)?;
        if self.good(&old) {
            return Ok((version, old));
        }
        let renewed = match &old.refresh {
            Some(refresh) => self.renewed(refresh).await?,
            None => None,
        };
        let Some(new) = renewed else {
            self.ledger.forget_link(who, version).await.map_err(unavailable)?;
            return Err(PersonError::Revoked);
        };
        // Whoever unlinked in the meantime wins, and so does a newer link.
        if !self.keep(who, &new, Some(version)).await? {
            self.given_back(&new.access).await?;
            return Err(PersonError::NotLinked);
        }
        Ok((version + 1, new))
    }

    pub(super) async fn unlinked(&self, who: &Person) -> Result<bool, PersonError> {
        let Some((version, _)) = self.ledger.link(who).await.map_err(unavailable)? else { return Ok(false) };
        match self.token(who).await {
            Ok((_, held)) => self.given_back(&held.access).await?,
            Err(PersonError::Revoked | PersonError::NotLinked) => {}
            Err(error) => return Err(error),
        }
        let newest =
            self.ledger.link(who).await.map_err(unavailable)?.map_or(version, |(version, _)| version);
        self.ledger.forget_link(who, newest).await.map_err(unavailable)?;
        Ok(true)
    }

    /// Asks as this person. A token that GitHub refuses is forgotten.
    pub(super) async fn ask(&self, who: &Person, ask: Ask<'_>) -> Result<Answer, PersonError> {
        let (version, held) = self.token(who).await?;
        let answer = self.ask_with(&held, ask).await;
        self.heard(who, version, answer).await
    }

    async fn heard(
        &self,
        who: &Person,
        version: u64,
        answer: Result<Answer, PersonError>,
    ) -> Result<Answer, PersonError> {
        match answer {
            Err(PersonError::Forge(ForgeError::Unauthorized)) => {
                self.ledger.forget_link(who, version).await.map_err(unavailable)?;
                Err(PersonError::Revoked)
            }
            other => other,
        }
    }

    /// Somebody who is about to act, as the account that they were looked at as before, if they were.
    pub(super) async fn acting<'a>(
        &self,
        who: &'a Person,
        account: Option<u64>,
    ) -> Result<Actor<'a>, PersonError> {
        let (version, held) = self.token(who).await?;
        let ask = asking("/user", "reading who you are", "your account");
        let answer = self.ask_with(&held, ask).await;
        let user: User = parsed(&self.heard(who, version, answer).await?, ask.doing)?;
        if account.is_some_and(|account| account != user.id) {
            return Err(PersonError::OtherAccount);
        }
        Ok(Actor { who, version, held, account: user.id, login: user.login })
    }

    /// Asks with the actor's own token.
    pub(super) async fn ask_as(&self, actor: &Actor<'_>, ask: Ask<'_>) -> Result<Answer, PersonError> {
        let answer = self.ask_with(&actor.held, ask).await;
        self.heard(actor.who, actor.version, answer).await
    }

    pub(super) async fn ask_with(&self, held: &Held, ask: Ask<'_>) -> Result<Answer, PersonError> {
        let token = SecretString::from(held.access.clone());
        let answer = self.api.send_as(ask, As::Bearer(&token)).await?;
        if answer.status == http::StatusCode::FORBIDDEN
            && let Some(said) = answer.headers.get(SSO).and_then(|value| value.to_str().ok())
        {
            let url = said.split(';').find_map(|part| part.trim().strip_prefix("url="));
            return Err(PersonError::SignIn(
                url.filter(|url| url.starts_with("https://")).map(str::to_owned),
            ));
        }
        Ok(judge(answer, ask, self.clock.now())?)
    }
}

/// What binds a sealed token to its person.
fn name(who: &Person) -> String {
    format!("link-{}#{}", who.team, who.id)
}
