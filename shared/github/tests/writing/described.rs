//! Everything that is asked of GitHub, held against GitHub's own description of it; and that this would notice a mistake, by making one
//! in every exchange there is.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use domain::interact::Person;
use domain::mark::{CheckKind, CheckMark, Conclusion, Progress};
use domain::{CommitSha, MergeMethod};
use http::{Request, Response};
use ports::{Conditional, Forge as _, ForgeError, People as _, Verdict};
use serde_json::{Value, json};
use testkit::github::DEFAULT_TOKEN;

use crate::world::{As, BOTH, World};

/// Asks for all that there is to ask, in good times and in bad ones.
async fn ask_everything(world: &World) {
    let (github, key, repo) = (world.process(), world.open("topic"), world.name());
    let Conditional::Fresh { etag, .. } = github.pulls(&repo, 1, None).await.unwrap() else {
        panic!("no ETag was sent")
    };
    github.pulls(&repo, 1, etag.as_deref()).await.unwrap();
    let head: CommitSha = github.pull(&key).await.unwrap().unwrap().head;
    github.files(&key).await.unwrap();
    let Conditional::Fresh { etag, .. } = github.branch(&repo, "main", None).await.unwrap() else {
        panic!("no ETag was sent")
    };
    github.branch(&repo, "main", etag.as_deref()).await.unwrap();
    github.permission(&repo, "alice").await.unwrap();
    let part = |at: usize, text: &str| format!("{}\n{text}", domain::marker::line("m", at));
    github.sticky_comment(&key, "m", &[part(1, "a"), part(2, "b")]).await.unwrap();
    github.sticky_comment(&key, "m", &[part(1, "c")]).await.unwrap();
    github.approve(&key, &head, "Approved").await.unwrap();
    let check = |progress| CheckMark {
        name: "preflux".to_owned(),
        progress,
        title: "2 changed".to_owned(),
        summary: "- 2 changed".to_owned(),
    };
    let kind = if matches!(world.who, As::App) { CheckKind::Run } else { CheckKind::Status };
    for progress in [Progress::Running, Progress::Done(Conclusion::Neutral)] {
        github.set_checks(&repo, &head, kind, &[check(progress)]).await.unwrap();
    }
    let label = ["flux/changes".to_owned()];
    github.change_labels(&key, &label, &[]).await.unwrap();
    github.change_labels(&key, &[], &label).await.unwrap();
    github.doctor(&repo, &[]).await.unwrap();
    github.repositories("acme").await.unwrap();
    world.repo.happens("WatchEvent", "mia", json!({"action": "started"}));
    github.events(&repo, 1, None).await.unwrap();
    github.git_token(&repo).await.unwrap();
    github.repositories("acme").await.unwrap();
    act_as_people(world).await;
    world.repo.rename("acme/flotilla");
    github.pulls(&repo, 1, None).await.unwrap();
    github.sticky_comment(&key, "m", &[part(1, "d")]).await.unwrap();
    let hidden = github.pulls(&"acme/none".parse().unwrap(), 1, None).await.unwrap_err();
    assert!(matches!(hidden, ForgeError::NotFound(_)), "{hidden}");
}

/// Does all that people can do as themselves, and is refused what GitHub refuses.
async fn act_as_people(world: &World) {
    let who = |id: &str| Person { team: "T1".to_owned(), id: id.to_owned(), name: id.to_owned() };
    let (bob, alice, reader) = (who("UBOB"), who("UALICE"), who("UREADER"));
    let people = world.people(&bob, "bob").await;
    world.people(&alice, "alice").await;
    world.people(&reader, "reader").await;
    let key = world.open("theirs");
    let head: CommitSha = world.repo.pull(key.number).head_sha.parse().unwrap();
    let account = people.account(&bob).await.unwrap().id;
    assert_eq!(people.makers(&bob, &key).await.unwrap().commits, 1);

    let own = people.account(&alice).await.unwrap().id;
    for verdict in [Verdict::Approve, Verdict::RequestChanges] {
        let refused = people.review(&alice, own, &key, &head, verdict, "mine").await.unwrap_err();
        assert!(refused.to_string().contains("your own pull request"), "{refused}");
    }
    people.review(&bob, account, &key, &head, Verdict::Approve, "fine").await.unwrap();
    people.dismiss(&bob, &key, &head, "not fine").await.unwrap();
    people.review(&bob, account, &key, &head, Verdict::RequestChanges, "more").await.unwrap();
    people.dismiss(&bob, &key, &head, "it is no approval").await.unwrap();

    let merge = async |who: &Person, head: &CommitSha, how| {
        let id = people.account(who).await.unwrap().id;
        people.merge(who, id, &key, head, how).await
    };
    let not = async |who: &Person, head: &CommitSha, why: &str| {
        let refused = merge(who, head, MergeMethod::Squash).await.unwrap_err().to_string();
        assert!(refused.contains(why), "{why}: {refused}");
    };
    assert_eq!(people.merged(&bob, &key).await.unwrap(), None);
    not(&reader, &head, "write access").await;
    not(&bob, &"0".repeat(40).parse().unwrap(), "new commits arrived").await;
    world.repo.set_draft(key.number, true);
    not(&bob, &head, "still a draft").await;
    world.repo.set_draft(key.number, false);
    world.repo.require_approvals(1);
    not(&bob, &head, "Changes have been requested").await;
    people.review(&bob, account, &key, &head, Verdict::Approve, "fine now").await.unwrap();
    world.repo.forbid_merging_by("squash");
    not(&bob, &head, "Squash merges are not allowed").await;
    assert!(merge(&alice, &head, MergeMethod::Rebase).await.unwrap().them, "an author, once it is approved");
    not(&bob, &head, "merged already").await;
    let closed =
        people.review(&bob, account, &key, &head, Verdict::RequestChanges, "late").await.unwrap_err();
    assert!(closed.to_string().contains("closed pull request"), "{closed}");
    assert!(people.unlink(&bob).await.unwrap());
}

#[tokio::test]
async fn all_that_is_asked_and_answered_is_as_github_describes_it() {
    if described::required("github::described").is_none() {
        return;
    }
    for who in BOTH {
        ask_everything(&World::new(who)).await;
    }
    let world = World::new(As::Person);
    world.fake.set_remaining(DEFAULT_TOKEN, 0);
    world.process().pulls(&world.name(), 1, None).await.unwrap_err();
    world.fake.revoke_token(DEFAULT_TOKEN);
    world.fake.clock().advance(4000);
    world.process().pulls(&world.name(), 1, None).await.unwrap_err();
    let used = described::Undescribed::used();
    let unused: Vec<_> = described::UNDESCRIBED.iter().filter(|one| !used.contains(one)).collect();
    assert!(unused.is_empty(), "nobody needs these exceptions: {unused:#?}");
}

type Exchange = (Request<Bytes>, Response<Bytes>);

/// Every exchange of a world in which everything is asked.
async fn exchanges(who: As) -> Vec<Exchange> {
    let kept: Arc<Mutex<Vec<Exchange>>> = Arc::default();
    let keep = Arc::clone(&kept);
    let watch: described::Watch = Arc::new(move |request, answer| {
        keep.lock().unwrap().extend(answer.map(|answer| (request.clone(), answer.clone())));
        Vec::new()
    });
    let world = World::watched(who, Some(watch));
    ask_everything(&world).await;
    drop(world);
    std::mem::take(&mut *kept.lock().unwrap())
}

#[tokio::test]
async fn a_mistake_in_any_request_or_answer_is_noticed() {
    let Some(github) = described::required("github::described") else { return };
    for who in BOTH {
        for (request, answer) in exchanges(who).await {
            let what = format!("{} {} -> {}", request.method(), request.uri(), answer.status());
            let found =
                |request: &Request<Bytes>, answer: &Response<Bytes>| github.problems(request, Some(answer));
            assert_eq!(found(&request, &answer), Vec::<String>::new(), "{what}");
            // The description lets any field into a check run, as its forms for each status do not shut others out.
            let lax = request.uri().path().contains("/check-runs") && request.method() != "GET";
            for (name, wrong) in wrong_requests(&request) {
                if lax && name == "a field that there is not" {
                    continue;
                }
                assert!(!found(&wrong, &answer).is_empty(), "{name} passes for {what}");
            }
            for (name, wrong) in wrong_answers(&answer) {
                assert!(!found(&request, &wrong).is_empty(), "{name} passes for {what}");
            }
        }
    }
}

fn wrong_requests(right: &Request<Bytes>) -> Vec<(&'static str, Request<Bytes>)> {
    let at = |target: String| {
        let mut request = right.clone();
        *request.uri_mut() = target.parse().unwrap();
        request
    };
    let uri = right.uri().to_string();
    let query = if uri.contains('?') { '&' } else { '?' };
    let mut nameless = right.clone();
    nameless.headers_mut().remove("user-agent");
    let mut wrong = vec![
        ("a parameter that there is not", at(format!("{uri}{query}made_up=1"))),
        ("a page that is no number", at(format!("{uri}{query}per_page=many"))),
        ("another path", at(format!("/v2{uri}"))),
        ("no user agent", nameless),
    ];
    if let Ok(Value::Object(mut body)) = serde_json::from_slice(right.body()) {
        body.insert("made_up".to_owned(), json!(1));
        wrong
            .push(("a field that there is not", right.clone().map(|_| Bytes::from(json!(body).to_string()))));
        wrong.push(("a body that is no object", right.clone().map(|_| Bytes::from("[1]"))));
    }
    wrong
}

fn wrong_answers(right: &Response<Bytes>) -> Vec<(&'static str, Response<Bytes>)> {
    let with = |body: &Value| right.clone().map(|_| Bytes::from(body.to_string()));
    let mut teapot = right.clone();
    *teapot.status_mut() = http::StatusCode::IM_A_TEAPOT;
    let mut wrong =
        vec![("a status that there is not", teapot), ("a body that is a number", with(&json!(7)))];
    let Ok(body) = serde_json::from_slice::<Value>(right.body()) else { return wrong };
    let one = if body.is_array() { "/0" } else { "" };
    // Errors may have more than is described, and need not have what they have.
    let Some(Value::Object(fields)) = body.pointer(one).filter(|_| right.status().is_success()) else {
        return wrong;
    };
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut body = body.clone();
        change(body.pointer_mut(one).unwrap());
        with(&body)
    };
    wrong.push(("a field that there is not", changed(&|one| one["made_up"] = json!(1))));
    if fields.contains_key("id") {
        wrong.push(("an id that is `true`", changed(&|one| one["id"] = json!(true))));
        wrong.push(("no id", changed(&|one| drop(one.as_object_mut().unwrap().remove("id")))));
    }
    wrong
}
