//! Tests that a client with few searches does not wait for the searches that others have queued.
//!
//! It compares orders and not times. With `--nocapture` it also prints the times.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::access::{new_token, serve_read_only};
use crate::bucket::ComputedBucket;
use crate::cli::Cli;
use crate::config::Config;
use crate::http_client::send;

/// Number of assets. A heavy search reads all of them.
const ASSETS: u64 = 30_000;
/// Number of clients that always have a heavy search in flight.
const HEAVY_CLIENTS: usize = 24;
/// Number of searches of the other client.
const LIGHT_SEARCHES: usize = 25;
/// Maximum number of heavy searches that may end during a light one, at the median: those that were running, and
/// some whose response is on its way. With one queue for all clients, about 22 would end.
const MAX_OVERTAKEN_BY: usize = 8;
/// Maximum time until each heavy client has its first response.
const DEADLINE: Duration = Duration::from_secs(120);
/// Time between two looks.
const POLL: Duration = Duration::from_millis(5);

const HEAVY: &str =
    "/v1/search?q=path:/**/*0*a*&facets=type,ext,storage,size,month,folder&limit=1000&sort=-size";
const LIGHT: &str = "/v1/search?q=nothing-has-this-name&exact=true";

/// Sends the search, and returns how long it took.
fn search(address: &str, token: &str, path: &str) -> Duration {
    let authorization = format!("Authorization: Bearer {token}");
    let started = Instant::now();
    let response = send(address, "GET", path, &[&authorization]);
    assert_eq!(response.status, 200, "{}", response.text());
    started.elapsed()
}

fn median<T: Ord + Copy>(mut values: Vec<T>) -> T {
    values.sort_unstable();
    values[values.len() / 2]
}

#[test]
fn light_client_overtakes_the_queued_searches_of_heavy_ones() {
    let bucket = ComputedBucket::start(ASSETS, |_| None);
    let cli = Cli::new(&Config::of([]));
    cli.configure_with(&format!(
        "{}\n[serve]\nlisten = \"127.0.0.1:0\"\ntokens = \"tokens\"\n\n\
         [search]\nconcurrent_searches = 2\ntimeout_ms = 60_000\n",
        bucket.config(&cli.data_dir())
    ));
    cli.reindex();
    let token = |name: String| new_token(&cli, &name, &["--all-sources"]);
    let light = token("light".to_owned());
    let heavy: Vec<String> = (0..HEAVY_CLIENTS)
        .map(|number| token(format!("heavy-{number}")))
        .collect();
    let (server, address) = serve_read_only(&cli);
    let (stop, completed) = (AtomicBool::new(false), AtomicUsize::new(0));
    let with_response = AtomicUsize::new(0);
    let mut times = Vec::new();
    let mut overtaken_by = Vec::new();
    let heavy_times = thread::scope(|scope| {
        let clients = heavy.iter().map(|token| {
            let (address, stop, completed) = (&address, &stop, &completed);
            let with_response = &with_response;
            scope.spawn(move || {
                let mut times = vec![search(address, token, HEAVY)];
                with_response.fetch_add(1, Ordering::SeqCst);
                while !stop.load(Ordering::SeqCst) {
                    times.push(search(address, token, HEAVY));
                    completed.fetch_add(1, Ordering::SeqCst);
                }
                times
            })
        });
        let clients: Vec<_> = clients.collect();
        let deadline = Instant::now() + DEADLINE;
        // Nobody can know which clients are heavy before that.
        while with_response.load(Ordering::SeqCst) < HEAVY_CLIENTS && Instant::now() < deadline {
            thread::park_timeout(POLL);
        }
        for _ in 0..LIGHT_SEARCHES {
            let before = completed.load(Ordering::SeqCst);
            times.push(search(&address, &light, LIGHT));
            overtaken_by.push(completed.load(Ordering::SeqCst) - before);
        }
        stop.store(true, Ordering::SeqCst);
        let times = clients.into_iter().flat_map(|client| {
            let times = client.join();
            times.expect("the searches succeed")
        });
        times.collect::<Vec<_>>()
    });
    println!(
        "{HEAVY_CLIENTS} heavy clients: {:?} at the median; a light one: {:?}. {} heavy searches end during a light one",
        median(heavy_times),
        median(times),
        median(overtaken_by.clone())
    );
    let median = median(overtaken_by.clone());
    assert!(median <= MAX_OVERTAKEN_BY, "{overtaken_by:?}");
    server.terminate();
}
