//! Passes drafts of Sources from HTTP and the control socket to the daemon, which tries them out, and defines what it
//! answers.
//!
//! Nothing of a draft is stored. This module decides nothing.

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::managed::Actor;
use crate::managed::changes::{ChangeError, Values};
use crate::serve::request_reply;

/// Maximum number of drafts that are tested at the same time. Further ones are refused.
pub(crate) const MAX_TESTS: usize = 4;

/// Maximum number of previews at the same time. Further ones are refused.
pub(crate) const MAX_PREVIEWS: usize = 4;

/// Maximum number of requests that wait to be read by the daemon.
const MAX_WAITING: usize = 16;

/// Maximum number of paths that one preview judges.
pub(crate) const MAX_PATHS: usize = 50;

/// What a client requests.
pub(crate) enum DraftRequest {
    /// Test whether the Source would work.
    Test {
        draft: Values,
        actor: Actor,
        reply: Reply<TestReport>,
    },
    /// Show which keys the rules admit.
    Preview {
        draft: Values,
        actor: Actor,
        /// Paths to judge.
        paths: Vec<String>,
        reply: Reply<Preview>,
    },
    /// Only check the values.
    Check {
        draft: Values,
        actor: Actor,
        reply: Reply<()>,
    },
    /// Print what has to be set up on AWS.
    Setup {
        draft: Values,
        actor: Actor,
        reply: Reply<Setup>,
    },
}

/// Where the answer goes.
pub(crate) type Reply<T> = request_reply::Reply<T, DraftError>;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DraftError {
    /// The values are wrong, or the stored Source cannot be read.
    #[error(transparent)]
    Refused(#[from] ChangeError),
    /// Too many requests are in flight.
    #[error("too many drafts are being tested or previewed; try again in a moment")]
    Busy,
    /// No setup is possible with these values.
    #[error("{0}")]
    NoSetup(String),
    /// The daemon is stopping, or the request failed because of a fault in this program.
    #[error("the daemon is stopping, or the request failed; see its log, and try again")]
    Stopping,
}

/// The result of the test of a draft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TestReport {
    /// Whether no finding is a failure.
    pub ok: bool,
    /// The findings, in the order of the tests.
    pub findings: Vec<TestFinding>,
    /// How long the test took, in milliseconds.
    pub took_ms: u64,
}

/// One finding about a draft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TestFinding {
    /// How bad it is.
    pub verdict: TestVerdict,
    /// What was examined, as `check --json` names it.
    pub subject: String,
    /// The result: one line without control characters, at most as long as the doctor allows.
    pub text: String,
    /// What to do about it.
    pub remedy: Option<String>,
    /// Shell commands that fix it, or print how to.
    pub commands: Vec<String>,
    /// The field of the draft that it is about, as a JSON pointer.
    pub pointer: Option<String>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TestVerdict {
    /// Nothing to do.
    Ok,
    /// It works but should be changed, or it cannot be tested.
    Warning,
    /// It does not work.
    Failure,
    /// It was not tested, because something else failed before.
    Skipped,
}

/// Which keys the rules of a draft admit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Preview {
    /// The keys in the index, all of which the current rules admit. `None` if the index has none for this bucket.
    pub index: Option<IndexCounts>,
    /// The keys on the listed pages. `None` if nothing could be listed.
    pub listed: Option<ListedCounts>,
    /// Why nothing could be listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listed_error: Option<String>,
    /// Examples of paths that the rules admit.
    pub admitted: Vec<PathRule>,
    /// Examples of paths that they do not admit.
    pub rejected: Vec<PathRule>,
    /// The paths of the request.
    pub paths: Vec<JudgedPath>,
    /// The address of an admitted asset. `None` if no asset or no subdomain is known.
    pub address: Option<String>,
}

/// The keys in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct IndexCounts {
    pub admitted: u64,
    pub rejected: u64,
    /// The sum of both.
    pub total: u64,
    /// Whether all keys were counted.
    pub is_complete: bool,
}

/// The keys on listed pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ListedCounts {
    pub admitted: u64,
    pub rejected: u64,
    /// The sum of both.
    pub keys: u64,
    /// Whether the pages have all keys of the Source.
    pub is_complete: bool,
}

/// A path and the rule that decides it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct PathRule {
    pub path: String,
    pub rule: String,
}

/// A path of a request, judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct JudgedPath {
    pub path: String,
    pub admitted: bool,
    /// The rule that decides it, or why it is no path of the Source.
    pub rule: String,
}

/// What has to be set up on AWS for a Source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Setup {
    /// The IAM policy to attach to the credentials of the Source.
    pub iam_policy: serde_json::Value,
    /// A shell script that creates the queue and lets the bucket send its events there.
    pub queue_script: String,
}

/// Sends drafts to the daemon.
#[derive(Clone)]
pub(crate) struct SourceDrafts(mpsc::Sender<DraftRequest>);

impl SourceDrafts {
    /// A sender, and the receiver for the daemon.
    pub(crate) fn new() -> (Self, mpsc::Receiver<DraftRequest>) {
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        (Self(sender), receiver)
    }

    /// Tests whether the Source would work. Ends the test if the caller stops waiting.
    pub(crate) async fn test(&self, draft: Values, actor: Actor) -> Result<TestReport, DraftError> {
        self.request(|reply| DraftRequest::Test {
            draft,
            actor,
            reply,
        })
        .await
    }

    /// Shows which keys the rules admit. The caller passes at most [`MAX_PATHS`] paths.
    pub(crate) async fn preview(
        &self,
        draft: Values,
        actor: Actor,
        paths: Vec<String>,
    ) -> Result<Preview, DraftError> {
        self.request(|reply| DraftRequest::Preview {
            draft,
            actor,
            paths,
            reply,
        })
        .await
    }

    /// Checks the values, and nothing else.
    pub(crate) async fn check(&self, draft: Values, actor: Actor) -> Result<(), DraftError> {
        self.request(|reply| DraftRequest::Check {
            draft,
            actor,
            reply,
        })
        .await
    }

    /// Prints what has to be set up on AWS.
    pub(crate) async fn setup(&self, draft: Values, actor: Actor) -> Result<Setup, DraftError> {
        self.request(|reply| DraftRequest::Setup {
            draft,
            actor,
            reply,
        })
        .await
    }

    async fn request<T>(
        &self,
        with_reply: impl FnOnce(Reply<T>) -> DraftRequest,
    ) -> Result<T, DraftError> {
        request_reply::request(&self.0, with_reply, || DraftError::Stopping).await
    }
}
