//! Integration tests: the real binary against a real S3-compatible server, over HTTP.
//!
//! The first group of modules are the tools of the tests, the second group are the tests by subject. Unit
//! tests are next to the code in `src/`.

#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a failed unwrap reports that the setup of a test broke, and a test binary exports nothing"
)]

#[path = "../bench/bucket.rs"]
mod bucket;
mod cli;
mod clients;
#[path = "../bench/queue.rs"]
mod computed_queue;
mod config;
mod container;
mod daemon;
mod deb;
mod examined;
mod fake_queue;
mod fixture;
mod http_client;
#[path = "../bench/http_server.rs"]
mod http_server;
mod index;
mod live_fixture;
mod machine;
mod managed;
mod managed_api;
mod managed_drafts;
mod messages;
#[path = "../bench/mixed.rs"]
mod mixed;
#[path = "../../src/serve/http/api/openapi/check.rs"]
mod openapi_check;
mod prometheus;
mod proxy;
mod s3;
mod server;
mod sqs;
mod terminal;
#[path = "../bench/watch.rs"]
mod watch;

mod access;
mod access_listen;
mod access_write;
mod architecture;
mod build_script;
mod check;
mod check_machine;
mod check_permissions;
mod check_queue;
mod completions;
mod consumer;
mod credentials;
mod demo;
mod explain;
mod fairness;
mod generated_clients;
mod harness;
mod http_api;
mod iam_policy;
mod index_compact;
mod index_current;
mod index_damage;
mod index_export;
mod index_info;
mod index_upgrade;
mod large_removals;
mod live;
mod live_changes;
mod live_clock;
mod live_config;
mod live_control;
mod live_deploy;
mod live_disk;
mod live_kill;
mod live_order;
mod live_outage;
mod live_queue;
mod live_scan;
mod live_shared_queue;
mod many_sources;
mod memory;
mod mirror;
mod network;
mod open_files;
mod package;
mod page;
mod page_pictures;
mod page_status;
mod permissions;
mod quarantine;
mod queue;
mod readme;
mod rebuild;
mod regions;
mod relocation;
mod rules;
mod run_script;
mod runbook;
mod scan_changes;
mod scan_faults;
mod scan_keys;
mod scan_parallel;
mod scan_ranges;
mod scan_refused;
mod scan_resume;
mod schema;
mod search;
mod search_library;
mod setup;
mod source_dialog;
mod source_test;
mod sources;
mod stolen_folder;
mod systemd;
mod systemd_daemon;
mod telemetry;
mod telemetry_alerts;
mod telemetry_otlp;
mod telemetry_secrets;
mod unconfigured;
mod unusable_keys;
