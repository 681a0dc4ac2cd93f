//! Whether a queue's policy lets S3, SNS or EventBridge send this bucket's events, and nobody else's.
//!
//! It reads the statements that allow. Those that deny are not followed, and a condition that it does not
//! know counts as one that may hold: it says that nothing can be sent only where that is certain.

use serde_json::Value;

use super::finding::{Finding, Subject};
use super::notification::Route;

/// S3 as it stands in a policy.
pub(super) const S3: &str = "s3.amazonaws.com";
/// SNS, likewise.
const SNS: &str = "sns.amazonaws.com";
/// EventBridge, likewise.
const EVENT_BRIDGE: &str = "events.amazonaws.com";

/// Prints the commands that set a policy.
const PRINT_SETUP: &str = "asset-indexer setup --print aws-cli";

/// Who sends, and on whose behalf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sender {
    /// Such as `s3.amazonaws.com`.
    pub service: &'static str,
    /// The ARN of the bucket, the topic or the rule; `None` where it is not known.
    pub source_arn: Option<String>,
    /// The account that the bucket belongs to, if that is known.
    pub account: Option<String>,
}

/// What a policy means for a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Admission {
    /// No statement lets it send.
    Refused,
    /// A statement lets it send, and others in whose name the same service sends.
    WithOthers,
    /// A statement lets it send, and nobody else.
    Alone,
}

/// The bucket as the one in whose name S3 sends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin<'a> {
    /// Its ARN.
    pub bucket_arn: &'a str,
    /// The account that it belongs to, if that is known.
    pub account: Option<&'a str>,
    /// Whether it is on AWS: other stores need not look at policies.
    pub is_on_aws: bool,
}

/// Whether the queue's policy lets the bucket's events in that come by the route (`None`: by which is not
/// known), and only those.
pub(super) fn judge(
    policy: Option<&str>,
    queue_arn: &str,
    origin: &Origin<'_>,
    route: Option<&Route>,
) -> Finding {
    let subject = Subject::QueuePolicy;
    let statements = policy.unwrap_or("{}");
    let admit = |sender: &Sender| admission(statements, queue_arn, sender);
    let senders = senders(origin, route);
    let best = match senders.iter().map(admit).collect::<Result<Vec<_>, _>>() {
        Ok(admissions) => admissions.into_iter().max(),
        Err(error) => {
            let what = format!("the queue's policy cannot be read: {error}");
            return Finding::warning(subject, what).remedy("set it again");
        }
    };
    // Whoever else can send is of interest also where none of our events come that way.
    let all = self::senders(origin, None).into_iter();
    let open: Vec<&str> = all
        .filter(|sender| matches!(admit(sender), Ok(Admission::WithOthers)))
        .map(|sender| sender.service)
        .collect();
    let services: Vec<&str> = senders.iter().map(|sender| sender.service).collect();
    let services = services.join(" or ");
    match best {
        Some(Admission::Alone | Admission::WithOthers) if open.is_empty() => {
            Finding::ok(subject, "it lets the bucket's events in")
        }
        Some(Admission::Alone | Admission::WithOthers) => Finding::warning(
            subject,
            format!(
                "it lets {} send in the name of whoever asks for it, strangers too: there is no \
                 condition on aws:SourceArn or aws:SourceAccount that keeps them out",
                open.join(" and ")
            ),
        )
        .remedy("set a policy with both conditions, as in the one that is printed by")
        .command(PRINT_SETUP),
        Some(Admission::Refused) | None => {
            let what = match policy {
                None => format!("the queue has no policy, so {services} cannot send to it"),
                Some(_) => format!(
                    "no statement lets {services} send in the name of {}",
                    origin.bucket_arn
                ),
            };
            let finding = match (route, origin.is_on_aws) {
                (Some(Route::Direct), true) => Finding::failure(subject, what),
                _ => Finding::warning(subject, what),
            };
            finding
                .remedy("set the policy that is printed by")
                .command(PRINT_SETUP)
        }
    }
}

/// All who may be the one that sends.
fn senders(origin: &Origin<'_>, route: Option<&Route>) -> Vec<Sender> {
    let by = |service, source_arn: Option<&str>, account: Option<&str>| Sender {
        service,
        source_arn: source_arn.map(str::to_owned),
        account: account.map(str::to_owned),
    };
    let s3 = by(S3, Some(origin.bucket_arn), origin.account);
    match route {
        Some(Route::Direct) => vec![s3],
        Some(Route::Topics(topics)) => topics
            .iter()
            .map(|topic| by(SNS, Some(topic), None))
            .collect(),
        Some(Route::EventBridge) => vec![by(EVENT_BRIDGE, None, None)],
        Some(Route::None) | None => vec![s3, by(SNS, None, None), by(EVENT_BRIDGE, None, None)],
    }
}

/// What the policy of the queue of that ARN means for the sender; an error is of a policy that is none.
pub(super) fn admission(
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
        match sends {
            true => under_condition(&statement["Condition"], sender),
            false => Admission::Refused,
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
fn under_condition(condition: &Value, sender: &Sender) -> Admission {
    let mut admission = Admission::WithOthers;
    let operators = condition.as_object().into_iter().flatten();
    for (operator, keys) in operators {
        for (key, values) in keys.as_object().into_iter().flatten() {
            let values: Vec<&str> = one_or_many(values).filter_map(Value::as_str).collect();
            let key = key.to_ascii_lowercase();
            match key.as_str() {
                "aws:sourcearn" | "aws:sourceaccount" | "aws:sourceowner" => {
                    let is_arn = key == "aws:sourcearn";
                    let ours = match is_arn {
                        true => &sender.source_arn,
                        false => &sender.account,
                    };
                    let holds = |text: &str| holds(operator, &values, text);
                    if ours.as_deref().map(holds) == Some(Some(false)) {
                        return Admission::Refused;
                    }
                    if holds(&stranger(is_arn, sender)) == Some(false) {
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

/// What a stranger would have there. An S3 ARN has no account in it, so that its bucket's name alone tells.
fn stranger(is_arn: bool, sender: &Sender) -> String {
    match (is_arn, sender.service) {
        (false, _) => STRANGER.to_owned(),
        (true, S3) => format!("arn:aws:s3:::{STRANGER}"),
        (true, SNS) => format!("arn:aws:sns:us-east-1:000000000000:{STRANGER}"),
        (true, _) => format!("arn:aws:events:us-east-1:000000000000:rule/{STRANGER}"),
    }
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
fn matches(pattern: &str, text: &str) -> bool {
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

#[cfg(test)]
mod tests;
