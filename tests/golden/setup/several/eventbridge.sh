# The prefix of all ids that this script sets.
id_prefix='asset-indexer'

# Sources photos, docs.1, covers, more
use_region 'us-gov-west-1'
require_account '123456789012'
create_queue 'assets' 'assets-dead-letters' \
    '{"MaximumMessageSize":"262144","MessageRetentionPeriod":"1209600","VisibilityTimeout":"30"}' 10
rule_1=$(create_rule 'assets.acme-assets' \
    '{"source":["aws.s3"],"detail-type":["Object Created","Object Deleted"],"detail":{"bucket":{"name":["acme-assets"]},"object":{"key":[{"prefix":"docs & '\''co'\'' ${x} %{y} \"z\" \\ */"},{"prefix":"docs/"},{"prefix":"photos/2024/"}]}}}')
rule_2=$(create_rule 'assets.more' \
    '{"source":["aws.s3"],"detail-type":["Object Created","Object Deleted"],"detail":{"bucket":{"name":["more"]}}}')
allow_sending events.amazonaws.com AssetIndexerFromEventBridge "$rule_1 $rule_2" ''
set_notifications 'acme-assets' '' \
    '["s3:ObjectCreated:*","s3:ObjectRemoved:*","s3:LifecycleExpiration:*"]' '[]' '{"EventBridgeConfiguration":{}}'
set_notifications 'more' '' \
    '["s3:ObjectCreated:*","s3:ObjectRemoved:*","s3:LifecycleExpiration:*"]' '[]' '{"EventBridgeConfiguration":{}}'
printf '\n# %s\nevents = { queue_url = "%s" }\n' 'Sources photos, docs.1, covers, more' "$queue_url"
