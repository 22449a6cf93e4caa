//! GitHub's JSON: field names and shapes as its REST API sends them, complete enough for octocrab's models.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::auth::APP_PERMISSIONS;
use super::git::{CommitInfo, FileInfo};
use super::state::{Comment, Permission, Pull, PullState, Repo, Review, State};
use super::{APP_ID, Inner, urls};
use crate::clock::rfc3339;

/// The addresses that JSON is full of.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    pub(crate) api: String,
    pub(crate) web: String,
}

impl Links {
    pub(crate) fn of(inner: &Inner) -> Self {
        Self { api: inner.url.clone(), web: inner.web() }
    }
}

fn node(kind: &str, id: u64) -> String {
    STANDARD.encode(format!("{kind}:{id}"))
}

pub(crate) fn user(state: &mut State, links: &Links, login: &str) -> Value {
    let (user, escaped) = (state.user(login), urls::login(login));
    let (api, web) = (format!("{}/users/{escaped}", links.api), &links.web);
    let page = login.strip_suffix("[bot]").map_or_else(|| login.to_owned(), |app| format!("apps/{app}"));
    json!({
        "login": login, "id": user.id, "node_id": node("User", user.id), "avatar_url": format!("{web}/avatars/{}", user.id),
        "gravatar_id": "", "url": api, "html_url": format!("{web}/{page}"), "followers_url": format!("{api}/followers"),
        "following_url": format!("{api}/following{{/other_user}}"), "gists_url": format!("{api}/gists{{/gist_id}}"),
        "starred_url": format!("{api}/starred{{/owner}}{{/repo}}"), "subscriptions_url": format!("{api}/subscriptions"),
        "organizations_url": format!("{api}/orgs"), "repos_url": format!("{api}/repos"), "events_url": format!("{api}/events{{/privacy}}"),
        "received_events_url": format!("{api}/received_events"), "type": if user.bot { "Bot" } else { "User" }, "site_admin": false,
    })
}

/// What a repository's JSON is made from, so that a fork can be told without being there.
#[derive(Clone, Debug)]
pub(crate) struct RepoFacts {
    id: u64,
    owner: String,
    name: String,
    private: bool,
    archived: bool,
    fork: bool,
    default_branch: String,
    pushed_at: i64,
}

impl RepoFacts {
    pub(crate) fn of(repo: &Repo) -> Self {
        Self {
            id: repo.id,
            owner: repo.owner.clone(),
            name: repo.name.clone(),
            private: repo.private,
            archived: repo.archived,
            fork: false,
            default_branch: repo.default_branch.clone(),
            pushed_at: repo.pushed_at,
        }
    }

    fn forked_by(&self, login: &str) -> Self {
        Self { id: self.id + 1_000_000, owner: login.to_owned(), fork: true, ..self.clone() }
    }
}

pub(crate) fn repository(state: &mut State, links: &Links, facts: &RepoFacts) -> Value {
    let RepoFacts { id, owner, name, private, archived, fork, default_branch, pushed_at } = facts;
    let full = format!("{owner}/{name}");
    let (api, web) = (format!("{}/repos/{full}", links.api), format!("{}/{full}", links.web));
    let mut value = json!({
        "id": id, "node_id": node("Repository", *id), "name": name, "full_name": full, "private": private,
        "owner": user(state, links, owner), "html_url": web, "description": null, "fork": fork, "url": api,
        "clone_url": format!("{}/{full}.git", links.api), "git_url": format!("{}/{full}.git", links.api),
        "ssh_url": format!("git@github.com:{full}.git"), "svn_url": web, "mirror_url": null, "homepage": null, "language": null,
        "license": null, "size": 1, "default_branch": default_branch, "visibility": if *private { "private" } else { "public" },
        "archived": archived, "disabled": false, "created_at": rfc3339(crate::clock::START), "updated_at": rfc3339(*pushed_at),
        "pushed_at": rfc3339(*pushed_at),
    });
    let more = json!({
        "has_issues": true, "has_projects": true, "has_downloads": true, "has_wiki": true, "has_pages": false, "has_discussions": false,
        "allow_forking": true, "is_template": false, "topics": [], "stargazers_count": 0, "watchers_count": 0, "watchers": 0,
        "forks_count": 0, "forks": 0, "open_issues_count": 0, "open_issues": 0,
    });
    add(&mut value, more);
    add(&mut value, Value::Object(urls::of_a_repository(&api)));
    value
}

/// What only the answer for one repository has: the caller's rights, and counts.
pub(crate) fn repository_full(
    state: &mut State,
    links: &Links,
    facts: &RepoFacts,
    held: Option<Permission>,
) -> Value {
    let mut value = repository(state, links, facts);
    add(&mut value, json!({"network_count": 0, "subscribers_count": 0, "temp_clone_token": null}));
    if let Some(held) = held {
        value["permissions"] = rights(held);
    }
    value
}

/// A user's rights on a repository, as GitHub spells them out.
pub(crate) fn rights(held: Permission) -> Value {
    json!({"admin": held >= Permission::Admin, "maintain": held >= Permission::Admin, "push": held >= Permission::Write,
           "triage": held >= Permission::Write, "pull": held >= Permission::Read})
}

/// Oneself, with what GitHub tells only there.
pub(crate) fn myself(state: &mut State, links: &Links, login: &str) -> Value {
    let mut value = user(state, links, login);
    add(
        &mut value,
        json!({
            "name": null, "company": null, "blog": "", "location": null, "email": null, "hireable": null, "bio": null,
            "twitter_username": null, "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0, "user_view_type": "public",
            "created_at": rfc3339(crate::clock::START), "updated_at": rfc3339(crate::clock::START),
        }),
    );
    value
}

fn add(value: &mut Value, more: Value) {
    if let (Some(value), Value::Object(more)) = (value.as_object_mut(), more) {
        value.extend(more);
    }
}

/// A pull request as lists show it; [`pull_full`] adds what only a single one has.
pub(crate) fn pull(state: &mut State, links: &Links, facts: &RepoFacts, pull: &Pull) -> Value {
    let full = format!("{}/{}", facts.owner, facts.name);
    let (api, web) =
        (format!("{}/repos/{full}", links.api), format!("{}/{full}/pull/{}", links.web, pull.number));
    let one = format!("{api}/pulls/{}", pull.number);
    let issue = format!("{api}/issues/{}", pull.number);
    let head_facts = if pull.fork { facts.forked_by(&pull.author) } else { facts.clone() };
    let labels: Vec<Value> =
        pull.labels.iter().enumerate().map(|(i, name)| label(&api, i as u64, name)).collect();
    let end = |state: &mut State, branch: &str, sha: &str, facts: &RepoFacts| {
        json!({"label": format!("{}:{branch}", facts.owner), "ref": branch, "sha": sha,
               "user": user(state, links, &facts.owner), "repo": repository(state, links, facts)})
    };
    let merged_at = (pull.state == PullState::Merged).then_some(pull.closed_at).flatten();
    json!({
        "id": pull.id, "node_id": node("PullRequest", pull.id), "number": pull.number, "url": one, "html_url": web,
        "diff_url": format!("{web}.diff"), "patch_url": format!("{web}.patch"), "issue_url": issue,
        "commits_url": format!("{one}/commits"), "review_comments_url": format!("{one}/comments"),
        "review_comment_url": format!("{api}/pulls/comments{{/number}}"), "comments_url": format!("{issue}/comments"),
        "statuses_url": format!("{api}/statuses/{}", pull.head_sha),
        "state": if pull.state == PullState::Open { "open" } else { "closed" }, "locked": false, "title": pull.title,
        "user": user(state, links, &pull.author), "body": if pull.body.is_empty() { Value::Null } else { json!(pull.body) },
        "labels": labels, "milestone": null, "active_lock_reason": null, "created_at": rfc3339(pull.created_at),
        "updated_at": rfc3339(pull.updated_at), "closed_at": pull.closed_at.map(rfc3339), "merged_at": merged_at.map(rfc3339),
        "merge_commit_sha": pull.merge_commit_sha, "assignee": null, "assignees": [], "requested_reviewers": [], "requested_teams": [],
        "head": end(state, &pull.head_ref, &pull.head_sha, &head_facts), "base": end(state, &pull.base_ref, &pull.base_sha, facts),
        "_links": urls::of_a_pull(&one, &web, &issue, &api, &pull.head_sha),
        "author_association": pull.author_association, "auto_merge": null, "draft": pull.draft,
    })
}

pub(crate) fn label(api: &str, id: u64, name: &str) -> Value {
    json!({"id": id + 1, "node_id": node("Label", id + 1), "url": format!("{api}/labels/{}", urls::path(name)), "name": name,
           "description": "", "color": "ededed", "default": false})
}

/// Sums over a pull request's files and commits, which only a single one shows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) additions: u64,
    pub(crate) deletions: u64,
    pub(crate) files: usize,
    pub(crate) commits: usize,
}

pub(crate) fn pull_full(
    state: &mut State,
    links: &Links,
    facts: &RepoFacts,
    of: &Pull,
    totals: Totals,
) -> Value {
    let mut value = pull(state, links, facts, of);
    let merged = of.state == PullState::Merged;
    let merged_by = of.merged_by.as_ref().map(|login| user(state, links, login));
    let mergeable_state = match of.mergeable {
        None => "unknown",
        Some(_) if of.draft => "draft",
        Some(true) => "clean",
        Some(false) => "dirty",
    };
    let more = json!({
        "merged": merged, "mergeable": if merged { None } else { of.mergeable }, "rebaseable": of.mergeable,
        "mergeable_state": if merged { "unknown" } else { mergeable_state }, "merged_by": merged_by, "comments": of.comments.len(),
        "review_comments": 0, "maintainer_can_modify": false, "commits": totals.commits, "additions": totals.additions,
        "deletions": totals.deletions, "changed_files": totals.files,
    });
    add(&mut value, more);
    value
}

/// The App, as itself and inside what was done through it.
pub(crate) fn app(state: &mut State, links: &Links) -> Value {
    let (owner, slug) = (user(state, links, "acme"), state.app_slug.clone());
    let permissions: Value = APP_PERMISSIONS.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect();
    json!({
        "id": APP_ID, "slug": slug, "node_id": "QXBw", "owner": owner, "name": "Preflux", "description": null,
        "external_url": links.web, "html_url": format!("{}/apps/{slug}", links.web), "created_at": "2023-11-14T22:13:20Z",
        "updated_at": "2023-11-14T22:13:20Z", "permissions": permissions, "events": [],
    })
}

pub(crate) fn comment(state: &mut State, links: &Links, full: &str, of: &Comment) -> Value {
    let api = format!("{}/repos/{full}", links.api);
    let via = if of.author == state.bot() { app(state, links) } else { Value::Null };
    json!({
        "id": of.id, "node_id": node("IssueComment", of.id), "url": format!("{api}/issues/comments/{}", of.id),
        "html_url": format!("{}/{full}/pull/{}#issuecomment-{}", links.web, of.pull, of.id),
        "issue_url": format!("{api}/issues/{}", of.pull), "body": of.body, "user": user(state, links, &of.author),
        "author_association": "MEMBER", "created_at": rfc3339(of.created_at), "updated_at": rfc3339(of.updated_at),
        "performed_via_github_app": via,
    })
}

pub(crate) fn review(state: &mut State, links: &Links, full: &str, number: u64, of: &Review) -> Value {
    let api = format!("{}/repos/{full}/pulls/{number}", links.api);
    let web = format!("{}/{full}/pull/{number}#pullrequestreview-{}", links.web, of.id);
    json!({
        "id": of.id, "node_id": node("PullRequestReview", of.id), "user": user(state, links, &of.author), "body": of.body,
        "state": of.state, "html_url": web, "pull_request_url": api, "author_association": "MEMBER",
        "submitted_at": rfc3339(of.submitted_at), "commit_id": of.commit_id,
        "_links": {"html": {"href": web}, "pull_request": {"href": api}},
    })
}

pub(crate) fn file(links: &Links, full: &str, head: &str, of: &FileInfo) -> Value {
    let mut value = json!({
        "sha": of.sha, "filename": of.path, "status": of.status, "additions": of.additions, "deletions": of.deletions,
        "changes": of.additions + of.deletions, "blob_url": format!("{}/{full}/blob/{head}/{}", links.web, escaped(&of.path)),
        "raw_url": format!("{}/{full}/raw/{head}/{}", links.web, escaped(&of.path)),
        "contents_url": format!("{}/repos/{full}/contents/{}?ref={head}", links.api, escaped(&of.path)),
    });
    if let Some(previous) = &of.previous {
        value["previous_filename"] = json!(previous);
    }
    value
}

fn escaped(path: &str) -> String {
    url::form_urlencoded::byte_serialize(path.as_bytes()).collect()
}

pub(crate) fn commit(state: &mut State, links: &Links, full: &str, of: &CommitInfo) -> Value {
    let api = format!("{}/repos/{full}", links.api);
    let login = of.email.strip_suffix("@users.noreply.github.com");
    let author = login.map(|login| user(state, links, login));
    let committed = state.granted.committers.get(&of.sha).cloned();
    let committer = committed.map(|login| user(state, links, &login)).or_else(|| author.clone());
    let who = json!({"name": of.name, "email": of.email, "date": of.at});
    let parents: Vec<Value> = of
        .parents
        .iter()
        .map(|sha| json!({"sha": sha, "url": format!("{api}/commits/{sha}"), "html_url": format!("{}/{full}/commit/{sha}", links.web)}))
        .collect();
    json!({
        "sha": of.sha, "node_id": STANDARD.encode(format!("Commit:{}", of.sha)), "url": format!("{api}/commits/{}", of.sha),
        "html_url": format!("{}/{full}/commit/{}", links.web, of.sha), "comments_url": format!("{api}/commits/{}/comments", of.sha),
        "commit": {
            "url": format!("{api}/git/commits/{}", of.sha), "author": who, "committer": who, "message": of.message, "comment_count": 0,
            "tree": {"sha": of.tree, "url": format!("{api}/git/trees/{}", of.tree)},
            "verification": {"verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null},
        },
        "author": author, "committer": committer, "parents": parents,
    })
}

/// Everything the sandbox page shows of GitHub.
pub(crate) fn sandbox_view(inner: &Inner) -> Value {
    let links = Links::of(inner);
    let state = inner.state();
    let pulls: Vec<Value> = state
        .repos
        .values()
        .flat_map(|repo| repo.pulls.values().map(|pull| (repo.full_name(), pull)))
        .map(|(full, pull)| {
            let mut value = json!(pull);
            value["repo"] = json!(full);
            value["html_url"] = json!(format!("{}/{full}/pull/{}", links.web, pull.number));
            value
        })
        .collect();
    json!({ "pulls": pulls })
}
