//! Forms that the chat shows to one person, right after a click and because of it.

use async_trait::async_trait;
use domain::interact::Click;
use serde_json::Value;

use crate::chat::ChatError;

/// A form with one text to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// What stands above it; 24 characters at most.
    pub title: &'static str,
    /// What will happen.
    pub about: &'static str,
    /// What to write.
    pub label: &'static str,
    /// What stands on the button that sends it; 24 characters at most.
    pub submit: &'static str,
    /// Characters that may be written; 3,000 at most.
    pub most: usize,
}

/// Who shows forms.
#[async_trait]
pub trait Forms: Send + Sync {
    /// Shows the form to whoever clicked, within the three seconds that a click is good for. What they send is that click with a
    /// reason.
    async fn ask(&self, click: &Click, form: &Form) -> Result<(), ChatError>;

    /// The answer to a form that is not taken: it stays open, and says this under its text.
    fn correction(&self, what: &str) -> Value;
}
