# One key for each role that signs, all under one and the same policy but for who that is.

data "aws_iam_policy_document" "key" {
  for_each = var.signers

  statement {
    sid = "Administer"
    actions = [
      "kms:CancelKeyDeletion",
      "kms:CreateAlias",
      "kms:DeleteAlias",
      "kms:DescribeKey",
      "kms:DisableKey",
      "kms:EnableKey",
      "kms:GetKeyPolicy",
      "kms:GetPublicKey",
      "kms:ListResourceTags",
      "kms:PutKeyPolicy",
      "kms:ScheduleKeyDeletion",
      "kms:TagResource",
      "kms:UntagResource",
      "kms:UpdateAlias",
      "kms:UpdateKeyDescription",
    ]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = [var.administrator]
    }
  }

  statement {
    sid       = "Sign"
    actions   = ["kms:DescribeKey", "kms:GetPublicKey", "kms:Sign"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = [each.value]
    }
  }

  statement {
    sid       = "Verify"
    actions   = ["kms:DescribeKey", "kms:GetPublicKey"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = var.verifiers
    }
  }

  statement {
    sid       = "NobodyElseSigns"
    effect    = "Deny"
    actions   = ["kms:CreateGrant", "kms:Sign"]
    resources = ["*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "ArnNotEquals"
      variable = "aws:PrincipalArn"
      values   = [each.value]
    }
  }
}

resource "aws_kms_key" "key" {
  for_each = var.signers

  description              = "goldseal: ${each.key}"
  customer_master_key_spec = "ECC_NIST_P256"
  key_usage                = "SIGN_VERIFY"
  deletion_window_in_days  = 30
  policy                   = data.aws_iam_policy_document.key[each.key].json

  lifecycle {
    prevent_destroy = true

    precondition {
      condition     = each.value != var.administrator
      error_message = "The administrator of the keys signs with none of them."
    }
  }
}

resource "aws_kms_alias" "key" {
  for_each = var.signers

  name          = "alias/goldseal-${each.key}"
  target_key_id = aws_kms_key.key[each.key].key_id
}
