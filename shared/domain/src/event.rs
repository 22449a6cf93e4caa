//! What templates of the configuration can say about a pull request.

use serde_json::{Value, json};

use crate::pull::{Author, PullRequest, PullState};

/// The values that `{{ ... }}` in a button's text, address or command may name. Every text in it is the author's.
pub fn event(pull: &PullRequest) -> Value {
    let state = match pull.state {
        PullState::Open => "open",
        PullState::Closed => "closed",
        PullState::Merged => "merged",
    };
    let repo = &pull.key.repo;
    json!({
        "repository": {"owner": repo.owner(), "name": repo.name(), "full_name": repo.to_string()},
        "pull_request": {
            "number": pull.key.number,
            "title": pull.title,
            "url": pull.url,
            "state": state,
            "draft": pull.draft,
            "fork": pull.fork,
            "author": pull.author.login,
            "labels": pull.labels,
            "head": {"branch": pull.head_branch, "sha": pull.head.as_str()},
            "base": {"branch": pull.base_branch, "sha": pull.base.as_str()},
        },
    })
}

/// A made-up pull request's values: everything that a template may name, to try one on before there is any.
pub fn sample_event() -> Value {
    let commit = |digit: &str| digit.repeat(40).parse().expect("forty digits are a commit");
    event(&PullRequest {
        key: "acme/fleet#7".parse().expect("it is a pull request's name"),
        title: "Raise the replicas of podinfo".to_owned(),
        author: Author { login: "ann".to_owned(), bot: false },
        state: PullState::Open,
        draft: false,
        labels: ["flux".to_owned()].into(),
        head_branch: "more-replicas".to_owned(),
        head: commit("a"),
        base_branch: "main".to_owned(),
        base: commit("b"),
        fork: false,
        head_owner: Some("acme".to_owned()),
        url: "https://github.com/acme/fleet/pull/7".to_owned(),
        updated_at: 0,
        closed_at: None,
    })
}
