//! `search`: assets that a query finds, as a table, as tab-separated text or as JSON Lines.

use std::io::{self, BufWriter, IsTerminal, Write};

use anyhow::Context;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::text::{grouped, printable, size};
use super::{Failure, MISUSED};
use crate::config::Config;
use crate::index::IndexError;
use crate::index::directory::DataDir;
use crate::index::live::open_live;
use crate::index::tantivy::schema::SCHEMA_VERSION;
use crate::index::tantivy::search::Results;
use crate::query::hit::rfc3339;
use crate::query::{Hit, Query, Sort};
use crate::sync::stamp::Stamp;

/// Find assets in the index
///
/// A query is words of the asset path, all of which must be there, and terms:
///
///   ext:jpg,png            the extension
///   folder:/photos/2024    in the folder, or anywhere below it
///   size:>1mb  size:1mb..5mb
///   modified:>2026-01-01  modified:2026-03  modified:<7d (less than 7 days ago)
///   -word  -ext:gif        not so
///
/// An empty query finds everything.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// What to find; quote it, as in 'summer -draft ext:jpg'
    #[arg(default_value = "", allow_hyphen_values = true)]
    query: String,
    /// Search this Source alone; may be given several times
    #[arg(long, value_name = "NAME")]
    source: Vec<String>,
    /// path, size, modified or created, with - in front for the reverse
    #[arg(long, default_value = "path", allow_hyphen_values = true)]
    sort: String,
    /// The most hits: a number, or all
    #[arg(long, default_value = "20", value_parser = limit)]
    limit: usize,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

fn limit(text: &str) -> Result<usize, String> {
    match text {
        "all" => Ok(usize::MAX),
        _ => text
            .parse()
            .map_err(|_| "write a number, or all".to_owned()),
    }
}

/// Runs the command.
pub fn run(arguments: &Arguments, config: &Config) -> Result<(), Failure> {
    let misused = |error: anyhow::Error| Failure::Told(MISUSED, error);
    let now = Stamp::from_millis(jiff::Timestamp::now().as_millisecond());
    let query = Query::parse(&arguments.query, now).map_err(|error| misused(error.into()))?;
    let sort = Sort::parse(&arguments.sort).map_err(|error| misused(error.into()))?;
    let mut sources = config.choose(&arguments.source)?;
    sources.retain(|source| source.enabled);
    let data_dir = DataDir::new(&config.data_dir, SCHEMA_VERSION);
    let absent = || IndexError::Absent {
        data_dir: config.data_dir.clone(),
    };
    let live = open_live(&data_dir).and_then(|live| live.ok_or_else(absent));
    let engine = live.map_err(anyhow::Error::from)?;
    let results = engine
        .search(
            &query,
            sources.iter().map(|source| &***source),
            sort,
            arguments.limit,
        )
        .map_err(anyhow::Error::from)?;
    let stdout = io::stdout();
    let is_terminal = stdout.is_terminal();
    let mut out = BufWriter::new(stdout.lock());
    let written = match (arguments.json, is_terminal) {
        (true, _) => write_json(results, &mut out),
        (_, true) => write_table(results, sources.len() > 1, &mut out),
        _ => write_lines(results, &mut out),
    };
    match written.and_then(|()| Ok(out.flush()?)) {
        // Whoever reads has seen enough, as `head` has.
        Err(error) if is_broken_pipe(&error) => Ok(()),
        other => Ok(other.context("failed to print the hits")?),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn write_json(results: Results<'_>, out: &mut impl Write) -> anyhow::Result<()> {
    for hit in results.hits {
        // By hand, because serde_json hides a broken pipe.
        let line = serde_json::to_string(&hit?)?;
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn write_lines(results: Results<'_>, out: &mut impl Write) -> anyhow::Result<()> {
    for hit in results.hits {
        let hit = hit?;
        writeln!(out, "{}", row(&hit, hit.size.to_string(), true).join("\t"))?;
    }
    Ok(())
}

fn write_table(
    results: Results<'_>,
    with_source: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let total = results.total;
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(row_of("SOURCE", "PATH", "SIZE", "MODIFIED", with_source));
    let mut shown = 0;
    for hit in results.hits {
        let hit = hit?;
        table.add_row(row(&hit, size(hit.size), with_source));
        shown += 1;
    }
    let size_column = if with_source { 2 } else { 1 };
    if let Some(column) = table.column_mut(size_column) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    if shown > 0 {
        writeln!(out, "{table}")?;
    }
    match total {
        1 => writeln!(out, "1 asset")?,
        _ if shown < total => {
            writeln!(out, "{} of {} assets", grouped(shown), grouped(total))?;
        }
        _ => writeln!(out, "{} assets", grouped(total))?,
    }
    Ok(())
}

fn row(hit: &Hit, size: String, with_source: bool) -> Vec<String> {
    let modified = rfc3339(hit.last_modified);
    row_of(
        &hit.source,
        &printable(&hit.path),
        &size,
        &modified,
        with_source,
    )
}

fn row_of(source: &str, path: &str, size: &str, modified: &str, with_source: bool) -> Vec<String> {
    let cells = [source, path, size, modified].map(str::to_owned);
    cells.into_iter().skip(usize::from(!with_source)).collect()
}
