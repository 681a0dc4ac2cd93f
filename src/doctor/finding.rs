//! What an examination found: of what, how bad it is, and what to do about it.
//!
//! The names of subjects and verdicts are an interface: programs read them in `check --json`.

use serde::{Serialize, Serializer};

use crate::core::human::printable;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and had better be otherwise; or it cannot be told.
    Warning,
    /// It does not work, or will not.
    Failure,
}

/// What was examined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// What the configuration says.
    Configuration,
    /// Who can read and change the files that matter.
    Permissions,
    /// The index: whether it can be opened.
    Index,
    /// Who writes the index now.
    Writer,
    /// The room on the disk.
    Disk,
    /// Who is let in over HTTP.
    Http,
    /// The subdomain, which belongs to one name for good.
    Binding,
    /// Whether requests can be signed.
    Credentials,
    /// Whether the bucket can be reached.
    Bucket,
    /// Where the bucket is.
    Region,
    /// The clocks of this machine and of the store.
    Clock,
    /// A right that credentials need, by the name of its action.
    Right(Right),
    /// What the bucket sends events of, and where to.
    Notifications,
    /// Whether the queue can be reached and can take what S3 sends.
    Queue,
    /// Who may send to the queue.
    QueuePolicy,
    /// How long the queue keeps a message.
    QueueRetention,
    /// How long a received message stays invisible.
    QueueVisibility,
    /// The longest message that the queue takes.
    QueueMessageSize,
    /// Where messages go that cannot be handled.
    DeadLetters,
    /// The key by which the queue's messages are encrypted.
    QueueEncryption,
    /// Whether an event has ever come.
    FirstEvent,
}

/// A right, by its action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are those of S3 and SQS")]
pub(crate) enum Right {
    ListBucket,
    GetBucketLocation,
    GetObject,
    GetBucketNotification,
    GetQueueAttributes,
    ReceiveMessage,
    DeleteMessage,
    ChangeMessageVisibility,
}

impl Right {
    /// The action in a policy.
    pub(crate) fn action(self) -> &'static str {
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
    /// Its name, which stays the same from release to release.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Permissions => "permissions",
            Self::Index => "index",
            Self::Writer => "writer",
            Self::Disk => "disk",
            Self::Http => "http",
            Self::Binding => "binding",
            Self::Credentials => "credentials",
            Self::Bucket => "bucket",
            Self::Region => "region",
            Self::Clock => "clock",
            Self::Right(right) => right.action(),
            Self::Notifications => "notifications",
            Self::Queue => "queue",
            Self::QueuePolicy => "queue-policy",
            Self::QueueRetention => "queue-retention",
            Self::QueueVisibility => "queue-visibility",
            Self::QueueMessageSize => "queue-message-size",
            Self::DeadLetters => "dead-letters",
            Self::QueueEncryption => "queue-encryption",
            Self::FirstEvent => "first-event",
        }
    }
}

impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Remedy {
    /// In words.
    pub text: String,
    /// Commands that do it, or show how; they can be pasted into a shell.
    pub commands: Vec<String>,
}

/// What one examination found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// Of what.
    pub subject: Subject,
    /// How bad it is.
    pub verdict: Verdict,
    /// What was found, in words: a line without control characters.
    pub what: String,
    /// What to do about it, where something is to be done.
    pub remedy: Option<Remedy>,
}

impl Finding {
    /// It is as it should be.
    pub(crate) fn ok(subject: Subject, what: impl AsRef<str>) -> Self {
        Self::new(subject, Verdict::Ok, what.as_ref())
    }

    /// It had better be otherwise.
    pub(crate) fn warning(subject: Subject, what: impl AsRef<str>) -> Self {
        Self::new(subject, Verdict::Warning, what.as_ref())
    }

    /// It does not work.
    pub(crate) fn failure(subject: Subject, what: impl AsRef<str>) -> Self {
        Self::new(subject, Verdict::Failure, what.as_ref())
    }

    fn new(subject: Subject, verdict: Verdict, what: &str) -> Self {
        Self {
            subject,
            verdict,
            what: printable(what),
            remedy: None,
        }
    }

    /// The same with what to do about it.
    pub(crate) fn remedy(mut self, text: impl AsRef<str>) -> Self {
        self.remedy = Some(Remedy {
            text: printable(text.as_ref()),
            commands: Vec::new(),
        });
        self
    }

    /// The same with commands behind the remedy.
    pub(crate) fn commands(mut self, commands: impl IntoIterator<Item = String>) -> Self {
        if let Some(remedy) = &mut self.remedy {
            remedy.commands.extend(commands);
        }
        self
    }

    /// The same with one command behind the remedy.
    pub(crate) fn command(self, command: &str) -> Self {
        self.commands([command.to_owned()])
    }
}
