//! Everything that was found, as `check --json` prints it.
//!
//! The names of its fields are an interface, and stay the same.

use serde::Serialize;

use super::finding::{Finding, Verdict};

/// What was found about one Source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct SourceFindings {
    /// Its name.
    pub name: String,
    /// In the order of the examinations.
    pub findings: Vec<Finding>,
}

/// Everything that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Report {
    /// That of this program.
    pub version: &'static str,
    /// The worst that was found.
    pub verdict: Verdict,
    /// How many findings there are of each verdict.
    pub counts: Counts,
    /// What was found about this machine, the configuration and the index.
    pub machine: Vec<Finding>,
    /// What was found about each Source, in the order of the configuration.
    pub sources: Vec<SourceFindings>,
}

/// How many findings there are of each verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// As it should be.
    pub ok: usize,
    /// Had better be otherwise.
    pub warning: usize,
    /// Does not work.
    pub failure: usize,
}

impl Report {
    /// Of these findings.
    pub(crate) fn new(machine: Vec<Finding>, sources: Vec<SourceFindings>) -> Self {
        let of_sources = sources.iter().flat_map(|source| &source.findings);
        let (mut verdict, mut counts) = (Verdict::Ok, Counts::default());
        for finding in machine.iter().chain(of_sources) {
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
    use super::super::finding::{Right, Subject};
    use super::*;

    #[test]
    fn a_report_is_as_bad_as_its_worst_finding() {
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
    fn the_document_has_one_shape() {
        let right = Subject::Right(Right::ListBucket);
        let denied = Finding::failure(right, "denied\u{1b}[2J").remedy("allow it");
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
