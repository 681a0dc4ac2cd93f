#!/bin/sh
# Has buckets send their events to the queues that asset-indexer follows. Printed by
# `asset-indexer setup --print aws-cli`.
#
# Run it with credentials that may make and change queues, and change the notifications of these
# buckets. It can be run again. What is there stays: a bucket's notifications to others, other statements
# of a queue's policy, a queue's other attributes. S3 takes the notifications of a bucket as a whole, so
# change them by nothing else meanwhile.
set -eu

export AWS_PAGER='' AWS_DEFAULT_OUTPUT=json

die() {
    printf 'error: %s\n' "$1" >&2
    exit 1
}

for program in aws jq; do
    command -v "$program" >/dev/null || die "$program is not there; install it"
done

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

# use_account ACCOUNT: stops where the credentials are another's, in whose account another queue of the
# same name would be found or made
use_account() {
    ours=$(account_of_credentials)
    [ "$ours" = "$1" ] ||
        die "the queue is to be in account $1, and these credentials are of account $ours; run this with \
some of $1 (--source prints it for one queue alone), and where a bucket is not of that account have its \
policy allow them s3:GetBucketNotification and s3:PutBucketNotification"
}

# attribute URL NAME: an attribute of a queue, None where it has none
attribute() {
    sqs get-queue-attributes --queue-url "$1" --attribute-names "$2" \
        --query "Attributes.$2" --output text
}

# queue_of NAME ATTRIBUTES: makes the queue unless it is there; prints its address
queue_of() {
    sqs get-queue-url --queue-name "$1" --query QueueUrl --output text 2>/dev/null ||
        sqs create-queue --queue-name "$1" --attributes "$2" --query QueueUrl --output text
}

# make_queue NAME DEAD_LETTERS ATTRIBUTES COUNT: makes the queue, and that for what was received COUNT
# times unless it has another; it is $queue_name, $queue_url, $queue_arn then, and $queue_key what of KMS
# encrypts it
make_queue() {
    queue_name=$1
    queue_url=$(queue_of "$1" "$3")
    queue_arn=$(attribute "$queue_url" QueueArn)
    queue_key=$(attribute "$queue_url" KmsMasterKeyId)
    case $queue_key in
    *alias/aws/sqs)
        die "queue $1 is encrypted with alias/aws/sqs, which no other service can use to send to it; have \
SQS encrypt it with a key of its own (SqsManagedSseEnabled), or use a key of KMS whose policy is yours"
        ;;
    esac
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

# allow SERVICE SID SOURCES ACCOUNTS: lets the service send to the queue for these ARNs, and accounts where
# any are given
allow() {
    ours=$(jq --null-input --compact-output --arg service "$1" --arg sid "$2" --arg queue "$queue_arn" \
        --arg sources "$3" --arg accounts "$4" '{
            Sid: $sid, Effect: "Allow", Principal: {Service: $service},
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
    [ "$queue_key" = None ] || tell_of_key "$1" "$2"
}

# tell_of_key SERVICE SID: what the policy of the queue's key has to have
tell_of_key() {
    statement=$(jq --null-input --compact-output --arg service "$1" --arg sid "$2" '{
        Sid: $sid, Effect: "Allow", Principal: {Service: $service},
        Action: ["kms:GenerateDataKey", "kms:Decrypt"], Resource: "*"
    }')
    printf 'note: queue %s is encrypted with the key %s of KMS; without this statement in the policy of that
key no event comes, and nothing tells:\n%s\n' "$queue_name" "$queue_key" "$statement" >&2
}

# notify BUCKET OWNER EVENTS PREFIXES MORE: has the bucket, of that account where one is given, send
# the events of keys under the prefixes to the queue, in the place of what it sent there of them before
notify() {
    now=$(s3api get-bucket-notification-configuration --bucket "$1" \
        ${2:+--expected-bucket-owner "$2"})
    [ -n "$now" ] || now='{}'
    wanted=$(printf '%s' "$now" | jq --compact-output --arg mark "$mark.$queue_name." \
        --arg queue "$queue_arn" --argjson events "$3" --argjson prefixes "$4" --argjson more "$5" '
            ($events | map(rtrimstr("*"))) as $kinds
            | def is_ours: . as $event | any($kinds[]; . as $kind | $event | startswith($kind));
            (.QueueConfigurations = [
                (.QueueConfigurations // [])[]
                | select((.Id // "") | startswith($mark) | not)
                # Whoever set it: S3 takes the same event for the same queue once.
                | if .QueueArn == $queue then .Events |= map(select(is_ours | not)) else . end
                | select(.Events != [])
            ] + [
                $prefixes | to_entries[] | {
                    Id: "\($mark)\(.key + 1)", QueueArn: $queue, Events: $events
                } + if .value == "" then {} else {
                    Filter: {Key: {FilterRules: [{Name: "prefix", Value: .value}]}}
                } end
            ]) + $more')
    tries=10
    until said=$(s3api put-bucket-notification-configuration --bucket "$1" \
        ${2:+--expected-bucket-owner "$2"} --notification-configuration "$wanted" 2>&1); do
        printf '%s\n' "$said" >&2
        case $said in
        *'Unable to validate the following destination'*) ;;
        *[Oo]verlap*)
            die "the bucket $1 sends some of these events to others already, and S3 sends each to one alone; \
have all of them come by EventBridge: print this with --through eventbridge"
            ;;
        *) die "the bucket $1 was not told to send its events to the queue $queue_name" ;;
        esac
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] ||
            die "S3 cannot send to all that the bucket $1 is to send to: see that the key of KMS that encrypts \
the queue lets S3 use it, and that what the bucket sends to besides is still there"
        echo 'a new policy takes up to a minute to be seen by S3: trying again in 10 s' >&2
        sleep 10
    done
}

# send_on RULE PATTERN: has EventBridge send what matches to the queue; prints the rule's ARN
send_on() {
    arn=$(aws events put-rule --name "$1" --event-pattern "$2" --query RuleArn --output text)
    target=$(jq --null-input --compact-output --arg mark "$mark" --arg arn "$queue_arn" \
        '[{Id: $mark, Arn: $arn}]')
    failed=$(aws events put-targets --rule "$1" --targets "$target" \
        --query FailedEntryCount --output text)
    [ "$failed" = 0 ] || die "the rule $1 was not given the queue as its target"
    printf '%s\n' "$arn"
}
