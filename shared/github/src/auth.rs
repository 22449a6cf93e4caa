//! Who we are to GitHub: a personal token, or an App whose installation tokens live an hour, are shared through the ledger (see
//! `sealed`) and replaced when they are refused.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use domain::RepoName;
use http::Method;
use octocrab::jsonwebtoken::{self, Algorithm, EncodingKey, Header};
use ports::ledger::Ledger;
use ports::{Clock, ForgeError, TableError};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::GitHub;
use crate::budget::Budgets;
use crate::http::{Ask, escaped};
use crate::policy::parsed;
use crate::sealed::Seal;

/// A shared token with less than this left (seconds) is replaced.
pub(crate) const MARGIN_S: i64 = 300;
/// An App's own token is dated back by this (seconds), for clocks that differ.
const JWT_BACK_S: i64 = 60;
/// An App's own token is good for this long (seconds); GitHub allows 600.
const JWT_S: i64 = 540;

/// How to sign in.
pub enum Auth {
    /// A personal access token, classic or fine-grained.
    Token(SecretString),
    /// A GitHub App.
    App {
        /// The App's id.
        app_id: u64,
        /// Its private key, as GitHub hands it out.
        private_key_pem: SecretString,
        /// The installation; found through each repository when `None`.
        installation: Option<u64>,
    },
}

/// A token in use, under the name that limits and the ledger know it by.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) name: String,
    pub(crate) secret: SecretString,
    expires_at: i64,
}

pub(crate) struct App {
    pub(crate) id: u64,
    key: EncodingKey,
    seal: Seal,
    installation: Option<u64>,
}

enum Kind {
    Personal(Token),
    App(Box<App>),
}

pub(crate) struct Tokens {
    kind: Kind,
    pub(crate) ledger: Ledger,
    clock: Arc<dyn Clock>,
    /// Installation tokens in hand, by name. Held while one is asked for, so that a process asks once.
    held: tokio::sync::Mutex<HashMap<String, Token>>,
    /// Installations by owner, found so far.
    found: tokio::sync::Mutex<Option<BTreeMap<String, u64>>>,
    /// What is left of each token's requests.
    pub(crate) budgets: Budgets,
    /// Who an App's comments and reviews are by.
    pub(crate) slug: tokio::sync::OnceCell<String>,
    /// Our account id with a personal token.
    pub(crate) user: tokio::sync::OnceCell<u64>,
}

impl Tokens {
    pub(crate) fn new(auth: Auth, ledger: Ledger, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let kind = match auth {
            Auth::Token(secret) => {
                let trimmed = secret.expose_secret().trim();
                ensure!(!trimmed.is_empty(), "GitHub token is empty");
                let secret = SecretString::from(trimmed.to_owned());
                // Several tokens have limits of their own.
                let name = format!("personal-{}", short(&[&secret]));
                Kind::Personal(Token { name, secret, expires_at: i64::MAX })
            }
            Auth::App { app_id, private_key_pem, installation } => {
                let key = EncodingKey::from_rsa_pem(private_key_pem.expose_secret().as_bytes())
                    .context("GitHub App's private key is not the PEM of an RSA key")?;
                let seal = Seal::of(&private_key_pem);
                Kind::App(Box::new(App { id: app_id, key, seal, installation }))
            }
        };
        let budgets = Budgets::new(ledger.clone(), Arc::clone(&clock));
        Ok(Self {
            kind,
            ledger,
            clock,
            held: tokio::sync::Mutex::default(),
            found: tokio::sync::Mutex::default(),
            budgets,
            slug: tokio::sync::OnceCell::new(),
            user: tokio::sync::OnceCell::new(),
        })
    }

    /// Whether a refused token can be replaced without anybody doing anything.
    pub(crate) fn can_renew(&self) -> bool {
        matches!(self.kind, Kind::App(_))
    }

    /// The token that the processes of this App share, with its expiry, when it is good for so many more seconds.
    pub(crate) async fn shared(
        &self,
        app: &App,
        name: &str,
        margin_s: i64,
    ) -> Result<Option<(SecretString, i64)>, ForgeError> {
        let known = self.ledger.token(name, margin_s).await.map_err(unavailable)?;
        // One that cannot be opened is of another private key, or of a version that did not seal: it is replaced.
        Ok(known.and_then(|(sealed, expires_at)| Some((app.seal.open(name, &sealed)?, expires_at))))
    }

    /// Shares a token.
    pub(crate) async fn share(
        &self,
        app: &App,
        name: &str,
        token: &str,
        expires_at: i64,
    ) -> Result<(), ForgeError> {
        match app.seal.close(name, token) {
            Some(sealed) => self.ledger.save_token(name, &sealed, expires_at).await.map_err(unavailable),
            None => Ok(()),
        }
    }

    /// The App's id, unless we are a person.
    pub(crate) fn app_id(&self) -> Option<u64> {
        match &self.kind {
            Kind::App(app) => Some(app.id),
            Kind::Personal(_) => None,
        }
    }

    /// Forgets a token that GitHub refused, here and in the ledger, unless somebody has replaced it there by now.
    pub(crate) async fn refused(&self, token: &Token) -> Result<(), ForgeError> {
        let Kind::App(app) = &self.kind else { return Ok(()) };
        let mut held = self.held.lock().await;
        if held.get(&token.name).is_some_and(|t| same(&t.secret, token.secret.expose_secret())) {
            held.remove(&token.name);
        }
        let shared = self.shared(app, &token.name, 0).await?;
        if shared.is_some_and(|(text, _)| same(&token.secret, text.expose_secret())) {
            self.ledger.forget_token(&token.name).await.map_err(unavailable)?;
        }
        Ok(())
    }

    /// A token that says we are the App itself: RS256, dated back, good for nine minutes.
    pub(crate) fn app_jwt(&self) -> Result<SecretString, ForgeError> {
        #[derive(Serialize)]
        struct Claims {
            iat: i64,
            exp: i64,
            iss: String,
        }
        let Kind::App(app) = &self.kind else { return Err(ForgeError::Unauthorized) };
        let now = self.clock.now();
        let claims = Claims { iat: now - JWT_BACK_S, exp: now + JWT_S, iss: app.id.to_string() };
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &app.key)
            .map(SecretString::from)
            .map_err(|error| ForgeError::Refused {
                doing: "signing in as the GitHub App".to_owned(),
                reason: format!("the private key cannot sign ({error})"),
            })
    }
}

/// Where the App is installed.
#[derive(Deserialize)]
struct Installation {
    id: u64,
}

impl GitHub {
    /// The token for a repository, shared or new.
    pub(crate) async fn token_for(&self, repo: &RepoName) -> Result<Token, ForgeError> {
        match &self.tokens.kind {
            Kind::Personal(token) => Ok(token.clone()),
            Kind::App(app) => {
                let installation = match app.installation {
                    Some(installation) => installation,
                    None => self.installation_of(app, repo).await?,
                };
                self.installation_token(app, installation).await
            }
        }
    }

    /// A short id of the token or tokens in use: 16 hexadecimal digits of a SHA-256.
    pub(crate) async fn fingerprint(&self) -> Result<String, ForgeError> {
        match &self.tokens.kind {
            Kind::Personal(token) => Ok(short(&[&token.secret])),
            Kind::App(app) => {
                let installations: Vec<u64> = match app.installation {
                    Some(one) => vec![one],
                    None => self.known_installations(app).await?.into_values().collect(),
                };
                let mut tokens = Vec::new();
                for installation in installations {
                    tokens.push(self.installation_token(app, installation).await?.secret);
                }
                Ok(short(&tokens.iter().collect::<Vec<_>>()))
            }
        }
    }

    /// A short id of the token for `repo`.
    pub(crate) async fn fingerprint_for(&self, repo: &RepoName) -> Result<String, ForgeError> {
        Ok(short(&[&self.token_for(repo).await?.secret]))
    }

    /// Installations are per owner and are kept, so that a cold start does not ask again.
    async fn known_installations(&self, app: &App) -> Result<BTreeMap<String, u64>, ForgeError> {
        let mut found = self.tokens.found.lock().await;
        if let Some(known) = &*found {
            return Ok(known.clone());
        }
        let note = self.tokens.ledger.note(&note_name(app)).await.map_err(unavailable)?;
        let known: BTreeMap<String, u64> =
            note.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default();
        Ok(found.insert(known).clone())
    }

    async fn installation_of(&self, app: &App, repo: &RepoName) -> Result<u64, ForgeError> {
        let known = self.known_installations(app).await?;
        // A repository that was transferred is under its own name.
        match known.get(&repo.to_string()).or_else(|| known.get(repo.owner())) {
            Some(id) => Ok(*id),
            None => self.look_for_installation(app, repo, repo.owner()).await,
        }
    }

    /// Looks for the installation again, of a repository that the token of its owner's does not show: it may have been transferred.
    /// Whether there is another one.
    pub(crate) async fn has_moved_away(&self, repo: &RepoName) -> Result<bool, ForgeError> {
        let Kind::App(app) = &self.tokens.kind else { return Ok(false) };
        if app.installation.is_some() {
            return Ok(false);
        }
        let before = self.installation_of(app, repo).await?;
        match self.look_for_installation(app, repo, &repo.to_string()).await {
            Ok(now) => Ok(now != before),
            Err(ForgeError::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn look_for_installation(
        &self,
        app: &App,
        repo: &RepoName,
        keep_as: &str,
    ) -> Result<u64, ForgeError> {
        let doing = format!("looking for the App's installation on `{repo}`");
        let path = format!("/repos/{}/{}/installation", escaped(repo.owner()), escaped(repo.name()));
        let what = format!("an installation of the App on `{repo}`");
        let ask =
            Ask { method: &Method::GET, path: &path, etag: None, body: None, doing: &doing, what: &what };
        let Installation { id } = parsed(&self.ask_as_app(ask).await?, &doing)?;
        self.keep_installation(app, keep_as, id).await?;
        Ok(id)
    }

    /// Whether we are an App.
    pub(crate) fn is_app(&self) -> bool {
        matches!(self.tokens.kind, Kind::App(_))
    }

    /// Finds the App's installation for an organisation or a person, and keeps it, unless it is known.
    pub(crate) async fn find_installation_of(&self, owner: &str) -> Result<(), ForgeError> {
        let Kind::App(app) = &self.tokens.kind else { return Ok(()) };
        if app.installation.is_some()
            || self.known_installations(app).await?.contains_key(&owner.to_ascii_lowercase())
        {
            return Ok(());
        }
        let what = format!("an installation of the App for `{owner}`");
        let doing = format!("looking for the App's installation for `{owner}`");
        let of = async |kind: &str| {
            let path = format!("/{kind}/{}/installation", escaped(owner));
            let ask =
                Ask { method: &Method::GET, path: &path, etag: None, body: None, doing: &doing, what: &what };
            parsed::<Installation>(&self.ask_as_app(ask).await?, &doing)
        };
        let found = match of("orgs").await {
            Err(ForgeError::NotFound(_)) => of("users").await?,
            other => other?,
        };
        self.keep_installation(app, &owner.to_ascii_lowercase(), found.id).await
    }

    async fn keep_installation(&self, app: &App, owner: &str, id: u64) -> Result<(), ForgeError> {
        let mut known = self.known_installations(app).await?;
        known.insert(owner.to_owned(), id);
        let value = serde_json::to_value(&known).expect("names and numbers always serialise");
        self.tokens.ledger.save_note(&note_name(app), &value).await.map_err(unavailable)?;
        *self.tokens.found.lock().await = Some(known);
        Ok(())
    }

    async fn installation_token(&self, app: &App, installation: u64) -> Result<Token, ForgeError> {
        let name = format!("github-app-{}-installation-{installation}", app.id);
        let good = |token: &Token| token.expires_at > self.clock.now() + MARGIN_S;
        let mut held = self.tokens.held.lock().await;
        if let Some(token) = held.get(&name).filter(|token| good(token)) {
            return Ok(token.clone());
        }
        let (secret, expires_at) = match self.tokens.shared(app, &name, MARGIN_S).await? {
            Some(shared) => shared,
            None => self.made_once(app, &name, installation).await?,
        };
        let token = Token { name: name.clone(), secret, expires_at };
        held.insert(name, token.clone());
        Ok(token)
    }
}

fn note_name(app: &App) -> String {
    format!("github-app-{}-installations", app.id)
}

/// 16 hexadecimal digits of the SHA-256 of secrets.
fn short(secrets: &[&SecretString]) -> String {
    let mut hash = Sha256::new();
    secrets.iter().for_each(|secret| hash.update(secret.expose_secret()));
    hex::encode(&hash.finalize()[..8])
}

fn same(secret: &SecretString, text: &str) -> bool {
    secret.expose_secret() == text
}

pub(crate) fn unavailable(error: TableError) -> ForgeError {
    ForgeError::Unavailable { doing: "sharing a token".to_owned(), reason: error.to_string() }
}
