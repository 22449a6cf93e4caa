//! The one Slack message of a pull request: posted once, edited in place ever after.

use domain::PullKey;
use ports::ledger::{Ledger, PullRecord};
use ports::{Chat, ChatError, ChatMessage, MessageRef};
use report::slack::{MessageView, State, summary};

use crate::error::JobError;

/// How long an intent to post is remembered (seconds). Longer than any job lives.
const INTENT_S: i64 = 86_400;

/// Shows `state` in the pull request's message, posting it if it is not there yet.
pub(crate) async fn show(
    chat: &dyn Chat,
    ledger: &Ledger,
    channel: &str,
    record: &PullRecord,
    state: State<'_>,
) -> Result<MessageRef, JobError> {
    let notes = record.notes.join(" · ");
    let note = Some(notes.as_str()).filter(|n| !n.is_empty());
    let (text, blocks) = summary(&MessageView { pull: &record.pull, state, note });
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
        &Place { channel, thread: None, key: &record.pull.key.to_string() },
        &message,
        gone,
    )
    .await?;
    keep(ledger, &record.pull.key, |record| record.message = Some(at.clone())).await?;
    Ok(at)
}

/// Where something is posted, and the key it is found again by.
pub(crate) struct Place<'a> {
    pub(crate) channel: &'a str,
    pub(crate) thread: Option<&'a MessageRef>,
    pub(crate) key: &'a str,
}

/// Posts a message that may have been posted before by a run that did not live to note where.
/// The intent is written first; only where one is found does Slack have to be searched.
pub(crate) async fn post_once(
    chat: &dyn Chat,
    ledger: &Ledger,
    place: &Place<'_>,
    message: &ChatMessage,
    again: bool,
) -> Result<MessageRef, JobError> {
    let thread = place.thread.map_or("", |t| t.ts.as_str());
    let intent = format!("post#{}#{thread}#{}", place.channel, place.key);
    let first = ledger.first_time(&intent, INTENT_S).await?;
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
