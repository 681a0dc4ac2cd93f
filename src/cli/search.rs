//! `search`: finds assets, or counts them by facet.
//!
//! The module `print` formats the output.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::sync::Arc;

use super::terminal::{self, ColorChoice};
use super::{Failure, MISUSED, completions};
use crate::config::Config;
use crate::core::query::folder_path;
use crate::core::query::request::MAX_LIMIT;
use crate::core::source::Source;
use crate::core::source::reference::is_uri;
use crate::doctor::quoted;
use crate::search::named::AssetName;
use crate::search::{
    Count, Deadline, FacetBy, Page, PlainWords, Query, Request, SearchError, SearchIndex,
    SearchSource, Snapshot, Sort, now,
};
use print::{Layout, Printer, Style};

mod print;

/// Exit code if nothing is found.
const NOTHING_FOUND: u8 = 1;
/// Exit code of any failure.
const SEARCH_FAILED: u8 = 2;

/// Find assets in the index
///
/// A query consists of words of the asset path and terms. All must match:
///
///   summer  "garden party"   a word; words directly one after the other
///   sum*  *nt_lar*  sumer~   start of a word; part of the file name; one typo, or ~2 for two
///   ext:jpg,png  type:image  image, video, audio, document, archive, font, 3d or other
///   folder:/photos/2024      in the folder or below; folder:=/photos for directly in it
///   path:/photos/**/*.jpg    the whole path; ** matches across folders; /**/ also matches /
///   name:beach.jpg           the file name
///   size:>1mb  size:1mb..5mb
///   modified:>2026-01-01     also modified:2026-03, modified:<7d (less than 7 days ago),
///                            modified:today, created:
///   storage:GLACIER  etag:…
///   a OR b  -a  NOT a  ( )   either; not; groups
///
/// If words find too little, beginnings of words, typos and missing words are forgiven, and a note
/// says so. Quotation marks and --exact turn that off. An empty query finds everything. The s3:// URI,
/// ARN or URL of an asset finds only this asset, and so does its path or key if that has a slash.
///
/// The exit code is 0 if something is found, 1 if not, and 2 after a failure, as for grep.
#[derive(Debug, clap::Args)]
#[command(
    verbatim_doc_comment,
    override_usage = "asset-indexer search [OPTIONS] [QUERY]..."
)]
pub(super) struct Arguments {
    /// The query: words, or all of it in quotes: 'summer -draft ext:jpg'
    #[arg(value_name = "QUERY", allow_hyphen_values = true)]
    first: Option<String>,
    // Not one list together with `first`: then options after the first word would be words too.
    /// More words of the query; quote it if one of them begins with -
    #[arg(value_name = "QUERY")]
    more: Vec<String>,
    /// Search only this Source; repeat it for more
    #[arg(long, value_name = "NAME", add = completions::sources())]
    source: Vec<String>,
    /// Sort order: relevance, name, path, modified, size or created, with - in front for the reverse, or up to 3 of
    /// them: -modified,name; the default is relevance, or path for an empty query
    #[arg(long, allow_hyphen_values = true, add = completions::sorts())]
    sort: Option<String>,
    /// Maximum number of hits: a number, or all
    #[arg(long, default_value = "20", value_parser = limit)]
    limit: usize,
    /// Count the hits instead of listing them: by type, ext, storage, size, month, folder, folder:/photos
    #[arg(
        long,
        value_name = "FACET",
        value_delimiter = ',',
        value_parser = facet,
        add = completions::facets()
    )]
    facets: Vec<FacetBy>,
    /// Find only words as they are: no beginnings of words, typos or missing words if too little is found
    #[arg(long)]
    exact: bool,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
    /// When to highlight matches; auto means on a terminal, unless NO_COLOR is set or TERM is dumb
    #[arg(
        long,
        value_enum,
        default_value_t,
        hide_possible_values = true,
        value_name = "auto|always|never"
    )]
    color: ColorChoice,
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
        Some(folder) => Some(FacetBy::Folder(folder_path(folder))),
        None => FacetBy::from_name(text, "/"),
    };
    facet.ok_or_else(|| "write type, ext, storage, size, month, folder or folder:/path".to_owned())
}

impl Arguments {
    /// The query, in one text.
    fn query(&self) -> String {
        let words: Vec<&str> = self
            .first
            .iter()
            .chain(&self.more)
            .map(|it| &**it)
            .collect();
        words.join(" ")
    }

    /// Whether matches are highlighted. JSON has no colors.
    fn is_colored(&self) -> bool {
        !self.json && self.color.is_colored()
    }

    fn sort(&self, query: &Query) -> anyhow::Result<Sort> {
        if let Some(text) = &self.sort {
            return Ok(Sort::parse(text)?);
        }
        if self.limit == usize::MAX {
            // All hits in the order of the index: ranking them first would hold up the output.
            return Ok(Sort::default());
        }
        Ok(Sort::default_for(query))
    }

    fn request(&self) -> anyhow::Result<Request> {
        let query = Query::parse(&self.query(), now())?;
        let sort = self.sort(&query)?;
        let facets = self.facets.iter().cloned();
        let words = if self.exact {
            PlainWords::Exact
        } else {
            PlainWords::Forgiving
        };
        let request = Request::new(query).words(words).sort(sort).facets(facets);
        Ok(request.highlights(self.is_colored()))
    }
}

/// Runs the command.
///
/// # Errors
///
/// The exit codes are those of `grep`, so that scripts can tell nothing found from a failure.
pub(super) fn run(arguments: &Arguments, config: &Config) -> Result<(), Failure> {
    match search(arguments, config) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::Silent(NOTHING_FOUND)),
        Err(Failure::Error(_, error)) => Err(Failure::Error(SEARCH_FAILED, error)),
        Err(silent) => Err(silent),
    }
}

/// Prints what the search finds. Returns whether it found anything.
fn search(arguments: &Arguments, config: &Config) -> Result<bool, Failure> {
    let mut sources = config.choose(&arguments.source)?;
    sources.retain(|source| source.enabled);
    let possible = possible(arguments, &sources);
    let question = Question::new(arguments, &sources);
    let mut question = question.map_err(|error| Failure::Error(MISUSED, error));
    if possible.is_empty() {
        question = Ok(question?);
    }
    let searched = sources.iter().map(|source| SearchSource::from(&***source));
    let searched: Vec<SearchSource> = searched.collect();
    let index = SearchIndex::open(&config.data_dir).map_err(anyhow::Error::from)?;
    let snapshot = index.snapshot().map_err(anyhow::Error::from)?;
    // The path of an asset need not be a valid query.
    let question = match AssetName::existing(&snapshot, possible).map_err(anyhow::Error::from)? {
        assets if assets.is_empty() => question?,
        assets => Question::Assets(assets),
    };
    let out = BufWriter::new(io::stdout().lock());
    let mut printer = Printer::new(style(arguments, &searched), arguments.is_colored(), out);
    note_incomplete(&snapshot, &searched);
    let printed = match question {
        Question::Assets(assets) => print_assets(&snapshot, &assets, arguments.limit, &mut printer),
        Question::Search(request) if arguments.facets.is_empty() => print_hits(
            &snapshot,
            &searched,
            *request,
            arguments.limit,
            &mut printer,
        ),
        Question::Search(request) => print_facets(&snapshot, &searched, *request, &mut printer),
    };
    match printed {
        // A closed pipe, for example `| head`, is not a failure.
        Err(error) if is_broken_pipe(&error) => Ok(true),
        total => Ok(total? > 0),
    }
}

/// The format of the output. The names of Sources are shown to people only if there are several.
fn style(arguments: &Arguments, searched: &[SearchSource]) -> Style {
    if arguments.json {
        return Style::Json;
    }
    if !io::stdout().is_terminal() {
        return Style::Lines;
    }
    let widths = searched.iter().map(|source| source.name.len());
    let widest = widths.max().filter(|_| searched.len() > 1);
    let source = widest.map(|width| width.max("SOURCE".len()));
    Style::People(Layout::of(terminal::columns(), source))
}

/// Assets to look up, or a search.
enum Question {
    /// The assets that an address names.
    Assets(Vec<AssetName>),
    Search(Box<Request>),
}

impl Question {
    /// A query that is a URI names one asset. It may belong to several Sources.
    fn new(arguments: &Arguments, sources: &[&Arc<Source>]) -> anyhow::Result<Self> {
        let text = arguments.query();
        if is_uri(text.trim()) && !arguments.facets.is_empty() {
            anyhow::bail!(
                "{:?} names one asset, so there is nothing to count; remove --facets",
                text.trim()
            );
        }
        let sources = sources.iter().map(|source| &***source);
        Ok(match AssetName::of_address(&text, sources)? {
            Some(assets) => Self::Assets(assets),
            None => Self::Search(Box::new(arguments.request()?)),
        })
    }
}

/// The assets whose path or key the query can be.
fn possible(arguments: &Arguments, sources: &[&Arc<Source>]) -> Vec<AssetName> {
    if !arguments.facets.is_empty() {
        return Vec::new();
    }
    AssetName::possible(&arguments.query(), sources.iter().map(|source| &***source))
}

/// Prints the assets that are in the index. Returns their number.
fn print_assets(
    snapshot: &Snapshot,
    assets: &[AssetName],
    limit: usize,
    printer: &mut Printer<impl Write>,
) -> anyhow::Result<u64> {
    let mut hits = Vec::new();
    for AssetName { source, path } in assets {
        hits.extend(snapshot.asset(source, path)?);
    }
    printer.hits(&hits[..limit.min(hits.len())])?;
    printer.end(hits.len() as u64)?;
    if hits.is_empty() {
        for AssetName { source, path } in assets {
            let (name, path) = (&source.name, quoted(path));
            eprintln!(
                "note: the address names {path} in Source {name:?}, which is not in the index; `asset-indexer explain {name} \
                 {path}` shows why"
            );
        }
    }
    Ok(hits.len() as u64)
}

/// Names the Sources whose first scan is not complete: they may have assets that the search cannot find yet.
fn note_incomplete(snapshot: &Snapshot, sources: &[SearchSource]) {
    let incomplete = snapshot.incomplete(sources);
    if !incomplete.is_empty() {
        let names = incomplete.join(", ");
        eprintln!(
            "note: the first scan is not complete, so assets may be missing: Sources {names}; `asset-indexer status` shows \
             its progress"
        );
    }
}

/// Says what the search found instead of the words that were written.
fn note_interpretation(page: &Page) {
    if let Some(interpretation) = &page.interpretation {
        eprintln!("note: {}", interpretation.message);
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Prints the first `limit` hits page by page, all of one snapshot. Returns the number of all hits.
fn print_hits(
    snapshot: &Snapshot,
    sources: &[SearchSource],
    mut request: Request,
    limit: usize,
    printer: &mut Printer<impl Write>,
) -> anyhow::Result<u64> {
    let mut left = limit;
    let mut total = None;
    loop {
        // The hits are counted even if none is shown.
        request.limit = left.clamp(1, MAX_LIMIT);
        let page = answer(snapshot, sources, &request)?;
        if total.is_none() {
            note_interpretation(&page);
        }
        total = total.or(Some(page.total));
        let shown = left.min(page.hits.len());
        printer.hits(&page.hits[..shown])?;
        left -= shown;
        let Some(position) = page.next.filter(|_| left > 0) else {
            break;
        };
        request.after = Some(position);
        // Only the first page counts the hits.
        request.count = Count::UpTo(0);
    }
    let total = total.map_or(0, |total| total.value);
    printer.end(total)?;
    Ok(total)
}

/// Prints the facets. Returns the number of hits.
fn print_facets(
    snapshot: &Snapshot,
    sources: &[SearchSource],
    request: Request,
    printer: &mut Printer<impl Write>,
) -> anyhow::Result<u64> {
    let page = answer(
        snapshot,
        sources,
        &Request {
            limit: 1,
            ..request
        },
    )?;
    note_interpretation(&page);
    for facet in &page.facets {
        printer.facet(facet)?;
    }
    printer.end_of_facets(page.total.value)?;
    Ok(page.total.value)
}

/// No time limit: a user on a command line can interrupt the search.
fn answer(
    snapshot: &Snapshot,
    sources: &[SearchSource],
    request: &Request,
) -> Result<Page, SearchError> {
    snapshot.search(sources, request, &Deadline::never())
}
