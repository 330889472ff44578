//! `goldseal boot` on an instance that is none: every way that a boot can go, in milliseconds.

mod check;
mod cost;
pub mod instance;
mod least;
mod withdrawn;

use aws_sdk_s3::types::CreateBucketConfiguration;
use serde_json::{Value, json};

use self::instance::{Instance, possible, report};
use crate::{
    aws::{Account, REGION, wait},
    cloud::cloud,
    offline::AMI,
    policies::{kms, trusting},
    registry::Registry,
    run::{INPUTS, Run, codes, files_under, notes},
};

/// Boots, and waits for the record that is left beside: whoever leaves it has the error stream until then.
const LETS_IT_RECORD: &str = "{ $GOLDSEAL boot --enforce --output json 3>&1 1>&4 2>&3 | cat >log; } 4>&1";
const POWEROFF: &str = "--no-block --force poweroff\n";

/// Insists on a boot that was admitted, and of which nothing was asked.
#[track_caller]
fn admitted(instance: &Instance, run: Run) -> Value {
    let run = run.exits(0);
    let report = report(&run);
    assert_eq!((report["verdict"].as_str(), report["action"].as_str()), (Some("admit"), None), "{report:#}");
    assert_eq!((instance.asked().as_str(), instance.is_held()), ("", false));
    report
}

/// Insists on a boot that was ended by a verdict.
#[track_caller]
fn ended(instance: &Instance, run: Run, code: i32, causes: &[&str]) -> Value {
    let run = run.exits(code);
    let report = report(&run);
    assert_eq!(codes(&report), causes, "{report:#}");
    assert_eq!((report["action"].as_str(), report["enforced"].as_bool()), (Some("poweroff"), Some(true)));
    assert_eq!((instance.asked().as_str(), instance.is_held()), (POWEROFF, false));
    report
}

#[test]
fn a_sealed_image_boots_with_no_permission_at_all() {
    if !possible() {
        return;
    }
    let instance = Instance::new();
    let report = admitted(&instance, instance.boots());
    assert_eq!((report["factsFrom"].as_str(), report["admittedBefore"].as_bool()), (Some("provenance"), Some(false)));
    assert!(notes(&report).contains(&"facts-from-provenance"), "{report:#}");
    assert_eq!(report["instance"]["image"], json!({"region": "eu-west-1", "id": AMI}));
    let kept: Vec<_> = files_under(&instance.goldseal.path("state"));
    assert!(kept.iter().any(|file| file.ends_with("v1/admitted.json")), "{kept:?}");
    let report = admitted(&instance, instance.boots());
    assert_eq!(report["admittedBefore"], true);
}

#[test]
fn what_is_not_sealed_is_powered_off_with_the_reason_first() {
    if !possible() {
        return;
    }
    let instance = Instance::new().with("document", json!({"imageId": "ami-0fedcba9876543210", "region": "eu-west-1"}));
    let report = ended(&instance, instance.boots(), 1, &["evidence-absent"]);
    assert_eq!(report["instance"]["image"]["id"], "ami-0fedcba9876543210");
    assert!(files_under(&instance.goldseal.path("state")).is_empty(), "nothing is remembered of it");
}

#[test]
fn evidence_of_another_architecture_or_region_is_refused() {
    if !possible() {
        return;
    }
    let document = json!({"imageId": AMI, "region": "eu-west-1", "architecture": "arm64"});
    let instance = Instance::new().with("document", document);
    ended(&instance, instance.boots(), 1, &["identity-mismatch"]);
    let instance = Instance::new().with("document", json!({"imageId": AMI, "region": "eu-west-2"}));
    let evidence = instance.goldseal.read("evidence.jsonl");
    instance.goldseal.write(&format!("store/v1/aws/eu-west-2/{AMI}.jsonl"), evidence);
    ended(&instance, instance.boots(), 1, &["identity-mismatch"]);
}

#[test]
fn who_the_instance_is_comes_from_what_ec2_signed() {
    if !possible() {
        return;
    }
    let instance = Instance::new().with("signer", json!("forger"));
    ended(&instance, instance.boots(), 1, &["identity-not-verified"]);
    // The document that is served beside it is not looked at.
    let instance = Instance::new().with("signed", json!({"imageId": "ami-0fedcba9876543210"}));
    ended(&instance, instance.boots(), 1, &["evidence-absent"]);
}

#[test]
fn without_version_2_of_imds_nothing_is_known() {
    if !possible() {
        return;
    }
    for world in [("tokens", json!("never")), ("faults", json!([{"status": 403}]))] {
        let instance = Instance::new().with(world.0, world.1);
        let url = format!("https://{}", instance.web.host);
        instance.settings(&format!("store = \"{url}\""), "deadline = \"3s\"");
        ended(&instance, instance.boots(), 3, &["identity-unavailable"]);
        let log = String::from_utf8(instance.goldseal.read("imds.log")).unwrap();
        assert!(log.contains("PUT /latest/api/token") && !log.contains("GET"), "{log}");
    }
}

#[test]
fn what_comes_late_is_waited_for() {
    if !possible() {
        return;
    }
    let faults = json!([{"path": "/latest/api", "status": 503, "times": 2}, {"path": "/latest/dynamic", "status": 503, "times": 1}]);
    let instance = Instance::new().with("faults", faults);
    admitted(&instance, instance.boots());
}

#[test]
fn a_clock_before_the_launch_decides_nothing() {
    if !possible() {
        return;
    }
    let instance = Instance::new().with("pending", json!("+1h"));
    let url = format!("https://{}", instance.web.host);
    instance.settings(&format!("store = \"{url}\""), "deadline = \"3s\"");
    ended(&instance, instance.boots(), 3, &["clock-behind"]);
}

#[test]
fn a_store_that_is_out_is_stood_in_for_as_the_policy_says() {
    if !possible() {
        return;
    }
    let mut instance = Instance::new();
    let url = format!("https://{}", instance.web.host);
    instance.settings(&format!("store = \"{url}\""), "deadline = \"4s\"");
    instance.policy("[launch]\non_unreachable = \"last-known-good\"\nlast_known_good = \"1h\"\n");
    admitted(&instance, instance.boots());
    instance.cut_off();
    let report = admitted(&instance, instance.boots());
    assert!(notes(&report).contains(&"last-known-good"), "{report:#}");
    // An image that was made of the instance carries what it kept, and not its id.
    let instance =
        instance.with("document", json!({"imageId": AMI, "region": "eu-west-1", "instanceId": "i-0fedcba9876543210"}));
    ended(&instance, instance.boots(), 3, &["evidence-unavailable"]);
}

#[test]
fn evidence_may_be_in_a_registry() {
    if !possible() {
        return;
    }
    let (registry, mut instance) = (Registry::start(), Instance::new());
    let store = format!("oci://{}/team/images", registry.host);
    let image = format!("{AMI} --image saved.json --region eu-west-1");
    instance.goldseal.run(&format!("sign {image} --dangerous-local-key key.pem --store {store} {INPUTS}")).exits(0);
    instance.settings(&format!("store = \"{store}\""), "deadline = \"4s\"");
    instance.cut_off();
    ended(&instance, instance.boots(), 3, &["evidence-unavailable"]);
    instance.systemctl("exit 0");
    std::fs::remove_file(instance.goldseal.path("systemctl.log")).unwrap();
    instance.reach(&registry.host, &registry.host);
    registry.requests();
    admitted(&instance, instance.boots());
    let asked = registry.requests();
    assert!(asked.iter().any(|one| one.starts_with("GET /v2/team/images/")), "{asked:?}");
    assert!(!asked.iter().any(|one| one.starts_with("PUT") || one.starts_with("POST")), "{asked:?}");
    let instance = instance.with("document", json!({"imageId": "ami-0fedcba9876543210", "region": "eu-west-1"}));
    ended(&instance, instance.boots(), 1, &["evidence-absent"]);
}

#[test]
fn settings_and_policies_that_are_wrong_never_boot() {
    if !possible() {
        return;
    }
    let instance = Instance::new();
    let fails = |says: &str| {
        let run = instance.boots().exits(2).says(says);
        assert!(report(&run)["schema"] == "goldseal/error/v1");
        assert_eq!(instance.asked(), "", "that is the unit's, which fails");
    };
    let policy = instance.goldseal.read("policy.toml");
    instance.goldseal.write("policy.toml", "version = 1\nno_match = \n");
    fails("policy.toml");
    std::fs::remove_file(instance.goldseal.path("policy.toml")).unwrap();
    fails("policy.toml");
    let account = Account::new();
    let key = account.key_called("signing");
    instance
        .goldseal
        .write("policy.toml", trusting(&key).replace(&crate::policies::pem("ci", &key.pem()), &kms("ci", &key)));
    fails("nobody asks KMS at boot");
    instance.goldseal.write("policy.toml", policy);
    instance.settings(&format!("store = \"file://{}\"", instance.goldseal.path("store").display()), "");
    fails("on the image that is judged");
    instance.settings("store = \"s3://evidence\"", "record = \"s3://evidence/boots\"");
    fails("must not write what judges them");
    instance.goldseal.write(
        "settings.toml",
        "store = \"s3://evidence\"\npolicy = \"policy.toml\"\n[boot]\ncertificates = \"none.pem\"\n",
    );
    instance.goldseal.write("none.pem", "no certificate");
    fails("none.pem");
}

#[test]
fn actions_are_what_the_policy_says_and_come_after_the_word() {
    if !possible() {
        return;
    }
    for (action, asked, held, code) in [
        ("halt", "--no-block --force halt\n", true, 1),
        ("emergency", "--no-block emergency\n", true, 1),
        ("report", "", false, 0),
    ] {
        let instance = Instance::new();
        instance.policy(&format!("[boot]\naction = \"{action}\"\n"));
        std::fs::remove_dir_all(instance.goldseal.path("store/v1")).unwrap();
        instance.systemctl("cp said said-first; cp logged logged-first");
        let boots = "$GOLDSEAL boot --enforce --output json >said 2>logged; code=$?; cat said; sh -c \"exit $code\"";
        let report = report(&instance.runs(boots).exits(code));
        assert_eq!(codes(&report), ["evidence-absent"]);
        if held {
            // What console and journal had when systemd was asked.
            for (file, word) in [("said-first", "evidence-absent"), ("logged-first", "boot-decided")] {
                let first = String::from_utf8(instance.goldseal.read(file)).unwrap();
                assert!(first.contains(word), "{action}: {first}");
            }
        }
        assert_eq!((instance.asked().as_str(), instance.is_held()), (asked, held), "{action}");
        assert_eq!(notes(&report).contains(&"goes-on-by-action"), code == 0);
    }
}

#[test]
fn where_systemd_does_not_answer_the_kernel_is_asked() {
    if !possible() {
        return;
    }
    for does in ["exit 1", "exec sleep 60"] {
        let instance = Instance::new();
        instance.systemctl(does);
        std::fs::remove_dir_all(instance.goldseal.path("store/v1")).unwrap();
        let started = std::time::Instant::now();
        let run = instance.boots().exits(1).says("systemctl --no-block --force poweroff").says("reboot(2): EPERM");
        assert_eq!(codes(&report(&run)), ["evidence-absent"]);
        assert!(started.elapsed() < std::time::Duration::from_secs(20), "{does}");
    }
}

#[test]
fn a_person_only_hears_what_would_be_done() {
    if !possible() {
        return;
    }
    let instance = Instance::new();
    std::fs::remove_dir_all(instance.goldseal.path("store/v1")).unwrap();
    let run = instance.runs("$GOLDSEAL boot").exits(1).says("is refused: a boot would end by poweroff");
    assert_eq!(run.stderr, "");
    assert_eq!(instance.asked(), "");
    assert!(files_under(&instance.goldseal.path("state")).is_empty());
    let instance = instance.runs_as(|goldseal| goldseal.without("INVOCATION_ID"));
    instance.runs("$GOLDSEAL boot --enforce").exits(2).says("it is for the unit");
    assert_eq!(instance.asked(), "");
}

#[test]
fn a_reader_that_does_not_read_holds_nothing_up() {
    if !possible() {
        return;
    }
    let instance = Instance::new();
    std::fs::remove_dir_all(instance.goldseal.path("store/v1")).unwrap();
    // Both streams lead into a pipe that is full.
    let full = "mkfifo full\n\
                exec 8<>full\n\
                dd if=/dev/zero of=full bs=64k count=64 oflag=nonblock 2>/dev/null\n\
                $GOLDSEAL boot --enforce >full 2>full";
    let started = std::time::Instant::now();
    instance.runs(full).exits(1);
    assert_eq!(instance.asked(), POWEROFF);
    assert!(started.elapsed() < std::time::Duration::from_secs(20));
}

#[test]
fn with_a_role_ec2_is_asked_and_every_boot_is_recorded() {
    if !possible() {
        return;
    }
    let account = Account::new();
    let sealer = account.goldseal();
    let (ami, bare, key) = (account.image("boots"), account.image("bare"), account.key_called("signing"));
    let (evidence, records) = (account.bucket_store(), format!("records-{}", account.id));
    let place = CreateBucketConfiguration::builder().location_constraint(REGION.into()).build();
    wait(account.s3().create_bucket().bucket(&records).create_bucket_configuration(place).send()).unwrap();
    let recorded = || -> Vec<String> {
        let listed = wait(account.s3().list_objects_v2().bucket(&records).send()).unwrap();
        listed.contents().iter().map(|object| object.key().unwrap().to_owned()).collect()
    };
    sealer.write("policy.toml", trusting(&key));
    let store = format!("--store {evidence}/golden");
    sealer.run(&format!("sign {ami} --key awskms:///alias/signing {INPUTS} {store}")).exits(0);

    let instance = Instance::new().with_role(&account);
    instance.goldseal.write("policy.toml", trusting(&key));
    instance.settings(&format!("store = \"{evidence}/golden\""), &format!("record = \"s3://{records}/boots\""));
    let of = |image: &str| json!({"imageId": image, "region": "eu-west-1", "accountId": account.id});
    let instance = instance.with("document", of(&ami));
    let arn = format!("arn:aws:ec2:eu-west-1:{}:instance/i-0123456789abcdef0", account.id);
    let body = |record: &str| -> Value {
        assert!(record.starts_with(&format!("boots/v1/boot/{arn}/")) && record.ends_with("Z.json"), "{record}");
        let body = wait(account.s3().get_object().bucket(&records).key(record).send()).unwrap().body;
        serde_json::from_slice(&wait(body.collect()).unwrap().to_vec()).unwrap()
    };
    let report = admitted(&instance, instance.runs(LETS_IT_RECORD));
    assert_eq!(report["factsFrom"], "ec2", "{report:#}");
    let first = recorded();
    let [record] = first.as_slice() else { panic!("{first:?}") };
    let told = body(record);
    assert_eq!((told["verdict"].as_str(), told["action"].as_str(), &told["at"]), (Some("admit"), None, &report["at"]));
    assert_eq!(told["instance"], report["instance"]);
    // To read the evidence is all that it need be allowed.
    let refuse = |service: &str, action: &str, code: &str| {
        account.fault(json!({"service": service, "action": action, "status": 403, "code": code}));
    };
    refuse("ec2", "DescribeImages", "UnauthorizedOperation");
    let report = admitted(&instance, instance.runs(LETS_IT_RECORD));
    assert_eq!(report["factsFrom"], "provenance", "{report:#}");

    let instance = instance.with("document", of(&bare));
    // What S3 had been asked for when systemd was.
    let calls = format!("{}/localaws/calls?service=s3&account={}", cloud().endpoint, account.id);
    instance.systemctl(&format!(
        "python3 -c 'import urllib.request as u; print(u.urlopen(\"{calls}\").read().decode())' >calls-first"
    ));
    ended(&instance, instance.boots(), 1, &["evidence-absent"]);
    let all = recorded();
    let [_, _, record] = all.as_slice() else { panic!("{all:?}") };
    let told = body(record);
    assert_eq!((told["schema"].as_str(), codes(&told)), (Some("goldseal/boot/v1"), vec!["evidence-absent"]));
    let first = String::from_utf8(instance.goldseal.read("calls-first")).unwrap();
    assert!(first.contains(record.rsplit('/').next().unwrap()) && first.contains("PutObject"), "{first}");

    // Each has its receipt, which nobody signs: the instance wrote what it says.
    let receipts = format!("--receipts file://{}", sealer.path("receipts").display());
    std::fs::create_dir(sealer.path("receipts")).unwrap();
    let write = format!("receipts write --boot-records s3://{records}/boots {receipts}");
    for already in [0, 3] {
        let wrote = sealer.json(&format!("{write} --unsigned-receipts")).exits(0).report();
        let counts = ["decisions", "already", "unreadable"].map(|count| wrote[count].as_u64().unwrap());
        assert_eq!((counts, &wrote["signed"]), ([3, already, 0], &false.into()));
    }
    let listed = sealer.json(&format!("receipts list {ami} {receipts}")).exits(0).report();
    let said = &listed["receipts"][0]["said"];
    assert_eq!((&said["enforcement"]["point"], &said["instant"]["verdict"]), (&"boot".into(), &"admit".into()));
    sealer.fails(&format!("{write} --receipt-key awskms:///alias/signing"), 2, &["is not signed"]);

    // Without the right to leave one, the boot ends all the same, and the journal says why there is none.
    refuse("s3", "PutObject", "AccessDenied");
    std::fs::remove_file(instance.goldseal.path("systemctl.log")).unwrap();
    let run = instance.boots().says("no record was left at s3://").says("access denied");
    ended(&instance, run, 1, &["evidence-absent"]);
}

#[test]
fn a_boot_that_goes_on_waits_for_no_record() {
    if !possible() {
        return;
    }
    let mut instance = Instance::new();
    let url = format!("https://{}", instance.web.host);
    instance.settings(&format!("store = \"{url}\""), "record = \"s3://records/boots\"");
    // Whoever records waits for this one, which never says anything.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    instance.reach(&format!("localhost:{port}"), &format!("127.0.0.1:{port}"));
    let endpoint = format!("http://127.0.0.1:{port}");
    let instance = instance.with("credentials", json!({"AccessKeyId": "AKIA", "SecretAccessKey": "testing"}));
    let instance =
        instance.runs_as(|goldseal| goldseal.with("AWS_ENDPOINT_URL", endpoint).without("AWS_EC2_METADATA_DISABLED"));
    let then = "for one in /proc/[0-9]*; do\n\
                [ \"$(readlink $one/cwd)\" != \"$PWD\" ] || { tr '\\0' ' ' <$one/cmdline; echo; }\n\
                done >beside";
    let boots = "$GOLDSEAL boot --enforce --output json 2>/dev/null";
    admitted(&instance, instance.runs(&format!("{boots}\ncode=$?\n{then}\n(exit $code)")));
    let beside = String::from_utf8(instance.goldseal.read("beside")).unwrap();
    assert!(beside.contains(" boot record --output json"), "the guard has ended, and the record has not: {beside}");
}
