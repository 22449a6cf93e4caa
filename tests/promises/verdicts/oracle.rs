//! The oracle, one long-running process: a question and an answer are a line each.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
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

    /// An object as SOPS encrypts it for an age recipient: what is in a Secret's data.
    pub(crate) fn encrypted(&mut self, object: &str, recipient: &str) -> String {
        let plain = json!({"format": "yaml", "text": object, "recipients": [recipient], "regex": "^(data|stringData)$"});
        let answer = self.ask(&json!({"op": "encrypt", "plain": plain}));
        let text = STANDARD.decode(answer["text"].as_str().expect("an encrypted text")).unwrap();
        String::from_utf8(text).unwrap()
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
