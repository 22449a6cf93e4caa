//! Real git repositories on disk through the git binary: deterministic commits, merge results, diffs. No state of pull requests here.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use crate::clock::rfc3339;

/// One file's fate in a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Slash-separated path in the repository.
    pub path: String,
    /// What becomes of it.
    pub what: What,
}

/// What becomes of a path in a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A regular file (100644) with these bytes.
    File(Vec<u8>),
    /// An executable file (100755) with these bytes.
    Executable(Vec<u8>),
    /// A symbolic link (120000) to this target, which may be hostile.
    Symlink(String),
    /// A submodule (160000) at this commit.
    Submodule(String),
    /// Removed.
    Removed,
}

impl Change {
    /// A file written, or removed when `content` is `None`.
    pub fn new(path: impl Into<String>, content: Option<Vec<u8>>) -> Self {
        Self { path: path.into(), what: content.map_or(What::Removed, What::File) }
    }
}

impl From<(&str, Option<&str>)> for Change {
    fn from((path, content): (&str, Option<&str>)) -> Self {
        Self::new(path, content.map(|c| c.as_bytes().to_vec()))
    }
}

impl From<&(&str, Option<&str>)> for Change {
    fn from(change: &(&str, Option<&str>)) -> Self {
        (*change).into()
    }
}

impl From<(&str, Option<&[u8]>)> for Change {
    fn from((path, content): (&str, Option<&[u8]>)) -> Self {
        Self::new(path, content.map(<[u8]>::to_vec))
    }
}

impl From<&Change> for Change {
    fn from(change: &Change) -> Self {
        change.clone()
    }
}

/// Who wrote a commit, and when (Unix seconds).
#[derive(Clone, Debug)]
pub(crate) struct Author {
    pub(crate) login: String,
    pub(crate) at: i64,
}

impl Author {
    pub(crate) fn email(&self) -> String {
        // An author that is an address has no account.
        if self.login.contains('@') {
            self.login.clone()
        } else {
            format!("{}@users.noreply.github.com", self.login)
        }
    }
}

/// A bare repository.
#[derive(Clone, Debug)]
pub(crate) struct Bare {
    pub(crate) dir: PathBuf,
}

/// A commit as the API tells it.
#[derive(Clone, Debug)]
pub(crate) struct CommitInfo {
    pub(crate) sha: String,
    pub(crate) tree: String,
    pub(crate) parents: Vec<String>,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) at: String,
    pub(crate) message: String,
}

/// One file of a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileInfo {
    pub(crate) sha: String,
    pub(crate) path: String,
    pub(crate) previous: Option<String>,
    pub(crate) status: &'static str,
    pub(crate) additions: u64,
    pub(crate) deletions: u64,
}

impl Bare {
    /// An empty bare repository that serves any commit by id and partial clones, as GitHub does.
    pub(crate) fn init(dir: PathBuf, default_branch: &str) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot create `{}`", dir.display()))?;
        let bare = Self { dir };
        bare.run(&["init", "--quiet", "--bare", "--initial-branch", default_branch])?;
        for setting in ["uploadpack.allowAnySHA1InWant", "uploadpack.allowFilter"] {
            bare.run(&["config", setting, "true"])?;
        }
        bare.run(&["config", "gc.auto", "0"])?;
        Ok(bare)
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        command
            .args(args)
            .current_dir(&self.dir)
            .env("GIT_DIR", &self.dir)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env_remove("GIT_WORK_TREE")
            .env_remove("GIT_INDEX_FILE");
        command
    }

    fn run(&self, args: &[&str]) -> anyhow::Result<String> {
        let output = self.command(args).output().context("cannot start `git`")?;
        if !output.status.success() {
            bail!("`git {}` failed: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The commit a ref or abbreviated id names, if there is one.
    pub(crate) fn resolve(&self, name: &str) -> Option<String> {
        if name.is_empty() || name.starts_with('-') {
            return None;
        }
        let spec = format!("{name}^{{commit}}");
        let sha = self.run(&["rev-parse", "--quiet", "--verify", "--end-of-options", &spec]).ok()?;
        Some(sha.trim().to_owned())
    }

    pub(crate) fn branch(&self, branch: &str) -> Option<String> {
        self.resolve(&format!("refs/heads/{branch}"))
    }

    /// Commits `changes` onto `reference` (a full ref name), from its tip, else from `parent`, else as a root.
    pub(crate) fn commit(
        &self,
        reference: &str,
        parent: Option<&str>,
        author: &Author,
        message: &str,
        changes: &[Change],
    ) -> anyhow::Result<String> {
        let parent = self.resolve(reference).or(parent.map(str::to_owned));
        let who = format!("{} <{}> {} +0000", author.login, author.email(), author.at);
        let mut input = Vec::new();
        write!(
            input,
            "commit {reference}\nauthor {who}\ncommitter {who}\ndata {}\n{message}\n",
            message.len()
        )?;
        if let Some(parent) = &parent {
            writeln!(input, "from {parent}")?;
        }
        for change in changes {
            write_change(&mut input, change)?;
        }
        self.feed(&["fast-import", "--quiet", "--force", "--date-format=raw"], &input)?;
        self.resolve(reference).with_context(|| format!("`{reference}` is missing after the commit"))
    }

    fn feed(&self, args: &[&str], input: &[u8]) -> anyhow::Result<()> {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start `git`")?;
        let written = child.stdin.take().context("git has no input")?.write_all(input);
        let output = child.wait_with_output().context("cannot wait for `git`")?;
        if !output.status.success() || written.is_err() {
            bail!("`git {}` failed: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }

    pub(crate) fn set_ref(&self, reference: &str, sha: &str) -> anyhow::Result<()> {
        self.run(&["update-ref", reference, sha]).map(drop)
    }

    pub(crate) fn delete_ref(&self, reference: &str) -> anyhow::Result<()> {
        self.run(&["update-ref", "-d", reference]).map(drop)
    }

    /// The real merge commit of `base` and `head`, or `None` when they conflict or share no history.
    pub(crate) fn merge(
        &self,
        base: &str,
        head: &str,
        author: &Author,
        message: &str,
    ) -> anyhow::Result<Option<String>> {
        let tree = self.merged_tree(base, head)?;
        tree.map(|tree| self.commit_of(&tree, &[base, head], author, message)).transpose()
    }

    /// The same change as one commit.
    pub(crate) fn squash(
        &self,
        base: &str,
        head: &str,
        author: &Author,
        message: &str,
    ) -> anyhow::Result<Option<String>> {
        let tree = self.merged_tree(base, head)?;
        tree.map(|tree| self.commit_of(&tree, &[base], author, message)).transpose()
    }

    /// The same change, commit by commit. Histories with merges in them are not told apart.
    pub(crate) fn rebase(&self, base: &str, head: &str, author: &Author) -> anyhow::Result<Option<String>> {
        let mut tip = base.to_owned();
        for commit in self.commits(base, head)? {
            let Some(tree) = self.merged_tree(base, &commit.sha)? else { return Ok(None) };
            tip = self.commit_of(&tree, &[&tip], author, &commit.message)?;
        }
        Ok(Some(tip))
    }

    fn merged_tree(&self, base: &str, head: &str) -> anyhow::Result<Option<String>> {
        let output = self
            .command(&["merge-tree", "--write-tree", base, head])
            .output()
            .context("cannot start `git`")?;
        if !output.status.success() {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(Some(text.lines().next().unwrap_or_default().to_owned()))
    }

    fn commit_of(
        &self,
        tree: &str,
        parents: &[&str],
        author: &Author,
        message: &str,
    ) -> anyhow::Result<String> {
        let date = format!("{} +0000", author.at);
        let parents = parents.iter().flat_map(|parent| ["-p", parent]);
        let args: Vec<&str> =
            ["commit-tree", tree].into_iter().chain(parents).chain(["-m", message]).collect();
        let output = self
            .command(&args)
            .env("GIT_AUTHOR_NAME", &author.login)
            .env("GIT_AUTHOR_EMAIL", author.email())
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_NAME", "GitHub")
            .env("GIT_COMMITTER_EMAIL", "noreply@github.com")
            .env("GIT_COMMITTER_DATE", &date)
            .output()
            .context("cannot start `git`")?;
        if !output.status.success() {
            bail!("`git commit-tree` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    pub(crate) fn merge_base(&self, base: &str, head: &str) -> Option<String> {
        self.run(&["merge-base", base, head]).ok().map(|s| s.trim().to_owned())
    }

    /// The files between the merge base and the head, with renames, as `GET …/pulls/N/files` lists them.
    pub(crate) fn files(&self, base: &str, head: &str) -> anyhow::Result<Vec<FileInfo>> {
        let from = self.merge_base(base, head).unwrap_or_else(|| base.to_owned());
        let raw = self.run(&["diff", "--raw", "-z", "-M", "--no-abbrev", &from, head])?;
        let counts = self.run(&["diff", "--numstat", "-z", "-M", &from, head])?;
        let counts = parse_counts(&counts);
        Ok(parse_raw(&raw)
            .into_iter()
            .map(|mut file| {
                if let Some((_, added, removed)) = counts.iter().find(|(path, ..)| *path == file.path) {
                    (file.additions, file.deletions) = (*added, *removed);
                }
                file
            })
            .collect())
    }

    /// The commits of a pull request, oldest first.
    pub(crate) fn commits(&self, base: &str, head: &str) -> anyhow::Result<Vec<CommitInfo>> {
        self.log(&["log", "--reverse", "-z", FORMAT, &format!("{base}..{head}")])
    }

    pub(crate) fn commit_info(&self, sha: &str) -> Option<CommitInfo> {
        self.log(&["log", "-1", "-z", FORMAT, sha]).ok()?.pop()
    }

    fn log(&self, args: &[&str]) -> anyhow::Result<Vec<CommitInfo>> {
        Ok(self.run(args)?.split('\0').filter_map(parse_commit).collect())
    }
}

const FORMAT: &str = "--format=%H%x01%T%x01%P%x01%an%x01%ae%x01%at%x01%B";

fn parse_commit(line: &str) -> Option<CommitInfo> {
    let mut parts = line.splitn(7, '\u{1}').map(str::to_owned);
    Some(CommitInfo {
        sha: parts.next().filter(|s| !s.is_empty())?,
        tree: parts.next()?,
        parents: parts.next()?.split_whitespace().map(str::to_owned).collect(),
        name: parts.next()?,
        email: parts.next()?,
        at: rfc3339(parts.next()?.parse().ok()?),
        message: parts.next()?.trim_end().to_owned(),
    })
}

/// `:<mode> <mode> <sha> <sha> <status>\0<path>\0[<path>\0]` records.
fn parse_raw(raw: &str) -> Vec<FileInfo> {
    let mut fields = raw.split('\0');
    let mut files = Vec::new();
    while let Some(head) = fields.next().filter(|h| h.starts_with(':')) {
        let words: Vec<&str> = head.split(' ').collect();
        let (Some(old), Some(new), Some(letter), Some(path)) =
            (words.get(2), words.get(3), words.get(4), fields.next())
        else {
            break;
        };
        let (status, previous, path) = match letter.chars().next() {
            Some('A') => ("added", None, path),
            Some('D') => ("removed", None, path),
            Some('R') => ("renamed", Some(path.to_owned()), fields.next().unwrap_or_default()),
            _ => ("modified", None, path),
        };
        let sha = if status == "removed" { old } else { new };
        files.push(FileInfo {
            sha: (*sha).to_owned(),
            path: path.to_owned(),
            previous,
            status,
            additions: 0,
            deletions: 0,
        });
    }
    files
}

/// `<added>\t<removed>\t<path>\0`, or `<added>\t<removed>\t\0<old>\0<new>\0` for renames.
fn parse_counts(raw: &str) -> Vec<(String, u64, u64)> {
    let mut fields = raw.split('\0');
    let mut counts = Vec::new();
    while let Some(line) = fields.next().filter(|l| !l.is_empty()) {
        let mut words = line.splitn(3, '\t');
        let mut number = || words.next().and_then(|w| w.parse().ok()).unwrap_or(0);
        let (added, removed) = (number(), number());
        let path = match words.next() {
            Some("") => fields.nth(1).unwrap_or_default(),
            Some(path) => path,
            None => break,
        };
        counts.push((path.to_owned(), added, removed));
    }
    counts
}

fn write_change(out: &mut Vec<u8>, change: &Change) -> std::io::Result<()> {
    let path = quoted(&change.path);
    let mut inline = |mode: &str, bytes: &[u8]| -> std::io::Result<()> {
        writeln!(out, "M {mode} inline {path}\ndata {}", bytes.len())?;
        out.extend_from_slice(bytes);
        out.push(b'\n');
        Ok(())
    };
    match &change.what {
        What::File(bytes) => inline("100644", bytes),
        What::Executable(bytes) => inline("100755", bytes),
        What::Symlink(target) => inline("120000", target.as_bytes()),
        What::Submodule(sha) => writeln!(out, "M 160000 {sha} {path}"),
        What::Removed => writeln!(out, "D {path}"),
    }
}

/// A path as fast-import reads it back, whatever it holds.
fn quoted(path: &str) -> String {
    let escaped = path.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}

/// Every regular file under `dir` as changes, sorted by path; `.git` is left out.
pub(crate) fn read_dir(dir: &Path) -> anyhow::Result<Vec<Change>> {
    let mut changes = Vec::new();
    let mut queue = vec![dir.to_owned()];
    while let Some(next) = queue.pop() {
        let entries =
            std::fs::read_dir(&next).with_context(|| format!("cannot list `{}`", next.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot list `{}`", next.display()))?;
            let kind =
                entry.file_type().with_context(|| format!("cannot look at `{}`", entry.path().display()))?;
            if kind.is_dir() && entry.file_name() != ".git" {
                queue.push(entry.path());
            } else if kind.is_file() {
                let path = entry.path();
                let bytes =
                    std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
                let name = path.strip_prefix(dir).unwrap_or(&path).to_string_lossy().replace('\\', "/");
                changes.push(Change::new(name, Some(bytes)));
            }
        }
    }
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(changes)
}
