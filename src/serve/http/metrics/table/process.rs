//! Metrics of the process: which one it is, whether it is ready, what it takes of the machine.

use super::super::metric::{Metric, Read};
use super::{metric, some};

pub(super) const METRICS: [Metric; 9] = [
    metric(
        "asset_indexer_build_info",
        "Always 1; the version of the program",
        Read::ProcessBy("version", |_| {
            vec![(env!("CARGO_PKG_VERSION"), true.into())]
        }),
    ),
    metric(
        "process_start_time_seconds",
        "When the process began, since 1970",
        Read::Process(|of| some(of.board.started)),
    ),
    metric(
        "asset_indexer_ready",
        "Whether the index is open and every queue has answered or failed",
        Read::Process(|of| some(of.board.is_ready())),
    ),
    metric(
        "asset_indexer_config_reloads_total",
        "Configurations that were read after the first, by whether they were taken over",
        Read::ProcessBy("result", |of| {
            vec![
                ("success", of.board.reloads.get().into()),
                ("failure", of.board.refused_reloads.get().into()),
            ]
        }),
    ),
    metric(
        "asset_indexer_scan_interval_seconds",
        "The configured longest time between two scans of a Source",
        Read::Process(|of| of.reconcile_every.and_then(some)),
    ),
    metric(
        "process_resident_memory_bytes",
        "Memory that the process has in use",
        Read::Process(|of| of.process.resident_bytes.and_then(some)),
    ),
    metric(
        "process_cpu_seconds_total",
        "Processor time that the process has taken",
        Read::Process(|of| of.process.cpu.and_then(some)),
    ),
    metric(
        "process_open_fds",
        "Files, sockets and the like that the process has open",
        Read::Process(|of| of.process.open_files.and_then(some)),
    ),
    metric(
        "process_max_fds",
        "How many files, sockets and the like the process may have open",
        Read::Process(|of| of.process.max_files.and_then(some)),
    ),
];
