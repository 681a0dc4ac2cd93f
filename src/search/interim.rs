//! Child folders and suggestions of one commit.

use super::{Deadline, SearchError, View};
use crate::query::{Folder, Suggestion};
use crate::source::Source;

impl View {
    /// The first `limit` child folders of a folder, behind the one named `after`, and whether there are
    /// more.
    pub fn folders(
        &self,
        source: &Source,
        folder: &str,
        after: Option<&str>,
        limit: usize,
        deadline: &Deadline,
    ) -> Result<(Vec<Folder>, bool), SearchError> {
        let engine = &self.live.engine;
        Ok(engine.folders(source, folder, after, limit, deadline)?)
    }

    /// Names of assets and folders that begin as the text does.
    pub fn suggest(
        &self,
        scope: &[&Source],
        text: &str,
        limit: usize,
        deadline: &Deadline,
    ) -> Result<Vec<Suggestion>, SearchError> {
        Ok(self.live.engine.suggest(scope, text, limit, deadline)?)
    }
}
