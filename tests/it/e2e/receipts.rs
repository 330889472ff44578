//! Receipts: cosign verifies them as it does every other statement about the image.

use super::tools::Cosign;
use crate::{
    aws::{Account, sha256},
    receipts::decision,
    run::files_under,
};

#[test]
fn cosign_verifies_a_receipt() {
    let account = Account::new();
    let goldseal = account.goldseal();
    let Some(cosign) = Cosign::of(&goldseal, &account.id) else { return };
    let key = account.key_called("receipts");
    goldseal.write("key.pub", key.pem());
    let (ami, other) = (account.image("golden"), account.image("other"));
    goldseal.run(&format!("describe {ami} --descriptor image.json")).exits(0);
    goldseal.run(&format!("describe {other} --descriptor other.json")).exits(0);
    let (name, record) = decision(&ami, &sha256(&goldseal.read("image.json")));
    let file = goldseal.path("state").join(name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, record).unwrap();
    std::fs::create_dir(goldseal.path("receipts")).unwrap();
    let state = format!("--state file://{}", goldseal.path("state").display());
    let place = format!("--receipts file://{}", goldseal.path("receipts").display());
    goldseal.run(&format!("receipts write {state} {place} --receipt-key awskms:///alias/receipts")).exits(0);
    let files = files_under(&goldseal.path("receipts/v1"));
    let file = files.iter().find(|file| file.extension().is_some_and(|end| end == "json")).unwrap().display();
    let verify = |kind: &str, image: &str| {
        cosign.accepts(&format!("verify-blob-attestation --bundle {file} --key key.pub --type {kind} {image}"))
    };
    let summary = "https://slsa.dev/verification_summary/v1";
    let (good, shown) = verify(summary, "image.json");
    assert!(good && shown.contains("Verified OK"), "{shown}");
    assert!(!verify(summary, "other.json").0, "another image");
    assert!(!verify("https://example.com/other", "image.json").0, "another type");
}
