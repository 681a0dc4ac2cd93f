//! A finding of `check`: what was examined, how bad the result is, and what to do about it.
//!
//! The names of subjects and verdicts are an interface: programs read them in `check --json`.

use serde::de::{Deserialize, Deserializer, Error};
use serde::{Serialize, Serializer};

use crate::aws::bucket::BucketErrorKind;
use crate::aws::queue::QueueErrorKind;
use crate::core::human::printable;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// Nothing to do.
    Ok,
    /// It works but should be changed, or it cannot be checked.
    Warning,
    /// It does not work, or soon will not.
    Failure,
}

/// The thing that was examined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The content of the configuration.
    Configuration,
    /// Who can read and change the files that the service depends on.
    FilePermissions,
    /// Whether the index can be opened.
    Index,
    /// The keys that seal the secrets of managed Sources.
    SealingKeys,
    /// Which assets the configuration will remove from the index.
    Removals,
    /// Which process writes the index now.
    Writer,
    /// Whether the running daemon has this configuration.
    Daemon,
    /// The free space on the disk.
    Disk,
    /// Who has access over HTTP.
    Http,
    /// The subdomain, which stays bound to the name of one Source.
    Binding,
    /// Rules that probably mean something else.
    Rules,
    /// Whether requests can be signed.
    Credentials,
    /// Whether the bucket can be reached.
    Bucket,
    /// The region of the bucket.
    Region,
    /// The difference between the clocks of this machine and of the store.
    Clock,
    /// Whether the credentials are allowed to perform an IAM action.
    IamAction(IamAction),
    /// Which events the bucket sends, and where.
    Notifications,
    /// Whether the queue can be reached, and whether S3 can send to it.
    Queue,
    /// Who may send to the queue.
    QueuePolicy,
    /// How long the queue keeps a message.
    QueueRetention,
    /// How long a received message stays invisible.
    QueueVisibility,
    /// The maximum size of a message in the queue.
    QueueMessageSize,
    /// The queue for messages that cannot be handled.
    DeadLetters,
    /// The key that encrypts the messages of the queue.
    QueueEncryption,
    /// The messages that the daemon receives from the queue, and whether it is the only consumer.
    QueueReception,
    /// Keys of the bucket that cannot be indexed.
    UnusableKeys,
    /// Whether an event has arrived yet.
    FirstEvent,
}

/// An IAM action that credentials need permission for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are named like the actions of S3 and SQS")]
pub(crate) enum IamAction {
    ListBucket,
    GetBucketLocation,
    GetObject,
    GetBucketNotification,
    GetQueueAttributes,
    ReceiveMessage,
    DeleteMessage,
    ChangeMessageVisibility,
}

impl IamAction {
    /// The name in a policy, such as `s3:ListBucket`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::ListBucket => "s3:ListBucket",
            Self::GetBucketLocation => "s3:GetBucketLocation",
            Self::GetObject => "s3:GetObject",
            Self::GetBucketNotification => "s3:GetBucketNotification",
            Self::GetQueueAttributes => "sqs:GetQueueAttributes",
            Self::ReceiveMessage => "sqs:ReceiveMessage",
            Self::DeleteMessage => "sqs:DeleteMessage",
            Self::ChangeMessageVisibility => "sqs:ChangeMessageVisibility",
        }
    }
}

impl Subject {
    /// All subjects.
    const ALL: [Self; 34] = [
        Self::Configuration,
        Self::FilePermissions,
        Self::SealingKeys,
        Self::Index,
        Self::Removals,
        Self::Writer,
        Self::Daemon,
        Self::Disk,
        Self::Http,
        Self::Binding,
        Self::Rules,
        Self::Credentials,
        Self::Bucket,
        Self::Region,
        Self::Clock,
        Self::IamAction(IamAction::ListBucket),
        Self::IamAction(IamAction::GetBucketLocation),
        Self::IamAction(IamAction::GetObject),
        Self::IamAction(IamAction::GetBucketNotification),
        Self::IamAction(IamAction::GetQueueAttributes),
        Self::IamAction(IamAction::ReceiveMessage),
        Self::IamAction(IamAction::DeleteMessage),
        Self::IamAction(IamAction::ChangeMessageVisibility),
        Self::Notifications,
        Self::Queue,
        Self::QueuePolicy,
        Self::QueueRetention,
        Self::QueueVisibility,
        Self::QueueMessageSize,
        Self::DeadLetters,
        Self::QueueEncryption,
        Self::QueueReception,
        Self::UnusableKeys,
        Self::FirstEvent,
    ];

    /// The name in the output. It does not change between releases.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::FilePermissions => "permissions",
            Self::SealingKeys => "sealing-keys",
            Self::Index => "index",
            Self::Removals => "removals",
            Self::Writer => "writer",
            Self::Daemon => "daemon",
            Self::Disk => "disk",
            Self::Http => "http",
            Self::Binding => "binding",
            Self::Rules => "rules",
            Self::Credentials => "credentials",
            Self::Bucket => "bucket",
            Self::Region => "region",
            Self::Clock => "clock",
            Self::IamAction(action) => action.as_str(),
            Self::Notifications => "notifications",
            Self::Queue => "queue",
            Self::QueuePolicy => "queue-policy",
            Self::QueueRetention => "queue-retention",
            Self::QueueVisibility => "queue-visibility",
            Self::QueueMessageSize => "queue-message-size",
            Self::DeadLetters => "dead-letters",
            Self::QueueEncryption => "queue-encryption",
            Self::QueueReception => "queue-reception",
            Self::UnusableKeys => "unusable-keys",
            Self::FirstEvent => "first-event",
        }
    }
}

impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Findings of another process have the same names.
impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let known = Self::ALL.into_iter().find(|known| known.as_str() == name);
        known.ok_or_else(|| D::Error::custom(format!("{name:?} is not a subject of a finding")))
    }
}

/// The way to fix a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub(crate) struct Remedy {
    /// One or more sentences. If there are commands, it ends without a period: the printer adds a colon.
    pub text: String,
    /// Shell commands that fix it, or print how to.
    pub commands: Vec<String>,
}

/// The result of one test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub(crate) struct Finding {
    /// The thing that was examined.
    pub subject: Subject,
    /// How bad it is.
    pub verdict: Verdict,
    /// A description of the result: one line without control characters, and without a final period.
    pub what: String,
    /// The way to fix it, if anything is wrong.
    pub remedy: Option<Remedy>,
    /// The failed request, if there is one. It is not printed.
    #[serde(skip)]
    pub cause: Option<Cause>,
}

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A request to the bucket.
    Bucket(BucketErrorKind),
    /// A request to the queue.
    Queue(QueueErrorKind),
}

impl Finding {
    /// A finding with the verdict [`Verdict::Ok`].
    pub(crate) fn ok(subject: Subject, what: impl AsRef<str>) -> Self {
        Self::new(subject, Verdict::Ok, what.as_ref())
    }

    /// A finding with the verdict [`Verdict::Warning`].
    pub(crate) fn warning(subject: Subject, what: impl AsRef<str>) -> Self {
        Self::new(subject, Verdict::Warning, what.as_ref())
    }

    /// A finding with the verdict [`Verdict::Failure`].
    pub(crate) fn failure(subject: Subject, what: impl AsRef<str>) -> Self {
        Self::new(subject, Verdict::Failure, what.as_ref())
    }

    fn new(subject: Subject, verdict: Verdict, what: &str) -> Self {
        Self {
            subject,
            verdict,
            what: printable(what),
            remedy: None,
            cause: None,
        }
    }

    /// Sets why the request failed.
    pub(crate) fn caused_by(mut self, cause: Cause) -> Self {
        self.cause = Some(cause);
        self
    }

    /// Sets what to do about it. Replaces an earlier remedy and its commands.
    pub(crate) fn remedy(mut self, text: impl AsRef<str>) -> Self {
        self.remedy = Some(Remedy {
            text: printable(text.as_ref()),
            commands: Vec::new(),
        });
        self
    }

    /// Adds commands to the remedy. Has no effect if there is no remedy.
    pub(crate) fn commands(mut self, commands: impl IntoIterator<Item = String>) -> Self {
        if let Some(remedy) = &mut self.remedy {
            remedy.commands.extend(commands);
        }
        self
    }

    /// Adds one command to the remedy.
    pub(crate) fn command(self, command: &str) -> Self {
        self.commands([command.to_owned()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finding_of_another_process_can_be_read() {
        for subject in Subject::ALL {
            // A new subject does not compile here. Add it to `ALL`, too.
            match subject {
                Subject::Configuration
                | Subject::FilePermissions
                | Subject::SealingKeys
                | Subject::Index
                | Subject::Removals
                | Subject::Writer
                | Subject::Daemon
                | Subject::Disk
                | Subject::Http
                | Subject::Binding
                | Subject::Rules
                | Subject::Credentials
                | Subject::Bucket
                | Subject::Region
                | Subject::Clock
                | Subject::IamAction(_)
                | Subject::Notifications
                | Subject::Queue
                | Subject::QueuePolicy
                | Subject::QueueRetention
                | Subject::QueueVisibility
                | Subject::QueueMessageSize
                | Subject::DeadLetters
                | Subject::QueueEncryption
                | Subject::QueueReception
                | Subject::UnusableKeys
                | Subject::FirstEvent => {}
            }
            let finding = Finding::warning(subject, "what")
                .remedy("do it")
                .command("x");
            let text = serde_json::to_string(&finding).unwrap();
            assert_eq!(serde_json::from_str::<Finding>(&text).unwrap(), finding);
        }
        assert!(serde_json::from_str::<Subject>("\"nothing\"").is_err());
    }
}
