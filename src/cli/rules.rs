//! `rules test`: shows whether paths are admitted and which rule decides. It sends no request.

use super::Failure;
use super::text::{printable, say};
use crate::config::Config;
use crate::core::source::Source;

/// Test the rules of Sources
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show for each asset path whether it is admitted, and which rule decides
    ///
    /// A path that ends in / means an empty folder marker. No request is sent.
    Test {
        /// Test only the rules of this Source; repeat it for more
        #[arg(long, value_name = "NAME")]
        source: Vec<String>,
        /// Asset paths: keys without the Source's prefix; the leading / is optional
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<String>,
    },
}

/// Runs the command.
pub(super) fn run(command: &Command, config: &Config) -> Result<(), Failure> {
    let Command::Test { source, paths } = command;
    for known in config.choose(source)? {
        for path in paths {
            let name = match config.sources.len() {
                1 => String::new(),
                _ => format!("{}: ", known.name),
            };
            say!("{name}{}: {}", printable(path), verdict(known, path));
        }
    }
    Ok(())
}

fn verdict(source: &Source, path: &str) -> String {
    let with_slash = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    let Some(key) = source.key_of(&with_slash) else {
        return "not an asset path".to_owned();
    };
    let size = u64::from(!path.ends_with('/'));
    source.decide(&key, size).to_string()
}
