//! What an answer says of a right.

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
        cause: AttemptError::new(kind, "said so"),
        attempts: 1,
    }
}

fn remedy(finding: &Finding) -> String {
    let remedy = finding.remedy.as_ref().expect("there is one");
    format!("{} {}", remedy.text, remedy.commands.join(" "))
}

#[test]
fn a_denied_listing_names_the_right_and_what_it_is_for() {
    let denied = Err(refused(BucketErrorKind::AccessDenied));
    let first = || ("photos/2024/".to_owned(), Ok(None));
    let listed = [first(), ("photos/".to_owned(), denied)];
    let finding = list(&source(), "cn-north-1", &listed);
    assert_eq!(finding.verdict, Verdict::Failure);
    assert_eq!(finding.subject.as_str(), "s3:ListBucket");
    let remedy = remedy(&finding);
    for word in [
        "s3:ListBucket on arn:aws-cn:s3:::bucket",
        "s3:prefix has to admit \"photos/\"",
        "asset-indexer iam-policy",
    ] {
        assert!(remedy.contains(word), "{remedy}");
    }
    for (found, said) in [
        (Some("photos/a".to_owned()), "can be listed"),
        (None, "there is none"),
    ] {
        let listed = [first(), ("photos/".to_owned(), Ok(found))];
        for listed in [&listed[1..], &listed] {
            let finding = list(&source(), "", listed);
            assert_eq!(finding.verdict, Verdict::Ok);
            assert!(finding.what.ends_with(said), "{finding:?}");
        }
    }
}

#[test]
fn no_right_is_blamed_for_what_is_wrong_otherwise() {
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
            location(&source(), &error),
        ] {
            assert_eq!(finding.verdict, Verdict::Failure, "{finding:?}");
            assert_eq!(finding.subject, subject, "{finding:?}");
        }
    }
    let denied = location(&source(), &refused(Kind::AccessDenied));
    assert_eq!(denied.subject.as_str(), "s3:GetBucketLocation");
}

#[test]
fn whether_objects_can_be_read_is_told_by_one_that_is_there() {
    use TriedOn::{Listed, Missing};
    let (may_list, may_not_list) = (Missing { may_list: true }, Missing { may_list: false });
    let denied = || Err(refused(BucketErrorKind::AccessDenied));
    let down = || Err(refused(BucketErrorKind::Unavailable));
    let (ok, warning) = (Some(Verdict::Ok), Some(Verdict::Warning));
    for (on, answer, verdict, said) in [
        (Listed, Ok(true), ok, "can be read"),
        (Listed, Ok(false), ok, "can be read"),
        (Listed, denied(), warning, "no previews"),
        (Listed, down(), warning, "said so"),
        (may_list, Ok(false), ok, "can be read"),
        (may_list, denied(), warning, "cannot be told"),
        (may_not_list, Ok(false), ok, "can be read"),
        (may_not_list, denied(), None, ""),
    ] {
        let finding = get(&source(), "eu-west-1", on, &answer);
        let found = finding.as_ref().map(|finding| finding.verdict);
        assert_eq!(found, verdict, "{on:?} {answer:?}");
        if let Some(finding) = finding {
            assert!(finding.what.contains(said), "{finding:?}");
        }
    }
    let finding = get(&source(), "eu-west-1", Listed, &denied()).expect("it can be told");
    let remedy = remedy(&finding);
    assert!(remedy.contains("arn:aws:s3:::bucket/photos/*"), "{remedy}");
}

#[test]
fn notifications_that_cannot_be_read_are_no_failure() {
    for (kind, subject) in [
        (BucketErrorKind::AccessDenied, "s3:GetBucketNotification"),
        (BucketErrorKind::Refused, "notifications"),
    ] {
        let finding = notifications_unread(&source(), "eu-west-1", &refused(kind));
        assert_eq!(finding.verdict, Verdict::Warning);
        assert_eq!(finding.subject.as_str(), subject);
        let remedy = remedy(&finding);
        let is_of_check = remedy.ends_with("asset-indexer iam-policy --check");
        assert_eq!(is_of_check, subject.starts_with("s3:"), "{remedy}");
    }
}

#[test]
fn resources_are_named_in_their_partition() {
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
fn a_right_to_the_queue_is_missing_only_where_it_is_denied() {
    use QueueErrorKind as Kind;
    let arn = queue_arn("us-gov-west-1", "111122223333", "q");
    for (kind, detail, subject, said) in [
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
        let finding = of_queue(Right::ReceiveMessage, &arn, &Err(error));
        assert_eq!(finding.verdict, Verdict::Failure);
        assert_eq!(finding.subject.as_str(), subject);
        let remedy = remedy(&finding);
        assert!(remedy.contains(said), "{remedy}");
    }
    assert_eq!(
        of_queue(Right::ReceiveMessage, &arn, &Ok(())).verdict,
        Verdict::Ok
    );
}
