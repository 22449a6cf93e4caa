//! What happened in a repository, as GitHub lists it: the newest first, 300 at most, with the interval that it wants.

use serde_json::json;

use super::read::At;
use super::rest::Answer;
use super::shape;
use crate::clock::rfc3339;

/// GitHub lists no more.
const MOST: usize = 300;

impl At<'_> {
    pub(crate) fn events(&self) -> Answer {
        let (id, full, mut all) = {
            let state = self.inner.state();
            match self.repo(&state, "metadata", "read") {
                Ok(repo) => (repo.id, repo.full_name(), repo.events.clone()),
                Err(refusal) => return refusal,
            }
        };
        all.reverse();
        all.truncate(MOST);
        let (links, mut state) = (self.links(), self.inner.state());
        let answer = self.paged(&all, |event| {
            let user = shape::user(&mut state, &links, &event.actor);
            json!({
                "id": event.id.to_string(), "type": event.kind, "public": true, "payload": event.payload,
                "actor": {"id": user["id"], "login": event.actor, "display_login": event.actor, "gravatar_id": "",
                          "url": user["url"], "avatar_url": user["avatar_url"]},
                "repo": {"id": id, "name": full, "url": format!("{}/repos/{full}", links.api)},
                "created_at": rfc3339(event.at),
            })
        });
        answer.with("x-poll-interval", "60")
    }
}
