//! The main job: describe → sign → verify, against the local AWS.

use std::{
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::json;

use crate::{
    aws::{Account, REGION, build_tags, sha256},
    cloud::{cloud, python},
    policies::trusting,
    run::{Goldseal, INPUTS, notes},
};

/// An account with a bucket and a key, and the executable set up for both.
pub struct Scene {
    pub account: Account,
    pub goldseal: Goldseal,
    pub key: crate::aws::Key,
}

impl Scene {
    /// Sets up bucket store, KMS key `alias/signing`, and a policy that trusts it by PEM.
    pub fn new() -> Self {
        let account = Account::new();
        let key = account.key_called("signing");
        let goldseal = account.goldseal();
        let goldseal = goldseal.with("GOLDSEAL_STORE", account.bucket_store()).with("GOLDSEAL_POLICY", "policy.toml");
        goldseal.write("policy.toml", trusting(&key));
        Self { account, goldseal, key }
    }

    /// Signs an image with `alias/signing` and the fixtures.
    #[track_caller]
    pub fn sign(&self, ami: &str, more: &str) -> serde_json::Value {
        let line = format!("sign {ami} --key awskms:///alias/signing {INPUTS} {more}");
        self.goldseal.json(&line).exits(0).report()
    }

    /// Registers an image and signs it.
    #[track_caller]
    pub fn sealed(&self, name: &str) -> String {
        let ami = self.account.image(name);
        self.sign(&ami, "");
        ami
    }
}

#[test]
fn an_image_is_described_sealed_and_admitted() {
    let scene = Scene::new();
    let Scene { account, goldseal, key } = &scene;
    let ami = account.image("golden");
    let described = goldseal.json(&format!("describe {ami} --descriptor image.json")).exits(0).report();
    let subject = sha256(&goldseal.read("image.json"));
    assert_eq!(described["schema"], "goldseal/describe/v1");
    assert_eq!(described["subject"], subject);
    assert_eq!(described["arn"], format!("arn:aws:ec2:{REGION}:{}:image/{ami}", account.id));
    assert_eq!(described["descriptor"]["name"], "golden");

    let signed = scene.sign(&ami, "--exceptions exceptions.toml");
    let evidence = account.evidence(&ami).unwrap();
    let place = format!("s3://{}/{}", account.bucket(), account.evidence_key(&ami));
    assert_eq!(signed["schema"], "goldseal/sign/v1");
    assert_eq!(signed["subject"], subject);
    let expected =
        json!({"name": key.arn, "spkiSha256": key.pin(), "scheme": "ecdsa-p256-sha256", "dangerousLocal": false});
    assert_eq!(signed["key"], expected);
    assert_eq!(signed["evidence"], place);
    assert_eq!(signed["evidenceSha256"], sha256(&evidence));
    assert_eq!(signed["bundles"], 3);
    let missing = ["dangerous-without-gate", "no-content-digest", "no-packer-run", "no-base-descriptor", "no-ancestry"];
    assert_eq!(notes(&signed), missing);
    let kinds: Vec<_> = signed["statements"].as_array().unwrap().iter().map(|one| one["kind"].clone()).collect();
    assert_eq!(kinds, ["provenance", "sbom", "scan"]);

    let mut tags = build_tags();
    tags.insert("goldseal:evidence".into(), format!("sha256:{} {place}", sha256(&evidence)));
    tags.insert("goldseal:subject".into(), format!("sha256:{subject}"));
    tags.insert("goldseal:key".into(), key.arn.clone());
    assert_eq!(account.tags(&ami), tags);

    let report = goldseal.verdict(&ami, "admit", &[]);
    let image = &report["images"][0];
    assert_eq!((&image["evidence"], &image["evidenceSha256"]), (&json!(place), &json!(sha256(&evidence))));
    assert_eq!((&image["subject"], &image["owner"]), (&json!(subject), &json!(account.id)));
    assert_eq!(image["checked"].as_array().unwrap().len(), 3);
    assert_eq!(notes(image), ["dangerous-without-gate", "no-content-digest", "key-state-not-asked"]);
}

#[test]
fn people_read_which_key_signed_and_where_the_evidence_is() {
    let scene = Scene::new();
    let ami = scene.account.image("shown");
    let line = format!("sign {ami} --key awskms:///alias/signing {INPUTS}");
    let shown = scene.goldseal.run(&line).exits(0);
    for text in [
        format!("SIGNED  {ami} in {REGION}"),
        scene.key.arn.clone(),
        format!("spki sha256:{}  ecdsa-p256-sha256", scene.key.pin()),
        format!("s3://{}/v1/aws/{REGION}/{ami}.jsonl", scene.account.bucket()),
        "(3 bundles)".to_owned(),
        "goldseal:evidence = sha256:".to_owned(),
    ] {
        assert!(shown.stdout.contains(&text), "{text}\n{}", shown.stdout);
    }
    assert_eq!(shown.stderr, "", "no progress where there is no terminal");
    assert!(!shown.stdout.contains('\u{1b}'), "no colour where there is no terminal");
    scene
        .goldseal
        .run(&format!("describe {ami}"))
        .exits(0)
        .says("subject   sha256:")
        .says("device    /dev/xvda  snap-");
}

#[test]
fn the_descriptor_of_a_saved_answer_is_the_one_of_ec2_byte_for_byte() {
    let account = Account::new();
    let (ami, other) = (account.image("saved"), account.image("beside"));
    let goldseal = account.goldseal();
    goldseal.run(&format!("describe {ami} --descriptor asked.json")).exits(0);

    // What `aws ec2 describe-images` prints is what this SDK of the same authors returns.
    let program = format!(
        "import boto3, json\nclient = boto3.client('ec2', region_name='{REGION}', endpoint_url='{}', \
         aws_access_key_id='{}', aws_secret_access_key='testing')\nanswer = client.describe_images(ImageIds=['{other}', '{ami}'])\n\
         del answer['ResponseMetadata']\nprint(json.dumps(answer, indent=4, default=str))",
        cloud().endpoint,
        account.id
    );
    let saved = python().args(["-c", &program]).output().unwrap();
    assert!(saved.status.success(), "{}", String::from_utf8_lossy(&saved.stderr));
    let offline = Goldseal::new().with("AWS_ENDPOINT_URL", crate::aws::NOWHERE);
    offline.write("saved.json", saved.stdout);
    offline.run(&format!("describe {REGION}:{ami} --image saved.json --descriptor saved.descriptor")).exits(0);
    assert_eq!(offline.read("saved.descriptor"), goldseal.read("asked.json"));

    // A descriptor reads back as itself, and on standard output it stands alone.
    offline.write("image.json", goldseal.read("asked.json"));
    let shown = offline.run(&format!("describe {ami} --region {REGION} --image image.json --descriptor -")).exits(0);
    assert_eq!((shown.stdout.as_bytes(), shown.stderr.as_str()), (goldseal.read("asked.json").as_slice(), ""));
}

#[test]
fn without_an_instant_the_present_one_is_meant() {
    let scene = Scene::new();
    let ami = scene.account.image("now");
    // The clock of the machine that runs the tests may be anywhere.
    scene.goldseal.change("build.json", "\"finishedOn\": \"2026-11-20T09:19:47Z\",", "", "timeless.json");
    let inputs = INPUTS.replace("build.json", "timeless.json");
    let seconds = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    scene.goldseal.run(&format!("sign {ami} --key awskms:///alias/signing {inputs}")).exits(0);
    let before = seconds();
    let report = scene.goldseal.json(&format!("verify {ami}")).exits(0).report();
    let at: jiff::Timestamp = report["at"].as_str().unwrap().parse().unwrap();
    assert!((before..=seconds()).contains(&u64::try_from(at.as_second()).unwrap()), "{at}");
}

#[test]
fn a_cyclonedx_sbom_is_sealed_as_what_it_is() {
    let scene = Scene::new();
    let ami = scene.account.image("cyclonedx");
    let inputs = INPUTS.replace("golden.spdx.json", "golden.cdx.json");
    let line = format!("sign {ami} --key awskms:///alias/signing {inputs}");
    let signed = scene.goldseal.json(&line).exits(0).report();
    assert_eq!(signed["statements"][1]["predicateType"], "https://cyclonedx.org/bom");
    scene.goldseal.verdict(&ami, "admit", &[]);
}

#[test]
fn a_large_sbom_is_sealed_by_reference_and_only_with_its_place() {
    let scene = Scene::new();
    let ami = scene.account.image("large");
    let large = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/large_sbom.py"))
        .arg("17")
        .output()
        .unwrap();
    assert!(large.status.success(), "{}", String::from_utf8_lossy(&large.stderr));
    scene.goldseal.write("large.spdx.json", &large.stdout);
    let line = format!("sign {ami} --key awskms:///alias/signing {}", INPUTS.replace("golden.spdx", "large.spdx"));
    scene.goldseal.fails(&line, 2, &["more than the 16777216", "--sbom-location URL"]);
    assert_eq!(scene.account.evidence(&ami), None);
    let placed = format!("{line} --sbom-location https://sbom.example/large.spdx.json");
    let signed = scene.goldseal.json(&placed).exits(0).report();
    assert_eq!(signed["statements"][1]["predicateType"], "https://in-toto.io/attestation/reference/v0.1");
    let evidence = String::from_utf8(scene.account.evidence(&ami).unwrap()).unwrap();
    let statement = crate::content::predicate(&evidence, 2);
    assert_eq!(statement["references"][0]["digest"]["sha256"], sha256(&large.stdout));
    assert_eq!(statement["references"][0]["downloadLocation"], "https://sbom.example/large.spdx.json");
    scene.goldseal.verdict(&ami, "admit", &[]);
}

#[test]
fn of_several_images_each_has_its_verdict_and_the_worst_is_the_exit_code() {
    let scene = Scene::new();
    let Scene { account, goldseal, .. } = &scene;
    let (good, bare, unknown) = (scene.sealed("good"), account.image("bare"), account.image("unknown"));
    account.fault(json!({"service": "s3", "resource": unknown, "status": 403, "code": "AccessDenied", "times": 0}));
    let at = crate::run::AT;
    for (images, verdicts, code) in [
        (vec![&good, &good], "admit admit", 0),
        (vec![&good, &unknown], "admit undetermined", 3),
        (vec![&bare, &good, &unknown], "reject admit undetermined", 1),
        (vec![&unknown, &bare], "undetermined reject", 1),
    ] {
        let list: Vec<&str> = images.iter().map(|image| image.as_str()).collect();
        let line = format!("verify {} {at}", list.join(" "));
        let report = goldseal.json(&line).exits(code).report();
        let images = report["images"].as_array().unwrap();
        let found: Vec<&str> = images.iter().map(|image| image["verdict"].as_str().unwrap()).collect();
        assert_eq!(found.join(" "), verdicts);
        let asked: Vec<&str> = images.iter().map(|image| image["image"]["id"].as_str().unwrap()).collect();
        assert_eq!(asked, list, "in the order in which they were asked for");
    }
    let shown = goldseal.run(&format!("verify {good} {bare} {unknown} {at}")).exits(1);
    let last = shown.stdout.lines().last().unwrap();
    assert_eq!(last, "3 images: 1 admit, 1 reject, 1 undetermined");
    goldseal.run(&format!("verify {unknown} {at}")).exits(3).says("UNDETERMINED").says("s3:GetObject");
}
