//! Check runs, commit statuses and labels, with GitHub's own refusals.

use serde_json::{Value, json};

use super::Inner;
use super::auth::Caller;
use super::git::Bare;
use super::read::At;
use super::rest::Answer;
use super::shape::{self, Links};
use super::state::{CheckRun, CommitStatus, State};
use super::write::{flat, login, may_create, refused, writable};
use crate::clock::rfc3339;

/// Longest summary of a check run, in characters.
const MAX_SUMMARY: usize = 65_535;
/// Longest description of a commit status, in characters.
const MAX_DESCRIPTION: usize = 140;
/// Statuses of one name on one commit.
const MAX_STATUSES: usize = 1000;
/// Longest name of a label, in characters.
const MAX_LABEL: usize = 50;

fn invalid(text: &str) -> Answer {
    refused(json!([]), text)
}

/// An App's installation, or GitHub's refusal of everybody else.
fn app_only(at: &At<'_>) -> Result<(), Answer> {
    let bot = at.inner.state().bot();
    match at.caller {
        Caller::Token(token) if token.login == bot => Ok(()),
        _ => Err(Answer::error(403, "You must authenticate via a GitHub App.")),
    }
}

fn known(bare: &Bare, sha: &str) -> Result<(), Answer> {
    match bare.commit_info(sha) {
        Some(_) => Ok(()),
        None => Err(Answer::error(422, &format!("No commit found for SHA: {sha}"))),
    }
}

pub(crate) fn make_run(at: &At<'_>) -> Answer {
    flat(try_make_run(at))
}

fn try_make_run(at: &At<'_>) -> Result<Answer, Answer> {
    let bare = at.repo(&at.inner.state(), "checks", "write")?.bare.clone();
    app_only(at)?;
    let ask = at.ask.json();
    let name = ask["name"].as_str().filter(|name| !name.is_empty());
    let (Some(name), Some(sha)) = (name, ask["head_sha"].as_str()) else {
        return Err(invalid("Invalid request.\n\n\"name\", \"head_sha\" weren't supplied."));
    };
    known(&bare, sha)?;
    may_create(at)?;
    let mut state = at.inner.state();
    let (id, now) = (state.id(), state.tick());
    let mut run = CheckRun {
        id,
        name: name.to_owned(),
        head_sha: sha.to_owned(),
        status: "queued".to_owned(),
        conclusion: None,
        title: None,
        summary: None,
        started_at: now,
        completed_at: None,
    };
    change(&mut run, &ask, now)?;
    let links = at.links();
    let (full, answer) = (at.key(), run_shape(&mut state, &links, &at.key(), &run));
    if let Some(repo) = state.repos.get_mut(&full) {
        repo.check_runs.push(run);
    }
    Ok(Answer::json(201, &answer))
}

pub(crate) fn change_run(at: &At<'_>, id: &str) -> Answer {
    flat(try_change_run(at, id))
}

fn try_change_run(at: &At<'_>, id: &str) -> Result<Answer, Answer> {
    at.repo(&at.inner.state(), "checks", "write")?;
    app_only(at)?;
    let links = at.links();
    let mut state = at.inner.state();
    let now = state.tick();
    let repo = state.repos.get_mut(&at.key()).ok_or_else(Answer::not_found)?;
    let run =
        repo.check_runs.iter_mut().find(|run| run.id.to_string() == id).ok_or_else(Answer::not_found)?;
    let mut changed = run.clone();
    change(&mut changed, &at.ask.json(), now)?;
    run.clone_from(&changed);
    Ok(Answer::json(200, &run_shape(&mut state, &links, &at.key(), &changed)))
}

/// Takes over what is given; a conclusion completes the run, as on GitHub.
fn change(run: &mut CheckRun, ask: &Value, now: i64) -> Result<(), Answer> {
    let conclusions =
        ["action_required", "cancelled", "failure", "neutral", "success", "skipped", "stale", "timed_out"];
    match ask["conclusion"].as_str() {
        Some(conclusion) if conclusions.contains(&conclusion) => {
            run.conclusion = Some(conclusion.to_owned());
            run.status = "completed".to_owned();
            run.completed_at = Some(now);
        }
        Some(_) => {
            return Err(invalid("Invalid request.\n\nFor 'properties/conclusion', it is no conclusion."));
        }
        None => match ask["status"].as_str() {
            Some("completed") => {
                return Err(invalid("Invalid request.\n\nMissing required key \"conclusion\"."));
            }
            Some(status @ ("queued" | "in_progress")) => {
                (run.status, run.conclusion, run.completed_at) = (status.to_owned(), None, None);
            }
            Some(_) => return Err(invalid("Invalid request.\n\nFor 'properties/status', it is no status.")),
            None => {}
        },
    }
    let output = &ask["output"];
    if output.is_null() {
        return Ok(());
    }
    let Some(summary) = output["summary"].as_str() else {
        return Err(invalid("Invalid request.\n\n\"summary\" wasn't supplied."));
    };
    if summary.chars().count() > MAX_SUMMARY {
        let text = format!(
            "Invalid request.\n\nOnly {MAX_SUMMARY} characters are allowed; {} were supplied.",
            summary.chars().count()
        );
        return Err(invalid(&text));
    }
    run.summary = Some(summary.to_owned());
    run.title = output["title"].as_str().map(str::to_owned);
    Ok(())
}

pub(crate) fn runs(at: &At<'_>, sha: &str) -> Answer {
    flat(try_runs(at, sha))
}

fn try_runs(at: &At<'_>, sha: &str) -> Result<Answer, Answer> {
    let repo_runs = at.repo(&at.inner.state(), "checks", "read")?.check_runs.clone();
    let asked = |name: &str| at.ask.query.get(name);
    let by_name = |run: &&CheckRun| asked("check_name").is_none_or(|name| *name == run.name);
    let other_app = asked("app_id").is_some_and(|id| *id != super::APP_ID.to_string());
    let mut found: Vec<CheckRun> =
        repo_runs.iter().rev().filter(|run| run.head_sha == sha).filter(by_name).cloned().collect();
    if other_app {
        found.clear();
    }
    // Without `filter=all`, the newest of each name.
    if asked("filter").is_none_or(|filter| filter != "all") {
        let mut seen = std::collections::BTreeSet::new();
        found.retain(|run| seen.insert(run.name.clone()));
    }
    let (page, per_page) = at.ask.page();
    let links = at.links();
    let mut state = at.inner.state();
    let total = found.len();
    let shown: Vec<Value> = found
        .iter()
        .skip((page - 1) * per_page)
        .take(per_page)
        .map(|run| run_shape(&mut state, &links, &at.key(), run))
        .collect();
    Ok(Answer::json(200, &json!({"total_count": total, "check_runs": shown})))
}

fn run_shape(state: &mut State, links: &Links, full: &str, run: &CheckRun) -> Value {
    let api = format!("{}/repos/{full}/check-runs/{}", links.api, run.id);
    let web = format!("{}/{full}/runs/{}", links.web, run.id);
    json!({
        "id": run.id, "node_id": format!("CR_{}", run.id), "name": run.name, "head_sha": run.head_sha, "external_id": "",
        "url": api, "html_url": web, "details_url": links.web, "status": run.status, "conclusion": run.conclusion,
        "started_at": rfc3339(run.started_at), "completed_at": run.completed_at.map(rfc3339),
        "output": {"title": run.title, "summary": run.summary, "text": null, "annotations_count": 0,
                   "annotations_url": format!("{api}/annotations")},
        "check_suite": {"id": 1}, "app": shape::app(state, links), "pull_requests": [],
    })
}

pub(crate) fn make_status(at: &At<'_>, sha: &str) -> Answer {
    flat(try_make_status(at, sha))
}

fn try_make_status(at: &At<'_>, sha: &str) -> Result<Answer, Answer> {
    let bare = at.repo(&at.inner.state(), "statuses", "write")?.bare.clone();
    let creator = login(at.caller)?;
    known(&bare, sha)?;
    let ask = at.ask.json();
    let state_name = ask["state"].as_str().unwrap_or_default();
    if !["error", "failure", "pending", "success"].contains(&state_name) {
        return Err(refused(
            json!([{"resource": "Status", "code": "custom", "field": "state", "message": "state is not included in the list"}]),
            "Validation Failed",
        ));
    }
    let description = ask["description"].as_str().map(str::to_owned);
    if description.as_ref().is_some_and(|text| text.chars().count() > MAX_DESCRIPTION) {
        return Err(refused(
            json!([{"resource": "Status", "code": "custom", "field": "description",
                    "message": format!("description is too long (maximum is {MAX_DESCRIPTION} characters)")}]),
            "Validation Failed",
        ));
    }
    let context = ask["context"].as_str().unwrap_or("default").to_owned();
    let links = at.links();
    may_create(at)?;
    let mut state = at.inner.state();
    let (id, now) = (state.id(), state.tick());
    let made = CommitStatus {
        id,
        creator,
        sha: sha.to_owned(),
        state: state_name.to_owned(),
        context,
        description,
        created_at: now,
    };
    let answer = status_shape(&mut state, &links, &at.key(), &made);
    let repo = state.repos.get_mut(&at.key()).ok_or_else(Answer::not_found)?;
    let same = repo.statuses.iter().filter(|s| (&s.sha, &s.context) == (&made.sha, &made.context)).count();
    if same >= MAX_STATUSES {
        return Err(refused(
            json!([{"resource": "Status", "code": "custom",
                    "message": "This SHA and context has reached the maximum number of statuses."}]),
            "Validation Failed",
        ));
    }
    repo.statuses.push(made);
    Ok(Answer::json(201, &answer))
}

pub(crate) fn statuses(at: &At<'_>, sha: &str) -> Answer {
    flat(try_statuses(at, sha))
}

fn try_statuses(at: &At<'_>, sha: &str) -> Result<Answer, Answer> {
    let all = at.repo(&at.inner.state(), "statuses", "read")?.statuses.clone();
    let all: Vec<CommitStatus> = all.into_iter().rev().filter(|status| status.sha == sha).collect();
    let (links, mut state) = (at.links(), at.inner.state());
    Ok(at.paged(&all, |status| status_shape(&mut state, &links, &at.key(), status)))
}

fn status_shape(state: &mut State, links: &Links, full: &str, status: &CommitStatus) -> Value {
    let at = rfc3339(status.created_at);
    json!({
        "url": format!("{}/repos/{full}/statuses/{}", links.api, status.sha), "avatar_url": null, "id": status.id,
        "node_id": format!("SC_{}", status.id), "state": status.state, "description": status.description, "target_url": null,
        "context": status.context, "created_at": at, "updated_at": at, "creator": shape::user(state, links, &status.creator),
    })
}

pub(crate) fn add_labels(at: &At<'_>, number: &str) -> Answer {
    flat(try_add_labels(at, number))
}

fn try_add_labels(at: &At<'_>, number: &str) -> Result<Answer, Answer> {
    writable(at)?;
    let found = at.find(number, "metadata", "read")?;
    let ask = at.ask.json();
    let given: Option<Vec<String>> = ask["labels"]
        .as_array()
        .map(|labels| labels.iter().filter_map(|label| label.as_str().map(str::to_owned)).collect());
    let Some(given) = given.filter(|given| !given.is_empty()) else {
        return Err(invalid("Invalid request.\n\nNo subschema in \"anyOf\" matched."));
    };
    if given.iter().any(|label| label.trim().is_empty() || label.chars().count() > MAX_LABEL) {
        let error = json!([{"resource": "Label", "code": "invalid", "field": "name"}]);
        return Err(refused(error, "Validation Failed"));
    }
    change_labels(at, found.pull.number, |labels| {
        for label in given {
            if !labels.iter().any(|there| there.eq_ignore_ascii_case(&label)) {
                labels.push(label);
            }
        }
        Ok(())
    })
}

pub(crate) fn remove_label(at: &At<'_>, number: &str, label: &str) -> Answer {
    flat(try_remove_label(at, number, label))
}

fn try_remove_label(at: &At<'_>, number: &str, label: &str) -> Result<Answer, Answer> {
    writable(at)?;
    let found = at.find(number, "metadata", "read")?;
    change_labels(at, found.pull.number, |labels| {
        let before = labels.len();
        labels.retain(|there| !there.eq_ignore_ascii_case(label));
        if labels.len() == before { Err(Answer::error(404, "Label does not exist")) } else { Ok(()) }
    })
}

fn change_labels(
    at: &At<'_>,
    number: u64,
    act: impl FnOnce(&mut Vec<String>) -> Result<(), Answer>,
) -> Result<Answer, Answer> {
    let api = format!("{}/repos/{}", at.links().api, at.key());
    let mut state = at.inner.state();
    let now = state.tick();
    let pull = state.repos.get_mut(&at.key()).and_then(|repo| repo.pulls.get_mut(&number));
    let pull = pull.ok_or_else(Answer::not_found)?;
    act(&mut pull.labels)?;
    pull.updated_at = now;
    let all: Vec<Value> =
        pull.labels.iter().enumerate().map(|(i, name)| shape::label(&api, i as u64, name)).collect();
    Ok(Answer::json(200, &json!(all)))
}

/// What a test looks at.
pub(crate) fn written(inner: &Inner, key: &str) -> (Vec<CheckRun>, Vec<CommitStatus>) {
    let state = inner.state();
    state.repos.get(key).map(|repo| (repo.check_runs.clone(), repo.statuses.clone())).unwrap_or_default()
}
