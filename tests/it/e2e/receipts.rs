//! Receipts: cosign verifies them as it does every other statement about the image.

use super::tools::Cosign;
use crate::{
    aws::{Account, REGION, sha256},
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
    let record = serde_json::json!({
        "schema": "goldseal/launch/v1", "at": "2026-11-24T04:05:06Z", "policy": sha256(b"policy"), "group": "web",
        "hook": "goldseal", "instance": "i-0123456789abcdef0", "token": null, "groupArn": null, "account": null,
        "region": REGION, "foundBy": "message", "firstSight": "2026-11-24T04:05:05Z", "action": "continue",
        "enforced": true, "verdict": "admit", "mode": "enforce", "image": {"region": REGION, "id": ami},
        "subject": sha256(&goldseal.read("image.json")), "evidenceSha256": sha256(b"evidence"), "until": null,
        "reasons": [], "faults": [], "overridden": null, "notes": [], "end": "completed",
    });
    let folder = goldseal.path("state/v1/decisions/2026-11-24");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("040506-0123456789abcdef.jsonl"), format!("{record}\n")).unwrap();
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
