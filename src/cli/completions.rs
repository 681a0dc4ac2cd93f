//! Fixes the Bash completions that clap generates.

/// Gives the program one name in the script. clap escapes the hyphen in `asset-indexer` in two different
/// ways, and Bash would then complete only commands and no options.
pub(super) fn with_one_name(script: Vec<u8>) -> Vec<u8> {
    match String::from_utf8(script) {
        Ok(text) => text
            .replace("asset__subcmd__indexer", "asset__indexer")
            .into_bytes(),
        Err(other) => other.into_bytes(),
    }
}
