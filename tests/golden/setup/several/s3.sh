# What the Ids of all that is set begin with.
mark='asset-indexer'

# Sources photos, docs.1, covers, more
use_region 'us-gov-west-1'
use_account '123456789012'
make_queue 'assets' 'assets-dead-letters' \
    '{"MaximumMessageSize":"262144","MessageRetentionPeriod":"1209600","VisibilityTimeout":"30"}' 10
account=$(account_of_credentials)
allow s3.amazonaws.com AssetIndexerFromS3 'arn:aws-us-gov:s3:::acme-assets arn:aws-us-gov:s3:::more' "$account"
notify 'acme-assets' '' \
    '["s3:ObjectCreated:*","s3:ObjectRemoved:*","s3:LifecycleExpiration:*"]' '["docs","photos/2024/"]' '{}'
notify 'more' '' \
    '["s3:ObjectCreated:*","s3:ObjectRemoved:*","s3:LifecycleExpiration:*"]' '[""]' '{}'
printf '\n# %s\nevents = { queue_url = "%s" }\n' 'Sources photos, docs.1, covers, more' "$queue_url"

# Source other
use_region 'us-gov-west-1'
make_queue 'asset-indexer-other' 'asset-indexer-other-dead-letters' \
    '{"MaximumMessageSize":"262144","MessageRetentionPeriod":"1209600","VisibilityTimeout":"30"}' 10
allow s3.amazonaws.com AssetIndexerFromS3 'arn:aws-us-gov:s3:::other.bucket' "210987654321"
notify 'other.bucket' '210987654321' \
    '["s3:ObjectCreated:*","s3:ObjectRemoved:*","s3:LifecycleExpiration:*"]' '[""]' '{}'
printf '\n# %s\nevents = { queue_url = "%s" }\n' 'Source other' "$queue_url"
