//! The GET endpoints of a repository, and who the caller is.

use serde_json::{Value, json};

use super::auth::{self, APP_PERMISSIONS, Access, Caller};
use super::rest::{Answer, Ask};
use super::shape::{self, Links, RepoFacts, Totals};
use super::state::{Permission, Pull, PullState, Repo, State};
use super::{APP_ID, INSTALLATION_ID, Inner, urls};

/// Most files GitHub lists of one pull request.
const MAX_FILES: usize = 3000;

pub(crate) fn user(inner: &Inner, caller: &Caller) -> Answer {
    match caller {
        Caller::Token(token) if token.installation.is_none() => {
            let links = Links::of(inner);
            Answer::json(200, &shape::myself(&mut inner.state(), &links, &token.login))
                .with("x-oauth-scopes", "repo")
        }
        Caller::Token(_) => Answer::error(403, "Resource not accessible by integration"),
        Caller::App => Answer::error(401, "Bad credentials"),
        Caller::Anonymous => Answer::error(401, "Requires authentication"),
    }
}

pub(crate) fn app(inner: &Inner, caller: &Caller) -> Answer {
    if !matches!(caller, Caller::App) {
        return Answer::error(401, "A JSON web token could not be decoded");
    }
    let links = Links::of(inner);
    Answer::json(200, &shape::app(&mut inner.state(), &links))
}

/// The App's installation on a repository: there is one, everywhere.
pub(crate) fn installation(inner: &Inner, caller: &Caller, owner: &str, name: &str) -> Answer {
    if !matches!(caller, Caller::App) {
        return Answer::error(401, "A JSON web token could not be decoded");
    }
    let links = Links::of(inner);
    let mut state = inner.state();
    if !state.repos.contains_key(&format!("{owner}/{name}").to_ascii_lowercase()) {
        return Answer::not_found();
    }
    let account = shape::user(&mut state, &links, owner);
    let api = format!("{}/app/installations/{INSTALLATION_ID}", links.api);
    let permissions: Value = APP_PERMISSIONS.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect();
    Answer::json(
        200,
        &json!({"id": INSTALLATION_ID, "account": account, "app_id": APP_ID, "app_slug": state.app_slug, "target_id": account["id"],
                "target_type": "Organization", "repository_selection": "all", "access_tokens_url": format!("{api}/access_tokens"),
                "repositories_url": format!("{}/installation/repositories", links.api), "html_url": format!("{}/installations", links.web),
                "permissions": permissions, "events": [], "single_file_name": null, "created_at": "2023-11-14T22:13:20Z",
                "updated_at": "2023-11-14T22:13:20Z", "suspended_at": null, "suspended_by": null}),
    )
}

/// A request inside one repository.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At<'a> {
    pub(crate) inner: &'a Inner,
    pub(crate) ask: &'a Ask,
    pub(crate) caller: &'a Caller,
    pub(crate) owner: &'a str,
    pub(crate) name: &'a str,
}

/// A pull request found, with what its JSON needs.
pub(crate) struct Found {
    pub(crate) full: String,
    pub(crate) facts: RepoFacts,
    pub(crate) bare: super::git::Bare,
    pub(crate) pull: Pull,
}

impl At<'_> {
    pub(crate) fn key(&self) -> String {
        format!("{}/{}", self.owner, self.name).to_ascii_lowercase()
    }

    pub(crate) fn links(&self) -> Links {
        Links::of(self.inner)
    }

    /// The repository, when the caller may do this there; the refusal otherwise.
    pub(crate) fn repo<'s>(
        &self,
        state: &'s State,
        permission: &str,
        level: &str,
    ) -> Result<&'s Repo, Answer> {
        let repo = state.repos.get(&self.key()).ok_or_else(Answer::not_found)?;
        match auth::access(state, repo, self.caller, permission, level) {
            Access::Granted => Ok(repo),
            Access::Hidden => Err(Answer::not_found()),
            Access::Refused if matches!(self.caller, Caller::Anonymous) => {
                Err(Answer::error(401, "Requires authentication"))
            }
            Access::Refused => Err(Answer::error(403, "Resource not accessible by integration")
                .with("x-accepted-github-permissions", format!("{permission}={level}"))),
        }
    }

    pub(crate) fn find(&self, number: &str, permission: &str, level: &str) -> Result<Found, Answer> {
        let state = self.inner.state();
        let repo = self.repo(&state, permission, level)?;
        let pull =
            number.parse::<u64>().ok().and_then(|n| repo.pulls.get(&n)).ok_or_else(Answer::not_found)?;
        Ok(Found {
            full: repo.full_name(),
            facts: RepoFacts::of(repo),
            bare: repo.bare.clone(),
            pull: pull.clone(),
        })
    }

    pub(crate) fn repository(&self) -> Answer {
        let mut state = self.inner.state();
        let (facts, held) = match self.repo(&state, "metadata", "read") {
            Ok(repo) => (RepoFacts::of(repo), self.held(&state, repo)),
            Err(refusal) => return refusal,
        };
        Answer::json(200, &shape::repository_full(&mut state, &self.links(), &facts, held))
    }

    /// The rights of the caller; an anonymous one is told none. An installation has none of its own.
    fn held(&self, state: &State, repo: &Repo) -> Option<Permission> {
        match self.caller {
            Caller::Token(token) if token.installation.is_none() => {
                Some(state.permission(repo, &token.login))
            }
            Caller::Token(_) => Some(Permission::None),
            Caller::App | Caller::Anonymous => None,
        }
    }

    pub(crate) fn pulls(&self) -> Answer {
        let query = |name: &str, or: &str| self.ask.query.get(name).cloned().unwrap_or_else(|| or.to_owned());
        let (wanted, sort) = (query("state", "open"), query("sort", "created"));
        if !["open", "closed", "all"].contains(&wanted.as_str()) {
            return invalid("PullRequest", "state");
        }
        let direction = query("direction", if sort == "created" { "desc" } else { "asc" });
        let mut state = self.inner.state();
        let (facts, mut pulls) = match self.repo(&state, "pull_requests", "read") {
            Ok(repo) => (RepoFacts::of(repo), repo.pulls.values().cloned().collect::<Vec<_>>()),
            Err(refusal) => return refusal,
        };
        pulls.retain(|p| match wanted.as_str() {
            "all" => true,
            "open" => p.state == PullState::Open,
            _ => p.state != PullState::Open,
        });
        let base = self.ask.query.get("base");
        pulls.retain(|p| base.is_none_or(|b| *b == p.base_ref));
        let head = self.ask.query.get("head").and_then(|h| h.split_once(':'));
        pulls.retain(|p| {
            head.is_none_or(|(who, branch)| {
                branch == p.head_ref && (who == if p.fork { &p.author } else { self.owner })
            })
        });
        pulls.sort_by_key(|p| (if sort == "updated" { p.updated_at } else { p.created_at }, p.number));
        if direction == "desc" {
            pulls.reverse();
        }
        let links = self.links();
        self.paged(&pulls, |pull| shape::pull(&mut state, &links, &facts, pull))
    }

    pub(crate) fn pull(&self, number: &str) -> Answer {
        let found = match self.find(number, "pull_requests", "read") {
            Ok(found) => found,
            Err(refusal) => return refusal,
        };
        let (base, head) = (&found.pull.base_sha, &found.pull.head_sha);
        let files = found.bare.files(base, head).unwrap_or_default();
        let totals = Totals {
            additions: files.iter().map(|f| f.additions).sum(),
            deletions: files.iter().map(|f| f.deletions).sum(),
            files: files.len(),
            commits: found.bare.commits(base, head).unwrap_or_default().len(),
        };
        let mut state = self.inner.state();
        let shown = shape::pull_full(&mut state, &self.links(), &found.facts, &found.pull, totals);
        let now = state.clock.now();
        let asked = state.repos.get_mut(&self.key()).map(|repo| repo.asked_for(found.pull.number, now));
        if let Some(Err(error)) = asked {
            return Answer::error(500, &format!("{error:#}"));
        }
        Answer::json(200, &shown)
    }

    pub(crate) fn files(&self, number: &str) -> Answer {
        match self.find(number, "pull_requests", "read") {
            Ok(Found { full, bare, pull, .. }) => {
                let mut files = bare.files(&pull.base_sha, &pull.head_sha).unwrap_or_default();
                files.truncate(MAX_FILES);
                let links = self.links();
                self.paged(&files, |file| shape::file(&links, &full, &pull.head_sha, file))
            }
            Err(refusal) => refusal,
        }
    }

    pub(crate) fn commits(&self, number: &str) -> Answer {
        match self.find(number, "pull_requests", "read") {
            Ok(Found { full, bare, pull, .. }) => {
                let mut commits = bare.commits(&pull.base_sha, &pull.head_sha).unwrap_or_default();
                commits.truncate(250);
                let (links, mut state) = (self.links(), self.inner.state());
                self.paged(&commits, |commit| shape::commit(&mut state, &links, &full, commit))
            }
            Err(refusal) => refusal,
        }
    }

    pub(crate) fn reviews(&self, number: &str) -> Answer {
        match self.find(number, "pull_requests", "read") {
            Ok(Found { full, pull, .. }) => {
                let (links, mut state) = (self.links(), self.inner.state());
                self.paged(&pull.reviews, |r| shape::review(&mut state, &links, &full, pull.number, r))
            }
            Err(refusal) => refusal,
        }
    }

    pub(crate) fn comments(&self, number: &str) -> Answer {
        match self.find(number, "issues", "read").or_else(|_| self.find(number, "pull_requests", "read")) {
            Ok(Found { full, pull, .. }) => {
                let (links, mut state) = (self.links(), self.inner.state());
                self.paged(&pull.comments, |c| shape::comment(&mut state, &links, &full, c))
            }
            Err(refusal) => refusal,
        }
    }

    pub(crate) fn comment(&self, id: &str) -> Answer {
        let mut state = self.inner.state();
        let found =
            match self.repo(&state, "issues", "read").or_else(|_| self.repo(&state, "pull_requests", "read"))
            {
                Ok(repo) => {
                    repo.pulls.values().flat_map(|p| &p.comments).find(|c| c.id.to_string() == id).cloned()
                }
                Err(refusal) => return refusal,
            };
        let full = format!("{}/{}", self.owner, self.name);
        found.map_or_else(Answer::not_found, |c| {
            Answer::json(200, &shape::comment(&mut state, &self.links(), &full, &c))
        })
    }

    pub(crate) fn git_ref(&self, name: &str) -> Answer {
        let reference = format!("refs/{name}");
        self.resolved(&reference, Answer::not_found, |_, links, full, sha| {
            let api = format!("{}/repos/{full}/git", links.api);
            json!({"ref": reference, "node_id": "UmVm", "url": format!("{api}/{}", urls::path(&reference)),
                   "object": {"type": "commit", "sha": sha, "url": format!("{api}/commits/{sha}")}})
        })
    }

    pub(crate) fn branch(&self, branch: &str) -> Answer {
        let missing = || Answer::error(404, "Branch not found");
        self.resolved(&format!("refs/heads/{branch}"), missing, |commit, links, full, _| {
            let escaped = urls::path(branch);
            let api = format!("{}/repos/{full}/branches/{escaped}", links.api);
            let checks = json!({"enforcement_level": "off", "contexts": [], "checks": []});
            json!({"name": branch, "commit": commit, "protected": false, "protection_url": format!("{api}/protection"),
                   "protection": {"enabled": false, "required_status_checks": checks},
                   "_links": {"self": api, "html": format!("{}/{full}/tree/{escaped}", links.web)}})
        })
    }

    pub(crate) fn commit(&self, name: &str) -> Answer {
        let missing = || Answer::error(422, &format!("No commit found for SHA: {name}"));
        self.resolved(name, missing, |commit, _, _, _| commit)
    }

    /// Answers from the commit that `name` resolves to: `make(commit JSON, links, full name, sha)`.
    fn resolved(
        &self,
        name: &str,
        missing: impl Fn() -> Answer,
        make: impl Fn(Value, &Links, &str, &str) -> Value,
    ) -> Answer {
        let mut state = self.inner.state();
        let (full, bare) = match self.repo(&state, "contents", "read") {
            Ok(repo) => (repo.full_name(), repo.bare.clone()),
            Err(refusal) => return refusal,
        };
        let sha = bare.resolve(name).or_else(|| bare.resolve(&format!("refs/heads/{name}")));
        let Some(info) = sha.and_then(|sha| bare.commit_info(&sha)) else { return missing() };
        let links = self.links();
        let commit = shape::commit(&mut state, &links, &full, &info);
        Answer::json(200, &make(commit, &links, &full, &info.sha))
    }

    pub(crate) fn permission(&self, login: &str) -> Answer {
        let mut state = self.inner.state();
        let (permission, known) = match self.repo(&state, "metadata", "read") {
            Ok(repo) => (state.permission(repo, login), state.users.contains_key(login)),
            Err(refusal) => return refusal,
        };
        if !known {
            return Answer::error(404, &format!("{login} is not a user"));
        }
        if matches!(self.caller, Caller::Anonymous) {
            return Answer::error(401, "Requires authentication");
        }
        let (user, held) = (shape::user(&mut state, &self.links(), login), permission.as_str());
        let mut with_rights = user;
        with_rights["permissions"] = shape::rights(permission);
        with_rights["role_name"] = json!(held);
        Answer::json(200, &json!({"permission": held, "role_name": held, "user": with_rights}))
    }
}

fn invalid(resource: &str, field: &str) -> Answer {
    let mut body = super::message(422, "Validation Failed");
    body["errors"] = json!([{"resource": resource, "code": "invalid", "field": field}]);
    Answer::json(422, &body)
}

/// One page of a list, with GitHub's `Link` header.
pub(crate) fn pages<T>(inner: &Inner, ask: &Ask, all: &[T], show: impl FnMut(&T) -> Value) -> Answer {
    let (page, per_page) = ask.page();
    let last = all.len().div_ceil(per_page).max(1);
    let shown: Vec<Value> =
        all.iter().skip((page - 1).saturating_mul(per_page)).take(per_page).map(show).collect();
    let link = |to: usize, rel: &str| {
        let mut query: Vec<(&str, String)> =
            ask.query.iter().filter(|(k, _)| *k != "page").map(|(k, v)| (k.as_str(), v.clone())).collect();
        query.push(("page", to.to_string()));
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        format!("<{}{}?{query}>; rel=\"{rel}\"", inner.url, ask.path)
    };
    let mut links = Vec::new();
    if page > 1 {
        links.push(link((page - 1).min(last), "prev"));
    }
    if page < last {
        links.extend([link(page + 1, "next"), link(last, "last")]);
    }
    if page > 1 {
        links.push(link(1, "first"));
    }
    let answer = Answer::json(200, &Value::Array(shown));
    if links.is_empty() { answer } else { answer.with("link", links.join(", ")) }
}
