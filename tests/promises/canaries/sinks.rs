//! Where the programs write to, read in full after they worked.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::sought::Sought;
use crate::journey::World;

/// What was written to each place.
#[derive(Default)]
pub(crate) struct Sinks(BTreeMap<&'static str, Vec<u8>>);

impl Sinks {
    /// What Slack and GitHub were told.
    pub(crate) fn of(world: &World) -> Self {
        let mut sinks = Self::default();
        sinks.world(world);
        sinks
    }

    /// Adds what Slack and GitHub were told.
    pub(crate) fn world(&mut self, world: &World) {
        self.slack(world);
        self.github(world);
    }

    /// More of a place.
    pub(crate) fn add(&mut self, name: &'static str, bytes: &[u8]) {
        let sink = self.0.entry(name).or_default();
        sink.extend_from_slice(bytes);
        sink.push(b'\n');
    }

    fn slack(&mut self, world: &World) {
        for seen in world.slack.requests() {
            self.add("Slack", format!("{} {}\n{}", seen.method, seen.path, seen.body).as_bytes());
        }
        for file in world.slack.files() {
            self.add("Slack", &file.content);
        }
        for message in world.slack.messages(testkit::slack::DEPLOYS) {
            let thread = world.slack.thread(testkit::slack::DEPLOYS, &message.ts);
            self.add("Slack", json!({"message": message, "thread": thread}).to_string().as_bytes());
        }
        let rest = json!([world.slack.ephemerals(), world.slack.views(), world.slack.toasts()]);
        self.add("Slack", rest.to_string().as_bytes());
    }

    fn github(&mut self, world: &World) {
        for seen in world.github.requests() {
            self.add("GitHub", format!("{} {}\n{}", seen.method, seen.path, seen.body).as_bytes());
        }
        self.add("GitHub", world.github.sandbox_view().to_string().as_bytes());
        let (repo, pull) = (&world.sample.repo, world.sample.pull);
        self.add("GitHub", json!([repo.comments(pull), repo.reviews(pull)]).to_string().as_bytes());
    }

    /// Every file below a folder, but for those below folders of these names.
    pub(crate) fn files(&mut self, name: &'static str, dir: &Path, without: &[&str]) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let own = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !without.contains(&own.as_str()) {
                self.files(name, &path, without);
            } else if path.is_file() {
                self.add(name, own.as_bytes());
                self.add(name, &std::fs::read(&path).unwrap());
            }
        }
    }

    /// Panics where one of the secrets is found, and where what has to be there is not.
    pub(crate) fn check(&self, secrets: &Sought, expected: &[(&'static str, &str)]) {
        for (sink, wanted) in expected {
            let mut control = Sought::default();
            control.planted("what is no secret", wanted);
            let text = self.0.get(sink).unwrap_or_else(|| panic!("nobody looked into {sink}"));
            assert!(
                !control.found(text).is_empty(),
                "{sink}: `{wanted}` is not found: {}",
                String::from_utf8_lossy(text)
            );
        }
        let leaks = self.0.iter().map(|(sink, text)| (sink, secrets.found(text)));
        let leaks: Vec<String> = leaks
            .flat_map(|(sink, all)| all.into_iter().map(move |leak| format!("{sink}: {leak}")))
            .collect();
        assert!(leaks.is_empty(), "{} leaks\n{}", leaks.len(), leaks.join("\n\n"));
        let names: Vec<&str> = expected.iter().map(|(sink, _)| *sink).collect();
        assert!(self.0.keys().all(|sink| names.contains(sink)), "each place has its marker: {names:?}");
    }
}
