//! The set-up as a CloudFormation template of one Region. It cannot change the notifications of a bucket
//! that is not its own: comments say how that is done.

use super::name::logical;
use super::text::json;
use super::{
    Bucket, DETAIL_TYPES, EVENTS, MAX_MESSAGE_BYTES, MAX_RECEIVE_COUNT, Queue, RETENTION_SECONDS,
    Through, Wiring, dead_letter_name, notification_prefixes, rule_name,
};

/// The template, in YAML. The queues must be of one Region.
pub fn print(wiring: &Wiring) -> String {
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
        [region] => format!("The stack must be in the Region {region}."),
        _ => "The stack must be in the buckets' Region.".to_owned(),
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
# {place}
#
# A template cannot change the notifications of a bucket that exists already. When the stack is there,
#   asset-indexer setup --print aws-cli --through {through}{sources} | sh
# adds what the buckets are to send to what they send already, and leaves the stack's resources as they
# are. Where the bucket is in a template of yours, add this to its properties instead:
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
        let arn = match &queue.region {
            Some(region) => format!("${{AWS::Partition}}:sqs:{region}:${{AWS::AccountId}}"),
            None => "${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}".to_owned(),
        };
        for prefix in notification_prefixes(own) {
            for event in EVENTS {
                text += &format!(
                    "#       - Event: {event}\n#         Queue: !Sub arn:{arn}:{}\n",
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
    if !bucket.is_whole() {
        text += "          object:\n            key:\n";
        let keys = bucket.prefixes.iter();
        text.extend(keys.map(|prefix| format!("              - prefix: {}\n", json(prefix))));
    }
    text + &format!(
        "      Targets:\n        - Id: asset-indexer\n          Arn: !GetAtt {}Queue.Arn\n",
        id(queue)
    )
}

fn policy(queue: &Queue, through: Through) -> String {
    let id = id(queue);
    let (service, sources): (_, Vec<String>) = match through {
        Through::S3 => {
            let arns = queue.buckets.iter().map(|bucket| json(&bucket.arn));
            ("s3.amazonaws.com", arns.collect())
        }
        Through::EventBridge => {
            let rules = queue.buckets.iter().map(|bucket| rule_id(queue, bucket));
            let arns = rules.map(|rule| format!("!GetAtt {rule}.Arn"));
            ("events.amazonaws.com", arns.collect())
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
          - Sid: AssetIndexer
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
