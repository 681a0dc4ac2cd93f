# Has buckets send their events to the queues that asset-indexer follows. Printed by
# `asset-indexer setup --print terraform --through eventbridge`.
#
# The provider "aws" must be of the Region us-gov-west-1.

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

resource "aws_cloudwatch_event_rule" "assets_acme_assets" {
  name = "assets-acme-assets"
  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created", "Object Deleted"]
    detail = {
      bucket = { name = ["acme-assets"] }
      object = { key = [{ prefix = "docs & 'co' $${x} %%{y} \"z\" \\ */" }, { prefix = "docs/" }, { prefix = "photos/2024/" }] }
    }
  })
}

resource "aws_cloudwatch_event_target" "assets_acme_assets" {
  rule      = aws_cloudwatch_event_rule.assets_acme_assets.name
  target_id = "asset-indexer"
  arn       = aws_sqs_queue.assets.arn
}

resource "aws_cloudwatch_event_rule" "assets_more" {
  name = "assets-more"
  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created", "Object Deleted"]
    detail = {
      bucket = { name = ["more"] }
    }
  })
}

resource "aws_cloudwatch_event_target" "assets_more" {
  rule      = aws_cloudwatch_event_rule.assets_more.name
  target_id = "asset-indexer"
  arn       = aws_sqs_queue.assets.arn
}

data "aws_iam_policy_document" "assets" {
  statement {
    sid       = "AssetIndexer"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.assets.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.assets_acme_assets.arn, aws_cloudwatch_event_rule.assets_more.arn]
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

resource "aws_cloudwatch_event_rule" "asset_indexer_other_other_bucket" {
  name = "asset-indexer-other-other.bucket"
  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created", "Object Deleted"]
    detail = {
      bucket = { name = ["other.bucket"] }
    }
  })
}

resource "aws_cloudwatch_event_target" "asset_indexer_other_other_bucket" {
  rule      = aws_cloudwatch_event_rule.asset_indexer_other_other_bucket.name
  target_id = "asset-indexer"
  arn       = aws_sqs_queue.asset_indexer_other.arn
}

data "aws_iam_policy_document" "asset_indexer_other" {
  statement {
    sid       = "AssetIndexer"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.asset_indexer_other.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.asset_indexer_other_other_bucket.arn]
    }
  }
}

resource "aws_sqs_queue_policy" "asset_indexer_other" {
  queue_url = aws_sqs_queue.asset_indexer_other.id
  policy    = data.aws_iam_policy_document.asset_indexer_other.json
}

# This is all that the bucket sends: a bucket has one such resource, and what is not in it is removed.
# Where there is one, put its contents there; where something else has set notifications, put them here.
resource "aws_s3_bucket_notification" "acme_assets" {
  bucket      = "acme-assets"
  eventbridge = true
}

# This is all that the bucket sends: a bucket has one such resource, and what is not in it is removed.
# Where there is one, put its contents there; where something else has set notifications, put them here.
resource "aws_s3_bucket_notification" "more" {
  bucket      = "more"
  eventbridge = true
}

# This is all that the bucket sends: a bucket has one such resource, and what is not in it is removed.
# Where there is one, put its contents there; where something else has set notifications, put them here.
resource "aws_s3_bucket_notification" "other_bucket" {
  bucket      = "other.bucket"
  eventbridge = true
}

# For the configuration: Sources photos, docs.1, covers, more
output "assets" {
  value = "events = { queue_url = \"${aws_sqs_queue.assets.url}\" }"
}

# For the configuration: Source other
output "asset_indexer_other" {
  value = "events = { queue_url = \"${aws_sqs_queue.asset_indexer_other.url}\" }"
}
