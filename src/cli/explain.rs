//! `explain`: shows what is known about one key, and why search does or does not find it.

use std::path::Path;
use std::sync::Arc;

use super::text::{printable, say, size};
use super::{FAILED, Failure, MISUSED, completions};
use crate::aws::bucket::LazyBucket;
use crate::aws::credentials::is_unreadable_here;
use crate::config::Config;
use crate::core::json;
use crate::core::query::hit::rfc3339;
use crate::core::replication::notification::{KeyEncoding, decode_key};
use crate::core::replication::timestamp::Timestamp;
use crate::core::source::Source;
use crate::index::IndexError;
use crate::index::current::open_current;
use crate::index::deadline::Deadline;
use crate::index::directory::DataDir;
use crate::index::tantivy::schema::SCHEMA_VERSION;
use crate::search::explain::explanation::{IndexedContent, ObjectDetails, RecordDetails};
use crate::search::explain::{
    BucketState, Explanation, IndexState, IndexedSource, Verdict, verdict,
};
use crate::search::explain::{bucket_state, explain, index_state};
use crate::serve::control::{ControlAnswer, ControlRequest, send_request};

/// Maximum number of attempts for a request. Few, because the user waits for the result.
const ATTEMPTS: u32 = 2;

/// Explain why a key is or is not searchable
///
/// Shows what the rules say about the key, what the bucket has under it now, what the index has, and the
/// conclusion.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Name of the Source
    #[arg(add = completions::sources())]
    source: String,
    /// The asset, in quotes: its asset path, key, s3:// URI, ARN, or its URL in the bucket or for users
    #[arg(allow_hyphen_values = true)]
    asset: String,
    /// The asset is a key that is encoded as in S3 events: + for a space, % and two hex digits for a byte
    #[arg(long)]
    encoded: bool,
    /// Send no request to the bucket
    #[arg(long)]
    offline: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) async fn run(arguments: &Arguments, config: &Config) -> Result<(), Failure> {
    let sources = config.choose(std::slice::from_ref(&arguments.source))?;
    let mut result = Ok(());
    for source in sources {
        let key = key(arguments, source).map_err(|error| Failure::Error(MISUSED, error))?;
        // The credentials may not allow listing keys outside the Source.
        let may_list = !arguments.offline && source.asset_path(&key).is_some();
        let bucket = if may_list {
            look_up(config, source, &key).await
        } else {
            BucketState::NotLookedUp
        };
        let index = read_index(config, source, &key);
        let index = index.unwrap_or_else(|error| IndexState::Failed {
            error: error.to_string(),
        });
        let explanation = explain(source, &key, bucket, index);
        show(&explanation, arguments.json)?;
        if has_failed(&explanation) {
            result = Err(Failure::Silent(FAILED));
        }
    }
    result
}

/// Looks the key up in the bucket. If only the daemon can read the secret, the daemon does it.
async fn look_up(config: &Config, source: &Arc<Source>, key: &str) -> BucketState {
    if is_unreadable_here(source)
        && let Some(state) = look_up_by_daemon(&config.serve.control_socket, source, key).await
    {
        return state;
    }
    bucket_state(&LazyBucket::new(Arc::clone(source), ATTEMPTS), key).await
}

/// `None` if no daemon answers.
async fn look_up_by_daemon(socket: &Path, source: &Source, key: &str) -> Option<BucketState> {
    let request = ControlRequest::LookUp {
        source: source.name.clone(),
        key: key.to_owned(),
    };
    let mut answers = send_request(socket, &request).await.ok()?;
    let Ok(Some(ControlAnswer::LookedUp(found))) = answers.next().await else {
        return None;
    };
    Some(match found {
        Ok(Some(object)) => BucketState::Present(ObjectDetails {
            size: object.size,
            etag: object.etag,
            last_modified: Timestamp::from_millis(object.last_modified),
            storage_class: object.storage_class,
        }),
        Ok(None) => BucketState::Absent,
        Err(error) => BucketState::Failed { error },
    })
}

fn key(arguments: &Arguments, source: &Source) -> anyhow::Result<String> {
    let text = &arguments.asset;
    let (key, encoding) = if arguments.encoded {
        (text.clone(), KeyEncoding::Form)
    } else {
        (source.key_of_reference(text)?, KeyEncoding::Plain)
    };
    decode_key(&key, encoding).map_err(|error| anyhow::Error::from(error).context("KEY"))
}

fn read_index(config: &Config, source: &Source, key: &str) -> Result<IndexState, IndexError> {
    let engine = open_current(&DataDir::new(&config.data_dir, SCHEMA_VERSION))?;
    match engine {
        None => Ok(IndexState::NoIndex),
        Some(engine) => index_state(
            &engine,
            source,
            key,
            config.scan.interval_of(source),
            &Deadline::never(),
        ),
    }
}

fn has_failed(explanation: &Explanation) -> bool {
    matches!(explanation.bucket, BucketState::Failed { .. })
        || matches!(explanation.index, IndexState::Failed { .. })
}

/// The output of `--json`.
#[derive(serde::Serialize)]
struct Explained<'a> {
    #[serde(rename = "facts")]
    explanation: &'a Explanation,
    searchable: Option<bool>,
    verdict: String,
}

fn show(explanation: &Explanation, json: bool) -> anyhow::Result<()> {
    let verdict = verdict(explanation);
    if !json {
        for (subject, what) in lines(explanation, &verdict) {
            say!("{subject:<9} {}", printable(&what));
        }
        return Ok(());
    }
    let explained = Explained {
        explanation,
        searchable: verdict.is_searchable(),
        verdict: verdict.to_string(),
    };
    say!("{}", json::to_line(&explained)?);
    Ok(())
}

/// The lines to print: a label and a text each.
fn lines(explanation: &Explanation, verdict: &Verdict) -> Vec<(&'static str, String)> {
    let outside = || "none: the key is not under the Source's prefix".to_owned();
    let source = if explanation.enabled {
        explanation.source.clone()
    } else {
        format!("{} (disabled)", explanation.source)
    };
    let mut lines = vec![
        ("Source", source),
        ("key", explanation.key.clone()),
        ("path", explanation.path.clone().unwrap_or_else(outside)),
        ("URL", explanation.url.clone().unwrap_or_else(outside)),
        ("rules", explanation.rule.clone()),
    ];
    lines.extend(explanation.near_miss.clone().map(|it| ("", it)));
    lines.push(("bucket", bucket_text(&explanation.bucket)));
    match &explanation.index {
        IndexState::NoIndex => lines.push(("index", "no index yet".to_owned())),
        IndexState::Failed { error } => lines.push(("index", format!("FAILED: {error}"))),
        IndexState::UnknownSource => {
            lines.push(("index", "no record of this Source yet".to_owned()));
        }
        IndexState::Known(known) => {
            lines.push(("index", record(known.record.as_ref())));
            lines.extend(known.record.as_ref().map(|it| ("", observations(it))));
            lines.extend(known.look_alike.as_ref().map(|key| ("", look_alike(key))));
            lines.push(("scans", scans(known)));
            lines.extend(mismatches(known).map(|mismatch| ("", mismatch)));
        }
    }
    lines.push(("verdict", verdict.to_string()));
    lines
}

fn bucket_text(bucket: &BucketState) -> String {
    match bucket {
        BucketState::NotLookedUp => "not looked up".to_owned(),
        BucketState::Failed { error } => format!("FAILED: {error}"),
        BucketState::Absent => "nothing".to_owned(),
        BucketState::Present(it) => object(it),
    }
}

fn object(object: &ObjectDetails) -> String {
    let bytes = match object.size {
        0..1000 => size(object.size),
        long => format!("{} ({long} bytes)", size(long)),
    };
    let etag = object.etag.as_deref().unwrap_or("none");
    let (modified, class) = (rfc3339(object.last_modified), &object.storage_class);
    format!("{bytes}, ETag {etag}, modified {modified}, {class}")
}

fn record(record: Option<&RecordDetails>) -> String {
    match record.map(|record| &record.content) {
        None => "nothing".to_owned(),
        Some(IndexedContent::Live { object: it, .. }) => object(it),
        Some(IndexedContent::Tombstone { scan }) => {
            format!("removed; a tombstone rejects late events (since scan {scan})")
        }
    }
}

fn look_alike(key: &str) -> String {
    let key = key.escape_default();
    format!("the asset \"{key}\" looks the same, but its name consists of other characters")
}

/// The times at which the key was observed.
fn observations(record: &RecordDetails) -> String {
    let first_seen = match record.content {
        IndexedContent::Live { first_seen, .. } => Some(first_seen),
        IndexedContent::Tombstone { .. } => None,
    };
    let time = |what: &str, stamp: Option<Timestamp>| Some(format!("{what} {}", rfc3339(stamp?)));
    let sequencer = record.sequencer.as_ref();
    let parts = [
        time("first seen", first_seen),
        time("listed", record.listed_at),
        time("event of", record.event_time),
        sequencer.map(|digits| format!("sequencer {digits}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn scans(known: &IndexedSource) -> String {
    let complete = match known.complete_as_of {
        None => "no scan has completed yet".to_owned(),
        Some(as_of) => format!("complete as of {}", rfc3339(as_of)),
    };
    let Some(scan) = &known.scan else {
        return complete;
    };
    let since = match scan.started {
        Some(started) => format!("since {}", rfc3339(started)),
        None => "no page yet".to_owned(),
    };
    let key = if scan.has_key_ahead {
        "has not listed this key yet"
    } else {
        "is past this key"
    };
    let number = scan.number;
    format!("{complete}; scan {number} is unfinished ({since}) and {key}")
}

/// Reasons why the records do not match the configuration.
fn mismatches(known: &IndexedSource) -> impl Iterator<Item = String> {
    let place = known.other_location.as_ref().map(|place| {
        let (origin, prefix) = (&place.origin, &place.prefix);
        format!("the records belong to {origin}, prefix {prefix:?}")
    });
    let rules = known.other_rules && known.other_location.is_none();
    let rules = rules.then(|| "the records were selected by earlier rules".to_owned());
    place.into_iter().chain(rules)
}
