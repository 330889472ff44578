//! What is told of images and builds: by EC2, Packer, Goss, the boot guard's check, and people.

use goldseal_core::{
    build::{Manifest, boot_guard, test_result, verify},
    flow::parse_facts,
    image::{Descriptor, ImageFacts, images_from_json},
    testing::{images, keys::LocalKey},
};

/// A descriptor is its one spelling.
pub fn descriptor(bytes: &[u8]) -> bool {
    let Ok(read) = Descriptor::parse(bytes) else { return false };
    assert_eq!(read.bytes(), bytes);
    assert_eq!(Descriptor::new(read.identity().clone()).unwrap(), read);
    assert!(read.arn().contains(read.image().id.as_str()));
    true
}

/// What EC2 says of an image makes a descriptor that reads as itself, and of that image only.
pub fn described_images(bytes: &[u8]) -> bool {
    let asked = images::descriptor().image();
    let Ok(images) = images_from_json(bytes) else { return false };
    for image in images {
        let id = image.image_id.clone();
        if let Ok(facts) = ImageFacts::in_region(&asked.region, image.clone()) {
            assert_eq!(Descriptor::parse(facts.descriptor.bytes()).as_ref(), Ok(&facts.descriptor));
            assert_eq!(Some(facts.descriptor.image().id.to_string()), id);
        }
        if ImageFacts::from_described(&asked, image).is_ok() {
            assert_eq!(id.as_deref(), Some(asked.id.as_str()));
        }
    }
    true
}

/// A manifest names no image twice, and those of one run alone.
pub fn packer_manifest(bytes: &[u8]) -> bool {
    let Ok(last) = Manifest::parse(bytes, None) else { return false };
    for built in &last.images {
        assert!(last.built(&built.image).is_some_and(|found| found.image == built.image));
    }
    assert_eq!(Manifest::parse(bytes, Some(&last.run)).ok().as_ref(), Some(&last));
    assert!(last.images.len() + last.others.len() < bytes.len());
    true
}

/// Packer's provenance needs the signature of a key that is given.
pub fn packer_provenance(bytes: &[u8]) -> bool {
    let image = images::descriptor().image();
    let keys = [LocalKey::p256(3).public()];
    assert!(verify(bytes, &[], &image, None).is_err());
    let Ok(read) = verify(bytes, &keys, &image, None) else { return false };
    assert!(read.images.contains(&image) && read.signed_by == keys[0].digest());
    assert!(!read.carried().content.is_empty());
    let other = read.invocation.as_deref().map(|run| format!("{run}x")).unwrap_or_default();
    assert!(verify(bytes, &keys, &image, Some(&other)).is_err());
    true
}

/// Goss's results add up, and a report with a failure did not pass.
pub fn goss(bytes: &[u8]) -> bool {
    let Ok(result) = test_result(bytes, Some(("goss.yaml", bytes)), None) else { return false };
    let (passed, skipped, failed) = result.counts();
    assert!(passed + skipped + failed < bytes.len());
    assert!(!result.passed() || failed == 0);
    let written = serde_json::to_vec(&result).unwrap();
    assert_eq!(serde_json::from_slice::<goldseal_core::attestation::predicate::TestResult>(&written).unwrap(), result);
    true
}

/// What a check says of the boot guard is what is signed of it.
pub fn boot_check(bytes: &[u8]) -> bool {
    let Ok(guard) = boot_guard(bytes) else { return false };
    let written = serde_json::to_vec(&guard).unwrap();
    assert_eq!(serde_json::from_slice::<goldseal_core::attestation::predicate::BootGuard>(&written).unwrap(), guard);
    true
}

/// Build facts that are read are the same when they are written.
pub fn build_facts(bytes: &[u8]) -> bool {
    let Ok(facts) = parse_facts(bytes) else { return false };
    let written = serde_json::to_vec(&facts).unwrap();
    assert_eq!(parse_facts(&written).unwrap(), facts);
    true
}
