//! What is read of pull requests, branches and people.

use domain::{CommitSha, Permission, PullKey, PullRequest, RepoName};
use http::Method;
use ports::{ChangedFiles, Conditional, EventPage, ForgeError, PullPage, RepoEvent};
use serde_json::Value;

use crate::GitHub;
use crate::carry::Guess;
use crate::http::{Answer, Ask, escaped};
use crate::policy::{has_next, parsed};
use crate::wire::{Collaborator, File, Pull, Ref};

/// GitHub lists this many files of a pull request and no more.
const MAX_FILES: usize = 3000;

/// How long GitHub wants to be left alone between two looks at events, unless it says so (seconds).
const EVENTS_EVERY_S: u64 = 60;

/// The start of every path about a repository.
pub(crate) fn repo_path(repo: &RepoName) -> String {
    format!("/repos/{}/{}", escaped(repo.owner()), escaped(repo.name()))
}

impl GitHub {
    pub(crate) async fn list_pulls(
        &self,
        repo: &RepoName,
        page: u32,
        etag: Option<&str>,
    ) -> Result<Conditional<PullPage>, ForgeError> {
        match self.one_page(repo, page, etag).await {
            Err(ForgeError::NotFound(_)) if self.has_moved_away(repo).await? => {
                self.one_page(repo, page, etag).await
            }
            other => other,
        }
    }

    async fn one_page(
        &self,
        repo: &RepoName,
        page: u32,
        etag: Option<&str>,
    ) -> Result<Conditional<PullPage>, ForgeError> {
        let doing = format!("listing the pull requests of `{repo}`");
        let mut path =
            format!("{}/pulls?state=all&sort=updated&direction=desc&per_page=100", repo_path(repo));
        if page > 1 {
            path.push_str(&format!("&page={page}"));
        }
        self.conditional(repo, &path, etag, &doing, &format!("repository `{repo}`"), |answer| {
            let mut found = PullPage { pulls: Vec::new(), unreadable: Vec::new(), more: has_next(answer) };
            for entry in parsed::<Vec<Value>>(answer, &doing)? {
                match readable(entry, repo) {
                    Ok(pull) => found.pulls.push(pull),
                    Err(why) => found.unreadable.push(why),
                }
            }
            Ok(found)
        })
        .await
    }

    pub(crate) async fn list_events(
        &self,
        repo: &RepoName,
        page: u32,
        etag: Option<&str>,
    ) -> Result<Conditional<EventPage>, ForgeError> {
        let doing = format!("listing the events of `{repo}`");
        let path = format!("{}/events?per_page=100&page={page}", repo_path(repo));
        self.conditional(repo, &path, etag, &doing, &format!("repository `{repo}`"), |answer| {
            let listed = parsed::<Vec<Value>>(answer, &doing)?;
            let event = |json: Value| Some(RepoEvent { id: json["id"].as_str()?.parse().ok()?, json });
            let interval = answer.header("x-poll-interval").and_then(|seconds| seconds.parse().ok());
            Ok(EventPage {
                events: listed.into_iter().filter_map(event).collect(),
                more: has_next(answer),
                interval_s: interval.unwrap_or(EVENTS_EVERY_S),
            })
        })
        .await
    }

    pub(crate) async fn one_pull(&self, key: &PullKey) -> Result<Option<PullRequest>, ForgeError> {
        let doing = format!("reading `{key}`");
        let path = format!("{}/pulls/{}", repo_path(&key.repo), key.number);
        match self.get::<Value>(&key.repo, &path, &doing, &format!("`{key}`")).await {
            Ok(entry) => {
                readable(entry, &key.repo).map(Some).map_err(|reason| ForgeError::Refused { doing, reason })
            }
            Err(ForgeError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn changed_files(&self, key: &PullKey) -> Result<ChangedFiles, ForgeError> {
        let doing = format!("listing the files of `{key}`");
        let path = format!("{}/pulls/{}/files", repo_path(&key.repo), key.number);
        let pages = u32::try_from(MAX_FILES / 100).expect("30 fits");
        let (files, all) = self.all::<File>(&key.repo, &path, pages, &doing, &format!("`{key}`")).await?;
        let complete = all && files.len() < MAX_FILES;
        let paths =
            files.into_iter().flat_map(|f| [Some(f.filename), f.previous_filename]).flatten().collect();
        Ok(ChangedFiles { paths, complete })
    }

    pub(crate) async fn branch_tip(
        &self,
        repo: &RepoName,
        branch: &str,
        etag: Option<&str>,
    ) -> Result<Conditional<CommitSha>, ForgeError> {
        let doing = format!("reading branch `{branch}` of `{repo}`");
        let name: Vec<String> = branch.split('/').map(escaped).collect();
        let path = format!("{}/git/ref/heads/{}", repo_path(repo), name.join("/"));
        let what = format!("branch `{branch}` of `{repo}`");
        self.conditional(repo, &path, etag, &doing, &what, |answer| {
            parsed::<Ref>(answer, &doing).map(|found| found.object.sha)
        })
        .await
    }

    pub(crate) async fn permission_of(&self, repo: &RepoName, login: &str) -> Result<Permission, ForgeError> {
        let doing = format!("reading what `{login}` may do in `{repo}`");
        let path = format!("{}/collaborators/{}/permission", repo_path(repo), escaped(login));
        match self.get::<Collaborator>(repo, &path, &doing, &format!("user `{login}`")).await {
            Ok(found) => Ok(found.permission()),
            Err(ForgeError::NotFound(_)) => Ok(Permission::None),
            Err(error) => Err(error),
        }
    }

    /// What the tag of the last answer would be for the token in use; nothing that goes wrong here is worth failing for.
    async fn guess(&self, repo: &RepoName, path: &str) -> Result<Option<Guess>, ForgeError> {
        let token = self.token_for(repo).await?;
        let guess = self.carry.guess(path, crate::http::ACCEPTED, &token.secret).await;
        Ok(guess.unwrap_or_else(|error| {
            tracing::debug!(error = %error, "no ETag could be carried over");
            None
        }))
    }

    async fn conditional<T>(
        &self,
        repo: &RepoName,
        path: &str,
        etag: Option<&str>,
        doing: &str,
        what: &str,
        read: impl Fn(&Answer) -> Result<T, ForgeError> + Send,
    ) -> Result<Conditional<T>, ForgeError> {
        // Of a list's further pages no tags are kept.
        let first = !path.contains("&page=");
        let guess = if first && etag.is_none() { self.guess(repo, path).await? } else { None };
        let etag = etag.or(guess.as_ref().map(|guess| guess.etag.as_str()));
        let ask = Ask { method: &Method::GET, path, etag, body: None, doing, what };
        let answer = self.ask(repo, ask).await?;
        let unchanged = answer.status == http::StatusCode::NOT_MODIFIED;
        if let Some(guess) = guess {
            let noted = match unchanged {
                true => self.carry.right(path, &guess).await,
                false => self.carry.wrong(path, &guess, &answer.body).await,
            };
            noted.unwrap_or_else(|error| tracing::debug!(error = %error, "how a guess went was not kept"));
        }
        if unchanged {
            return Ok(Conditional::NotModified);
        }
        let etag = answer.header("etag").map(str::to_owned);
        if let Some(etag) = etag.as_deref().filter(|_| first) {
            self.carry.remember(path, etag, &answer.body);
        }
        Ok(Conditional::Fresh { value: read(&answer)?, etag })
    }
}

fn readable(entry: Value, repo: &RepoName) -> Result<PullRequest, String> {
    let number = entry["number"].as_u64();
    let named = || number.map_or_else(|| format!("A pull request of `{repo}`"), |n| format!("`{repo}#{n}`"));
    let pull: Pull =
        serde_json::from_value(entry).map_err(|error| format!("{} is skipped: {error}.", named()))?;
    pull.into_domain(repo)
}
