//! Who writes in our name, and whether something was written by us. An App is known by its id, which stays when it is renamed.

use domain::RepoName;
use http::Method;
use ports::ForgeError;
use serde::Deserialize;

use crate::GitHub;
use crate::http::Ask;
use crate::policy::parsed;
use crate::wire::{App, Comment, User};

/// Who writes in our name.
pub(crate) enum Me {
    /// The account of a personal token.
    User(u64),
    /// An App's bot.
    Bot {
        /// The App.
        app: u64,
        /// Its login; no person can take a name with brackets, but it changes with the App's name.
        login: String,
    },
}

impl Me {
    /// Whether an account is ours.
    pub(crate) fn is(&self, user: Option<&User>) -> bool {
        user.is_some_and(|user| match self {
            Self::User(id) => user.id == *id,
            Self::Bot { login, .. } => user.kind == "Bot" && user.login.eq_ignore_ascii_case(login),
        })
    }

    /// Whether a comment is ours. What a person wrote through our App is that person's.
    pub(crate) fn wrote(&self, comment: &Comment) -> bool {
        let bot = comment.user.as_ref().is_some_and(|user| user.kind == "Bot");
        match (self, &comment.via) {
            (Self::Bot { app, .. }, Some(via)) => bot && via.id == *app,
            _ => self.is(comment.user.as_ref()),
        }
    }
}

impl GitHub {
    /// Who we are; asked once.
    pub(crate) async fn me(&self, repo: &RepoName) -> Result<Me, ForgeError> {
        #[derive(Deserialize)]
        struct Account {
            id: u64,
        }
        let doing = "asking GitHub who we are";
        if let Some(app) = self.tokens.app_id() {
            return Ok(Me::Bot { app, login: format!("{}[bot]", self.app_slug().await?) });
        }
        let ask = || self.get::<Account>(repo, "/user", doing, "our account");
        let id = self.tokens.user.get_or_try_init(async || Ok(ask().await?.id)).await?;
        Ok(Me::User(*id))
    }

    /// The App's short name; asked once.
    pub(crate) async fn app_slug(&self) -> Result<&str, ForgeError> {
        let doing = "asking GitHub which App we are";
        let ask = Ask { method: &Method::GET, path: "/app", etag: None, body: None, doing, what: "the App" };
        let slug = async || Ok(parsed::<App>(&self.ask_as_app(ask).await?, doing)?.slug);
        self.tokens.slug.get_or_try_init(slug).await.map(String::as_str)
    }
}
