variable "groups" {
  description = "Names of the Auto Scaling groups that are guarded; each gets the lifecycle hook"
  type        = set(string)
}

variable "hook_name" {
  description = "Name of the lifecycle hook in those groups"
  type        = string
  default     = "goldseal"
}

variable "evidence_bucket" {
  description = "Name of the bucket of the evidence"
  type        = string
}

variable "evidence_prefix" {
  description = "Where in that bucket the evidence is"
  type        = string
  default     = "prod"
}

variable "retention_days" {
  description = "For so many days no version of evidence can be deleted, by nobody"
  type        = number
  default     = 400
}

variable "administrator" {
  description = "ARN of the role that administers the keys; it signs with none of them"
  type        = string
}

variable "verifiers" {
  description = "ARNs of roles or accounts that read public keys and evidence"
  type        = list(string)
}

variable "signers" {
  description = "Who signs with which key: the ARN of one role each, and of no two the same"
  type = object({
    image      = string
    approval   = string
    revocation = string
    override-a = string
    override-b = string
    receipt    = string
  })

  validation {
    condition     = length(distinct(values(var.signers))) == 6
    error_message = "Nobody signs with two of the keys."
  }
}

variable "alarm_topics" {
  description = "ARNs of the SNS topics that alarms go to"
  type        = list(string)
  default     = []
}
