//! A person in front of the sandbox's page, as a headless Chromium: sees the report, posts it, approves, looks at GitHub.
//!
//! Chromium is driven by its DevTools protocol over two pipes, so nothing listens and no driver is needed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::journey::ON_THE_CLUSTER;
use crate::support::{Running, part, program, target};

const LIMIT: Duration = Duration::from_secs(60);

/// A browser with one page.
struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    session: String,
    last: u64,
    _profile: TempDir,
}

impl Browser {
    fn open(chromium: &str, url: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        // The protocol's pipes are the descriptors 3 and 4.
        command
            .arg("-c")
            .arg("exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1")
            .arg("sh")
            .arg(chromium)
            .args([
                "--headless=new",
                "--remote-debugging-pipe",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--no-default-browser-check",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--disable-extensions",
                "--hide-scrollbars",
                "--window-size=1440,900",
            ]);
        command.arg(format!("--user-data-dir={}", profile.path().display())).arg("about:blank");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (to, out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (send, from) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(out).split(0).map_while(Result::ok) {
                let Ok(value) = serde_json::from_slice(&message) else { continue };
                if send.send(value).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self { child, to, from, session: String::new(), last: 0, _profile: profile };
        browser.attach(url);
        browser
    }

    fn attach(&mut self, url: &str) {
        let page = self.call("Target.createTarget", json!({"url": "about:blank"}));
        let wanted = json!({"targetId": page["targetId"], "flatten": true});
        let session = self.call("Target.attachToTarget", wanted);
        self.session = session["sessionId"].as_str().unwrap().to_owned();
        self.call("Page.enable", json!({}));
        let size = json!({"width": 1440, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size);
        self.call("Page.navigate", json!({ "url": url }));
    }

    /// Calls a method of the protocol and waits for its answer; events are passed over.
    fn call(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let mut message = json!({"id": self.last, "method": method, "params": params});
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let answer = self.from.recv_timeout(LIMIT).unwrap_or_else(|e| panic!("{method}: {e}"));
            if answer["id"] == self.last {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
        }
    }

    fn evaluate(&mut self, script: &str) -> Value {
        let result = self.call("Runtime.evaluate", json!({"expression": script, "returnByValue": true}));
        result["result"]["value"].clone()
    }

    /// Waits until a script gives a text that contains all of these.
    fn sees(&mut self, script: &str, wanted: &[&str]) -> String {
        let begun = Instant::now();
        loop {
            let shown = self.evaluate(script).as_str().unwrap_or_default().to_owned();
            if !shown.is_empty() && wanted.iter().all(|text| shown.contains(text)) {
                return shown;
            }
            assert!(begun.elapsed() < LIMIT, "{wanted:?} is not to be seen in {script}: {shown}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Clicks, with the mouse, in the middle of the first element that matches once it is there.
    fn click(&mut self, selector: &str) {
        let find = format!(
            "(() => {{ const e = document.querySelector({}); if (!e || e.disabled) return ''; e.scrollIntoView({{block: 'center'}}); \
             const r = e.getBoundingClientRect(); return JSON.stringify([r.x + r.width / 2, r.y + r.height / 2]); }})()",
            json!(selector)
        );
        let at = self.sees(&find, &["["]);
        let at: (f64, f64) = serde_json::from_str(&at).unwrap();
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": at.0, "y": at.1, "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    fn screenshot(&mut self, name: &str) {
        let shot = self.call("Page.captureScreenshot", json!({"format": "png"}));
        let bytes = base64::engine::general_purpose::STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
        assert!(bytes.len() > 10_000, "the picture is empty");
        let dir = target().join("test");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(name), bytes).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The visible text of all elements with this test id.
fn texts(test_id: &str) -> String {
    format!("[...document.querySelectorAll('[data-testid={test_id}]')].map(e => e.innerText).join('\\n')")
}

/// The address that the sandbox prints for its Slack page.
fn page(sandbox: &Running) -> String {
    let begun = Instant::now();
    loop {
        sandbox.check();
        let log = sandbox.log();
        let line = log.lines().find(|line| line.contains("as a person would see it"));
        if let Some(at) = line.and_then(|line| line.find("http://").map(|i| line[i..].trim().to_owned())) {
            return at;
        }
        assert!(begun.elapsed() < LIMIT, "the sandbox names no page:\n{log}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_person_clicks_through_the_sandbox() {
    let Some(chromium) = part("PREFLUX_CHROMIUM") else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(program("preflux"));
    command.args(["sandbox", "--port", "0", "--dir"]).arg(dir.path().join("data"));
    // With a cluster where one is: the picture is for the README.
    let set = |name: &str| std::env::var(name).ok().filter(|file| !file.is_empty());
    let kubeconfigs = set("PREFLUX_TEST_KUBECONFIG").zip(set("PREFLUX_TEST_KUBECONFIG_WORKER"));
    let _held = kubeconfigs.as_ref().map(|_| ON_THE_CLUSTER.blocking_lock());
    if let Some((admin, worker)) = &kubeconfigs {
        crate::journey::grant_as(admin, worker);
        command.args(["--kubeconfig", worker, "--seed-with", admin]);
    }
    let sandbox = Running::start(&mut command);
    let mut browser = Browser::open(&chromium, &page(&sandbox));

    let message =
        browser.sees(&texts("message"), &["Storefront 6.6 and gift cards", "Post as comment", "Approve"]);
    assert!(message.contains("changed") && message.contains("deleted"), "the summary counts: {message}");
    browser.click("[data-testid=replies]");
    browser.sees("document.querySelector('[data-testid=thread]').innerText", &["legacy-redirect"]);
    browser.evaluate("document.querySelectorAll('#thread-list [data-testid=message]')[1].scrollIntoView()");
    browser.screenshot("sandbox.png");
    browser.click("[data-testid=thread-close]");

    browser.click("[data-action-id=post_comment]");
    browser.sees(&texts("ephemeral"), &["The report is on the pull request"]);
    browser.click("[data-testid=tab-github]");
    browser.sees(&texts("pull-comment"), &["storefront", "preflux-bot"]);
    browser.screenshot("sandbox-github.png");

    browser.click("[data-testid=channel]");
    browser.click("[data-action-id=approve]");
    browser.click("[data-testid=confirm-yes]");
    browser.sees(&texts("message"), &["Approved at"]);
    browser.click("[data-testid=tab-github]");
    browser.sees(&texts("pull-review"), &["approved these changes"]);
    let count = "String(document.querySelectorAll('[data-testid=pull-review]').length)";
    assert_eq!(browser.evaluate(count), "1", "one approval");
    sandbox.check();
}
