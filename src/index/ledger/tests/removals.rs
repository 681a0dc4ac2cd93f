//! Large removals: a Source loses more than half of its assets at once.

use super::events::attach;
use super::*;

/// Four assets.
fn four() -> Bucket {
    bucket(&[("a", 1), ("b", 1), ("c.png", 1), ("d.png", 1)])
}

fn indexed_four() -> Ledger<TantivyEngine> {
    let mut ledger = ledger(false);
    scan(&mut ledger, &source("", &[]), &four(), 1_000);
    assert_eq!(noted(&ledger), [""; 0]);
    ledger
}

/// The names of the Sources with a large removal.
fn noted(ledger: &Ledger<TantivyEngine>) -> Vec<String> {
    let all = ledger.large_removals.all().into_iter();
    all.map(|(name, _)| name).collect()
}

/// Scans the bucket. Returns the counters.
fn progress_of_scan(ledger: &mut Ledger<TantivyEngine>, bucket: &Bucket) -> Arc<ScanProgress> {
    let photos = source("", &[]);
    let (plan, progress) = begin(ledger, &photos, true);
    list(ledger, &plan, &photos, bucket, 1, 2_000, usize::MAX);
    complete_scan(ledger, plan.source).unwrap();
    progress
}

#[test]
fn scan_is_a_large_removal_if_it_removes_more_than_half() {
    for (left, lost) in [(2, 0), (1, 3), (0, 4)] {
        let mut ledger = indexed_four();
        let left = four().into_iter().take(left).collect();
        let progress = progress_of_scan(&mut ledger, &left);
        assert_eq!(
            (progress.assets_before.get(), progress.lost_at_once.get()),
            (4, lost)
        );
        assert_eq!(noted(&ledger).len(), usize::from(lost > 0), "{lost}");
    }
}

#[test]
fn dry_run_counts_a_large_removal_but_does_not_note_it() {
    let mut dry = Ledger::new(indexed_four().engine, POLICY, true).unwrap();
    let progress = progress_of_scan(&mut dry, &Bucket::new());
    assert_eq!(progress.lost_at_once.get(), 4);
    assert_eq!(noted(&dry), [""; 0]);
}

#[test]
fn new_rules_are_a_large_removal_if_they_exclude_more_than_half() {
    for (include, is_large) in [("**/*.png", false), ("/a", true)] {
        let mut ledger = indexed_four();
        attach(&mut ledger, &source("", &[include]));
        assert_eq!(noted(&ledger).len(), usize::from(is_large), "{include}");
    }
}

#[test]
fn move_and_missing_configuration_are_large_removals() {
    let mut moved = indexed_four();
    scan(
        &mut moved,
        &source("n/", &[]),
        &bucket(&[("n/1", 1)]),
        2_000,
    );
    assert_eq!(noted(&moved), ["photos"]);
    let mut unconfigured = indexed_four();
    unconfigured.remove_unconfigured(&[]).unwrap();
    assert_eq!(noted(&unconfigured), ["photos"]);
}

#[test]
fn rebuild_is_a_large_removal_if_it_finds_less_than_half() {
    for (left, is_large) in [(2, false), (1, true)] {
        let old = indexed_four();
        let mut new = ledger(false);
        new.inherit(old.checkpoint.bindings_only());
        new.set_previous_index(old.engine).unwrap();
        let left = four().into_iter().take(left).collect();
        let progress = progress_of_scan(&mut new, &left);
        assert_eq!(noted(&new).len(), usize::from(is_large));
        assert_eq!(progress.lost_at_once.get(), if is_large { 3 } else { 0 });
    }
}

#[test]
fn refused_rename_removes_no_record() {
    let mut ledger = ledger(false);
    let photos = source("", &[]);
    let one = bucket(&[("a", 1)]);
    scan(&mut ledger, &photos, &one, 1_000);
    let renamed = Arc::new(Source::new("renamed", "bucket", "photos"));
    let refused = ledger.remove_unconfigured(&[renamed]);
    assert!(matches!(refused, Err(IndexError::Binding(_))));
    assert_eq!(indexed(&ledger), admitted(&photos, &one));
}
