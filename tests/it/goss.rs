//! Test results from Goss: where a policy requires them, only tests that ran and passed count.

use serde_json::{Value, json};

use crate::{
    gated::{Gated, gated_policy, sign},
    run::{codes, notes},
};

/// A report of Goss with these results: 0 passed, 1 failed, 2 skipped.
pub fn report(results: &[u64]) -> Value {
    let count = |wanted: u64| results.iter().filter(|result| **result == wanted).count();
    let tests: Vec<Value> = results
        .iter()
        .enumerate()
        .map(|(number, result)| {
            json!({"duration": 10_760, "err": null, "meta": null, "property": "exists", "title": "",
                "resource-id": format!("/etc/{number}"), "resource-type": "File", "result": result,
                "skipped": *result == 2, "successful": *result != 1, "summary-line": ""})
        })
        .collect();
    let tests = if results.is_empty() { Value::Null } else { json!(tests) };
    json!({"results": tests, "summary": {"failed-count": count(1), "skipped-count": count(2),
        "summary-line": "", "test-count": results.len(), "total-duration": 1}})
}

#[test]
fn required_tests_must_have_run_and_passed() {
    let scene = Gated::new();
    let require = "[[require]]\nattestation = \"tests\"\nauthorities = [\"ci\"]\n";
    scene.goldseal.write("policy.toml", gated_policy(&scene.key, &scene.approval, require));
    scene.gate("");
    for (name, results, admits) in [
        ("passed", &[0, 0][..], true),
        ("failed", &[0, 1], false),
        ("skipped", &[0, 2], false),
        ("only-skipped", &[2], false),
        ("empty", &[], false),
    ] {
        let ami = scene.account.image(name);
        scene.approve(&ami);
        scene.goldseal.write("goss.json", report(results).to_string());
        let line = sign(&ami, "--approval approval.jsonl --goss goss.json");
        if admits {
            let signed = scene.goldseal.json(&line).exits(0).report();
            assert_eq!(signed["statements"][3]["kind"], "tests");
            assert!(!notes(&signed).contains(&"not-admitted-yet"));
            scene.goldseal.json(&format!("verify {ami}")).exits(0);
        } else {
            scene.goldseal.fails(&line, 1, &["would not be admitted", "tests-"]);
            scene.untouched(&ami);
        }
    }
    let ami = scene.account.image("without");
    scene.approve(&ami);
    let signed = scene.sign(&ami, "--approval approval.jsonl").exits(0).report();
    assert!(notes(&signed).contains(&"not-admitted-yet"), "{signed:#}");
    let verified = scene.goldseal.json(&format!("verify {ami}")).exits(1).report();
    assert_eq!(codes(&verified["images"][0]), ["attestation-missing"]);
    scene.goldseal.write("goss.json", "Count: 2, Failed: 0");
    let line = sign(&ami, "--approval approval.jsonl --goss goss.json --replace");
    scene.goldseal.fails(&line, 2, &["goss.json", "goss validate -f json"]);
}
