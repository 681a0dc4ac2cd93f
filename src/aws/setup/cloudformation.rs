//! The set-up as a CloudFormation template of one Region and account. It cannot change the notifications of a bucket
//! that is not its own: comments say how that is done.

use super::name::logical;
use super::text::json;
use super::{
    Bucket, DETAIL_TYPES, EVENTS, MARK, MAX_MESSAGE_BYTES, MAX_RECEIVE_COUNT, Queue,
    RETENTION_SECONDS, Through, Wiring, dead_letter_name, event_prefixes, notification_prefixes,
    rule_name,
};

/// What stands for the account of a queue where the bucket's is another and the queue's is not known.
const ACCOUNT_OF_THE_QUEUE: &str = "ACCOUNT-OF-THE-QUEUE";

/// The template, in YAML. The queues must be of one Region and account.
pub(crate) fn print(wiring: &Wiring) -> String {
    let mut text = head(wiring);
    text += "Resources:\n";
    for queue in &wiring.queues {
        text += &queues(queue, wiring);
        if wiring.through == Through::EventBridge {
            let rules = queue.buckets.iter().map(|bucket| rule(queue, bucket));
            text.extend(rules);
        }
        text += &policy(queue, wiring.through);
    }
    text += "Outputs:\n";
    for queue in &wiring.queues {
        text += &output(queue);
    }
    text
}

fn head(wiring: &Wiring) -> String {
    let place = match wiring.regions()[..] {
        [region] => format!("the Region {region}"),
        _ => "the buckets' Region".to_owned(),
    };
    let account = match wiring.accounts()[..] {
        [account] => format!(", in the account {account}"),
        _ => String::new(),
    };
    // One for each queue: the others that follow it come along.
    let sources = wiring
        .queues
        .iter()
        .filter_map(|queue| queue.sources.first());
    let sources: String = sources.map(|name| format!(" --source {name}")).collect();
    let (through, mut properties) = (wiring.through, String::new());
    for (bucket, senders) in wiring.by_bucket() {
        properties += &bucket_properties(bucket, &senders, through);
    }
    format!(
        r#"# Has buckets send their events to the queues that asset-indexer follows. Printed by
# `asset-indexer setup --print cloudformation --through {through}`.
#
# The stack must be in {place}{account}.
#
# A template cannot change the notifications of a bucket that exists already. When the stack is there,
#   asset-indexer setup --print aws-cli --through {through}{sources} | sh
# with the same --config adds what the buckets are to send to what they send already, and leaves the
# stack's resources as they are. Where the bucket is in a template of yours, add this to its properties
# instead:
{properties}AWSTemplateFormatVersion: "2010-09-09"
Description: Queues of the events that asset-indexer follows
"#
    )
}

/// The notifications as the properties of a bucket, in comments.
fn bucket_properties(bucket: &Bucket, senders: &[(&Queue, &Bucket)], through: Through) -> String {
    let mut text = format!("#\n#   # {}\n#   NotificationConfiguration:\n", bucket.name);
    if through == Through::EventBridge {
        return text + "#     EventBridgeConfiguration: {EventBridgeEnabled: true}\n";
    }
    text += "#     QueueConfigurations:\n";
    for (queue, own) in senders {
        let region = queue.region.as_deref().unwrap_or("${AWS::Region}");
        let account = match (&queue.account, &own.owner) {
            (Some(account), _) => account,
            (None, Some(_)) => ACCOUNT_OF_THE_QUEUE,
            (None, None) => "${AWS::AccountId}",
        };
        let place = format!("arn:${{AWS::Partition}}:sqs:{region}:{account}");
        for prefix in notification_prefixes(own) {
            for event in EVENTS {
                text += &format!(
                    "#       - Event: {event}\n#         Queue: !Sub {place}:{}\n",
                    queue.name
                );
                if !prefix.is_empty() {
                    text += &format!(
                        "#         Filter: {{S3Key: {{Rules: [{{Name: prefix, Value: {}}}]}}}}\n",
                        json(&prefix)
                    );
                }
            }
        }
    }
    text
}

fn queues(queue: &Queue, wiring: &Wiring) -> String {
    format!(
        r#"  # {sources}
  {id}Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: {name}
      MessageRetentionPeriod: {RETENTION_SECONDS}
      MaximumMessageSize: {MAX_MESSAGE_BYTES}
      VisibilityTimeout: {visibility}
      RedrivePolicy:
        deadLetterTargetArn: !GetAtt {id}DeadLetters.Arn
        maxReceiveCount: {MAX_RECEIVE_COUNT}
  {id}DeadLetters:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: {dead_letters}
      MessageRetentionPeriod: {RETENTION_SECONDS}
"#,
        sources = queue.followers(),
        id = id(queue),
        name = json(&queue.name),
        dead_letters = json(&dead_letter_name(&queue.name)),
        visibility = wiring.visibility_seconds,
    )
}

fn rule(queue: &Queue, bucket: &Bucket) -> String {
    let mut text = format!(
        r#"  {rule}:
    Type: AWS::Events::Rule
    Properties:
      Name: {name}
      EventPattern:
        source: [aws.s3]
        detail-type: [{detail_types}]
        detail:
          bucket:
            name: [{bucket}]
"#,
        rule = rule_id(queue, bucket),
        name = json(&rule_name(&queue.name, &bucket.name)),
        detail_types = DETAIL_TYPES.join(", "),
        bucket = json(&bucket.name),
    );
    if let Some(prefixes) = event_prefixes(bucket) {
        text += "          object:\n            key:\n";
        let key = |prefix: &String| format!("              - prefix: {}\n", json(prefix));
        text.extend(prefixes.iter().map(key));
    }
    text + &format!(
        "      Targets:\n        - Id: {MARK}\n          Arn: !GetAtt {}Queue.Arn\n",
        id(queue)
    )
}

fn policy(queue: &Queue, through: Through) -> String {
    let id = id(queue);
    let (service, sid) = (through.service(), through.sid());
    let buckets = queue.buckets.iter();
    let sources: Vec<String> = match through {
        Through::S3 => buckets.map(|bucket| json(&bucket.arn)).collect(),
        Through::EventBridge => {
            let rules = buckets.map(|bucket| rule_id(queue, bucket));
            rules.map(|rule| format!("!GetAtt {rule}.Arn")).collect()
        }
    };
    let mut text = format!(
        r#"  {id}QueuePolicy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref {id}Queue]
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Sid: {sid}
            Effect: Allow
            Principal: {{Service: {service}}}
            Action: sqs:SendMessage
            Resource: !GetAtt {id}Queue.Arn
            Condition:
              ArnEquals:
                aws:SourceArn:
"#
    );
    let item = |item: String| format!("                  - {item}\n");
    text.extend(sources.into_iter().map(item));
    // The ARN of a rule has the account in it.
    if through == Through::S3 {
        let owner = |bucket: &Bucket| match &bucket.owner {
            Some(owner) => json(owner),
            None => "!Ref AWS::AccountId".to_owned(),
        };
        let mut owners: Vec<String> = queue.buckets.iter().map(owner).collect();
        owners.sort_unstable();
        owners.dedup();
        text += "              StringEquals:\n                aws:SourceAccount:\n";
        text.extend(owners.into_iter().map(item));
    }
    text
}

fn output(queue: &Queue) -> String {
    format!(
        "  {}:\n    Description: {}\n    Value: !Sub 'events = {{ queue_url = \"${{{}Queue}}\" }}'\n",
        id(queue),
        json(&format!("For the configuration: {}", queue.followers())),
        id(queue)
    )
}

/// What the logical names of all that belongs to the queue begin with.
fn id(queue: &Queue) -> String {
    logical(&queue.name)
}

/// The logical name of a rule.
fn rule_id(queue: &Queue, bucket: &Bucket) -> String {
    logical(&rule_name(&queue.name, &bucket.name)) + "Rule"
}
