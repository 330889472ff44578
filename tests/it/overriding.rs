//! `goldseal override`: two people let pass what would be stopped, while KMS and the store are out, and everything that
//! tells of it says so.

use goldseal_core::{
    attestation::predicate::Revocations,
    testing::{keys::LocalKey, lists::signed_list},
};
use serde_json::{Value, json};

use crate::{
    audit::{runs, scene},
    aws::{Account, REGION, wait},
    chain::Scene,
    fleet::{Fleet, until},
    offline::local_key,
    policies::{kms, pem, policy},
    run::{Goldseal, files_under, notes},
};

pub const WHY: &str = "--reason 'KMS is out' --ticket INC-4711 --by alice@example.com --for 8h";

/// Writes a policy of a KMS key, under which alice and bob may let pass by keys of their own.
fn people(goldseal: &Goldseal, ci: &str) {
    let people = ["alice", "bob"].map(|name| pem(name, &local_key(goldseal, &format!("{name}.pem")).pem()));
    goldseal.write("policy.toml", policy(&[("ci", ci.to_owned())], 1) + &people.concat() + &rules());
}

/// Who lets pass, and who ends that.
pub fn rules() -> String {
    pem("revoker", &LocalKey::p256(2).pem())
        + "[revocation]\nauthorities = [\"revoker\"]\nmax_age = \"30d\"\n\
           [override]\nauthorities = [\"alice\", \"bob\"]\nmax_life = \"24h\"\n"
}

fn scene_of_people() -> Scene {
    let scene = scene();
    people(&scene.goldseal, &kms("ci", &scene.key));
    // Nothing is revoked, and that is said.
    let list = Revocations::new("default").next(Vec::new(), jiff::Timestamp::now());
    let put = scene.account.s3().put_object().bucket(scene.account.bucket()).key("v1/revocations/default.jsonl");
    wait(put.body(signed_list(&list, &LocalKey::p256(2)).into()).send()).unwrap();
    scene
}

/// KMS and the store do not answer any more.
fn everything_out(account: &Account) {
    for action in ["GetPublicKey", "DescribeKey", "Sign"] {
        account.fault(
            json!({"service": "kms", "action": action, "times": 0, "status": 400, "code": "AccessDeniedException"}),
        );
    }
    account.fault(json!({"service": "s3", "action": "GetObject", "resource": account.bucket(), "times": 0,
        "status": 503, "code": "SlowDown"}));
}

/// Runs a line with quoted words.
fn run(goldseal: &Goldseal, line: &str) -> crate::run::Run {
    goldseal.script(&[], &format!("\"$GOLDSEAL\" {line}"))
}

fn statement(report: &Value) -> String {
    report["overrides"][0]["statement"].as_str().unwrap().to_owned()
}

#[test]
fn while_kms_and_the_store_are_out_a_carried_override_lets_a_launch_pass_and_everything_says_so() {
    let fleet = Fleet::around(scene_of_people());
    let Scene { account, goldseal, .. } = &fleet.scene;
    let good = fleet.scene.sealed("golden");
    everything_out(account);
    fleet.group("web", &good);
    let mut hook = fleet.hook("web", "--overrides break-glass.jsonl");
    fleet.scale("web", 1);
    until("one is looked at", || hook.metric("goldseal_hook_in_flight") >= 1.0);

    let causes = "--cause evidence-unavailable --cause key-unavailable --cause revocations-unavailable";
    let grant =
        format!("override grant --image {good} {causes} {WHY} --dangerous-local-key alice.pem --out override.jsonl");
    run(goldseal, &grant).exits(0).says("HALF-SIGNED").says("nothing passes by it");
    goldseal.write("break-glass.jsonl", goldseal.read("override.jsonl"));
    let shown = goldseal.run("override countersign override.jsonl --dangerous-local-key bob.pem").exits(1);
    let shown = shown.says("lets pass evidence-unavailable").says("KMS is out").says("there is nobody to ask");
    assert!(shown.stdout.contains("1 of 2"), "{}", shown.stdout);
    let half = goldseal.json("override show override.jsonl").exits(0).report();
    assert_eq!(
        (&half["schema"], &half["overrides"][0]["state"]),
        (&json!("goldseal/override/v1"), &json!("half-signed"))
    );
    let yes = format!("--yes --accept-statement {}", statement(&half));
    let sign = |key: &str| format!("override countersign override.jsonl --dangerous-local-key {key} {yes}");
    goldseal.fails(&sign("alice.pem"), 1, &["alice signed it already"]);
    let whole = goldseal.json(&sign("bob.pem")).exits(0).report();
    assert_eq!(whole["overrides"][0]["state"], "active", "{whole:#}");
    assert_eq!(fleet.states("web"), ["Pending:Wait"], "one signature lets nothing pass");
    goldseal.write("break-glass.jsonl", goldseal.read("override.jsonl"));

    hook.says("because an override lets it");
    until("in service", || fleet.states("web") == ["InService"]);
    let log = hook.log();
    let line = log.lines().find(|line| line.contains("launch-decided")).unwrap();
    for field in ["verdict=\"admit\"", "evidence-unavailable", &statement(&half), "INC-4711"] {
        assert!(line.contains(field), "{field} is not in {line}");
    }
    assert_eq!(hook.metric("goldseal_hook_overridden_total"), 1.0);
    assert_eq!(hook.metric("goldseal_hook_overrides_active"), 1.0);
    hook.signal("TERM");
    assert_eq!(hook.ends(), Some(0));
    let files = files_under(&goldseal.path("state/v1/decisions"));
    let text: String = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let record: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&record["verdict"], &record["overridden"]["ticket"]),
        (&json!("admit"), &json!("INC-4711")),
        "{record:#}"
    );
    assert_eq!(record["overridden"]["by"], json!(["alice", "bob"]));

    let carried = "--overrides override.jsonl";
    let report = goldseal.json(&format!("audit --regions {REGION} {carried}")).report();
    let instance = &report["instances"][0];
    assert_eq!((&instance["class"], &instance["verdict"]), (&json!("overridden"), &json!("admit")), "{report:#}");
    assert_eq!(instance["overridden"]["statement"], statement(&half).as_str());
    goldseal.run(&format!("audit --regions {REGION} {carried} --fail-on overridden")).exits(1).says("INC-4711");
    for format in ["csv", "html", "sarif", "ocsf", "asff"] {
        goldseal.run(&format!("audit --regions {REGION} {carried} --output {format}")).says("INC-4711");
    }
    let verified = goldseal.run(&format!("verify {good} {carried}")).exits(0);
    verified.says("OVERRIDDEN  ").says("alice and bob").says("KMS is out").says("evidence-unavailable");
    goldseal.run(&format!("verify {good}")).exits(3).says("UNDETERMINED");
    goldseal.run(&format!("trace {good} {carried}")).says("OVERRIDDEN");
}

#[test]
fn an_override_in_the_store_is_countersigned_listed_and_ended() {
    let scene = scene_of_people();
    let Scene { account, goldseal, .. } = &scene;
    let bare = account.image("bare");
    let grant = format!("override grant --from-verdict {bare} --image {bare} {WHY} --dangerous-local-key alice.pem");
    run(goldseal, &format!("{grant} --output json")).exits(0);
    goldseal.verdict(&bare, "reject", &["evidence-absent"]);
    let listed = goldseal.json("override list").exits(0).report();
    let one = &listed["overrides"][0];
    assert_eq!(
        (&one["state"], &one["causes"][0]["code"]),
        (&json!("half-signed"), &json!("evidence-absent")),
        "{listed:#}"
    );
    let name = statement(&listed);
    let sign = format!("override countersign {name} --dangerous-local-key bob.pem --yes --accept-statement");
    goldseal.fails(&format!("{sign} {}", "0".repeat(64)), 1, &["does not name"]);
    goldseal.json(&format!("{sign} {name}")).exits(0);
    let passed = goldseal.json(&format!("verify {bare}")).exits(0).report();
    assert_eq!(passed["images"][0]["overridden"]["statement"], name.as_str());

    // What it does not name stands, and that is said.
    goldseal.change("policy.toml", "no_match", "identity.regions = [\"us-east-1\"]\nno_match", "narrow.toml");
    let narrow = goldseal.json(&format!("verify {bare} --policy narrow.toml")).exits(1).report();
    assert!(notes(&narrow["images"][0]).contains(&"override-short"), "{narrow:#}");

    let ended = goldseal.run(&format!("override end {name} --remove")).exits(0);
    ended.says(&format!("goldseal revoke evidence {name}")).says("taken out");
    goldseal.verdict(&bare, "reject", &["evidence-absent"]);
    goldseal.fails(&format!("override show {}", "0".repeat(64)), 1, &["no place has an override", "override list"]);
}

#[test]
fn nothing_is_granted_that_the_policy_would_not_let_count() {
    let scene = scene_of_people();
    let Scene { account, goldseal, .. } = &scene;
    let (bare, sealed) = (account.image("bare"), scene.sealed("sealed"));
    let key = "--dangerous-local-key alice.pem --out override.jsonl";
    let grant = |scope: &str, why: &str| run(goldseal, &format!("override grant {scope} {why} {key}"));
    let image = format!("--image {bare}");
    let cause = "--cause evidence-absent";
    grant(&format!("--account {} {cause}", account.id), WHY).exits(1).says("[override] scopes");
    grant(&format!("{image} {cause}"), &WHY.replace("8h", "25h")).exits(1).says("max_life");
    grant(&format!("{image} --cause internal"), WHY).exits(1).says("cannot be overridden");
    grant(&format!("{image} --cause nonsense"), WHY).exits(1).says("no code of docs/reasons.md");
    grant(&format!("{image} {cause}"), &WHY.replace("INC-4711", "''")).exits(1).says("the ticket");
    grant(cause, WHY).exits(2).says("--image");
    grant(&format!("--image {sealed} --from-verdict {sealed}"), WHY).exits(1).says("nothing stands in the way");
    let stranger = local_key(goldseal, "mallory.pem");
    let line = format!("override grant {image} {cause} {WHY} --dangerous-local-key mallory.pem");
    run(goldseal, &line).exits(1).says("alice and bob");
    assert!(!goldseal.path("override.jsonl").exists());

    // A saved verdict names what stands in the way; a policy without the rule lets nobody.
    goldseal.write("verdict.json", goldseal.json(&format!("verify {bare}")).exits(1).stdout);
    grant(&format!("{image} --from-verdict verdict.json"), WHY).exits(0).says("evidence-absent");
    goldseal.write("policy.toml", crate::policies::trusting(&stranger));
    goldseal.fails("override list", 2, &["no [override]", "docs/override.md"]);
}

#[test]
fn what_if_takes_an_override_that_nobody_published() {
    let scene = scene_of_people();
    let Scene { account, goldseal, .. } = &scene;
    let bare = account.image("bare");
    runs(account, REGION, &bare, 2);
    let key = "--dangerous-local-key alice.pem --out override.jsonl";
    run(goldseal, &format!("override grant --image {bare} --cause evidence-absent {WHY} {key}")).exits(0);
    let what_if = format!("policy what-if --regions {REGION} --overrides override.jsonl");
    let half = goldseal.json(&what_if).exits(0).report();
    assert!(notes(&half).contains(&"override-not-active"), "{half:#}");
    let name = statement(&goldseal.json("override show override.jsonl").report());
    let sign =
        format!("override countersign override.jsonl --dangerous-local-key bob.pem --yes --accept-statement {name}");
    goldseal.json(&sign).exits(0);
    let report = goldseal.json(&what_if).exits(1).report();
    let change = &report["running"]["changes"][0];
    assert_eq!((&change["effect"], &change["to"]["class"]), (&json!("let-in"), &json!("overridden")), "{report:#}");
    assert_eq!(report["supposed"], json!(["override.jsonl"]));
}
