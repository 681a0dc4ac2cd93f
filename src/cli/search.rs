//! `search`: assets that a query finds, as a table, as tab-separated text or as JSON Lines.

use std::io::{self, BufWriter, IsTerminal, Write};

use anyhow::Context;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::text::{grouped, printable, size};
use super::{Failure, MISUSED};
use crate::config::Config;
use crate::index::directory::DataDir;
use crate::index::live::open_live;
use crate::index::tantivy::TantivyEngine;
use crate::index::tantivy::schema::SCHEMA_VERSION;
use crate::index::{Deadline, IndexError};
use crate::query::hit::rfc3339;
use crate::query::request::MAX_LIMIT;
use crate::query::{Count, Hit, Query, Request, Sort};
use crate::source::Source;
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
    let scope: Vec<&Source> = sources.iter().map(|source| &***source).collect();
    let mut request = Request::new(query);
    request.sort = sort;
    let results = Results::of(&engine, scope, request, arguments.limit);
    let results = results.map_err(anyhow::Error::from)?;
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

/// The hits of a search, read page by page.
struct Results<'a> {
    total: u64,
    engine: &'a TantivyEngine,
    scope: Vec<&'a Source>,
    /// For the next page; its `after` is `None` where there is none.
    request: Request,
    /// How many hits are wanted behind those of the page.
    wanted: usize,
    page: std::vec::IntoIter<Hit>,
}

impl<'a> Results<'a> {
    fn of(
        engine: &'a TantivyEngine,
        scope: Vec<&'a Source>,
        request: Request,
        limit: usize,
    ) -> Result<Self, IndexError> {
        let mut results = Self {
            total: 0,
            engine,
            scope,
            request,
            wanted: limit,
            page: Vec::new().into_iter(),
        };
        results.total = results.turn_over()?;
        // The other pages need not count again.
        results.request.count = Count::UpTo(0);
        Ok(results)
    }

    /// Reads the next page, and counts the hits.
    fn turn_over(&mut self) -> Result<u64, IndexError> {
        self.request.limit = self.wanted.min(MAX_LIMIT);
        let page = self
            .engine
            .search(&self.scope, &self.request, &Deadline::never())?;
        self.wanted -= page.hits.len();
        self.request.after = page.next;
        self.page = page.hits.into_iter();
        Ok(page.total.value)
    }
}

impl Iterator for Results<'_> {
    type Item = Result<Hit, IndexError>;

    fn next(&mut self) -> Option<Self::Item> {
        let hit = self.page.next();
        if hit.is_some() || self.wanted == 0 || self.request.after.is_none() {
            return hit.map(Ok);
        }
        match self.turn_over() {
            Ok(_) => self.page.next().map(Ok),
            Err(error) => {
                self.wanted = 0;
                Some(Err(error))
            }
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn write_json(results: Results<'_>, out: &mut impl Write) -> anyhow::Result<()> {
    for hit in results {
        // By hand, because serde_json hides a broken pipe.
        let line = serde_json::to_string(&hit?)?;
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn write_lines(results: Results<'_>, out: &mut impl Write) -> anyhow::Result<()> {
    for hit in results {
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
    for hit in results {
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
