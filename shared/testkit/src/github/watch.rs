//! A look at every exchange: what a stand-in was started with judges each request and answer, and what it found fails the test at
//! its end. Trouble that a test planned is no answer of GitHub's, so only its request is looked at.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Request, Response};

use super::rest::{Answer, Ask};

type Judge = dyn Fn(&Request<Bytes>, Option<&Response<Bytes>>) -> Vec<String> + Send + Sync;

/// Who looks at the exchanges; nobody by default. Tests say `described::watch().into()`.
#[derive(Clone, Default)]
pub struct Watch(Option<Arc<Judge>>);

impl From<Option<Arc<Judge>>> for Watch {
    fn from(judge: Option<Arc<Judge>>) -> Self {
        Self(judge)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watch").field(&self.0.is_some()).finish()
    }
}

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    watch: Watch,
    found: Mutex<Vec<String>>,
}

impl Watched {
    pub(crate) fn by(watch: Watch) -> Self {
        Self { watch, found: Mutex::default() }
    }

    /// Looks at one exchange; `planned` is whether the answer is trouble on demand.
    pub(crate) fn look(&self, ask: &Ask, target: &str, answer: &Answer, planned: bool) {
        let Some(judge) = &self.watch.0 else { return };
        let problems = match (request(ask, target), response(answer)) {
            (Ok(request), Ok(answer)) => judge(&request, (!planned).then_some(&answer)),
            (Err(error), _) | (_, Err(error)) => vec![format!("{} {target}: {error}", ask.method)],
        };
        self.found.lock().unwrap_or_else(PoisonError::into_inner).extend(problems);
    }

    pub(crate) fn take(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for problem in self.found.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            if !found.contains(&problem) {
                found.push(problem);
            }
        }
        found
    }
}

fn request(ask: &Ask, target: &str) -> Result<Request<Bytes>, http::Error> {
    let mut request =
        Request::builder().method(ask.method.as_str()).uri(target).body(Bytes::clone(&ask.body))?;
    *request.headers_mut() = ask.headers.clone();
    Ok(request)
}

fn response(answer: &Answer) -> Result<Response<Bytes>, http::Error> {
    let head = answer
        .headers
        .iter()
        .fold(Response::builder().status(answer.status), |head, (name, value)| head.header(*name, value));
    head.body(Bytes::copy_from_slice(&answer.body))
}

/// Tells what was found when the last handle of a stand-in goes.
#[derive(Debug)]
pub(crate) struct AtTheEnd(pub(crate) Arc<super::Inner>);

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        let found = self.0.watched.take();
        // A test that fails already has something better to say.
        if !std::thread::panicking() {
            assert!(found.is_empty(), "not as GitHub describes its API:\n  {}", found.join("\n  "));
        }
    }
}
