//! Runs the queries of a forgiving search, from the most exact one, until one finds enough.
//!
//! [`crate::core::query::forgiving`] says which queries these are.

use crate::core::query::forgiving::{Attempt, ENOUGH_HITS, Step, attempts};
use crate::core::query::preferences::prefer;
use crate::core::query::{Interpretation, Page, Request, SortBy};
use crate::core::source::SearchSource;
use crate::index::IndexError;
use crate::index::deadline::Deadline;
use crate::index::tantivy::TantivyEngine;

/// Returns a page of hits. A page before or after another one continues with the query that found that one.
pub(super) fn search(
    engine: &TantivyEngine,
    sources: &[&SearchSource],
    request: &Request,
    deadline: &Deadline,
) -> Result<Page, IndexError> {
    let attempts = attempts(&request.query, request.words);
    let is_ranked = request.sort.has(SortBy::Relevance);
    let run = |attempt: &Attempt| {
        let query = if is_ranked {
            prefer(&attempt.query, &request.query)
        } else {
            attempt.query.clone()
        };
        let request = Request {
            query,
            ..request.clone()
        };
        engine.search(sources, &request, deadline)
    };
    let chosen = match request.after.as_ref().or(request.before.as_ref()) {
        Some(position) => {
            // Another release may have made the position.
            let last = attempts.len() - 1;
            let number = usize::from(position.attempt).min(last);
            (number, run(&attempts[number])?)
        }
        None => first_page(&attempts, run)?,
    };
    let (number, mut page) = chosen;
    for position in page.next.iter_mut().chain(&mut page.prev) {
        // There are fewer than ten attempts.
        position.attempt = u8::try_from(number).unwrap_or(u8::MAX);
    }
    if number > 0 && !page.hits.is_empty() {
        let paths = page.hits.iter().map(|hit| hit.path.as_str());
        let interpretation = Interpretation::of(&request.query, &attempts[number], paths);
        page.interpretation = Some(interpretation);
    }
    Ok(page)
}

/// The page of the first attempt that finds enough, with the number of the attempt. If none does, of the most exact
/// attempt with the most hits that does not forgive more than is needed for a hit.
fn first_page(
    attempts: &[Attempt],
    run: impl Fn(&Attempt) -> Result<Page, IndexError>,
) -> Result<(usize, Page), IndexError> {
    let mut best = (0, run(&attempts[0])?);
    let is_written = best.1.total.value > 0;
    for (number, attempt) in attempts.iter().enumerate().skip(1) {
        let found = best.1.total;
        let is_enough = match attempt.step {
            Step::Exact | Step::Beginnings => !found.exact || found.value >= ENOUGH_HITS,
            // If nothing has the words as they are, better words may be among the typos.
            Step::Typos if !is_written => !found.exact || found.value >= ENOUGH_HITS,
            Step::Typos | Step::Fillers | Step::MissingWords => !found.exact || found.value > 0,
        };
        if is_enough {
            break;
        }
        let page = run(attempt)?;
        if page.total.value > found.value {
            best = (number, page);
        }
    }
    Ok(best)
}
