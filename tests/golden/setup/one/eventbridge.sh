# The prefix of all ids that this script sets.
id_prefix='asset-indexer'

# Source photos
use_region 'eu-central-1'
require_account '123456789012'
create_queue 'assets' 'assets-dead-letters' \
    '{"MaximumMessageSize":"262144","MessageRetentionPeriod":"1209600","VisibilityTimeout":"30"}' 10
rule_1=$(create_rule 'assets.acme-assets' \
    '{"source":["aws.s3"],"detail-type":["Object Created","Object Deleted"],"detail":{"bucket":{"name":["acme-assets"]},"object":{"key":[{"prefix":"photos/"}]}}}')
allow_sending events.amazonaws.com AssetIndexerFromEventBridge "$rule_1" ''
set_notifications 'acme-assets' '' \
    '["s3:ObjectCreated:*","s3:ObjectRemoved:*","s3:LifecycleExpiration:*"]' '[]' '{"EventBridgeConfiguration":{}}'
printf '\n# %s\nevents = { queue_url = "%s" }\n' 'Source photos' "$queue_url"
