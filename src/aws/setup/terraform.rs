//! Prints the setup as a part of a Terraform module for one region and account.

use super::name::snake_case;
use super::quote::hcl;
use super::{
    DETAIL_TYPES, EVENTS, EventPath, ID_PREFIX, MAX_MESSAGE_BYTES, MAX_RECEIVE_COUNT,
    PlannedBucket, PlannedQueue, RETENTION_SECONDS, SetupPlan, dead_letter_name, event_prefixes,
    notification_id, notification_prefixes, rule_name,
};

/// The text of the module. All queues must be in one region and account.
pub(crate) fn print(plan: &SetupPlan) -> String {
    let mut text = head(plan);
    for queue in &plan.queues {
        text += &queues(queue, plan);
        if plan.event_path == EventPath::EventBridge {
            let rules = queue.buckets.iter().map(|bucket| rule(queue, bucket));
            text.extend(rules);
        }
        text += &policy(queue, plan.event_path);
    }
    for (bucket, senders) in plan.by_bucket() {
        text += &notification(bucket, &senders, plan.event_path);
    }
    for queue in &plan.queues {
        text += &output(queue);
    }
    text
}

fn head(plan: &SetupPlan) -> String {
    let place = match plan.regions()[..] {
        [region] => format!("for region {region}"),
        _ => "for the region of the buckets".to_owned(),
    };
    let account = match plan.accounts()[..] {
        [account] => format!(" and account {account}"),
        _ => String::new(),
    };
    let mut text = format!(
        "# Sends the events of S3 buckets to the queues of asset-indexer. Printed by\n\
         # `asset-indexer setup --print terraform --through {}`.\n\
         #\n\
         # Configure the provider \"aws\" {place}{account}.\n",
        plan.event_path
    );
    if plan.needs_account() {
        text += "\ndata \"aws_caller_identity\" \"asset_indexer\" {}\n";
    }
    text
}

fn queues(queue: &PlannedQueue, plan: &SetupPlan) -> String {
    let label = snake_case(&queue.name);
    let comments = queue
        .buckets
        .iter()
        .filter_map(PlannedBucket::partition_comment);
    format!(
        r#"
# {sources}
{comments}resource "aws_sqs_queue" "{label}" {{
  name                       = {name}
  message_retention_seconds  = {RETENTION_SECONDS}
  max_message_size           = {MAX_MESSAGE_BYTES}
  visibility_timeout_seconds = {visibility}
  redrive_policy = jsonencode({{
    deadLetterTargetArn = aws_sqs_queue.{label}_dead_letters.arn
    maxReceiveCount     = {MAX_RECEIVE_COUNT}
  }})
}}

resource "aws_sqs_queue" "{label}_dead_letters" {{
  name                      = {dead_letters}
  message_retention_seconds = {RETENTION_SECONDS}
}}
"#,
        sources = queue.source_list(),
        comments = comments.map(|comment| comment + "\n").collect::<String>(),
        name = hcl(&queue.name),
        dead_letters = hcl(&dead_letter_name(&queue.name)),
        visibility = plan.visibility_seconds,
    )
}

fn policy(queue: &PlannedQueue, event_path: EventPath) -> String {
    let label = snake_case(&queue.name);
    let (service, sid) = (event_path.service(), event_path.sid());
    let sources = match event_path {
        EventPath::S3 => list(queue.buckets.iter().map(|bucket| hcl(&bucket.arn))),
        EventPath::EventBridge => {
            let rules = queue.buckets.iter().map(|bucket| rule_label(queue, bucket));
            list(rules.map(|label| format!("aws_cloudwatch_event_rule.{label}.arn")))
        }
    };
    let accounts = match event_path {
        EventPath::S3 => format!(
            r#"
    condition {{
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = {}
    }}
"#,
            list(owners(queue))
        ),
        // No account is needed, because the ARN of a rule contains it.
        EventPath::EventBridge => String::new(),
    };
    format!(
        r#"
data "aws_iam_policy_document" "{label}" {{
  statement {{
    sid       = "{sid}"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.{label}.arn]

    principals {{
      type        = "Service"
      identifiers = ["{service}"]
    }}

    condition {{
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = {sources}
    }}
{accounts}  }}
}}

resource "aws_sqs_queue_policy" "{label}" {{
  queue_url = aws_sqs_queue.{label}.id
  policy    = data.aws_iam_policy_document.{label}.json
}}
"#
    )
}

/// The accounts that own the buckets of the queue, each once.
fn owners(queue: &PlannedQueue) -> Vec<String> {
    let owner = |bucket: &PlannedBucket| match &bucket.owner {
        Some(owner) => hcl(owner),
        None => "data.aws_caller_identity.asset_indexer.account_id".to_owned(),
    };
    let mut owners: Vec<String> = queue.buckets.iter().map(owner).collect();
    owners.sort_unstable();
    owners.dedup();
    owners
}

fn rule_label(queue: &PlannedQueue, bucket: &PlannedBucket) -> String {
    snake_case(&rule_name(&queue.name, &bucket.name))
}

fn rule(queue: &PlannedQueue, bucket: &PlannedBucket) -> String {
    let key = |prefix: &String| format!("{{ prefix = {} }}", hcl(prefix));
    let object = match event_prefixes(bucket) {
        None => String::new(),
        Some(prefixes) => format!(
            "\n      object = {{ key = {} }}",
            list(prefixes.iter().map(key))
        ),
    };
    format!(
        r#"
resource "aws_cloudwatch_event_rule" "{label}" {{
  name = {name}
  event_pattern = jsonencode({{
    source      = ["aws.s3"]
    detail-type = {detail_types}
    detail = {{
      bucket = {{ name = [{bucket}] }}{object}
    }}
  }})
}}

resource "aws_cloudwatch_event_target" "{label}" {{
  rule      = aws_cloudwatch_event_rule.{label}.name
  target_id = "{ID_PREFIX}"
  arn       = aws_sqs_queue.{queue}.arn
}}
"#,
        label = rule_label(queue, bucket),
        name = hcl(&rule_name(&queue.name, &bucket.name)),
        detail_types = list(DETAIL_TYPES.map(hcl)),
        bucket = hcl(&bucket.name),
        queue = snake_case(&queue.name),
    )
}

/// The notifications of a bucket to all its queues. There must be only one such resource per bucket, because a
/// second one would overwrite the first.
fn notification(
    bucket: &PlannedBucket,
    senders: &[(&PlannedQueue, &PlannedBucket)],
    event_path: EventPath,
) -> String {
    let mut text = format!(
        r#"
# This resource replaces all notifications of the bucket. A bucket can have only one such resource. If your
# configuration already has one, merge this into it. If other tools set notifications on the bucket, add those
# here.
resource "aws_s3_bucket_notification" "{}" {{
"#,
        snake_case(&bucket.name),
    );
    let name = hcl(&bucket.name);
    if event_path == EventPath::EventBridge {
        return text + &format!("  bucket      = {name}\n  eventbridge = true\n}}\n");
    }
    text += &format!("  bucket = {name}\n");
    for (queue, own) in senders {
        for (prefix, number) in notification_prefixes(own).iter().zip(1..) {
            text += &queue_block(queue, prefix, number);
        }
    }
    let policies = senders.iter().map(|(queue, _)| {
        let label = snake_case(&queue.name);
        format!("aws_sqs_queue_policy.{label}")
    });
    text + &format!("\n  depends_on = {}\n}}\n", list(policies))
}

fn queue_block(queue: &PlannedQueue, prefix: &str, number: usize) -> String {
    let (id, queue) = (notification_id(queue, number), snake_case(&queue.name));
    let events = list(EVENTS.map(hcl));
    match prefix {
        "" => format!(
            r#"
  queue {{
    id        = {}
    queue_arn = aws_sqs_queue.{queue}.arn
    events    = {events}
  }}
"#,
            hcl(&id)
        ),
        prefix => format!(
            r#"
  queue {{
    id            = {}
    queue_arn     = aws_sqs_queue.{queue}.arn
    events        = {events}
    filter_prefix = {}
  }}
"#,
            hcl(&id),
            hcl(prefix)
        ),
    }
}

fn output(queue: &PlannedQueue) -> String {
    let label = snake_case(&queue.name);
    format!(
        r#"
# For the configuration: {}
output "{label}" {{
  value = "events = {{ queue_url = \"${{aws_sqs_queue.{label}.url}}\" }}"
}}
"#,
        queue.source_list()
    )
}

fn list(items: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let items: Vec<String> = items
        .into_iter()
        .map(|item| item.as_ref().to_owned())
        .collect();
    format!("[{}]", items.join(", "))
}
