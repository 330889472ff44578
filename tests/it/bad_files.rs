//! Inputs of a sealing that are not what they should be: named, and nothing is sealed.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
};

use crate::{
    chain::Scene,
    offline::{AMI, commit, local_key, saved},
    run::{Goldseal, INPUTS, files_under, permitted},
    skipped,
};

/// The executable with everything that a sealing needs, from files alone.
fn sealer() -> Goldseal {
    let goldseal = Goldseal::new();
    local_key(&goldseal, "key.pem");
    goldseal.write("saved.json", saved(&[(AMI, &commit())]));
    let store = goldseal.directory_store();
    goldseal.with("GOLDSEAL_STORE", store)
}

fn sign(inputs: &str) -> String {
    format!("sign {AMI} --image saved.json --region eu-west-1 --dangerous-local-key key.pem {inputs}")
}

#[test]
fn inputs_that_are_something_else_are_refused_by_name() {
    let goldseal = sealer();
    goldseal.write("nothing.json", "");
    goldseal.write("list.json", "[]");
    goldseal.write("empty.spdx.json", r#"{"spdxVersion":"SPDX-2.3","packages":[]}"#);
    goldseal.write("three.spdx.json", r#"{"spdxVersion":"SPDX-3.0","packages":[]}"#);
    goldseal.write("twice.spdx.json", r#"{"spdxVersion":"SPDX-2.3","spdxVersion":"SPDX-2.3","packages":[{}]}"#);
    goldseal.write("deep.spdx.json", format!("{{\"spdxVersion\":\"SPDX-2.3\",\"more\":{}", "[".repeat(10_000)));
    goldseal.change("golden.grype.json", "\"descriptor\"", "\"description\"", "nameless.json");
    for (from, to, says) in [
        ("golden.spdx.json", "table.grype.json", ["reading the SBOM", "begins with \"NAME"]),
        ("golden.spdx.json", "nothing.json", ["reading the SBOM", "nothing.json"]),
        ("golden.spdx.json", "list.json", ["reading the SBOM", "list.json"]),
        ("golden.spdx.json", "golden.grype.json", ["neither SPDX 2", "CycloneDX"]),
        ("golden.spdx.json", "empty.spdx.json", ["lists no package", "nothing about what is on"]),
        ("golden.spdx.json", "three.spdx.json", ["neither SPDX 2", "CycloneDX"]),
        ("golden.spdx.json", "twice.spdx.json", ["reading the SBOM", "duplicate key \"spdxVersion\""]),
        ("golden.spdx.json", "deep.spdx.json", ["reading the SBOM", "nested deeper"]),
        ("golden.grype.json", "table.grype.json", ["reading the scan", "a table saved as a report"]),
        ("golden.grype.json", "golden.spdx.json", ["reading the scan", "golden.spdx.json"]),
        ("golden.grype.json", "nothing.json", ["reading the scan", "nothing.json"]),
        ("golden.grype.json", "nameless.json", ["reading the scan", "descriptor"]),
        ("build.json", "nothing.json", ["reading the build facts", "not JSON"]),
        ("build.json", "golden.spdx.json", ["reading the build facts", "unexpected content"]),
        ("build.json", "exceptions.toml", ["reading the build facts", "not JSON"]),
    ] {
        assert!(INPUTS.contains(from), "{from}");
        goldseal.fails(&sign(&INPUTS.replace(from, to)), 2, &says);
    }
    assert!(files_under(&goldseal.path("store")).is_empty());
}

#[test]
fn build_facts_name_the_field_that_is_wrong() {
    let goldseal = sealer();
    for (from, to, says) in [
        ("\"builder\": \"https://ci.example.com/golden-images\",", "", "missing field `builder`"),
        ("\"commit\": \"5b1f0c9e27d84a36b0e4c7719f2ad8635c0e91d4\"", "\"branch\": \"main\"", "branch"),
        ("\"arn\": ", "\"ARN\": ", "ARN"),
        ("\"finishedOn\": \"2026-11-20T09:19:47Z\"", "\"finishedOn\": \"yesterday\"", "line 18 column 27"),
        ("\"startedOn\"", "\"startOn\"", "startOn"),
        ("\"packer\": \"1.16.0\"", "\"packer\": 1.16", "1.16"),
        ("\"tags\": {", "\"tags\": [], \"more\": {", "expected a map at line 19"),
        ("\"builder\": \"https://ci", "\"builder\": \"x\",\n\"builder\": \"https://ci", "duplicate key \"builder\""),
    ] {
        goldseal.change("build.json", from, to, "wrong.json");
        let line = sign(&INPUTS.replace("build.json", "wrong.json"));
        goldseal.fails(&line, 2, &["reading the build facts", says]);
    }
    assert!(files_under(&goldseal.path("store")).is_empty());
}

#[test]
fn files_that_cannot_be_read_are_named_with_the_cause() {
    let goldseal = sealer();
    fs::create_dir(goldseal.path("folder.json")).unwrap();
    let sign = |inputs: String| sign(&inputs);
    for (file, says) in [("absent.json", "No such file or directory"), ("folder.json", "Is a directory")] {
        for input in ["golden.spdx.json", "golden.grype.json", "build.json"] {
            goldseal.fails(&sign(INPUTS.replace(input, file)), 2, &[file, says]);
        }
        goldseal.fails(&sign(format!("{INPUTS} --exceptions {file}")), 2, &[file, says]);
        let line = sign(INPUTS.to_owned()).replace("saved.json", file);
        goldseal.fails(&line, 2, &[file, says]);
    }
    let line = sign(INPUTS.to_owned());
    goldseal.fails(&line.replace("key.pem", "absent.pem"), 2, &["absent.pem", "not found"]);
    goldseal.fails(&line.replace("key.pem", "build.json"), 2, &["build.json", "PKCS #8"]);
    fs::File::create(goldseal.path("huge.json")).unwrap().set_len(2 << 30).unwrap();
    goldseal.fails(&sign(INPUTS.replace("build.json", "huge.json")), 2, &["huge.json", "1048576 bytes"]);
    goldseal.fails(&sign(INPUTS.replace("golden.spdx.json", "huge.json")), 2, &["huge.json", "begins with"]);
    assert!(files_under(&goldseal.path("store")).is_empty());
}

#[test]
fn a_file_without_permission_is_told_apart_from_one_that_is_not_there() {
    let goldseal = sealer();
    fs::set_permissions(goldseal.path("build.json"), Permissions::from_mode(0o000)).unwrap();
    // Root may read everything, unless it gives that right up.
    let modest: &[&str] = &["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"];
    let wrapper = if fs::read(goldseal.path("build.json")).is_ok() { modest } else { &[] };
    if !wrapper.is_empty() && (!permitted(wrapper) || goldseal.script(wrapper, "cat build.json").code == 0) {
        return skipped("a file without permission", "root reads everything here, and setpriv cannot change that");
    }
    let script = format!("\"$GOLDSEAL\" {} --output json", sign(INPUTS));
    let run = goldseal.script(wrapper, &script).exits(2);
    let error = run.report();
    assert!(error.to_string().contains("build.json") && error.to_string().contains("Permission denied"), "{error:#}");
}

#[test]
fn an_image_that_is_still_being_made_is_not_sealed() {
    let goldseal = sealer();
    for state in ["pending", "failed", "disabled"] {
        goldseal.change("saved.json", "\"available\"", &format!("\"{state}\""), "unready.json");
        let line = sign(INPUTS).replace("saved.json", "unready.json");
        goldseal.fails(&line, 1, &[&format!("{AMI} in eu-west-1 is {state}"), "image-available"]);
    }
    assert!(files_under(&goldseal.path("store")).is_empty());
}

#[test]
fn nothing_is_asked_of_kms_or_written_when_an_input_is_bad() {
    let scene = Scene::new();
    let ami = scene.account.image("bad-input");
    let line = format!("sign {ami} --key awskms:///alias/signing {INPUTS}");
    scene.goldseal.fails(
        &line.replace("golden.grype", "table.grype"),
        2,
        &["table.grype.json", "a table saved as a report"],
    );
    assert!(!scene.account.calls("kms").iter().any(|(action, _)| action == "Sign"));
    assert_eq!(scene.account.evidence(&ami), None);
    assert!(!scene.account.tags(&ami).contains_key("goldseal:evidence"));
}
