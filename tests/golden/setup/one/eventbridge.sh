#!/bin/sh
# Has buckets send their events to the queues that asset-indexer follows. Printed by
# `asset-indexer setup --print aws-cli`.
#
# Run it with credentials that may make and change queues, and change the notifications of these
# buckets. It can be run again. What is there stays: other notifications of a bucket, other statements
# of a queue's policy, a queue's redrive policy. S3 takes the notifications of a bucket as a whole, so
# change them by nothing else meanwhile.
set -eu

for program in aws jq; do
    command -v "$program" >/dev/null || {
        echo "error: $program is not there; install it" >&2
        exit 1
    }
done
export AWS_PAGER='' AWS_DEFAULT_OUTPUT=json

# Where S3 and SQS are, if that is not AWS.
s3_at='' sqs_at=''

s3api() {
    aws s3api ${s3_at:+--endpoint-url "$s3_at"} "$@"
}

sqs() {
    aws sqs ${sqs_at:+--endpoint-url "$sqs_at"} "$@"
}

# use_region REGION
use_region() {
    export AWS_REGION="$1" AWS_DEFAULT_REGION="$1"
}

# region_of BUCKET
region_of() {
    s3api head-bucket --bucket "$1" --query BucketRegion --output text
}

# account_of_credentials: whose they are
account_of_credentials() {
    aws sts get-caller-identity --query Account --output text
}

# attribute URL NAME: an attribute of a queue, None where it has none
attribute() {
    sqs get-queue-attributes --queue-url "$1" --attribute-names "$2" \
        --query "Attributes.$2" --output text
}

# queue_of NAME ATTRIBUTES: makes the queue, or changes the one that is there; prints its address
queue_of() {
    url=$(sqs get-queue-url --queue-name "$1" --query QueueUrl --output text 2>/dev/null) ||
        url=$(sqs create-queue --queue-name "$1" --query QueueUrl --output text)
    sqs set-queue-attributes --queue-url "$url" --attributes "$2"
    printf '%s\n' "$url"
}

# make_queue NAME DEAD_LETTERS ATTRIBUTES COUNT: makes the queue, and that for what was received COUNT
# times unless it has another; it is $queue_name, $queue_url, $queue_arn then
make_queue() {
    queue_name=$1
    queue_url=$(queue_of "$1" "$3")
    queue_arn=$(attribute "$queue_url" QueueArn)
    redrive=$(attribute "$queue_url" RedrivePolicy)
    [ "$redrive" = None ] || return 0
    retention=$(printf '%s' "$3" | jq --compact-output '{MessageRetentionPeriod}')
    dead_url=$(queue_of "$2" "$retention")
    dead_arn=$(attribute "$dead_url" QueueArn)
    redrive=$(jq --null-input --compact-output --arg arn "$dead_arn" --arg count "$4" '{
        RedrivePolicy: ({deadLetterTargetArn: $arn, maxReceiveCount: $count} | tojson)
    }')
    sqs set-queue-attributes --queue-url "$queue_url" --attributes "$redrive"
}

# allow SERVICE SOURCES ACCOUNTS: lets the service send to the queue for these ARNs, and accounts where
# any are given
allow() {
    ours=$(jq --null-input --compact-output --arg service "$1" --arg queue "$queue_arn" \
        --arg sources "$2" --arg accounts "$3" '{
            Sid: "AssetIndexer", Effect: "Allow", Principal: {Service: $service},
            Action: "sqs:SendMessage", Resource: $queue,
            Condition: ({ArnEquals: {"aws:SourceArn": ($sources | split(" "))}} +
                if $accounts == "" then {} else
                    {StringEquals: {"aws:SourceAccount": ($accounts | split(" "))}}
                end)
        }')
    policy=$(attribute "$queue_url" Policy)
    [ "$policy" != None ] || policy='{"Version":"2012-10-17","Statement":[]}'
    policy=$(printf '%s' "$policy" | jq --compact-output --argjson ours "$ours" '{
        Policy: (.Statement = ([.Statement] | flatten | map(select(.Sid != $ours.Sid))) + [$ours] | tojson)
    }')
    sqs set-queue-attributes --queue-url "$queue_url" --attributes "$policy"
}

# notify BUCKET OWNER EVENTS PREFIXES MORE: has the bucket, of that account where one is given, send
# the events of keys under the prefixes to the queue, in the place of what it sent there for us before
notify() {
    now=$(s3api get-bucket-notification-configuration --bucket "$1" \
        ${2:+--expected-bucket-owner "$2"})
    [ -n "$now" ] || now='{}'
    wanted=$(printf '%s' "$now" | jq --compact-output --arg mark "asset-indexer.$queue_name." \
        --arg queue "$queue_arn" --argjson events "$3" --argjson prefixes "$4" --argjson more "$5" '
            (.QueueConfigurations = [
                (.QueueConfigurations // [])[] | select((.Id // "") | startswith($mark) | not)
            ] + [
                $prefixes | to_entries[] | {
                    Id: "\($mark)\(.key + 1)", QueueArn: $queue, Events: $events
                } + if .value == "" then {} else {
                    Filter: {Key: {FilterRules: [{Name: "prefix", Value: .value}]}}
                } end
            ]) + $more')
    tries=10
    until s3api put-bucket-notification-configuration --bucket "$1" \
        ${2:+--expected-bucket-owner "$2"} --notification-configuration "$wanted"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || exit 1
        echo 'the policy of a queue takes up to a minute to be seen by S3: trying again in 10 s' >&2
        sleep 10
    done
}

# send_on RULE PATTERN: has EventBridge send what matches to the queue; prints the rule's ARN
send_on() {
    arn=$(aws events put-rule --name "$1" --event-pattern "$2" --query RuleArn --output text)
    target=$(jq --null-input --compact-output --arg arn "$queue_arn" '[{Id: "asset-indexer", Arn: $arn}]')
    failed=$(aws events put-targets --rule "$1" --targets "$target" \
        --query FailedEntryCount --output text)
    [ "$failed" = 0 ] || {
        echo "error: the rule $1 was not given the queue as its target" >&2
        exit 1
    }
    printf '%s\n' "$arn"
}

# Source photos
use_region 'eu-central-1'
make_queue 'assets' 'assets-dead-letters' \
    '{"MaximumMessageSize":"262144","MessageRetentionPeriod":"1209600","VisibilityTimeout":"30"}' 10
rule_1=$(send_on 'assets.acme-assets' \
    '{"source":["aws.s3"],"detail-type":["Object Created","Object Deleted"],"detail":{"bucket":{"name":["acme-assets"]},"object":{"key":[{"prefix":"photos/"}]}}}')
allow events.amazonaws.com "$rule_1" ''
notify 'acme-assets' '' \
    '["s3:ObjectCreated:*","s3:ObjectRemoved:*","s3:LifecycleExpiration:*"]' '[]' '{"EventBridgeConfiguration":{}}'
printf '\n# %s\nevents = { queue_url = "%s" }\n' 'Source photos' "$queue_url"
