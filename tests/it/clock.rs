//! The same verdict from the gate and from whoever launches, at every instant: what a limit ends, it ends for both.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::gated::{GATE, Gated, gated_policy, in_days};

/// Returns the instant of a report's field.
fn instant(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

#[test]
fn gate_and_verify_agree_at_the_end_of_every_limit() {
    let scene = Gated::new();
    let goldseal = &scene.goldseal;
    goldseal.change("exceptions.toml", &in_days(60), &in_days(20), "twenty.toml");
    // In each case another limit is the first that ends.
    for (name, limits, exceptions) in [
        ("scan", "max_scan_age = \"5d\"\n", "exceptions.toml"),
        ("database", "max_database_age = \"6d\"\n", "exceptions.toml"),
        ("data", "max_data_age = \"36h\"\n", "exceptions.toml"),
        ("exception", "", "twenty.toml"),
        ("built-in", "", "exceptions.toml"),
    ] {
        goldseal.write("policy.toml", gated_policy(&scene.key, &scene.approval, &format!("[gate]\n{limits}")));
        let given = GATE.replace("exceptions.toml", exceptions);
        let ami = scene.account.image(name);
        let report = goldseal.json(&format!("gate {given} --write json=gate.json")).exits(0).report();
        scene.approve(&ami);
        let line = crate::gated::sign(&ami, "--approval approval.jsonl").replace(GATE, &given);
        goldseal.json(&line).exits(0);

        let end = instant(&report["until"]);
        let measured = &report["measurement"];
        let days = |days: i64| SignedDuration::from_hours(24 * days);
        let expected = match name {
            "scan" => instant(&measured["scanner"]["finished"]) + days(5),
            "database" => instant(&measured["scanner"]["database"]["built"]) + days(6),
            "data" => instant(&measured["scanner"]["database"]["captured"]) + SignedDuration::from_hours(36),
            "exception" => instant(&report["exceptions"][0]["expires"]),
            _ => instant(&measured["scanner"]["database"]["built"]) + days(30),
        };
        assert_eq!(end, expected, "{name}");
        let verified = goldseal.json(&format!("verify {ami}")).exits(0).report();
        assert_eq!(instant(&verified["images"][0]["until"]), end, "{name}");
        for (at, code) in [
            (end - SignedDuration::from_secs(1), 0),
            (end - SignedDuration::from_nanos(1), 0),
            (end, 1),
            (end + SignedDuration::from_secs(1), 1),
            (end + days(400), 1),
        ] {
            let gate = goldseal.json(&format!("gate {given} --at {at}")).exits(code).report();
            let verified = goldseal.json(&format!("verify {ami} --at {at}")).exits(code).report();
            let reasons = verified["images"][0]["reasons"].as_array().unwrap();
            assert_eq!(gate["passed"], code == 0, "{name} at {at}");
            // And for the same reasons.
            for failure in gate["failures"].as_array().unwrap() {
                let told = reasons.iter().any(|reason| reason["code"] == failure["code"]);
                assert!(told || failure["code"] == "finding-at-threshold", "{name} at {at}: {failure} {reasons:#?}");
            }
        }
    }
}
