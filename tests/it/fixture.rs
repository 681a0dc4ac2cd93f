//! The fixture of most tests: a bucket, a proxy in front of it, and the binary with one Source.

use crate::cli::Cli;
use crate::config::{Config, Source};
use crate::proxy::Proxy;
use crate::s3::Bucket;
use crate::server;

/// The name of the Source.
pub const SOURCE: &str = "assets";

/// A bucket, a proxy in front of it, and the binary with one Source that reads the bucket through the proxy.
pub struct Fixture {
    pub bucket: Bucket,
    pub proxy: Proxy,
    pub config: Config,
    pub cli: Cli,
}

impl Fixture {
    /// Creates a fixture with an empty bucket.
    pub fn new() -> Self {
        let bucket = Bucket::create(server::shared());
        let proxy = Proxy::start(server::shared().address());
        let config = Config::of([Source::of(SOURCE, &bucket, proxy.endpoint())]);
        let cli = Cli::new(&config);
        Self {
            bucket,
            proxy,
            config,
            cli,
        }
    }

    /// Creates a fixture whose bucket has an object under each of these keys.
    pub fn with_keys<K: AsRef<str>>(keys: impl IntoIterator<Item = K>) -> Self {
        let fixture = Self::new();
        fixture.bucket.put_keys(keys);
        fixture
    }

    /// Changes the configuration.
    pub fn configure(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
        self.cli.configure(&self.config);
    }

    /// Changes the Source.
    pub fn change_source(&mut self, change: impl FnOnce(&mut Source)) {
        self.configure(|config| change(&mut config.sources[0]));
    }

    /// Asserts that the index equals the bucket.
    #[track_caller]
    pub fn assert_mirror(&self) {
        self.cli.assert_mirrors(SOURCE, &self.bucket);
    }
}

/// Keys in listing order. Page `n` of a listing starts with number `1000 * n`.
pub fn numbered(numbers: std::ops::Range<usize>) -> impl Iterator<Item = String> {
    numbers.map(|number| format!("photos/{number:05}.jpg"))
}
