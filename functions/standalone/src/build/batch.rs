//! `preflux build --batch`: thousands of builds in one process. Each reads the disk anew, and none can end the others.

use std::any::Any;
use std::io::{BufRead, Read as _, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, anyhow, ensure};
use kustomize::Built;
use serde::{Deserialize, Serialize};

use super::Printed;

/// Bytes that a request may have.
const LONGEST_LINE: u64 = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    /// The folder that bounds what may be read.
    root: PathBuf,
    /// The folder to build, from `root`.
    path: String,
}

#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    printed: Printed<'a>,
    error: Option<String>,
    /// How long the build took, without reading the request and writing the answer.
    ms: f64,
}

/// Answers every line, in order and at once, until there are no more.
pub(super) fn run(mut requests: impl BufRead, mut answers: impl Write) -> anyhow::Result<()> {
    while let Some(line) = next_line(&mut requests)? {
        let (result, ms) = match request(&line) {
            Ok(request) => timed(&request),
            Err(error) => (Err(error), 0.0),
        };
        let printed = result.as_ref().map(Printed::of).unwrap_or_default();
        let error = result.as_ref().err().map(|error| format!("{error:#}"));
        let mut text = serde_json::to_vec(&Answer { printed, error, ms })?;
        text.push(b'\n');
        answers.write_all(&text)?;
        answers.flush()?;
    }
    Ok(())
}

/// The next line, cut off when it is too long; `None` at the end.
fn next_line(requests: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    if requests.take(LONGEST_LINE + 1).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if !line.ends_with(b"\n") {
        requests.skip_until(b'\n')?;
    }
    Ok(Some(line))
}

fn request(line: &[u8]) -> anyhow::Result<Request> {
    ensure!(line.len() as u64 <= LONGEST_LINE, "the request has more than {LONGEST_LINE} bytes");
    serde_json::from_slice(line).context(r#"the request is not {"root": DIR, "path": PATH}"#)
}

/// A panic is a fault of ours; whoever sent a thousand requests still wants the other answers.
fn timed(request: &Request) -> (anyhow::Result<Built>, f64) {
    let begun = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| super::built(&request.root, &request.path)));
    let result = result.unwrap_or_else(|panic| Err(anyhow!("the build panicked: {}", message(&*panic))));
    (result, begun.elapsed().as_secs_f64() * 1000.0)
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use serde_json::Value;

    use super::*;

    fn answers(requests: &[u8]) -> Vec<Value> {
        let mut out = Vec::new();
        run(requests, &mut out).unwrap();
        out.split(|b| *b == b'\n')
            .filter(|l| !l.is_empty())
            .map(|l| serde_json::from_slice(l).unwrap())
            .collect()
    }

    #[test]
    fn every_line_is_answered() {
        let mut requests = b"nonsense\n\n{\"root\": \"/\"}\n\xff\n".to_vec();
        requests.extend(vec![b'x'; 3 << 20]);
        requests.extend(b"\n{\"root\": \"/no/such/folder\", \"path\": \"\"}");
        let answers = answers(&requests);
        let errors: Vec<&str> = answers.iter().map(|a| a["error"].as_str().unwrap()).collect();
        assert_eq!(errors.len(), 6, "{errors:?}");
        assert!(errors[..4].iter().all(|e| e.contains("the request is not")), "{errors:?}");
        assert!(errors[4].contains("more than 1048576 bytes"), "{errors:?}");
        assert!(errors[5].contains("`/no/such/folder`"), "{errors:?}");
    }

    #[test]
    fn a_panic_has_its_message() {
        let panic = catch_unwind(|| panic!("of {}", 7)).unwrap_err();
        assert_eq!(message(&*panic), "of 7");
    }
}
