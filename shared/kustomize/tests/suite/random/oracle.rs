//! The oracle as one long-running program, asked many questions at a time.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::random::tree::Tree;

/// The program of `tests/oracle/kustomize`.
pub(crate) struct Oracle {
    program: String,
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
        Oracle { program: program.to_owned(), child, questions, answers }
    }

    /// Asks about all trees, and does `meanwhile` what there is to do.
    pub(crate) fn ask<T: Send>(
        &mut self,
        trees: &[Tree],
        meanwhile: impl FnOnce() -> T + Send,
    ) -> (Vec<Result<String, String>>, T) {
        std::thread::scope(|scope| {
            let meanwhile = scope.spawn(meanwhile);
            let mut theirs = self.answers(trees);
            // Some trees bring kustomize down; the first without an answer did, and the rest is asked again.
            while theirs.len() < trees.len() {
                theirs.push(Err("kustomize is brought down".to_owned()));
                *self = Oracle::start(&self.program);
                let more = self.answers(&trees[theirs.len()..]);
                theirs.extend(more);
            }
            (theirs, meanwhile.join().unwrap())
        })
    }

    /// The answers until the last or until the program ends.
    fn answers(&mut self, trees: &[Tree]) -> Vec<Result<String, String>> {
        let Oracle { questions, answers, .. } = self;
        let questions = questions.as_mut().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || trees.iter().try_for_each(|tree| writeln!(questions, "{}", tree.request())));
            trees.iter().map_while(|_| answer(answers)).collect()
        })
    }
}

/// The next answer; `None` when the program has ended.
fn answer(answers: &mut BufReader<ChildStdout>) -> Option<Result<String, String>> {
    let mut line = String::new();
    answers.read_line(&mut line).unwrap();
    let answer: Value = serde_json::from_str(&line).ok()?;
    let text = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
    Some(if text("error").is_empty() { Ok(text("yaml")) } else { Err(text("error")) })
}

impl Drop for Oracle {
    fn drop(&mut self) {
        drop(self.questions.take());
        let _ = self.child.wait();
    }
}
