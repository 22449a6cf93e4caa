//! Something that happens right before a chosen request: what tests of moments need.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::FakeGitHub;

type Event = Box<dyn FnOnce() + Send>;

/// What waits for its request, and how many requests come first.
#[derive(Default)]
pub(crate) struct Before(Mutex<Option<(usize, Event)>>);

impl fmt::Debug for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Before")
    }
}

impl Before {
    pub(crate) fn request(&self) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = match waiting.as_mut() {
            Some((0, _)) => waiting.take(),
            Some((more, _)) => {
                *more -= 1;
                None
            }
            None => None,
        };
        drop(waiting);
        if let Some((_, event)) = due {
            event();
        }
    }
}

impl FakeGitHub {
    /// Lets this many requests pass, and has this happen before the next one is looked at. It replaces what waited before.
    pub fn before_request(&self, pass: usize, event: impl FnOnce() + Send + 'static) {
        *self.inner.before.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((pass, Box::new(event)));
    }
}
