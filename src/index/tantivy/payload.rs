//! The payload of a commit: the checkpoint, the number of records, and the version of the program that wrote it.
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
    records: u64,
    sources: &'a [SourceState],
}

/// The payload as it is read. Old versions of the program did not write `program` and `records`.
#[derive(Deserialize)]
struct StoredPayload {
    program: Option<String>,
    records: Option<u64>,
    sources: Vec<SourceState>,
}

/// The contents of a payload.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Payload {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// How many records the index holds, tombstones included. `None` in commits of old versions of the program.
    pub records: Option<u64>,
    /// The version of the program that wrote the commit. `None` in commits of old versions of the program.
    pub program: Option<String>,
}

impl Payload {
    /// Returns the text of a payload for a commit.
    pub fn text(checkpoint: &Checkpoint, records: u64) -> serde_json::Result<String> {
        let Checkpoint { sources } = checkpoint;
        serde_json::to_string(&NewPayload {
            program: env!("CARGO_PKG_VERSION"),
            records,
            sources,
        })
    }

    /// Parses a payload. Without a payload, the checkpoint is the default one.
    pub fn read(text: Option<&str>) -> Result<Self, IndexError> {
        let Some(text) = text else {
            return Ok(Self::default());
        };
        let StoredPayload {
            program,
            records,
            sources,
        } = serde_json::from_str(text).map_err(|error| IndexError::Damaged {
            what: format!("failed to read its checkpoint: {error}"),
        })?;
        Ok(Self {
            checkpoint: Checkpoint { sources },
            records,
            program,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::replication::source_state::SourceIdentity;

    #[test]
    fn payload_keeps_checkpoint_records_and_program_version() {
        let mut checkpoint = Checkpoint::default();
        let identity = SourceIdentity {
            name: "photos",
            subdomain: "acme",
            origin: "aws/bucket",
            prefix: "",
            scope: "",
        };
        checkpoint.register(&identity).unwrap();
        let written = Payload::text(&checkpoint, 7).unwrap();
        let expected = Payload {
            checkpoint,
            records: Some(7),
            program: Some(env!("CARGO_PKG_VERSION").to_owned()),
        };
        assert_eq!(Payload::read(Some(&written)).unwrap(), expected);
    }

    #[test]
    fn reads_old_payloads_and_rejects_invalid_ones() {
        assert_eq!(Payload::read(None).unwrap(), Payload::default());
        let old = Payload::read(Some(r#"{"sources": []}"#)).unwrap();
        assert_eq!(old, Payload::default());
        let damaged = Payload::read(Some(r#"{"sources": 7}"#)).unwrap_err();
        assert!(damaged.to_string().contains("index is damaged"));
    }
}
