//! A disk that is full: an error, the old evidence stays, and no half of the new one is left.

use std::{
    fs,
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    process::Command,
};

use serde_json::Value;

use crate::{
    offline::{AMI, commit, local_key, saved, seal},
    policies::trusting,
    run::{AT, Goldseal, INPUTS, Run, permitted},
    skipped,
};

/// A mount that nobody else sees, and that ends with the command.
const MOUNTED: &[&str] = &["unshare", "-rm"];

/// Runs a script with the directory `store` on a disk of so many KiB; none where mounting is not permitted.
fn on_a_disk_of(kib: usize, goldseal: &Goldseal, script: &str) -> Option<Run> {
    let mount = format!("mount -t tmpfs -o size={kib}k none store || exit 99\n{script}");
    let run = permitted(MOUNTED).then(|| goldseal.script(MOUNTED, &mount)).filter(|run| run.code != 99);
    if run.is_none() {
        skipped("a full disk", "unshare -rm and mount -t tmpfs are not permitted here");
    }
    run
}

fn sealer() -> (Goldseal, String) {
    let goldseal = Goldseal::new();
    let key = local_key(&goldseal, "key.pem");
    goldseal.write("saved.json", saved(&[(AMI, &commit())]));
    goldseal.write("policy.toml", trusting(&key));
    let store = goldseal.directory_store();
    let image = format!("{AMI} --image saved.json --region eu-west-1");
    let sign =
        format!("\"$GOLDSEAL\" sign {image} --dangerous-local-key key.pem --store {store} {INPUTS} --output json");
    (goldseal, sign)
}

fn error(text: &str) -> Value {
    let error: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let causes = error["causes"].to_string();
    assert!(causes.contains("storing the evidence") && causes.contains("No space left on device"), "{error:#}");
    error
}

#[test]
fn a_first_sealing_leaves_nothing_behind() {
    let (goldseal, sign) = sealer();
    let script = format!("{sign}; code=$?; find store -type f -size +0 >left; exit $code");
    let Some(run) = on_a_disk_of(64, &goldseal, &script) else { return };
    let error = error(&run.exits(1).stdout);
    assert_eq!(error["exitCode"], 1);
    assert_eq!(goldseal.read("left"), b"");
}

#[test]
fn a_second_sealing_leaves_the_first_one_in_its_place() {
    let (goldseal, sign) = sealer();
    let evidence = format!("store/v1/aws/eu-west-1/{AMI}.jsonl");
    let script = format!(
        "{sign} >first || exit 98; cp {evidence} before; full=$(($(du -k {evidence} | cut -f1) + 60)); \
         mount -o remount,size=${{full}}k store || exit 99; {sign} --replace; code=$?; cmp {evidence} before || exit 97; \
         find store -type f -size +0 >left; exit $code"
    );
    let Some(run) = on_a_disk_of(16384, &goldseal, &script) else { return };
    error(&run.exits(1).stdout);
    assert_eq!(String::from_utf8(goldseal.read("left")).unwrap().trim(), evidence);
}

#[test]
fn a_descriptor_is_written_whole_or_not_at_all() {
    let (goldseal, _) = sealer();
    let script = format!(
        "head -c 40960 /dev/zero >store/fill; \"$GOLDSEAL\" describe eu-west-1:{AMI} --image saved.json \
         --descriptor store/image.json --output json; code=$?; ls -A store >left; exit $code"
    );
    let Some(run) = on_a_disk_of(40, &goldseal, &script) else { return };
    let error: Value = serde_json::from_str(&run.exits(2).stdout).unwrap();
    assert_eq!(error["message"], "writing store/image.json", "{error:#}");
    assert!(error["causes"].to_string().contains("No space left on device"), "{error:#}");
    assert_eq!(goldseal.read("left"), b"fill\n");
}

#[test]
fn a_report_that_cannot_be_printed_is_no_success() {
    let goldseal = Goldseal::new();
    seal(&goldseal);
    let verify = format!("\"$GOLDSEAL\" verify --image image.json --evidence evidence.jsonl --policy policy.toml {AT}");
    for format in ["human", "json"] {
        let run = goldseal.script(&[], &format!("{verify} --output {format} >/dev/full"));
        assert!(![0, 1, 3].contains(&run.code), "{} {}", run.code, run.stderr);
    }
}

#[test]
fn a_pipe_or_a_device_is_written_to_and_stays() {
    let goldseal = Goldseal::new();
    goldseal.write("saved.json", saved(&[(AMI, &commit())]));
    assert!(Command::new("mkfifo").arg(goldseal.path("pipe")).status().unwrap().success());
    let describe = format!("\"$GOLDSEAL\" describe eu-west-1:{AMI} --image saved.json --descriptor");
    let script =
        format!("umask 022; timeout 20 cat pipe >piped & {describe} pipe >report; wait; {describe} image.json >report");
    goldseal.script(&[], &script).exits(0);
    assert!(fs::metadata(goldseal.path("pipe")).unwrap().file_type().is_fifo(), "the pipe was replaced by a file");
    assert_eq!(goldseal.read("piped"), goldseal.read("image.json"));
    assert_eq!(fs::metadata(goldseal.path("image.json")).unwrap().permissions().mode() & 0o777, 0o644);
}
