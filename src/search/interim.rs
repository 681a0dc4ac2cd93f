//! Stands in for the searches of the index until they are there.

use super::{Deadline, SearchError, View};
use crate::query::*;
use crate::source::Source;

#[allow(missing_docs)]
impl View {
    pub fn folders(
        &self,
        source: &Source,
        folder: &str,
        after: Option<&str>,
        limit: usize,
        deadline: &Deadline,
    ) -> Result<(Vec<Folder>, bool), SearchError> {
        let mut request = Request::new(Query {
            condition: Condition::Term(Term::Folder(folder.to_owned())),
        });
        request.limit = 1000;
        let mut folders = std::collections::BTreeMap::new();
        for hit in self.search(&[source], &request, deadline)?.hits {
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
}
