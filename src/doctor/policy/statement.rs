//! What the statements of a queue's policy mean for one sender.
//!
//! Those that deny are not followed, and a condition that is not known counts as one that may hold.

use serde_json::Value;

use super::{S3, SNS};

/// Who sends, and on whose behalf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::doctor) struct Sender {
    /// Such as `s3.amazonaws.com`.
    pub service: &'static str,
    /// The ARN of the bucket, the topic or the rule; `None` where it is not known.
    pub source_arn: Option<String>,
    /// The account that the bucket belongs to, if that is known.
    pub account: Option<String>,
}

/// What a policy means for a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::doctor) enum Admission {
    /// No statement lets it send.
    Refused,
    /// A statement lets it send, and others in whose name the same service sends.
    WithOthers,
    /// A statement lets it send, and nobody else.
    Alone,
}

/// What the policy of the queue of that ARN means for the sender; an error is of a policy that is none.
pub(in crate::doctor) fn admission(
    policy: &str,
    queue_arn: &str,
    sender: &Sender,
) -> Result<Admission, serde_json::Error> {
    let policy: Value = serde_json::from_str(policy)?;
    let statements = one_or_many(&policy["Statement"]);
    let admissions = statements.map(|statement| {
        let sends = is(&statement["Effect"], "Allow")
            && names(
                statement,
                "Action",
                "sqs:sendmessage",
                str::to_ascii_lowercase,
            )
            && names(statement, "Resource", queue_arn, str::to_owned)
            && is_for(&statement["Principal"], sender.service);
        if sends {
            under_condition(&statement["Condition"], sender, queue_arn)
        } else {
            Admission::Refused
        }
    });
    // A statement that lets all others in as well is not made better by another one.
    let mut best = Admission::Refused;
    for admission in admissions {
        best = match (best, admission) {
            (other, Admission::Refused) | (Admission::Refused, other) => other,
            (one, other) => one.min(other),
        };
    }
    Ok(best)
}

fn is(value: &Value, text: &str) -> bool {
    value.as_str() == Some(text)
}

/// A value that stands alone or in a list.
fn one_or_many(value: &Value) -> impl Iterator<Item = &Value> {
    let (one, many) = match value {
        Value::Array(many) => (None, many.as_slice()),
        Value::Null => (None, &[][..]),
        one => (Some(one), &[][..]),
    };
    one.into_iter().chain(many)
}

/// Whether a part of the statement names this, or leaves it to another part (`NotAction`), which is not
/// followed.
fn names(statement: &Value, part: &str, this: &str, fold: impl Fn(&str) -> String) -> bool {
    match &statement[part] {
        Value::Null => true,
        patterns => one_or_many(patterns)
            .filter_map(Value::as_str)
            .any(|pattern| matches(&fold(pattern), this)),
    }
}

/// Whether the principal is the service, or everybody.
fn is_for(principal: &Value, service: &str) -> bool {
    let everybody = |value: &Value| one_or_many(value).any(|one| is(one, "*"));
    let named = |value: &Value| {
        one_or_many(value)
            .filter_map(Value::as_str)
            .any(|name| name == service || name == "*")
    };
    match principal {
        Value::Null => true,
        Value::String(text) => text == "*",
        principal => everybody(&principal["AWS"]) || named(&principal["Service"]),
    }
}

/// Somebody else's bucket, topic or rule, in an account of somebody else.
const STRANGER: &str = "stranger";

/// What the conditions mean, which must all hold.
fn under_condition(condition: &Value, sender: &Sender, queue_arn: &str) -> Admission {
    let mut admission = Admission::WithOthers;
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
                        return Admission::Refused;
                    }
                    if holds(&stranger(is_arn, sender, queue_arn)) == Some(false) {
                        admission = Admission::Alone;
                    }
                }
                "aws:sourceorgid" | "aws:sourceorgpaths" => admission = Admission::Alone,
                _ => {}
            }
        }
    }
    admission
}

/// What a stranger would have there, in our partition and Region, as no other sends to the queue. An S3 ARN
/// has no account in it, so that its bucket's name alone tells.
fn stranger(is_arn: bool, sender: &Sender, queue_arn: &str) -> String {
    let part = |place: usize| {
        let arns = [sender.source_arn.as_deref().unwrap_or_default(), queue_arn];
        let mut parts = arns.map(|arn| part_of(arn, place)).into_iter();
        parts.find(|part| !part.is_empty())
    };
    let (partition, region) = (part(1).unwrap_or("aws"), part(3).unwrap_or("us-east-1"));
    match (is_arn, sender.service) {
        (false, _) => STRANGER.to_owned(),
        (true, S3) => format!("arn:{partition}:s3:::{STRANGER}"),
        (true, SNS) => format!("arn:{partition}:sns:{region}:000000000000:{STRANGER}"),
        (true, _) => format!("arn:{partition}:events:{region}:000000000000:rule/{STRANGER}"),
    }
}

/// One of the parts of an ARN, which begins with its part 0; empty in what is none.
fn part_of(arn: &str, place: usize) -> &str {
    let mut parts = arn.strip_prefix("arn:").unwrap_or_default().split(':');
    parts.nth(place - 1).unwrap_or_default()
}

/// Whether the operator holds for the text; `None` for an operator that is not known.
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

/// Whether the text is what the pattern says, in which `*` stands for any characters and `?` for one.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where the last star stands, and what of the text it stands for so far.
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
