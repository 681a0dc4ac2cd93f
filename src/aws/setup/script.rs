//! The set-up as a shell script of AWS CLI commands, which can be run again.
//!
//! It adds to what is there: no attribute of a queue that exists is changed but its policy, and its redrive
//! policy where it has none.

use serde_json::json;

use super::quote::shell;
use super::{
    EVENTS, EventPath, ID_PREFIX, MAX_MESSAGE_BYTES, MAX_RECEIVE_COUNT, PlannedBucket,
    PlannedQueue, RETENTION_SECONDS, SetupPlan, dead_letter_name, event_pattern,
    notification_prefixes, rule_name,
};

/// What each script begins with: what it needs, and the functions that the rest is written with.
const HEAD: &str = include_str!("script/head.sh");

/// The script, for any POSIX shell.
pub(crate) fn print(plan: &SetupPlan) -> String {
    let mut lines = vec![
        "\n# What the Ids of all that is set begin with.".to_owned(),
        format!("mark={}", shell(ID_PREFIX)),
    ];
    let mut queues = plan.queues.iter();
    let is_elsewhere = queues.any(|queue| {
        let mut buckets = queue.buckets.iter();
        queue.endpoint_url.is_some() || buckets.any(|bucket| bucket.endpoint_url.is_some())
    });
    for queue in &plan.queues {
        lines.push(format!("\n# {}", queue.source_list()));
        lines.extend(place(queue, is_elsewhere));
        lines.push(format!(
            "make_queue {} {} \\\n    '{}' {MAX_RECEIVE_COUNT}",
            shell(&queue.name),
            shell(&dead_letter_name(&queue.name)),
            attributes(plan.visibility_seconds),
        ));
        match plan.event_path {
            EventPath::S3 => lines.extend(notifications(queue)),
            EventPath::EventBridge => lines.extend(rules(queue)),
        }
        lines.push(told(queue));
    }
    format!("{HEAD}{}\n", lines.join("\n"))
}

/// The line that the configuration needs. Only an address of AWS tells the queue's Region.
fn told(queue: &PlannedQueue) -> String {
    let followers = shell(&queue.source_list());
    let (region, value) = match &queue.endpoint_url {
        Some(_) => (", region = \"%s\"", " \"$AWS_REGION\""),
        None => ("", ""),
    };
    format!(
        "printf '\\n# %s\\nevents = {{ queue_url = \"%s\"{region} }}\\n' {followers} \"$queue_url\"{value}"
    )
}

/// Where the commands for the queue go.
fn place(queue: &PlannedQueue, is_elsewhere: bool) -> Vec<String> {
    let bucket = &queue.buckets[0];
    let mut lines = Vec::new();
    if is_elsewhere {
        let sqs = queue.endpoint_url.as_deref();
        lines.push(at(bucket));
        lines.push(format!("sqs_at={}", shell(sqs.unwrap_or_default())));
    }
    match &queue.region {
        Some(region) => lines.push(format!("use_region {}", shell(region))),
        None => {
            lines.push(format!("region=$(region_of {})", shell(&bucket.name)));
            lines.push("use_region \"$region\"".to_owned());
        }
    }
    if let (Some(account), None) = (&queue.account, &queue.endpoint_url) {
        lines.push(format!("use_account {}", shell(account)));
    }
    lines
}

/// Where the commands for the bucket go.
fn at(bucket: &PlannedBucket) -> String {
    let url = bucket.endpoint_url.as_deref();
    format!("s3_at={}", shell(url.unwrap_or_default()))
}

fn attributes(visibility_seconds: u64) -> String {
    let text = |number: u64| number.to_string();
    json!({
        "MaximumMessageSize": text(MAX_MESSAGE_BYTES.into()),
        "MessageRetentionPeriod": text(RETENTION_SECONDS.into()),
        "VisibilityTimeout": text(visibility_seconds),
    })
    .to_string()
}

/// S3 may send, for these buckets of these accounts; then it is told to.
fn notifications(queue: &PlannedQueue) -> Vec<String> {
    let arns: Vec<&str> = queue
        .buckets
        .iter()
        .map(|bucket| bucket.arn.as_str())
        .collect();
    let owners = queue.buckets.iter().map(|bucket| bucket.owner.as_deref());
    let mut owners: Vec<&str> = owners.map(|owner| owner.unwrap_or("$account")).collect();
    owners.sort_unstable();
    owners.dedup();
    let mut lines = Vec::new();
    if owners.contains(&"$account") {
        lines.push("account=$(account_of_credentials)".to_owned());
    }
    lines.push(allow(
        EventPath::S3,
        &shell(&arns.join(" ")),
        &format!("\"{}\"", owners.join(" ")),
    ));
    lines.extend(queue.buckets.iter().map(|bucket| {
        let prefixes = json!(notification_prefixes(bucket));
        notify(bucket, &prefixes.to_string(), "{}")
    }));
    lines
}

/// EventBridge is told to send on, and may; then S3 is told to send to it.
fn rules(queue: &PlannedQueue) -> Vec<String> {
    let mut lines = Vec::new();
    let mut arns = Vec::new();
    for (bucket, number) in queue.buckets.iter().zip(1..) {
        lines.push(format!(
            "rule_{number}=$(send_on {} \\\n    {})",
            shell(&rule_name(&queue.name, &bucket.name)),
            shell(&event_pattern(bucket))
        ));
        arns.push(format!("$rule_{number}"));
    }
    // The ARN of a rule has the account in it.
    let arns = format!("\"{}\"", arns.join(" "));
    lines.push(allow(EventPath::EventBridge, &arns, "''"));
    let notify = |bucket| notify(bucket, "[]", r#"{"EventBridgeConfiguration":{}}"#);
    lines.extend(queue.buckets.iter().map(notify));
    lines
}

/// Lets the sender send for these ARNs and accounts, each one word of the shell.
fn allow(event_path: EventPath, arns: &str, accounts: &str) -> String {
    let (service, sid) = (event_path.service(), event_path.sid());
    format!("allow {service} {sid} {arns} {accounts}")
}

fn notify(bucket: &PlannedBucket, prefixes: &str, more: &str) -> String {
    let notify = format!(
        "notify {} {} \\\n    {} {} {}",
        shell(&bucket.name),
        shell(bucket.owner.as_deref().unwrap_or_default()),
        shell(&json!(EVENTS).to_string()),
        shell(prefixes),
        shell(more)
    );
    match bucket.endpoint_url {
        Some(_) => format!("{}\n{notify}", at(bucket)),
        None => notify,
    }
}
