// A golden image: build → tests → SBOM → manifest → scan → gate → (approval) → seal. See README.md beside this file.

packer {
  required_version = ">= 1.16.0"
  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = "1.8.2"
    }
  }
}

variable "name" {
  description = "What the image is called; its build time is appended."
  type        = string
  default     = "golden-base"
}

variable "region" {
  description = "Where it is built."
  type        = string
  default     = "eu-west-1"
}

variable "ami_regions" {
  description = "Where it is copied to. Each copy is sealed on its own."
  type        = list(string)
  default     = []
}

variable "source_ami" {
  description = "The base image. null: the newest one with source_ami_name and source_ami_owner."
  type        = string
  default     = null
}

variable "source_ami_name" {
  type    = string
  default = "debian-12-amd64-*"
}

variable "source_ami_owner" {
  description = "Account that publishes the base image: Debian's own. A name without an owner would take anybody's image."
  type        = string
  default     = "136693071363"
  validation {
    condition     = can(regex("^[0-9]{12}$", var.source_ami_owner))
    error_message = "An account id of 12 digits."
  }
}

variable "instance_type" {
  type    = string
  default = "t3.small"
}

variable "subnet_id" {
  type    = string
  default = null
}

variable "ssh_username" {
  type    = string
  default = "admin"
}

variable "git_commit" {
  description = "The commit that this build is made of."
  type        = string
  validation {
    condition     = can(regex("^([0-9a-f]{40}|[0-9a-f]{64})$", var.git_commit))
    error_message = "A whole commit id: git rev-parse HEAD."
  }
}

variable "builder" {
  description = "Who builds, as the policy names it; in CI what goldseal takes from the job: the workflow and its ref."
  type        = string
}

variable "tools" {
  description = "Directory with the goss and syft that run inside the image: Linux, of its architecture."
  type        = string
  default     = "/usr/local/bin"
}

variable "root" {
  description = "A directory with the image's root file system, for a build that nobody logs in to: Goss and Syft then run here."
  type        = string
  default     = null
}

variable "out" {
  description = "Directory for what the build says about the image."
  type        = string
  default     = "out"
}

variable "policy" {
  type    = string
  default = "policy.toml"
}

variable "exceptions" {
  description = "exceptions.toml, where there are any."
  type        = string
  default     = null
}

variable "packer_key" {
  description = "KMS key (awskms:///alias/…) for Packer's own provenance. null: none is written."
  type        = string
  default     = null
}

variable "packer_public_key" {
  description = "File with the public half of packer_key, in PEM: goldseal verifies Packer's provenance with it."
  type        = string
  default     = null
}

variable "seal" {
  description = "false: stop after the gate; jobs of the pipeline approve and seal."
  type        = bool
  default     = true
}

variable "approve" {
  description = "Command that waits for the approver and leaves the signed approval in $OUT/approval.jsonl. null: none is awaited."
  type        = string
  default     = null
}

variable "key" {
  description = "KMS key that seals: awskms:///alias/…"
  type        = string
  default     = "awskms:///alias/image-signing"
}

variable "store" {
  description = "Where the evidence goes: s3://…, oci://…, file:///…"
  type        = string
  default     = null
}

variable "publish" {
  description = "Options of goldseal publish, such as [\"--share\", \"123456789012\", \"--protect\"]. None may hold a space."
  type        = list(string)
  default     = []
}

locals {
  built_at = timestamp()
  version  = formatdate("YYYYMMDD-hhmmss", local.built_at)
  logs_in  = var.root == null

  environment = [
    "NAME=${var.name}",
    "VERSION=${local.version}",
    "OUT=${var.out}",
    "ROOT=${local.logs_in ? "" : var.root}",
    "GOSS=${path.root}/goss.yaml",
    "POLICY=${var.policy}",
    "EXCEPTIONS=${var.exceptions == null ? "" : var.exceptions}",
    "PACKER_PROVENANCE=${var.packer_key == null ? "" : "${var.out}/${local.version}"}",
    "PACKER_PUBLIC_KEY=${var.packer_public_key == null ? "" : var.packer_public_key}",
    "KEY=${var.key}",
    "STORE=${var.store == null ? "" : var.store}",
    "PUBLISH=${join(" ", var.publish)}",
  ]
}

source "amazon-ebs" "base" {
  region        = var.region
  ami_regions   = var.ami_regions
  ami_name      = "${var.name}-${local.version}"
  instance_type = var.instance_type
  subnet_id     = var.subnet_id
  source_ami    = var.source_ami

  dynamic "source_ami_filter" {
    for_each = var.source_ami == null ? [1] : []
    content {
      filters     = { name = var.source_ami_name, "root-device-type" = "ebs", "virtualization-type" = "hvm" }
      owners      = [var.source_ami_owner]
      most_recent = true
    }
  }

  communicator              = local.logs_in ? "ssh" : "none"
  ssh_username              = var.ssh_username
  ssh_clear_authorized_keys = true
  imds_support              = "v2.0"
  // The one address that Packer comes from, not the whole internet.
  temporary_security_group_source_public_ip = local.logs_in
  metadata_options {
    http_endpoint = "enabled"
    http_tokens   = "required"
  }

  // goldseal signs what these say and compares them ever after.
  tags = {
    SourceAMI     = "{{ .SourceAMI }}"
    GitCommit     = var.git_commit
    PackerVersion = packer.version
    BuiltAt       = local.built_at
    Builder       = var.builder
  }
}

build {
  sources = ["source.amazon-ebs.base"]

  provisioner "shell" {
    except = local.logs_in ? [] : ["amazon-ebs.base"]
    inline = [
      "sudo apt-get update -q",
      "sudo DEBIAN_FRONTEND=noninteractive apt-get upgrade -qy",
      "sudo DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends nginx openssh-server openssl python3",
      "sudo apt-get clean",
      "install -d -m 700 /tmp/golden",
    ]
  }

  provisioner "file" {
    except      = local.logs_in ? [] : ["amazon-ebs.base"]
    sources     = ["${path.root}/goss.yaml", "${var.tools}/goss", "${var.tools}/syft"]
    destination = "/tmp/golden/"
  }

  // Tests, then the SBOM, after everything that installs; a test that fails ends the build before there is an image.
  provisioner "shell" {
    except           = local.logs_in ? [] : ["amazon-ebs.base"]
    environment_vars = ["NAME=${var.name}-${build.PackerRunUUID}", "VERSION=${local.version}", "SYFT_CHECK_FOR_APP_UPDATE=false"]
    inline = [
      "cd /tmp/golden && chmod +x goss syft",
      "sudo ./goss -g goss.yaml --vars-inline '{root: \"\"}' validate --format json >goss.json || { sudo ./goss -g goss.yaml --vars-inline '{root: \"\"}' validate; exit 1; }",
      "sudo -E ./syft scan dir:/ --base-path / --exclude ./proc --exclude ./sys --exclude ./dev --exclude ./run --exclude ./tmp --source-name \"$NAME\" --source-version \"$VERSION\" -o spdx-json=sbom.spdx.json",
    ]
  }

  provisioner "shell-local" {
    except = local.logs_in ? [] : ["amazon-ebs.base"]
    inline = ["mkdir -p '${var.out}'"]
  }

  provisioner "file" {
    except      = local.logs_in ? [] : ["amazon-ebs.base"]
    direction   = "download"
    sources     = ["/tmp/golden/goss.json", "/tmp/golden/sbom.spdx.json"]
    destination = "${var.out}/"
  }

  // What no two instances may share, and what brought us here.
  provisioner "shell" {
    except = local.logs_in ? [] : ["amazon-ebs.base"]
    inline = [
      "sudo rm -rf /tmp/golden /var/lib/apt/lists/* /etc/ssh/ssh_host_*",
      "sudo cloud-init clean --logs --machine-id",
    ]
  }

  // One sequence: each step runs only when those before it passed.
  post-processors {
    // Before the manifest: if this fails, Packer deregisters the image.
    post-processor "shell-local" {
      name             = "inspect"
      except           = local.logs_in ? ["amazon-ebs.base"] : []
      environment_vars = local.environment
      inline_shebang   = "/bin/sh -eu"
      inline = [
        "mkdir -p \"$OUT\"",
        "goss -g \"$GOSS\" --vars-inline \"{root: '$ROOT'}\" validate --format json >\"$OUT/goss.json\" || { goss -g \"$GOSS\" --vars-inline \"{root: '$ROOT'}\" validate; exit 1; }",
        "syft scan \"dir:$ROOT\" --base-path \"$ROOT\" --source-name \"$NAME-$PACKER_RUN_UUID\" --source-version \"$VERSION\" -o \"spdx-json=$OUT/sbom.spdx.json\"",
      ]
    }

    // From here on the image stays, whatever fails.
    post-processor "manifest" {
      output = "${var.out}/packer-manifest.json"
      custom_data = {
        source_ami       = build.SourceAMI
        source_ami_owner = build.SourceAMIOwner
        packer_version   = packer.version
        git_commit       = var.git_commit
        builder          = var.builder
      }
    }

    post-processor "provenance" {
      except       = var.packer_key == null ? ["amazon-ebs.base"] : []
      output_dir   = "${var.out}/${local.version}"
      signing_mode = "kms"
      signer       = var.packer_key == null ? "" : var.packer_key
    }

    post-processor "shell-local" {
      name             = "scan"
      environment_vars = local.environment
      inline_shebang   = "/bin/sh -eu"
      inline           = ["grype \"sbom:$OUT/sbom.spdx.json\" -o json --file \"$OUT/scan.json\""]
    }

    // First for the approver's eyes and whatever comes later, then for the log; the exit code is that of the second.
    post-processor "shell-local" {
      name             = "gate"
      environment_vars = local.environment
      inline_shebang   = "/bin/sh -eu"
      inline = [
        "set -- --sbom \"$OUT/sbom.spdx.json\" --scan \"$OUT/scan.json\" --manifest \"$OUT/packer-manifest.json\" --policy \"$POLICY\"",
        "[ -z \"$EXCEPTIONS\" ] || set -- \"$@\" --exceptions \"$EXCEPTIONS\"",
        "goldseal gate \"$@\" --output json >\"$OUT/gate.json\" || true",
        "goldseal gate \"$@\"",
      ]
    }

    post-processor "shell-local" {
      name             = "approval"
      except           = var.seal && var.approve != null ? [] : ["amazon-ebs.base"]
      environment_vars = local.environment
      inline_shebang   = "/bin/sh -eu"
      inline           = [var.approve == null ? "false" : var.approve]
    }

    post-processor "shell-local" {
      name             = "seal"
      except           = var.seal ? [] : ["amazon-ebs.base"]
      environment_vars = local.environment
      inline_shebang   = "/bin/sh -eu"
      inline = [
        "set -- --manifest \"$OUT/packer-manifest.json\" --sbom \"$OUT/sbom.spdx.json\" --scan \"$OUT/scan.json\"",
        "set -- \"$@\" --goss \"$OUT/goss.json\" --policy \"$POLICY\" --key \"$KEY\" --store \"$STORE\"",
        "[ -z \"$EXCEPTIONS\" ] || set -- \"$@\" --exceptions \"$EXCEPTIONS\"",
        "[ ! -e \"$OUT/approval.jsonl\" ] || set -- \"$@\" --approval \"$OUT/approval.jsonl\"",
        "[ -z \"$PACKER_PUBLIC_KEY\" ] || set -- \"$@\" --packer-key \"$PACKER_PUBLIC_KEY\" --packer-provenance \"$PACKER_PROVENANCE\"/*.provenance.json",
        "goldseal seal \"$@\" $PUBLISH",
      ]
    }
  }
}
