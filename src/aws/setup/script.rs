//! Prints the setup as a shell script of AWS CLI commands. The script can be run again.
//!
//! The script only adds: of an existing queue it changes the queue policy, and it sets a redrive policy if there
//! is none.

use serde_json::json;

use super::quote::shell;
use super::{
    EVENTS, EventPath, ID_PREFIX, MAX_MESSAGE_BYTES, MAX_RECEIVE_COUNT, PlannedBucket,
    PlannedQueue, RETENTION_SECONDS, SetupPlan, dead_letter_name, event_pattern,
    notification_prefixes, rule_name,
};

/// The start of every script: checks of the environment, and functions.
const HEAD: &str = include_str!("script/head.sh");

/// The script, for any POSIX shell.
pub(crate) fn print(plan: &SetupPlan) -> String {
    let mut lines = vec![
        "\n# The prefix of all ids that this script sets.".to_owned(),
        format!("id_prefix={}", shell(ID_PREFIX)),
    ];
    let mut queues = plan.queues.iter();
    let is_other_store = queues.any(|queue| {
        let mut buckets = queue.buckets.iter();
        queue.endpoint_url.is_some() || buckets.any(|bucket| bucket.endpoint_url.is_some())
    });
    for queue in &plan.queues {
        lines.push(format!("\n# {}", queue.source_list()));
        let comments = queue
            .buckets
            .iter()
            .filter_map(PlannedBucket::partition_comment);
        lines.extend(comments);
        lines.extend(location(queue, is_other_store));
        lines.push(format!(
            "create_queue {} {} \\\n    '{}' {MAX_RECEIVE_COUNT}",
            shell(&queue.name),
            shell(&dead_letter_name(&queue.name)),
            attributes(plan.visibility_seconds),
        ));
        match plan.event_path {
            EventPath::S3 => lines.extend(notifications(queue)),
            EventPath::EventBridge => lines.extend(rules(queue)),
        }
        lines.push(configuration_line(queue));
    }
    format!("{HEAD}{}\n", lines.join("\n"))
}

/// Prints the line for the configuration. It includes the region if the queue URL does not.
fn configuration_line(queue: &PlannedQueue) -> String {
    let followers = shell(&queue.source_list());
    let (region, value) = match &queue.endpoint_url {
        Some(_) => (", region = \"%s\"", " \"$AWS_REGION\""),
        None => ("", ""),
    };
    format!(
        "printf '\\n# %s\\nevents = {{ queue_url = \"%s\"{region} }}\\n' {followers} \"$queue_url\"{value}"
    )
}

/// Sets the servers, region and account for the next commands.
fn location(queue: &PlannedQueue, is_other_store: bool) -> Vec<String> {
    let bucket = &queue.buckets[0];
    let mut lines = Vec::new();
    if is_other_store {
        let sqs = queue.endpoint_url.as_deref();
        lines.push(s3_server(bucket));
        lines.push(format!("sqs_url={}", shell(sqs.unwrap_or_default())));
    }
    match &queue.region {
        Some(region) => lines.push(format!("use_region {}", shell(region))),
        None => {
            lines.push(format!("region=$(region_of {})", shell(&bucket.name)));
            lines.push("use_region \"$region\"".to_owned());
        }
    }
    if let (Some(account), None) = (&queue.account, &queue.endpoint_url) {
        lines.push(format!("require_account {}", shell(account)));
    }
    lines
}

/// Sets the S3 server for the next commands.
fn s3_server(bucket: &PlannedBucket) -> String {
    let url = bucket.endpoint_url.as_deref();
    format!("s3_url={}", shell(url.unwrap_or_default()))
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

/// Allows S3 to send for the buckets and their accounts, then configures the notifications.
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
        lines.push("account=$(current_account)".to_owned());
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

/// Creates the rules, allows them to send, then configures the buckets to send to EventBridge.
fn rules(queue: &PlannedQueue) -> Vec<String> {
    let mut lines = Vec::new();
    let mut arns = Vec::new();
    for (bucket, number) in queue.buckets.iter().zip(1..) {
        lines.push(format!(
            "rule_{number}=$(create_rule {} \\\n    {})",
            shell(&rule_name(&queue.name, &bucket.name)),
            shell(&event_pattern(bucket))
        ));
        arns.push(format!("$rule_{number}"));
    }
    // No account is needed, because the ARN of a rule contains it.
    let arns = format!("\"{}\"", arns.join(" "));
    lines.push(allow(EventPath::EventBridge, &arns, "''"));
    let notify = |bucket| notify(bucket, "[]", r#"{"EventBridgeConfiguration":{}}"#);
    lines.extend(queue.buckets.iter().map(notify));
    lines
}

/// Allows the service to send for these ARNs and accounts. Both are single words of the shell.
fn allow(event_path: EventPath, arns: &str, accounts: &str) -> String {
    let (service, sid) = (event_path.service(), event_path.sid());
    format!("allow_sending {service} {sid} {arns} {accounts}")
}

fn notify(bucket: &PlannedBucket, prefixes: &str, more: &str) -> String {
    let notify = format!(
        "set_notifications {} {} \\\n    {} {} {}",
        shell(&bucket.name),
        shell(bucket.owner.as_deref().unwrap_or_default()),
        shell(&json!(EVENTS).to_string()),
        shell(prefixes),
        shell(more)
    );
    match bucket.endpoint_url {
        Some(_) => format!("{}\n{notify}", s3_server(bucket)),
        None => notify,
    }
}
