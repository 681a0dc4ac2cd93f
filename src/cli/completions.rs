//! What is wrong in the completions that clap generates.

/// The script, with one name for the program in Bash: clap takes a hyphen in it for two levels in one place and
/// for one in the other, so that nothing but commands was completed.
pub(super) fn mended(script: Vec<u8>) -> Vec<u8> {
    match String::from_utf8(script) {
        Ok(text) => text
            .replace("asset__subcmd__indexer", "asset__indexer")
            .into_bytes(),
        Err(other) => other.into_bytes(),
    }
}
