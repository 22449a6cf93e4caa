//! What people do in Slack, accepted: once, durably, and within Slack's three seconds. The work itself is a job.
//!
//! The caller has verified the signature. Whether a click may have its effect is checked by the worker, against GitHub as it is then.

use std::sync::Arc;
use std::time::Duration;

use commands::Request;
use domain::RepoName;
use domain::interact::{Click, Command, Interaction, Person};
use domain::job::Job;
use ports::ledger::Ledger;
use ports::{Form, Forms, Queue, wire};
use serde_json::{Value, json};

use crate::error::JobError;
use crate::typed::instead;

/// How long a repeated payload is recognised (seconds); twice as long as Slack's signature is good for.
const REPLAY_S: i64 = 900;
/// A slash command's text at most, in bytes; Slack's own input field ends well before.
const LONGEST_COMMAND: usize = 2_000;

/// Characters of a reason for changes.
const LONGEST_REASON: usize = 2_000;
/// What is asked for when somebody asks for changes.
const CHANGES: Form = Form {
    title: "Request changes",
    about: "This leaves a review on GitHub, as you, for the commit that the report is about. Everybody who sees the pull request can read it.",
    label: "What has to change?",
    submit: "Request changes",
    most: LONGEST_REASON,
};

/// How long a webhook's delivery is known again (seconds): GitHub delivers again, when asked, for three days.
const DELIVERY_S: i64 = 3 * 86_400;
/// Events of one repository within so many seconds are looked at together. The look comes after them all.
const TOGETHER_S: i64 = 4;
/// When it is looked at (seconds from the first of them). GitHub's API may be a little behind its webhooks.
const LOOK_AFTER: Duration = Duration::from_secs(5);

/// A webhook's delivery, whose signature was verified.
pub struct Delivery<'a> {
    /// GitHub's id of it, which is not signed.
    pub id: &'a str,
    /// A digest of the body, which is.
    pub digest: &'a str,
    /// The repository that it is about.
    pub repo: RepoName,
}

/// What accepting needs.
pub struct InteractCtx {
    /// Where jobs go.
    pub queue: Arc<dyn Queue>,
    /// Where state is.
    pub ledger: Ledger,
    /// The only Slack workspace whose people may act; `None` accepts whoever Slack signs for.
    pub team: Option<String>,
    /// Who shows forms.
    pub forms: Arc<dyn Forms>,
}

/// Accepts an interaction. The answer, if any, is the JSON body for Slack; an empty body acknowledges.
pub async fn interact(ctx: &InteractCtx, interaction: Interaction) -> Result<Option<Value>, JobError> {
    match interaction {
        Interaction::Nothing => Ok(None),
        Interaction::Click(click) => {
            if is_stranger(ctx, &click.by.team) {
                tracing::warn!(team = %click.by.team, user = %click.by.id, "a click from another workspace is refused");
                return Ok(None);
            }
            if click.action.asks_for_reason() {
                return show_form(ctx, &click).await;
            }
            let trigger = click.trigger.clone();
            queue_once(ctx, &trigger, Job::Click(click)).await?;
            Ok(None)
        }
        Interaction::Submitted(click) => accept_form(ctx, click).await,
        Interaction::Command(command) => accept_command(ctx, command).await,
        Interaction::Button(command) => {
            if is_stranger(ctx, &command.by.team) {
                tracing::warn!(team = %command.by.team, user = %command.by.id, "a click from another workspace is refused");
                return Ok(None);
            }
            let trigger = command.trigger.clone();
            queue_once(ctx, &trigger, Job::Command(command)).await?;
            Ok(None)
        }
    }
}

/// A click is good for a form for three seconds, so it is shown at once, and nothing is queued.
async fn show_form(ctx: &InteractCtx, click: &Click) -> Result<Option<Value>, JobError> {
    let key = format!("trigger#{}", click.trigger);
    if !ctx.ledger.first_time(&key, REPLAY_S).await? {
        tracing::info!("a repeated payload is acknowledged and shows no form");
        return Ok(None);
    }
    if let Err(error) = ctx.forms.ask(click, &CHANGES).await {
        ctx.ledger.forget_first_time(&key).await?;
        return Err(error.into());
    }
    Ok(None)
}

async fn accept_form(ctx: &InteractCtx, click: Click) -> Result<Option<Value>, JobError> {
    if is_stranger(ctx, &click.by.team) {
        tracing::warn!(team = %click.by.team, user = %click.by.id, "a form from another workspace is refused");
        return Ok(None);
    }
    let reason = click.reason.as_deref().unwrap_or_default();
    if reason.trim().is_empty() {
        return Ok(Some(
            ctx.forms.correction("Write what has to change: GitHub takes no request without a reason."),
        ));
    }
    if reason.chars().count() > LONGEST_REASON {
        return Ok(Some(ctx.forms.correction(&format!("Write at most {LONGEST_REASON} characters."))));
    }
    let trigger = click.trigger.clone();
    queue_once(ctx, &trigger, Job::Click(click)).await?;
    Ok(None)
}

/// Who began a link, once their browser is back from GitHub with its state; only the first time.
pub async fn came_back(ctx: &InteractCtx, state: &str) -> Result<Option<Person>, JobError> {
    let well_formed = state.len() == 64 && state.bytes().all(|b| b.is_ascii_hexdigit());
    Ok(if well_formed { ctx.ledger.use_state(state).await? } else { None })
}

/// GitHub says that something happened in a repository: the worker polls it soon. What comes again, and what comes while a look is
/// due anyway, changes nothing.
pub async fn announced(ctx: &InteractCtx, delivery: Delivery<'_>) -> Result<(), JobError> {
    let Delivery { id, digest, repo } = delivery;
    let notes = [
        (format!("delivery#{id}"), DELIVERY_S),
        (format!("delivered#{digest}"), DELIVERY_S),
        (format!("look#{repo}"), TOGETHER_S),
    ];
    for (key, ttl_s) in &notes {
        if !ctx.ledger.first_time(key, *ttl_s).await? {
            tracing::info!(repo = %repo, "a webhook for {repo} is a repeated one, or a look is due anyway");
            return Ok(());
        }
    }
    let job = Job::Look { repo, put_off: 0 };
    if let Err(error) = ctx.queue.send(&wire::encode(&job), LOOK_AFTER).await {
        for (key, _) in &notes {
            ctx.ledger.forget_first_time(key).await?;
        }
        return Err(error.into());
    }
    Ok(())
}

async fn accept_command(ctx: &InteractCtx, command: Command) -> Result<Option<Value>, JobError> {
    if is_stranger(ctx, &command.by.team) {
        return Ok(Some(private("This command is for members of the workspace that Preflux belongs to.")));
    }
    if command.text.len() > LONGEST_COMMAND {
        return Ok(Some(private("That command is too long. `/flux help` lists what there is.")));
    }
    let asking = match commands::parse(&command.text) {
        Err(told) => {
            let (text, blocks) = instead(&told);
            return Ok(Some(json!({ "response_type": "ephemeral", "text": text, "blocks": blocks })));
        }
        Ok(Request::Get { .. }) => "Asking the cluster…",
        Ok(Request::Act(_)) => "Asking Flux…",
        Ok(Request::Link { .. } | Request::Unlink | Request::WhoAmI) => "Asking GitHub…",
    };
    let trigger = command.trigger.clone();
    queue_once(ctx, &trigger, Job::Command(command)).await?;
    Ok(Some(private(asking)))
}

/// Queues a job unless this very trigger was queued before (a replay or a retry).
async fn queue_once(ctx: &InteractCtx, trigger: &str, job: Job) -> Result<(), JobError> {
    let key = format!("trigger#{trigger}");
    if !ctx.ledger.first_time(&key, REPLAY_S).await? {
        tracing::info!("a repeated payload is acknowledged and not queued");
        return Ok(());
    }
    if let Err(error) = ctx.queue.send(&wire::encode(&job), Duration::ZERO).await {
        ctx.ledger.forget_first_time(&key).await?;
        return Err(error.into());
    }
    Ok(())
}

fn is_stranger(ctx: &InteractCtx, team: &str) -> bool {
    ctx.team.as_deref().is_some_and(|home| home != team)
}

fn private(text: &str) -> Value {
    json!({ "response_type": "ephemeral", "text": text })
}
