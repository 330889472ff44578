use super::*;

const RUN: &str = "60fe11a8-f3db-9141-9a4d-bc97188e4d69";
const OTHER: &str = "2262f71e-59e6-7c53-7a94-6daa7882e276";

fn build(name: &str, builder: &str, artifact: &str, run: &str, more: &str) -> String {
    format!(
        r#"{{"name":"{name}","builder_type":"{builder}","build_time":1795437819,"files":null,
            "artifact_id":"{artifact}","packer_run_uuid":"{run}"{more}}}"#
    )
}

fn ami(name: &str, artifact: &str, run: &str) -> String {
    build(name, "amazon-ebs", artifact, run, r#","custom_data":null"#)
}

fn manifest(builds: &[String], last: &str) -> Vec<u8> {
    format!(r#"{{"builds":[{}],"last_run_uuid":"{last}"}}"#, builds.join(",")).into_bytes()
}

fn parsed(builds: &[String]) -> Manifest {
    Manifest::parse(&manifest(builds, RUN), None).unwrap()
}

fn fault(builds: &[String], run: Option<&str>) -> String {
    Manifest::parse(&manifest(builds, RUN), run).unwrap_err().to_string()
}

fn named(manifest: &Manifest) -> Vec<String> {
    manifest.images.iter().map(|built| built.image.to_string()).collect()
}

#[test]
fn what_packer_writes_is_read() {
    let bytes = br#"{
  "builds": [
    {
      "name": "base",
      "builder_type": "amazon-ebs",
      "build_time": 1795437819,
      "files": null,
      "artifact_id": "eu-west-1:ami-3917e31d622aa7ed7",
      "packer_run_uuid": "60fe11a8-f3db-9141-9a4d-bc97188e4d69",
      "custom_data": {"source_ami": "ami-0123abcd", "git_commit": "0a1b"}
    }
  ],
  "last_run_uuid": "60fe11a8-f3db-9141-9a4d-bc97188e4d69"
}"#;
    let manifest = Manifest::parse(bytes, None).unwrap();
    let image = ImageRef { region: "eu-west-1".parse().unwrap(), id: "ami-3917e31d622aa7ed7".parse().unwrap() };
    let built = manifest.built(&image).unwrap();
    assert_eq!((manifest.run.as_str(), manifest.images.len(), manifest.others.len()), (RUN, 1, 0));
    assert_eq!((built.build.as_str(), built.builder_type.as_str()), ("base", "amazon-ebs"));
    assert_eq!(built.built.unwrap().to_string(), "2026-11-23T12:43:39Z");
    assert_eq!(built.data["source_ami"], "ami-0123abcd");
    let elsewhere = ImageRef { region: "eu-west-2".parse().unwrap(), ..image };
    assert_eq!(manifest.built(&elsewhere), None);
}

#[test]
fn of_six_runs_the_one_that_is_meant_counts_and_not_the_one_that_stands_last() {
    let run = |n: usize| format!("{n}{}", &RUN[1..]);
    let mut builds: Vec<String> = (1..7).map(|n| ami("base", &format!("eu-west-1:ami-0000000{n}"), &run(n))).collect();
    for turn in 0..6 {
        builds.rotate_left(turn);
        for last in 1..7 {
            let bytes = manifest(&builds, &run(last));
            let read = Manifest::parse(&bytes, None).unwrap();
            assert_eq!(read.run, run(last));
            assert_eq!(named(&read), [format!("ami-0000000{last} in eu-west-1")]);
            for asked in 1..7 {
                let read = Manifest::parse(&bytes, Some(&run(asked))).unwrap();
                assert_eq!(named(&read), [format!("ami-0000000{asked} in eu-west-1")]);
            }
        }
    }
}

#[test]
fn nine_regions_and_several_sources_of_one_run_are_all_there() {
    let regions = [
        "ap-south-1",
        "ap-southeast-2",
        "ca-central-1",
        "eu-central-1",
        "eu-north-1",
        "eu-west-1",
        "sa-east-1",
        "us-east-1",
        "us-west-2",
    ];
    let nine: Vec<String> = regions.iter().enumerate().map(|(n, r)| format!("{r}:ami-0000000{n}")).collect();
    let builds = [
        ami("web", &nine.join(","), RUN),
        ami("old", "eu-west-1:ami-0000000a", OTHER),
        ami("db", "eu-west-1:ami-0000000b", RUN),
    ];
    let read = parsed(&builds);
    assert_eq!(read.images.len(), 10);
    let seen: BTreeSet<&str> = read.images.iter().map(|built| built.image.region.as_str()).collect();
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), regions);
    assert_eq!(read.images.iter().filter(|built| built.build == "db").count(), 1);
    let mut turned = builds;
    turned.reverse();
    assert_eq!(parsed(&turned), read);
}

#[test]
fn other_builders_are_noted_and_are_no_images() {
    let others = [
        build("vm", "qemu", "900", RUN, ""),
        build("disk", "file", "/srv/out/disk.raw", RUN, ""),
        build("n", "null", "", RUN, ""),
        build("vol", "amazon-ebsvolume", "eu-west-1:vol-0123abcd", RUN, ""),
        ami("base", "eu-west-1:ami-0123abcd", RUN),
    ];
    let read = parsed(&others);
    assert_eq!(named(&read), ["ami-0123abcd in eu-west-1"]);
    assert_eq!(read.others[0], "\"900\" of vm (qemu)");
    assert_eq!(read.others.len(), 4);
    let text = fault(&others[..2], None);
    assert_eq!(
        text,
        format!(
            "run {RUN} built no AMI, but \"900\" of vm (qemu), \"/srv/out/disk.raw\" of disk (file); \
             name the manifest of a build that makes one"
        )
    );
}

#[test]
fn an_image_that_another_builder_made_and_amazon_imported_is_an_image() {
    assert_eq!(named(&parsed(&[build("vm", "qemu", "eu-west-1:ami-0123abcd", RUN, "")])).len(), 1);
}

#[test]
fn absent_and_null_fields_are_fine() {
    for form in [
        r#"{"name":"a","builder_type":"amazon-ebs","artifact_id":"eu-west-1:ami-0123abcd","packer_run_uuid":"R"}"#,
        r#"{"name":"a","builder_type":"amazon-ebs","artifact_id":"eu-west-1:ami-0123abcd","packer_run_uuid":"R",
            "build_time":null,"files":null,"custom_data":null,"labels":{"new":[1]}}"#,
        r#"{"name":"a","builder_type":"amazon-ebs","artifact_id":"eu-west-1:ami-0123abcd","packer_run_uuid":"R",
            "build_time":0,"custom_data":{}}"#,
    ] {
        let read = Manifest::parse(&manifest(&[form.replace('R', RUN)], RUN), None).unwrap();
        assert_eq!((read.images[0].built, read.images[0].data.len()), (None, 0), "{form}");
    }
}

#[test]
fn a_run_that_is_not_there_is_an_error_that_names_those_that_are() {
    let builds = [ami("a", "eu-west-1:ami-00000001", RUN), ami("a", "eu-west-1:ami-00000002", OTHER)];
    let text = fault(&builds, Some("ffffffff"));
    assert_eq!(text, format!("the Packer manifest has no build of run ffffffff; it has runs {OTHER}, {RUN}"));
    let many: Vec<String> = (0..20).map(|n| ami("a", "eu-west-1:ami-00000001", &format!("run-{n:02}"))).collect();
    assert!(fault(&many, None).ends_with("run-07 and 12 more"));
    assert!(fault(&[], None).ends_with("it has builds of no run"));
    let unnamed = r#"{"name":"a","builder_type":"amazon-ebs","artifact_id":"eu-west-1:ami-0123abcd"}"#.to_owned();
    assert!(fault(&[unnamed], None).ends_with("it has builds of no run"));
}

#[test]
fn a_run_must_be_named_or_be_the_last() {
    let builds = [ami("a", "eu-west-1:ami-00000001", RUN)];
    for empty in ["", " ", "\n"] {
        assert!(fault(&builds, Some(empty)).starts_with("the run id is empty"), "{empty:?}");
    }
    for last in [r#","last_run_uuid":"""#, r#","last_run_uuid":null"#, ""] {
        let bytes = format!(r#"{{"builds":[{}]{last}}}"#, builds[0]);
        assert!(matches!(Manifest::parse(bytes.as_bytes(), None), Err(ManifestFault::NoLastRun)), "{last}");
        assert!(Manifest::parse(bytes.as_bytes(), Some(RUN)).is_ok(), "{last}");
        assert!(Manifest::parse(bytes.as_bytes(), Some(&format!("{RUN}\n"))).is_ok(), "{last}");
    }
}

#[test]
fn an_amazon_build_without_an_image_is_an_error_that_says_where() {
    for (artifact, problem) in [
        ("", "none is named"),
        ("File", "none is named"),
        ("ami-0123abcd", "none is named"),
        ("eu-west-1:ami-1", "not an AMI id"),
        ("eu:ami-0123abcd", "not a region"),
        ("eu-west-1:ami-0123abcd,", "not REGION:ami-ID"),
    ] {
        let text = fault(&[ami("old", "eu-west-1:ami-00000001", OTHER), ami("base", artifact, RUN)], None);
        assert!(text.starts_with("build \"base\" (builds[1] of the Packer manifest)"), "{text}");
        assert!(text.contains(problem), "{text}");
    }
    let others_of_amazon = ["amazon-ebssurrogate", "amazon-chroot", "amazon-instance"];
    for builder in others_of_amazon {
        assert!(fault(&[build("a", builder, "", RUN, "")], None).contains(builder));
    }
    // A build of another run is not looked at.
    assert_eq!(parsed(&[ami("old", "", OTHER), ami("base", "eu-west-1:ami-0123abcd", RUN)]).images.len(), 1);
}

#[test]
fn one_image_twice_must_say_the_same() {
    let with = |name: &str, data: &str| {
        build(name, "amazon-ebs", "eu-west-1:ami-0123abcd", RUN, &format!(r#","custom_data":{data}"#))
    };
    let one = with("a", r#"{"k":"1"}"#);
    let later = one.replacen("1795437819", "1795437820", 1);
    for pair in [[one.clone(), later.clone()], [later, one.clone()]] {
        let read = parsed(&pair);
        assert_eq!((read.images.len(), read.images[0].built.unwrap().as_second()), (1, 1_795_437_819));
    }
    for other in [with("a", r#"{"k":"2"}"#), with("a", "null"), with("b", r#"{"k":"1"}"#)] {
        let text = fault(&[one.clone(), other], None);
        assert!(text.starts_with("ami-0123abcd in eu-west-1 stands twice in the Packer manifest"), "{text}");
        assert!(text.contains("(builds[1])"), "{text}");
    }
}

#[test]
fn what_is_no_manifest_is_refused() {
    let good = String::from_utf8(manifest(&[ami("a", "eu-west-1:ami-0123abcd", RUN)], RUN)).unwrap();
    for (from, to) in [
        (r#"{"builds""#, r#"{"build""#),
        (r#""custom_data":null"#, r#""custom_data":{"k":1}"#),
        (r#""custom_data":null"#, r#""custom_data":{"k":"1","k":"2"}"#),
        (r#""custom_data":null"#, r#""custom_data":["k"]"#),
        ("1795437819", "\"1795437819\""),
        (r#""name":"a""#, r#""name":null"#),
        (r#""files":null"#, r#""name":"b""#),
        (r#"[{"#, r#"[["a","amazon-ebs",1,"eu-west-1:ami-0123abcd","r",null],{"#),
        ("]", ""),
    ] {
        let other = good.replacen(from, to, 1);
        assert_ne!(other, good, "{from}");
        assert!(matches!(Manifest::parse(other.as_bytes(), None), Err(ManifestFault::Json(_))), "{to}");
    }
    let late = good.replacen("1795437819", "9223372036854775807", 1);
    assert!(Manifest::parse(late.as_bytes(), None).unwrap_err().to_string().contains("no time in seconds"));
    let large = vec![b' '; LIMITS.bytes + 1];
    assert!(matches!(Manifest::parse(&large, None), Err(ManifestFault::Json(JsonFault::TooLarge { .. }))));
}

proptest::proptest! {
    #[test]
    fn no_bytes_stop_the_program(text in "\\PC{0,60}", at in 0..200usize) {
        let mut bytes = manifest(&[ami("a", "eu-west-1:ami-0123abcd", RUN)], RUN);
        bytes.splice(at.min(bytes.len()).., text.bytes());
        drop(Manifest::parse(&bytes, None));
    }

    #[test]
    fn an_artifact_id_is_images_in_whole_or_an_error_or_nothing(id in "(eu-west-1|x)?:?(ami-)?[0-9a-g]{0,9}(,us-east-1:ami-0123abcd)?") {
        if let Ok(Some(images)) = artifact::images(&id) {
            let again: Vec<String> = images.iter().map(|i| format!("{}:{}", i.region, i.id)).collect();
            proptest::prop_assert_eq!(again.join(","), id);
        }
    }
}
