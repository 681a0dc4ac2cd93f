//! Partial scans, which list only the keys that new rules admit in addition to the old ones.

use super::events::{attach, put, report};
use super::*;
use crate::index::tally::Tally;

/// A ledger whose only scan is complete as of 10,000 under old rules. The Source now has new rules, so a partial
/// scan of `b/` is unfinished.
fn with_unfinished_partial_scan() -> (Ledger<TantivyEngine>, Arc<Source>, SourceId) {
    let mut ledger = ledger(false);
    let (old, new) = (source("", &["/a/"]), source("", &["/a/", "/b/"]));
    attach(&mut ledger, &old);
    scan(&mut ledger, &old, &bucket(&[("a/1", 1)]), 10_000);
    let request = AttachRequest {
        source: Arc::clone(&new),
        former: Some(old),
        tally: Arc::new(Tally::default()),
        ranges_in_flight: 4,
    };
    let attached = ledger.attach_single(request).unwrap();
    assert!(attached.state.running.unwrap().partial);
    (ledger, new, attached.id)
}

fn begin_in_mode(
    ledger: &mut Ledger<TantivyEngine>,
    source: &Arc<Source>,
    mode: ScanMode,
) -> ScanPlan {
    let request = ScanRequest {
        source: Arc::clone(source),
        ranges_in_flight: 4,
        mode,
        drift: None,
        queue: None,
        allow_empty: false,
        progress: Arc::default(),
    };
    ledger.begin_scan(request).unwrap()
}

#[test]
fn event_from_before_a_running_partial_scan_is_looked_up_if_the_key_has_no_record() {
    let (mut ledger, source, id) = with_unfinished_partial_scan();
    let plan = begin_in_mode(&mut ledger, &source, ScanMode::Partial);
    let bucket = bucket(&[("a/1", 1), ("b/1", 1)]);
    // The scan has begun, but is not complete.
    assert!(list(
        &mut ledger,
        &plan,
        &source,
        &bucket,
        9,
        50_000,
        usize::MAX
    ));
    for (key, time, want) in [
        // The event of its removal arrived while the key was not admitted.
        ("b/ghost", 30_000, EventOutcome::NeedsLookUp),
        ("b/new", 60_000, EventOutcome::Written),
    ] {
        let outcome = report(&mut ledger, id, key, put(1, time));
        assert_eq!(outcome, want, "{key}");
    }
}

#[test]
fn event_from_before_a_running_full_scan_is_applied() {
    let mut ledger = ledger(false);
    let source = source("", &[]);
    let (attached, _) = attach(&mut ledger, &source);
    let bucket = bucket(&[("a", 1)]);
    scan(&mut ledger, &source, &bucket, 10_000);
    let (plan, _) = begin(&mut ledger, &source, false);
    list(&mut ledger, &plan, &source, &bucket, 9, 50_000, usize::MAX);
    let outcome = report(&mut ledger, attached.id, "b", put(1, 30_000));
    assert_eq!(outcome, EventOutcome::Written);
}

#[test]
fn full_scan_does_not_resume_a_partial_one() {
    let (mut ledger, source, id) = with_unfinished_partial_scan();
    let plan = begin_in_mode(&mut ledger, &source, ScanMode::Resume);
    assert!(!plan.resumed);
    let listed: Vec<&str> = plan.ranges.iter().map(|r| &*r.range.prefix).collect();
    assert_eq!(listed, ["a/", "b/"]);
    assert!(!ledger.state(id).unwrap().running.as_ref().unwrap().partial);
}

#[test]
fn partial_scan_does_not_resume_a_full_one() {
    let mut ledger = ledger(false);
    let source = source("", &[]);
    attach(&mut ledger, &source);
    let all = bucket(&[("a", 1), ("b", 1)]);
    let (plan, _) = begin(&mut ledger, &source, false);
    assert!(!list(&mut ledger, &plan, &source, &all, 1, 1_000, 1));
    let plan = begin_in_mode(&mut ledger, &source, ScanMode::Partial);
    assert!(!plan.resumed && plan.ranges[0].range.after.is_none());
}
