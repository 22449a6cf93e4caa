//! The table that `/flux get kustomizations` answers with: the columns of the Flux CLI, in a code block.

use serde_json::Value;

use super::mrkdwn::{code, cost, escape, fence, fenced_line};
use super::{limits, section};
use crate::safe::{one_line, units};
use crate::words;

/// One Kustomization as the Flux CLI shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KustomizationRow {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// `status.lastAppliedRevision`, such as `main@sha1:<40 digits>`.
    pub revision: String,
    /// `spec.suspend`.
    pub suspended: bool,
    /// Status of the `Ready` condition: `True`, `False`, `Unknown`.
    pub ready: String,
    /// Message of the `Ready` condition.
    pub message: String,
}

const COLUMNS: [&str; 6] = ["NAMESPACE", "NAME", "REVISION", "SUSPENDED", "READY", "MESSAGE"];
/// Characters of a cell; the last one, the message, may be longer.
const CELL: usize = 50;
const MESSAGE: usize = 120;
/// Sections that the table may take.
const SECTIONS: usize = 3;

/// The table: what notifications say, and the blocks. `total` is how many there are, `rows` may already be fewer.
pub fn kustomizations_table(cluster: &str, rows: &[KustomizationRow], total: usize) -> (String, Vec<Value>) {
    let not_ready = rows.iter().filter(|row| row.ready != "True").count();
    let ready = match not_ready {
        0 => String::new(),
        n => format!(", {n} not ready"),
    };
    let lead = format!("{} in cluster {}{ready}", words::kustomizations(total), code(cluster, 80));
    let mut blocks = vec![section("cluster", &lead)];
    let (pages, shown) = pages(rows);
    blocks.extend(pages.iter().enumerate().map(|(i, page)| section(&format!("table-{i}"), &fence(page))));
    if total > shown {
        let left = format!(
            "{} not shown. Use `/flux get kustomizations -n NAMESPACE` to see fewer at once.",
            total - shown
        );
        blocks.push(section("left", &escape(&left)));
    }
    (lead, blocks)
}

/// The lines, in as many pages as there is room for, and how many rows that are.
fn pages(rows: &[KustomizationRow]) -> (Vec<String>, usize) {
    if rows.is_empty() {
        return (Vec::new(), 0);
    }
    let cells: Vec<[String; 6]> = rows.iter().map(cells).collect();
    let mut widths = COLUMNS.map(str::len);
    for row in &cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let head = line(&COLUMNS.map(str::to_owned), &widths);
    let (mut pages, mut page, mut shown) = (Vec::new(), head + "\n", 0);
    for row in &cells {
        let line = fenced_line(&line(row, &widths));
        if units(&page) + cost(&line) > limits::SECTION_USED - 20 {
            pages.push(std::mem::take(&mut page));
            if pages.len() == SECTIONS {
                return (pages, shown);
            }
        }
        page.push_str(&line);
        page.push('\n');
        shown += 1;
    }
    pages.push(page);
    (pages, shown)
}

fn cells(row: &KustomizationRow) -> [String; 6] {
    let suspended = if row.suspended { "True" } else { "False" };
    [
        one_line(&row.namespace, CELL),
        one_line(&row.name, CELL),
        one_line(&shorten(&row.revision), CELL),
        suspended.to_owned(),
        one_line(&row.ready, CELL),
        one_line(&shorten(&row.message), MESSAGE),
    ]
}

/// The last column is not padded: nothing comes behind it.
fn line(cells: &[String; 6], widths: &[usize; 6]) -> String {
    let mut out = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        out.push_str(&format!("{cell:<width$}  "));
    }
    out.trim_end().to_owned()
}

/// Commit ids (40 or more hexadecimal digits) down to their first eight.
fn shorten(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_hexdigit()) {
        let run = rest[start..].find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len() - start);
        let kept = if run >= 40 { 8 } else { run };
        out.push_str(&rest[..start + kept]);
        rest = &rest[start + run..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, message: &str) -> KustomizationRow {
        KustomizationRow {
            namespace: "flux-system".to_owned(),
            name: name.to_owned(),
            revision: format!("main@sha1:{}", "0123456789".repeat(4)),
            suspended: false,
            ready: "True".to_owned(),
            message: message.to_owned(),
        }
    }

    #[test]
    fn it_looks_as_the_flux_cli_does() {
        let rows = [
            row("apps", "Applied revision: main@sha1:0123456789012345678901234567890123456789"),
            row("infrastructure", "ok"),
        ];
        let (text, blocks) = kustomizations_table("prod", &rows, 2);
        assert_eq!(text, "2 Kustomizations in cluster `prod`");
        assert_eq!(
            blocks[1]["text"]["text"],
            "```\n\
             NAMESPACE    NAME            REVISION            SUSPENDED  READY  MESSAGE\n\
             flux-system  apps            main@sha1:01234567  False      True   Applied revision: main@sha1:01234567\n\
             flux-system  infrastructure  main@sha1:01234567  False      True   ok\n\
             ```"
        );
        assert_eq!(blocks.len(), 2);
        assert_eq!(limits::fits(&blocks), Ok(()));
    }

    #[test]
    fn rows_that_do_not_fit_are_counted() {
        let rows: Vec<_> = (0..300).map(|i| row(&format!("k{i}"), "``` <!channel> & more")).collect();
        let (_, blocks) = kustomizations_table("prod", &rows, 1000);
        assert_eq!(limits::fits(&blocks), Ok(()));
        let shown = blocks
            .iter()
            .filter_map(|b| b["text"]["text"].as_str())
            .map(|t| t.matches("flux-system").count());
        let shown: usize = shown.sum();
        let left = blocks.last().and_then(|b| b["text"]["text"].as_str()).unwrap_or_default();
        assert!(left.starts_with(&format!("{} not shown", 1000 - shown)), "{left}");
    }

    #[test]
    fn no_rows_are_no_table() {
        let (text, blocks) = kustomizations_table("prod", &[], 0);
        assert_eq!((text.as_str(), blocks.len()), ("0 Kustomizations in cluster `prod`", 1));
    }
}
