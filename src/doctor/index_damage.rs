//! Asks a running daemon for damage that it has found in its index.
//!
//! Only merges and `index verify` read whole files, so `check` cannot find this damage itself.

use super::finding::{Finding, Subject};
use crate::config::Config;
use crate::observe::status::report::{IndexReport, IndexState};
use crate::serve::control::{ControlAnswer, ControlRequest, send_request};

/// The finding about the damage. `None` if the daemon knows of none, or if no daemon answers.
pub(super) async fn examine(config: &Config) -> Option<Finding> {
    let socket = &config.serve.control_socket;
    let mut answers = send_request(socket, &ControlRequest::Status).await.ok()?;
    match answers.next().await {
        Ok(Some(ControlAnswer::Status(report))) => finding(&report.index),
        _ => None,
    }
}

fn finding(index: &IndexReport) -> Option<Finding> {
    if index.state != IndexState::Degraded {
        return None;
    }
    let reason = index.reason.as_deref().unwrap_or("unknown reason");
    let what = format!("the daemon reports that the index is degraded: {reason}");
    let finding = Finding::failure(Subject::Index, what).remedy("Build a new index");
    Some(finding.command("asset-indexer reindex --rebuild"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_degraded_index_is_a_failure() {
        let index = |state| IndexReport {
            state,
            reason: Some("its file a.term is damaged".to_owned()),
            data_dir: "data".to_owned(),
            bytes: None,
            commit_failures: 0,
            merge_failures: 1,
        };
        for state in [IndexState::Open, IndexState::Opening, IndexState::Failed] {
            assert_eq!(finding(&index(state)), None);
        }
        let found = finding(&index(IndexState::Degraded)).expect("it is damaged");
        assert!(found.what.ends_with("degraded: its file a.term is damaged"));
        let remedy = found.remedy.expect("it can be repaired");
        assert_eq!(remedy.commands, ["asset-indexer reindex --rebuild"]);
    }
}
