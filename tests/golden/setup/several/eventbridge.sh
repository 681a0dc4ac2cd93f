# What the Ids of all that is set begin with.
mark='asset-indexer'

# Sources photos, docs.1, covers, more
use_region 'us-gov-west-1'
use_account '123456789012'
make_queue 'assets' 'assets-dead-letters' \
    '{"MaximumMessageSize":"262144","MessageRetentionPeriod":"1209600","VisibilityTimeout":"30"}' 10
rule_1=$(send_on 'assets.acme-assets' \
    '{"source":["aws.s3"],"detail-type":["Object Created","Object Deleted"],"detail":{"bucket":{"name":["acme-assets"]},"object":{"key":[{"prefix":"docs & '\''co'\'' ${x} %{y} \"z\" \\ */"},{"prefix":"docs/"},{"prefix":"photos/2024/"}]}}}')
rule_2=$(send_on 'assets.more' \
    '{"source":["aws.s3"],"detail-type":["Object Created","Object Deleted"],"detail":{"bucket":{"name":["more"]}}}')
allow events.amazonaws.com AssetIndexerFromEventBridge "$rule_1 $rule_2" ''
notify 'acme-assets' '' \
    '["s3:ObjectCreated:*","s3:ObjectRemoved:*","s3:LifecycleExpiration:*"]' '[]' '{"EventBridgeConfiguration":{}}'
notify 'more' '' \
    '["s3:ObjectCreated:*","s3:ObjectRemoved:*","s3:LifecycleExpiration:*"]' '[]' '{"EventBridgeConfiguration":{}}'
printf '\n# %s\nevents = { queue_url = "%s" }\n' 'Sources photos, docs.1, covers, more' "$queue_url"
