//! A real kube-apiserver with etcd on this machine, holding Flux's CRDs: start it, stop it, describe it.
//!
//! There is no controller, kubelet or scheduler: objects are stored, validated and defaulted, and nothing reacts to them.
//! RBAC is on and three identities are known, so that least privilege can be tested.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;

use crate::proc::{self, Leash, Service};
use crate::{policy, tools, workspace};

/// An identity that the API server knows by a token of its own.
struct Identity {
    /// Ends the name of its kubeconfig; empty for the administrator.
    name: &'static str,
    user: &'static str,
    groups: &'static str,
}

const IDENTITIES: [Identity; 3] = [
    Identity { name: "admin", user: "admin", groups: "system:masters" },
    // What the service account of infra/cluster/preflux.yaml looks like to the API server.
    Identity {
        name: "worker",
        user: "system:serviceaccount:preflux:worker",
        groups: "system:serviceaccounts,system:serviceaccounts:preflux",
    },
    Identity { name: "nobody", user: "nobody", groups: "preflux-test" },
];

/// Anonymous requests may only ask whether the server lives.
const AUTHENTICATION: &str = "\
apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
anonymous:
  enabled: true
  conditions:
  - path: /livez
  - path: /readyz
  - path: /healthz
";

/// Which version of Kubernetes a cluster runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kubernetes {
    /// The current one.
    Current,
    /// The oldest that is supported.
    Oldest,
}

impl Kubernetes {
    /// The tool with its programs.
    pub(crate) fn tool(self) -> &'static str {
        match self {
            Self::Current => "kube",
            Self::Oldest => "kube-older",
        }
    }

    /// Whether its programs and Flux's CRDs are set up.
    pub(crate) fn is_ready(self) -> bool {
        tools::ready(self.tool()).is_some() && tools::ready("flux-crds").is_some()
    }
}

/// A running cluster: where it is and how to reach it.
pub(crate) struct Cluster {
    dir: PathBuf,
    /// Its address, `https://127.0.0.1:PORT`.
    pub(crate) server: String,
    pids: Vec<u32>,
}

/// `cargo xtask cluster up|down|check-policy`.
pub(crate) fn run(args: Vec<String>) -> Result<bool> {
    let mut verb = None;
    let mut json = false;
    let mut version = Kubernetes::Current;
    let mut dir = workspace::target().join("cluster");
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--json" => json = true,
            "--older" => version = Kubernetes::Oldest,
            "--dir" => dir = PathBuf::from(args.next().context("`--dir` needs a folder")?),
            "up" | "down" | "check-policy" if verb.is_none() => verb = Some(arg),
            other => bail!("`cluster` knows no `{other}`; see `cargo xtask cluster --help`"),
        }
    }
    match verb.as_deref() {
        Some("up") => {
            let start = Instant::now();
            let cluster = up(&dir, version)?;
            cluster.print(json, start.elapsed());
        }
        Some("down") => down(&dir)?,
        Some(_) => return policy::run(version),
        None => bail!("`cluster` needs a verb; see `cargo xtask cluster --help`"),
    }
    Ok(true)
}

/// Starts a cluster in `dir`, or finds the one that runs there. Its processes outlive this one.
pub(crate) fn up(dir: &Path, version: Kubernetes) -> Result<Cluster> {
    fs::create_dir_all(dir).with_context(|| format!("creating `{}`", dir.display()))?;
    let dir = &fs::canonicalize(dir)?;
    if let Some(running) = Cluster::running(dir) {
        return Ok(running);
    }
    let (Some(programs), Some(crds)) = (tools::ready(version.tool()), tools::ready("flux-crds")) else {
        let tool = version.tool();
        bail!("no kube-apiserver or no Flux CRDs here yet; `cargo xtask tools {tool} flux-crds` gets them");
    };
    down(dir)?;
    fs::create_dir_all(dir)?;
    let [etcd_port, peer_port, port] = proc::free_ports()?;
    let cluster = Cluster::prepare(dir, port)?;
    let mut etcd = start_etcd(dir, &programs, etcd_port, peer_port)?;
    let started = start_apiserver(dir, &programs, (etcd_port, port), version).and_then(|mut apiserver| {
        let pids = vec![apiserver.pid(), etcd.pid()];
        fs::write(dir.join("pids"), pids.iter().map(|pid| format!("{pid}\n")).collect::<String>())?;
        cluster.wait_until_ready(&mut etcd, &mut apiserver)?;
        Ok(pids)
    });
    let ready = started.and_then(|pids| {
        let cluster = Cluster { pids, ..cluster };
        cluster.write_kubeconfigs()?;
        cluster.install(&crds)?;
        Ok(cluster)
    });
    if ready.is_err() {
        proc::kill_group(etcd.pid());
        for pid in saved_pids(dir) {
            proc::kill_group(pid);
        }
    }
    ready
}

/// Stops the cluster of `dir`, if one runs there, and removes its data.
pub(crate) fn down(dir: &Path) -> Result<()> {
    for pid in saved_pids(dir) {
        if is_ours(pid, dir) {
            proc::kill_group(pid);
        }
    }
    if dir.join("tokens.csv").exists() {
        fs::remove_dir_all(dir).with_context(|| format!("removing `{}`", dir.display()))?;
    }
    Ok(())
}

/// A process id from an old file may be another program's by now: ours has the cluster's folder among its arguments.
fn is_ours(pid: u32, dir: &Path) -> bool {
    let dir = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    proc::arguments(pid).contains(&dir.display().to_string())
}

fn saved_pids(dir: &Path) -> Vec<u32> {
    let text = fs::read_to_string(dir.join("pids")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

fn start_etcd(dir: &Path, programs: &Path, port: u16, peer_port: u16) -> Result<Service> {
    let client = format!("http://127.0.0.1:{port}");
    let mut command = Command::new(programs.join("etcd"));
    command
        .arg("--data-dir")
        .arg(dir.join("etcd"))
        .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
        .args(["--listen-peer-urls", &format!("http://127.0.0.1:{peer_port}")])
        // Data that nobody keeps need not reach the disk.
        .args(["--unsafe-no-fsync", "--log-level", "warn"]);
    Service::start("etcd", &mut command, dir.join("etcd.log"))
}

fn start_apiserver(
    dir: &Path,
    programs: &Path,
    (etcd_port, port): (u16, u16),
    version: Kubernetes,
) -> Result<Service> {
    let certs = dir.join("certs");
    // The server makes itself a key before it reads the one for service accounts: one key serves for both.
    let key = certs.join("apiserver.key");
    let mut command = Command::new(programs.join("kube-apiserver"));
    command
        .args(["--bind-address", "127.0.0.1", "--advertise-address", "127.0.0.1"])
        .args(["--secure-port", &port.to_string()])
        .args(["--etcd-servers", &format!("http://127.0.0.1:{etcd_port}")])
        .arg("--cert-dir")
        .arg(&certs)
        .arg("--service-account-signing-key-file")
        .arg(&key)
        .arg("--service-account-key-file")
        .arg(&key)
        .args(["--service-account-issuer", "https://kubernetes.default.svc"])
        .arg("--token-auth-file")
        .arg(dir.join("tokens.csv"))
        .args(["--authorization-mode", "RBAC", "--service-cluster-ip-range", "10.0.0.0/24"])
        // Nothing makes the service accounts that this plugin asks for.
        .args(["--disable-admission-plugins", "ServiceAccount"])
        .args(["--endpoint-reconciler-type", "none", "--allow-privileged=true"]);
    match version {
        Kubernetes::Current => {
            command.arg("--authentication-config").arg(dir.join("authentication.yaml"));
        }
        // The configuration above came with 1.31.
        Kubernetes::Oldest => {
            command.arg("--anonymous-auth=false");
        }
    }
    Service::start("kube-apiserver", &mut command, dir.join("kube-apiserver.log"))
}

impl Cluster {
    /// The cluster that runs in `dir`, when it answers.
    fn running(dir: &Path) -> Option<Self> {
        let server = fs::read_to_string(dir.join("server")).ok()?;
        let cluster = Self { dir: dir.to_owned(), server, pids: saved_pids(dir) };
        cluster.ca().is_file().then_some(())?;
        proc::output(&mut cluster.curl("admin", "/readyz").ok()?).ok()?;
        cluster.kubeconfig("admin").is_file().then_some(cluster)
    }

    /// Writes the files that the API server starts from.
    fn prepare(dir: &Path, port: u16) -> Result<Self> {
        let mut tokens = String::new();
        for identity in &IDENTITIES {
            let Identity { user, groups, .. } = identity;
            tokens.push_str(&format!("{},{user},{user},\"{groups}\"\n", random_token()?));
        }
        write_private(&dir.join("tokens.csv"), &tokens)?;
        fs::write(dir.join("authentication.yaml"), AUTHENTICATION)?;
        let server = format!("https://127.0.0.1:{port}");
        fs::write(dir.join("server"), &server)?;
        Ok(Self { dir: dir.to_owned(), server, pids: Vec::new() })
    }

    fn wait_until_ready(&self, etcd: &mut Service, apiserver: &mut Service) -> Result<()> {
        proc::wait_for("starting kube-apiserver", Duration::from_secs(90), || {
            etcd.check_alive()?;
            apiserver.check_alive()?;
            Ok(self.ca().is_file() && proc::output(&mut self.curl("admin", "/readyz")?).is_ok())
        })
    }

    /// Applies every definition in `crds` and waits until each is served.
    fn install(&self, crds: &Path) -> Result<()> {
        let mut groups = Vec::new();
        for entry in fs::read_dir(crds)? {
            let file = entry?.path();
            let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let Some((group, plural)) = stem.split_once('_') else {
                bail!("`{}` is not named GROUP_PLURAL.yaml", file.display());
            };
            let name = format!("{plural}.{group}");
            self.apply(&format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"), &file)?;
            groups.push((group.to_owned(), plural.to_owned()));
        }
        proc::wait_for("serving Flux's CRDs", Duration::from_secs(30), || {
            groups.retain(|(group, plural)| !self.serves(group, plural).unwrap_or(false));
            Ok(groups.is_empty())
        })
    }

    fn serves(&self, group: &str, plural: &str) -> Result<bool> {
        let discovery = proc::output(&mut self.curl("admin", &format!("/apis/{group}"))?)?;
        let Some((_, version)) = discovery.split_once("\"preferredVersion\"") else {
            return Ok(false);
        };
        let Some(version) = version.split('"').find(|word| word.starts_with(&format!("{group}/"))) else {
            return Ok(false);
        };
        let listed = proc::output(&mut self.curl("admin", &format!("/apis/{version}"))?)?;
        Ok(listed.contains(&format!("\"{plural}\"")))
    }

    /// Server-side apply of one object in a file, as the administrator.
    pub(crate) fn apply(&self, path: &str, file: &Path) -> Result<()> {
        let mut command = self.curl("admin", &format!("{path}?fieldManager=xtask&force=true"))?;
        command
            .args(["--request", "PATCH", "--header", "Content-Type: application/apply-patch+yaml"])
            .arg("--data-binary")
            .arg(format!("@{}", file.display()));
        proc::output(&mut command).with_context(|| format!("applying `{}`", file.display()))?;
        Ok(())
    }

    /// A request of an identity; the caller adds method and body.
    pub(crate) fn curl(&self, identity: &str, path: &str) -> Result<Command> {
        let mut command = proc::curl(["--max-time", "30", "--cacert"]);
        let header = format!("Authorization: Bearer {}", self.token(identity)?);
        command.arg(self.ca()).args(["--header", &header]).arg(format!("{}{path}", self.server));
        Ok(command)
    }

    /// The bearer token of an identity.
    pub(crate) fn token(&self, identity: &str) -> Result<String> {
        let index = IDENTITIES.iter().position(|known| known.name == identity).context("no such identity")?;
        let tokens =
            fs::read_to_string(self.dir.join("tokens.csv")).context("reading the cluster's tokens")?;
        let line = tokens.lines().nth(index).unwrap_or_default();
        Ok(line.split(',').next().unwrap_or_default().to_owned())
    }

    /// The kubeconfig of an identity.
    pub(crate) fn kubeconfig(&self, identity: &str) -> PathBuf {
        match identity {
            "admin" => self.dir.join("kubeconfig"),
            other => self.dir.join(format!("kubeconfig-{other}")),
        }
    }

    /// Stops the cluster when the answer is dropped or this process ends.
    pub(crate) fn leash(&self) -> Result<Vec<Leash>> {
        self.pids.iter().map(|pid| Leash::on(*pid)).collect()
    }

    fn ca(&self) -> PathBuf {
        self.dir.join("certs/apiserver.crt")
    }

    /// One kubeconfig for each identity, with all it needs inside.
    fn write_kubeconfigs(&self) -> Result<()> {
        let ca = base64::engine::general_purpose::STANDARD.encode(fs::read(self.ca())?);
        for Identity { name, .. } in &IDENTITIES {
            let text = format!(
                "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
                 clusters:\n- name: test\n  cluster:\n    server: {}\n    certificate-authority-data: {ca}\n\
                 users:\n- name: {name}\n  user:\n    token: {}\n\
                 contexts:\n- name: test\n  context:\n    cluster: test\n    user: {name}\n",
                self.server,
                self.token(name)?,
            );
            write_private(&self.kubeconfig(name), &text)?;
        }
        Ok(())
    }

    fn print(&self, json: bool, took: Duration) {
        let kubeconfig = self.kubeconfig("admin");
        if !json {
            println!("{}", kubeconfig.display());
            eprintln!("{} is up ({:.1} s)", self.server, took.as_secs_f64());
            return;
        }
        println!(
            "{{\"kubeconfig\":{:?},\"kubeconfig_worker\":{:?},\"kubeconfig_nobody\":{:?},\"server\":{:?},\"pid\":{}}}",
            kubeconfig.display().to_string(),
            self.kubeconfig("worker").display().to_string(),
            self.kubeconfig("nobody").display().to_string(),
            self.server,
            self.pids.first().copied().unwrap_or_default(),
        );
    }
}

/// 128 bits of the kernel's randomness, in hexadecimal.
fn random_token() -> Result<String> {
    let mut bytes = [0; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(hex::encode(bytes))
}

/// Writes a file that only its owner can read.
fn write_private(path: &Path, text: &str) -> Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("writing `{}`", path.display()))?;
    Ok(file.write_all(text.as_bytes())?)
}
