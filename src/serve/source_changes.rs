//! Passes changes of managed Sources from HTTP and the control socket to the daemon, which makes them.
//!
//! The daemon writes one change at a time. This module decides nothing.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::core::source::Source;
use crate::managed::Actor;
use crate::managed::changes::{AppliedChange, Change, ChangeError};
use crate::managed::rotation::Rotation;
use crate::serve::request_reply::{Reply, request};

/// Maximum number of changes that wait to be read by the daemon, and of changes that it tests or writes. Further ones
/// wait to be queued.
pub(crate) const MAX_WAITING: usize = 16;

/// What a client requests. Each one gets its result once it is durable and the daemon uses it, or says why not.
pub(crate) enum ChangeRequest {
    /// A change of a Source.
    Source {
        /// The name of the Source.
        name: String,
        change: Change,
        /// Who makes it.
        actor: Actor,
        /// Whether new credentials, a new bucket or a new endpoint are used without a test.
        is_untested: bool,
        reply: Reply<StoredChange, RequestError>,
    },
    /// A check of a change, which is not made.
    Check {
        /// The name of the Source.
        name: String,
        change: Change,
        /// Who would make it.
        actor: Actor,
        reply: Reply<(), RequestError>,
    },
    /// A scan of the Source with this name.
    Reindex {
        name: String,
        reply: Reply<(), ReindexError>,
    },
    /// A rotation of the key that seals secrets.
    RotateKey(Reply<Rotation, RotationError>),
}

/// A change that is durable.
#[derive(Debug)]
pub(crate) struct StoredChange {
    /// What was done.
    pub applied: AppliedChange,
    /// The Source as it is stored now, to show it. `None` if it is removed.
    pub source: Option<Arc<Source>>,
    /// Why the daemon does not use it yet. `None` if it does.
    pub not_in_use: Option<String>,
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    /// It was refused. Nothing has changed.
    #[error(transparent)]
    Refused(#[from] ChangeError),
    /// The daemon is stopping.
    #[error("the daemon is stopping; repeat the change when it runs again")]
    Stopping,
}

/// Why the key was not rotated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RotationError {
    /// It failed.
    #[error(transparent)]
    Failed(#[from] ChangeError),
    /// The secrets are sealed with the new key, but the daemon does not use them, so the old keys stay.
    #[error(
        "the secrets are sealed with a new key, but the daemon cannot use them: {0}; rotate again"
    )]
    NotInUse(String),
    /// The daemon is stopping.
    #[error("the daemon is stopping; rotate again when it runs again")]
    Stopping,
}

/// Why a scan was not requested.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReindexError {
    /// The Source does not run: the daemon is starting, or the index refuses it.
    #[error("the Source is not active in the daemon; see /status for the reason, and try again")]
    NotActive,
    /// Too many scans are waiting.
    #[error("too many scans of the Source are waiting; try again when one has finished")]
    TooMany,
    /// The daemon is stopping.
    #[error("the daemon is stopping; try again when it runs again")]
    Stopping,
}

/// Sends changes to the daemon.
#[derive(Clone)]
pub(crate) struct SourceChanger(mpsc::Sender<ChangeRequest>);

impl SourceChanger {
    /// A sender, and the receiver for the daemon.
    pub(crate) fn new() -> (Self, mpsc::Receiver<ChangeRequest>) {
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        (Self(sender), receiver)
    }

    /// Makes a change. When it returns, the change is durable. Usually the daemon uses it then. If the caller stops
    /// waiting, a change that has passed its test is still made.
    ///
    /// New credentials, a new bucket and a new endpoint are tested first, unless `is_untested`: the bucket may not be
    /// reachable yet.
    pub(crate) async fn apply(
        &self,
        name: String,
        change: Change,
        actor: Actor,
        is_untested: bool,
    ) -> Result<StoredChange, RequestError> {
        let with_reply = |reply| ChangeRequest::Source {
            name,
            change,
            actor,
            is_untested,
            reply,
        };
        request(&self.0, with_reply, || RequestError::Stopping).await
    }

    /// Checks a change without making it. It is refused as the change would be, except that nothing is tested.
    pub(crate) async fn check(
        &self,
        name: String,
        change: Change,
        actor: Actor,
    ) -> Result<(), RequestError> {
        let with_reply = |reply| ChangeRequest::Check {
            name,
            change,
            actor,
            reply,
        };
        request(&self.0, with_reply, || RequestError::Stopping).await
    }

    /// Requests a scan. It does not wait for its end.
    pub(crate) async fn reindex(&self, name: String) -> Result<(), ReindexError> {
        let with_reply = |reply| ChangeRequest::Reindex { name, reply };
        request(&self.0, with_reply, || ReindexError::Stopping).await
    }

    /// Rotates the key that seals secrets.
    pub(crate) async fn rotate_key(&self) -> Result<Rotation, RotationError> {
        request(&self.0, ChangeRequest::RotateKey, || {
            RotationError::Stopping
        })
        .await
    }
}
