//! Running other programs: to their end with a log, or in the background on a leash.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// Runs a command to its end with its output in `log`. On failure the error holds the log's last lines.
pub(crate) fn run_logged(command: &mut Command, log: &Path) -> Result<()> {
    if let Some(parent) = log.parent() {
        fs::create_dir_all(parent)?;
    }
    let out = File::create(log).with_context(|| format!("creating `{}`", log.display()))?;
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .status()
        .with_context(|| format!("starting `{name}`; is it installed and on PATH"))?;
    if !status.success() {
        bail!("`{name}` ended with {status}; the end of `{}`:\n{}", log.display(), tail(log, 12));
    }
    Ok(())
}

/// What a command prints on its standard output; an error when it fails, with what it printed on the other.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let out = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("starting `{name}`; is it installed and on PATH"))?;
    if !out.status.success() {
        bail!(
            "`{name}` ended with {}: {}{}",
            out.status,
            String::from_utf8_lossy(&out.stderr).trim(),
            String::from_utf8_lossy(&out.stdout).trim()
        );
    }
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// The first program of this name on PATH.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// PATH with one more folder in front.
pub(crate) fn path_with(dir: &Path) -> Result<std::ffi::OsString> {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(dir.to_owned()).chain(std::env::split_paths(&rest));
    std::env::join_paths(all).context("joining PATH")
}

/// Free ports of the loopback interface, all different. Another program may still take one before its user binds it.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut ports = [0; N];
    let mut held = Vec::with_capacity(N);
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0").context("looking for a free port")?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// Asks `ready` every 50 ms, for `limit` at most; `what` names the wait in the error.
pub(crate) fn wait_for(what: &str, limit: Duration, mut ready: impl FnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while start.elapsed() < limit {
        if ready()? {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    bail!("{what} took longer than {} s", limit.as_secs())
}

/// The last lines of a log, or a word on why there are none.
pub(crate) fn tail(log: &Path, lines: usize) -> String {
    let Ok(bytes) = fs::read(log) else {
        return format!("(no log at `{}`)", log.display());
    };
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// A background program in a process group of its own. It outlives us unless it is on a [`Leash`].
pub(crate) struct Service {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Service {
    /// Starts the program with its output in `log`.
    pub(crate) fn start(name: &'static str, command: &mut Command, log: PathBuf) -> Result<Self> {
        let out = File::create(&log).with_context(|| format!("creating `{}`", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        Ok(Self { name, child, log })
    }

    /// Its process id, which is its group's id too.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// An error with the end of its log when it has ended.
    pub(crate) fn check_alive(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} ended with {status}; its log ends:\n{}", self.name, tail(&self.log, 8));
        }
        Ok(())
    }
}

/// Ends the process group of `pid`: politely, and after five seconds not so.
pub(crate) fn kill_group(pid: u32) {
    if !signal_group("TERM", pid) {
        return;
    }
    let gone = wait_for("the end of a service", Duration::from_secs(5), || Ok(!signal_group("0", pid)));
    if gone.is_err() {
        signal_group("KILL", pid);
    }
}

/// Asks one process to end; a failure means that it has ended already.
pub(crate) fn terminate(pid: u32) {
    let _ended = output(Command::new("sh").args(["-c", "kill -s TERM -- \"$0\"", &pid.to_string()]));
}

/// Sends a signal to a process group; false when there is no such group (any more, or only its zombie).
fn signal_group(signal: &str, pid: u32) -> bool {
    // The shell's own `kill`: a program of that name is not on every machine.
    let sent = Command::new("sh")
        .args(["-c", "kill -s \"$0\" -- \"-$1\"", signal, &pid.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    sent.is_ok_and(|status| status.success()) && !is_zombie(pid)
}

/// Whether the process has ended and only waits to be collected. Unknown counts as no.
fn is_zombie(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .ok()
        .and_then(|stat| stat.rsplit_once(')').map(|(_, rest)| rest.trim_start().starts_with('Z')))
        .unwrap_or(false)
}

/// The arguments of a running process; empty when there is none.
pub(crate) fn arguments(pid: u32) -> String {
    if let Ok(bytes) = fs::read(format!("/proc/{pid}/cmdline")) {
        return String::from_utf8_lossy(&bytes).replace('\0', " ");
    }
    output(Command::new("ps").args(["-ww", "-o", "args=", "-p", &pid.to_string()])).unwrap_or_default()
}

/// Ends a background program when it is dropped, and also when this process dies in any other way:
/// a shell in a group of its own waits for the end of a pipe that only we hold open.
pub(crate) struct Leash {
    pid: u32,
    watcher: Child,
}

impl Leash {
    /// Puts the process group of `pid` on a leash.
    pub(crate) fn on(pid: u32) -> Result<Self> {
        let watcher = Command::new("sh")
            .args([
                "-c",
                "cat >/dev/null; kill -s TERM -- \"-$0\"; sleep 5; kill -s KILL -- \"-$0\"",
                &pid.to_string(),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("starting the watcher of a background program")?;
        Ok(Self { pid, watcher })
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        kill_group(self.pid);
        // Its work is done; a failure here means that it has ended already.
        let _killed = self.watcher.kill();
        let _collected = self.watcher.wait();
    }
}

/// A command for `curl` that is quiet, fails on HTTP errors and does not hang.
pub(crate) fn curl<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--fail-with-body", "--connect-timeout", "5"]).args(args);
    command
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use std::process::Command;
    use std::time::Duration;

    use super::{Leash, Service, arguments, wait_for};

    fn sleeper(name: &str) -> Service {
        let dir = crate::workspace::target().join("xtask-tests");
        std::fs::create_dir_all(&dir).unwrap();
        Service::start("sleeper", Command::new("sleep").arg("1000"), dir.join(name)).unwrap()
    }

    fn ends(mut service: Service) {
        wait_for("the end of the sleeper", Duration::from_secs(10), || Ok(service.check_alive().is_err()))
            .unwrap();
    }

    #[test]
    fn a_dropped_leash_ends_its_service() {
        let service = sleeper("dropped.log");
        let named = || Ok(arguments(service.pid()).contains("1000"));
        wait_for("the start of the sleeper", Duration::from_secs(10), named).unwrap();
        drop(Leash::on(service.pid()).unwrap());
        ends(service);
    }

    #[test]
    fn a_leash_whose_holder_dies_ends_its_service() {
        let service = sleeper("died.log");
        let mut leash = Leash::on(service.pid()).unwrap();
        // What the system does with the pipe of a process that is killed.
        drop(leash.watcher.stdin.take());
        ends(service);
    }
}
