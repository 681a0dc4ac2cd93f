//! How far a Source is, in imgix's words, and how many assets it has.
//!
//! Both follow from one commit of the index, so that every process that reads it says the same.

use crate::core::query::{Condition, Count, Query, Request};
use crate::core::replication::timestamp::Timestamp;
use crate::core::source::Source;
use crate::observe::status::Phase;
use crate::search::{Deadline, SearchError, View};

/// How far a Source is.
pub(crate) struct DeploymentStatus {
    /// Deploying until its first scan is complete.
    pub phase: Phase,
    /// As of when its newest scan is complete.
    pub complete_as_of: Option<Timestamp>,
}

impl DeploymentStatus {
    /// Of the Source, by that view of the index, if there is an index.
    pub(crate) fn of(view: Option<&View>, source: &Source) -> Self {
        let state = view.and_then(|view| view.checkpoint().source(&source.name));
        // Records of another place are none of its assets.
        let state = state.filter(|it| it.origin == source.origin() && it.prefix == source.prefix);
        let complete_as_of = state.and_then(|state| state.complete_as_of);
        let phase = match complete_as_of {
            _ if !source.enabled => Phase::Disabled,
            Some(_) => Phase::Deployed,
            None => Phase::Deploying,
        };
        Self {
            phase,
            complete_as_of,
        }
    }

    /// The phase in imgix's words.
    pub(crate) fn name(&self) -> &'static str {
        match self.phase {
            Phase::Disabled => "disabled",
            Phase::Deployed => "deployed",
            Phase::Deploying => "deploying",
        }
    }
}

/// The assets of a Source; `None` where it is disabled or there is no index.
pub(crate) fn assets(
    view: Option<&View>,
    source: &Source,
    deadline: &Deadline,
) -> Result<Option<u64>, SearchError> {
    let Some(view) = view.filter(|_| source.enabled) else {
        return Ok(None);
    };
    let everything = Query {
        condition: Condition::All(Vec::new()),
    };
    let request = Request {
        limit: 1,
        count: Count::Exact,
        ..Request::new(everything)
    };
    let page = view.search(&[source], &request, deadline)?;
    Ok(Some(page.total.value))
}
