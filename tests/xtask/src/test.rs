//! `cargo xtask test`: every check and every test, on real parts, and a table of how it went.
//!
//! Quick checks come first, and a failing step does not keep the later ones from running. Tests learn where the real
//! parts are from the environment ([`environment`]); a test whose part is missing writes a line to the file that
//! `PREFLUX_SKIPS` names, and here that line is shown, or is a failure when every part is required.

use std::fs;
use std::io::{BufRead as _, BufReader, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::cluster::{self, Cluster, Kubernetes};
use crate::emulators::{self, Emulator};
use crate::proc::{self, Leash};
use crate::steps::Ledger;
use crate::tools::{self, Outcome, TOOLS};
use crate::{functions, fuzz, policy, workspace};

/// What was asked for.
#[derive(Default)]
struct Options {
    require_all: bool,
    /// Only tests whose names contain this, and no other check.
    filter: Option<String>,
    /// Only the tests of these crates, and no other check.
    packages: Vec<String>,
    /// Only what runs on the oldest Kubernetes as well, and there.
    older: bool,
}

impl Options {
    fn only_tests(&self) -> bool {
        self.filter.is_some() || !self.packages.is_empty()
    }
}

/// The chore. Answers whether all passed, and nothing was skipped where everything is required.
pub(crate) fn run(args: Vec<String>) -> Result<bool> {
    let options = parse(args)?;
    tools::require_all(options.require_all);
    let mut ledger = Ledger::default();
    if options.older {
        on_the_oldest_kubernetes(&mut ledger, &options)?;
        return finished(&ledger, &options);
    }
    if !options.only_tests() {
        source_checks_and_tools(&mut ledger);
        template_checks(&mut ledger);
        deny(&mut ledger);
    }
    tests(&mut ledger, &options)?;
    if !options.only_tests() {
        if proc::on_path("c++").is_some() {
            ledger.step("fuzz", fuzz::short);
        } else {
            ledger.skip("fuzz", "no `c++` to build libFuzzer with");
        }
        on_the_oldest_kubernetes(&mut ledger, &options)?;
        check_policy(&mut ledger);
        build_functions(&mut ledger);
    }
    finished(&ledger, &options)
}

fn finished(ledger: &Ledger, options: &Options) -> Result<bool> {
    let (text, well) = ledger.summary(options.require_all);
    print!("{text}");
    Ok(well)
}

/// What the cluster identity may do, on the current and on the oldest API server.
fn check_policy(ledger: &mut Ledger) {
    for (row, version) in
        [("cluster policy", Kubernetes::Current), ("cluster policy, oldest", Kubernetes::Oldest)]
    {
        if !version.is_ready() {
            ledger.skip(row, "no test API server");
            continue;
        }
        ledger.step(row, || {
            ensure!(policy::run(version)?, "the cluster identity may more, or less, than it should");
            Ok("what the identity may do, tried on a real API server".to_owned())
        });
    }
}

/// The part of a test's name that makes it run on the oldest API server too.
const ON_EVERY_KUBERNETES: &str = "on_a_real_api_server";

/// The tests that say so in their names, once more on the oldest API server that is supported.
fn on_the_oldest_kubernetes(ledger: &mut Ledger, options: &Options) -> Result<()> {
    let row = "cargo test, oldest";
    if !Kubernetes::Oldest.is_ready() {
        ledger.skip(row, "not set up; `cargo xtask tools kube-older flux-crds` does it");
        return Ok(());
    }
    let dir = workspace::target().join("test/cluster-older");
    cluster::down(&dir)?;
    let cluster = cluster::up(&dir, Kubernetes::Oldest)?;
    let leashes = cluster.leash()?;
    let parts = Parts { cluster: Some(cluster), ..Parts::default() };
    let mut command = Command::new("cargo");
    command.args(["test", "--no-fail-fast", "--package", "preflux-tests", "--", ON_EVERY_KUBERNETES]);
    command.envs(environment(&parts)).env("PREFLUX_TEST_KUBERNETES", "oldest");
    if options.require_all {
        command.env("PREFLUX_REQUIRE_ALL", "1");
    }
    ledger.step(row, || {
        let tally = run_tests(&mut command)?;
        ensure!(tally.well, "{} passed, {} failed", tally.passed, tally.failed);
        ensure!(tally.passed > 0, "no test has `{ON_EVERY_KUBERNETES}` in its name");
        Ok(format!("{} passed on Kubernetes 1.30", tally.passed))
    });
    drop(leashes);
    cluster::down(&dir)
}

fn parse(args: Vec<String>) -> Result<Options> {
    let mut options = Options::default();
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--require-all" => options.require_all = true,
            "--older" => options.older = true,
            "-p" | "--package" => options.packages.push(args.next().context("`--package` needs a crate")?),
            flag if flag.starts_with('-') => bail!("`test` knows no `{flag}`; see `cargo xtask test --help`"),
            _ if options.filter.is_some() => bail!("`test` takes one FILTER"),
            _ => options.filter = Some(arg),
        }
    }
    Ok(options)
}

/// Formatting and lints, while the tools that only need the network are fetched; then the tools that need the cores.
fn source_checks_and_tools(ledger: &mut Ledger) {
    let light = std::thread::spawn(|| tools::set_up_all(TOOLS.iter().filter(|tool| !tool.heavy)));
    ledger.step("fmt", || cargo(&["fmt", "--all", "--check"]));
    ledger.step("clippy", || {
        cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"])
    });
    println!("\n=== tools");
    let light = light.join().unwrap_or_default();
    let heavy = tools::set_up_all(TOOLS.iter().filter(|tool| tool.heavy));
    for Outcome { name, result, seconds } in light.into_iter().chain(heavy) {
        let row = format!("tool {name}");
        match result {
            Ok(how) => {
                ledger.record(&row, Ok(how), Duration::from_secs_f64(seconds));
            }
            Err(error) => ledger.skip(&row, &format!("{error:#}")),
        }
    }
}

fn template_checks(ledger: &mut Ledger) {
    let Some(aws) = tools::ready("aws") else {
        ledger.skip("cfn-lint", "no `aws` tools");
        ledger.skip("sam validate", "no `aws` tools");
        return;
    };
    ledger.step("cfn-lint", || aws_tool(&aws, "cfn-lint", &["template.yaml"]));
    ledger.step("sam validate", || aws_tool(&aws, "sam", &["validate", "--lint"]));
}

fn build_functions(ledger: &mut Ledger) {
    let Some(aws) = tools::ready("aws") else {
        return ledger.skip("sam build", "no `aws` tools");
    };
    ledger.step("sam build", || {
        aws_tool(&aws, "sam", &["build"])?;
        functions::check(&workspace::target().join("sam"))
    });
}

/// Licences, bans and sources always; advisories where their database can be had.
fn deny(ledger: &mut Ledger) {
    let Some(tool) = tools::ready("cargo-deny") else {
        return ledger.skip("cargo deny", "no `cargo-deny`");
    };
    let program = tool.join("bin/cargo-deny");
    ledger.step("cargo deny", || {
        run_here(Command::new(&program).args(["check", "licenses", "bans", "sources"]))?;
        Ok("licences, bans, sources".to_owned())
    });
    let mut fetch = Command::new(&program);
    if let Err(error) = proc::output(fetch.current_dir(workspace::root()).args(["fetch", "db"])) {
        let why = format!("{error:#}");
        let why = why.lines().find(|line| line.contains("fatal")).unwrap_or_default();
        ledger.notes.push(format!("known vulnerabilities: the RustSec database cannot be had ({why})"));
        return;
    }
    ledger.step("cargo deny advisories", || {
        run_here(Command::new(&program).args(["check", "advisories"]))?;
        Ok("no known vulnerability".to_owned())
    });
}

/// Starts the real parts, runs the tests, and reads what they skipped.
fn tests(ledger: &mut Ledger, options: &Options) -> Result<()> {
    let dir = workspace::target().join("test");
    fs::create_dir_all(&dir)?;
    let parts = Parts::start(ledger, &dir);
    let skips = dir.join("skips");
    fs::write(&skips, "")?;
    let mut command = Command::new("cargo");
    command.args(["test", "--no-fail-fast"]);
    // The whole workspace has every feature on, by those who need it; a crate alone would leave out the tests that need one.
    command.arg(if options.packages.is_empty() { "--workspace" } else { "--all-features" });
    command.args(options.packages.iter().flat_map(|package| ["--package", package]));
    if let Some(filter) = &options.filter {
        command.args(["--", filter]);
    }
    command.env("PREFLUX_SKIPS", &skips).envs(environment(&parts));
    if options.require_all {
        command.env("PREFLUX_REQUIRE_ALL", "1");
    }
    let mut skipped = Vec::new();
    ledger.step("cargo test", || {
        let tally = run_tests(&mut command)?;
        skipped = tally.ignored;
        skipped.extend(fs::read_to_string(&skips)?.lines().map(str::to_owned));
        ensure!(tally.well || tally.failed > 0, "the tests could not be built or did not run to their end");
        ensure!(tally.well, "{} passed, {} failed", tally.passed, tally.failed);
        if options.require_all && !skipped.is_empty() {
            bail!("{} passed, but {} skipped, and every part is required", tally.passed, skipped.len());
        }
        Ok(format!("{} passed, {} skipped", tally.passed, skipped.len()))
    });
    ledger.skipped_tests = skipped;
    parts.stop()
}

/// The real parts that run while tests do.
#[derive(Default)]
struct Parts {
    cluster: Option<Cluster>,
    leashes: Vec<Leash>,
    emulators: Vec<(&'static [&'static str], Emulator)>,
    dir: PathBuf,
}

impl Parts {
    /// Starts what can be started; what cannot is a failed step, or a skipped one when its tool is not there.
    fn start(ledger: &mut Ledger, dir: &Path) -> Self {
        let mut parts = Self { dir: dir.join("cluster"), ..Self::default() };
        if Kubernetes::Current.is_ready() {
            ledger.step("start API server", || {
                let cluster = cluster::up(&parts.dir, Kubernetes::Current)?;
                parts.leashes = cluster.leash()?;
                let server = cluster.server.clone();
                parts.cluster = Some(cluster);
                Ok(server)
            });
        } else {
            ledger.skip("start API server", "not set up; `cargo xtask tools kube flux-crds` does it");
        }
        for kind in &emulators::KINDS {
            let row = format!("start {}", kind.tool);
            if tools::ready(kind.tool).is_none() {
                ledger.skip(&row, &format!("not set up; `cargo xtask tools {}` does it", kind.tool));
                continue;
            }
            ledger.step(&row, || {
                let emulator = emulators::start(kind, dir)?;
                let url = emulator.url.clone();
                parts.emulators.push((kind.variables, emulator));
                Ok(url)
            });
        }
        parts
    }

    fn stop(self) -> Result<()> {
        drop(self.leashes);
        cluster::down(&self.dir)
    }
}

/// What tests read. A variable that is not set means that the part is not there.
fn environment(parts: &Parts) -> Vec<(String, std::ffi::OsString)> {
    let mut all = Vec::new();
    let mut set = |name: &str, value: std::ffi::OsString| all.push((name.to_owned(), value));
    if let Some(cluster) = &parts.cluster {
        set("PREFLUX_TEST_KUBECONFIG", cluster.kubeconfig("admin").into());
        set("PREFLUX_TEST_KUBECONFIG_WORKER", cluster.kubeconfig("worker").into());
        set("PREFLUX_TEST_KUBECONFIG_NOBODY", cluster.kubeconfig("nobody").into());
        set("PREFLUX_TEST_APISERVER", cluster.server.clone().into());
        set("PREFLUX_TEST_APISERVER_TOKEN", cluster.token("admin").unwrap_or_default().into());
    }
    for (variables, emulator) in &parts.emulators {
        for variable in *variables {
            set(variable, emulator.url.clone().into());
        }
    }
    if let Some(dir) = tools::ready("kustomize") {
        set("PREFLUX_KUSTOMIZE_BIN", dir.join("kustomize").into());
    }
    for (variable, tool) in
        [("PREFLUX_KUSTOMIZE_ORACLE", "kustomize-oracle"), ("PREFLUX_FLUX_ORACLE", "flux-oracle")]
    {
        if let Some(program) = tools::oracle(tool) {
            set(variable, program.into());
        }
    }
    if let Some(venv) = tools::ready("moto") {
        // moto stands on botocore.
        set("PREFLUX_TEST_BOTOCORE", venv.join("bin/python").into());
    }
    if let Some(dir) = tools::ready("flux-crds") {
        set("PREFLUX_FLUX_CRDS", dir.into());
    }
    if let Some(file) = tools::openapi() {
        set("PREFLUX_GITHUB_OPENAPI", file.into());
    }
    if let Some(file) = tools::chromium() {
        set("PREFLUX_CHROMIUM", file.into());
    }
    if let Ok(program) = std::env::current_exe() {
        set("PREFLUX_XTASK", program.into());
    }
    // No test may reach a real account, whatever the person at the keyboard is signed in to.
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ] {
        set(name, value.into());
    }
    all
}

/// What the test programs said in their result lines.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    ignored: Vec<String>,
    well: bool,
}

fn run_tests(command: &mut Command) -> Result<Tally> {
    if std::io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command
        .current_dir(workspace::root())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("starting cargo")?;
    let out = child.stdout.take().context("cargo has no output")?;
    let mut tally = Tally::default();
    for line in BufReader::new(out).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        tally.read(&line);
    }
    tally.well = child.wait()?.success();
    Ok(tally)
}

impl Tally {
    fn read(&mut self, line: &str) {
        if let Some(counts) = line.strip_prefix("test result: ") {
            self.passed += count(counts, "passed");
            self.failed += count(counts, "failed");
        } else if let Some((name, why)) =
            line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ignored"))
        {
            self.ignored.push(format!("{name}: ignored{why}"));
        }
    }
}

/// The number before a word in `ok. 3 passed; 0 failed; ...`.
fn count(counts: &str, word: &str) -> usize {
    counts
        .split([';', '.'])
        .filter_map(|part| part.trim().strip_suffix(word))
        .find_map(|number| number.trim().parse().ok())
        .unwrap_or(0)
}

fn cargo(args: &[&str]) -> Result<String> {
    run_here(Command::new("cargo").args(args))
}

fn aws_tool(aws: &Path, program: &str, args: &[&str]) -> Result<String> {
    let bin = aws.join("bin");
    run_here(
        Command::new(bin.join(program))
            .args(args)
            .env("PATH", proc::path_with(&bin)?)
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("SAM_CLI_TELEMETRY", "0"),
    )
}

/// Runs a command at the root of the checkout, its output going where ours does.
fn run_here(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command
        .current_dir(workspace::root())
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("starting `{name}`"))?;
    ensure!(status.success(), "`{name}` ended with {status}");
    Ok(String::new())
}

#[cfg(test)]
mod tests {
    use super::{Tally, parse};

    #[test]
    fn the_tally_adds_up_every_test_program() {
        let mut tally = Tally::default();
        for line in [
            "running 4 tests",
            "test a::b ... ok",
            "test a::slow ... ignored, needs a moon",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s",
        ] {
            tally.read(line);
        }
        assert_eq!((tally.passed, tally.failed), (13, 2));
        assert_eq!(tally.ignored, ["a::slow: ignored, needs a moon"]);
    }

    #[test]
    fn flags() {
        let parsed = |args: &[&str]| {
            parse(args.iter().map(|arg| (*arg).to_owned()).collect())
                .map(|options| (options.require_all, options.filter, options.packages))
                .map_err(|error| error.to_string())
        };
        assert_eq!(parsed(&[]), Ok((false, None, vec![])));
        assert_eq!(parsed(&["--require-all", "poll"]), Ok((true, Some("poll".to_owned()), vec![])));
        assert_eq!(
            parsed(&["-p", "git", "-p", "slack"]),
            Ok((false, None, vec!["git".to_owned(), "slack".to_owned()]))
        );
        assert!(parsed(&["--all"]).is_err_and(|error| error.contains("`--all`")));
        assert!(parsed(&["a", "b"]).is_err());
    }
}
