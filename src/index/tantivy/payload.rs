//! The payload of a commit: the checkpoint, and the version of the program that wrote it.
//!
//! Other programs read it too. `schema/README.md` describes its format.

use serde::{Deserialize, Serialize};

use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::source_state::SourceState;
use crate::index::IndexError;

/// The payload as this program writes it.
#[derive(Serialize)]
struct NewPayload<'a> {
    program: &'a str,
    sources: &'a [SourceState],
}

/// The payload as it is read. Old versions of the program did not write `program`.
#[derive(Deserialize)]
struct StoredPayload {
    program: Option<String>,
    sources: Vec<SourceState>,
}

/// Returns the payload for a commit with this checkpoint.
pub fn write(checkpoint: &Checkpoint) -> serde_json::Result<String> {
    let Checkpoint { sources } = checkpoint;
    serde_json::to_string(&NewPayload {
        program: env!("CARGO_PKG_VERSION"),
        sources,
    })
}

/// Parses a payload: the checkpoint, and the version of the program that wrote it, if it says so.
///
/// Without a payload, the checkpoint is the default one.
pub fn read(payload: Option<&str>) -> Result<(Checkpoint, Option<String>), IndexError> {
    let Some(payload) = payload else {
        return Ok((Checkpoint::default(), None));
    };
    let StoredPayload { program, sources } =
        serde_json::from_str(payload).map_err(|error| IndexError::Damaged {
            what: format!("failed to read its checkpoint: {error}"),
        })?;
    Ok((Checkpoint { sources }, program))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::replication::source_state::SourceIdentity;

    #[test]
    fn payload_keeps_checkpoint_and_program_version() {
        let mut checkpoint = Checkpoint::default();
        let identity = SourceIdentity {
            name: "photos",
            subdomain: "acme",
            origin: "aws/bucket",
            prefix: "",
            scope: "",
        };
        checkpoint.register(&identity).unwrap();
        let written = write(&checkpoint).unwrap();
        let version = env!("CARGO_PKG_VERSION").to_owned();
        assert_eq!(read(Some(&written)).unwrap(), (checkpoint, Some(version)));
    }

    #[test]
    fn reads_old_payloads_and_rejects_invalid_ones() {
        assert_eq!(read(None).unwrap(), (Checkpoint::default(), None));
        let old = read(Some(r#"{"sources": []}"#)).unwrap();
        assert_eq!(old, (Checkpoint::default(), None));
        let damaged = read(Some(r#"{"sources": 7}"#)).unwrap_err();
        assert!(damaged.to_string().contains("index is damaged"));
    }
}
