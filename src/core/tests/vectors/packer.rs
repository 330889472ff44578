//! What Packer and Goss wrote in earnest, from the corpus.

use goldseal_core::{
    attestation::predicate::Outcome,
    build::{
        Ci, CiSystem, Known, Manifest, ManifestFault, Missing, PackerProvenanceFault, assemble, test_result, verify,
    },
    ids::ImageRef,
};

use super::{corpus::corpus, files};

#[test]
fn a_real_manifest_and_what_packer_signed_with_kms() {
    let Some(corpus) = corpus("Packer's manifest and provenance") else { return };
    let real = corpus.join("real");
    let manifest = Manifest::parse(&files::read(&real.join("packer-manifest.json")), None).unwrap();
    let [built] = manifest.images.as_slice() else { panic!("{:?}", manifest.images) };
    assert_eq!((built.image.id.as_str(), built.build.as_str()), ("ami-3917e31d622aa7ed7", "base"));

    let envelope = files::read(&real.join("packer-provenance-kms.json"));
    let key = || files::key(&real.join("kms.pub"), None);
    let stranger = || files::key(&files::path("keys/p256.cosign.pem"), None);
    let keys = [stranger(), key()];
    let packer = verify(&envelope, &keys, &built.image, None).unwrap();
    assert_eq!((packer.signed_by, packer.packer.as_deref()), (key().digest(), Some("1.16.0")));
    assert_eq!(packer.repository.as_deref(), Some("https://example.test/r"));
    // The invocation is Packer's own and not the run of the manifest.
    assert_ne!(packer.invocation.as_deref(), Some(manifest.run.as_str()));
    assert!(verify(&envelope, &keys, &built.image, packer.invocation.as_deref()).is_ok());

    let elsewhere = ImageRef { region: "eu-west-2".parse().unwrap(), ..built.image.clone() };
    let other = verify(&envelope, &keys, &elsewhere, None);
    assert!(matches!(other, Err(PackerProvenanceFault::OtherImage { .. })));
    let strange = verify(&envelope, &[stranger()], &built.image, None);
    assert!(matches!(strange, Err(PackerProvenanceFault::Signature(1))));

    let ci = Ci {
        system: CiSystem::Jenkins,
        builder: Some("https://ci.example/job/golden".to_owned()),
        invocation: None,
        repository: None,
        commit: Some("5b1f0c9e27d84a36b0e4c7719f2ad8635c0e91d4".to_owned()),
    };
    let known = Known { manifest: Some(&manifest), packer: Some(&packer), ci: Some(&ci), ..Known::of(&built.image) };
    let made = assemble(&known).unwrap();
    assert_eq!(made.facts.tools["packer"], "1.16.0");
    assert_eq!(made.facts.packer_run.as_deref(), Some("60fe11a8-f3db-9141-9a4d-bc97188e4d69"));
    let expected = [Missing::Invocation, Missing::BaseImage, Missing::Ancestry];
    assert_eq!(made.missing, expected);
}

#[test]
fn real_manifests_without_an_image_say_so() {
    let Some(corpus) = corpus("Packer's manifests") else { return };
    let manifests = files::json_files(&corpus.join("packer"));
    assert!(!manifests.is_empty());
    for path in manifests {
        let bytes = files::read(&path);
        let json: serde_json::Value = files::json(&path);
        let runs = json["builds"].as_array().unwrap().iter().map(|build| build["packer_run_uuid"].as_str().unwrap());
        for run in runs.map(Some).chain([None]) {
            let asked = run.or(json["last_run_uuid"].as_str()).unwrap();
            match Manifest::parse(&bytes, run) {
                Err(ManifestFault::NoImage { run, others }) => {
                    assert_eq!(run, asked);
                    assert!((1..=2).contains(&others.len()), "{}: {others:?}", path.display());
                }
                other => panic!("{}: {other:?}", path.display()),
            }
        }
    }
}

#[test]
fn a_real_report_of_goss() {
    let Some(corpus) = corpus("Goss's report") else { return };
    let report = files::read(&corpus.join("real/goss.json"));
    let read = test_result(&report, None, None).unwrap();
    assert_eq!((read.outcome(), read.counts(), read.passed()), (Outcome::Passed, (2, 0, 0), true));
}
