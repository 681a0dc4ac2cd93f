//! `rules test`: whether paths are admitted, and by which rule; no bucket is asked.

use super::text::printable;
use super::{Failure, unknown_source};
use crate::config::Config;
use crate::source::Source;

/// Try the rules of Sources
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Tell for each asset path whether it is admitted, and by which rule
    ///
    /// A path that ends in / stands for an empty folder marker. No bucket is asked.
    Test {
        /// Try the rules of this Source alone; may be given several times
        #[arg(long, value_name = "NAME")]
        source: Vec<String>,
        /// Asset paths: the keys without the Source's prefix; a / in front may be left out
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<String>,
    },
}

/// Runs the command.
pub fn run(command: &Command, config: &Config) -> Result<(), Failure> {
    let Command::Test { source, paths } = command;
    let is_known = |name: &&String| config.sources.iter().any(|known| known.name == **name);
    if let Some(unknown) = source.iter().find(|name| !is_known(name)) {
        return Err(unknown_source(unknown, config));
    }
    let is_chosen = |known: &&_| chosen(known, source);
    for known in config
        .sources
        .iter()
        .map(|known| &**known)
        .filter(is_chosen)
    {
        for path in paths {
            let name = match config.sources.len() {
                1 => String::new(),
                _ => format!("{}: ", known.name),
            };
            println!("{name}{}: {}", printable(path), verdict(known, path));
        }
    }
    Ok(())
}

fn chosen(source: &Source, names: &[String]) -> bool {
    names.is_empty() || names.contains(&source.name)
}

fn verdict(source: &Source, path: &str) -> String {
    let with_slash = match path.starts_with('/') {
        true => path.to_owned(),
        false => format!("/{path}"),
    };
    let Some(key) = source.key_of(&with_slash) else {
        return "not an asset path".to_owned();
    };
    let size = u64::from(!path.ends_with('/'));
    source.decide(&key, size).to_string()
}
