# The prefix of all ids that this script sets.
id_prefix='asset-indexer'

# Sources photos, docs.1, covers, more
use_region 'us-gov-west-1'
require_account '123456789012'
create_queue 'assets' 'assets-dead-letters' \
    '{"MaximumMessageSize":"262144","MessageRetentionPeriod":"1209600","VisibilityTimeout":"30"}' 10
account=$(current_account)
allow_sending s3.amazonaws.com AssetIndexerFromS3 'arn:aws-us-gov:s3:::acme-assets arn:aws-us-gov:s3:::more' "$account"
set_notifications 'acme-assets' '' \
    '["s3:ObjectCreated:*","s3:ObjectRemoved:*","s3:LifecycleExpiration:*"]' '["docs","photos/2024/"]' '{}'
set_notifications 'more' '' \
    '["s3:ObjectCreated:*","s3:ObjectRemoved:*","s3:LifecycleExpiration:*"]' '[""]' '{}'
printf '\n# %s\nevents = { queue_url = "%s" }\n' 'Sources photos, docs.1, covers, more' "$queue_url"

# Source other
use_region 'us-gov-west-1'
create_queue 'asset-indexer-other' 'asset-indexer-other-dead-letters' \
    '{"MaximumMessageSize":"262144","MessageRetentionPeriod":"1209600","VisibilityTimeout":"30"}' 10
allow_sending s3.amazonaws.com AssetIndexerFromS3 'arn:aws-us-gov:s3:::other.bucket' "210987654321"
set_notifications 'other.bucket' '210987654321' \
    '["s3:ObjectCreated:*","s3:ObjectRemoved:*","s3:LifecycleExpiration:*"]' '[""]' '{}'
printf '\n# %s\nevents = { queue_url = "%s" }\n' 'Source other' "$queue_url"
