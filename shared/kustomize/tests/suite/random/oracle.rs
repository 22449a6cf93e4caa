//! The oracle as one long-running program, asked many questions at a time.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::random::tree::Tree;

/// The program of `tests/oracle/kustomize`.
pub(crate) struct Oracle {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    pub(crate) fn start(program: &str) -> Oracle {
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let questions = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Oracle { child, questions, answers }
    }

    /// Asks about all trees, and does `meanwhile` what there is to do.
    pub(crate) fn ask<T: Send>(
        &mut self,
        trees: &[Tree],
        meanwhile: impl FnOnce() -> T + Send,
    ) -> (Vec<Result<String, String>>, T) {
        let Oracle { questions, answers, .. } = self;
        let questions = questions.as_mut().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for tree in trees {
                    writeln!(questions, "{}", tree.request()).unwrap();
                }
                questions.flush().unwrap();
            });
            let meanwhile = scope.spawn(meanwhile);
            let theirs = trees.iter().map(|_| answer(answers)).collect();
            (theirs, meanwhile.join().unwrap())
        })
    }
}

fn answer(answers: &mut BufReader<ChildStdout>) -> Result<String, String> {
    let mut line = String::new();
    answers.read_line(&mut line).unwrap();
    let answer: Value = serde_json::from_str(&line).unwrap();
    let text = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
    if text("error").is_empty() { Ok(text("yaml")) } else { Err(text("error")) }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        drop(self.questions.take());
        let _ = self.child.wait();
    }
}
