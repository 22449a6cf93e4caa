//! The oracle, one long-running process: a question and an answer are a line each.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use flux::Kustomization;
use serde_json::{Value, json};

use super::Verdict;

/// Flux's own packages.
pub(crate) struct Oracle {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Oracle {
    pub(crate) fn start(program: &str) -> Self {
        let mut child =
            Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the oracle");
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, input, output: BufReader::new(output) }
    }

    fn ask(&mut self, question: &Value) -> Value {
        writeln!(self.input, "{question}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert!(answer["error"].is_null(), "{answer}");
        answer
    }

    /// What Flux makes of one object.
    pub(crate) fn verdict(&mut self, kubeconfig: &Path, owner: &Kustomization, object: &Value) -> Verdict {
        let rules = owner.spec.ignore.iter();
        let rules: Vec<Value> =
            rules.map(|rule| json!({"paths": rule.paths, "selector": rule.target})).collect();
        let diff = json!({
            "kubeconfig": kubeconfig, "objects": [object], "force": owner.spec.force, "ignoreRules": rules,
        });
        let answer = self.ask(&json!({"op": "diff", "diff": diff}));
        let text = |key: &str| answer["verdicts"][0][key].as_str().unwrap_or_default().to_owned();
        Verdict {
            action: text("action"),
            why: format!("{} {}", text("reason"), text("error")),
            settled: false,
        }
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _collected = self.child.wait();
    }
}
