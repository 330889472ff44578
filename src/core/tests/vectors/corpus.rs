//! Real files that are not ours to keep: bundles, envelopes, SBOMs and reports of other projects and programs.
//!
//! They are looked for in `$GOLDSEAL_CORPUS`, else beside the workspace in `../shared/corpus`. Without them this is
//! skipped, and says so.

use std::{
    collections::BTreeSet,
    env,
    path::{Path, PathBuf},
    sync::Arc,
};

use goldseal_core::{
    attestation::{Bundle, Content, Kind},
    bounded::stream::Streamed,
    digest::Sha256Digest,
    flow::{Inputs, Material, SbomPlace, gate, parse_facts, statements},
    gate::Threshold,
    image::Descriptor,
    report::GateFiles,
    scan::{
        self, Scan, ScanFault, Severity, exceptions,
        sbom::{self, Packages, SbomFault},
    },
    time::Window,
    trust::{Authority, PublicKey, TrustRoot, believe},
};
use serde_json::{Value, json};
use sigstore_verify::trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT;

use super::{
    canonical, files,
    judge::{Artifact, judge},
};

/// Returns the corpus; says that a test is skipped when there is none.
pub(super) fn corpus(test: &str) -> Option<PathBuf> {
    let folder = env::var_os("GOLDSEAL_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: corpus: {test}: no folder {} (set GOLDSEAL_CORPUS)", folder.display());
    None
}

fn root_of(key: PublicKey) -> TrustRoot {
    let name = "one".parse().unwrap();
    TrustRoot::new(vec![Authority {
        name,
        key: Arc::new(key),
        window: Window::default(),
        retired: None,
        witness: None,
    }])
    .unwrap()
}

fn ask(bundle: &Path, key: &PublicKey, artifact: &Artifact) -> Result<(), &'static str> {
    judge(&files::read(bundle), key, SIGSTORE_PRODUCTION_TRUSTED_ROOT, artifact).map_err(|refusal| refusal.code)
}

#[test]
fn what_cosign_signed_with_kms_verifies() {
    let Some(corpus) = corpus("cosign with KMS") else { return };
    let real = corpus.join("real");
    let (bundle, subject) =
        (real.join("cosign-attest-blob.sigstore.json"), real.join("cosign-attest-blob.subject.json"));
    let (key, subject) = (files::key(&real.join("kms.pub"), None), files::read(&subject));
    let found =
        believe(&root_of(key), &files::read(&bundle), Sha256Digest::of(&subject), jiff::Timestamp::MIN).unwrap();
    assert_eq!(found.verified.len(), 1);
    assert_eq!(found.verified[0].value().kind(), Some(Kind::Sbom));
    let key = files::key(&real.join("kms.pub"), None);
    assert_eq!(ask(&bundle, &key, &Artifact::Bytes(subject)), Ok(()));
    assert_eq!(ask(&bundle, &key, &Artifact::Bytes(b"x".to_vec())), Err("subject-mismatch"));
}

#[test]
fn bundles_of_other_projects() {
    let Some(corpus) = corpus("bundles") else { return };
    let folder = corpus.join("bundles");
    let key = files::key(&folder.join("sigstorego-npm-publish-key.pub"), None);
    let nothing = Artifact::Digest(Sha256Digest::of(b""));
    for (name, expected) in [
        ("dsse-2sigs", "envelope-signature-count"),
        ("dsse", "signer-unknown"),
        ("cosign-v3-blob", "signer-unknown"),
        ("cosign-oci-attestation", "signer-unknown"),
    ] {
        assert_eq!(ask(&folder.join(format!("{name}.sigstore.json")), &key, &nothing), Err(expected), "{name}");
    }
}

/// npm signs the publish attestation with a key, names the package by its sha512 only, and logs it with a promise alone.
#[test]
fn the_publish_attestation_of_npm() {
    let Some(corpus) = corpus("npm") else { return };
    let folder = corpus.join("bundles");
    let key = files::key(&folder.join("sigstorego-npm-publish-key.pub"), None);
    let path = folder.join("sigstorego-npm-publish-dsse-key.v0.1.sigstore.json");
    let line = files::read(&path);
    let Content::Envelope(envelope) = Bundle::parse(&line).unwrap().content else { panic!("an envelope") };
    assert!(key.signed(&envelope.pae(), &envelope.signature));
    assert_eq!(ask(&path, &key, &Artifact::Digest(Sha256Digest::of(b""))), Err("statement-subject-digest"));
    let other = files::key(&files::path("keys/p256.pem"), None);
    assert_eq!(ask(&path, &other, &Artifact::Digest(Sha256Digest::of(b""))), Err("signature-invalid"));
}

/// Bare envelopes are no bundles; with one around them, the keys decide.
#[test]
fn the_envelopes_of_grype() {
    let Some(corpus) = corpus("dsse") else { return };
    let folder = corpus.join("dsse");
    assert!(PublicKey::from_pem(&files::text(&folder.join("cosign_broken.pub")), None).is_err());
    for (name, key, expected) in [
        ("alpine", "cosign", None),
        ("alpine", "another_cosign", Some("signer-unknown")),
        ("alpine-tampered", "cosign", Some("signer-unknown")),
        ("alpine-tampered", "another_cosign", Some("signer-unknown")),
    ] {
        let bare = files::read(&folder.join(format!("{name}.att.json")));
        assert_eq!(Bundle::parse(&bare).unwrap_err().code(), "json-unexpected-content", "{name}");
        let envelope: Value = serde_json::from_slice(&bare).unwrap();
        let line = serde_json::to_vec(&json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"publicKey": {}},
            "dsseEnvelope": envelope,
        }));
        let root = root_of(files::key(&folder.join(format!("{key}.pub")), None));
        let subject = "6af1b11bbb17f4c311e269db6530e4da2738262af5fd9064ccdf109b765860fb".parse().unwrap();
        let found = believe(&root, &line.unwrap(), subject, jiff::Timestamp::MIN).unwrap();
        assert_eq!(found.discounted.first().map(|one| one.discount.code()), expected, "{name} with {key}");
        assert_eq!(found.verified.len(), usize::from(expected.is_none()), "{name} with {key}");
    }
}

#[test]
fn the_test_data_of_rfc_8785() {
    let Some(corpus) = corpus("jcs") else { return };
    let count = canonical::check_pairs(&corpus.join("jcs"));
    assert!(count > 0);
    println!("corpus/jcs: {count} pairs");
}

#[test]
fn real_sboms_can_be_signed() {
    let Some(corpus) = corpus("SBOMs") else { return };
    let image = Descriptor::parse(&files::read(&files::path("image.json"))).unwrap();
    let mut sboms = [files::json_files(&corpus.join("spdx")), files::json_files(&corpus.join("cyclonedx"))].concat();
    sboms.extend([corpus.join("real/golden-base.spdx.json"), corpus.join("real/golden-base.cdx.json")]);
    for path in &sboms {
        let sbom = files::read(path);
        let material = material(&sbom, &files::read(&corpus.join("real/grype-spdx.json")));
        let facts = parse_facts(br#"{"builder":"https://ci.example/builder"}"#).unwrap();
        let (sbom, facts) = (SbomPlace::Inline(&sbom), &facts);
        let inputs = Inputs { material: &material, sbom, facts, tests: None, guard: None, packer: None, content: &[] };
        let made = statements(&image, &inputs, None, false).unwrap_or_else(|e| panic!("{}: {e:?}", path.display()));
        let kinds: Vec<Kind> = made.iter().map(|one| one.kind).collect();
        assert_eq!(kinds, [Kind::Provenance, Kind::Sbom, Kind::Scan], "{}", path.display());
    }
    println!("corpus/sboms: {} signed", sboms.len());
}

fn material(sbom: &[u8], scan: &[u8]) -> Material {
    Material {
        sbom: sbom::read(sbom).unwrap(),
        scan: scan::read(scan).unwrap(),
        database: None,
        exceptions: None,
        manifest: None,
        files: GateFiles::default(),
    }
}

/// Every scan that is there, gated with the SBOM of the golden image an hour after it was made: which codes fail it.
#[test]
fn gates() {
    let Some(corpus) = corpus("scans") else { return };
    let now = "2026-11-23T13:48:00Z".parse().unwrap();
    let sbom = files::read(&corpus.join("real/golden-base.spdx.json"));
    let real = ["grype-spdx", "grype-cdx", "grype-ignored"].map(|name| corpus.join(format!("real/{name}.json")));
    let folders = ["grype", "trivy"].map(|folder| files::json_files(&corpus.join(folder)));
    for path in folders.iter().flatten().chain(&real) {
        let scan = files::read(path);
        let (report, _) = gate(&material(&sbom, &scan), None, Some(Threshold::High), now);
        let codes: BTreeSet<&str> = report.failures.iter().map(|one| one.code.as_str()).collect();
        let codes = codes.into_iter().collect::<Vec<_>>().join(" ");
        if let Some(expected) = GATES.iter().find_map(|line| line.strip_prefix(&format!("{}: ", files::name(path)))) {
            assert_eq!(codes, expected, "{}", path.display());
        }
        assert!(!codes.is_empty(), "{}: nothing here is fit to be sealed", path.display());
        println!("corpus/gates: {}: {codes}", files::name(path));
    }
}

const GATES: &[&str] = &[
    "agentbaker-2204containerd-202306.07.0-trivy-report: database-absent finding-at-threshold packages-not-in-sbom scan-time-absent",
    "agentbaker-2204tl-202311.07.0-trivy-report: database-absent finding-at-threshold packages-not-in-sbom scan-time-absent",
    "defectdojo-all_statuses: database-absent packages-not-in-sbom scan-before-sbom scan-too-old",
    "defectdojo-check_all_fields: database-data-age-unknown database-too-old finding-at-threshold packages-not-in-sbom scan-of-another-distribution scan-of-another-source scan-time-absent",
    "defectdojo-fix_available: database-data-age-unknown database-too-old finding-at-threshold packages-not-in-sbom scan-before-sbom scan-of-another-distribution scan-of-another-source scan-too-old",
    "defectdojo-fix_not_available: database-data-age-unknown database-too-old finding-at-threshold packages-not-in-sbom scan-before-sbom scan-of-another-distribution scan-of-another-source scan-too-old",
    "defectdojo-issue_9942: database-data-age-unknown database-too-old finding-at-threshold packages-not-in-sbom scan-before-sbom scan-of-another-distribution scan-of-another-source scan-too-old",
    "defectdojo-many_vulns: database-absent finding-at-threshold packages-not-in-sbom scan-of-another-distribution scan-of-another-source scan-time-absent scanner-filter severity-unknown",
    "defectdojo-many_vulns4: database-data-age-unknown database-too-old finding-at-threshold packages-not-in-sbom scan-of-another-source scan-of-nothing scan-time-absent",
    "defectdojo-many_vulns_with_epss_values: database-data-too-old database-too-old finding-at-threshold packages-not-in-sbom scan-before-sbom scan-of-another-distribution scan-of-another-source scan-too-old",
    "defectdojo-no_vuln: database-absent scan-of-another-distribution scan-of-another-source scan-time-absent scanner-filter",
    "defectdojo-same_cve_different_paths: database-absent finding-at-threshold packages-not-in-sbom scan-of-another-distribution scan-of-another-source scan-time-absent scanner-filter",
    "grype-cdx: finding-at-threshold severity-unknown",
    "grype-golden-TestEmptyJsonPresenter: database-absent scan-of-another-distribution scan-of-another-source scan-time-absent scanner-filter",
    "grype-golden-TestJsonImgsPresenter: database-absent finding-at-threshold packages-not-in-sbom scan-of-another-distribution scan-of-another-source scan-time-absent scanner-filter",
    "grype-ignored: finding-at-threshold finding-hidden scanner-filter severity-unknown",
    "grype-spdx: finding-at-threshold severity-unknown",
];

/// Every SBOM that is there: its packages, what it is about, and its distribution. And what is none.
#[test]
fn sboms() {
    let Some(corpus) = corpus("SBOMs") else { return };
    let real = ["golden-base.spdx", "golden-base.cdx", "goss", "grype-spdx", "grype-table"];
    let real = real.map(|name| corpus.join(format!("real/{name}.json")));
    let folders = ["spdx", "cyclonedx"].map(|folder| files::json_files(&corpus.join(folder)));
    let expected = [
        ("generated-distro2sbom-debian12-system.spdx", "729 true | Distro-Debian-GNU/Linux 12 | -"),
        ("guacdata-syft-kube-proxy.spdx", "99 true | k8s.gcr.io/kube-proxy-v1.24.6 - | debian 11"),
        ("bomexamples-keycloak.cdx", "903 false | keycloak-parent 10.0.2 | -"),
        ("generated-distro2sbom-debian12-system.cdx", "729 true | Distro-Debian-GNU/Linux - | debian-gnu/linux 12"),
        (
            "guacdata-syft-python.cdx",
            "430 true | docker.io/library/python:latest sha256:e9ebb760d74df0c28447c2f67050800c3392a3987ed77ce493545c7d3ad24c9d | debian 11",
        ),
        ("golden-base.spdx", "295 true | golden-base 2026.11.23 | debian 12.15"),
        ("golden-base.cdx", "295 true | golden-base 2026.11.23 | debian 12.15"),
        ("goss", "neither"),
        ("grype-spdx", "neither"),
        ("grype-table", "a text"),
    ];
    let mut seen = 0;
    for path in folders.iter().flatten().chain(&real) {
        let (name, bytes) = (files::name(path), files::read(path));
        let found = match sbom::read(bytes.as_slice()) {
            Ok(Streamed { value: sbom, sha256, .. }) => {
                assert_eq!(sha256, Sha256Digest::of(&bytes), "{name}");
                assert!(sbom.created.is_some() && sbom.namespace.is_some(), "{name}");
                let distro = sbom.distro.map_or_else(|| "-".to_owned(), |(name, version)| format!("{name} {version}"));
                let version = sbom.version.unwrap_or_else(|| "-".to_owned());
                let (count, system) = (sbom.packages.len(), sbom.packages.os_packages());
                format!("{count} {system} | {} {version} | {distro}", sbom.name)
            }
            Err(SbomFault::Format) => "neither".to_owned(),
            Err(SbomFault::Text { .. }) => "a text".to_owned(),
            Err(other) => format!("refused: {other:?}"),
        };
        println!("corpus/{name}: {found}");
        if let Some((_, expected)) = expected.iter().find(|(known, _)| *known == name) {
            assert_eq!(found, *expected, "{name}");
            seen += 1;
        }
    }
    assert_eq!(seen, expected.len());
}

/// Whatever a scan found in an SBOM is listed in it, in the other format of the same root too, and not in another.
#[test]
fn findings_are_in_the_sbom_that_was_scanned() {
    let Some(corpus) = corpus("findings in SBOMs") else { return };
    let packages = |name: &str| {
        let bytes = files::read(&corpus.join(name));
        sbom::read(bytes.as_slice()).unwrap().value.packages
    };
    let both = [packages("real/golden-base.spdx.json"), packages("real/golden-base.cdx.json")];
    let other = packages("cyclonedx/bomexamples-keycloak.cdx.json");
    for name in ["grype-spdx", "grype-cdx", "grype-ignored"] {
        let bytes = files::read(&corpus.join(format!("real/{name}.json")));
        let findings = scan::read(bytes.as_slice()).unwrap().value.findings;
        assert_eq!(findings.len(), 34, "{name}");
        for one in &findings {
            for purl in [one.purl.as_deref(), None] {
                assert!(both.iter().all(|sbom| sbom.contains(&one.package, &one.version, purl)), "{name}: {one:?}");
                assert!(!other.contains(&one.package, &one.version, purl), "{name}: {one:?}");
            }
        }
    }
}

/// What a report says, in few words: findings, hidden ones, distribution, source, and database.
fn told(scan: &Scan) -> String {
    let hidden = scan.findings.iter().filter(|one| one.hidden.is_some()).count();
    let distro = scan.distro.as_ref().map_or_else(|| "-".to_owned(), |one| format!("{} {}", one.name, one.version));
    let source = scan.source.as_ref().map_or_else(|| "-".to_owned(), |one| format!("{} {}", one.kind, one.name));
    let database = scan.database.as_ref().map_or_else(
        || "-".to_owned(),
        |one| {
            let captured = one.captured.map_or_else(String::new, |captured| format!(" out of {captured}"));
            let schema = one.schema.as_deref().unwrap_or_default();
            format!("{schema} {}{captured}{}", one.built, one.problem.as_deref().unwrap_or_default())
        },
    );
    let filters = scan.filters.len();
    format!("{} {hidden}/{}/{filters} | {distro} | {source} | {database}", scan.findings.len(), scan.hidden_by_default)
}

/// The same without a corpus: our own small documents, out of the real programs (`tests/fixtures`).
#[test]
fn our_own_inputs_of_a_sealing() {
    let fixture = |name: &str| files::read(&files::path("../fixtures").join(name));
    let packages = ["golden.spdx.json", "golden.cdx.json"].map(|name| {
        let sbom = sbom::read(fixture(name).as_slice()).unwrap().value;
        assert_eq!((sbom.name.as_str(), sbom.version.as_deref()), ("golden-base", Some("2026.11.20")), "{name}");
        assert!(sbom.distro.is_some_and(|(distro, version)| distro == "debian" && version.starts_with("12")), "{name}");
        assert_eq!((sbom.packages.len(), sbom.packages.os_packages()), (25, true), "{name}");
        sbom.packages
    });
    for (name, count, critical) in [("golden.grype.json", 7, 0), ("critical.grype.json", 9, 2)] {
        let scan = scan::read(fixture(name).as_slice()).unwrap().value;
        assert_eq!((scan.findings.len(), scan.filters.len(), scan.hidden_by_default), (count, 0, 0), "{name}");
        let worst = scan.findings.iter().filter(|one| one.severity == Severity::Critical);
        assert_eq!(worst.count(), critical, "{name}");
        let database = scan.database.unwrap();
        assert!(database.captured.is_some_and(|captured| captured <= database.built) && database.problem.is_none());
        assert_eq!(
            scan.distro.map(|distro| (distro.name, distro.end_of_life)),
            Some(("debian".into(), Some(false))),
            "{name}"
        );
        assert!(scan.finished.is_some(), "{name}");
        for one in &scan.findings {
            let there = |sbom: &Packages| sbom.contains(&one.package, &one.version, one.purl.as_deref());
            assert!(one.hidden.is_none() && packages.iter().all(there), "{name}: {one:?}");
        }
        let exceptions =
            exceptions::compile("exceptions.toml", &String::from_utf8(fixture("exceptions.toml")).unwrap());
        let [tar] = exceptions.as_ref().unwrap().entries() else { panic!("{exceptions:?}") };
        let covered = scan.findings.iter().filter(|one| one.id == tar.id && tar.package.matches(one));
        assert_eq!(covered.map(|one| one.severity).collect::<Vec<_>>(), [Severity::High], "{name}");
    }
    assert!(matches!(scan::read(fixture("table.grype.json").as_slice()), Err(ScanFault::Text { .. })));
}

/// Every report that is there: what it says, or why it is refused rather than taken for clean.
#[test]
fn reports_of_scanners() {
    let Some(corpus) = corpus("reports") else { return };
    let real =
        ["grype-spdx", "grype-cdx", "grype-ignored", "grype-table"].map(|n| corpus.join(format!("real/{n}.json")));
    let folders = ["grype", "trivy"].map(|folder| files::json_files(&corpus.join(folder)));
    let image = "image python:3.6";
    let ubuntu = "ubuntu 20.04 | image REDACTED | 5 2024-04-10T01:25:07Z";
    let golden = "v6.1.10 2026-11-23T12:48:02Z out of 2026-11-23T12:48:02Z";
    let expected = [
        ("defectdojo-check_all_fields", "6 0/0/0 | debian 10 | image vulnerable-image:latest | 3 2021-12-24T08:14:02Z"),
        ("defectdojo-fix_available", &format!("1 0/0/0 | {ubuntu}")),
        ("defectdojo-fix_not_available", &format!("1 0/0/0 | {ubuntu}")),
        ("defectdojo-issue_9942", &format!("1 0/0/0 | {ubuntu}")),
        ("defectdojo-many_vulns", &format!("1509 0/0/1 | debian 10 | {image} | -")),
        ("defectdojo-many_vulns4", "9 0/0/0 | - | directory \".\" | 3 2021-10-27T08:14:21Z"),
        (
            "defectdojo-many_vulns_with_epss_values",
            "15 0/0/0 | busybox 1.32.1 | image busybox:1.32.1 | v6.0.2 2025-06-19T04:12:38Z out of 2025-06-19T01:31:03Z",
        ),
        ("defectdojo-no_vuln", "0 0/0/1 | busybox 1.32.1 | image busybox:latest | -"),
        ("defectdojo-same_cve_different_paths", "2 0/0/1 | debian 10 | image test-image:latest | -"),
        ("grype-golden-TestEmptyJsonPresenter", "0 0/0/1 | centos 8.0 | unknown unknown | -"),
        ("grype-golden-TestJsonImgsPresenter", "2 0/0/1 | centos 8.0 | image user-input | -"),
        (
            "agentbaker-2204containerd-202306.07.0-trivy-report",
            "35 0/0/0 | ubuntu 22.04 | filesystem pkrvmed6offtlt6 | -",
        ),
        ("agentbaker-2204tl-202311.07.0-trivy-report", "128 0/0/0 | ubuntu 22.04 | filesystem pkrvmkissoz6teo | -"),
        ("defectdojo-all_statuses", "8 0/0/0 | debian 10.13 | container_image  | -"),
        ("grype-spdx", &format!("34 0/0/0 | debian 12.15 | directory golden-base | {golden}")),
        ("grype-cdx", &format!("34 0/0/0 | debian 12.15 | file golden-base | {golden}")),
        ("grype-ignored", &format!("34 10/0/2 | debian 12.15 | directory golden-base | {golden}")),
        ("grype-table", "a table"),
    ];
    let mut seen = 0;
    for path in folders.iter().flatten().chain(&real) {
        let name = files::name(path);
        let bytes = files::read(path);
        let found = match scan::read(bytes.as_slice()) {
            Ok(found) => {
                assert_eq!(found.sha256, Sha256Digest::of(&bytes), "{name}");
                told(&found.value)
            }
            Err(ScanFault::Text { .. }) => "a table".to_owned(),
            Err(other) => format!("refused: {other:?}"),
        };
        let expected = expected.iter().find(|(known, _)| *known == name);
        println!("corpus/{name}: {found}");
        if let Some((_, expected)) = expected {
            assert_eq!(found, *expected, "{name}");
            seen += 1;
        }
    }
    assert_eq!(seen, expected.len());
}
