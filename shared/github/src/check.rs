//! The checks of a commit: check runs of an App, or commit statuses. Each name has one of ours, which is changed rather than made
//! again; what may have landed unconfirmed is looked for before it is called lost.

use domain::mark::{CheckKind, CheckMark, Conclusion, Progress};
use domain::{CommitSha, RepoName};
use http::Method;
use ports::ForgeError;
use serde_json::{Value, json};

use crate::GitHub;
use crate::http::{Ask, escaped};
use crate::policy::parsed;
use crate::read::repo_path;
use crate::wire::{CheckRun, CheckRuns, CommitStatus};

impl GitHub {
    pub(crate) async fn checks(
        &self,
        repo: &RepoName,
        head: &CommitSha,
        kind: CheckKind,
        checks: &[CheckMark],
    ) -> Result<(), ForgeError> {
        for check in checks {
            match kind {
                CheckKind::Run => self.check_run(repo, head, check).await?,
                CheckKind::Status => self.commit_status(repo, head, check).await?,
            }
        }
        Ok(())
    }

    async fn check_run(
        &self,
        repo: &RepoName,
        head: &CommitSha,
        check: &CheckMark,
    ) -> Result<(), ForgeError> {
        let doing = format!("writing the check `{}` of {} in `{repo}`", check.name, head.short());
        let Some(app) = self.tokens.app_id() else {
            let reason = "check runs are for GitHub Apps: set `check: status` in the rule, or use an App";
            return Err(ForgeError::Refused { doing, reason: reason.to_owned() });
        };
        let wanted = run_of(check);
        let (method, path, body) = match self.our_run(repo, head, app, check).await? {
            Some(run) if !is_due(check.progress, run.status != "completed") || says(&run, &wanted) => {
                return Ok(());
            }
            Some(run) => (Method::PATCH, format!("{}/check-runs/{}", repo_path(repo), run.id), wanted),
            None if check.progress == Progress::Abandoned => return Ok(()),
            None => {
                let mut body = wanted;
                body["name"] = json!(check.name);
                body["head_sha"] = json!(head.as_str());
                (Method::POST, format!("{}/check-runs", repo_path(repo)), body)
            }
        };
        match self.write(repo, &method, &path, &body, &doing).await {
            // It may have landed all the same.
            Err(error @ ForgeError::Unavailable { .. }) => {
                let there = self.our_run(repo, head, app, check).await?;
                there.filter(|run| says(run, &body)).map(drop).ok_or(error)
            }
            other => other,
        }
    }

    /// Our newest run of this name: two workers that made one at the same time change the same one ever after.
    async fn our_run(
        &self,
        repo: &RepoName,
        head: &CommitSha,
        app: u64,
        check: &CheckMark,
    ) -> Result<Option<CheckRun>, ForgeError> {
        let doing = format!("listing the checks of {} in `{repo}`", head.short());
        let path = format!(
            "{}/commits/{head}/check-runs?check_name={}&app_id={app}&filter=all&per_page=100",
            repo_path(repo),
            escaped(&check.name)
        );
        let found: CheckRuns =
            self.get(repo, &path, &doing, &format!("commit {} of `{repo}`", head.short())).await?;
        Ok(found.check_runs.into_iter().max_by_key(|run| run.id))
    }

    async fn commit_status(
        &self,
        repo: &RepoName,
        head: &CommitSha,
        check: &CheckMark,
    ) -> Result<(), ForgeError> {
        let doing = format!("writing the status `{}` of {} in `{repo}`", check.name, head.short());
        let wanted = status_of(check);
        match self.our_status(repo, head, check).await? {
            Some(status) if !is_due(check.progress, status.state == "pending") || is(&status, &wanted) => {
                return Ok(());
            }
            None if check.progress == Progress::Abandoned => return Ok(()),
            _ => {}
        }
        let path = format!("{}/statuses/{head}", repo_path(repo));
        match self.write(repo, &Method::POST, &path, &wanted, &doing).await {
            Err(error @ ForgeError::Unavailable { .. }) => {
                let there = self.our_status(repo, head, check).await?;
                there.filter(|status| is(status, &wanted)).map(drop).ok_or(error)
            }
            other => other,
        }
    }

    /// The newest status of this name that is ours; GitHub lists the newest first.
    async fn our_status(
        &self,
        repo: &RepoName,
        head: &CommitSha,
        check: &CheckMark,
    ) -> Result<Option<CommitStatus>, ForgeError> {
        let me = self.me(repo).await?;
        let doing = format!("listing the statuses of {} in `{repo}`", head.short());
        let path = format!("{}/commits/{head}/statuses?per_page=100", repo_path(repo));
        let found: Vec<CommitStatus> =
            self.get(repo, &path, &doing, &format!("commit {} of `{repo}`", head.short())).await?;
        Ok(found.into_iter().find(|status| status.context == check.name && me.is(status.creator.as_ref())))
    }

    pub(crate) async fn write(
        &self,
        repo: &RepoName,
        method: &Method,
        path: &str,
        body: &Value,
        doing: &str,
    ) -> Result<(), ForgeError> {
        let what = format!("`{repo}`");
        let ask = Ask { method, path, etag: None, body: Some(body), doing, what: &what };
        parsed::<Value>(&self.ask(repo, ask).await?, doing).map(drop)
    }
}

/// Whether something that is there is to be changed: what ended stays, unless there is another end.
fn is_due(progress: Progress, runs: bool) -> bool {
    match progress {
        Progress::Running => false,
        Progress::Abandoned => runs,
        Progress::Done(_) => true,
    }
}

/// A check run's fields.
fn run_of(check: &CheckMark) -> Value {
    let output = json!({"title": check.title, "summary": check.summary});
    let ended = |conclusion: &str| json!({"status": "completed", "conclusion": conclusion, "output": output});
    match check.progress {
        Progress::Running => json!({"status": "in_progress", "output": output}),
        Progress::Done(Conclusion::Success) => ended("success"),
        Progress::Done(Conclusion::Failure) => ended("failure"),
        Progress::Done(Conclusion::Neutral) | Progress::Abandoned => ended("neutral"),
    }
}

/// Whether a run shows what is wanted already.
fn says(run: &CheckRun, wanted: &Value) -> bool {
    wanted["status"] == run.status
        && wanted["conclusion"].as_str() == run.conclusion.as_deref()
        && wanted["output"]["title"].as_str() == run.output.title.as_deref()
        && wanted["output"]["summary"].as_str() == run.output.summary.as_deref()
}

/// A commit status's fields.
fn status_of(check: &CheckMark) -> Value {
    let state = match check.progress {
        Progress::Running => "pending",
        Progress::Done(Conclusion::Success | Conclusion::Neutral) => "success",
        Progress::Done(Conclusion::Failure) => "failure",
        Progress::Abandoned => "error",
    };
    json!({"state": state, "context": check.name, "description": check.title})
}

fn is(status: &CommitStatus, wanted: &Value) -> bool {
    wanted["state"] == status.state && wanted["description"].as_str() == status.description.as_deref()
}
