use super::*;
use crate::{bounded::JsonFault, digest::Sha256Digest};

/// What Syft writes of a directory with two packages in it, cut to what is read.
const SPDX: &str = r#"{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"golden","documentNamespace":"https://x/1",
    "creationInfo":{"creators":["Tool: syft-1.57.0"],"created":"2026-11-23T19:25:45Z"},"packages":[
    {"name":"openssl","SPDXID":"SPDXRef-a","versionInfo":"3.0","externalRefs":[
        {"referenceCategory":"SECURITY","referenceType":"cpe23Type","referenceLocator":"cpe:2.3:a:openssl"},
        {"referenceType":"purl","referenceLocator":"pkg:deb/debian/openssl@3.0?arch=amd64&distro=debian-12.15"}]},
    {"name":"wheel","SPDXID":"SPDXRef-b","versionInfo":"0.40","externalRefs":[
        {"referenceType":"purl","referenceLocator":"pkg:pypi/wheel@0.40"}]},
    {"name":"golden","SPDXID":"SPDXRef-Root","versionInfo":"2026.11.20","primaryPackagePurpose":"FILE"}],
    "relationships":[
    {"spdxElementId":"SPDXRef-Root","relatedSpdxElement":"SPDXRef-a","relationshipType":"CONTAINS"},
    {"spdxElementId":"SPDXRef-DOCUMENT","relatedSpdxElement":"SPDXRef-Root","relationshipType":"DESCRIBES"}]}"#;

const CYCLONEDX: &str = r#"{"bomFormat":"CycloneDX","specVersion":"1.7","serialNumber":"urn:uuid:1","metadata":{
    "timestamp":"2026-11-23T19:25:45Z","component":{"type":"file","name":"golden","version":"2026.11.20"}},"components":[
    {"type":"library","name":"openssl","version":"3.0","purl":"pkg:deb/debian/openssl@3.0?distro=debian-12.15"},
    {"type":"library","name":"wheel","version":"0.40","purl":"pkg:pypi/wheel@0.40"},
    {"type":"operating-system","name":"debian","version":"12.15"},
    {"type":"file","name":"/etc/adduser.conf"}]}"#;

fn sbom(text: &str) -> Sbom {
    read(text.as_bytes()).unwrap_or_else(|fault| panic!("{fault:?}: {text}")).value
}

fn fault(text: &str) -> SbomFault {
    read(text.as_bytes()).unwrap_err()
}

fn after(text: &str, from: &str, to: &str) -> Sbom {
    let other = text.replacen(from, to, 1);
    assert_ne!(other, text, "{from}");
    sbom(&other)
}

/// An SPDX document of one package with these keys, described or not.
fn spdx_of(package: &str, described: bool) -> Packages {
    let describes = if described { r#","documentDescribes":["SPDXRef-x"]"# } else { "" };
    let text = format!(r#"{{"spdxVersion":"SPDX-2.3","packages":[{{"SPDXID":"SPDXRef-x",{package}}}]{describes}}}"#);
    sbom(&text).packages
}

fn cyclonedx_of(components: &str) -> Sbom {
    sbom(&format!(r#"{{"bomFormat":"CycloneDX","components":[{components}]}}"#))
}

fn purl(purl: &str) -> String {
    format!(r#""externalRefs":[{{"referenceType":"purl","referenceLocator":"{purl}"}}]"#)
}

#[test]
fn both_formats_say_the_same_of_the_same_directory() {
    let distro = Some(("debian".to_owned(), "12.15".to_owned()));
    for (text, format, namespace) in
        [(SPDX, SbomFormat::Spdx, "https://x/1"), (CYCLONEDX, SbomFormat::CycloneDx, "urn:uuid:1")]
    {
        let found = read(text.as_bytes()).unwrap();
        assert_eq!((found.sha256, found.bytes), (Sha256Digest::of(text.as_bytes()), text.len() as u64));
        let found = found.value;
        assert_eq!(
            (found.format, found.name.as_str(), found.version.as_deref()),
            (format, "golden", Some("2026.11.20"))
        );
        assert_eq!((found.namespace.as_deref(), found.distro), (Some(namespace), distro.clone()));
        assert_eq!(found.created, Some("2026-11-23T19:25:45Z".parse().unwrap()));
        assert_eq!((found.packages.len(), found.packages.is_empty(), found.packages.os_packages()), (2, false, true));
        for (name, version, there) in [
            ("openssl", "3.0", true),
            ("wheel", "0.40", true),
            ("wheel", "3.0", false),
            ("/etc/adduser.conf", "", false),
        ] {
            assert_eq!(found.packages.contains(name, version, None), there, "{name}");
        }
    }
}

#[test]
fn the_order_of_keys_does_not_matter() {
    for text in [SPDX, CYCLONEDX] {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap();
        let keys: Vec<String> = object.iter().rev().map(|(key, value)| format!("{key:?}:{value}")).collect();
        assert_eq!(sbom(&format!("{{{}}}", keys.join(","))), sbom(text));
    }
}

/// Exactly what Syft writes of an empty directory.
#[test]
fn an_sbom_of_an_empty_directory_has_no_packages() {
    for text in [
        r#"{"spdxVersion":"SPDX-2.3","dataLicense":"CC0-1.0","SPDXID":"SPDXRef-DOCUMENT","name":"golden",
            "documentNamespace":"https://anchore.com/syft/dir/golden-523e9b2e-1756-4dfb-bba6-04ce442d864c","creationInfo":{
            "licenseListVersion":"3.29","creators":["Tool: syft-1.57.0"],"created":"2026-11-23T19:25:45Z"},"packages":[{
            "name":"golden","SPDXID":"SPDXRef-DocumentRoot-Directory-golden","versionInfo":"1","supplier":"NOASSERTION",
            "downloadLocation":"NOASSERTION","filesAnalyzed":false,"licenseConcluded":"NOASSERTION",
            "licenseDeclared":"NOASSERTION","copyrightText":"NOASSERTION","primaryPackagePurpose":"FILE"}],"relationships":[{
            "spdxElementId":"SPDXRef-DOCUMENT","relatedSpdxElement":"SPDXRef-DocumentRoot-Directory-golden",
            "relationshipType":"DESCRIBES"}]}"#,
        r#"{"$schema":"http://cyclonedx.org/schema/bom-1.7.schema.json","bomFormat":"CycloneDX","specVersion":"1.7",
            "serialNumber":"urn:uuid:00c9e7fd-cded-4384-b830-1fe6084b4870","version":1,"metadata":{
            "timestamp":"2026-11-23T19:25:45Z","tools":{"components":[{"type":"application","name":"syft","version":"1"}]},
            "component":{"bom-ref":"a5fe1da6509e2eb4","type":"file","name":"golden","version":"1"}}}"#,
    ] {
        let found = sbom(text);
        assert_eq!((found.packages.len(), found.packages.is_empty(), found.packages.os_packages()), (0, true, false));
        assert_eq!((found.name.as_str(), found.version.as_deref(), found.distro), ("golden", Some("1"), None));
        assert!(found.packages.contains("golden", "1", None), "a finding about the root is about something listed");
    }
    for text in [
        r#"{"spdxVersion":"SPDX-2.3"}"#,
        r#"{"spdxVersion":"SPDX-2.2","packages":null,"relationships":null}"#,
        r#"{"bomFormat":"CycloneDX","components":null,"metadata":null}"#,
        r#"{"bomFormat":"CycloneDX","packages":[{"name":"a","versionInfo":"1"}]}"#,
        r#"{"spdxVersion":"SPDX-2.3","components":[{"name":"a","version":"1"}]}"#,
    ] {
        assert!(sbom(text).packages.is_empty(), "{text}");
    }
}

#[test]
fn spdx_packages_count_by_purl_or_version_unless_they_are_what_is_described() {
    let deb = purl("pkg:deb/debian/a@1");
    for (package, free, described) in [
        (r#""name":"a","versionInfo":"1""#.to_owned(), 1, 0),
        (format!(r#""name":"a",{deb}"#), 1, 0),
        (format!(r#""name":"a","versionInfo":"1","primaryPackagePurpose":"LIBRARY",{deb}"#), 1, 0),
        (r#""name":"a""#.to_owned(), 0, 0),
        (r#""name":"a","versionInfo":"""#.to_owned(), 0, 0),
        (format!(r#""name":"a",{}"#, purl("")), 0, 0),
        (r#""name":"a","externalRefs":[{"referenceType":"cpe23Type","referenceLocator":"cpe:x"}]"#.to_owned(), 0, 0),
        (
            r#""name":"a","externalRefs":[{"referenceType":"http://spdx.org/rdf/references/purl",
                "referenceLocator":"pkg:deb/a@1"}]"#
                .to_owned(),
            1,
            0,
        ),
    ] {
        assert_eq!((spdx_of(&package, false).len(), spdx_of(&package, true).len()), (free, described), "{package}");
    }
    for purpose in ["FILE", "OPERATING-SYSTEM", "CONTAINER", "DEVICE"] {
        let package = format!(r#""name":"a","versionInfo":"1","primaryPackagePurpose":"{purpose}",{deb}"#);
        assert_eq!(spdx_of(&package, false).len(), 0, "{purpose}");
    }
}

#[test]
fn what_an_spdx_document_describes_is_found_in_every_way_it_is_written() {
    let with = |relation: &str| {
        let text = format!(
            r#"{{{relation},"spdxVersion":"SPDX-2.3","packages":[{{"SPDXID":"SPDXRef-a","name":"a","versionInfo":"1"}},
                {{"SPDXID":"SPDXRef-b","name":"b","versionInfo":"2",{}}},{{"name":"c","versionInfo":"3"}}]}}"#,
            purl("pkg:deb/b@2")
        );
        let found = sbom(&text);
        (found.version, found.packages.len())
    };
    let relate = |one: &str, kind: &str, other: &str| {
        format!(
            r#""relationships":[{{"spdxElementId":"SPDXRef-{one}","relationshipType":"{kind}",
                "relatedSpdxElement":"SPDXRef-{other}"}}]"#
        )
    };
    let version = |version: &str| Some(version.to_owned());
    for (relation, expected) in [
        (relate("DOCUMENT", "DESCRIBES", "a"), (version("1"), 2)),
        (relate("a", "DESCRIBED_BY", "DOCUMENT"), (version("1"), 2)),
        (relate("DOCUMENT", "DESCRIBES", "b"), (version("2"), 2)),
        (r#""documentDescribes":["SPDXRef-a"]"#.to_owned(), (version("1"), 2)),
        (r#""documentDescribes":["SPDXRef-a","SPDXRef-a"]"#.to_owned(), (version("1"), 2)),
        (format!(r#""documentDescribes":["SPDXRef-a"],{}"#, relate("DOCUMENT", "DESCRIBES", "a")), (version("1"), 2)),
        (r#""documentDescribes":["SPDXRef-gone"]"#.to_owned(), (None, 3)),
        // All of them described: then the one with a package URL is a package all the same.
        (r#""documentDescribes":["SPDXRef-a","SPDXRef-b"]"#.to_owned(), (None, 2)),
        (relate("DOCUMENT", "DESCRIBED_BY", "a"), (None, 3)),
        (relate("a", "DESCRIBES", "b"), (None, 3)),
        (relate("b", "DESCRIBES", "DOCUMENT"), (None, 3)),
        (relate("DOCUMENT", "CONTAINS", "a"), (None, 3)),
        (r#""documentDescribes":null"#.to_owned(), (None, 3)),
    ] {
        assert_eq!(with(&relation), expected, "{relation}");
    }
}

#[test]
fn cyclonedx_components_count_by_their_type_and_inside_others_too() {
    let count = |component: &str| cyclonedx_of(component).packages.len();
    for kind in ["application", "framework", "library", "firmware", "device-driver", "machine-learning-model", "new"] {
        assert_eq!(count(&format!(r#"{{"type":"{kind}","name":"a","version":"1"}}"#)), 1, "{kind}");
    }
    for kind in ["file", "operating-system", "container", "platform", "device", "data", "cryptographic-asset"] {
        let component = format!(r#"{{"type":"{kind}","name":"a","version":"1","purl":"pkg:generic/a@1"}}"#);
        assert_eq!(count(&component), 0, "{kind}");
    }
    for (component, expected) in [
        (r#"{"name":"a","version":"1"}"#, 1),
        (r#"{"name":"a","purl":"pkg:generic/a"}"#, 1),
        (r#"{"name":"a"}"#, 0),
        (r#"{"name":"a","version":"","purl":""}"#, 0),
    ] {
        assert_eq!(count(component), expected, "{component}");
    }
    let nested = cyclonedx_of(
        r#"{"type":"container","name":"c","version":"1","components":[{"components":[{"type":"library","name":"deep",
            "version":"2","purl":"pkg:rpm/fedora/deep@2"}],"type":"application","name":"app","version":"3"}]}"#,
    );
    assert_eq!((nested.packages.len(), nested.packages.os_packages()), (2, true));
    for (name, version) in [("deep", "2"), ("app", "3"), ("c", "1")] {
        assert!(nested.packages.contains(name, version, None), "{name}");
    }
    let grouped = cyclonedx_of(r#"{"name":"core","group":"org.x","version":"1"}"#).packages;
    assert!(grouped.contains("org.x:core", "1", None));
}

#[test]
fn the_distribution_is_that_of_the_operating_system_or_that_of_all_packages() {
    let os = |name: &str| format!(r#"{{"type":"operating-system","name":"{name}","version":"12"}}"#);
    let of = |distro: &str| format!(r#"{{"name":"{distro}","purl":"pkg:deb/debian/{distro}@1?distro={distro}"}}"#);
    let bare = r#"{"name":"x","purl":"pkg:pypi/x@1"}"#.to_owned();
    let debian = |version: &str| Some(("debian".to_owned(), version.to_owned()));
    for (components, expected) in [
        (vec![os("debian"), of("debian-11")], debian("12")),
        (vec![os("debian"), os("debian")], debian("12")),
        (vec![os("debian"), os("ubuntu"), of("debian-11")], None),
        (vec![of("debian-11"), bare.clone(), of("debian-11")], debian("11")),
        (vec![of("debian-11"), of("debian-12")], None),
        (vec![bare], None),
        (vec![], None),
    ] {
        assert_eq!(cyclonedx_of(&components.join(",")).distro, expected, "{components:?}");
    }
    let nameless = cyclonedx_of(r#"{"type":"operating-system","name":"arch"}"#).distro;
    assert_eq!(nameless, Some(("arch".to_owned(), String::new())));
    assert_eq!(after(SPDX, "&distro=debian-12.15", "").distro, None);
    for (qualifier, name, version) in
        [("debian-12.15", "debian", "12.15"), ("opensuse-leap-15.5", "opensuse-leap", "15.5"), ("x-1-2", "x", "1-2")]
    {
        assert_eq!(name_and_version(qualifier), Some((name.to_owned(), version.to_owned())), "{qualifier}");
    }
    for none in ["bookworm", "debian-sid", "x-", "-1", ""] {
        assert_eq!(name_and_version(none), None, "{none}");
    }
}

#[test]
fn what_an_sbom_does_not_say_is_none_but_what_it_says_must_be_right() {
    let spdx = sbom(r#"{"spdxVersion":"SPDX-2.3","creationInfo":{"creators":[]}}"#);
    let cyclonedx = sbom(r#"{"bomFormat":"CycloneDX","metadata":{"component":{"name":"x"}}}"#);
    for (found, name) in [(&spdx, ""), (&cyclonedx, "x")] {
        assert_eq!((found.name.as_str(), &found.version, &found.namespace, found.created), (name, &None, &None, None));
    }
    for text in [SPDX, CYCLONEDX] {
        for bad in ["", "yesterday", "2026-11-23", "2026-11-23T19:25:45"] {
            let other = text.replace("2026-11-23T19:25:45Z", bad);
            let SbomFault::Read(StreamFault::Json(JsonFault::Shape(why))) = fault(&other) else { panic!("{bad}") };
            assert!(why.contains(&format!("{bad:?} is not an instant")) && why.contains("line 2"), "{why}");
        }
    }
    let root = CYCLONEDX.replacen(r#""version":"2026.11.20""#, r#""version":"""#, 1);
    assert_eq!(sbom(&root).version, None);
}

#[test]
fn other_documents_are_no_sboms() {
    for other in [
        "{}",
        r#"{"spdxVersion":"SPDX-3.0","packages":[]}"#,
        r#"{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[]}"#,
        r#"{"spdxVersion":"2.3"}"#,
        r#"{"bomFormat":"cyclonedx"}"#,
        r#"{"spdxVersion":"SPDX-2.3","bomFormat":"CycloneDX"}"#,
        r#"{"matches":[],"descriptor":{"name":"grype"}}"#,
        r#"{"SchemaVersion":2,"Results":[]}"#,
    ] {
        assert!(matches!(fault(other), SbomFault::Format), "{other}: {:?}", fault(other));
    }
    for (text, begins) in [("SPDXVersion: SPDX-2.3\n", "SPDXVersion: SPDX-2.3"), ("<bom/>", "<bom/>"), ("[]", "[]")] {
        assert!(matches!(fault(text), SbomFault::Text { starts } if starts == begins), "{text}");
    }
    assert!(matches!(fault(""), SbomFault::Read(StreamFault::Empty)));
}

#[test]
fn sboms_are_read_as_strictly_as_evidence() {
    for text in [SPDX, CYCLONEDX] {
        for (from, to) in [
            ("\"name\":\"golden\"", "\"name\":\"x\",\"name\":\"golden\""),
            ("\"3.0\"", "\"3.0\",\"x\":{\"y\":1,\"y\":2}"),
        ] {
            let found = fault(&text.replacen(from, to, 1));
            assert!(matches!(&found, SbomFault::Read(StreamFault::Json(JsonFault::DuplicateKey { .. }))), "{found:?}");
        }
        let deep = text.replacen("\"3.0\"", &format!("\"3.0\",\"x\":{}{}", "[".repeat(46), "]".repeat(46)), 1);
        assert!(matches!(fault(&deep), SbomFault::Read(StreamFault::Json(JsonFault::TooDeep { limit: 48 }))));
        for wrong in [text.replacen("\"openssl\"", "null", 1), text.replacen("\"3.0\"", "3.0", 1)] {
            assert!(matches!(fault(&wrong), SbomFault::Read(StreamFault::Json(JsonFault::Shape(_)))), "{wrong}");
        }
    }
    assert_eq!(SbomFormat::Spdx.predicate_type(), "https://spdx.dev/Document");
    assert_eq!(SbomFormat::CycloneDx.predicate_type(), "https://cyclonedx.org/bom");
    assert_eq!(SbomFormat::Spdx.media_type(), "application/spdx+json");
    assert_eq!(SbomFormat::CycloneDx.media_type(), "application/vnd.cyclonedx+json");
}
