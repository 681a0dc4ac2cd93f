//! The report of all findings, as `check --json` prints it.
//!
//! Programs read it, so the names of the fields must not change.

use serde::{Deserialize, Serialize};

use super::finding::{Finding, Verdict};

/// The findings about one Source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SourceFindings {
    /// The name of the Source.
    pub name: String,
    /// The findings, in the order of the tests.
    pub findings: Vec<Finding>,
}

/// All findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Report {
    /// The version of this program.
    pub version: &'static str,
    /// The worst verdict of all findings.
    pub verdict: Verdict,
    /// The number of findings of each verdict.
    pub counts: Counts,
    /// The findings about this machine, the configuration and the index.
    pub machine: Vec<Finding>,
    /// The findings about each Source, in the order of the configuration.
    pub sources: Vec<SourceFindings>,
}

/// The number of findings of each verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Findings with the verdict [`Verdict::Ok`].
    pub ok: usize,
    /// Findings with the verdict [`Verdict::Warning`].
    pub warning: usize,
    /// Findings with the verdict [`Verdict::Failure`].
    pub failure: usize,
}

impl Report {
    /// Counts the findings and finds the worst verdict.
    pub(crate) fn new(machine: Vec<Finding>, sources: Vec<SourceFindings>) -> Self {
        let source_findings = sources.iter().flat_map(|source| &source.findings);
        let (mut verdict, mut counts) = (Verdict::Ok, Counts::default());
        for finding in machine.iter().chain(source_findings) {
            verdict = verdict.max(finding.verdict);
            match finding.verdict {
                Verdict::Ok => counts.ok += 1,
                Verdict::Warning => counts.warning += 1,
                Verdict::Failure => counts.failure += 1,
            }
        }
        Self {
            version: env!("CARGO_PKG_VERSION"),
            verdict,
            counts,
            machine,
            sources,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::{IamAction, Subject};
    use super::*;

    #[test]
    fn verdict_is_the_worst_of_all_findings() {
        let (ok, warning, failure) = (Finding::ok, Finding::warning, Finding::failure);
        let of = |machine: Finding, source: Finding| {
            let source = SourceFindings {
                name: "photos".into(),
                findings: vec![source],
            };
            Report::new(vec![machine], vec![source]).verdict
        };
        let disk = Subject::Disk;
        assert_eq!(of(ok(disk, ""), ok(disk, "")), Verdict::Ok);
        assert_eq!(of(ok(disk, ""), warning(disk, "")), Verdict::Warning);
        assert_eq!(of(failure(disk, ""), warning(disk, "")), Verdict::Failure);
        assert_eq!(of(warning(disk, ""), failure(disk, "")), Verdict::Failure);
    }

    #[test]
    fn json_has_a_fixed_shape() {
        let subject = Subject::IamAction(IamAction::ListBucket);
        let denied = Finding::failure(subject, "denied\u{1b}[2J").remedy("allow it");
        let source = SourceFindings {
            name: "photos".into(),
            findings: vec![denied.command("asset-indexer iam-policy")],
        };
        let report = Report::new(vec![Finding::ok(Subject::Index, "it opens")], vec![source]);
        assert_eq!(
            serde_json::to_value(&report).unwrap(),
            serde_json::json!({
                "version": env!("CARGO_PKG_VERSION"),
                "verdict": "failure",
                "counts": { "ok": 1, "warning": 0, "failure": 1 },
                "machine": [
                    { "subject": "index", "verdict": "ok", "what": "it opens", "remedy": null },
                ],
                "sources": [{ "name": "photos", "findings": [{
                    "subject": "s3:ListBucket",
                    "verdict": "failure",
                    "what": "denied\\u{1b}[2J",
                    "remedy": { "text": "allow it", "commands": ["asset-indexer iam-policy"] },
                }]}],
            })
        );
    }
}
