//! Finds the field of a Source that a finding is about, so that a form can mark it.
//!
//! It is a guess from the failed request: a store often does not say which of several values is wrong.

use super::finding::{Cause, Finding, IamAction, Subject, Verdict};
use crate::aws::bucket::BucketErrorKind;
use crate::aws::queue::QueueErrorKind;
use crate::core::source::{Credentials, Source};

/// A field of a Source, by its key in the configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field(pub &'static str);

impl Field {
    /// The JSON pointer to the field: `/credentials/access_key_id`.
    pub(super) fn pointer(self) -> String {
        format!("/{}", self.0.replace('.', "/"))
    }
}

const BUCKET: Field = Field("bucket");
const REGION: Field = Field("region");
const ENDPOINT: Field = Field("endpoint_url");
const QUEUE: Field = Field("events.queue_url");

/// The field. `None` if nothing is wrong, or no single field is.
pub(super) fn of(finding: &Finding, source: &Source) -> Option<Field> {
    if finding.verdict == Verdict::Ok {
        return None;
    }
    match &finding.cause {
        Some(Cause::Bucket(kind)) => of_bucket(kind, source),
        Some(Cause::Queue(kind)) => Some(of_queue(*kind, &finding.what, source)),
        None => of_subject(finding, source),
    }
}

/// The field for a failed request to the bucket.
pub(super) fn of_bucket(kind: &BucketErrorKind, source: &Source) -> Option<Field> {
    Some(match kind {
        BucketErrorKind::NoSuchBucket | BucketErrorKind::AccessDenied => BUCKET,
        BucketErrorKind::UnknownAccessKey => Field("credentials.access_key_id"),
        BucketErrorKind::WrongSecret => Field("credentials.secret_access_key"),
        BucketErrorKind::ExpiredToken => Field("credentials"),
        BucketErrorKind::NoCredentials | BucketErrorKind::CredentialsNotAllowed => {
            match source.credentials {
                Credentials::AccessKey { .. } => Field("credentials.secret_access_key"),
                Credentials::AssumeRole { .. } => Field("credentials.role_arn"),
                Credentials::DefaultChain | Credentials::Profile(_) => Field("credentials"),
            }
        }
        BucketErrorKind::HostNotAllowed => ENDPOINT,
        BucketErrorKind::WrongRegion { .. } => REGION,
        // A mistyped region leads to a host that does not exist.
        BucketErrorKind::Connection | BucketErrorKind::Tls(_)
            if source.endpoint_url.is_none() && source.region.is_some() =>
        {
            REGION
        }
        BucketErrorKind::Connection
        | BucketErrorKind::Tls(_)
        | BucketErrorKind::InvalidResponse
        | BucketErrorKind::NotImplemented
        | BucketErrorKind::Unavailable
        | BucketErrorKind::Refused
            if source.endpoint_url.is_some() =>
        {
            ENDPOINT
        }
        _ => return None,
    })
}

/// The field for a failed request to the queue. `what` contains the error code of SQS.
fn of_queue(kind: QueueErrorKind, what: &str, source: &Source) -> Field {
    let events = source.events.as_ref();
    let has_own = events.is_some_and(|events| events.credentials != source.credentials);
    let is_about_credentials = matches!(
        kind,
        QueueErrorKind::NoCredentials | QueueErrorKind::CredentialsNotAllowed
    );
    if !is_about_credentials || !has_own {
        return QUEUE;
    }
    let has = |codes: &[&str]| codes.iter().any(|code| what.contains(code));
    if has(&["SignatureDoesNotMatch", "InvalidSignature"]) {
        Field("events.credentials.secret_access_key")
    } else if has(&[
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
        "UnrecognizedClient",
    ]) {
        Field("events.credentials.access_key_id")
    } else {
        Field("events.credentials")
    }
}

/// The field for what was examined.
fn of_subject(finding: &Finding, source: &Source) -> Option<Field> {
    Some(match finding.subject {
        Subject::Binding => Field("subdomain"),
        Subject::Rules => Field("rules"),
        Subject::Credentials => Field("credentials"),
        Subject::Bucket => BUCKET,
        Subject::Region | Subject::IamAction(IamAction::GetBucketLocation) => REGION,
        Subject::IamAction(IamAction::ListBucket) if finding.verdict == Verdict::Failure => BUCKET,
        Subject::IamAction(IamAction::ListBucket) => without_keys(source),
        Subject::Notifications
        | Subject::Queue
        | Subject::QueuePolicy
        | Subject::QueueRetention
        | Subject::QueueVisibility
        | Subject::QueueMessageSize
        | Subject::DeadLetters
        | Subject::QueueEncryption
        | Subject::FirstEvent
        | Subject::IamAction(
            IamAction::GetQueueAttributes
            | IamAction::ReceiveMessage
            | IamAction::DeleteMessage
            | IamAction::ChangeMessageVisibility,
        ) => QUEUE,
        _ => return None,
    })
}

/// The field that is probably mistyped if nothing is found.
fn without_keys(source: &Source) -> Field {
    if !source.prefix.is_empty() {
        Field("prefix")
    } else if source.rules.included().is_some() {
        Field("rules.include")
    } else {
        BUCKET
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::source::Events;

    fn pointer(finding: Finding, source: &Source) -> Option<String> {
        of(&finding, source).map(Field::pointer)
    }

    #[test]
    fn failed_request_points_at_the_value_that_is_probably_wrong() {
        let aws = Source::new("photos", "bucket", "acme");
        let in_region = Source {
            region: Some("eu-wst-1".into()),
            ..aws.clone()
        };
        let other_store = Source {
            endpoint_url: Some("http://store".into()),
            ..in_region.clone()
        };
        let moved = || BucketErrorKind::WrongRegion { actual: None };
        for (kind, source, want) in [
            (BucketErrorKind::NoSuchBucket, &aws, Some("/bucket")),
            (BucketErrorKind::AccessDenied, &aws, Some("/bucket")),
            (
                BucketErrorKind::WrongSecret,
                &aws,
                Some("/credentials/secret_access_key"),
            ),
            (
                BucketErrorKind::UnknownAccessKey,
                &aws,
                Some("/credentials/access_key_id"),
            ),
            (moved(), &aws, Some("/region")),
            (BucketErrorKind::Connection, &aws, None),
            (BucketErrorKind::Connection, &in_region, Some("/region")),
            (
                BucketErrorKind::Connection,
                &other_store,
                Some("/endpoint_url"),
            ),
            (
                BucketErrorKind::NotImplemented,
                &other_store,
                Some("/endpoint_url"),
            ),
            (BucketErrorKind::Throttled, &other_store, None),
        ] {
            let finding = Finding::failure(Subject::Bucket, "");
            let finding = finding.caused_by(Cause::Bucket(kind.clone()));
            assert_eq!(pointer(finding, source).as_deref(), want, "{kind}");
        }
    }

    #[test]
    fn rejected_credentials_of_a_queue_point_at_its_own() {
        let shared = Source {
            events: Some(Events {
                queue_url: "http://queue/1/q".into(),
                region: None,
                credentials: Credentials::DefaultChain,
            }),
            ..Source::new("photos", "bucket", "acme")
        };
        let own = Source {
            credentials: Credentials::Profile("p".into()),
            ..shared.clone()
        };
        for (what, source, want) in [
            ("SignatureDoesNotMatch: no", &shared, "/events/queue_url"),
            (
                "SignatureDoesNotMatch: no",
                &own,
                "/events/credentials/secret_access_key",
            ),
            (
                "InvalidClientTokenId: no",
                &own,
                "/events/credentials/access_key_id",
            ),
            ("ExpiredToken: no", &own, "/events/credentials"),
        ] {
            let finding = Finding::failure(Subject::Credentials, what);
            let finding = finding.caused_by(Cause::Queue(QueueErrorKind::NoCredentials));
            assert_eq!(pointer(finding, source).as_deref(), Some(want), "{what}");
        }
    }

    #[test]
    fn source_without_keys_points_at_its_prefix() {
        let listing = Subject::IamAction(IamAction::ListBucket);
        let source = Source::new("photos", "bucket", "acme");
        let in_folder = Source {
            prefix: "a/".into(),
            ..source.clone()
        };
        let warning = || Finding::warning(listing, "");
        assert_eq!(pointer(warning(), &in_folder).as_deref(), Some("/prefix"));
        assert_eq!(pointer(warning(), &source).as_deref(), Some("/bucket"));
        let denied = Finding::failure(listing, "");
        assert_eq!(pointer(denied, &in_folder).as_deref(), Some("/bucket"));
        assert_eq!(pointer(Finding::ok(listing, ""), &in_folder), None);
    }
}
