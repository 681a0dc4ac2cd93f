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
            if let (Some(listed), Some(running)) = (&page.listed, &mut self.state(page.source)?.running) {
                running.advance(listed);
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
        "damaged_columns_carried_over",
        "src/index/tantivy/pinned_commit.rs",
        "self.damage(file)?",
        "None::<String>",
        "index::tantivy::pinned_commit::",
    ),
    Break(
        "lost_records_not_counted",
        "src/index/tantivy/pinned_commit.rs",
        "lost += u64::from(segment.num_docs());",
        "",
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
        "move_begins_without_an_asset",
        "src/index/ledger/relocation.rs",
        "page.admitted.is_empty() && relocation.former_assets > 0",
        "false",
        "index::ledger::tests::relocation::",
    ),
    Break(
        "events_lost_during_a_move_count_as_followed",
        "src/index/ledger/attach.rs",
        "self.follow_nothing_after_move(id);",
        "",
        "index::ledger::tests::relocation::",
    ),
    Break(
        "empty_location_needs_no_permission",
        "src/index/ledger/relocation.rs",
        "assets == 0 || relocation.allow_empty",
        "true",
        "index::ledger::tests::relocation::",
    ),
    Break(
        "half_is_a_large_removal",
        "src/index/large_removals.rs",
        "removed > assets / 2",
        "removed >= assets / 2",
        "index::large_removals::",
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
        "merge_copies_damage",
        "src/index/tantivy/writer_directory.rs",
        "self.check(path)?;",
        "",
        "index::tantivy::merge_policy::",
    ),
    Break(
        "failed_merge_repeated_after_each_commit",
        "src/index/tantivy/merge_policy.rs",
        "self.health.may_merge(&name(&segment.id()), now)",
        "true",
        "index::tantivy::merge_policy::",
    ),
    Break(
        "lost_current_file_hides_the_index",
        "src/index/current.rs",
        "known.filter(|known| known.generation.exists())",
        "None::<&CurrentIndex>",
        "index::current::",
    ),
    Break(
        "socket_open_to_others_for_a_moment",
        "src/serve/unix_socket.rs",
        "fchmod(&socket, Mode::from_raw_mode(SOCKET_MODE))?;",
        "",
        "serve::unix_socket::",
    ),
    Break(
        "host_not_required",
        "src/serve/http/host_check.rs",
        "request.version() < Version::HTTP_11",
        "true",
        "serve::http::host_check::",
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
    Break(
        "page_newer_than_the_page_it_continues",
        "src/core/replication/listing.rs",
        "since.min(listed_at)",
        "since.max(listed_at)",
        "core::replication::listing::",
    ),
    Break(
        "page_that_is_not_full_ends_at_its_last_key",
        "src/core/replication/listing.rs",
        "!is_full",
        "false",
        "core::replication::listing::",
    ),
    Break(
        "page_covers_keys_next_to_a_broken_one",
        "src/core/replication/listing.rs",
        "gaps.extend(broken.map(|key| key.position));",
        "drop(broken);",
        "core::replication::listing::",
    ),
    Break(
        "redelivery_of_an_earlier_process_proves_sharing",
        "src/ingest/consumer/sharing.rs",
        "self.complete_since.is_some_and(is_after)",
        "true",
        "ingest::consumer::sharing::",
    ),
    Break(
        "date_far_ahead_used",
        "src/aws/bucket/s3.rs",
        "date.filter(|date| PlausibleTimes::at(local).contains(*date))",
        "date",
        "aws::bucket::s3::",
    ),
    Break(
        "answer_to_another_request_believed",
        "src/aws/bucket/s3.rs",
        "checked.map_err(|error| invalid(error.to_string()))?;",
        "drop(checked);",
        "aws::bucket::s3::",
    ),
    Break(
        "page_listed_again_for_ever",
        "src/core/replication/listing.rs",
        "next.is_some() && next == self.token",
        "false",
        "core::replication::listing::",
    ),
    Break(
        "empty_pages_never_reported",
        "src/core/replication/listing.rs",
        "is_due.then_some(self.empty_pages)",
        "None",
        "core::replication::listing::",
    ),
    Break(
        "forged_sequencer_hides_a_key_for_good",
        "src/core/replication/order.rs",
        "shown_at.is_some_and(|shown_at| time > shown_at.plus(SEQUENCER_MARGIN))",
        "false",
        "core::replication::order::tests::",
    ),
    Break(
        "forged_sequencer_hides_a_key_for_a_minute",
        "src/core/replication/order.rs",
        "reason == Some(SkipReason::SequencerNotAbove) && shown_at.is_some_and(|shown| time > shown)",
        "false",
        "core::replication::order::tests::",
    ),
    Break(
        "contradicting_event_not_looked_up",
        "src/index/ledger/events.rs",
        """order::contradicts_sequencers(
                    record.as_ref(),
                    event.time,
                    Some(&event.sequencer),
                    &watermarks,
                )""",
        "false",
        "index::ledger::tests::events::",
    ),
    Break(
        "sequencers_of_minio_compared",
        "src/core/replication/notification/s3_records.rs",
        "!server.has_ordered_sequencers",
        "false",
        "core::replication::notification::",
    ),
    Break(
        "refused_rename_removes_the_assets",
        "src/index/ledger/unconfigured.rs",
        """self
            .checkpoint
            .unconfigured(names_and_subdomains)?""",
        """self
            .checkpoint
            .sources
            .iter()
            .filter(|state| configured.iter().all(|source| source.name != state.name))
            .collect::<Vec<_>>()""",
        "index::ledger::tests::",
    ),
    Break(
        "outage_ends_with_any_success",
        "src/core/outage.rs",
        "now - last_failure >= CALM",
        "true",
        "core::outage::",
    ),
    Break(
        "secret_readable_by_any_group",
        "src/secrets/file.rs",
        "group_reads && !groups.contains(&file.gid())",
        "false",
        "secrets::file::",
    ),
    Break(
        "time_in_the_future_plausible",
        "src/core/replication/plausible.rs",
        "time <= self.latest",
        "true",
        "core::replication::plausible::",
    ),
    Break(
        "states_in_the_future_kept",
        "src/index/ledger/heal.rs",
        "times.heal_state(state)",
        "false",
        "index::ledger::tests::heal::",
    ),
    Break(
        "records_in_the_future_kept",
        "src/index/ledger/heal.rs",
        "times.heal_record(&record).unwrap_or(record)",
        "record",
        "index::ledger::tests::heal::",
    ),
    Break(
        "merge_publishes_a_commit_that_was_not_synced",
        "src/index/tantivy/writer_directory.rs",
        "synced.is_err()",
        "false",
        "index::tantivy::writer_directory::",
    ),
    Break(
        "doubled_keys_opened",
        "src/index/tantivy.rs",
        "engine.check_keys()?;",
        "",
        "index::tantivy::commit::",
    ),
    Break(
        "half_of_the_hash_compared",
        "src/index/tantivy/keys_query.rs",
        "high.first(found.doc()) == Some(key.hash.high)",
        "true",
        "index::tantivy::commit::",
    ),
]
