//! Reports made from a seed: every text in them comes from a pull request that wants to do harm.

#![expect(clippy::unwrap_used, reason = "the names are constants")]

use domain::change::{Change, ChangeKind, Check, Public};
use domain::mask::Mask;
use domain::report::{
    ClusterAsked, Comparison, Coverage, Finding, KustomizationReport, Mode, Presence, RenderCheck,
    RenderChecks, Report, Side, Unresolved,
};
use domain::{Author, ObjectId, PullRequest, PullState, Trust};
use serde_json::{Map, Value, json};

/// What somebody could try. A `~` at the end means that the piece is repeated.
const PIECES: &[&str] = &[
    "`~",
    "~~",
    "`",
    "``",
    "```\n",
    "\n```\n",
    "```diff",
    "~~~\n",
    "\n    ",
    "\n\n",
    "\n",
    "\r\n",
    "\r",
    "\t",
    " ",
    "  ",
    "</details>",
    "</summary>",
    "<details>",
    "<summary>",
    "</code>",
    "<code>",
    "</pre>",
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "<a href=https://evil.example>x</a>",
    "<!--",
    "-->",
    "<![CDATA[",
    "<?php",
    "<br>",
    "<b>",
    "![i](https://evil.example/i.png)",
    "[x](https://evil.example)",
    "[x](javascript:alert(1))",
    "<https://evil.example>",
    "https://evil.example/a?b=c",
    "http://evil.example",
    "ftp://evil.example",
    "www.evil.example",
    "me@evil.example",
    "mailto:me@evil.example",
    "[ref]: https://evil.example",
    "[ref]",
    "[^1]",
    "[^1]: note",
    "@team",
    "@acme/admins",
    " @alice ",
    "\\@alice",
    "&#64;alice",
    "&commat;alice",
    "#1",
    " #12 ",
    "GH-7",
    "gh-7",
    "ABC-123",
    "acme/fleet#9",
    "0123456789abcdef0123456789abcdef01234567",
    "deadbee",
    "1234567",
    "acme/fleet@deadbeef",
    ":shipit:",
    ":+1:",
    "$x$",
    "$$",
    "$`x`$",
    "| a | b |\n|---|---|\n",
    "---",
    "\n===\n",
    "\n# head\n",
    "\n> [!NOTE]\n",
    "- [ ] do",
    "1. one",
    "* x",
    "_x_",
    "**x**",
    "~~x~~",
    "\\",
    "\\`",
    "&lt;",
    "&",
    "\u{202e}",
    "\u{2066}",
    "\u{200b}",
    "\u{feff}",
    "\u{ad}",
    "\0",
    "\u{1b}[2J",
    "\u{85}",
    "\u{2028}",
    "\u{e0041}",
    "🚀",
    "👩‍👩‍👧",
    "⚠️",
    "日本語",
];

/// SplitMix64: the same numbers for the same seed, everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        // Stirred once, or neighbours would draw the same numbers one after the other.
        Self(Self(seed).next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        (self.next() % most.max(1) as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }

    fn piece(&mut self) -> String {
        match self.below(8) {
            0 => {
                let scalar = u32::try_from(self.below(0x11_0000)).unwrap_or_default();
                char::from_u32(scalar).unwrap_or('x').to_string()
            }
            1 => ["the", "value", "is", "not", "valid", "a1", "x-y", "web"][self.below(8)].to_owned(),
            _ => match self.pick(PIECES).strip_suffix('~') {
                Some(unit) if !unit.is_empty() => unit.repeat(1 + self.below(12)),
                _ => self.pick(PIECES).to_owned(),
            },
        }
    }

    /// What somebody could write into a form: some lines.
    pub(crate) fn written(&mut self) -> String {
        self.texts(12).join("\n")
    }

    /// What somebody could call themselves.
    pub(crate) fn name(&mut self) -> String {
        self.text()
    }

    /// A text of a few pieces, with or without something between them.
    fn text(&mut self) -> String {
        let between = ["", " ", " ", "\n"][self.below(4)];
        (0..self.below(6)).map(|_| self.piece()).collect::<Vec<_>>().join(between)
    }

    /// A text that may be long: many lines, or one.
    fn bulk(&mut self) -> String {
        let size = match self.below(20_000) {
            0 => 400_000,
            1..=30 => 70_000,
            31..=300 => 9_000,
            _ => return self.text(),
        };
        let unit = self.text() + ["\n", " "][self.below(2)];
        let times = size / unit.len();
        (0..times).map(|n| format!("{n}{unit}")).collect()
    }

    fn texts(&mut self, most: usize) -> Vec<String> {
        (0..self.below(most)).map(|_| self.text()).collect()
    }

    fn value(&mut self) -> Value {
        let mut map = Map::new();
        map.insert("kind".to_owned(), json!("A"));
        for _ in 0..self.below(3) {
            let (key, value) = (self.text(), self.bulk());
            map.insert(key, if self.one_in(4) { json!([value, 1]) } else { json!(value) });
        }
        Value::Object(map)
    }

    fn object(&mut self) -> ObjectId {
        ObjectId { group: self.text(), kind: self.text(), namespace: self.text(), name: self.text() }
    }

    fn change(&mut self) -> Change {
        let all = [
            ChangeKind::Created,
            ChangeKind::Changed,
            ChangeKind::Recreated,
            ChangeKind::Deleted,
            ChangeKind::Orphaned,
            ChangeKind::Moved,
            ChangeKind::Renamed,
        ];
        let kind = self.pick(&all);
        let check = match self.below(6) {
            0 => Check::Refused { why: self.bulk() },
            1 => Check::NotValidated { why: self.text() },
            2 => Check::RenderOnly,
            _ => Check::DryRun,
        };
        let sides = ((!self.one_in(4)).then(|| self.value()), (!self.one_in(4)).then(|| self.value()));
        let mask = Mask::default();
        let mut change = Change::new(self.object(), kind, check, sides, &mask);
        let remarks = self.texts(3);
        change.renamed_from = self.one_in(5).then(|| self.object());
        let (before, after) = (change.before.clone(), change.after.clone());
        let why = change.check.why().map(str::to_owned);
        change.public = Some(Box::new(Public { before, after, why, remarks: remarks.clone() }));
        remarks.iter().fold(change, |change, remark| change.remarked(remark, &mask))
    }

    fn changes(&mut self, most: usize) -> Vec<Change> {
        let most = if self.one_in(300) { 400 } else { most };
        (0..self.below(most)).map(|_| self.change()).collect()
    }

    fn kustomization(&mut self) -> KustomizationReport {
        let finding = match self.below(5) {
            0 => Finding::Failed {
                side: self.pick(&[Side::Base, Side::Result, Side::Both]),
                error: self.bulk(),
                unknown: self.one_in(2),
            },
            _ => Finding::Changes { changes: self.changes(4) },
        };
        KustomizationReport {
            name: self.text(),
            path: self.text(),
            presence: self.pick(&[Presence::Both, Presence::New, Presence::Removed]),
            suspended: self.one_in(4),
            emptied: self.one_in(6),
            finding,
            drift: if self.one_in(6) { self.changes(2) } else { Vec::new() },
            notes: self.texts(3),
            cluster: self.one_in(3).then(|| self.text()),
            render_check: self.one_in(3).then_some(RenderCheck::Differs),
        }
    }

    fn unresolved(&mut self, most: usize) -> Vec<Unresolved> {
        (0..self.below(most)).map(|_| Unresolved { name: self.text(), why: self.text() }).collect()
    }
}

fn pull(random: &mut Random) -> PullRequest {
    PullRequest {
        key: "acme/fleet#7".parse().unwrap(),
        title: random.text(),
        author: Author { login: random.text(), bot: random.one_in(2) },
        state: PullState::Open,
        draft: random.one_in(2),
        labels: random.texts(3).into_iter().collect(),
        head_branch: random.text(),
        head: "1111111111111111111111111111111111111111".parse().unwrap(),
        base_branch: random.text(),
        base: "2222222222222222222222222222222222222222".parse().unwrap(),
        fork: random.one_in(2),
        head_owner: random.one_in(2).then(|| random.text()),
        url: random.text(),
        updated_at: 1,
        closed_at: None,
    }
}

/// One report.
pub(crate) fn report(random: &mut Random) -> Report {
    let pull = pull(random);
    let most = if random.one_in(500) { 60 } else { 4 };
    let kustomizations: Vec<KustomizationReport> =
        (0..random.below(most)).map(|_| random.kustomization()).collect();
    let render_checks = RenderChecks {
        verified: random.below(3),
        differs: random.texts(3),
        not_comparable: random.texts(3).into_iter().map(|why| (why, 2)).collect(),
    };
    let coverage = Coverage {
        known: kustomizations.len() + random.below(9_000_000),
        rendered: kustomizations.len(),
        identical: random.below(3),
        unresolved: random.unresolved(13),
        unaffected: random.unresolved(3),
        render_checks,
    };
    Report {
        id: "report-00000001".parse().unwrap(),
        comparison: Comparison {
            base: pull.base.clone(),
            result: pull.head.clone(),
            mode: random.pick(&[Mode::MergeResult, Mode::HeadAgainstMergeBase, Mode::Revisions]),
        },
        cluster: match random.below(2) {
            0 => ClusterAsked::Yes { name: random.text() },
            _ => ClusterAsked::No { why: random.text() },
        },
        trust: match random.below(3) {
            0 => Trust::Untrusted,
            1 => Trust::Vouched { by: random.text() },
            _ => Trust::Author,
        },
        kustomizations,
        coverage,
        notes: random.texts(13),
        made_at: 1,
        pull,
    }
}
