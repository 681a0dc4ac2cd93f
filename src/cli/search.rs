//! `search`: assets that a query finds, or how many there are of each kind.
//!
//! How they are printed is `print`'s affair.

use std::io::{self, BufWriter, IsTerminal, Write};

use super::{Failure, MISUSED};
use crate::config::Config;
use crate::core::query::folder_path;
use crate::core::query::request::MAX_LIMIT;
use crate::search::{
    Count, Deadline, FacetBy, Page, Query, Request, SearchError, SearchIndex, Sort, SortBy, Source,
    Timestamp, View,
};
use print::{Printer, Style};

mod print;

/// Find assets in the index
///
/// A query is words of the asset path, all of which must be there, and terms:
///
///   summer  "garden party"   a word; words one behind the other
///   sum*  *nt_lar*  sumer~   the beginning of a word; a part of the file name; one typo
///   ext:jpg,png  type:image  image, video, audio, document, archive, font, 3d or other
///   folder:/photos/2024      in the folder or anywhere below; folder:=/photos for that level only
///   path:/photos/**/*.jpg    the whole path; ** crosses folders
///   name:beach.jpg           the file name
///   size:>1mb  size:1mb..5mb
///   modified:>2026-01-01     also modified:2026-03, modified:<7d (less than 7 days ago), created:
///   storage:GLACIER  etag:…
///   a OR b  -a  NOT a  ( )   either; not so; groups
///
/// An empty query finds everything.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// What to find; quote it, as in 'summer -draft ext:jpg'
    #[arg(default_value = "", allow_hyphen_values = true)]
    query: String,
    /// Search this Source alone; may be given several times
    #[arg(long, value_name = "NAME")]
    source: Vec<String>,
    /// relevance, name, path, modified, size or created, with - in front for the reverse; by default
    /// relevance, and path where everything is asked for
    #[arg(long, allow_hyphen_values = true)]
    sort: Option<String>,
    /// The most hits: a number, or all
    #[arg(long, default_value = "20", value_parser = limit)]
    limit: usize,
    /// Count the hits instead: by type, ext, storage, size, month, folder, folder:/photos
    #[arg(long, value_name = "FACET", value_delimiter = ',', value_parser = facet)]
    facets: Vec<FacetBy>,
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

fn facet(text: &str) -> Result<FacetBy, String> {
    let facet = match text.strip_prefix("folder:") {
        Some(folder) if folder.starts_with('/') => Some(FacetBy::Folder(folder_path(folder))),
        Some(_) => None,
        None => FacetBy::named(text, "/"),
    };
    facet.ok_or_else(|| "write type, ext, storage, size, month, folder or folder:/path".to_owned())
}

impl Arguments {
    fn sort(&self) -> anyhow::Result<Sort> {
        if let Some(text) = &self.sort {
            return Ok(Sort::parse(text)?);
        }
        let asks_for_all = self.query.trim().is_empty() || self.limit == usize::MAX;
        let by = if asks_for_all {
            SortBy::Path
        } else {
            SortBy::Relevance
        };
        Ok(Sort {
            by,
            descending: false,
        })
    }

    fn request(&self) -> anyhow::Result<Request> {
        let now = Timestamp::from_millis(jiff::Timestamp::now().as_millisecond());
        Ok(Request {
            sort: self.sort()?,
            facets: self.facets.clone(),
            ..Request::new(Query::parse(&self.query, now)?)
        })
    }
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, config: &Config) -> Result<(), Failure> {
    let request = arguments
        .request()
        .map_err(|error| Failure::Told(MISUSED, error))?;
    let mut sources = config.choose(&arguments.source)?;
    sources.retain(|source| source.enabled);
    let scope: Vec<&Source> = sources.iter().map(|source| &***source).collect();
    let index = SearchIndex::open(&config.data_dir).map_err(anyhow::Error::from)?;
    let view = index.view().map_err(anyhow::Error::from)?;
    let stdout = io::stdout();
    let style = match (arguments.json, stdout.is_terminal()) {
        (true, _) => Style::Json,
        (false, true) => Style::Table,
        (false, false) => Style::Lines,
    };
    let mut printer = Printer::new(style, scope.len() > 1, BufWriter::new(stdout.lock()));
    let printed = if arguments.facets.is_empty() {
        print_hits(&view, &scope, request, arguments.limit, &mut printer)
    } else {
        print_facets(&view, &scope, request, &mut printer)
    };
    match printed {
        // Whoever reads has seen enough, as `head` has.
        Err(error) if is_broken_pipe(&error) => Ok(()),
        other => Ok(other?),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Prints the first `limit` hits, page by page, all of one view.
fn print_hits(
    view: &View,
    scope: &[&Source],
    mut request: Request,
    limit: usize,
    printer: &mut Printer<impl Write>,
) -> anyhow::Result<()> {
    let mut left = limit;
    let mut total = None;
    loop {
        // Also where nothing is to be shown the hits are to be counted.
        request.limit = left.clamp(1, MAX_LIMIT);
        let page = answer(view, scope, &request)?;
        total = total.or(Some(page.total));
        let shown = left.min(page.hits.len());
        printer.hits(&page.hits[..shown])?;
        left -= shown;
        let Some(position) = page.next.filter(|_| left > 0) else {
            break;
        };
        request.after = Some(position);
        // The first page has counted them.
        request.count = Count::UpTo(0);
    }
    printer.end(total.map_or(0, |total| total.value))
}

fn print_facets(
    view: &View,
    scope: &[&Source],
    request: Request,
    printer: &mut Printer<impl Write>,
) -> anyhow::Result<()> {
    let page = answer(
        view,
        scope,
        &Request {
            limit: 1,
            ..request
        },
    )?;
    for facet in &page.facets {
        printer.facet(facet)?;
    }
    printer.end_of_facets(page.total.value)
}

/// Whoever has asked on a command line can end it, so nothing else does.
fn answer(view: &View, scope: &[&Source], request: &Request) -> Result<Page, SearchError> {
    view.search(scope, request, &Deadline::never())
}
