//! The one Slack message of a pull request: posted once, edited in place ever after.

use domain::{PullKey, RepoRule};
use ports::ledger::{Ledger, PullRecord};
use ports::{Chat, ChatError, ChatMessage, MessageRef};
use report::slack::{MessageView, State, summary};

use crate::buttons;
use crate::error::JobError;

/// Longer than posting takes, its repetitions included (seconds).
const POSTING_S: i64 = 120;
/// How long an intent to post is remembered (seconds). Longer than any job lives.
const INTENT_S: i64 = 86_400;

/// Shows `state` in the pull request's message, posting it if it is not there yet.
pub(crate) async fn show(
    chat: &dyn Chat,
    ledger: &Ledger,
    rule: &RepoRule,
    record: &PullRecord,
    state: State<'_>,
) -> Result<MessageRef, JobError> {
    let notes = record.notes.join(" · ");
    let note = Some(notes.as_str()).filter(|n| !n.is_empty());
    let extra = buttons::extra(rule, &record.pull);
    let (text, blocks) =
        summary(&MessageView { pull: &record.pull, state, note, extra: &extra, acts: rule.acts });
    let message = ChatMessage { text, blocks };
    if let Some(at) = &record.message {
        match chat.update(at, &message).await {
            Err(ChatError::MessageGone) => {}
            result => return result.map(|()| at.clone()).map_err(JobError::from),
        }
    }
    let gone = record.message.is_some();
    let at = post_once(
        chat,
        ledger,
        &Place { channel: &rule.channel, thread: None, key: &record.pull.key.to_string() },
        &message,
        gone,
    )
    .await?;
    keep(ledger, &record.pull.key, |record| record.message = Some(at.clone())).await?;
    Ok(at)
}

/// Looks for the message of a pull request that may have been posted by a run that did not live to note where, and keeps where.
/// Whether there is one.
#[cfg(feature = "work")]
pub(crate) async fn recovered(
    chat: &dyn Chat,
    ledger: &Ledger,
    rule: &RepoRule,
    record: &mut PullRecord,
) -> Result<bool, JobError> {
    if record.message.is_some() {
        return Ok(true);
    }
    let key = record.pull.key.to_string();
    if !ledger.was_seen(&intent(&rule.channel, "", &key)).await? {
        return Ok(false);
    }
    record.message = chat.find(&rule.channel, None, &key).await?;
    if let Some(at) = &record.message {
        keep(ledger, &record.pull.key, |record| record.message = Some(at.clone())).await?;
    }
    Ok(record.message.is_some())
}

fn intent(channel: &str, thread: &str, key: &str) -> String {
    format!("post#{channel}#{thread}#{key}")
}

/// Where something is posted, and the key it is found again by.
pub(crate) struct Place<'a> {
    pub(crate) channel: &'a str,
    pub(crate) thread: Option<&'a MessageRef>,
    pub(crate) key: &'a str,
}

/// Posts a message that may have been posted before by a run that did not live to note where, or is being posted by another one.
/// The intent is written first; only where one is found does Slack have to be searched.
pub(crate) async fn post_once(
    chat: &dyn Chat,
    ledger: &Ledger,
    place: &Place<'_>,
    message: &ChatMessage,
    again: bool,
) -> Result<MessageRef, JobError> {
    let thread = place.thread.map_or("", |t| t.ts.as_str());
    let intent = intent(place.channel, thread, place.key);
    let Some(lease) = ledger.lease(&intent, POSTING_S).await? else {
        return Err(JobError::busy(anyhow::anyhow!(
            "the message of `{}` is being posted by another worker",
            place.key
        )));
    };
    let posted = post_noted(chat, ledger, place, &intent, message, again).await;
    ledger.release(lease).await?;
    posted
}

async fn post_noted(
    chat: &dyn Chat,
    ledger: &Ledger,
    place: &Place<'_>,
    intent: &str,
    message: &ChatMessage,
    again: bool,
) -> Result<MessageRef, JobError> {
    let first = ledger.first_time(intent, INTENT_S).await?;
    let posted =
        if first || again { None } else { chat.find(place.channel, place.thread, place.key).await? };
    if let Some(at) = posted {
        chat.update(&at, message).await?;
        return Ok(at);
    }
    Ok(chat.post(place.channel, place.thread, place.key, message).await?)
}

/// Changes a pull request's record, if there is one.
pub(crate) async fn keep(
    ledger: &Ledger,
    key: &PullKey,
    change: impl Fn(&mut PullRecord) + Send + Sync,
) -> Result<Option<PullRecord>, JobError> {
    let changed = |record: Option<PullRecord>| {
        record.map(|mut record| {
            change(&mut record);
            record
        })
    };
    Ok(ledger.change_pull(key, changed).await?)
}
