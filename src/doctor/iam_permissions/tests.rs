//! Tests the findings about IAM permissions.

use super::*;
use crate::aws::bucket::AttemptError;
use crate::aws::queue::QueueOperation;

fn source() -> Source {
    Source {
        prefix: "photos/".into(),
        ..Source::new("photos", "bucket", "acme")
    }
}

fn refused(kind: BucketErrorKind) -> BucketError {
    BucketError {
        operation: "list bucket bucket".into(),
        action: "s3:ListBucket",
        cause: AttemptError::new(kind, "the detail"),
        attempts: 1,
    }
}

fn remedy(finding: &Finding) -> String {
    let remedy = finding.remedy.as_ref().expect("the finding has a remedy");
    format!("{} {}", remedy.text, remedy.commands.join(" "))
}

#[test]
fn denied_listing_names_the_action_and_the_resource() {
    let denied = Err(refused(BucketErrorKind::AccessDenied));
    let first = || ("photos/2024/".to_owned(), Ok(None));
    let listed = [first(), ("photos/".to_owned(), denied)];
    let finding = list(&source(), "cn-north-1", &listed);
    assert_eq!(finding.verdict, Verdict::Failure);
    assert_eq!(finding.subject.as_str(), "s3:ListBucket");
    let remedy = remedy(&finding);
    for word in [
        "s3:ListBucket on arn:aws-cn:s3:::bucket",
        "s3:prefix must allow \"photos/\"",
        "asset-indexer iam-policy",
    ] {
        assert!(remedy.contains(word), "{remedy}");
    }
    for (key, want) in [
        (Some("photos/a".to_owned()), "can be listed"),
        (None, "there are none"),
    ] {
        let listed = [first(), ("photos/".to_owned(), Ok(key))];
        for listed in [&listed[1..], &listed] {
            let finding = list(&source(), "", listed);
            assert_eq!(finding.verdict, Verdict::Ok);
            assert!(finding.what.ends_with(want), "{finding:?}");
        }
    }
}

#[test]
fn other_errors_are_not_reported_as_missing_permissions() {
    use BucketErrorKind as Kind;
    let region = Some("eu-west-1".into());
    for (kind, subject) in [
        (Kind::UnknownAccessKey, Subject::Credentials),
        (Kind::WrongSecret, Subject::Credentials),
        (Kind::ExpiredToken, Subject::Credentials),
        (Kind::NoCredentials, Subject::Credentials),
        (Kind::ClockSkew, Subject::Clock),
        (Kind::WrongRegion { actual: region }, Subject::Region),
        (Kind::NoSuchBucket, Subject::Bucket),
        (Kind::Connection, Subject::Bucket),
        (Kind::Unavailable, Subject::Bucket),
        (Kind::Refused, Subject::Bucket),
    ] {
        let error = refused(kind);
        for finding in [
            list(&source(), "", &[(String::new(), Err(error.clone()))]),
            location(&source(), "eu-west-1", &error),
        ] {
            assert_eq!(finding.verdict, Verdict::Failure, "{finding:?}");
            assert_eq!(finding.subject, subject, "{finding:?}");
        }
    }
    let denied = location(&source(), "cn-north-1", &refused(Kind::AccessDenied));
    assert_eq!(denied.subject.as_str(), "s3:GetBucketLocation");
    let remedy = denied.remedy.expect("a denial has a remedy").text;
    assert!(remedy.contains("arn:aws-cn:s3:::"), "{remedy}");
}

#[test]
fn result_of_reading_an_object_is_rated_by_the_key() {
    use TestedKey::{Listed, Missing};
    let (may_list, may_not_list) = (Missing { may_list: true }, Missing { may_list: false });
    let denied = || Err(refused(BucketErrorKind::AccessDenied));
    let down = || Err(refused(BucketErrorKind::Unavailable));
    let (ok, warning) = (Some(Verdict::Ok), Some(Verdict::Warning));
    for (tested_key, result, verdict, want) in [
        (Listed, Ok(true), ok, "can be read"),
        (Listed, Ok(false), ok, "can be read"),
        (Listed, denied(), warning, "no previews"),
        (Listed, down(), warning, "the detail"),
        (may_list, Ok(false), ok, "can be read"),
        (may_list, denied(), warning, "no object yet"),
        (may_not_list, Ok(false), ok, "can be read"),
        (may_not_list, denied(), None, ""),
    ] {
        let finding = get(&source(), "eu-west-1", tested_key, &result);
        let found = finding.as_ref().map(|finding| finding.verdict);
        assert_eq!(found, verdict, "{tested_key:?} {result:?}");
        if let Some(finding) = finding {
            assert!(finding.what.contains(want), "{finding:?}");
        }
    }
    let finding = get(&source(), "eu-west-1", Listed, &denied()).expect("the object was listed");
    let remedy = remedy(&finding);
    assert!(remedy.contains("arn:aws:s3:::bucket/photos/*"), "{remedy}");
}

#[test]
fn unreadable_notifications_are_a_warning() {
    for (kind, subject) in [
        (BucketErrorKind::AccessDenied, "s3:GetBucketNotification"),
        (BucketErrorKind::Refused, "notifications"),
    ] {
        let finding = notifications_unread(&source(), "eu-west-1", &refused(kind));
        assert_eq!(finding.verdict, Verdict::Warning);
        assert_eq!(finding.subject.as_str(), subject);
        let remedy = remedy(&finding);
        let names_check_policy = remedy.ends_with("asset-indexer iam-policy --check");
        assert_eq!(names_check_policy, subject.starts_with("s3:"), "{remedy}");
    }
}

#[test]
fn arns_have_the_partition_of_the_region() {
    for (region, partition) in [
        ("eu-west-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("eusc-de-east-1", "aws-eusc"),
        ("us-iso-east-1", "aws-iso"),
    ] {
        let bucket = format!("arn:{partition}:s3:::b");
        assert_eq!(bucket_arn(region, "b"), bucket);
        let queue = format!("arn:{partition}:sqs:{region}:1:q");
        assert_eq!(queue_arn(region, "1", "q"), queue);
    }
}

#[test]
fn only_a_denial_is_reported_as_a_missing_queue_permission() {
    use QueueErrorKind as Kind;
    let arn = queue_arn("us-gov-west-1", "111122223333", "q");
    for (kind, detail, subject, want) in [
        (
            Kind::AccessDenied,
            "AccessDenied",
            "sqs:ReceiveMessage",
            "arn:aws-us-gov:sqs:us-gov-west-1",
        ),
        (
            Kind::AccessDenied,
            "KmsAccessDenied: no",
            "sqs:ReceiveMessage",
            "asset-indexer iam-policy --kms-key ARN",
        ),
        (
            Kind::NoCredentials,
            "ExpiredToken",
            "credentials",
            "credentials",
        ),
        (Kind::Connection, "", "queue", "network"),
    ] {
        let error = QueueError::new(QueueOperation::Receive, "https://q/1/q", kind, detail);
        let finding = queue_action(IamAction::ReceiveMessage, &arn, &Err(error));
        assert_eq!(finding.verdict, Verdict::Failure);
        assert_eq!(finding.subject.as_str(), subject);
        let remedy = remedy(&finding);
        assert!(remedy.contains(want), "{remedy}");
    }
    assert_eq!(
        queue_action(IamAction::ReceiveMessage, &arn, &Ok(())).verdict,
        Verdict::Ok
    );
}
