//! Stands in for the searches of the index until they are there.

use super::{SearchError, View};
use crate::index::IndexError;
use crate::query::*;
use crate::source::Source;
use std::time::{Duration, Instant};

/// Until when.
pub struct Deadline(Option<Instant>);

#[allow(missing_docs)]
impl Deadline {
    pub fn never() -> Self {
        Self(None)
    }
    pub fn after(time: Duration) -> Self {
        Self(Some(Instant::now() + time))
    }
    pub fn check(&self) -> Result<(), IndexError> {
        Ok(())
    }
}

#[allow(missing_docs)]
impl View {
    fn all(&self, scope: &[&Source], query: &Query) -> Result<Vec<Hit>, SearchError> {
        let sort = Sort::default();
        let results = self
            .live
            .engine
            .search(query, scope.iter().copied(), sort, usize::MAX)?;
        let hits: Result<Vec<_>, _> = results.hits.collect();
        Ok(hits?)
    }

    pub fn search(
        &self,
        scope: &[&Source],
        request: &Request,
        _: &Deadline,
    ) -> Result<Page, SearchError> {
        let mut hits = self.all(scope, &request.query)?;
        let total = Total {
            value: hits.len() as u64,
            exact: true,
        };
        let place = |hit: &Hit| {
            let value = match request.sort.by {
                SortBy::Name => SortValue::Name(fold_name(&hit.name)),
                SortBy::Size => SortValue::Number(hit.size),
                SortBy::Modified => SortValue::Moment(hit.last_modified.as_millis()),
                SortBy::Created => SortValue::Moment(hit.first_seen.unwrap().as_millis()),
                _ => SortValue::Path,
            };
            Position {
                value,
                path: hit.path.clone(),
                source: hit.source.clone(),
            }
        };
        let key = |p: &Position| match &p.value {
            SortValue::Name(name) => (name.clone(), 0),
            SortValue::Number(n) => (String::new(), *n as i64),
            SortValue::Moment(n) => (String::new(), *n),
            _ => (String::new(), 0),
        };
        let order = |a: &Position, b: &Position| {
            let by = key(a).cmp(&key(b));
            let tie = (&a.path, &a.source).cmp(&(&b.path, &b.source));
            match (request.sort.descending, request.sort.by) {
                (true, SortBy::Path) => tie.reverse(),
                (true, _) => by.reverse().then(tie),
                _ => by.then(tie),
            }
        };
        hits.sort_by(|a, b| order(&place(a), &place(b)));
        if let Some(after) = &request.after {
            hits.retain(|hit| order(&place(hit), after).is_gt());
        }
        let more = hits.len() > request.limit;
        hits.truncate(request.limit);
        let next = hits.last().filter(|_| more).map(place);
        if !request.highlights {
            for hit in &mut hits {
                hit.highlights = None;
            }
        }
        let facets = request.facets.iter().cloned();
        let facets = facets.map(|by| Facet {
            by,
            buckets: Vec::new(),
            more: false,
        });
        Ok(Page {
            hits,
            total,
            next,
            facets: facets.collect(),
        })
    }

    pub fn folders(
        &self,
        source: &Source,
        folder: &str,
        after: Option<&str>,
        limit: usize,
        _: &Deadline,
    ) -> Result<(Vec<Folder>, bool), SearchError> {
        let query = Query {
            condition: Condition::Term(Term::Folder(folder.to_owned())),
        };
        let mut folders = std::collections::BTreeMap::new();
        for hit in self.all(&[source], &query)? {
            if let Some((name, _)) = hit.path[folder.len()..].split_once('/') {
                *folders.entry(name.to_owned()).or_insert(0) += 1;
            }
        }
        let mut folders: Vec<_> = folders
            .into_iter()
            .map(|(name, assets)| Folder {
                path: format!("{folder}{name}/"),
                name,
                assets,
            })
            .filter(|folder| after.is_none_or(|after| folder.path.as_str() > after))
            .collect();
        let more = folders.len() > limit;
        folders.truncate(limit);
        Ok((folders, more))
    }

    pub fn suggest(
        &self,
        _: &[&Source],
        _: &str,
        _: usize,
        _: &Deadline,
    ) -> Result<Vec<Suggestion>, SearchError> {
        Ok(Vec::new())
    }

    pub fn asset(&self, source: &Source, path: &str) -> Result<Option<Hit>, SearchError> {
        let query = Query {
            condition: Condition::All(Vec::new()),
        };
        let mut hits = self.all(&[source], &query)?.into_iter();
        Ok(hits.find(|hit| hit.path == path))
    }
}
