//! Whoever guards launches: docs/hook.md, by hand from an empty account to a launch that is let pass, and docs/install.md.

use std::{fs, os::unix::fs::symlink};

use super::{
    blocks::of,
    reader::{Reader, at_work},
};
use crate::{
    audit::scene,
    aws::{REGION, sha256},
    doctor,
    enrolling::bare_group,
    fleet::{Fleet, until},
    installing,
    offline::local_key,
    run::Goldseal,
    skipped,
};

/// The account that the documents name.
const ACCOUNT: &str = "123456789012";

/// The files that docs/hook.md shows, by something that stands in each alone.
const FILES: &[(&str, &str)] = &[
    ("queue.json", "RedrivePolicy"),
    ("trust.json", "autoscaling.amazonaws.com"),
    ("send.json", "sqs:GetQueueUrl"),
    ("pattern.json", "detail-type"),
    ("queue-policy.json", "NobodyElse"),
    ("environment.json", "Variables"),
];

/// Returns the block of docs/hook.md that has this in it.
fn shown(kind: &str, has: &str) -> String {
    let mut fits = of("docs/hook.md").into_iter().filter(|block| block.kind == kind && block.text.contains(has));
    let block = fits.next().unwrap_or_else(|| panic!("no {kind} has {has}"));
    assert!(fits.next().is_none(), "{has} stands in several");
    block.text
}

/// Changes each of these, which must be there.
fn changed(mut text: String, changes: &[(&str, &str)]) -> String {
    for (from, to) in changes {
        assert!(text.contains(from), "{from} is not in\n{text}");
        text = text.replace(from, to);
    }
    text
}

/// Lets what is installed find its files, and have a root for them.
fn tree(goldseal: &Goldseal) {
    for folder in ["packaging", "systemd"] {
        symlink(fs::canonicalize(folder).unwrap(), goldseal.path(folder)).unwrap();
    }
    for folder in ["root/usr/bin", "state"] {
        fs::create_dir_all(goldseal.path(folder)).unwrap();
    }
    goldseal.write("goldseal", "#!/bin/sh\n");
}

#[test]
fn a_group_is_guarded_by_hand_as_the_document_of_the_hook_says() {
    let mut scene = scene();
    let ami = scene.sealed("golden");
    bare_group(&scene.account, "web", &ami);
    // The settings of the document say both.
    scene.goldseal = at_work(scene.goldseal).without("GOLDSEAL_STORE").without("GOLDSEAL_POLICY");
    let id = scene.account.id.clone();
    let fleet = Fleet {
        queue: format!("https://sqs.{REGION}.amazonaws.com/{id}/goldseal"),
        arn: format!("arn:aws:sqs:{REGION}:{id}:goldseal"),
        scene,
    };
    let goldseal = &fleet.scene.goldseal;
    tree(goldseal);
    for (file, has) in FILES {
        let ours = if *file == "environment.json" { vec![] } else { vec![(ACCOUNT, id.as_str())] };
        let ours = if *file == "pattern.json" { vec![] } else { ours };
        goldseal.write(file, changed(shown("json", has), &ours));
    }

    let mut reader = Reader::of("docs/hook.md");
    reader.name(ACCOUNT, &id);
    reader.name("ami-0123456789abcdef0", &ami);
    for begins in [
        "aws sqs create-queue --queue-name goldseal-dead",
        "aws sqs create-queue --queue-name goldseal ",
        "aws iam create-role",
        "aws iam put-role-policy",
        "aws events put-rule",
        "aws events put-targets",
        "aws sqs set-queue-attributes",
        "install -m 0755 goldseal",
        "install -D",
        "install -D",
        "install -D",
        "install -m 0644 policy.toml",
        "systemd-sysusers",
        "systemctl daemon-reload",
    ] {
        reader.types(goldseal, begins).exits(0);
    }
    assert!(goldseal.path("root/etc/goldseal/policy.toml").exists());
    let [state, policy] = ["state", "policy.toml"].map(|name| goldseal.path(name).display().to_string());
    let bucket = fleet.scene.account.bucket();
    let settings = shown("toml", "deadline = \"10m\"");
    let here = [
        (ACCOUNT, id.as_str()),
        ("golden-evidence/prod", &bucket),
        ("/etc/goldseal/policy.toml", &policy),
        ("/var/lib/goldseal", &state),
    ];
    goldseal.write("settings.toml", changed(settings, &here));
    reader.types(goldseal, "goldseal hook --check").exits(0);
    reader.types(goldseal, "systemctl enable --now goldseal-hook").exits(0);
    let hook = fleet.hook_by("", &[]);
    reader.types(goldseal, "curl").exits(0);
    assert_eq!(hook.get("/healthz"), (200, "ok\n".to_owned()));
    reader.types(goldseal, "aws autoscaling put-lifecycle-hook").exits(0);
    fleet.scale("web", 1);
    until("in service", || fleet.states("web") == ["InService"]);
    assert_eq!(fleet.results("web"), ["CONTINUE"]);
    assert!(hook.log().contains("verdict=\"admit\" action=\"continue\""), "{}", hook.log());
    // With this queue it would wait for messages for some seconds more.
    drop(hook);

    for alarm in ["goldseal-dead-letters", "goldseal-queue-age"] {
        reader.types(goldseal, &format!("aws cloudwatch put-metric-alarm --alarm-name {alarm}")).exits(0);
    }
    reader.types(goldseal, "journalctl").exits(0);
    reader.types(goldseal, "goldseal hook breaker ").exits(0);
    for _ in 0..4 {
        reader.types(goldseal, "goldseal hook breaker reset").exits(0);
    }

    goldseal.write("target/lambda/goldseal-lambda.zip", [b"PK\x05\x06".as_slice(), &[0; 18]].concat());
    let role = "aws iam create-role --role-name goldseal-lambda --assume-role-policy-document file://trust.json";
    goldseal.script(&[], role).exits(0);
    for begins in [
        "make lambda",
        "cp target",
        "zip -j",
        "aws lambda create-function",
        "aws lambda create-event-source-mapping",
        "aws lambda add-permission",
        "aws events put-targets",
        "aws lambda add-permission",
        "aws autoscaling put-lifecycle-hook",
        "aws events put-rule",
        "aws lambda add-permission",
        "aws events put-targets",
        "journalctl",
        "journalctl",
    ] {
        reader.types(goldseal, begins).exits(0);
    }
}

/// Returns the names that packaging/package.py gives to packages of this version.
fn packages() -> [String; 2] {
    let maker = fs::read_to_string("packaging/package.py").unwrap();
    for name in ["goldseal_{version}_{architecture}.deb", "%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm"] {
        assert!(maker.contains(name), "{name}");
    }
    let version = env!("CARGO_PKG_VERSION");
    [format!("goldseal_{version}_amd64.deb"), format!("goldseal-{version}-1.x86_64.rpm")]
}

#[test]
fn a_package_is_checked_and_named_as_its_document_says() {
    let fleet = doctor::Fleet::good();
    let goldseal = at_work(fleet.goldseal);
    let [deb, rpm] = packages();
    goldseal.write(&deb, "a package");
    goldseal.write("SHA256SUMS", format!("{}  {deb}\n{}  another\n", sha256(b"a package"), "0".repeat(64)));
    goldseal.write("release.pub", local_key(&goldseal, "release.pem").pem());
    let seal = "release SHA256SUMS --dangerous-local-key release.pem --out SHA256SUMS.sigstore.json";
    goldseal.run(seal).exits(0);

    let mut reader = Reader::of("docs/install.md");
    reader.types(&goldseal, "cosign verify-blob-attestation").exits(0).says("Verified OK");
    reader.types(&goldseal, "sha256sum --check").exits(0).says(&format!("{deb}: OK"));
    reader.types(&goldseal, "apt-get install").exits(0);
    reader.types(&goldseal, "dnf install").exits(0);
    reader.name("/etc/goldseal/policy.toml", goldseal.path("policy.toml").display().to_string());
    reader.types(&goldseal, "goldseal policy check").exits(0);
    reader.types(&goldseal, "goldseal hook --check && systemctl").exits(0);
    reader.types(&goldseal, "goldseal doctor").exits(0).says("0 problems");
    reader.types(&goldseal, "systemctl enable").exits(0);
    reader.types(&goldseal, "apt-get remove").exits(0);
    reader.types(&goldseal, "apt-get purge").exits(0);
    // Nothing is installed or removed here: `make package-test` does.
    let told = String::from_utf8(goldseal.read("played.log")).unwrap();
    let asked =
        format!("apt-get install ./{deb}\ndnf install ./{rpm}\napt-get remove goldseal\napt-get purge goldseal\n");
    assert_eq!(told, asked);

    // On the machine of the tests nothing is taken out: in a root of its own.
    let guarded = at_work(installing::image(installing::DEBIAN));
    installing::install(&guarded, "").exits(0);
    reader.name("boot uninstall", "boot uninstall --root image");
    reader.types(&guarded, "goldseal boot uninstall --root image").exits(0);
    let building = registries(guarded);
    symlink(fs::canonicalize("packaging").unwrap(), building.path("packaging")).unwrap();
    let run = reader.types(&building, "python3 -m venv target/tools");
    if run.code != 0 && run.stderr.contains("connection broken by") {
        skipped("the tools of docs/install.md", "no package index can be reached");
    } else {
        run.exits(0);
        // packaging/build-portable.sh looks for these.
        building
            .script(&[], ". target/tools/bin/activate && cargo-zigbuild --version && python3 -m ziglang version")
            .exits(0);
    }
    reader.types(&building, "make package").exits(0);
}

/// Lets pip reach its index as it does on this machine.
fn registries(goldseal: Goldseal) -> Goldseal {
    let settings = std::env::var("XDG_CONFIG_HOME").or_else(|_| std::env::var("HOME").map(|home| home + "/.config"));
    let goldseal = goldseal.with("PIP_RETRIES", "1").with("XDG_CONFIG_HOME", settings.unwrap());
    let of_pip = |name: &str| {
        let ends = ["_CA_BUNDLE", "_proxy", "_PROXY"];
        name.starts_with("PIP_") || name.starts_with("SSL_CERT_") || ends.iter().any(|end| name.ends_with(end))
    };
    std::env::vars()
        .filter(|(name, _)| of_pip(name))
        .fold(goldseal, |goldseal, (name, value)| goldseal.with(&name, value))
}
