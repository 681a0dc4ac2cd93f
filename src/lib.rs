//! Keeps a search index that is a true mirror of the assets in S3 buckets.
//!
//! An Asset Manager lets people browse and search the files in their own buckets. For every
//! *Source* (a bucket's folder, credentials, a subdomain, processing rules) this program lists the
//! bucket, keeps the keys that the rules admit, and indexes them in tantivy.
//!
//! # The two ideas that carry it
//!
//! **A listed page is a complete statement about a key interval.** S3 lists keys in byte order, so a
//! page says everything about the interval from the last key of the page before to its own last key.
//! A scan is a merge join of the listing with the indexed keys of the same interval: it yields
//! additions, changes *and removals* at once, writes nothing for an unchanged object, needs memory
//! for a few pages, resumes anywhere, and can never remove what it did not see.
//!
//! **The index is the only state.** Records, tombstones and the checkpoint become durable in one
//! commit. There is no second database to fall out of step with, and `kill -9` is as safe as a clean
//! stop.
//!
//! # The rooms, in reading order
//!
//! | room | what it is |
//! |---|---|
//! | [`core::replication`] | pure: how listings and events become changes; the order of observations; the checkpoint |
//! | [`core::source`] | pure: what a Source is; key and asset path; processing rules |
//! | [`core::query`] | pure: text to words, the query language, what a hit is |
//! | [`aws::credentials::iam`] | pure: what the program must be allowed to do, as policies of IAM |
//! | [`aws::credentials::setup`] | pure: what must be set up for events to reach the queues, as a script or a template |
//! | [`aws::credentials::bucket`] | S3: a lister, its implementation by the AWS SDK, the page decoder |
//! | [`aws::credentials::queue`] | SQS: receive, acknowledge, extend; the implementation by the AWS SDK |
//! | [`aws::credentials`] | credentials to SDK configuration |
//! | [`observe::quarantine`] | messages that cannot be handled, kept on disk for whoever looks into them |
//! | [`index`] | the engine trait, tantivy behind it, and the one thread that writes |
//! | [`search`] | the door for whoever searches: a data directory, opened read-only and followed |
//! | [`observe::status`] | the board: what the daemon is doing, for those who show it |
//! | [`serve::access`] | who may read what: tokens, and what each lets its holder see |
//! | [`serve::connections`] | how many connections there may be, and which gives its place to a newcomer |
//! | [`ingest::scanner`] | one scan: ranges side by side, pages to the index |
//! | [`ingest::consumer`] | one queue: receive, hand to the index, acknowledge what is committed |
//! | [`serve::http`] | over HTTP: searches, the page for people, status and metrics |
//! | [`serve::control`] | the socket by which other commands ask the daemon |
//! | [`ingest::reindex`] | all scans of a one-shot reindex, and which index they write |
//! | [`search::explain`] | what is known of one key, and why search does or does not find it |
//! | [`daemon`] | sessions over one index and one configuration; when Sources are scanned |
//! | [`doctor`] | `check`: what works, what does not, and what to do about it |
//! | [`config`] | what may be written in a file, and what it means |
//! | [`core::human`] | pure: numbers, sizes and keys as people read them |
//! | [`observe::telemetry`] | logs, and spans for a collector |
//! | [`cli`] | the commands |
//!
//! Pure means: no tokio, no AWS, no tantivy, no clock, no environment, never `async`. Imports run one
//! way, `cli → daemon → {reindex, doctor} → {scanner, consumer, http, control} → {status, search, explain, access, places} →
//! {bucket, queue, index, quarantine, wiring} → {query, config, aws, rights} → source → sync`; only `bucket`, `queue` and `aws` name the
//! AWS crates, only `index::tantivy` names tantivy, only `http` names axum. A test reads the `use` lines
//! and holds this.
//!
//! # The three flows
//!
//! 1. scan: [`ingest::scanner`] → [`aws::credentials::bucket::Lister`] (page) → [`core::replication::listing::RangeWalk`] (statement) →
//!    [`core::source::Source::admits`] → [`index::writer`] → [`index::ledger`] ([`core::replication::reconcile`] and
//!    [`core::replication::order`] decide) → commit with the checkpoint
//! 2. event: [`ingest::consumer`] → [`aws::credentials::queue::Queue::receive`] → [`core::replication::notification`] → [`core::source::Source::admits`] →
//!    [`index::writer`] → [`index::ledger`] ([`core::replication::order`] decides) → commit → [`aws::credentials::queue::Queue::acknowledge`]
//! 3. search: [`core::query::Query::parse`]; [`search::SearchIndex::view`] (one commit) → [`index::tantivy::search`] → hits
//!
//! # The daemon
//!
//! Everything that runs over one opened index and one configuration is a session
//! ([`daemon::session`]): a consumer for each queue, a mirror for each Source, which decides by
//! [`core::replication::schedule`] when to scan. A session ends when the process is to stop, when a new configuration
//! takes over, when a rebuild begins or ends, or when the index fails; the next one goes on from the last
//! commit. So a reload, a full
//! disk and a crash all take the one path that must be right anyway. Nothing is in memory that a session
//! could lose: what is not committed is not acknowledged, and comes again.
//!
//! # What always holds
//!
//! - A message is acknowledged only after a commit that holds its effects.
//! - A key leaves the index only by a removal event, or by a page whose interval contains it and that does
//!   not list it as admitted, or because the Source's own configuration has made it wrong.
//! - A listing that failed half-way is never taken for a complete one.
//! - Applying a page or an event twice changes nothing.
//! - All times that put observations in order are S3's ([`core::replication::stamp`]), or where an event's own time
//!   cannot be trusted when SQS took its message in; only of a store that sends no `Date` is our own
//!   clock taken, with a margin. Otherwise our clock measures how long something lasted.
//! - The checkpoint never says more than is true: what becomes doubtful (a scan given up, events that may
//!   be lost, records about to be erased) is committed as unknown before anything relies on it.
//! - Keys are opaque UTF-8 and come back byte for byte.
//! - Every queue, batch, retry and loop has a bound, which is named where it is.
//!
//! The rules, the claim that they make and what it rests on are in [`core::replication::order`]. A model of one key
//! checks them there in every interleaving; a simulation of the whole ledger (`index/ledger/simulation`)
//! checks them with a bucket, a queue, scans, crashes and new rules.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod aws;
pub mod cli;
pub mod config;
pub mod core;
pub mod daemon;
pub mod doctor;
pub mod index;
pub mod ingest;
pub mod observe;
pub mod search;
pub mod serve;
