//! The payload of a commit: the checkpoint, and which program wrote it.
//!
//! Others read it too: `schema/README.md` describes it.

use serde::{Deserialize, Serialize};

use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::source_state::SourceState;
use crate::index::IndexError;

/// As it is written.
#[derive(Serialize)]
struct Written<'a> {
    program: &'a str,
    sources: &'a [SourceState],
}

/// As it is read: programs before this one did not say who they are.
#[derive(Deserialize)]
struct Read {
    program: Option<String>,
    sources: Vec<SourceState>,
}

/// The payload of a commit with this checkpoint.
pub fn write(checkpoint: &Checkpoint) -> serde_json::Result<String> {
    let Checkpoint { sources } = checkpoint;
    serde_json::to_string(&Written {
        program: env!("CARGO_PKG_VERSION"),
        sources,
    })
}

/// The checkpoint of a commit, and the version of the program that wrote it, where that is known; the
/// default checkpoint where there is no payload.
pub fn read(payload: Option<&str>) -> Result<(Checkpoint, Option<String>), IndexError> {
    let Some(payload) = payload else {
        return Ok((Checkpoint::default(), None));
    };
    let Read { program, sources } =
        serde_json::from_str(payload).map_err(|error| IndexError::Damaged {
            what: format!("its checkpoint cannot be read: {error}"),
        })?;
    Ok((Checkpoint { sources }, program))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::replication::source_state::SourceIdentity;

    #[test]
    fn a_payload_comes_back_with_the_version_of_its_program() {
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
    fn a_payload_of_before_is_read_and_one_that_is_none_is_damage() {
        assert_eq!(read(None).unwrap(), (Checkpoint::default(), None));
        let before = read(Some(r#"{"sources": []}"#)).unwrap();
        assert_eq!(before, (Checkpoint::default(), None));
        let damaged = read(Some(r#"{"sources": 7}"#)).unwrap_err();
        assert!(damaged.to_string().contains("index is damaged"));
    }
}
