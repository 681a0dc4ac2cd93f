//! Which keys of a bucket are asked for.

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
fn what_is_read_lies_in_a_range() {
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
    let missing = |may_list| TriedOn::Missing { may_list };
    for (answers, want, on) in [
        ([none(), none(), one()], "photos/new/a", TriedOn::Listed),
        ([none(), none(), none()], "photos/2024", missing(true)),
        (
            [Err(denied()), Err(denied()), one()],
            "photos/new/a",
            TriedOn::Listed,
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
        let listed: Vec<Listed> = prefixes.zip(answers).collect();
        let (key, tried_on) = to_be_read(&ranges, &listed);
        assert!(key.starts_with(want), "{key} {listed:?}");
        assert_eq!(tried_on, on, "{listed:?}");
    }
}

#[test]
fn so_many_ranges_are_tried_as_can_be_waited_for() {
    let include: Vec<String> = (0..100).map(|number| format!("/{number}/")).collect();
    let many = Source {
        rules: Rules::new(Some(RuleSelection::Paths(include)), None, false).unwrap(),
        ..Source::new("photos", "bucket", "acme")
    };
    assert_eq!(ranges(&many).len(), MAX_RANGES);
    let whole = Source::new("photos", "bucket", "acme");
    assert_eq!(ranges(&whole), [KeyRange::under("")]);
}
