//! The deployment status of a Source, in imgix's terms, and its number of assets.
//!
//! Both are computed from one commit of the index, so every process that reads it gives the same answer.

use crate::core::query::Request;
use crate::core::replication::timestamp::Timestamp;
use crate::core::source::{SearchSource, Source};
use crate::observe::status::SourcePhase;
use crate::search::{Deadline, SearchError, Snapshot};

/// The deployment status of a Source.
pub(crate) struct DeploymentStatus {
    /// A Source is deployed when its first scan is complete.
    pub phase: SourcePhase,
    /// The time as of which its last complete scan shows the bucket.
    pub complete_as_of: Option<Timestamp>,
}

impl DeploymentStatus {
    /// Reads the status from a snapshot. Without one (there is no index yet) nothing is deployed.
    pub(crate) fn of(snapshot: Option<&Snapshot>, source: &Source) -> Self {
        let complete_as_of =
            snapshot.and_then(|snapshot| snapshot.complete_as_of(&SearchSource::from(source)));
        let phase = match complete_as_of {
            _ if !source.enabled => SourcePhase::Disabled,
            Some(_) => SourcePhase::Deployed,
            None => SourcePhase::Deploying,
        };
        Self {
            phase,
            complete_as_of,
        }
    }

    /// imgix's word for the phase.
    pub(crate) fn name(&self) -> &'static str {
        match self.phase {
            SourcePhase::Disabled => "disabled",
            SourcePhase::Deployed => "deployed",
            SourcePhase::Deploying => "deploying",
        }
    }
}

/// Counts the assets of a Source; `None` if it is disabled or there is no index yet.
pub(crate) fn count_assets(
    snapshot: Option<&Snapshot>,
    source: &Source,
    deadline: &Deadline,
) -> Result<Option<u64>, SearchError> {
    let Some(snapshot) = snapshot.filter(|_| source.enabled) else {
        return Ok(None);
    };
    let request = Request::default().limit(1);
    let page = snapshot.search([&SearchSource::from(source)], &request, deadline)?;
    Ok(Some(page.total.value))
}
