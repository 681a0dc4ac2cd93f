# Sends the events of S3 buckets to the queues of asset-indexer. Printed by
# `asset-indexer setup --print terraform --through s3`.
#
# Configure the provider "aws" for region us-gov-west-1 and account 123456789012.

data "aws_caller_identity" "asset_indexer" {}

# Sources photos, docs.1, covers, more
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
      values   = ["arn:aws-us-gov:s3:::acme-assets", "arn:aws-us-gov:s3:::more"]
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

# Source other
resource "aws_sqs_queue" "asset_indexer_other" {
  name                       = "asset-indexer-other"
  message_retention_seconds  = 1209600
  max_message_size           = 262144
  visibility_timeout_seconds = 30
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.asset_indexer_other_dead_letters.arn
    maxReceiveCount     = 10
  })
}

resource "aws_sqs_queue" "asset_indexer_other_dead_letters" {
  name                      = "asset-indexer-other-dead-letters"
  message_retention_seconds = 1209600
}

data "aws_iam_policy_document" "asset_indexer_other" {
  statement {
    sid       = "AssetIndexerFromS3"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.asset_indexer_other.arn]

    principals {
      type        = "Service"
      identifiers = ["s3.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = ["arn:aws-us-gov:s3:::other.bucket"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = ["210987654321"]
    }
  }
}

resource "aws_sqs_queue_policy" "asset_indexer_other" {
  queue_url = aws_sqs_queue.asset_indexer_other.id
  policy    = data.aws_iam_policy_document.asset_indexer_other.json
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
    filter_prefix = "docs"
  }

  queue {
    id            = "asset-indexer.assets.2"
    queue_arn     = aws_sqs_queue.assets.arn
    events        = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"]
    filter_prefix = "photos/2024/"
  }

  depends_on = [aws_sqs_queue_policy.assets]
}

# This resource replaces all notifications of the bucket. A bucket can have only one such resource. If your
# configuration already has one, merge this into it. If other tools set notifications on the bucket, add those
# here.
resource "aws_s3_bucket_notification" "more" {
  bucket = "more"

  queue {
    id        = "asset-indexer.assets.1"
    queue_arn = aws_sqs_queue.assets.arn
    events    = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"]
  }

  depends_on = [aws_sqs_queue_policy.assets]
}

# This resource replaces all notifications of the bucket. A bucket can have only one such resource. If your
# configuration already has one, merge this into it. If other tools set notifications on the bucket, add those
# here.
resource "aws_s3_bucket_notification" "other_bucket_x68b94bae" {
  bucket = "other.bucket"

  queue {
    id        = "asset-indexer.asset-indexer-other.1"
    queue_arn = aws_sqs_queue.asset_indexer_other.arn
    events    = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"]
  }

  depends_on = [aws_sqs_queue_policy.asset_indexer_other]
}

# For the configuration: Sources photos, docs.1, covers, more
output "assets" {
  value = "events = { queue_url = \"${aws_sqs_queue.assets.url}\" }"
}

# For the configuration: Source other
output "asset_indexer_other" {
  value = "events = { queue_url = \"${aws_sqs_queue.asset_indexer_other.url}\" }"
}
