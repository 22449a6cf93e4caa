//! The chat (Slack): one message per pull request, its thread, and private answers.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a message is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageRef {
    /// Channel id.
    pub channel: String,
    /// The message's timestamp id.
    pub ts: String,
}

/// A message to show. Renderers have already kept it within Slack's limits.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatMessage {
    /// What notifications and screen readers say.
    pub text: String,
    /// Block Kit blocks; empty for plain text.
    pub blocks: Vec<Value>,
}

/// The chat failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChatError {
    /// The token is wrong or revoked, or lacks a scope.
    #[error("Slack refused the token: {0}")]
    Unauthorized(String),
    /// The channel is unknown, archived, or the app is not in it.
    #[error(
        "Slack channel `{channel}` cannot be written to ({reason}): invite the app, or change the configuration"
    )]
    Channel {
        /// Channel id.
        channel: String,
        /// Slack's error code.
        reason: String,
    },
    /// The message is gone.
    #[error("the Slack message is gone")]
    MessageGone,
    /// A rate limit; try again after so many seconds.
    #[error("Slack's rate limit is reached for {retry_after_s} s")]
    RateLimited {
        /// Seconds to wait.
        retry_after_s: u64,
    },
    /// Slack refused the content, and will again.
    #[error("Slack refused `{method}`: {reason}")]
    Refused {
        /// The Web API method.
        method: String,
        /// Slack's error code and details.
        reason: String,
    },
    /// No answer: a post may or may not have happened.
    #[error("Slack did not answer `{method}`: {reason}")]
    Unavailable {
        /// The Web API method.
        method: String,
        /// What went wrong.
        reason: String,
    },
}

impl ChatError {
    /// Whether the same call may succeed later.
    pub fn heals(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Unavailable { .. })
    }
}

/// The chat.
#[async_trait]
pub trait Chat: Send + Sync {
    /// Posts a message that carries `key` where only apps see it; in the thread of `thread` if given.
    async fn post(
        &self,
        channel: &str,
        thread: Option<&MessageRef>,
        key: &str,
        message: &ChatMessage,
    ) -> Result<MessageRef, ChatError>;

    /// Looks among the newest messages of a channel (or of a thread) for one of ours that carries `key`.
    async fn find(
        &self,
        channel: &str,
        thread: Option<&MessageRef>,
        key: &str,
    ) -> Result<Option<MessageRef>, ChatError>;

    /// Replaces a message's content.
    async fn update(&self, at: &MessageRef, message: &ChatMessage) -> Result<(), ChatError>;

    /// Puts a text file into a message's thread.
    async fn upload(&self, thread: &MessageRef, name: &str, title: &str, text: &str)
    -> Result<(), ChatError>;

    /// Answers a click or a command: `private` to the person alone, else for the channel.
    async fn answer(&self, answer_url: &str, private: bool, message: &ChatMessage) -> Result<(), ChatError>;

    /// Puts an answer in the place of the message whose button was pressed.
    async fn replace(&self, answer_url: &str, message: &ChatMessage) -> Result<(), ChatError> {
        self.answer(answer_url, true, message).await
    }

    /// Tells one person in a channel something, when no answer can be given any more. A chat that cannot says so.
    async fn whisper(&self, _channel: &str, _person: &str, _message: &ChatMessage) -> Result<(), ChatError> {
        let reason = "nobody can be told anything in private here".to_owned();
        Err(ChatError::Refused { method: "a private message".to_owned(), reason })
    }
}
