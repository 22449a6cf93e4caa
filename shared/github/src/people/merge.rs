//! A merge of one head, as a person, at most once: GitHub refuses any other head, and what it did is looked at wherever that is not
//! certain.

use domain::{CommitSha, MergeMethod, PullKey};
use http::Method;
use ports::{ForgeError, MergedBy, PersonError};
use serde::Deserialize;
use serde_json::json;

use super::LinkedPeople;
use super::act::writing;
use super::held::Actor;
use super::makers::asking;
use crate::policy::parsed;
use crate::read::repo_path;
use crate::wire::User;

/// What GitHub answers to a merge.
#[derive(Deserialize)]
struct Answered {
    merged: bool,
    #[serde(default)]
    message: String,
}

/// A pull request, as far as it says whether it is merged.
#[derive(Deserialize)]
struct Seen {
    html_url: String,
    #[serde(default)]
    merged: bool,
    merged_by: Option<User>,
    head: Head,
}

#[derive(Deserialize)]
struct Head {
    sha: CommitSha,
}

impl LinkedPeople {
    pub(super) async fn one_merge(
        &self,
        actor: &Actor<'_>,
        key: &PullKey,
        head: &CommitSha,
        how: MergeMethod,
    ) -> Result<MergedBy, PersonError> {
        let doing = format!("merging `{key}`");
        let content = json!({ "sha": head.as_str(), "merge_method": how.word() });
        let path = format!("{}/pulls/{}/merge", repo_path(&key.repo), key.number);
        let what = format!("`{key}`");
        let answer = self.ask_as(actor, writing(&Method::PUT, &path, &content, &doing, &what)).await;
        let refusal = match answer.map(|answer| parsed::<Answered>(&answer, &doing)) {
            Ok(Ok(answered)) if !answered.merged => PersonError::Unmergeable(why(&answered.message)),
            Ok(Ok(_)) => unavailable(&doing, "it says that this is merged, and shows it open"),
            // It may have landed all the same.
            Ok(Err(error)) => error.into(),
            Err(PersonError::Forge(error @ ForgeError::Unavailable { .. })) => error.into(),
            Err(PersonError::Forge(ForgeError::Refused { reason, .. })) => {
                PersonError::Unmergeable(why(&reason))
            }
            Err(error) => return Err(error),
        };
        match self.merge_of(actor, key).await? {
            Some(merged) if merged.them && merged.head == *head => Ok(merged),
            Some(_) => Err(PersonError::Unmergeable("it is merged already".to_owned())),
            None => Err(refusal),
        }
    }

    pub(super) async fn merge_of(
        &self,
        actor: &Actor<'_>,
        key: &PullKey,
    ) -> Result<Option<MergedBy>, PersonError> {
        let path = format!("{}/pulls/{}", repo_path(&key.repo), key.number);
        let doing = format!("looking whether `{key}` is merged");
        let seen: Seen =
            parsed(&self.ask_as(actor, asking(&path, &doing, &format!("`{key}`"))).await?, &doing)?;
        if !seen.merged {
            return Ok(None);
        }
        let them = seen.merged_by.is_some_and(|by| by.id == actor.account);
        Ok(Some(MergedBy { head: seen.head.sha, them, url: seen.html_url }))
    }
}

fn unavailable(doing: &str, reason: &str) -> PersonError {
    PersonError::Forge(ForgeError::Unavailable { doing: doing.to_owned(), reason: reason.to_owned() })
}

/// GitHub's refusal in words that say what to do. Its own words stay where they say it.
fn why(said: &str) -> String {
    let text = said.to_ascii_lowercase();
    if said.ends_with("(409)") || text.contains("head branch was modified") {
        return "new commits arrived just now. Wait for their report".to_owned();
    }
    if text.contains("base branch was modified") {
        return "the base branch moved in that moment. Click Merge again".to_owned();
    }
    if text.contains("not accessible by integration") {
        return "the GitHub App may not merge: it needs the permission `Contents: write`. Merge on GitHub, or ask whoever runs Preflux".to_owned();
    }
    if text.contains("is not mergeable") {
        return "GitHub does not merge it as it is: it conflicts with its base branch, or waits for reviews or checks. Look at its page".to_owned();
    }
    format!("GitHub does not merge it: {}", said.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::why;

    #[test]
    fn refusals_say_what_to_do() {
        let check = |said: &str, part: &str| assert!(why(said).contains(part), "{said}: {}", why(said));
        check("Head branch was modified. Review and try the merge again. (409)", "Wait for their report");
        check("Base branch was modified. Review and try the merge again. (405)", "Click Merge again");
        check("Pull Request is not mergeable (405)", "conflicts with its base branch");
        check("Resource not accessible by integration (403)", "`Contents: write`");
        check("At least 1 approving review is required (405)", "it: At least 1 approving review is required");
    }
}
