//! Tests which keys and ranges of a bucket are requested.

use super::*;
use crate::core::source::Rules;
use crate::core::source::rules::RuleSelection;

fn denied() -> BucketError {
    BucketError {
        operation: String::new(),
        action: "s3:ListBucket",
        cause: AttemptError::new(BucketErrorKind::AccessDenied, ""),
        attempts: 1,
    }
}

#[test]
fn reads_a_key_in_a_listed_range() {
    let include = Some(RuleSelection::Paths(vec![
        "/2024".to_owned(),
        "/new/".to_owned(),
    ]));
    let source = Source {
        prefix: "photos/".into(),
        rules: Rules::new(include, None, false).unwrap(),
        ..Source::new("photos", "bucket", "acme")
    };
    let ranges = ranges(&source);
    let none = || Ok(None);
    let one = || Ok(Some("photos/new/a".to_owned()));
    let missing = |may_list| TestedKey::Missing { may_list };
    for (results, want, tested) in [
        ([none(), none(), one()], "photos/new/a", TestedKey::Listed),
        ([none(), none(), none()], "photos/2024", missing(true)),
        (
            [Err(denied()), Err(denied()), one()],
            "photos/new/a",
            TestedKey::Listed,
        ),
        (
            [Err(denied()), none(), none()],
            "photos/2024/.asset-indexer",
            missing(true),
        ),
        (
            [Err(denied()), Err(denied()), Err(denied())],
            "photos/2024",
            missing(false),
        ),
    ] {
        let prefixes = ranges.iter().map(|range| range.prefix.clone());
        let listed: Vec<RangeListing> = prefixes.zip(results).collect();
        let (key, tested_key) = object_to_read(&ranges, &listed);
        assert!(key.starts_with(want), "{key} {listed:?}");
        assert_eq!(tested_key, tested, "{listed:?}");
    }
}

#[test]
fn lists_a_bounded_number_of_ranges() {
    let include: Vec<String> = (0..100).map(|number| format!("/{number}/")).collect();
    let many = Source {
        rules: Rules::new(Some(RuleSelection::Paths(include)), None, false).unwrap(),
        ..Source::new("photos", "bucket", "acme")
    };
    assert_eq!(ranges(&many).len(), MAX_RANGES);
    let whole = Source::new("photos", "bucket", "acme");
    assert_eq!(ranges(&whole), [KeyRange::under("")]);
}
