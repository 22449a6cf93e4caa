//! The one comment per pull request: found by its marker and our own account, edited rather than posted again.

use domain::PullKey;
use http::Method;
use ports::ForgeError;
use serde::Deserialize;
use serde_json::json;

use crate::GitHub;
use crate::http::Ask;
use crate::policy::parsed;
use crate::read::repo_path;
use crate::wire::{App, Comment, User};

/// Pages of 100 comments that are searched.
const MAX_PAGES: u32 = 50;

/// Who writes in our name.
pub(crate) enum Me {
    /// The account of a personal token.
    User(u64),
    /// An App's bot, by login; no person can take a name with brackets.
    Bot(String),
}

impl Me {
    /// Whether something is by us.
    pub(crate) fn is(&self, user: Option<&User>) -> bool {
        user.is_some_and(|user| match self {
            Self::User(id) => user.id == *id,
            Self::Bot(login) => user.kind == "Bot" && user.login.eq_ignore_ascii_case(login),
        })
    }
}

impl GitHub {
    /// Who we are; asked once.
    pub(crate) async fn me(&self, key: &PullKey) -> Result<Me, ForgeError> {
        #[derive(Deserialize)]
        struct Account {
            id: u64,
        }
        let doing = "asking GitHub who we are";
        if self.tokens.app_id().is_none() {
            let ask = || self.get::<Account>(&key.repo, "/user", doing, "our account");
            let id = self.tokens.user.get_or_try_init(async || Ok(ask().await?.id)).await?;
            return Ok(Me::User(*id));
        }
        Ok(Me::Bot(format!("{}[bot]", self.app_slug().await?)))
    }

    /// The App's short name; asked once.
    pub(crate) async fn app_slug(&self) -> Result<&str, ForgeError> {
        let doing = "asking GitHub which App we are";
        let ask = Ask { method: &Method::GET, path: "/app", etag: None, body: None, doing, what: "the App" };
        let slug = async || Ok(parsed::<App>(&self.ask_as_app(ask).await?, doing)?.slug);
        self.tokens.slug.get_or_try_init(slug).await.map(String::as_str)
    }

    pub(crate) async fn one_comment(
        &self,
        key: &PullKey,
        marker: &str,
        body: &str,
    ) -> Result<String, ForgeError> {
        let me = self.me(key).await?;
        if let Some(url) = self.settle(key, &me, marker, body).await? {
            return Ok(url);
        }
        let doing = format!("commenting on `{key}`");
        let path = format!("{}/issues/{}/comments", repo_path(&key.repo), key.number);
        let what = format!("`{key}`");
        let content = json!({ "body": body });
        let ask = Ask {
            method: &Method::POST,
            path: &path,
            etag: None,
            body: Some(&content),
            doing: &doing,
            what: &what,
        };
        match self.ask(&key.repo, ask).await.and_then(|answer| parsed::<Comment>(&answer, &doing)) {
            Ok(posted) => Ok(posted.html_url),
            // It may have landed all the same.
            Err(error @ ForgeError::Unavailable { .. }) => {
                self.settle(key, &me, marker, body).await?.ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Makes the first comment of ours with the marker say `body` and removes later ones; `None` when there is none.
    async fn settle(
        &self,
        key: &PullKey,
        me: &Me,
        marker: &str,
        body: &str,
    ) -> Result<Option<String>, ForgeError> {
        let mut ours = self.comments_of(key, me, marker).await?.into_iter();
        let Some(first) = ours.next() else { return Ok(None) };
        for spare in ours {
            self.delete_comment(key, &spare).await?;
        }
        if first.body.as_deref() == Some(body) {
            return Ok(Some(first.html_url));
        }
        let doing = format!("editing our comment on `{key}`");
        let content = json!({ "body": body });
        let (path, what) = (comment_path(key, &first), format!("our comment on `{key}`"));
        let ask = Ask {
            method: &Method::PATCH,
            path: &path,
            etag: None,
            body: Some(&content),
            doing: &doing,
            what: &what,
        };
        match self.ask(&key.repo, ask).await {
            Ok(_) => Ok(Some(first.html_url)),
            // Somebody deleted it since it was listed.
            Err(ForgeError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn comments_of(&self, key: &PullKey, me: &Me, marker: &str) -> Result<Vec<Comment>, ForgeError> {
        let doing = format!("listing the comments of `{key}`");
        let path = format!("{}/issues/{}/comments", repo_path(&key.repo), key.number);
        let (comments, all) =
            self.all::<Comment>(&key.repo, &path, MAX_PAGES, &doing, &format!("`{key}`")).await?;
        let ours =
            |c: &Comment| me.is(c.user.as_ref()) && c.body.as_deref().is_some_and(|b| b.contains(marker));
        let found: Vec<Comment> = comments.into_iter().filter(ours).collect();
        if found.is_empty() && !all {
            let reason = format!("it has more than {} comments", MAX_PAGES * 100);
            return Err(ForgeError::Refused { doing, reason });
        }
        Ok(found)
    }

    async fn delete_comment(&self, key: &PullKey, comment: &Comment) -> Result<(), ForgeError> {
        let doing = format!("deleting a spare comment of ours on `{key}`");
        let (path, what) = (comment_path(key, comment), "the comment");
        let ask = Ask { method: &Method::DELETE, path: &path, etag: None, body: None, doing: &doing, what };
        match self.ask(&key.repo, ask).await {
            Ok(_) | Err(ForgeError::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn comment_path(key: &PullKey, comment: &Comment) -> String {
    format!("{}/issues/comments/{}", repo_path(&key.repo), comment.id)
}
