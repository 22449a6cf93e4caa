//! The addresses that GitHub puts into the JSON of a repository, a pull request and a user, where nobody reads but the models.

use serde_json::{Map, Value, json};

/// What a repository's parts are called in the API: the field without `_url`, and what follows the repository's own address.
const OF_A_REPOSITORY: [(&str, &str); 35] = [
    ("archive", "/{archive_format}{/ref}"),
    ("assignees", "/assignees{/user}"),
    ("blobs", "/git/blobs{/sha}"),
    ("branches", "/branches{/branch}"),
    ("collaborators", "/collaborators{/collaborator}"),
    ("comments", "/comments{/number}"),
    ("commits", "/commits{/sha}"),
    ("compare", "/compare/{base}...{head}"),
    ("contents", "/contents/{+path}"),
    ("contributors", "/contributors"),
    ("deployments", "/deployments"),
    ("downloads", "/downloads"),
    ("events", "/events"),
    ("forks", "/forks"),
    ("git_commits", "/git/commits{/sha}"),
    ("git_refs", "/git/refs{/sha}"),
    ("git_tags", "/git/tags{/sha}"),
    ("hooks", "/hooks"),
    ("issue_comment", "/issues/comments{/number}"),
    ("issue_events", "/issues/events{/number}"),
    ("issues", "/issues{/number}"),
    ("keys", "/keys{/key_id}"),
    ("labels", "/labels{/name}"),
    ("languages", "/languages"),
    ("merges", "/merges"),
    ("milestones", "/milestones{/number}"),
    ("notifications", "/notifications{?since,all,participating}"),
    ("pulls", "/pulls{/number}"),
    ("releases", "/releases{/id}"),
    ("stargazers", "/stargazers"),
    ("statuses", "/statuses/{sha}"),
    ("subscribers", "/subscribers"),
    ("subscription", "/subscription"),
    ("tags", "/tags"),
    ("teams", "/teams"),
];

/// All `*_url` fields below a repository's own address.
pub(crate) fn of_a_repository(api: &str) -> Map<String, Value> {
    let field = |(name, rest): &(&str, &str)| (format!("{name}_url"), json!(format!("{api}{rest}")));
    let trees = ("trees_url".to_owned(), json!(format!("{api}/git/trees{{/sha}}")));
    OF_A_REPOSITORY.iter().map(field).chain([trees]).collect()
}

/// The `_links` of a pull request: `one` is its own address in the API, `issue` that of its issue.
pub(crate) fn of_a_pull(one: &str, web: &str, issue: &str, api: &str, head: &str) -> Value {
    let link = |address: String| json!({ "href": address });
    json!({
        "self": link(one.to_owned()), "html": link(web.to_owned()), "issue": link(issue.to_owned()),
        "comments": link(format!("{issue}/comments")), "review_comments": link(format!("{one}/comments")),
        "review_comment": link(format!("{api}/pulls/comments{{/number}}")), "commits": link(format!("{one}/commits")),
        "statuses": link(format!("{api}/statuses/{head}")),
    })
}

/// A login as it stands in an address: a bot's brackets are escaped there.
pub(crate) fn login(login: &str) -> String {
    login.replace('[', "%5B").replace(']', "%5D")
}

/// A path or a branch's name as it stands in an address; its slashes stay.
pub(crate) fn path(path: &str) -> String {
    let one = |part: &str| {
        url::form_urlencoded::byte_serialize(part.as_bytes()).collect::<String>().replace('+', "%20")
    };
    path.split('/').map(one).collect::<Vec<_>>().join("/")
}
