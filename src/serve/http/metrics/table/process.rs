//! Metrics of the process: version, readiness, and use of memory, CPU and files.

use super::super::metric::{Metric, Reader};
use super::{metric, some};
use crate::observe::build_info;

pub(super) const METRICS: [Metric; 9] = [
    metric(
        "asset_indexer_build_info",
        "Version of the program, and commit and date it was built from, as labels. The value is always 1",
        Reader::Info(&[
            ("version", build_info::VERSION),
            ("commit", build_info::COMMIT),
            ("commit_date", build_info::COMMIT_DATE),
        ]),
    ),
    metric(
        "process_start_time_seconds",
        "Start time of the process",
        Reader::Process(|scrape| some(scrape.board.started)),
    ),
    metric(
        "asset_indexer_ready",
        "1 if the index is open and every queue has answered or failed",
        Reader::Process(|scrape| some(scrape.board.is_ready())),
    ),
    metric(
        "asset_indexer_config_reloads_total",
        "Configuration reloads, by result",
        Reader::ProcessBy("result", |scrape| {
            vec![
                ("success", scrape.board.reloads.get().into()),
                ("failure", scrape.board.refused_reloads.get().into()),
            ]
        }),
    ),
    metric(
        "asset_indexer_panics_total",
        "Panics of threads and tasks",
        Reader::Process(|scrape| some(scrape.process.panics)),
    ),
    metric(
        "process_resident_memory_bytes",
        "Resident memory of the process",
        Reader::Process(|scrape| scrape.process.resident_bytes.and_then(some)),
    ),
    metric(
        "process_cpu_seconds_total",
        "CPU time used by the process",
        Reader::Process(|scrape| scrape.process.cpu.and_then(some)),
    ),
    metric(
        "process_open_fds",
        "Open file descriptors, including sockets",
        Reader::Process(|scrape| scrape.process.open_files.and_then(some)),
    ),
    metric(
        "process_max_fds",
        "Maximum number of open file descriptors",
        Reader::Process(|scrape| scrape.process.max_files.and_then(some)),
    ),
];
