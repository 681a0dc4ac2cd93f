//! Prints hits and counts as a table for people, as tab-separated text, or as JSON Lines.

use std::io::Write;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::json;

use crate::cli::text::{grouped, printable, size};
use crate::core::json;
use crate::core::query::hit::rfc3339;
use crate::search::{Facet, Hit};

/// The output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// A table with the total below.
    Table,
    /// Tab-separated lines with all columns and nothing else.
    Lines,
    /// One JSON object per line.
    Json,
}

/// Prints hits as they come. A table is printed at the end, when the column widths are known.
pub(super) struct Printer<W> {
    style: Style,
    with_source: bool,
    out: W,
    table: Table,
    shown: u64,
}

impl<W: Write> Printer<W> {
    /// Creates a printer. A table shows the Source of each hit only if `with_source` is set.
    pub(super) fn new(style: Style, with_source: bool, out: W) -> Self {
        let mut table = table();
        table.set_header(cells("SOURCE", "PATH", "SIZE", "MODIFIED", with_source));
        Self {
            style,
            with_source,
            out,
            table,
            shown: 0,
        }
    }

    /// Prints more hits.
    pub(super) fn hits(&mut self, hits: &[Hit]) -> anyhow::Result<()> {
        self.shown += hits.len() as u64;
        for hit in hits {
            match self.style {
                Style::Table => {
                    let row = row(hit, size(hit.size), self.with_source);
                    self.table.add_row(row);
                }
                Style::Lines => {
                    let row = row(hit, hit.size.to_string(), true);
                    writeln!(self.out, "{}", row.join("\t"))?;
                }
                // Two steps, because serde_json hides a broken pipe.
                Style::Json => writeln!(self.out, "{}", json::to_line(hit)?)?,
            }
        }
        Ok(())
    }

    /// Ends the hits and prints the total.
    pub(super) fn end(&mut self, total: u64) -> anyhow::Result<()> {
        if self.style == Style::Table {
            align_right(&mut self.table, if self.with_source { 2 } else { 1 });
            if self.shown > 0 {
                writeln!(self.out, "{}", self.table)?;
            }
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
        let mut table = table();
        table.set_header([&name.to_uppercase(), "ASSETS"]);
        for count in &facet.counts {
            let (value, count) = (&count.value, count.count);
            match self.style {
                Style::Table => {
                    table.add_row([printable(value), grouped(count)]);
                }
                Style::Lines => writeln!(self.out, "{name}\t{}\t{count}", printable(value))?,
                Style::Json => {
                    let line = json!({"facet": name, "value": value, "count": count});
                    writeln!(self.out, "{}", json::to_line(&line)?)?;
                }
            }
        }
        if self.style == Style::Table {
            align_right(&mut table, 1);
            writeln!(self.out, "{table}")?;
            let more = if facet.more { "and others\n" } else { "" };
            writeln!(self.out, "{more}")?;
        }
        Ok(())
    }

    /// Ends the facets and prints the total.
    pub(super) fn end_of_facets(&mut self, total: u64) -> anyhow::Result<()> {
        if self.style == Style::Table {
            writeln!(self.out, "{}", assets(total))?;
        }
        Ok(self.out.flush()?)
    }
}

fn table() -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table
}

fn align_right(table: &mut Table, column: usize) {
    if let Some(column) = table.column_mut(column) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

fn assets(number: u64) -> String {
    match number {
        1 => "1 asset".to_owned(),
        _ => format!("{} assets", grouped(number)),
    }
}

fn row(hit: &Hit, size: String, with_source: bool) -> Vec<String> {
    let (path, modified) = (printable(&hit.path), rfc3339(hit.last_modified));
    cells(&hit.source, &path, &size, &modified, with_source)
}

fn cells(source: &str, path: &str, size: &str, modified: &str, with_source: bool) -> Vec<String> {
    let cells = [source, path, size, modified].map(str::to_owned);
    cells.into_iter().skip(usize::from(!with_source)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
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

    /// The output for two of three hits and a facet.
    fn printed(style: Style) -> String {
        let mut out = Vec::new();
        let mut printer = Printer::new(style, false, &mut out);
        printer.hits(&[hit("/a")]).unwrap();
        printer.hits(&[hit("/b\n")]).unwrap();
        printer.end(3).unwrap();
        let count = FacetCount {
            value: "image".to_owned(),
            count: 1_234,
        };
        let facet = Facet {
            by: FacetBy::Type,
            counts: vec![count],
            more: true,
        };
        printer.facet(&facet).unwrap();
        printer.end_of_facets(1).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn table_shows_the_total() {
        let table = printed(Style::Table);
        for part in [
            "PATH",
            "1.5 kB",
            "/b\\n",
            "2 of 3 assets",
            "1,234",
            "others",
            "1 asset\n",
        ] {
            assert!(table.contains(part), "{part:?}: {table}");
        }
    }

    #[test]
    fn lines_have_all_columns() {
        let date = "1970-01-01T00:00:00Z";
        let lines = format!("photos\t/a\t1500\t{date}\nphotos\t/b\\n\t1500\t{date}\n");
        assert_eq!(printed(Style::Lines), lines + "type\timage\t1234\n");
    }

    #[test]
    fn json_has_one_object_per_line() {
        let printed = printed(Style::Json);
        let objects: Vec<serde_json::Value> = printed
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(objects[1]["path"], "/b\n");
        assert_eq!(
            objects[2],
            json!({"facet": "type", "value": "image", "count": 1_234})
        );
    }
}
