# The queue, who may send to it, where state is kept, and the role of the machines that run `goldseal hook`.

resource "aws_sqs_queue" "dead_letters" {
  name                      = "goldseal-dead"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue" "launches" {
  name                       = "goldseal"
  message_retention_seconds  = 86400
  receive_wait_time_seconds  = 20
  visibility_timeout_seconds = 120
  sqs_managed_sse_enabled    = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    # Not small: a message also comes again when a replica is killed.
    maxReceiveCount = 20
  })
}

data "aws_iam_policy_document" "launches" {
  statement {
    sid       = "NobodyElse"
    effect    = "Deny"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.launches.arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "ArnNotEquals"
      variable = "aws:PrincipalArn"
      values   = [aws_iam_role.notifier.arn]
    }
  }

  statement {
    sid       = "Encrypted"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [aws_sqs_queue.launches.arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue_policy" "launches" {
  queue_url = aws_sqs_queue.launches.id
  policy    = data.aws_iam_policy_document.launches.json
}

resource "aws_iam_role" "notifier" {
  name_prefix = "goldseal-notify-"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "autoscaling.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_iam_role_policy" "notifier" {
  name = "send"
  role = aws_iam_role.notifier.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["sqs:SendMessage", "sqs:GetQueueUrl"]
      Resource = aws_sqs_queue.launches.arn
    }]
  })
}

resource "aws_s3_bucket" "state" {
  bucket_prefix = "goldseal-state-"
}

resource "aws_s3_bucket_public_access_block" "state" {
  bucket                  = aws_s3_bucket.state.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# packaging/iam/hook.json
data "aws_iam_policy_document" "rights" {
  statement {
    sid       = "Queue"
    actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage"]
    resources = [aws_sqs_queue.launches.arn]
  }

  statement {
    sid = "Answer"
    actions = [
      "autoscaling:CompleteLifecycleAction",
      "autoscaling:RecordLifecycleActionHeartbeat",
      # An open breaker suspends launches where the policy has suspend_launch = true.
      "autoscaling:SuspendProcesses",
    ]
    resources = [for group in var.groups :
    "arn:${local.partition}:autoscaling:${local.region}:${local.account}:autoScalingGroup:*:autoScalingGroupName/${group}"]
  }

  statement {
    sid = "Look"
    actions = [
      "autoscaling:DescribeAutoScalingGroups",
      "autoscaling:DescribeAutoScalingInstances",
      "autoscaling:DescribeLifecycleHooks",
      "autoscaling:DescribeWarmPool",
      "ec2:DescribeImages",
      "ec2:DescribeInstances",
      "ec2:DescribeVolumes",
    ]
    resources = ["*"]
  }

  statement {
    sid       = "Evidence"
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.evidence.arn}/${var.evidence_prefix}/v1/*"]
  }

  statement {
    sid       = "Lists"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.evidence.arn, aws_s3_bucket.state.arn]
  }

  statement {
    sid       = "State"
    actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = ["${aws_s3_bucket.state.arn}/v1/*"]
  }

  statement {
    sid       = "Keys"
    actions   = ["kms:DescribeKey", "kms:GetPublicKey"]
    resources = [for key in aws_kms_key.key : key.arn]
  }
}

resource "aws_iam_role" "hook" {
  name_prefix = "goldseal-hook-"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "hook" {
  name   = "hook"
  role   = aws_iam_role.hook.id
  policy = data.aws_iam_policy_document.rights.json
}

resource "aws_iam_instance_profile" "hook" {
  name_prefix = "goldseal-hook-"
  role        = aws_iam_role.hook.name
}

# From the moment that it is there, launches wait for somebody to answer: apply this one last.
resource "aws_autoscaling_lifecycle_hook" "guard" {
  for_each = var.groups

  name                    = var.hook_name
  autoscaling_group_name  = each.value
  lifecycle_transition    = "autoscaling:EC2_INSTANCE_LAUNCHING"
  heartbeat_timeout       = 600
  default_result          = "ABANDON"
  notification_target_arn = aws_sqs_queue.launches.arn
  role_arn                = aws_iam_role.notifier.arn

  depends_on = [aws_iam_role_policy.notifier, aws_sqs_queue_policy.launches]
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name          = "goldseal-dead-letters"
  alarm_description   = "Messages that nobody could read or finish"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead_letters.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topics
}

resource "aws_cloudwatch_metric_alarm" "queue_age" {
  alarm_name          = "goldseal-queue-age"
  alarm_description   = "A launch waits for longer than any deadline"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.launches.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  threshold           = 900
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topics
}
