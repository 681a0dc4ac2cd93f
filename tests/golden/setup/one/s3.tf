# Sends the events of S3 buckets to the queues of asset-indexer. Printed by
# `asset-indexer setup --print terraform --through s3`.
#
# Configure the provider "aws" for region eu-central-1 and account 123456789012.

data "aws_caller_identity" "asset_indexer" {}

# Source photos
resource "aws_sqs_queue" "assets" {
  name                       = "assets"
  message_retention_seconds  = 1209600
  max_message_size           = 262144
  visibility_timeout_seconds = 30
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.assets_dead_letters.arn
    maxReceiveCount     = 10
  })
}

resource "aws_sqs_queue" "assets_dead_letters" {
  name                      = "assets-dead-letters"
  message_retention_seconds = 1209600
}

data "aws_iam_policy_document" "assets" {
  statement {
    sid       = "AssetIndexerFromS3"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.assets.arn]

    principals {
      type        = "Service"
      identifiers = ["s3.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = ["arn:aws:s3:::acme-assets"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.asset_indexer.account_id]
    }
  }
}

resource "aws_sqs_queue_policy" "assets" {
  queue_url = aws_sqs_queue.assets.id
  policy    = data.aws_iam_policy_document.assets.json
}

# This resource replaces all notifications of the bucket. A bucket can have only one such resource. If your
# configuration already has one, merge this into it. If other tools set notifications on the bucket, add those
# here.
resource "aws_s3_bucket_notification" "acme_assets" {
  bucket = "acme-assets"

  queue {
    id            = "asset-indexer.assets.1"
    queue_arn     = aws_sqs_queue.assets.arn
    events        = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"]
    filter_prefix = "photos/"
  }

  depends_on = [aws_sqs_queue_policy.assets]
}

# For the configuration: Source photos
output "assets" {
  value = "events = { queue_url = \"${aws_sqs_queue.assets.url}\" }"
}
