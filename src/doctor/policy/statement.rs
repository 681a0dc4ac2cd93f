//! Evaluates the statements of a queue policy for one sender.
//!
//! Statements that deny are ignored, and an unknown condition counts as true.

use serde_json::Value;

use super::{S3, SNS};

/// A service that sends to a queue, and the resource on whose behalf it sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::doctor) struct Sender {
    /// The service principal, such as `s3.amazonaws.com`.
    pub service: &'static str,
    /// The ARN of the bucket, topic or EventBridge rule, if known.
    pub source_arn: Option<String>,
    /// The account that owns the bucket, if known.
    pub account: Option<String>,
}

/// How far a policy allows a sender to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::doctor) enum SendAccess {
    /// No statement allows it to send.
    Denied,
    /// A statement allows the service to send on behalf of anyone.
    Unrestricted,
    /// Statements allow the service to send, but not on behalf of everyone.
    Restricted,
}

/// Evaluates the policy of the queue for the sender. Fails if the policy is not JSON.
pub(in crate::doctor) fn send_access(
    policy: &str,
    queue_arn: &str,
    sender: &Sender,
) -> Result<SendAccess, serde_json::Error> {
    let policy: Value = serde_json::from_str(policy)?;
    let statements = one_or_many(&policy["Statement"]);
    let accesses = statements.map(|statement| {
        let applies = is(&statement["Effect"], "Allow")
            && names(
                statement,
                "Action",
                "sqs:sendmessage",
                str::to_ascii_lowercase,
            )
            && names(statement, "Resource", queue_arn, str::to_owned)
            && is_for(&statement["Principal"], sender.service);
        if applies {
            access_under(&statement["Condition"], sender, queue_arn)
        } else {
            SendAccess::Denied
        }
    });
    // A restricted statement does not repair an unrestricted one.
    let mut result = SendAccess::Denied;
    for access in accesses {
        result = match (result, access) {
            (other, SendAccess::Denied) | (SendAccess::Denied, other) => other,
            (one, other) => one.min(other),
        };
    }
    Ok(result)
}

fn is(value: &Value, text: &str) -> bool {
    value.as_str() == Some(text)
}

/// The elements of a list, or the single value that stands in its place.
fn one_or_many(value: &Value) -> impl Iterator<Item = &Value> {
    let (one, many) = match value {
        Value::Array(many) => (None, many.as_slice()),
        Value::Null => (None, &[][..]),
        one => (Some(one), &[][..]),
    };
    one.into_iter().chain(many)
}

/// Whether an element of the statement matches `name`. If the element is missing, it matches: the statement
/// may have its opposite instead (`NotAction`), which is ignored.
fn names(statement: &Value, element: &str, name: &str, fold: impl Fn(&str) -> String) -> bool {
    match &statement[element] {
        Value::Null => true,
        patterns => one_or_many(patterns)
            .filter_map(Value::as_str)
            .any(|pattern| matches(&fold(pattern), name)),
    }
}

/// Whether the principal is the service, or everyone.
fn is_for(principal: &Value, service: &str) -> bool {
    let is_everyone = |value: &Value| one_or_many(value).any(|one| is(one, "*"));
    let named = |value: &Value| {
        one_or_many(value)
            .filter_map(Value::as_str)
            .any(|name| name == service || name == "*")
    };
    match principal {
        Value::Null => true,
        Value::String(text) => text == "*",
        principal => is_everyone(&principal["AWS"]) || named(&principal["Service"]),
    }
}

/// The name of a bucket, topic, rule or account that belongs to someone else.
const FOREIGN: &str = "someone-else";

/// The access under these conditions, which must all hold.
fn access_under(condition: &Value, sender: &Sender, queue_arn: &str) -> SendAccess {
    let mut access = SendAccess::Unrestricted;
    let operators = condition.as_object().into_iter().flatten();
    for (operator, keys) in operators {
        for (key, values) in keys.as_object().into_iter().flatten() {
            let values: Vec<&str> = one_or_many(values).filter_map(Value::as_str).collect();
            let key = key.to_ascii_lowercase();
            match key.as_str() {
                "aws:sourcearn" | "aws:sourceaccount" | "aws:sourceowner" => {
                    let is_arn = key == "aws:sourcearn";
                    let ours = if is_arn {
                        &sender.source_arn
                    } else {
                        &sender.account
                    };
                    let holds = |text: &str| holds(operator, &values, text);
                    if ours.as_deref().map(holds) == Some(Some(false)) {
                        return SendAccess::Denied;
                    }
                    if holds(&foreign_value(is_arn, sender, queue_arn)) == Some(false) {
                        access = SendAccess::Restricted;
                    }
                }
                "aws:sourceorgid" | "aws:sourceorgpaths" => access = SendAccess::Restricted,
                _ => {}
            }
        }
    }
    access
}

/// The source ARN or account of a request on behalf of someone else. It has our partition and region, because
/// no other sender can reach the queue. An S3 ARN has no account, so only the name of the bucket differs.
fn foreign_value(is_arn: bool, sender: &Sender, queue_arn: &str) -> String {
    let part = |index: usize| {
        let arns = [sender.source_arn.as_deref().unwrap_or_default(), queue_arn];
        let mut parts = arns.map(|arn| arn_part(arn, index)).into_iter();
        parts.find(|part| !part.is_empty())
    };
    let (partition, region) = (part(1).unwrap_or("aws"), part(3).unwrap_or("us-east-1"));
    match (is_arn, sender.service) {
        (false, _) => FOREIGN.to_owned(),
        (true, S3) => format!("arn:{partition}:s3:::{FOREIGN}"),
        (true, SNS) => format!("arn:{partition}:sns:{region}:000000000000:{FOREIGN}"),
        (true, _) => format!("arn:{partition}:events:{region}:000000000000:rule/{FOREIGN}"),
    }
}

/// A part of an ARN, where part 0 is `arn`. Empty if there is no such part.
fn arn_part(arn: &str, index: usize) -> &str {
    let mut parts = arn.strip_prefix("arn:").unwrap_or_default().split(':');
    parts.nth(index - 1).unwrap_or_default()
}

/// Whether the operator holds for the text. `None` if the operator is unknown.
fn holds(operator: &str, values: &[&str], text: &str) -> Option<bool> {
    let operator = operator.to_ascii_lowercase();
    let operator = operator.trim_end_matches("ifexists");
    let operator = operator.rsplit(':').next().unwrap_or(operator);
    let any = |test: &dyn Fn(&str) -> bool| Some(values.iter().any(|value| test(value)));
    match operator {
        "stringequals" => any(&|value| value == text),
        "stringequalsignorecase" => any(&|value| value.eq_ignore_ascii_case(text)),
        "stringlike" | "arnlike" | "arnequals" => any(&|value| matches(value, text)),
        _ => None,
    }
}

/// Whether the text matches the pattern. `*` matches any characters, `?` matches one.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // The position of the last star, and the end of the text that it matches so far.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (p, t) = (at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}
