//! Builds the policy document that grants one identity its permissions, and nothing else.
//!
//! It uses as few statements as possible without widening a permission, because the length of a document is limited.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{BucketArn, Permission, QUEUE_ACTIONS, arn};
use crate::core::replication::interval::KeyRange;
use crate::core::source::pattern_set::without_covered;

/// The maximum length of a managed policy, in characters without white space. The inline policies of a role can
/// have 10,240 together, those of a user 2,048.
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
    /// The id of the statement: letters and digits, unique in the document.
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
    /// The policy that grants these permissions.
    pub(crate) fn of(permissions: &[Permission]) -> Self {
        let mut statement = vec![
            Statement::over(
                "AssumeRoles",
                &["sts:AssumeRole"],
                pick(permissions, role_to_assume),
            ),
            Statement::over(
                "FindRegions",
                &["s3:GetBucketLocation"],
                pick(permissions, bucket_to_locate),
            ),
        ];
        statement.extend(listings(permissions));
        let previewed = by_bucket(permissions, |permission| match permission {
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
                pick(permissions, bucket_with_notifications),
            ),
            Statement::over(
                "FollowEvents",
                &QUEUE_ACTIONS,
                pick(permissions, queue_to_consume),
            ),
            Statement::over(
                "Decrypt",
                &["kms:Decrypt"],
                pick(permissions, key_to_decrypt_with),
            ),
        ]);
        // IAM refuses a statement without resources.
        statement.retain(|statement| !statement.resource.is_empty());
        Self {
            version: "2012-10-17",
            statement,
        }
    }

    /// The document as indented JSON.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a policy contains only strings and lists")
    }

    /// The length of the document as IAM counts it: characters without white space.
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

fn role_to_assume(permission: &Permission) -> Option<&String> {
    match permission {
        Permission::AssumeRole(role) => Some(role),
        _ => None,
    }
}

fn bucket_to_locate(permission: &Permission) -> Option<&String> {
    match permission {
        Permission::FindRegion(bucket) => Some(&bucket.0),
        _ => None,
    }
}

fn bucket_with_notifications(permission: &Permission) -> Option<&String> {
    match permission {
        Permission::ReadNotifications(bucket) => Some(&bucket.0),
        _ => None,
    }
}

fn queue_to_consume(permission: &Permission) -> Option<&String> {
    match permission {
        Permission::ConsumeQueue(queue) => Some(queue),
        _ => None,
    }
}

fn key_to_decrypt_with(permission: &Permission) -> Option<&String> {
    match permission {
        Permission::Decrypt(key) => Some(key),
        _ => None,
    }
}

/// The resources of the permissions of one kind.
fn pick(permissions: &[Permission], resource: fn(&Permission) -> Option<&String>) -> Vec<String> {
    permissions.iter().filter_map(resource).cloned().collect()
}

/// The ranges of each bucket, as few as possible.
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
    let minimal = |(bucket, ranges)| (bucket, without_covered(ranges));
    buckets.into_iter().map(minimal).collect()
}

/// One statement for all buckets that are listed completely, and one for each other bucket.
fn listings(permissions: &[Permission]) -> Vec<Statement> {
    let listed = by_bucket(permissions, |permission| match permission {
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

/// The pattern that matches the keys of the range, for `StringLike` or a resource.
fn pattern(range: &KeyRange) -> String {
    let literal = arn::literal(&range.prefix);
    if range.is_single_key() || literal.ends_with('*') {
        literal
    } else {
        literal + "*"
    }
}

/// The name in camel case, with only letters and digits: `MyBucket1` for `my-bucket.1`.
fn camel_case(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    let capital = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    };
    words.map(capital).collect()
}

/// The name, with a number if it is already taken.
fn unique(name: &str, taken: &mut BTreeSet<String>) -> String {
    let numbered = (2..).map(|number| format!("{name}N{number}"));
    let mut names = [name.to_owned()].into_iter().chain(numbered);
    let free = names.find(|name| taken.insert(name.clone()));
    free.expect("there are more numbers than taken names")
}
