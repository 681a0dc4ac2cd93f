# Sends the events of S3 buckets to the queues of asset-indexer. Printed by
# `asset-indexer setup --print terraform --through eventbridge`.
#
# Configure the provider "aws" for region us-gov-west-1 and account 123456789012.

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

resource "aws_cloudwatch_event_rule" "assets_acme_assets_x9a592a6e" {
  name = "assets.acme-assets"
  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created", "Object Deleted"]
    detail = {
      bucket = { name = ["acme-assets"] }
      object = { key = [{ prefix = "docs & 'co' $${x} %%{y} \"z\" \\ */" }, { prefix = "docs/" }, { prefix = "photos/2024/" }] }
    }
  })
}

resource "aws_cloudwatch_event_target" "assets_acme_assets_x9a592a6e" {
  rule      = aws_cloudwatch_event_rule.assets_acme_assets_x9a592a6e.name
  target_id = "asset-indexer"
  arn       = aws_sqs_queue.assets.arn
}

resource "aws_cloudwatch_event_rule" "assets_more_x68065258" {
  name = "assets.more"
  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created", "Object Deleted"]
    detail = {
      bucket = { name = ["more"] }
    }
  })
}

resource "aws_cloudwatch_event_target" "assets_more_x68065258" {
  rule      = aws_cloudwatch_event_rule.assets_more_x68065258.name
  target_id = "asset-indexer"
  arn       = aws_sqs_queue.assets.arn
}

data "aws_iam_policy_document" "assets" {
  statement {
    sid       = "AssetIndexerFromEventBridge"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.assets.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.assets_acme_assets_x9a592a6e.arn, aws_cloudwatch_event_rule.assets_more_x68065258.arn]
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
  bucket      = "acme-assets"
  eventbridge = true
}

# This resource replaces all notifications of the bucket. A bucket can have only one such resource. If your
# configuration already has one, merge this into it. If other tools set notifications on the bucket, add those
# here.
resource "aws_s3_bucket_notification" "more" {
  bucket      = "more"
  eventbridge = true
}

# For the configuration: Sources photos, docs.1, covers, more
output "assets" {
  value = "events = { queue_url = \"${aws_sqs_queue.assets.url}\" }"
}
