# What the Ids of all that is set begin with.
mark='asset-indexer'

# Source photos
use_region 'eu-central-1'
use_account '123456789012'
make_queue 'assets' 'assets-dead-letters' \
    '{"MaximumMessageSize":"262144","MessageRetentionPeriod":"1209600","VisibilityTimeout":"30"}' 10
account=$(account_of_credentials)
allow s3.amazonaws.com AssetIndexerFromS3 'arn:aws:s3:::acme-assets' "$account"
notify 'acme-assets' '' \
    '["s3:ObjectCreated:*","s3:ObjectRemoved:*","s3:LifecycleExpiration:*"]' '["photos/"]' '{}'
printf '\n# %s\nevents = { queue_url = "%s" }\n' 'Source photos' "$queue_url"
