#!/bin/sh
# Sends the events of S3 buckets to the queues of asset-indexer. Printed by
# `asset-indexer setup --print aws-cli`.
#
# Run it with credentials that may create and change queues, and change the notifications of these
# buckets. You can run it again. It keeps what other tools have set: other notifications of a bucket,
# other statements of a queue policy, and all other attributes of a queue. S3 replaces the notifications of
# a bucket as a whole, so nothing else may change them while this runs.
set -eu

export AWS_PAGER='' AWS_DEFAULT_OUTPUT=json

die() {
    printf 'error: %s\n' "$1" >&2
    exit 1
}

for program in aws jq; do
    command -v "$program" >/dev/null || die "$program is not installed. Install it and run this again."
done

# The URLs of S3 and SQS, if they are not those of AWS. The server of the queue also gets the requests to STS and
# EventBridge.
s3_url='' sqs_url=''

s3api() {
    aws s3api ${s3_url:+--endpoint-url "$s3_url"} "$@"
}

sqs() {
    aws sqs ${sqs_url:+--endpoint-url "$sqs_url"} "$@"
}

sts() {
    aws sts ${sqs_url:+--endpoint-url "$sqs_url"} "$@"
}

events() {
    aws events ${sqs_url:+--endpoint-url "$sqs_url"} "$@"
}

# use_region REGION
use_region() {
    export AWS_REGION="$1" AWS_DEFAULT_REGION="$1"
}

# region_of BUCKET
region_of() {
    s3api head-bucket --bucket "$1" --query BucketRegion --output text
}

# current_account: prints the account of the credentials
current_account() {
    sts get-caller-identity --query Account --output text
}

# require_account ACCOUNT: stops if the credentials belong to another account. The script would find or
# create a queue of the same name there.
require_account() {
    ours=$(current_account)
    [ "$ours" = "$1" ] ||
        die "the queue belongs in account $1, but these credentials belong to account $ours. Run this with \
credentials of account $1. (--source prints the setup of a single queue.) If a bucket belongs to another \
account, its bucket policy must grant them s3:GetBucketNotification and s3:PutBucketNotification."
}

# queue_attribute URL NAME: prints an attribute of a queue, or None
queue_attribute() {
    sqs get-queue-attributes --queue-url "$1" --attribute-names "$2" \
        --query "Attributes.$2" --output text
}

# find_or_create_queue NAME ATTRIBUTES: prints the URL of the queue. The attributes are only for a new queue.
find_or_create_queue() {
    sqs get-queue-url --queue-name "$1" --query QueueUrl --output text 2>/dev/null ||
        sqs create-queue --queue-name "$1" --attributes "$2" --query QueueUrl --output text
}

# create_queue NAME DEAD_LETTERS ATTRIBUTES COUNT: creates the queue, and a dead-letter queue for messages
# that are received COUNT times, unless they exist. Sets queue_name, queue_url, queue_arn, and queue_key to
# the KMS key that encrypts the queue, or None.
create_queue() {
    queue_name=$1
    queue_url=$(find_or_create_queue "$1" "$3")
    queue_arn=$(queue_attribute "$queue_url" QueueArn)
    queue_key=$(queue_attribute "$queue_url" KmsMasterKeyId)
    case $queue_key in
    *alias/aws/sqs)
        die "the key alias/aws/sqs encrypts queue $1, and other services cannot use that key to send to it. \
Let SQS encrypt the queue with its own key (SqsManagedSseEnabled), or use a KMS key whose policy you control."
        ;;
    esac
    redrive=$(queue_attribute "$queue_url" RedrivePolicy)
    [ "$redrive" = None ] || return 0
    retention=$(printf '%s' "$3" | jq --compact-output '{MessageRetentionPeriod}')
    dead_url=$(find_or_create_queue "$2" "$retention")
    dead_arn=$(queue_attribute "$dead_url" QueueArn)
    redrive=$(jq --null-input --compact-output --arg arn "$dead_arn" --arg count "$4" '{
        RedrivePolicy: ({deadLetterTargetArn: $arn, maxReceiveCount: $count} | tojson)
    }')
    sqs set-queue-attributes --queue-url "$queue_url" --attributes "$redrive"
}

# allow_sending SERVICE SID SOURCES ACCOUNTS: allows the service to send to the queue for these source ARNs
# and, unless ACCOUNTS is empty, only for these accounts
allow_sending() {
    statement=$(jq --null-input --compact-output --arg service "$1" --arg sid "$2" --arg queue "$queue_arn" \
        --arg sources "$3" --arg accounts "$4" '{
            Sid: $sid, Effect: "Allow", Principal: {Service: $service},
            Action: "sqs:SendMessage", Resource: $queue,
            Condition: ({ArnEquals: {"aws:SourceArn": ($sources | split(" "))}} +
                if $accounts == "" then {} else
                    {StringEquals: {"aws:SourceAccount": ($accounts | split(" "))}}
                end)
        }')
    policy=$(queue_attribute "$queue_url" Policy)
    [ "$policy" != None ] || policy='{"Version":"2012-10-17","Statement":[]}'
    policy=$(printf '%s' "$policy" | jq --compact-output --argjson new "$statement" '{
        Policy: (.Statement = ([.Statement] | flatten | map(select(.Sid != $new.Sid))) + [$new] | tojson)
    }')
    sqs set-queue-attributes --queue-url "$queue_url" --attributes "$policy"
    [ "$queue_key" = None ] || print_key_statement "$1" "$2"
}

# print_key_statement SERVICE SID: prints the statement that the policy of the KMS key needs
print_key_statement() {
    statement=$(jq --null-input --compact-output --arg service "$1" --arg sid "$2" '{
        Sid: $sid, Effect: "Allow", Principal: {Service: $service},
        Action: ["kms:GenerateDataKey", "kms:Decrypt"], Resource: "*"
    }')
    printf 'note: the KMS key %s encrypts queue %s. Add this statement to the policy of the key. Without it, no
event arrives, and nothing reports an error:\n%s\n' "$queue_key" "$queue_name" "$statement" >&2
}

# set_notifications BUCKET OWNER EVENTS PREFIXES MORE: lets the bucket send the events of keys with these
# prefixes to the queue. Replaces earlier notifications of these events to the queue. If OWNER is not empty,
# the bucket must belong to that account.
set_notifications() {
    now=$(s3api get-bucket-notification-configuration --bucket "$1" \
        ${2:+--expected-bucket-owner "$2"})
    [ -n "$now" ] || now='{}'
    wanted=$(printf '%s' "$now" | jq --compact-output --arg prefix "$id_prefix.$queue_name." \
        --arg queue "$queue_arn" --argjson events "$3" --argjson prefixes "$4" --argjson more "$5" '
            ($events | map(rtrimstr("*"))) as $kinds
            | def is_ours: . as $event | any($kinds[]; . as $kind | $event | startswith($kind));
            (.QueueConfigurations = [
                (.QueueConfigurations // [])[]
                | select((.Id // "") | startswith($prefix) | not)
                # S3 allows an event only once per queue, so remove it from every notification.
                | if .QueueArn == $queue then .Events |= map(select(is_ours | not)) else . end
                | select(.Events != [])
            ] + [
                $prefixes | to_entries[] | {
                    Id: "\($prefix)\(.key + 1)", QueueArn: $queue, Events: $events
                } + if .value == "" then {} else {
                    Filter: {Key: {FilterRules: [{Name: "prefix", Value: .value}]}}
                } end
            ]) + $more')
    tries=10
    until output=$(s3api put-bucket-notification-configuration --bucket "$1" \
        ${2:+--expected-bucket-owner "$2"} --notification-configuration "$wanted" 2>&1); do
        printf '%s\n' "$output" >&2
        case $output in
        *'Unable to validate the following destination'*) ;;
        *[Oo]verlap*)
            die "bucket $1 already sends some of these events to another target, and S3 sends each event to only \
one. Send all of them through EventBridge: print this script with --through eventbridge."
            ;;
        *) die "failed to set the notifications of bucket $1 to queue $queue_name. See the message above." ;;
        esac
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] ||
            die "S3 cannot send to every notification target of bucket $1. Check that the KMS key of the queue \
allows S3 to use it, and that the other targets of the bucket still exist."
        echo 'S3 may need up to a minute to see a new policy. Trying again in 10 s.' >&2
        sleep 10
    done
}

# create_rule RULE PATTERN: lets EventBridge forward matching events to the queue; prints the ARN of the rule
create_rule() {
    arn=$(events put-rule --name "$1" --event-pattern "$2" --query RuleArn --output text)
    target=$(jq --null-input --compact-output --arg id "$id_prefix" --arg arn "$queue_arn" \
        '[{Id: $id, Arn: $arn}]')
    failed=$(events put-targets --rule "$1" --targets "$target" \
        --query FailedEntryCount --output text)
    [ "$failed" = 0 ] || die "failed to set the queue as the target of rule $1. See aws events put-targets."
    printf '%s\n' "$arn"
}
