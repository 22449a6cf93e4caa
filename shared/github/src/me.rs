//! Who writes in our name, and whether something was written by us. An App is known by its id, which stays when it is renamed. Whoever
//! wrote before, until the configuration named another account, is remembered: comments go on being ours.

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

    /// What it is remembered by.
    fn id(&self) -> String {
        match self {
            Self::User(id) => format!("user-{id}"),
            Self::Bot { app, .. } => format!("app-{app}"),
        }
    }
}

/// All that ever wrote in our name.
pub(crate) struct Us {
    /// Who does now.
    pub(crate) me: Me,
    /// Everybody, by [`Me::id`].
    all: Vec<String>,
}

impl Us {
    /// Whether a comment is ours, whichever account it was written with.
    pub(crate) fn wrote(&self, comment: &Comment) -> bool {
        self.me.wrote(comment) || author_of(comment).is_some_and(|author| self.all.contains(&author))
    }
}

/// The author, as they would be remembered. A bot whose App is not told is nobody that we know.
fn author_of(comment: &Comment) -> Option<String> {
    let user = comment.user.as_ref()?;
    match (user.kind.as_str(), &comment.via) {
        ("Bot", via) => via.as_ref().map(|via| format!("app-{}", via.id)),
        _ => Some(format!("user-{}", user.id)),
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

    /// Who we are and were. Whoever asks is remembered before anything is written.
    pub(crate) async fn us(&self, repo: &RepoName) -> Result<Us, ForgeError> {
        let me = self.me(repo).await?;
        // Ids are those of one GitHub.
        let note = format!("writers#{}", self.http.host());
        let all = self.tokens.ledger.add_to_note(&note, &me.id()).await;
        let all = all.map_err(|error| ForgeError::Unavailable {
            doing: "remembering who writes".to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Us { me, all })
    }

    /// The App's short name; asked once.
    pub(crate) async fn app_slug(&self) -> Result<&str, ForgeError> {
        let doing = "asking GitHub which App we are";
        let ask = Ask { method: &Method::GET, path: "/app", etag: None, body: None, doing, what: "the App" };
        let slug = async || Ok(parsed::<App>(&self.ask_as_app(ask).await?, doing)?.slug);
        self.tokens.slug.get_or_try_init(slug).await.map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "the cases are well formed")]
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn comments_of_every_account_that_was_ours_are_ours() {
        let all = ["app-1", "app-2", "user-7"].map(str::to_owned).to_vec();
        let us = Us { me: Me::Bot { app: 1, login: "new[bot]".to_owned() }, all };
        let check = |login: &str, id: u64, kind: &str, app: Option<u64>, wanted: bool| {
            let via = app.map_or(Value::Null, |id| json!({ "id": id }));
            let user = json!({"login": login, "id": id, "type": kind});
            let comment = json!({"id": 1, "html_url": "", "user": user, "performed_via_github_app": via});
            let comment: Comment = serde_json::from_value(comment).unwrap();
            assert_eq!(us.wrote(&comment), wanted, "{login} {id} {kind} {app:?}");
        };
        check("new[bot]", 11, "Bot", Some(1), true);
        check("new[bot]", 11, "Bot", None, true);
        check("old[bot]", 12, "Bot", Some(2), true);
        check("machine", 7, "User", None, true);
        // Other Apps and people, whatever they are called, and people through our Apps.
        check("new[bot]", 13, "Bot", Some(3), false);
        check("old[bot]", 12, "Bot", None, false);
        check("odd[bot]", 7, "Bot", None, false);
        check("mallory", 2, "User", None, false);
        check("mallory", 8, "User", Some(1), false);
        check("mallory", 8, "User", Some(2), false);
    }
}
