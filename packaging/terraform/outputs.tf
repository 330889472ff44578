output "queue" {
  description = "queue below [hook] in the settings"
  value       = aws_sqs_queue.launches.url
}

output "state" {
  description = "state below [hook] in the settings"
  value       = "s3://${aws_s3_bucket.state.id}"
}

output "store" {
  description = "store in the settings"
  value       = "s3://${aws_s3_bucket.evidence.id}/${var.evidence_prefix}"
}

output "instance_profile" {
  description = "for the machines that run goldseal hook"
  value       = aws_iam_instance_profile.hook.name
}

output "notify_role" {
  description = "--notify-role of goldseal enroll, for groups that are not made here"
  value       = aws_iam_role.notifier.arn
}

output "keys" {
  description = "ARNs of the keys, for --key and for the policy"
  value       = { for name, key in aws_kms_key.key : name => key.arn }
}
