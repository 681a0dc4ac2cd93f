//! The policy document that gives one identity its permissions, and nothing else.
//!
//! Statements are as few as can be without widening any: a document has a bound on its length.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{BucketArn, Permission, QUEUE_ACTIONS, arn};
use crate::core::replication::interval::KeyRange;
use crate::core::source::pattern_set::fewest;

/// The most characters of a managed policy, white space not counted. A role's own policies have
/// 10,240 together, a user's 2,048.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
pub(crate) const MAX_MANAGED_CHARACTERS: usize = 6_144;

/// A policy document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Policy {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    /// Letters and digits, unique in the document.
    sid: String,
    effect: &'static str,
    action: Vec<&'static str>,
    resource: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Condition>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Condition {
    string_like: Prefixes,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Prefixes {
    #[serde(rename = "s3:prefix")]
    patterns: Vec<String>,
}

impl Policy {
    /// What allows these permissions.
    pub(crate) fn of(permissions: &[Permission]) -> Self {
        let mut statement = vec![
            Statement::over(
                "AssumeRoles",
                &["sts:AssumeRole"],
                pick(permissions, assumed),
            ),
            Statement::over(
                "FindRegions",
                &["s3:GetBucketLocation"],
                pick(permissions, found),
            ),
        ];
        statement.extend(listings(permissions));
        let previewed = by_bucket(permissions, |right| match right {
            Permission::Preview(bucket, range) => Some((bucket, range)),
            _ => None,
        });
        let objects = previewed.into_iter().flat_map(|(bucket, ranges)| {
            let keys = ranges.into_iter().map(|range| pattern(&range));
            keys.map(move |key| format!("{}/{key}", bucket.0))
        });
        statement.extend([
            Statement::over("ReadForPreviews", &["s3:GetObject"], objects.collect()),
            Statement::over(
                "ReadNotifications",
                &["s3:GetBucketNotification"],
                pick(permissions, notifying),
            ),
            Statement::over("FollowEvents", &QUEUE_ACTIONS, pick(permissions, followed)),
            Statement::over("Decrypt", &["kms:Decrypt"], pick(permissions, decrypting)),
        ]);
        // One without resources would be refused.
        statement.retain(|statement| !statement.resource.is_empty());
        Self {
            version: "2012-10-17",
            statement,
        }
    }

    /// The document as JSON, for people.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("texts alone become JSON")
    }

    /// Its characters as IAM counts them: without white space.
    pub(crate) fn characters(&self) -> usize {
        let is_counted = |c: &char| !c.is_whitespace();
        self.to_json().chars().filter(is_counted).count()
    }
}

impl Statement {
    fn over(sid: &str, actions: &[&'static str], resource: Vec<String>) -> Self {
        Self {
            sid: sid.to_owned(),
            effect: "Allow",
            action: actions.to_vec(),
            resource,
            condition: None,
        }
    }
}

fn assumed(right: &Permission) -> Option<&String> {
    match right {
        Permission::AssumeRole(role) => Some(role),
        _ => None,
    }
}

fn found(right: &Permission) -> Option<&String> {
    match right {
        Permission::FindRegion(bucket) => Some(&bucket.0),
        _ => None,
    }
}

fn notifying(right: &Permission) -> Option<&String> {
    match right {
        Permission::ReadNotifications(bucket) => Some(&bucket.0),
        _ => None,
    }
}

fn followed(right: &Permission) -> Option<&String> {
    match right {
        Permission::ConsumeQueue(queue) => Some(queue),
        _ => None,
    }
}

fn decrypting(right: &Permission) -> Option<&String> {
    match right {
        Permission::Decrypt(key) => Some(key),
        _ => None,
    }
}

/// The resources that the permissions of one kind are about.
fn pick(permissions: &[Permission], resource: fn(&Permission) -> Option<&String>) -> Vec<String> {
    permissions.iter().filter_map(resource).cloned().collect()
}

/// The ranges of each bucket, as few as hold all.
fn by_bucket(
    permissions: &[Permission],
    of_kind: fn(&Permission) -> Option<(&BucketArn, &KeyRange)>,
) -> BTreeMap<BucketArn, Vec<KeyRange>> {
    let mut buckets: BTreeMap<BucketArn, Vec<KeyRange>> = BTreeMap::new();
    for (bucket, range) in permissions.iter().filter_map(of_kind) {
        buckets
            .entry(bucket.clone())
            .or_default()
            .push(range.clone());
    }
    let fewest = |(bucket, ranges)| (bucket, fewest(ranges));
    buckets.into_iter().map(fewest).collect()
}

/// One statement for the buckets that are listed as a whole, one for each of the others.
fn listings(permissions: &[Permission]) -> Vec<Statement> {
    let listed = by_bucket(permissions, |right| match right {
        Permission::List(bucket, range) => Some((bucket, range)),
        _ => None,
    });
    let mut whole = Statement::over("ListBuckets", &["s3:ListBucket"], Vec::new());
    let mut by_prefix = Vec::new();
    let mut sids = BTreeSet::new();
    for (BucketArn(bucket), ranges) in listed {
        if ranges.iter().any(|range| range.prefix.is_empty()) {
            whole.resource.push(bucket);
            continue;
        }
        let name = bucket.rsplit(':').next().unwrap_or_default();
        let sid = unique(&format!("ListPrefixesOf{}", camel_case(name)), &mut sids);
        let mut statement = Statement::over(&sid, &["s3:ListBucket"], vec![bucket]);
        let patterns = ranges.iter().map(pattern).collect();
        statement.condition = Some(Condition {
            string_like: Prefixes { patterns },
        });
        by_prefix.push(statement);
    }
    [whole].into_iter().chain(by_prefix).collect()
}

/// What `StringLike`, or a resource, has for the texts of the range.
fn pattern(range: &KeyRange) -> String {
    let literal = arn::literal(&range.prefix);
    match range.is_single_key() {
        true => literal,
        false if literal.ends_with('*') => literal,
        false => literal + "*",
    }
}

/// The name with nothing but letters and digits: `my-bucket.1` as `MyBucket1`.
fn camel_case(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    let capital = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    };
    words.map(capital).collect()
}

/// The name, with a number where it is taken.
fn unique(name: &str, taken: &mut BTreeSet<String>) -> String {
    let numbered = (2..).map(|number| format!("{name}N{number}"));
    let mut names = [name.to_owned()].into_iter().chain(numbered);
    let free = names.find(|name| taken.insert(name.clone()));
    free.expect("there are more numbers than names")
}
