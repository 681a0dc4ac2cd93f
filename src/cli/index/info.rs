//! `index info`: describes the index and the data directory, as text or as JSON.

use anyhow::Context;
use comfy_table::{ContentArrangement, Table, presets};

use super::DataDirArgument;
use crate::cli::Failure;
use crate::cli::terminal::align_right;
use crate::cli::text::{grouped, printable, say, size};
use crate::config::Config;
use crate::core::json;
use crate::index::info::{IndexInfo, ScanInfo, SourceInfo};
use crate::index::tantivy::schema::SCHEMA_VERSION;

/// Show the Sources, the segments, the size and the writer of the index
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data_dir: DataDirArgument,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, config: &Config) -> Result<(), Failure> {
    let info = IndexInfo::of(&arguments.data_dir.open(config)).map_err(anyhow::Error::from)?;
    let text = if arguments.json {
        json::to_pretty(&info).context("failed to write JSON")?
    } else {
        render(&info)
    };
    say!("{text}");
    Ok(())
}

fn render(info: &IndexInfo) -> String {
    let mut lines = facts(info);
    if !info.sources.is_empty() {
        lines.push(String::new());
        lines.push(sources(info).trim_fmt());
    }
    if !info.segments.is_empty() {
        lines.push(String::new());
        lines.push(segments(info).trim_fmt());
    }
    lines.join("\n")
}

fn facts(info: &IndexInfo) -> Vec<String> {
    let records = info.records();
    let program = info.program.as_deref().unwrap_or("of an older version");
    let mut lines = vec![
        format!(
            "index       {}",
            info.data_dir.join(&info.generation).display()
        ),
        format!(
            "schema      version {}{}",
            info.schema_version,
            schema_remedy(info)
        ),
        format!("written by  asset-indexer {}", printable(program)),
        format!(
            "size        {} in {}; {} free on the disk",
            size(info.bytes),
            counted(info.segments.len() as u64, "segment"),
            size(info.free_bytes)
        ),
    ];
    lines.push(match &info.problem {
        None => format!(
            "records     {}, {}, {} deleted",
            counted(records.assets, "asset"),
            counted(records.tombstones, "tombstone"),
            grouped(info.deleted())
        ),
        Some(problem) => format!(
            "records     cannot be counted: {}; see `asset-indexer index verify`",
            printable(problem)
        ),
    });
    lines.push(match &info.writer {
        Some(holder) => format!("writer      {}", printable(holder)),
        None => "writer      none".to_owned(),
    });
    if !info.other_generations.is_empty() {
        lines.push(format!(
            "others      {}: a rebuild that is running or unfinished, or an old index that the next rebuild \
             removes",
            info.other_generations.join(", ")
        ));
    }
    lines
}

/// What to do about the schema version, if it is not the current one.
fn schema_remedy(info: &IndexInfo) -> String {
    if info.is_readable {
        String::new()
    } else {
        format!(
            ", and this program needs {SCHEMA_VERSION}: build a new index with `asset-indexer index rebuild`"
        )
    }
}

fn counted(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {what}{plural}", grouped(number))
}

fn sources(info: &IndexInfo) -> Table {
    let mut table = table(&[
        ("SOURCE", false),
        ("ASSETS", true),
        ("TOMBSTONES", true),
        ("COMPLETE AS OF", false),
        ("SCAN", false),
        ("WIRED QUEUE", false),
    ]);
    for source in &info.sources {
        table.add_row(row(source));
    }
    table
}

fn row(source: &SourceInfo) -> [String; 6] {
    let number = |number: Option<u64>| number.map_or("?".to_owned(), grouped);
    let text = |text: &Option<String>| text.as_deref().map_or("-".to_owned(), printable);
    [
        printable(&source.name),
        number(source.assets),
        number(source.tombstones),
        text(&source.complete_as_of),
        source.running.as_ref().map_or("-".to_owned(), scan),
        text(&source.wired_queue),
    ]
}

fn scan(scan: &ScanInfo) -> String {
    let kind = if scan.partial { "partial, " } else { "" };
    format!("{kind}{} of {} ranges done", scan.ranges_done, scan.ranges)
}

fn segments(info: &IndexInfo) -> Table {
    let mut table = table(&[
        ("SEGMENT", false),
        ("DOCUMENTS", true),
        ("DELETED", true),
        ("SIZE", true),
    ]);
    for segment in &info.segments {
        table.add_row([
            segment.name.clone(),
            grouped(u64::from(segment.documents)),
            grouped(u64::from(segment.deleted)),
            size(segment.bytes),
        ]);
    }
    table
}

fn table(columns: &[(&str, bool)]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(columns.iter().map(|(name, _)| *name));
    for (index, (_, is_number)) in columns.iter().enumerate() {
        if *is_number {
            align_right(&mut table, index);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::info::SegmentInfo;

    fn info() -> IndexInfo {
        IndexInfo {
            data_dir: "/data".into(),
            generation: "assets-v2-000003".to_owned(),
            schema_version: 2,
            is_readable: true,
            program: Some("0.1.0".to_owned()),
            sources: vec![SourceInfo {
                name: "photos".to_owned(),
                id: 0,
                origin: "aws/acme".to_owned(),
                prefix: String::new(),
                subdomains: vec!["acme".to_owned()],
                assets: Some(1_234),
                tombstones: Some(1),
                last_scan: 3,
                complete_as_of: None,
                running: Some(ScanInfo {
                    started: None,
                    ranges: 8,
                    ranges_done: 3,
                    partial: true,
                }),
                wired_queue: None,
            }],
            segments: vec![SegmentInfo {
                name: "abc".to_owned(),
                documents: 1_235,
                deleted: 7,
                bytes: 4_000,
            }],
            bytes: 4_000,
            free_bytes: 5_000_000,
            writer: Some("process 7".to_owned()),
            other_generations: Vec::new(),
            problem: None,
        }
    }

    #[test]
    fn text_has_sources_sizes_and_writer() {
        let text = render(&info());
        for words in [
            "/data/assets-v2-000003",
            "version 2\n",
            "asset-indexer 0.1.0",
            "4.0 kB in 1 segment; 5.0 MB free",
            "1,234 assets, 1 tombstone, 7 deleted",
            "process 7",
            "partial, 3 of 8 ranges done",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert!(!text.contains("others"), "{text}");
    }

    #[test]
    fn text_explains_problems_and_other_generations() {
        let mut info = info();
        info.schema_version = 1;
        info.is_readable = false;
        info.program = None;
        info.writer = None;
        info.problem = Some("it is damaged".to_owned());
        info.other_generations = vec!["assets-v2-000004".to_owned()];
        let text = render(&info);
        for words in [
            "needs 3: build a new index with `asset-indexer index rebuild`",
            "of an older version",
            "cannot be counted: it is damaged; see `asset-indexer index verify`",
            "writer      none",
            "assets-v2-000004: a rebuild",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
    }
}
