//! The set-up as Terraform's language, to be put into a module of one Region and account.

use super::name::snake_case;
use super::text::hcl;
use super::{
    Bucket, DETAIL_TYPES, EVENTS, MARK, MAX_MESSAGE_BYTES, MAX_RECEIVE_COUNT, Queue,
    RETENTION_SECONDS, Through, Wiring, dead_letter_name, event_prefixes, notification_id,
    notification_prefixes, rule_name,
};

/// The module's text. The queues must be of one Region and account.
pub(crate) fn print(wiring: &Wiring) -> String {
    let mut text = head(wiring);
    for queue in &wiring.queues {
        text += &queues(queue, wiring);
        if wiring.through == Through::EventBridge {
            let rules = queue.buckets.iter().map(|bucket| rule(queue, bucket));
            text.extend(rules);
        }
        text += &policy(queue, wiring.through);
    }
    for (bucket, senders) in wiring.by_bucket() {
        text += &notification(bucket, &senders, wiring.through);
    }
    for queue in &wiring.queues {
        text += &output(queue);
    }
    text
}

fn head(wiring: &Wiring) -> String {
    let place = match wiring.regions()[..] {
        [region] => format!("of the Region {region}"),
        _ => "of the buckets' Region".to_owned(),
    };
    let account = match wiring.accounts()[..] {
        [account] => format!(", in the account {account}"),
        _ => String::new(),
    };
    let mut text = format!(
        "# Has buckets send their events to the queues that asset-indexer follows. Printed by\n\
         # `asset-indexer setup --print terraform --through {}`.\n\
         #\n\
         # The provider \"aws\" must be {place}{account}.\n",
        wiring.through
    );
    if wiring.needs_account() {
        text += "\ndata \"aws_caller_identity\" \"asset_indexer\" {}\n";
    }
    text
}

fn queues(queue: &Queue, wiring: &Wiring) -> String {
    let label = snake_case(&queue.name);
    format!(
        r#"
# {sources}
resource "aws_sqs_queue" "{label}" {{
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
        sources = queue.followers(),
        name = hcl(&queue.name),
        dead_letters = hcl(&dead_letter_name(&queue.name)),
        visibility = wiring.visibility_seconds,
    )
}

fn policy(queue: &Queue, through: Through) -> String {
    let label = snake_case(&queue.name);
    let (service, sid) = (through.service(), through.sid());
    let sources = match through {
        Through::S3 => list(queue.buckets.iter().map(|bucket| hcl(&bucket.arn))),
        Through::EventBridge => {
            let rules = queue.buckets.iter().map(|bucket| rule_label(queue, bucket));
            list(rules.map(|label| format!("aws_cloudwatch_event_rule.{label}.arn")))
        }
    };
    let accounts = match through {
        Through::S3 => format!(
            r#"
    condition {{
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = {}
    }}
"#,
            list(owners(queue))
        ),
        // The ARN of a rule has the account in it.
        Through::EventBridge => String::new(),
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

/// The accounts of the queue's buckets, each once.
fn owners(queue: &Queue) -> Vec<String> {
    let owner = |bucket: &Bucket| match &bucket.owner {
        Some(owner) => hcl(owner),
        None => "data.aws_caller_identity.asset_indexer.account_id".to_owned(),
    };
    let mut owners: Vec<String> = queue.buckets.iter().map(owner).collect();
    owners.sort_unstable();
    owners.dedup();
    owners
}

fn rule_label(queue: &Queue, bucket: &Bucket) -> String {
    snake_case(&rule_name(&queue.name, &bucket.name))
}

fn rule(queue: &Queue, bucket: &Bucket) -> String {
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
  target_id = "{MARK}"
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

/// What the bucket sends, to all queues: a second resource of this kind would undo the first.
fn notification(bucket: &Bucket, senders: &[(&Queue, &Bucket)], through: Through) -> String {
    let mut text = format!(
        r#"
# This is all that the bucket sends: a bucket has one such resource, and what is not in it is removed.
# Where there is one, put its contents there; where something else has set notifications, put them here.
resource "aws_s3_bucket_notification" "{}" {{
"#,
        snake_case(&bucket.name),
    );
    let name = hcl(&bucket.name);
    if through == Through::EventBridge {
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

fn queue_block(queue: &Queue, prefix: &str, number: usize) -> String {
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

fn output(queue: &Queue) -> String {
    let label = snake_case(&queue.name);
    format!(
        r#"
# For the configuration: {}
output "{label}" {{
  value = "events = {{ queue_url = \"${{aws_sqs_queue.{label}.url}}\" }}"
}}
"#,
        queue.followers()
    )
}

fn list(items: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let items: Vec<String> = items
        .into_iter()
        .map(|item| item.as_ref().to_owned())
        .collect();
    format!("[{}]", items.join(", "))
}
