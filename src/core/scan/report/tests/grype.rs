use super::*;
use crate::scan::{Database, Distro, Source};

/// The report with more keys at its top.
fn with(more: &str) -> Scan {
    scan(&format!("{{{more},{}", &GRYPE[1..]))
}

/// The report with more keys in its descriptor.
fn described(more: &str) -> Scan {
    scan(&GRYPE.replace("\"descriptor\":{", &format!("\"descriptor\":{{{more},")))
}

fn database(db: &str) -> Option<Database> {
    described(&format!("\"db\":{db}")).database
}

/// The report's finding after one replacement.
fn found(from: &str, to: &str) -> Finding {
    let text = GRYPE.replacen(from, to, 1);
    assert_ne!(text, GRYPE);
    scan(&text).findings.remove(0)
}

const BUILT: &str = "2026-11-20T01:02:03Z";

#[test]
fn every_generation_of_the_database_is_read() {
    let of = |schema: &str, captured: Option<&str>| {
        let (schema, captured) = (Some(schema.to_owned()), captured.map(at));
        Some(Database { schema, built: at(BUILT), captured, problem: None })
    };
    for (db, expected) in [
        (r#"{"built":"B","schemaVersion":5,"location":"/db/5","checksum":"sha256:0","error":null}"#, of("5", None)),
        (r#"{"built":"B","schemaVersion":"v6.0.0","path":"/db/6","valid":true,"error":""}"#, of("v6.0.0", None)),
        (
            r#"{"status":{"schemaVersion":"v6.1.9","from":"x","built":"B","path":"/db/6","valid":true},
                "providers":{"a":{"captured":"2026-11-20T00:00:00Z","input":"xxh64:0"},
                             "b":{"captured":"2024-02-01T00:00:00Z"},"c":{"captured":"2026-11-19T00:00:00+02:00"}}}"#,
            of("v6.1.9", Some("2024-02-01T00:00:00Z")),
        ),
        (
            r#"{"providers":{"a":{"captured":"2026-11-18T00:00:00Z"}},"status":{"built":"B","schemaVersion":"v6","valid":true}}"#,
            of("v6", Some("2026-11-18T00:00:00Z")),
        ),
        (r#"{"built":"B"}"#, Some(Database { schema: None, ..of("", None).unwrap() })),
    ] {
        assert_eq!(database(&db.replace("\"B\"", &format!("\"{BUILT}\""))), expected, "{db}");
    }
}

#[test]
fn a_database_without_a_date_is_none() {
    assert_eq!(scan(GRYPE).database, None);
    for db in ["null", "{}", r#"{"built":""}"#, r#"{"status":null,"providers":null}"#, r#"{"status":{"valid":true}}"#] {
        assert_eq!(database(db), None, "{db}");
    }
}

#[test]
fn what_is_wrong_with_a_database_is_told() {
    let captured = r#""providers":{"a":{"captured":"2026-11-20T00:00:00Z"}}"#;
    for (db, told) in [
        (r#"{"built":"B","error":"checksum"}"#.to_owned(), "checksum"),
        (r#"{"built":"B","error":{}}"#.to_owned(), "an error that it does not spell out"),
        (r#"{"built":"B","valid":false}"#.to_owned(), "not valid"),
        (format!(r#"{{"status":{{"built":"B","valid":false,"error":"stale"}},{captured}}}"#), "stale"),
        (format!(r#"{{"status":{{"built":"B","valid":false,"error":""}},{captured}}}"#), "not valid"),
        (r#"{"status":{"built":"B","valid":true}}"#.to_owned(), "when all of its data was taken"),
        (r#"{"status":{"built":"B","valid":true},"providers":{}}"#.to_owned(), "when all of its data was taken"),
        (
            r#"{"status":{"built":"B","valid":true},"providers":{"a":{"captured":"2026-11-20T00:00:00Z"},"b":{}}}"#
                .to_owned(),
            "when all of its data was taken",
        ),
    ] {
        let found = database(&db.replace("\"B\"", &format!("\"{BUILT}\""))).unwrap();
        assert_eq!(found.built, at(BUILT));
        assert!(found.problem.as_ref().is_some_and(|problem| problem.contains(told)), "{db}: {found:?}");
    }
}

#[test]
fn severities_that_say_nothing_are_unknown() {
    for (from, to, said) in [
        ("\"High\"", "\"\"", None),
        ("\"High\"", "null", None),
        (r#","severity":"High""#, "", None),
        ("\"High\"", "\"Unknown\"", Some("Unknown")),
        ("\"High\"", "\"Moderate\"", Some("Moderate")),
    ] {
        let finding = found(from, to);
        assert_eq!((finding.severity, finding.said.as_deref()), (Severity::Unknown, said), "{to}");
    }
    assert_eq!(found("\"High\"", "\"NEGLIGIBLE\"").severity, Severity::Negligible);
}

#[test]
fn the_first_version_with_a_fix_is_told_when_there_is_one() {
    for (fix, first) in [
        (r#""fix":{"versions":["3.1","4.0"],"state":"fixed"}"#, Some("3.1")),
        (r#""fix":{"versions":["","4.0"],"state":"fixed"}"#, Some("4.0")),
        (r#""fix":{"versions":[],"state":""}"#, None),
        (r#""fix":{"versions":null,"state":"wont-fix"}"#, None),
        (r#""fix":{"state":"unknown"}"#, None),
        (r#""fix":null"#, None),
        (r#""fixedInVersion":"3.1""#, Some("3.1")),
        (r#""fixedInVersion":"""#, None),
    ] {
        assert_eq!(found(r#""id":"CVE-1""#, &format!(r#""id":"CVE-1",{fix}"#)).fixed.as_deref(), first, "{fix}");
    }
}

#[test]
fn purls_and_versions_may_be_absent() {
    for (from, to) in [
        (r#","purl":"pkg:deb/debian/openssl@3.0""#, ""),
        (r#""pkg:deb/debian/openssl@3.0""#, "\"\""),
        (r#""pkg:deb/debian/openssl@3.0""#, "null"),
    ] {
        assert_eq!(found(from, to).purl, None, "{to}");
    }
    assert_eq!(found(r#""version":"3.0","#, "").version, "");
}

#[test]
fn what_was_scanned_and_when_is_told_where_the_report_says_so() {
    assert_eq!((scan(GRYPE).source, scan(GRYPE).distro, scan(GRYPE).finished), (None, None, None));
    assert_eq!(scan(GRYPE).version, "0.121.2");
    for (source, kind, name) in [
        (r#"{"type":"directory","target":"."}"#, "directory", "."),
        (r#"{"target":"golden-base","type":"file"}"#, "file", "golden-base"),
        (
            r#"{"type":"image","target":{"layers":[{"userInput":"x"}],"userInput":"debian:12","config":"e30="}}"#,
            "image",
            "debian:12",
        ),
        (r#"{"type":"image","target":{"userInput":null}}"#, "image", ""),
        (r#"{"type":"unknown","target":null}"#, "unknown", ""),
        (r#"{"target":"x"}"#, "", "x"),
    ] {
        let (kind, name) = (kind.to_owned(), name.to_owned());
        assert_eq!(with(&format!("\"source\":{source}")).source, Some(Source { kind, name }), "{source}");
    }
    assert_eq!(with("\"source\":null").source, None);
    let time = "2026-11-23T12:48:03.872978049Z";
    assert_eq!(described(&format!("\"timestamp\":\"{time}\"")).finished, Some(at(time)));
    for none in ["\"\"", "null"] {
        assert_eq!(described(&format!("\"timestamp\":{none}")).finished, None);
    }
}

#[test]
fn a_distribution_has_a_name_and_may_be_dead() {
    let distro = |more: &str| with(more).distro.map(|one| (one.name, one.version, one.end_of_life));
    let debian = |dead| Some(("debian".to_owned(), "12.15".to_owned(), dead));
    let named = r#""distro":{"name":"debian","version":"12.15","idLike":["debian"]}"#;
    let nameless = r#""distro":{"name":"","version":"","idLike":""}"#;
    let alert = r#""alertsByPackage":[{"package":{"name":"a"},"alerts":[]},{"package":{"name":"b"},"alerts":[
        {"type":"other","message":"x","metadata":[1]},
        {"type":"distro-eol","message":"x","metadata":{"name":"debian","version":"12.15"}}]}]"#;
    assert_eq!(distro(named), debian(None));
    assert_eq!(distro(&format!("{named},{alert}")), debian(Some(true)));
    let early = alert.replace(r#""alerts":[]"#, r#""alerts":[{"type":"distro-eol","metadata":{"name":"first"}}]"#);
    let first = Some(("first".to_owned(), String::new(), Some(true)));
    assert_eq!(distro(&early), first, "the first of several");
    assert_eq!(distro(&early.replace("},\n        {\"type\":\"distro-eol\"", "},{\"type\":\"x\"")), first);
    assert_eq!(distro(&format!("{alert},{nameless}")), debian(Some(true)), "what the alert is about");
    assert_eq!(distro(alert), debian(Some(true)));
    assert_eq!(distro(&format!("{named},{}", alert.replace("distro-eol", "distro-old"))), debian(None));
    for none in [nameless, r#""distro":null"#, r#""distro":{}"#, r#""distro":{"version":"12"}"#] {
        assert_eq!(distro(none), None, "{none}");
    }
    for none in [r#""alertsByPackage":null"#, r#""alertsByPackage":[{"alerts":null},{}]"#] {
        assert_eq!(distro(&format!("{named},{none}")), debian(None), "{none}");
    }
    let bare = r#""alertsByPackage":[{"alerts":[{"type":"distro-eol"}]}]"#;
    assert_eq!(distro(&format!("{named},{bare}")), debian(Some(true)));
    assert_eq!(with(named).distro, Some(Distro { name: "debian".into(), version: "12.15".into(), end_of_life: None }));
    let looked = described(r#""configuration":{"alerts":{"enable-eol-distro-warnings":true}}"#);
    assert_eq!(looked.distro, None);
    let looking = GRYPE.replace(
        "\"descriptor\":{",
        r#""descriptor":{"configuration":{"alerts":{"enable-eol-distro-warnings":true}},"#,
    );
    let life = |text: &str| scan(&format!("{{{named},{}", &text[1..])).distro.unwrap().end_of_life;
    assert_eq!(life(&looking), Some(false));
    assert_eq!(life(&looking.replace(":true}}", ":false}}")), None);
}

/// A rule as Grype writes it into the configuration, where every field stands.
fn rule(name: &str, kind: &str, upstream: &str, matched: &str) -> String {
    format!(
        r#"{{"vulnerability":"","include-aliases":false,"reason":"","namespace":"","fix-state":"","package":{{
            "name":"{name}","version":"","language":"","type":"{kind}","location":"","upstream-name":"{upstream}"}},
            "vex-status":"","vex-justification":"","match-type":"{matched}"}}"#
    )
}

const KERNEL_HEADERS: [[&str; 3]; 4] = [
    ["kernel-headers", "rpm", "kernel"],
    ["linux(-.*)?-headers-.*", "deb", "linux.*"],
    ["linux-libc-dev", "deb", "linux"],
    ["linux-kbuild-.*", "deb", "linux.*"],
];

fn filters(configuration: &str) -> Vec<String> {
    described(&format!("\"configuration\":{configuration}")).filters
}

#[test]
fn the_rules_that_grype_brings_along_are_no_filters() {
    let rules = KERNEL_HEADERS.map(|[name, kind, upstream]| rule(name, kind, upstream, "exact-indirect-match"));
    assert_eq!(filters(&format!("{{\"ignore\":[{}]}}", rules.join(","))), Vec::<String>::new());
    assert_eq!(filters("null").len(), 1, "nobody knows what was hidden");
    for none in ["{}", r#"{"ignore":null,"exclude":null,"vex-add":[]}"#] {
        assert_eq!(filters(none), Vec::<String>::new(), "{none}");
    }
    let as_shipped = r#"{"ignore":[],"exclude":[],"only-fixed":false,"only-notfixed":false,"ignore-wontfix":"",
        "vex-documents":[],"vex-add":[],"show-suppressed":true,"by-cve":true,"fail-on-severity":"high",
        "db":{"validate-age":false,"max-allowed-built-age":1}}"#;
    assert_eq!(filters(as_shipped), Vec::<String>::new());
}

#[test]
fn a_rule_that_differs_in_anything_is_a_filter() {
    let headers = rule("linux-libc-dev", "deb", "linux", "exact-indirect-match");
    for (from, to) in [
        ("linux-libc-dev", "linux.*"),
        ("\"deb\"", "\"\""),
        ("\"deb\"", "\"rpm\""),
        ("\"upstream-name\":\"linux\"", "\"upstream-name\":\"\""),
        ("\"upstream-name\":\"linux\"", "\"upstream-name\":\"linux.*\""),
        ("exact-indirect-match", "exact-direct-match"),
        ("exact-indirect-match", ""),
        ("\"vulnerability\":\"\"", "\"vulnerability\":\"CVE-1\""),
        ("\"include-aliases\":false", "\"include-aliases\":true"),
        ("\"reason\":\"\"", "\"reason\":\"x\""),
        ("\"version\":\"\"", "\"version\":\"1\""),
        ("\"location\":\"\"", "\"location\":\"/x\""),
        ("\"vex-status\":\"\"", "\"vex-status\":\"fixed\""),
        ("\"match-type\"", "\"another\":1,\"match-type\""),
    ] {
        let other = headers.replacen(from, to, 1);
        assert_ne!(other, headers, "{from}");
        let found = filters(&format!("{{\"ignore\":[{headers},{other}]}}"));
        assert!(matches!(found.as_slice(), [one] if one.starts_with("ignore ")), "{other}: {found:?}");
    }
    assert_eq!(
        filters(r#"{"ignore":[{"vulnerability":"","package":{"name":""}}]}"#),
        ["ignore a rule without conditions"]
    );
}

#[test]
fn every_setting_that_hides_findings_is_told_in_words() {
    let all = r#"{"ignore":[{"vulnerability":"CVE-1","reason":"no mirror","package":{"name":"nginx.*","type":"deb"}}],
        "only-fixed":true,"only-notfixed":true,"ignore-wontfix":"wont-fix","ignore-states":"unknown",
        "vex-documents":["a.json","b.json"],"vex-add":["affected"],"exclude":["./var/**"]}"#;
    assert_eq!(
        filters(all),
        [
            r#"ignore vulnerability "CVE-1", reason "no mirror", package.name "nginx.*", package.type "deb""#,
            r#"only-fixed "true""#,
            r#"only-notfixed "true""#,
            r#"ignore-wontfix "wont-fix""#,
            r#"ignore-states "unknown""#,
            r#"vex-documents "a.json", "b.json""#,
            r#"vex-add "affected""#,
            r#"exclude "./var/**""#,
        ]
    );
}

/// What hid a match under these rules, written as Grype writes them beside a match; none when it only counts.
fn hidden(rules: &str) -> Option<String> {
    let found = with(&format!(
        r#""ignoredMatches":[{{"vulnerability":{{"id":"CVE-2","severity":"Low"}},
            "artifact":{{"name":"linux-libc-dev","version":"1"}}{rules}}}]"#
    ));
    match found.findings.as_slice() {
        [first] => assert_eq!((first.id.as_str(), found.hidden_by_default), ("CVE-1", 1)),
        [_, second] => {
            assert_eq!((second.id.as_str(), second.severity, found.hidden_by_default), ("CVE-2", Severity::Low, 0));
            assert!(second.hidden.is_some());
        }
        other => panic!("{other:?}"),
    }
    found.findings.get(1)?.hidden.clone()
}

#[test]
fn ignored_matches_count_unless_only_the_kernel_header_rules_hid_them() {
    let built_in = |[name, kind, upstream]: [&str; 3]| {
        format!(
            r#"{{"namespace":"","package":{{"name":"{name}","language":"","type":"{kind}","upstream-name":"{upstream}"}},
                "match-type":"exact-indirect-match"}}"#
        )
    };
    let all = KERNEL_HEADERS.map(built_in);
    for rule in &all {
        assert_eq!(hidden(&format!(",\"appliedIgnoreRules\":[{rule}]")), None, "{rule}");
    }
    assert_eq!(hidden(&format!(",\"appliedIgnoreRules\":[{}]", all.join(","))), None);
    let own = r#"{"vulnerability":"CVE-2","reason":"later","namespace":""}"#;
    let told = Some(r#"vulnerability "CVE-2", reason "later""#.to_owned());
    assert_eq!(hidden(&format!(",\"appliedIgnoreRules\":[{},{own}]", all[0])), told);
    assert_eq!(hidden(&format!(",\"appliedIgnoreRules\":[{own}]")), told);
    let two = hidden(&format!(",\"appliedIgnoreRules\":[{own},{{\"fix-state\":\"unknown\"}}]"));
    assert_eq!(two.as_deref(), Some(r#"vulnerability "CVE-2", reason "later"; fix-state "unknown""#));
    let vex = r#"{"namespace":"vex","vex-status":"not_affected","vex-justification":"component_not_present"}"#;
    let told = r#"namespace "vex", vex-status "not_affected", vex-justification "component_not_present""#;
    assert_eq!(hidden(&format!(",\"appliedIgnoreRules\":[{vex}]")).as_deref(), Some(told));
    for none in ["", ",\"appliedIgnoreRules\":null", ",\"appliedIgnoreRules\":[]"] {
        assert_eq!(hidden(none).as_deref(), Some("an ignore rule that the report does not name"), "{none}");
    }
    assert_eq!(hidden(",\"appliedIgnoreRules\":[{}]").as_deref(), Some("a rule without conditions"));
    assert_eq!(with("\"ignoredMatches\":null"), scan(GRYPE));
}
