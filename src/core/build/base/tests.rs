use super::*;
use crate::{
    attestation::predicate::{Ancestor, BaseImage, BuildFacts},
    build::Manifest,
};

const BASE: &str = "eu-west-1:ami-0000000b";
/// The image of the run that was built first, and its copy elsewhere.
const FIRST: &str = "eu-west-1:ami-00000001";
const COPY: &str = "us-east-1:ami-00000002";
const BETWEEN: &str = "eu-west-1:ami-0000000c";
const STRANGE: &str = "eu-west-1:ami-0000000d";

fn image(text: &str) -> ImageRef {
    let (region, id) = text.split_once(':').unwrap();
    ImageRef { region: region.parse().unwrap(), id: id.parse().unwrap() }
}

fn manifest(artifact: &str, data: &str) -> Manifest {
    let text = format!(
        r#"{{"builds":[{{"name":"a","builder_type":"amazon-ebs","artifact_id":"{artifact}","packer_run_uuid":"r",
            "custom_data":{{{data}}}}}],"last_run_uuid":"r"}}"#
    );
    Manifest::parse(text.as_bytes(), None).unwrap()
}

/// Images in a chain; one in brackets is only named.
fn ancestry(chain: &[&str]) -> Vec<Ancestor> {
    let ancestor = |text: &&str| {
        let named = text.trim_matches(['(', ')']);
        let created = (named == *text).then(|| "2026-01-01T00:00:00Z".parse().unwrap());
        Ancestor { image: image(named), owner_alias: None, created }
    };
    chain.iter().map(ancestor).collect()
}

fn file(arn: &str) -> BuildFacts {
    let mut facts: BuildFacts = serde_json::from_str(r#"{"builder":"b"}"#).unwrap();
    facts.base_image = Some(BaseImage { arn: arn.to_owned(), owner: None, descriptor: None, created: None });
    facts
}

fn told(found: Result<Base, FactsFault>) -> String {
    let name = |image: ImageRef| format!("{}:{}", image.region, image.id);
    match found {
        Err(FactsFault::Contradiction { says, contradicts, .. }) => format!("{says} against {contradicts}"),
        Err(fault) => fault.to_string(),
        Ok(Base { image, unclear }) => {
            let unclear = unclear.map(|image| format!(" or {}", name(image)));
            image.map_or_else(|| "unknown".to_owned(), name) + &unclear.unwrap_or_default()
        }
    }
}

#[test]
fn the_base_image_by_what_the_build_and_ec2_say() {
    let said = r#""source_ami":"ami-0000000b""#;
    let both = format!("{FIRST},{COPY}");
    for (of, data, chain, expected) in [
        // Nobody says anything.
        (FIRST, "", &[][..], "unknown"),
        // The build alone: the region is that of the only image, or is said.
        (FIRST, said, &[], "unknown"),
        (FIRST, r#""source_ami":"ami-0000000b","build_region":"eu-west-1""#, &[], BASE),
        // EC2 alone: the nearest that is not of this run.
        (FIRST, "", &[BASE], BASE),
        (FIRST, "", &["(eu-west-1:ami-0000000b)"], BASE),
        (COPY, "", &[FIRST, BASE], BASE),
        (COPY, "", &[FIRST], "unknown"),
        // Both.
        (FIRST, said, &[BASE], BASE),
        (FIRST, said, &["(eu-west-1:ami-0000000b)"], BASE),
        (FIRST, said, &[BASE, STRANGE], BASE),
        (COPY, said, &[FIRST, BASE], BASE),
        (COPY, said, &["(eu-west-1:ami-00000001)"], BASE),
        // An encrypted image comes from one that the build made in between.
        (FIRST, said, &[BETWEEN, BASE], BASE),
        (
            FIRST,
            r#""source_ami":"ami-0000000b","build_region":"eu-west-1""#,
            &["(eu-west-1:ami-0000000c)"],
            "eu-west-1:ami-0000000b or eu-west-1:ami-0000000c",
        ),
        // EC2 shows another one.
        (FIRST, said, &[STRANGE], "ami-0000000b against ami-0000000d in eu-west-1"),
        (COPY, said, &[FIRST, STRANGE], "ami-0000000b against ami-0000000d in eu-west-1"),
    ] {
        let manifest = manifest(&both, data);
        let (of, ancestry) = (image(of), ancestry(chain));
        let known = Known { manifest: Some(&manifest), ancestry: &ancestry, ..Known::of(&of) };
        assert_eq!(told(found(&known, known.built().unwrap())), expected, "{data} {chain:?}");
    }
}

#[test]
fn the_region_of_a_base_image_is_that_of_a_build_in_one_region() {
    let manifest = manifest(FIRST, r#""source_ami":"ami-0000000b""#);
    let of = image(FIRST);
    let known = Known { manifest: Some(&manifest), ..Known::of(&of) };
    assert_eq!(base(&known).unwrap(), Some(image(BASE)));
}

#[test]
fn the_source_that_an_image_names_stands_in_for_its_ancestry() {
    let (of, source) = (image(FIRST), image(BASE));
    let known = Known { source_image: Some(&source), ..Known::of(&of) };
    assert_eq!(base(&known).unwrap(), Some(image(BASE)));
    // It is only named, so it cannot contradict.
    let strange = image(STRANGE);
    let manifest = manifest(FIRST, r#""source_ami":"ami-0000000b""#);
    let known = Known { source_image: Some(&strange), manifest: Some(&manifest), ..Known::of(&of) };
    assert_eq!(told(found(&known, known.built().unwrap())), "eu-west-1:ami-0000000b or eu-west-1:ami-0000000d");
}

#[test]
fn the_file_of_build_facts_names_the_base_image_and_is_held_against_the_others() {
    let of = image(FIRST);
    let arn = "arn:aws:ec2:eu-west-1::image/ami-0000000b";
    for (arn, data, chain, expected) in [
        (arn, "", &[][..], BASE),
        (arn, r#""source_ami":"ami-0000000b""#, &[BASE], BASE),
        (arn, r#""source_ami":"ami-0000000d""#, &[], "ami-0000000b against ami-0000000d"),
        (arn, "", &[STRANGE], "ami-0000000b in eu-west-1 against ami-0000000d in eu-west-1"),
        (
            "arn:aws:ec2:us-east-1::image/ami-0000000b",
            "",
            &[BASE],
            "ami-0000000b in us-east-1 against ami-0000000b in eu-west-1",
        ),
        (
            "ami-0000000b",
            "",
            &[],
            "baseImage.arn \"ami-0000000b\" of the file of build facts is not \
             arn:PARTITION:ec2:REGION:[ACCOUNT]:image/ami-ID",
        ),
        (arn, r#""source_ami":"ami-0000000b","build_region":"Ireland""#, &[], BASE),
    ] {
        let (facts, manifest, ancestry) = (file(arn), manifest(FIRST, data), ancestry(chain));
        let known = Known { given: Some(&facts), manifest: Some(&manifest), ancestry: &ancestry, ..Known::of(&of) };
        assert_eq!(told(found(&known, known.built().unwrap())), expected, "{arn} {data} {chain:?}");
    }
}

#[test]
fn a_region_that_is_none_is_an_error() {
    let manifest = manifest(FIRST, r#""source_ami":"ami-0000000b","build_region":"Ireland""#);
    let of = image(FIRST);
    let known = Known { manifest: Some(&manifest), ..Known::of(&of) };
    assert!(base(&known).unwrap_err().to_string().starts_with("custom_data.build_region of build \"a\""));
}

#[test]
fn a_described_image_names_its_source_only_in_whole() {
    let described = |id: Option<&str>, region: Option<&str>| DescribedImage {
        source_image_id: id.map(str::to_owned),
        source_image_region: region.map(str::to_owned),
        ..DescribedImage::default()
    };
    assert_eq!(source_image(&described(Some("ami-0000000b"), Some("eu-west-1"))), Some(image(BASE)));
    for (id, region) in [
        (None, None),
        (Some("ami-0000000b"), None),
        (None, Some("eu-west-1")),
        (Some("x"), Some("eu-west-1")),
        (Some(""), Some("")),
    ] {
        assert_eq!(source_image(&described(id, region)), None);
    }
}
