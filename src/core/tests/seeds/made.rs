//! The seeds: what goldseal and other programs write, small, from the builders of the tests and their vectors.
//! `UPDATE_SEEDS=1` writes them; signatures are others each time, so they are written only where one is missing.

use std::{fs, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_executor::block_on;
use goldseal_core::{
    attestation::{
        Bundle, Content, Kind, Statement, lines,
        predicate::{GrantScope, Reference, Revoked},
    },
    digest::Sha256Digest,
    fleet::Snapshot,
    flow::outage,
    ids::AmiId,
    lifecycle::Breakers,
    policy::BreakerRule,
    ports::{StateName, evidence_path},
    report::Outcome,
    testing::{
        audits, evidence,
        identity::{CERTIFICATE, FORGED, SIGNED},
        images::{DESCRIBED, descriptor},
        inputs::{SPDX, excepted, found, grype},
        keys::{LocalKey, P256_PEM},
        launches::FakeState,
        lists,
        log::FakeLog,
        policies, receipts,
    },
};
use serde_json::json;

use super::fuzz::evidence::{gated, now};

/// A target, a seed of it by name, and its bytes.
type Seed = (&'static str, &'static str, Vec<u8>);

const CLAIMED: &str = r#"{"schema":"goldseal/receipted/v1","batches":[{"decisions":[
    "v1/decisions/2026-11-24/075900-0123456789abcdef.jsonl"],"written":false}]}"#;
const RUN: &str = "60fe11a8-f3db-9141-9a4d-bc97188e4d69";

fn vector(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(name)).unwrap()
}

fn text(target: &'static str, name: &'static str, text: impl Into<String>) -> Seed {
    (target, name, text.into().into_bytes())
}

fn json(target: &'static str, name: &'static str, value: &serde_json::Value) -> Seed {
    (target, name, serde_json::to_vec(value).unwrap())
}

fn payload(line: &[u8]) -> Vec<u8> {
    let Content::Envelope(envelope) = Bundle::parse(line).unwrap().content else { panic!("an envelope") };
    envelope.payload
}

/// Returns all seeds.
pub fn seeds() -> Vec<Seed> {
    [evidence_seeds(), keys(), builds(), scans(), kept(), told(), words()].concat()
}

fn evidence_seeds() -> Vec<Seed> {
    let ci = LocalKey::p256(1);
    let sealed = evidence::sealed(&ci);
    let whole = gated();
    let all: Vec<Vec<u8>> = lines(&whole).unwrap().iter().map(|(_, line)| payload(line)).collect();
    let facts = r#"{"builder":"https://ci.example","invocation":"7","source":{"repository":"https://github.com/acme/images",
        "commit":"5b1f0c9e27d84a36b0e4c7719f2ad8635c0e91d4"},"tags":{"Commit":"5b1f"},"finishedOn":"2026-11-01T10:00:00Z"}"#;
    let provenance = evidence::provenance_of(facts);
    let of = |payload: &[u8]| Statement::parse(payload.to_vec()).unwrap().predicate_bytes().to_vec();
    let reference = Reference::new("ci", descriptor().digest(), "s3://bucket/sbom.json", "application/spdx+json");
    let list = lists::revocations(7, &[Revoked::Lift { entry: 1 }]);
    let grant = lists::grant(GrantScope::Image(lists::image()), &["evidence-absent"]);
    let mut seeds = vec![
        ("bundle", "ours", ci.bundle(evidence::payload(Kind::Sbom))),
        ("bundle", "url-safe", vector("accept/base64-url-safe.jsonl")),
        ("bundle", "nulls", vector("accept/nulls.jsonl")),
        ("bundle", "older", vector("accept/media-type-0.1-old.jsonl")),
        ("bundle", "witnessed", FakeLog::new(2).seen(&ci.bundle(evidence::payload(Kind::Scan)), &ci, 1_700_000_000)),
        ("evidence_file", "sealed", sealed),
        ("evidence_file", "gated", whole),
        ("evidence_file", "two-lines", b"{}\n[]\n".to_vec()),
        ("judgement", "provenance-alone", provenance.clone()),
        // The approval is the first line, and the approver's.
        ("judgement", "gated", [b"boss ".to_vec(), all.join(&b"\n"[..])].concat()),
        ("predicate", "provenance", of(&provenance)),
        ("predicate", "reference", serde_json::to_vec(&reference).unwrap()),
        text("predicate", "bare", evidence::BARE_PROVENANCE),
        ("predicate", "revocations", serde_json::to_vec(&list).unwrap()),
        ("predicate", "grant", serde_json::to_vec(&grant).unwrap()),
        ("predicate", "receipt", serde_json::to_vec(&receipts::receipt(receipts::said())).unwrap()),
        ("statement", "provenance", provenance),
    ];
    for (name, payload) in ["approval", "sealed-provenance", "sbom", "gate"].into_iter().zip(&all) {
        seeds.push(("statement", name, payload.clone()));
        seeds.push(("predicate", name, of(payload)));
    }
    seeds
}

fn keys() -> Vec<Seed> {
    let cms = |text: &str| STANDARD.decode(text.replace(['\n', '\r'], "")).unwrap();
    vec![
        text("identity_text", "signed", SIGNED),
        text("identity_text", "forged", FORGED),
        ("identity_text", "armoured", vector("identity/armoured.p7")),
        ("identity_cms", "signed", cms(SIGNED)),
        ("identity_cms", "pieces", cms(std::str::from_utf8(&vector("identity/ec2-pieces.p7")).unwrap())),
        ("identity_cms", "attributes", cms(std::str::from_utf8(&vector("identity/attributes.p7")).unwrap())),
        ("identity_cms", "two-signers", cms(std::str::from_utf8(&vector("identity/two-signers.p7")).unwrap())),
        text("certificates", "one", CERTIFICATE),
        ("certificates", "another-key", vector("identity/p256.pem")),
        text("public_key", "p256", P256_PEM),
        ("public_key", "p256-der", LocalKey::p256(1).public().spki().to_vec()),
        ("public_key", "ed25519", vector("keys/ed25519.pem")),
        ("public_key", "rsa", vector("keys/rsa-2048.pem")),
        ("public_key", "ml-dsa", vector("keys/ml-dsa-44.pem")),
        text("trusted_root", "log", FakeLog::new(2).trusted_root()),
        ("trusted_root", "vectors", vector("witness/trusted_root.json")),
    ]
}

fn builds() -> Vec<Seed> {
    let image = descriptor();
    let manifest = json!({"builds": [
        {"name": "base", "builder_type": "amazon-ebs", "build_time": 1_795_437_819, "files": null, "packer_run_uuid": RUN,
         "artifact_id": "eu-west-1:ami-0123456789abcdef0,us-east-1:ami-0000000000000000a", "custom_data": {"git_commit": "0a1b"}},
        {"name": "other", "builder_type": "docker", "build_time": 1_795_437_819, "files": null, "packer_run_uuid": "x",
         "artifact_id": "sha256:00", "custom_data": null},
    ], "last_run_uuid": RUN});
    let identity = r#"{"builderId":"mitchellh.amazonebs","id":"eu-west-1:ami-0123456789abcdef0"}"#;
    let packer = json!({"_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "mitchellh.amazonebs", "digest": {"sha256": Sha256Digest::of(identity.as_bytes())}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {"buildType": "https://packer.io/buildtypes/hcl2/v1", "externalParameters": {},
                "internalParameters": {"packerBuildName": "base", "packerVersion": "1.16.0"},
                "resolvedDependencies": [{"uri": "git+https://github.com/acme/images@refs/heads/main",
                    "digest": {"gitCommit": "5b1f0c9e27d84a36b0e4c7719f2ad8635c0e91d4"}}]},
            "runDetails": {"builder": {"id": "https://packer.io/local-build"}, "metadata": {"invocationId": "1658821493"},
                "byproducts": [{"name": "cloud-artifact-identity", "content": STANDARD.encode(identity)}]}}});
    let bundle = LocalKey::p256(3).bundle(packer.to_string().into_bytes());
    let envelope = serde_json::from_slice::<serde_json::Value>(&bundle).unwrap()["dsseEnvelope"].clone();
    let test = |name: &str, result: u64| {
        json!({"duration": 1, "err": null, "property": "exists", "resource-id": name, "resource-type": "File",
               "result": result, "skipped": result == 2, "successful": result != 1})
    };
    let goss = json!({"results": [test("/a", 0), test("/b", 1), test("/c", 2)],
        "summary": {"failed-count": 1, "skipped-count": 1, "test-count": 3, "total-duration": 1}});
    let check = json!({"schema": "goldseal/boot-check/v1", "root": "/", "recipe": "sysinit", "version": "0.1.0",
        "reportOnly": false, "records": true, "executable": image.digest(),
        "findings": [{"severity": "note", "code": "no-cloud-init", "where": "units", "message": "m", "type": []}]});
    vec![
        ("descriptor", "ours", image.bytes().to_vec()),
        text("described_images", "cli", DESCRIBED),
        json("packer_manifest", "two", &manifest),
        json("packer_provenance", "signed", &envelope),
        json("goss", "three", &goss),
        json("boot_check", "holds", &check),
        text("build_facts", "few", goldseal_core::testing::sealing::FACTS),
        ("build_facts", "all", fs::read(fixture("build.json")).unwrap()),
        text("strict_json", "kinds", r#"{"a":[1,-2.5e3,"x\u00e9\n",{"b":null,"c":[true,false]}],"":{"":""}}"#),
        text("strict_json", "many-keys", (0..40).map(|at| format!("\"k{at}\":[{at}]")).collect::<Vec<_>>().join(",")),
        text("strict_json", "twice", r#"{"a":1,"b":{"c":[],"c":2}}"#),
    ]
}

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(name)
}

fn scans() -> Vec<Seed> {
    let cyclonedx = json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": "urn:uuid:1", "version": 1,
        "metadata": {"timestamp": "2026-11-01T10:00:00Z", "component": {"type": "file", "name": "golden-base", "version": RUN}},
        "components": [
            {"type": "library", "name": "openssl", "version": "3.0.20", "purl": "pkg:deb/debian/openssl@3.0.20?distro=debian-12"},
            {"type": "operating-system", "name": "debian", "version": "12"},
            {"type": "library", "group": "@babel", "name": "core", "version": "7.0.0", "purl": "pkg:npm/%40babel/core@7.0.0"}]});
    let trivy = json!({"SchemaVersion": 2, "CreatedAt": "2026-11-01T11:00:00Z", "ArtifactName": "golden-base",
        "ArtifactType": "filesystem", "Metadata": {"OS": {"Family": "debian", "Name": "12.15", "EOSL": false}},
        "Results": [{"Target": "debian", "Class": "os-pkgs", "Type": "debian", "Vulnerabilities": [
            {"VulnerabilityID": "CVE-1", "PkgName": "tar", "InstalledVersion": "1.34", "Severity": "HIGH",
             "PkgIdentifier": {"PURL": "pkg:deb/debian/tar@1.34"}}],
            "ExperimentalModifiedFindings": []}]});
    let report = grype(&[found("CVE-1", "tar", "1.34", "Critical"), found("CVE-2", "bash", "5.2", "Low")]);
    let exceptions = excepted("CVE-1", "tar", "2026-12-01T00:00:00Z");
    let ci = LocalKey::p256(1);
    vec![
        text("sbom", "spdx", SPDX),
        json("sbom", "cyclonedx", &cyclonedx),
        text("scan", "grype", report.clone()),
        json("scan", "trivy", &trivy),
        ("scan", "table", fs::read(fixture("table.grype.json")).unwrap()),
        text("gate", "excepted", format!("{report}\n# exceptions\n{exceptions}")),
        text("gate", "clean", grype(&[])),
        text("exceptions", "one", exceptions),
        ("exceptions", "two", fs::read(fixture("exceptions.toml")).unwrap()),
        text("policy", "minimal", policies::minimal(&ci)),
        text(
            "policy",
            "gated",
            goldseal_core::testing::gated::gated_policy(&ci, &LocalKey::p256(2), "[gate]\nfail_on = \"high\"\n"),
        ),
        ("policy", "launch", fs::read(example("launch.toml")).unwrap()),
        ("policy", "scopes", fs::read(example("scopes.toml")).unwrap()),
        ("policy", "boot", fs::read(example("boot.toml")).unwrap()),
    ]
}

fn example(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples").join(name)
}

fn kept() -> Vec<Seed> {
    let image = descriptor().image();
    let state = FakeState::default();
    block_on(outage::keep(&state, &image, &evidence::sealed(&LocalKey::p256(1)), now())).unwrap();
    let name = StateName::new(format!("v1/last-known-good/{}", evidence_path(&image))).unwrap();
    let mut breakers = Breakers::default();
    let rule = BreakerRule { instances: 2, within: "1h".parse().unwrap(), suspend_launch: true };
    let ami: AmiId = image.id.clone();
    for instance in ["i-0123abcd", "i-0123abce"] {
        breakers.abandoned(&rule, &"web".parse().unwrap(), &ami, &instance.parse().unwrap(), now());
    }
    let report = audits::fleet(4);
    let snapshot = Snapshot::after(None, &report, Outcome::Reject).to_json().unwrap();
    let facts = json!({"account": "123456789012", "region": "eu-west-1", "seen": "2026-11-24T07:30:00Z",
        "selection": Sha256Digest::of(b"selection"),
        "told": {"listed": [{"id": "i-0123abcd", "image": "ami-0123abcd", "state": "running", "launched": null, "tags": {"a": "b"},
            "operator": null, "seen": {"name": "n"}}], "described": {}, "volumes": {}, "groups": [], "named": [], "replaced": [], "allowed": "off"}});
    let memory = json!({"schema": "goldseal/boot-admitted/v1", "instance": "i-0123456789abcdef0", "region": "eu-west-1",
        "image": "ami-0123456789abcdef0", "at": "2026-11-20T09:01:00Z"});
    vec![
        ("kept_evidence", "sealed", state.of(&name).unwrap()),
        json("kept_facts", "nothing-runs", &facts),
        json("boot_memory", "admitted", &memory),
        ("breakers", "open", breakers.to_json()),
        text("receipted", "one-claimed", CLAIMED),
        ("snapshot", "four", snapshot),
        ("audit_report", "four", serde_json::to_vec(&report).unwrap()),
        ("audit_report", "hostile", serde_json::to_vec(&audits::hostile()).unwrap()),
    ]
}

fn told() -> Vec<Seed> {
    let flat = json!({"LifecycleHookName": "goldseal", "AccountId": "123456789012", "AutoScalingGroupName": "web",
        "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING", "EC2InstanceId": "i-0123456789abcdef0",
        "LifecycleActionToken": "cc34960c-1e41-4703-a665-bdb3e5b81ad3", "NotificationMetadata": "{}"});
    let event = json!({"version": "0", "detail-type": "EC2 Instance-launch Lifecycle Action", "source": "aws.autoscaling",
        "account": "123456789012", "region": "us-west-2", "resources": [], "detail": flat});
    let sns = json!({"Type": "Notification", "MessageId": "1", "Message": event.to_string()});
    let record = json!({"schema": "goldseal/boot/v1", "at": "2026-11-24T07:59:00Z", "policy": Sha256Digest::of(b"policy"),
        "instance": {"id": "i-0123456789abcdef0", "account": "123456789012", "region": "eu-west-1", "availabilityZone": "a",
            "architecture": "x86_64", "instanceType": "t3.micro", "image": {"region": "eu-west-1", "id": "ami-0123abcd"}},
        "verdict": "reject", "action": "poweroff", "enforced": true, "mode": "enforce",
        "image": {"region": "eu-west-1", "id": "ami-0123abcd"}, "subject": null, "evidenceSha256": null, "until": null,
        "reasons": [], "faults": [], "overridden": null, "notes": []});
    let launch = json!({"schema": "goldseal/launch/v1", "at": "2026-11-24T07:59:00Z", "policy": Sha256Digest::of(b"policy"),
        "group": "web", "hook": "goldseal", "instance": "i-0123abcd", "token": null, "groupArn": null,
        "account": "123456789012", "region": "eu-west-1", "foundBy": "message", "firstSight": "2026-11-24T07:58:00Z",
        "action": "continue", "enforced": true, "verdict": "admit", "mode": "enforce",
        "image": {"region": "eu-west-1", "id": "ami-0123abcd"}, "subject": null, "evidenceSha256": null, "until": null,
        "reasons": [], "faults": [], "notes": [], "end": "completed"});
    let gate = goldseal_core::flow::gate(
        &goldseal_core::testing::sealing::Files::accepting().material,
        Some(&goldseal_core::testing::sealing::gated().0),
        None,
        goldseal_core::testing::inputs::now(),
    );
    vec![
        json("message", "flat", &flat),
        json("message", "event", &event),
        json("message", "sns", &sns),
        json("message", "schedule", &json!({"detail-type": "Scheduled Event", "source": "aws.events"})),
        json("boot_record", "ended", &record),
        json("launch_record", "admitted", &launch),
        ("gate_report", "accepting", serde_json::to_vec(&gate.0).unwrap()),
    ]
}

fn words() -> Vec<Seed> {
    let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    vec![
        text("identifiers", "image", "ami-0123456789abcdef0"),
        text("identifiers", "account", "123456789012"),
        text("identifiers", "region", "us-gov-west-1"),
        text("identifiers", "digest", digest),
        text("identifiers", "arn", "arn:aws:ec2:eu-west-1:123456789012:image/ami-0123456789abcdef0"),
        text(
            "identifiers",
            "group",
            "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:12345678-1234-1234-1234-123456789012:autoScalingGroupName/web",
        ),
        text("identifiers", "pointer", goldseal_core::image::evidence_pointer("s3://bucket", digest.parse().unwrap())),
        text("words", "repository", "git+ssh://git@github.com:22/acme/images.git@refs/heads/main"),
        text("words", "repository-twice", "http://./.git.git"),
        text("words", "period", "36h"),
        text("words", "kms", "awskms://localhost:4566/alias/ExampleAlias"),
        text(
            "words",
            "kms-arn",
            "awskms:///arn:aws:kms:us-east-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        ),
        text("words", "audience", "arn:aws:organizations::123456789012:ou/o-exampleorgid/ou-examplerootid-exampleouid"),
        text("words", "parameter", "/golden/base/latest"),
        text("words", "record", "v1/boot/arn/20261124T040506.789Z.json"),
        text("words", "os-release", "ID=ubuntu\nVERSION_ID=\"24.04\"\n"),
        text("words", "guarded", "web-*"),
        text("query", "name", "openssl >= 3.0, < 3.0.21"),
        text("query", "typed", "npm:@babel/core != 7.0.0"),
        text("query", "purl", "pkg:deb/debian/openssl<=1:3.0.20-1~deb12u2"),
        text("versions", "debian", "1:3.0.20-1~deb12u2\n3.0.20\n3.0.21-1"),
        text("versions", "semver", "1.0.0-rc.1+b\n1.0.0\nv1.0.1"),
        text("versions", "python", "1!2.0rc1.post2.dev3+local.7\n2.0a1\n2.0"),
        text("versions", "gem", "1.0.0.pre\n1.0.a.2\n1.0"),
        text("versions", "rpm", "0:1.0^git1-1.el9\n1.0~rc1-1\n1.0-1"),
    ]
}
