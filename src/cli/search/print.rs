//! Prints hits and counts as lines for people, as tab-separated text, or as JSON Lines.
//!
//! Each hit takes one line. The path comes last and is never cut, so a terminal that is too narrow wraps only paths.

use std::io::Write;

use serde_json::json;

use crate::cli::text::{grouped, printable, size};
use crate::core::json;
use crate::core::query::hit::rfc3339;
use crate::search::{Facet, Hit};

/// The number of columns that a table must leave for the path.
const MIN_PATH: usize = 40;

/// The width of a size such as `1000.0 kB`.
const SIZE: usize = 9;

/// The width of a time such as `2026-01-31T08:15:00Z`, and that of its date.
const TIME: usize = 20;
const DATE: usize = 10;

/// What the terminal shows before and after a match: bold and red, as `grep` does.
const MATCH: [&str; 2] = ["\u{1b}[1;31m", "\u{1b}[0m"];

/// The output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Lines for people, with the total below.
    People(Layout),
    /// Tab-separated lines with all columns and nothing else.
    Lines,
    /// One JSON object per line.
    Json,
}

/// The columns before the path. Each has a fixed width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// The width of the names of Sources. `None` hides them.
    source: Option<usize>,
    /// The width of the times: [`TIME`] or [`DATE`]. `None` hides sizes, times and the header.
    time: Option<usize>,
}

impl Layout {
    /// The columns that fit a terminal. `source` is the width of the names of Sources, if they are shown. Without
    /// `columns`, the width is not limited.
    pub(super) fn of(columns: Option<u16>, source: Option<usize>) -> Self {
        let before_path = |time| source.map_or(0, |width| width + 2) + SIZE + 2 + time + 2;
        let fits = |time: &usize| {
            columns.is_none_or(|columns| before_path(*time) + MIN_PATH <= usize::from(columns))
        };
        Self {
            source,
            time: [TIME, DATE].into_iter().find(fits),
        }
    }

    fn line(self, [source, size, time]: [&str; 3], path: &str) -> String {
        let mut line = String::new();
        if let Some(width) = self.source {
            line += &format!("{source:width$}  ");
        }
        if let Some(width) = self.time {
            line += &format!("{size:>SIZE$}  {:width$}  ", &time[..width.min(time.len())]);
        }
        line + path
    }
}

/// Prints hits as they come.
pub(super) struct Printer<W> {
    style: Style,
    /// Whether matches are highlighted.
    colored: bool,
    out: W,
    shown: u64,
}

impl<W: Write> Printer<W> {
    /// Creates a printer.
    pub(super) fn new(style: Style, colored: bool, out: W) -> Self {
        Self {
            style,
            colored,
            out,
            shown: 0,
        }
    }

    /// Prints more hits.
    pub(super) fn hits(&mut self, hits: &[Hit]) -> anyhow::Result<()> {
        if let Style::People(layout) = self.style
            && self.shown == 0
            && !hits.is_empty()
            && layout.time.is_some()
        {
            let header = layout.line(["SOURCE", "SIZE", "MODIFIED"], "PATH");
            writeln!(self.out, "{header}")?;
        }
        self.shown += hits.len() as u64;
        for hit in hits {
            let (path, time) = (self.path(hit), rfc3339(hit.last_modified));
            match self.style {
                Style::People(layout) => {
                    let time = without_fraction(time);
                    let line = layout.line([&hit.source, &size(hit.size), &time], &path);
                    writeln!(self.out, "{line}")?;
                }
                Style::Lines => {
                    writeln!(self.out, "{}\t{path}\t{}\t{time}", hit.source, hit.size)?;
                }
                // Two steps, because serde_json hides a broken pipe.
                Style::Json => writeln!(self.out, "{}", json::to_line(hit)?)?,
            }
        }
        Ok(())
    }

    /// The path without control characters, and with its matches highlighted if that is wanted.
    fn path(&self, hit: &Hit) -> String {
        let matches = hit.highlights.as_deref().filter(|_| self.colored);
        let (mut text, mut end) = (String::new(), 0);
        for found in matches.unwrap_or_default() {
            text += &printable(&hit.path[end..found.start]);
            let [on, off] = MATCH;
            text += &format!("{on}{}{off}", printable(&hit.path[found.start..found.end]));
            end = found.end;
        }
        text + &printable(&hit.path[end..])
    }

    /// Ends the hits and prints the total.
    pub(super) fn end(&mut self, total: u64) -> anyhow::Result<()> {
        if let Style::People(_) = self.style {
            if self.shown < total {
                let (shown, total) = (grouped(self.shown), assets(total));
                writeln!(self.out, "{shown} of {total}")?;
            } else {
                writeln!(self.out, "{}", assets(total))?;
            }
        }
        Ok(self.out.flush()?)
    }

    /// Prints the counts of a facet.
    pub(super) fn facet(&mut self, facet: &Facet) -> anyhow::Result<()> {
        let name = facet.by.name();
        if let Style::People(_) = self.style {
            return self.facet_for_people(&name.to_uppercase(), facet);
        }
        for count in &facet.counts {
            let (value, count) = (&count.value, count.count);
            if self.style == Style::Lines {
                writeln!(self.out, "{name}\t{}\t{count}", printable(value))?;
            } else {
                let line = json!({"facet": name, "value": value, "count": count});
                writeln!(self.out, "{}", json::to_line(&line)?)?;
            }
        }
        Ok(())
    }

    /// Prints the counts first, because a folder can be long.
    fn facet_for_people(&mut self, name: &str, facet: &Facet) -> anyhow::Result<()> {
        const COUNT: &str = "ASSETS";
        let counts: Vec<_> = facet.counts.iter().map(|it| grouped(it.count)).collect();
        let widths = counts.iter().map(String::len);
        let width = widths.max().unwrap_or_default().max(COUNT.len());
        writeln!(self.out, "{COUNT:>width$}  {name}")?;
        for (count, value) in counts.iter().zip(&facet.counts) {
            writeln!(self.out, "{count:>width$}  {}", printable(&value.value))?;
        }
        let more = if facet.more { "and others\n" } else { "" };
        Ok(writeln!(self.out, "{more}")?)
    }

    /// Ends the facets and prints the total.
    pub(super) fn end_of_facets(&mut self, total: u64) -> anyhow::Result<()> {
        if let Style::People(_) = self.style {
            writeln!(self.out, "{}", assets(total))?;
        }
        Ok(self.out.flush()?)
    }
}

/// The time in whole seconds, so that all times have the same width.
fn without_fraction(time: String) -> String {
    match time.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => time,
    }
}

fn assets(number: u64) -> String {
    match number {
        1 => "1 asset".to_owned(),
        _ => format!("{} assets", grouped(number)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::query::hit::Highlight;
    use crate::search::FacetBy;
    use crate::search::{AssetType, FacetCount, Timestamp};

    fn hit(path: &str) -> Hit {
        Hit {
            source: "photos".to_owned(),
            key: path[1..].to_owned(),
            path: path.to_owned(),
            name: path[1..].to_owned(),
            ext: None,
            asset_type: AssetType::Other,
            content_type: "application/octet-stream",
            size: 1_500,
            last_modified: Timestamp::from_millis(0),
            first_seen: None,
            etag: None,
            storage_class: "STANDARD".to_owned(),
            url: String::new(),
            highlights: None,
        }
    }

    /// The output for these hits of a search that finds one more.
    fn printed(style: Style, colored: bool, hits: &[Hit]) -> String {
        let mut out = Vec::new();
        let mut printer = Printer::new(style, colored, &mut out);
        printer.hits(hits).unwrap();
        printer.end(hits.len() as u64 + 1).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The output for a facet.
    fn printed_facet(style: Style) -> String {
        let mut out = Vec::new();
        let mut printer = Printer::new(style, false, &mut out);
        let count = |value: &str, count| FacetCount {
            value: value.to_owned(),
            count,
        };
        let facet = Facet {
            by: FacetBy::Folder("/".to_owned()),
            counts: vec![count("/photos/", 12_345_678), count("/b\n/", 1)],
            more: true,
        };
        printer.facet(&facet).unwrap();
        printer.end_of_facets(1).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn layout_shows_what_fits_and_always_the_path() {
        let later = Hit {
            last_modified: Timestamp::from_millis(250),
            ..hit("/b\n")
        };
        let hits = [hit("/a"), later];
        for (columns, source, want) in [
            (
                None,
                Some(8),
                "SOURCE         SIZE  MODIFIED              PATH\n\
                 photos       1.5 kB  1970-01-01T00:00:00Z  /a\n\
                 photos       1.5 kB  1970-01-01T00:00:00Z  /b\\n\n\
                 2 of 3 assets\n",
            ),
            (
                Some(72),
                None,
                "     SIZE  MODIFIED    PATH\n   \
                 1.5 kB  1970-01-01  /a\n   \
                 1.5 kB  1970-01-01  /b\\n\n\
                 2 of 3 assets\n",
            ),
            (Some(40), None, "/a\n/b\\n\n2 of 3 assets\n"),
            (
                Some(1),
                Some(6),
                "photos  /a\nphotos  /b\\n\n2 of 3 assets\n",
            ),
        ] {
            let style = Style::People(Layout::of(columns, source));
            assert_eq!(printed(style, false, &hits), want, "{columns:?}");
        }
    }

    #[test]
    fn long_paths_stay_on_one_line() {
        let path = format!("/{}", "word ".repeat(100));
        let style = Style::People(Layout::of(Some(80), Some(6)));
        let printed = printed(style, false, &[hit(&path)]);
        assert_eq!(printed.lines().count(), 3, "{printed}");
        assert!(printed.lines().nth(1).unwrap().ends_with(&path));
    }

    #[test]
    fn matches_are_colored_only_if_wanted() {
        let found = Hit {
            highlights: Some(vec![
                Highlight { start: 1, end: 3 },
                Highlight { start: 4, end: 5 },
            ]),
            ..hit("/a\u{1b}/é")
        };
        let found = Hit {
            path: "/a\u{1b}-b.é".to_owned(),
            ..found
        };
        let style = Style::People(Layout::of(Some(20), None));
        let [on, off] = MATCH;
        let colored = format!("/{on}a\\u{{1b}}{off}-{on}b{off}.é\n1 of 2 assets\n");
        let hits = [found];
        assert_eq!(printed(style, true, &hits), colored);
        assert!(!printed(style, false, &hits).contains('\u{1b}'));
        assert!(!printed(Style::Json, true, &hits).contains("[1;31m"));
    }

    #[test]
    fn lines_have_all_columns() {
        let date = "1970-01-01T00:00:00Z";
        let lines = format!("photos\t/a\t1500\t{date}\nphotos\t/b\\n\t1500\t{date}\n");
        let hits = [hit("/a"), hit("/b\n")];
        assert_eq!(printed(Style::Lines, false, &hits), lines);
    }

    #[test]
    fn counts_come_before_values() {
        let people = Style::People(Layout::of(Some(20), None));
        assert_eq!(
            printed_facet(people),
            "    ASSETS  FOLDER\n12,345,678  /photos/\n         1  /b\\n/\nand others\n\n1 asset\n"
        );
        let lines = "folder\t/photos/\t12345678\nfolder\t/b\\n/\t1\n";
        assert_eq!(printed_facet(Style::Lines), lines);
    }

    #[test]
    fn json_has_one_object_per_line() {
        let mut printed = printed(Style::Json, false, &[hit("/a"), hit("/b\n")]);
        printed += &printed_facet(Style::Json);
        let objects: Vec<serde_json::Value> = printed
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(objects[1]["path"], "/b\n");
        assert_eq!(
            objects[2],
            json!({"facet": "folder", "value": "/photos/", "count": 12_345_678})
        );
    }
}
