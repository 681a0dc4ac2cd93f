//! Why a change is refused.

use crate::config::InvalidValue;
use crate::managed::store::StoreError;
use crate::secrets::KeyError;

/// Why a change is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeError {
    /// Values are not allowed: all that were found, at least one.
    #[error("{}", list(.0))]
    Invalid(Vec<InvalidValue>),
    /// The bucket or the queue cannot be used with the new values: those that are probably wrong, at least one.
    #[error("{}", list(.0))]
    TestFailed(Vec<InvalidValue>),
    /// There is no managed Source with this name.
    #[error("there is no managed Source {name:?}")]
    NotFound {
        /// The name.
        name: String,
    },
    /// The configuration file has the Source.
    #[error("Source {name:?} is in the configuration file, so it can only be changed there")]
    ManagedByFile {
        /// The name.
        name: String,
    },
    /// The configuration has mistakes, so the change cannot be checked.
    #[error(
        "nothing was changed, because the configuration cannot be used; correct it first:\n{0}"
    )]
    Configuration(String),
    /// A secret still needs an old key.
    #[error(
        "the old keys stay, because the secrets of Source {name:?} need one; run `asset-indexer secrets rotate` \
         again"
    )]
    KeyNeeded {
        /// The name.
        name: String,
    },
    /// Someone else has changed the Source.
    #[error(
        "Source {name:?} has been changed since you read it; read it again and repeat your change"
    )]
    Conflict {
        /// The name.
        name: String,
    },
    /// There are as many as the configuration allows.
    #[error(
        "there are {max} managed Sources, which is the maximum; remove one, or ask an operator to raise max_sources \
         in the table [managed] of the configuration file"
    )]
    TooMany {
        /// The maximum.
        max: usize,
    },
    /// The stored file was changed by hand and cannot be read.
    #[error("the stored file of Source {name:?} cannot be read: {problem}; correct it by hand")]
    Damaged {
        /// The name.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no key to seal with.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// A sealed secret cannot be opened.
    #[error("{0}")]
    Unopened(String),
    /// The change panicked.
    #[error("the change failed because of a fault in this program; see the log")]
    Panicked,
    /// A secret could not be sealed.
    #[error("failed to seal a secret: the operating system provides no random bytes")]
    Seal,
}

impl ChangeError {
    /// Whether the request was wrong, and not the store or the keys.
    pub(crate) fn is_misuse(&self) -> bool {
        matches!(
            self,
            Self::Invalid(_)
                | Self::TestFailed(_)
                | Self::NotFound { .. }
                | Self::ManagedByFile { .. }
                | Self::Configuration(_)
        )
    }
}

fn list(problems: &[InvalidValue]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
