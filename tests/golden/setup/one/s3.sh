# The prefix of all ids that this script sets.
id_prefix='asset-indexer'

# Source photos
use_region 'eu-central-1'
require_account '123456789012'
create_queue 'assets' 'assets-dead-letters' \
    '{"MaximumMessageSize":"262144","MessageRetentionPeriod":"1209600","VisibilityTimeout":"30"}' 10
account=$(current_account)
allow_sending s3.amazonaws.com AssetIndexerFromS3 'arn:aws:s3:::acme-assets' "$account"
set_notifications 'acme-assets' '' \
    '["s3:ObjectCreated:*","s3:ObjectRemoved:*","s3:LifecycleExpiration:*"]' '["photos/"]' '{}'
printf '\n# %s\nevents = { queue_url = "%s" }\n' 'Source photos' "$queue_url"
