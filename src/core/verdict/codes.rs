//! Every code, in the order of the reports: what it means, and what to do. `docs/reasons.md` is made of it.

/// Every code, with what it means and what to do. Part of the public interface: a code never changes its meaning.
pub const CODES: &[(&str, &str, &str)] = &[
    (
        "identity-not-verified",
        "IMDS answered with an identity document that EC2 did not sign, or not like this: something between the instance and IMDS changed or invented it.",
        "The message says what is wrong with it. Find out who answers at the address of IMDS: routes, proxies, packet filters.",
    ),
    (
        "identity-signer-unknown",
        "The identity document is signed with a certificate that is not pinned: a region that is newer than the list, or a forgery.",
        "Look the serial number up among AWS's RSA-2048 certificates for identity documents; if it is there, give goldseal a newer list.",
    ),
    (
        "identity-mismatch",
        "What EC2 says of this instance, to a boot guard with its signature, is not what the image descriptor says: the evidence is of another image, region, owner or architecture.",
        "Launch the image that was sealed; if the evidence stands in the wrong place of the store, sign the image again.",
    ),
    (
        "image-not-found",
        "EC2 does not show the image: unknown id, another region or account, deregistered, or hidden by the account's Allowed AMIs setting.",
        "Check the id and `--region`; `aws ec2 describe-images --image-ids AMI` must show it to the same caller.",
    ),
    (
        "owner-not-accepted",
        "The image's owner is not in `identity.owners`.",
        "Launch an image of an accepted account, or add the owner to the policy.",
    ),
    (
        "region-not-accepted",
        "The image's region is not in `identity.regions`.",
        "Use the copy that was sealed for an accepted region, or add the region to the policy.",
    ),
    (
        "evidence-absent",
        "The store was asked and has no evidence for this image.",
        "Run `goldseal sign` for it, or point `--store` at the store that its pipeline writes to.",
    ),
    (
        "evidence-too-large",
        "The evidence, a line of it, or their number is over the limit.",
        "Sign an SBOM of over 16 MiB by reference (`--sbom-location`).",
    ),
    (
        "json-malformed",
        "A line of the evidence is not JSON: truncated or damaged.",
        "Fetch it again; if the store holds it like this, sign the image again.",
    ),
    (
        "json-too-deep",
        "Arrays and objects nest deeper than any attestation needs.",
        "Not made by goldseal or cosign: find out who wrote it.",
    ),
    (
        "json-duplicate-key",
        "A key stands twice in one object, so two readers could read two things.",
        "Not made by goldseal or cosign: find out who wrote it.",
    ),
    (
        "json-unexpected-content",
        "JSON, but with fields or types that a bundle or statement does not have.",
        "Write bundles of version 0.3 with goldseal or cosign 3.",
    ),
    (
        "bundle-media-type",
        "Not a Sigstore bundle of version 0.1 to 0.3.",
        "Write bundles of version 0.3 with goldseal or cosign 3.",
    ),
    (
        "bundle-content",
        "The bundle holds no envelope, or a second content beside it.",
        "Sign statements (`cosign attest-blob`), not files (`cosign sign-blob`).",
    ),
    (
        "bundle-material",
        "The bundle names no key or certificate, or more than one.",
        "Write bundles of version 0.3 with goldseal or cosign 3.",
    ),
    (
        "envelope-signature-count",
        "The envelope has no signature, or more than one.",
        "One bundle per signature: write a line for each signer.",
    ),
    (
        "envelope-base64",
        "A field is not canonical base64: damaged, or edited.",
        "Fetch it again; if the store holds it like this, sign the image again.",
    ),
    (
        "envelope-payload-type",
        "An authority signed something that is not an in-toto statement.",
        "Sign statements (`application/vnd.in-toto+json`).",
    ),
    (
        "statement-type",
        "The statement's `_type` is neither Statement/v1 nor v0.1.",
        "Sign in-toto statements of version 1.",
    ),
    (
        "statement-subject-count",
        "The statement has no subject, or more than one.",
        "One statement per image and region.",
    ),
    (
        "statement-subject-digest",
        "The subject has no sha256 digest in lowercase hexadecimal.",
        "Sign over the file that `goldseal describe` writes.",
    ),
    (
        "signer-unknown",
        "None of the policy's authorities signed this bundle.",
        "Sign with an accepted key, or add the key to the policy if it should be one.",
    ),
    (
        "signature-invalid",
        "The bundle names an authority's key but does not bear its signature: it was changed after signing.",
        "Fetch it again; if the store holds it like this, find out who changed it.",
    ),
    (
        "subject-mismatch",
        "The statement is about another image (or the image's facts are not what was signed).",
        "Fetch the evidence of this image; every region's copy has its own.",
    ),
    (
        "authority-not-yet-valid",
        "The signer's window has not begun.",
        "Check `valid_from` in the policy, and the clock.",
    ),
    ("authority-expired", "The signer's window has ended.", "Sign the image again with a current key."),
    (
        "authority-retired",
        "The signer is retired, and nothing that counts says that the signature is older.",
        "Seal the image again with a current key; `goldseal reseal` moves images before a key retires.",
    ),
    (
        "authority-key-withdrawn",
        "The signer's KMS key is disabled or pending deletion.",
        "Sign the image again with a current key, or enable the key if that was a mistake.",
    ),
    (
        "authority-key-changed",
        "KMS answers with another key than the policy pins: an alias was pointed elsewhere, or the pin is wrong.",
        "Find out who changed the alias (CloudTrail: UpdateAlias); pin key ARNs.",
    ),
    (
        "key-revoked",
        "The signer's key is on the revocation list, and nobody proves that the signature is older.",
        "Sign the image again with a current key (`goldseal reseal`), once you trust what it is.",
    ),
    (
        "witness-refused",
        "The log entry or timestamp that the policy asks for is absent or does not verify.",
        "Sign with a transparency log or timestamp authority of the policy's trusted root.",
    ),
    ("witness-in-future", "A witness saw the signature after the present time.", "Check the clock, and `--at`."),
    (
        "image-revoked",
        "The image, or what is on its devices, is on the revocation list.",
        "Launch another image. The entry says who revoked it, when and why.",
    ),
    (
        "builder-revoked",
        "The builder in the provenance is on the revocation list.",
        "Build the image again with a builder that is trusted.",
    ),
    (
        "evidence-revoked",
        "The evidence, or a statement that would count, is on the revocation list.",
        "Seal the image again, once you trust what it is.",
    ),
    (
        "receipt-missing",
        "The policy requires a receipt, and none that it accepts says that the image passed: there is none about this evidence under an accepted policy, the newest did not pass, or it is too old.",
        "The message says which. Let the other goldseal decide about the image (`goldseal audit --receipts`), and set `--receipts` to where it keeps them.",
    ),
    (
        "attestation-missing",
        "No verified statement of a kind that the policy requires.",
        "The reasons beside it say why the ones that are there do not count; else sign it.",
    ),
    (
        "attestation-ambiguous",
        "Several different statements of one kind count.",
        "Write the evidence anew with `goldseal sign --replace`.",
    ),
    (
        "attestation-under-threshold",
        "Fewer authorities signed the statement than the policy asks for.",
        "Let the others sign the same inputs with `goldseal sign --add`.",
    ),
    (
        "attestation-not-named",
        "A statement of the kind counts, but the gate result names another one (or none).",
        "Sign the image again: gate, SBOM, scan, provenance and approval are signed as one set.",
    ),
    (
        "gate-not-passed",
        "An authority signed a gate result that is not PASSED.",
        "goldseal signs no such result: find out who did.",
    ),
    (
        "approval-mismatch",
        "The approval is about other accepted risks than the gate result lists: one of the inputs changed after it.",
        "Run `goldseal gate` and `goldseal approve` again, then sign with the new approval.",
    ),
    (
        "builder-not-accepted",
        "The builder in the provenance is not in `provenance.builders`.",
        "Launch an image of an accepted pipeline, or add the builder to the policy.",
    ),
    (
        "repository-not-accepted",
        "The source repository in the provenance is not in `provenance.repositories`, or there is none.",
        "Build from an accepted repository, or add it to the policy.",
    ),
    (
        "base-owner-not-accepted",
        "The owner of the base image is not in `provenance.base_owners`, or the provenance does not name one.",
        "Build on an image of an accepted account, or add its owner to the policy.",
    ),
    (
        "tests-not-passed",
        "The policy asks for tests, and not every one of them passed: some failed, were skipped, or there was none.",
        "Look at the Goss results of the build; a skipped test is not a pass.",
    ),
    (
        "sbom-empty",
        "The SBOM lists no package.",
        "Make the SBOM of the root of the image, and look at what the tool says.",
    ),
    (
        "sbom-of-another-run",
        "The SBOM does not name the Packer run of the manifest, so it may be of another build.",
        "Give the run to Syft: `--source-version \"$PACKER_RUN_UUID\"`.",
    ),
    (
        "scan-of-another-source",
        "A scan without findings names another source than the SBOM.",
        "Scan the SBOM itself: `grype sbom:FILE -o json`.",
    ),
    (
        "scan-of-another-distribution",
        "Scan and SBOM name different distributions or versions.",
        "Scan the SBOM itself: `grype sbom:FILE -o json`.",
    ),
    (
        "scan-of-nothing",
        "The scanner did not recognise what it was given, so that it found nothing says nothing.",
        "Look at the `source` and `distro` of the report; scan the SBOM of the image's root.",
    ),
    (
        "packages-not-in-sbom",
        "Findings are about packages that the SBOM does not list: the scan is of something else.",
        "Scan the SBOM itself: `grype sbom:FILE -o json`.",
    ),
    ("scan-before-sbom", "The scan was made before the SBOM.", "Scan again, after the SBOM."),
    (
        "sbom-time-absent",
        "The SBOM does not say when it was made, so nobody can say that the scan is not older.",
        "Write SPDX `creationInfo.created` or CycloneDX `metadata.timestamp`; Syft does.",
    ),
    (
        "scan-time-absent",
        "The report does not say when it was made, so nobody can say how old it is.",
        "Use Grype 0.62 or newer.",
    ),
    ("input-in-future", "A date in the scan is after the present time.", "Check the clocks of both machines."),
    (
        "scan-too-old",
        "The scan is older than `gate.max_scan_age`.",
        "Build, scan and seal the image again (a new scan of the same SBOM is enough: `sign --replace`).",
    ),
    (
        "database-absent",
        "The report names no vulnerability database: the scanner ran without one, or is Trivy, which does not say.",
        "Update the scanner's database; for Trivy give `trivy version --format json` as `--scan-database`.",
    ),
    (
        "database-invalid",
        "The scanner itself calls its database invalid.",
        "Update the scanner's database, and scan again.",
    ),
    (
        "database-too-old",
        "The database was assembled longer ago than `gate.max_database_age`.",
        "Update the scanner's database, and scan again.",
    ),
    (
        "database-data-age-unknown",
        "The report does not say when the data of its database was taken.",
        "Use Grype 0.90 or newer.",
    ),
    (
        "database-data-too-old",
        "The data of the database is older than `gate.max_data_age`, however lately the database was assembled.",
        "Find out why the database is assembled from old data; update it, and scan again.",
    ),
    (
        "distribution-end-of-life",
        "The distribution is no longer maintained: what is not looked for is not found.",
        "Move to a maintained release, or accept it with `gate.end_of_life`.",
    ),
    (
        "distribution-life-unknown",
        "The policy rejects distributions that are no longer maintained, and the scanner did not look.",
        "Use Grype 0.106 or newer without turning `alerts.enable-eol-distro-warnings` off, or set `gate.end_of_life`.",
    ),
    (
        "scanner-filter",
        "The scanner was configured to hide findings (ignore rules, --only-fixed, VEX, excluded paths).",
        "Run it without, and write what is acceptable into exceptions.toml, with an owner and an end.",
    ),
    (
        "finding-hidden",
        "The scanner found it and hid it.",
        "Run the scanner without ignore rules, and write what is acceptable into exceptions.toml.",
    ),
    (
        "severity-unknown",
        "The scanner gives no severity that goldseal knows; nobody can say that it is harmless.",
        "Look at the finding, and write an exception if it is acceptable.",
    ),
    (
        "finding-at-threshold",
        "A finding at or above `gate.fail_on` that no exception covers.",
        "Update the package; or write an exception with an owner and an end, and have it approved.",
    ),
    (
        "exception-expired",
        "The exception that covered a finding has ended.",
        "Update the package, or have its owner renew the exception, and seal the image again.",
    ),
    ("exception-too-long", "An exception ends later than `gate.max_exception_life` allows.", "Choose an earlier end."),
    ("predicate-malformed", "An authority signed a predicate that does not read as its type.", "Sign the image again."),
    (
        "descriptor-mismatch",
        "The descriptor inside the provenance is not the one of the image.",
        "Sign the image again.",
    ),
    (
        "tag-mismatch",
        "A visible tag is not what was sealed, or the evidence was replaced and the image not tagged anew.",
        "After `sign` with --replace, --add or --no-tags: tag the image anew. Else find out who changed it (CloudTrail: \
         CreateTags), and set it back.",
    ),
    (
        "tag-not-sealed",
        "The policy compares a tag whose value the provenance does not hold.",
        "Put the tag into the build facts (`--provenance`), or take it out of the policy.",
    ),
    (
        "root-volume-foreign",
        "The instance's root volume is not made of a snapshot of its image: replaced, or given by hand.",
        "Find out who replaced it (CloudTrail: CreateReplaceRootVolumeTask, AttachVolume); launch a new instance.",
    ),
    (
        "identity-unavailable",
        "IMDS could not be asked who this instance is: no network yet, disabled, version 1 only, or a hop limit that is too low.",
        "The message says which; IMDS must be enabled for the instance (HttpEndpoint), and version 2 must be spoken.",
    ),
    (
        "image-unavailable",
        "EC2 could not be asked.",
        "The message names the call; check permissions, throttling and the network.",
    ),
    (
        "evidence-unavailable",
        "The store could not be asked.",
        "The message names the call; check permissions and the network.",
    ),
    (
        "revocations-unavailable",
        "The policy asks for a revocation list, and there is none that counts: absent, unreadable, or not signed by enough \
         of its authorities.",
        "The message says which. A first list is published by `goldseal revoke renew`.",
    ),
    (
        "revocations-stale",
        "The revocation list was signed longer ago than `revocation.max_age`.",
        "Run `goldseal revoke renew`, and find out why its schedule did not.",
    ),
    (
        "revocations-inconsistent",
        "Two revocation lists contradict each other: one serial twice, or entries that were taken out.",
        "Somebody signed both: find out who, and treat the key of the revocation authority as leaked until then.",
    ),
    (
        "receipts-unavailable",
        "The policy requires a receipt, and where receipts are kept could not be read.",
        "The message says why; check `--receipts`, and the rights of the caller there.",
    ),
    (
        "key-unavailable",
        "KMS could not be asked for an authority's key.",
        "Grant kms:GetPublicKey and kms:DescribeKey, or give the key as PEM.",
    ),
    (
        "instance-unavailable",
        "EC2 or Auto Scaling could not be asked for the instance, or EC2 does not show it yet.",
        "Try again; check `ec2:DescribeInstances` and `autoscaling:DescribeAutoScalingInstances` of the caller.",
    ),
    (
        "instance-inconsistent",
        "EC2 and Auto Scaling name different images for the instance: its root volume is being replaced.",
        "Try again; after a minute, look at the instance refresh of its group.",
    ),
    (
        "root-volume-unavailable",
        "EC2 could not be asked for the instance's root volume, or does not show it yet.",
        "Try again; check `ec2:DescribeVolumes` of the caller, or set `launch.root_volume` in the policy.",
    ),
    (
        "clock-behind",
        "The clock says a time before the instance was launched, so nobody knows what has expired.",
        "Set the clock before goldseal runs: on EC2 the time service at 169.254.169.123 needs no route.",
    ),
    (
        "place-unavailable",
        "An account or a region could not be asked what runs there, or not for all of it.",
        "The message names the call; check the audit role there, and that the region is enabled.",
    ),
    (
        "record-unavailable",
        "A decision that the launch hook recorded could not be read, or cannot be judged again.",
        "The message says why; what was decided then stands in the record.",
    ),
    (
        "clock-before-signed-time",
        "The present time is before a time that was signed: the end of the build, the gate, or an approval.",
        "Check the clock, and `--at`.",
    ),
    ("internal", "A case that should not be possible.", "Please report it with the command and its output."),
];

/// Returns what to do about a code.
pub fn remedy(code: &str) -> &'static str {
    CODES.iter().find(|(known, ..)| *known == code).map_or("", |(.., remedy)| remedy)
}

/// Says whether there is such a code.
pub fn is_cause(code: &str) -> bool {
    CODES.iter().any(|(known, ..)| *known == code)
}
