//! What people do as themselves: a review of one head, at most once, and taking it back.

use domain::{CommitSha, PullKey};
use http::Method;
use ports::{ForgeError, PersonError, Review, Verdict};
use serde::Deserialize;
use serde_json::{Value, json};

use super::LinkedPeople;
use super::held::Actor;
use super::makers::asking;
use crate::http::Ask;
use crate::policy::{has_next, parsed};
use crate::read::repo_path;
use crate::wire::User;

/// Pages of 100 reviews that are searched.
const MAX_PAGES: u32 = 20;

#[derive(Deserialize)]
struct Seen {
    id: u64,
    html_url: String,
    state: String,
    commit_id: Option<String>,
    user: Option<User>,
    #[serde(default)]
    body: String,
}

impl LinkedPeople {
    pub(super) async fn one_review(
        &self,
        actor: &Actor<'_>,
        key: &PullKey,
        head: &CommitSha,
        verdict: Verdict,
        body: &str,
    ) -> Result<Review, PersonError> {
        if let Some(seen) = self.review_of(actor, key, head, verdict, body).await? {
            return Ok(Review::AlreadyApproved { url: seen.html_url });
        }
        let doing = format!("reviewing `{key}`");
        let content = json!({ "event": event(verdict), "commit_id": head.as_str(), "body": body });
        let path = format!("{}/pulls/{}/reviews", repo_path(&key.repo), key.number);
        let what = format!("`{key}`");
        let ask = writing(&Method::POST, &path, &content, &doing, &what);
        match self.ask_as(actor, ask).await {
            Ok(answer) => Ok(Review::Approved { url: parsed::<Seen>(&answer, &doing)?.html_url }),
            // It may have landed all the same.
            Err(PersonError::Forge(error @ ForgeError::Unavailable { .. })) => {
                let seen = self.review_of(actor, key, head, verdict, body).await?;
                seen.map(|seen| Review::Approved { url: seen.html_url }).ok_or(error.into())
            }
            Err(error) => Err(error),
        }
    }

    /// Their standing review of exactly this head. Approvals are all the same; a request for changes is what it says.
    async fn review_of(
        &self,
        actor: &Actor<'_>,
        key: &PullKey,
        head: &CommitSha,
        verdict: Verdict,
        body: &str,
    ) -> Result<Option<Seen>, PersonError> {
        let (doing, what) = (format!("listing the reviews of `{key}`"), format!("`{key}`"));
        let mut found = None;
        for page in 1..=MAX_PAGES {
            let path =
                format!("{}/pulls/{}/reviews?per_page=100&page={page}", repo_path(&key.repo), key.number);
            let answer = self.ask_as(actor, asking(&path, &doing, &what)).await?;
            let own = parsed::<Vec<Seen>>(&answer, &doing)?
                .into_iter()
                .filter(|seen| seen.user.as_ref().is_some_and(|user| user.id == actor.account))
                .filter(|seen| ["APPROVED", "CHANGES_REQUESTED", "DISMISSED"].contains(&seen.state.as_str()));
            // The last one counts: an approval before a request for changes stands no more.
            found = own.fold(found, |_, newer| Some(newer));
            if !has_next(&answer) {
                let stands = |seen: &Seen| {
                    let same = verdict == Verdict::Approve || lines(&seen.body).eq(lines(body));
                    same && seen.state == state(verdict) && seen.commit_id.as_deref() == Some(head.as_str())
                };
                return Ok(found.filter(stands));
            }
        }
        let reason = format!("it has more than {} reviews", MAX_PAGES * 100);
        Err(PersonError::Forge(ForgeError::Refused { doing, reason }))
    }

    pub(super) async fn taken_back(
        &self,
        actor: &Actor<'_>,
        key: &PullKey,
        head: &CommitSha,
        why: &str,
    ) -> Result<(), PersonError> {
        let Some(seen) = self.review_of(actor, key, head, Verdict::Approve, "").await? else { return Ok(()) };
        let path = format!("{}/pulls/{}/reviews/{}/dismissals", repo_path(&key.repo), key.number, seen.id);
        let content = json!({ "message": why, "event": "DISMISS" });
        let (doing, what) = (format!("taking the approval of `{key}` back"), format!("`{key}`"));
        self.ask_as(actor, writing(&Method::PUT, &path, &content, &doing, &what)).await.map(drop)
    }
}

pub(super) fn writing<'a>(
    method: &'a Method,
    path: &'a str,
    body: &'a Value,
    doing: &'a str,
    what: &'a str,
) -> Ask<'a> {
    Ask { method, path, etag: None, body: Some(body), doing, what }
}

/// What a text says, however its lines end.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.trim().lines().map(str::trim_end)
}

fn event(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approve => "APPROVE",
        Verdict::RequestChanges => "REQUEST_CHANGES",
    }
}

fn state(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approve => "APPROVED",
        Verdict::RequestChanges => "CHANGES_REQUESTED",
    }
}
