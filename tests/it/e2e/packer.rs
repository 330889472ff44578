//! The template that we ship, `packaging/packer/golden-base.pkr.hcl`, built by the real Packer with its real
//! `amazon-ebs` builder.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{
    scanners::{Known, Scanners},
    tools::tool,
};
use crate::{
    aws::{Account, REGION, sha256, wait},
    run::{Goldseal, files_under},
};

const TEMPLATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/packer/golden-base.pkr.hcl");
const COMMIT: &str = "5b1f0c9e27d84a36b0e4c7719f2ad8635c0e91d4";
const BUILDER: &str = "https://ci.example.com/golden-images";

/// A pipeline around the template, in the folder of a test.
pub(crate) struct Pipeline<'t> {
    pub(crate) scanners: Scanners<'t>,
    /// The base image.
    pub(crate) base: String,
    goldseal: &'t Goldseal,
    account: &'t Account,
}

/// What one run of Packer left in `out`.
pub(crate) struct Built {
    pub(crate) code: i32,
    pub(crate) shown: String,
    /// The manifest, if it came to that.
    pub(crate) manifest: Option<Value>,
    /// The images that the manifest names, by region.
    pub(crate) images: BTreeMap<String, String>,
}

impl<'t> Pipeline<'t> {
    /// Returns none where the suite does not run.
    pub(crate) fn of(goldseal: &'t Goldseal, account: &'t Account) -> Option<Self> {
        let scanners = Scanners::of(goldseal, account)?;
        Some(Self { scanners, base: account.image("debian-12"), goldseal, account })
    }

    /// Builds the template with these options beside those that every build needs.
    pub(crate) fn builds(&self, known: Known, options: &[&str]) -> Built {
        let (name, cache) = self.scanners.database(known);
        let plugins = tool("GOLDSEAL_PACKER_PLUGINS").expect("tests/e2e/run.sh made it");
        let config = self.goldseal.path("packer");
        let variables = [
            ("source_ami", self.base.as_str()),
            ("root", self.scanners.root.to_str().unwrap()),
            ("git_commit", COMMIT),
            ("builder", BUILDER),
        ];
        let variables: String = variables.iter().map(|(name, value)| format!("-var '{name}={value}' ")).collect();
        let ran = self.scanners.run(
            // The last one of two values of a variable counts.
            &format!("packer build -color=false {variables} {} {TEMPLATE}", options.join(" ")),
            &[
                (name, &cache),
                ("PACKER_PLUGIN_PATH", plugins.to_str().unwrap()),
                ("PACKER_CONFIG_DIR", config.to_str().unwrap()),
                ("AWS_POLL_DELAY_SECONDS", "1"),
                ("AWS_MAX_ATTEMPTS", "20"),
            ],
        );
        let manifest = self.goldseal.path("out/packer-manifest.json");
        let manifest: Option<Value> =
            manifest.exists().then(|| serde_json::from_slice(&self.goldseal.read("out/packer-manifest.json")).unwrap());
        let images = manifest.as_ref().map(images).unwrap_or_default();
        Built { code: ran.code, shown: ran.shown, manifest, images }
    }

    /// Returns the images of the account in the build's region that are not the base image.
    pub(crate) fn images(&self) -> Vec<String> {
        let answer = wait(self.account.ec2().describe_images().owners("self").send()).unwrap();
        let images = answer.images().iter().map(|image| image.image_id().unwrap().to_owned());
        images.filter(|image| *image != self.base).collect()
    }
}

impl Built {
    /// Insists on success.
    #[track_caller]
    pub(crate) fn passes(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.shown);
        self
    }

    /// Insists on a failure that says this.
    #[track_caller]
    pub(crate) fn fails(self, says: &str) -> Self {
        assert_eq!(self.code, 1, "{}", self.shown);
        assert!(self.shown.contains(says), "{says:?} is not in\n{}", self.shown);
        self
    }
}

/// Returns the images of a manifest's last run.
fn images(manifest: &Value) -> BTreeMap<String, String> {
    let builds = manifest["builds"].as_array().unwrap().iter();
    let last = builds.filter(|build| build["packer_run_uuid"] == manifest["last_run_uuid"]);
    let places = last.flat_map(|build| build["artifact_id"].as_str().unwrap().split(','));
    let places = places.map(|place| place.split_once(':').unwrap());
    places.map(|(region, image)| (region.to_owned(), image.to_owned())).collect()
}

#[test]
fn packer_builds_in_two_regions_and_both_images_have_a_descriptor() {
    let account = Account::new();
    let goldseal = account.goldseal();
    let Some(pipeline) = Pipeline::of(&goldseal, &account) else { return };
    let built = pipeline.builds(Known::Tolerable, &[r#"-var 'ami_regions=["eu-west-1","us-east-1"]'"#, "-except=gate"]);
    let built = built.passes();
    let manifest = built.manifest.unwrap();
    assert_eq!(built.images.keys().collect::<Vec<_>>(), [REGION, "us-east-1"]);
    let facts = &manifest["builds"][0]["custom_data"];
    let expected = [
        ("source_ami", pipeline.base.as_str()),
        ("source_ami_owner", &account.id),
        ("packer_version", "1.16.0"),
        ("git_commit", COMMIT),
        ("builder", BUILDER),
    ];
    for (name, value) in expected {
        assert_eq!(facts[name], value, "{facts:#}");
    }
    for (region, image) in &built.images {
        let tags = account.in_region(region).tags(image);
        let tag = |name: &str| tags[name].as_str();
        assert_eq!(tags.len(), 5, "{tags:?}");
        assert_eq!(tag("SourceAMI"), pipeline.base);
        assert_eq!([tag("GitCommit"), tag("PackerVersion"), tag("Builder")], [COMMIT, "1.16.0", BUILDER]);
        assert!(tag("BuiltAt").ends_with('Z'), "{tags:?}");
        let descriptor = format!("{region}.json");
        goldseal.run(&format!("describe {image} --region {region} --descriptor {descriptor}")).exits(0);
        let descriptor: Value = serde_json::from_slice(&goldseal.read(&descriptor)).unwrap();
        assert_eq!(descriptor["imageId"], image.as_str(), "{descriptor:#}");
        assert_eq!(descriptor["region"], region.as_str(), "{descriptor:#}");
    }
    // What the gate compares: the SBOM and the scan carry the run.
    let run = manifest["last_run_uuid"].as_str().unwrap();
    let sbom: Value = serde_json::from_slice(&goldseal.read("out/sbom.spdx.json")).unwrap();
    assert_eq!(sbom["name"], format!("golden-base-{run}"));
    let scan: Value = serde_json::from_slice(&goldseal.read("out/scan.json")).unwrap();
    assert_eq!(scan["source"]["target"], format!("golden-base-{run}"));
    let tests: Value = serde_json::from_slice(&goldseal.read("out/goss.json")).unwrap();
    assert_eq!([&tests["summary"]["failed-count"], &tests["summary"]["skipped-count"]], [0, 0], "{tests:#}");
    assert!(tests["summary"]["test-count"].as_u64().unwrap() > 5, "{tests:#}");
}

#[test]
fn packer_signs_its_own_provenance_with_a_key_of_kms() {
    let account = Account::new();
    let goldseal = account.goldseal();
    let Some(pipeline) = Pipeline::of(&goldseal, &account) else { return };
    let key = account.key_called("packer");
    let built = pipeline.builds(Known::Tolerable, &["-var packer_key=awskms:///alias/packer", "-except=scan"]).passes();
    let files = files_under(&goldseal.path("out"));
    let found: Vec<_> = files.iter().filter(|file| file.to_string_lossy().ends_with(".provenance.json")).collect();
    assert_eq!(found.len(), 1, "{files:?}");
    let envelope: Value = serde_json::from_slice(&std::fs::read(found[0]).unwrap()).unwrap();
    let signature = &envelope["signatures"][0];
    assert_eq!(signature["keyid"], sha256(key.pem().as_bytes()), "{envelope:#}");
    let payload = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
    let mut signed = format!("DSSEv1 28 application/vnd.in-toto+json {} ", payload.len()).into_bytes();
    signed.extend(&payload);
    let signature = STANDARD.decode(signature["sig"].as_str().unwrap()).unwrap();
    let spki = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &key.spki);
    assert!(spki.verify(&signed, &signature).is_ok(), "{envelope:#}");
    let statement: Value = serde_json::from_slice(&payload).unwrap();
    let name = format!("mitchellh.amazonebs:{REGION}:{}", built.images[REGION]);
    assert_eq!(statement["subject"][0]["name"], name, "{statement:#}");
}

#[test]
fn an_image_stays_if_a_step_after_the_manifest_fails_and_goes_if_one_before_it_does() {
    let account = Account::new();
    let goldseal = account.goldseal();
    let Some(pipeline) = Pipeline::of(&goldseal, &account) else { return };
    // An image without a system fails the tests.
    let empty = format!("-var root={}", goldseal.path("empty").display());
    let built = pipeline.builds(Known::Tolerable, &[&empty]).fails("/etc/ssh/sshd_config");
    assert!(built.shown.contains("AMI: ami-"), "there was an image\n{}", built.shown);
    assert!(built.manifest.is_none());
    assert_eq!(pipeline.images(), Vec::<String>::new());

    let built = pipeline.builds(Known::Tolerable, &["-var policy=absent.toml"]).fails("Running post-processor: gate");
    let left = pipeline.images();
    assert_eq!(left, [built.images[REGION].clone()], "{}", built.shown);
    // Nothing but a consumer that enforces stands between it and a launch.
    let group = wait(account.ec2().run_instances().image_id(&left[0]).min_count(1).max_count(1).send()).unwrap();
    assert_eq!(group.instances()[0].image_id(), Some(left[0].as_str()));
    let verdict = goldseal.run(&format!("describe {}", left[0])).exits(0);
    assert!(verdict.stdout.contains(&left[0]));
}
