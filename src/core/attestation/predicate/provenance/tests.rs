use super::*;
use crate::testing::images::descriptor;

fn facts() -> BuildFacts {
    serde_json::from_str(
        r#"{"builder":"https://ci.example/packer","invocation":"https://ci.example/runs/7","packerRun":"6a0f",
            "source":{"repository":"git@git.example:platform/images.git","commit":"0a1b","dirty":true},
            "baseImage":{"arn":"arn:aws:ec2:eu-west-1::image/ami-0123abcd","owner":"136693071363",
                "descriptor":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                "created":"2026-10-01T00:00:00Z"},
            "ancestry":[{"arn":"arn:aws:ec2:eu-west-1::image/ami-0123abcd","created":"2026-10-01T00:00:00Z"},
                {"arn":"arn:aws:ec2:us-east-1::image/ami-00000001","ownerAlias":"amazon"}],
            "startedOn":"2026-11-01T09:00:00Z","finishedOn":"2026-11-01T10:00:00Z","tools":{"packer":"1.16.0"},"tags":{"GitCommit":"0a1b"}}"#,
    )
    .unwrap()
}

fn content() -> [DeviceContent; 1] {
    [DeviceContent { device_name: "/dev/xvda".into(), volume_size: 8, sha256: Sha256Digest::of(b"x") }]
}

fn written(made: &Provenance) -> String {
    serde_json::to_string(made).unwrap()
}

/// Returns the provenance of a build of which nothing but these dependencies is known.
fn depending(resolved: &str) -> Provenance {
    serde_json::from_str(&format!(
        r#"{{"buildDefinition":{{"buildType":"x","externalParameters":{{}},"resolvedDependencies":[{resolved}]}},
            "runDetails":{{"builder":{{"id":"z"}}}}}}"#
    ))
    .unwrap()
}

#[test]
fn what_goes_in_comes_out() {
    let inputs = ["sbom", "policy", "manifest", "goss"]
        .map(|name| Byproduct { name, digest: Sha256Digest::of(name.as_bytes()) });
    let text = written(&provenance(&descriptor(), facts(), &inputs, &content()));
    let read: Provenance = serde_json::from_str(&text).unwrap();
    assert_eq!(read.builder(), "https://ci.example/packer");
    assert_eq!((read.invocation(), read.packer_run()), (Some("https://ci.example/runs/7"), Some("6a0f")));
    let times = ["2026-11-01T09:00:00Z", "2026-11-01T10:00:00Z"].map(|at| at.parse().ok());
    assert_eq!([read.started_on(), read.finished_on()], times);
    assert!(text.contains(&format!(r#""mediaType":"{DESCRIPTOR_MEDIA_TYPE}""#)), "{text}");
    assert_eq!(read.repository().as_deref(), Some("https://git.example/platform/images"));
    assert_eq!((read.commit(), read.dirty()), (Some("0a1b"), true));
    assert_eq!(read.base_image(), facts().base_image);
    assert_eq!(read.ancestry(), facts().ancestry);
    assert_eq!(read.tags()["GitCommit"], "0a1b");
    assert_eq!(read.descriptor().unwrap(), Some(descriptor()));
    assert_eq!((read.content(), read.content_digests()), (content().to_vec(), Some(ContentDigests::Taken)));
    let source = r#""uri":"git+https://git.example/platform/images","digest":{"gitCommit":"0a1b"}"#;
    assert!(text.contains(source), "{text}");
    for name in ["sbom", "policy", "manifest", "goss"] {
        let byproduct = format!(r#"{{"name":"{name}","digest":{{"sha256":"{}"}}}}"#, Sha256Digest::of(name.as_bytes()));
        assert!(text.contains(&byproduct), "{text}");
    }
    assert_eq!(written(&read), text);
}

#[test]
fn the_same_facts_make_the_same_bytes_in_whatever_order_they_came() {
    let text = r#"{"builder":"b","tools":{"a":"1","b":"2"},"tags":{"x":"1","y":"2"},"packerRun":"r"}"#;
    let other = r#"{"packerRun":"r","tags":{"y":"2","x":"1"},"tools":{"b":"2","a":"1"},"builder":"b"}"#;
    let made = |text| written(&provenance(&descriptor(), serde_json::from_str(text).unwrap(), &[], &[]));
    assert_eq!(made(text), made(other));
}

#[test]
fn content_that_was_left_out_is_said() {
    let made = provenance(&descriptor(), facts(), &[], &[]);
    assert_eq!((made.content().len(), made.content_digests()), (0, Some(ContentDigests::LeftOut)));
    assert!(written(&made).contains(r#""contentDigests":"left-out""#));
    assert_eq!(depending("").content_digests(), None);
}

#[test]
fn a_document_is_carried_whole() {
    let carried = Carried {
        name: "packer-provenance",
        content: b"{}".to_vec(),
        media_type: "application/vnd.dsse.envelope.v1+json",
        annotations: BTreeMap::from([("identityOnly".to_owned(), true.into())]),
    };
    let text = written(&provenance(&descriptor(), facts(), &[], &content()).carrying(carried));
    let expected = format!(
        r#"{{"name":"packer-provenance","digest":{{"sha256":"{}"}},"content":"e30=","mediaType":"application/vnd.dsse.envelope.v1+json","annotations":{{"identityOnly":true}}}}]}}}}"#,
        Sha256Digest::of(b"{}")
    );
    assert!(text.ends_with(&expected), "{text}");
}

#[test]
fn a_repository_and_a_commit_are_those_of_the_only_source() {
    let git = |name: &str| {
        format!(r#"{{"uri":"git+https://git.example/{name}@refs/heads/main","digest":{{"gitCommit":"{name}"}}}}"#)
    };
    let file = r#"{"uri":"https://git.example/x.iso","digest":{"sha256":"00"}}"#;
    let read = depending(&format!("{file},{}", git("a")));
    assert_eq!((read.repository().as_deref(), read.commit()), (Some("https://git.example/a"), Some("a")));
    for several in [format!("{},{}", git("a"), git("b")), format!("{0},{0}", git("a"))] {
        assert_eq!((depending(&several).repository(), depending(&several).commit()), (None, None), "{several}");
    }
    for (one, repository, commit) in [
        (r#"{"digest":{"gitCommit":"a"}}"#, None, Some("a")),
        (r#"{"uri":"git+https://git.example/a"}"#, Some("https://git.example/a"), None),
        (r#"{"uri":"git+file:///srv/a","digest":{"gitCommit":"a"}}"#, None, Some("a")),
        (file, None, None),
        ("", None, None),
    ] {
        let read = depending(one);
        assert_eq!((read.repository().as_deref(), read.commit()), (repository, commit), "{one}");
    }
}

#[test]
fn a_tree_is_clean_only_if_nothing_says_otherwise() {
    for (said, dirty) in [("false", false), ("true", true), ("null", true), ("\"no\"", true), ("0", true)] {
        let read = depending(&format!(r#"{{"digest":{{"gitCommit":"a"}},"annotations":{{"dirty":{said}}}}}"#));
        assert_eq!(read.dirty(), dirty, "{said}");
    }
}

#[test]
fn a_base_image_has_an_owner_only_if_nothing_says_otherwise() {
    let base = |arn: &str, owner: &str| {
        let annotations =
            if owner.is_empty() { String::new() } else { format!(r#","annotations":{{"owner":{owner}}}"#) };
        let base = format!(r#"{{"name":"base-image","uri":"{arn}"{annotations}}}"#);
        depending(&base).base_image().unwrap().owner.map(|owner| owner.to_string())
    };
    let (with, without) =
        ("arn:aws:ec2:eu-west-1:123456789012:image/ami-0123abcd", "arn:aws:ec2:eu-west-1::image/ami-0123abcd");
    for (arn, owner, expected) in [
        (with, "", Some("123456789012")),
        (with, "\"123456789012\"", Some("123456789012")),
        (without, "\"123456789012\"", Some("123456789012")),
        ("x", "\"123456789012\"", Some("123456789012")),
        (with, "\"210987654321\"", None),
        (with, "\"amazon\"", None),
        (with, "123456789012", None),
        (without, "", None),
        ("x", "", None),
    ] {
        assert_eq!(base(arn, owner).as_deref(), expected, "{arn} {owner}");
    }
    let two = format!(r#"{{"name":"base-image","uri":"{with}"}},{{"name":"base-image","uri":"{without}"}}"#);
    assert_eq!(depending(&two).base_image(), None);
    assert_eq!(depending(r#"{"name":"base-image"}"#).base_image(), None);
}

#[test]
fn provenance_of_other_builders_is_read() {
    let read: Provenance = serde_json::from_str(
        r#"{"buildDefinition":{"buildType":"x","externalParameters":{},"internalParameters":{"y":1}},
            "runDetails":{"builder":{"id":"z","builderDependencies":[]}}}"#,
    )
    .unwrap();
    assert_eq!((read.builder(), read.descriptor().unwrap(), read.content().len()), ("z", None, 0));
    assert_eq!((read.repository(), read.commit(), read.base_image(), read.dirty()), (None, None, None, false));
    assert!(read.ancestry().is_empty());
}

#[test]
fn build_facts_have_no_other_fields() {
    assert!(serde_json::from_str::<BuildFacts>(r#"{"builder":"x","comit":"y"}"#).is_err());
}

fn guard() -> BootGuard {
    BootGuard {
        recipe: "sysinit".to_owned(),
        version: "0.1.0".to_owned(),
        executable: Sha256Digest::of(b"goldseal"),
        report_only: false,
        records: true,
        findings: vec!["no-cloud-init".to_owned()],
    }
}

#[test]
fn the_boot_guard_is_said_and_nothing_is_said_of_none() {
    let made = provenance(&descriptor(), facts(), &[], &[]);
    assert_eq!(made.boot_guard(), None);
    assert!(!written(&made).contains("bootGuard"), "what was signed before has the same bytes");
    let text = written(&made.guarded_by(&guard()));
    let read: Provenance = serde_json::from_str(&text).unwrap();
    assert_eq!(read.boot_guard(), Some(guard()));
    assert_eq!(written(&read), text);
}

#[test]
fn what_others_mean_by_a_boot_guard_is_not_taken_for_ours() {
    for theirs in [r#""yes""#, "true", "[]", "{}", r#"{"recipe":"sysinit","version":"1"}"#] {
        let text = format!(
            r#"{{"buildDefinition":{{"buildType":"x","externalParameters":{{}},"internalParameters":{{"bootGuard":{theirs}}}}},
                "runDetails":{{"builder":{{"id":"z"}}}}}}"#
        );
        let read: Provenance = serde_json::from_str(&text).unwrap();
        assert_eq!(read.boot_guard(), None, "{theirs}");
    }
}
