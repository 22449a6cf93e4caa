//! The approval of one head, at most once.

use domain::{CommitSha, PullKey};
use http::Method;
use ports::{ForgeError, Review};
use serde_json::json;

use crate::GitHub;
use crate::http::Ask;
use crate::me::Me;
use crate::policy::parsed;
use crate::read::repo_path;
use crate::wire;

/// Pages of 100 reviews that are searched.
const MAX_PAGES: u32 = 20;

impl GitHub {
    pub(crate) async fn one_approval(
        &self,
        key: &PullKey,
        head: &CommitSha,
        body: &str,
    ) -> Result<Review, ForgeError> {
        let me = self.me(&key.repo).await?;
        if let Some(url) = self.approval_of(key, &me, head).await? {
            return Ok(Review::AlreadyApproved { url });
        }
        let doing = format!("approving `{key}`");
        let path = format!("{}/pulls/{}/reviews", repo_path(&key.repo), key.number);
        let what = format!("`{key}`");
        let content = json!({ "event": "APPROVE", "commit_id": head.as_str(), "body": body });
        let ask = Ask {
            method: &Method::POST,
            path: &path,
            etag: None,
            body: Some(&content),
            doing: &doing,
            what: &what,
        };
        match self.ask(&key.repo, ask).await.and_then(|answer| parsed::<wire::Review>(&answer, &doing)) {
            Ok(review) => Ok(Review::Approved { url: review.html_url }),
            // It may have landed all the same.
            Err(error @ ForgeError::Unavailable { .. }) => {
                let url = self.approval_of(key, &me, head).await?.ok_or(error)?;
                Ok(Review::Approved { url })
            }
            Err(ForgeError::Refused { doing, reason }) => {
                Err(ForgeError::Refused { doing, reason: clearer(reason) })
            }
            Err(error) => Err(error),
        }
    }

    /// The page of a standing approval of ours for exactly this head.
    async fn approval_of(
        &self,
        key: &PullKey,
        me: &Me,
        head: &CommitSha,
    ) -> Result<Option<String>, ForgeError> {
        let doing = format!("listing the reviews of `{key}`");
        let path = format!("{}/pulls/{}/reviews", repo_path(&key.repo), key.number);
        let (reviews, all) =
            self.all::<wire::Review>(&key.repo, &path, MAX_PAGES, &doing, &format!("`{key}`")).await?;
        let ours = reviews.into_iter().find(|review| {
            review.state == "APPROVED"
                && review.commit_id.as_deref() == Some(head.as_str())
                && me.is(review.user.as_ref())
        });
        if ours.is_none() && !all {
            let reason = format!("it has more than {} reviews", MAX_PAGES * 100);
            return Err(ForgeError::Refused { doing, reason });
        }
        Ok(ours.map(|review| review.html_url))
    }
}

fn clearer(reason: String) -> String {
    if reason.to_ascii_lowercase().contains("approve your own pull request") {
        return "the account that Preflux uses opened this pull request, and GitHub lets nobody approve their own"
            .to_owned();
    }
    reason
}
