"""The breaks that tests/mutants.py tries.

A break replaces an expression or a statement that occurs exactly once in its file. It must compile next to the
original: `if is_broken { new } else { old }`. If code changes, adapt its break, or remove it together with the
behavior.
"""

from typing import NamedTuple


class Break(NamedTuple):
    name: str
    file: str
    old: str
    new: str
    # A part of the names of the tests of which at least one must fail.
    tests: str


BREAKS = [
    Break(
        "pending_changes_read_too_far",
        "src/index/ledger.rs",
        "interval.up_to(last)",
        "interval.clone()",
        "index::ledger::tests::pages::",
    ),
    Break(
        "page_claimed_before_its_rest",
        "src/index/ledger/page.rs",
        "self.reconcile(page.source, listed_at, &entries[..split], &indexed)?;",
        """self.reconcile(page.source, listed_at, &entries[..split], &indexed)?;
            if let Some(running) = &mut self.state(page.source)?.running {
                running.advance(page.range, page.resume_after.clone(), page.done);
            }""",
        "index::ledger::tests::pages::",
    ),
    Break(
        "page_of_discarded_scan_applied",
        "src/index/ledger/page.rs",
        "state.last_scan != page.scan",
        "false",
        "index::ledger::tests::page_of_a_discarded_scan",
    ),
    Break(
        "folder_not_synced",
        "src/index/tantivy/commit.rs",
        "sync_dir(path)?;",
        "",
        "index::tantivy::commit::",
    ),
    Break(
        "sync_without_effect",
        "src/index/directory.rs",
        "dir.sync_all()",
        "{ drop(dir); Ok(()) }",
        "index::tantivy::commit::",
    ),
    Break(
        "keys_not_compared",
        "src/index/tantivy/keys_query.rs",
        "keys[*index].ukey == ukey",
        "true",
        "index::tantivy::commit::",
    ),
    Break(
        "record_count_not_checked",
        "src/index/tantivy/commit.rs",
        "wrong_count(self.records, self.snapshot.searcher.num_docs())",
        "None::<String>",
        "index::tantivy::commit::",
    ),
    Break(
        "commit_pinned_without_some_files",
        "src/index/tantivy/pinned_commit.rs",
        "pinned.files.iter().all(|file| file.open.is_ok())",
        "pinned.files.iter().any(|file| file.open.is_ok())",
        "index::tantivy::pinned_commit::",
    ),
    Break(
        "damaged_segment_kept",
        "src/index/tantivy/pinned_commit.rs",
        "damages.iter().all(|damage| damage.segment != segment.id())",
        "damages.iter().any(|damage| damage.segment != segment.id())",
        "index::tantivy::pinned_commit::",
    ),
    Break(
        "running_partial_scan_not_doubted",
        "src/index/ledger/events.rs",
        "state.partial_as_of.max(began)",
        "state.partial_as_of",
        "index::ledger::tests::partial_scan::",
    ),
    Break(
        "complete_partial_scan_not_doubted",
        "src/index/ledger/events.rs",
        "state.partial_as_of.max(began)",
        "began",
        "index::ledger::tests::events::event_from_before_new_rules",
    ),
    Break(
        "full_scan_doubted",
        "src/index/ledger/events.rs",
        "state.running.as_ref().filter(|running| running.partial)",
        "state.running.as_ref()",
        "index::ledger::tests::partial_scan::",
    ),
    Break(
        "scan_resumes_every_kind",
        "src/core/replication/scan_mode.rs",
        """match self {
            Self::Resume => !running.partial,
            Self::Fresh => false,
            Self::Partial => running.partial,
        }""",
        "self != Self::Fresh",
        "core::replication::scan_mode::",
    ),
    Break(
        "every_scan_resumes",
        "src/index/ledger/begin.rs",
        "request.mode.resumes(running)",
        "true",
        "index::ledger::tests::partial_scan::",
    ),
    Break(
        "event_answered_before_its_commit",
        "src/index/writer.rs",
        "waiting.add(reply, outcome);\n            Ok(())",
        "send_reply(reply, Ok(outcome))",
        "index::writer::",
    ),
    Break(
        "waiting_events_answered_without_a_commit",
        "src/index/writer.rs",
        "ledger.is_clean()",
        "true",
        "index::writer::",
    ),
    Break(
        "stale_event_answered_at_once",
        "src/index/writer.rs",
        "matches!(outcome, EventOutcome::NeedsLookUp | EventOutcome::NotYet)",
        "!matches!(outcome, EventOutcome::Written)",
        "index::writer::",
    ),
    Break(
        "events_never_due",
        "src/index/writer.rs",
        "waiting.due(ledger.policy().event_interval)",
        "None::<Instant>",
        "index::writer::",
    ),
    Break(
        "no_event_doubted",
        "src/index/ledger/events.rs",
        "record.is_none() && self.is_doubtful(source, &event)?",
        "false",
        "index::ledger::tests::partial_scan::",
    ),
    Break(
        "committed_changes_stay_pending",
        "src/index/ledger.rs",
        "self.pending.clear();",
        "",
        "index::ledger::tests::dry_run_counts",
    ),
    Break(
        "partial_scan_counts_as_full",
        "src/core/replication/source_state.rs",
        "self.partial_as_of = self.partial_as_of.max(running.started);",
        "self.complete_as_of = self.complete_as_of.max(running.started);",
        "core::replication::source_state::",
    ),
    Break(
        "old_page_applied",
        "src/core/replication/order.rs",
        "oldest.is_some_and(|oldest| listed_at < oldest)",
        "false",
        "core::replication::order::tests::",
    ),
    Break(
        "tombstone_purged_by_its_own_scan",
        "src/core/replication/order.rs",
        "scan < watermarks.scan",
        "true",
        "core::replication::order::tests::",
    ),
    Break(
        "merge_publishes_a_failed_commit",
        "src/index/tantivy/writer_directory.rs",
        "written.is_err() && path == Path::new(META)",
        "false",
        "index::tantivy::writer_directory::",
    ),
    Break(
        "first_opstamp_used",
        "src/index/tantivy.rs",
        """skip_opstamp(&writer).map_err(failure::failed_to("open the index for writing"))?;""",
        "",
        "index::tantivy::commit::",
    ),
    Break(
        "deletes_after_adds",
        "src/index/tantivy/commit.rs",
        "!replaced.is_empty()",
        "false",
        "index::tantivy::commit::",
    ),
    Break(
        "message_handled_again_while_in_flight",
        "src/ingest/consumer/in_flight.rs",
        "self.messages.insert(name_of(message), added).is_none()",
        "{ self.messages.insert(name_of(message), added); true }",
        "ingest::consumer::in_flight::",
    ),
    Break(
        "scan_complete_before_its_ranges",
        "src/core/replication/source_state.rs",
        "running.ranges.iter().find(|range| !range.done)",
        "None::<&RangeProgress>",
        "core::replication::source_state::",
    ),
    Break(
        "events_skip_the_rebuild",
        "src/ingest/consumer/handler.rs",
        "&self.rebuild_index",
        "&None::<IndexHandle>",
        "ingest::consumer::handler::",
    ),
    Break(
        "message_done_without_an_answer_of_the_index",
        "src/ingest/consumer/handler.rs",
        "index.apply_events(reports).await?",
        "{ index.note_wired(Vec::new(), String::new()).await?; vec![EventOutcome::Written; reports.len()] }",
        "ingest::consumer::handler::",
    ),
]
